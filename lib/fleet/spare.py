"""Which clusters of ours stand without a workload and without need: kept warm, or let go.

A cluster takes minutes to make and costs a fee; a GPU machine costs ten times that. So as many idle clusters as the
placement asks for are kept, without a GPU, and the next region in need starts from one of them. Level, not edge: who is
needed is found anew at every look, from what is delivered and what serves. Creating warm clusters is `scale_out`'s.
"""

from __future__ import annotations

from lib.fleet.hedge import regions_to_try
from lib.fleet.judged import judged
from lib.fleet.machines import choices
from lib.fleet.model import Phase
from lib.fleet.names import cluster_name
from lib.fleet.survey import RegionSurvey, Survey, readiness


def spare_regions(look: Survey) -> frozenset[str]:
    """Idle clusters beyond those that are needed to serve. While the view is partial: those that were spare before."""
    if "delivery" in look.seen.unknown or look.seen.delivered is None or look.seen.attached is None:
        return frozenset(r.region for r in look.placement.status.regions if r.phase is Phase.WARM)
    idle = sorted((r for r in look.targets if is_idle(look, r)), key=readiness)
    counted = [r for r in look.targets if r not in idle and look.counts(r)]
    left: list[str] = []
    for region in idle:
        if len(counted) < regions_to_try(look, counted) and _can_serve(look, region):
            counted.append(region)
        else:
            left.append(region.region)
    return frozenset(left)


def is_idle(look: Survey, region: RegionSurvey) -> bool:
    """Ours, and nothing was ever put there or all of it was taken away."""
    cluster, attached, delivered = region.seen.cluster, look.seen.attached or (), look.seen.delivered or {}
    return (
        cluster is not None
        and not region.pinned
        and region.region not in attached
        and cluster_name(region.region) not in delivered
        and not region.has_node
    )


def _can_serve(look: Survey, region: RegionSurvey) -> bool:
    """A GPU may be had there now and paid. What isn't known is no reason against it."""
    if not region.wanted.affordable:
        return False
    tried = (
        judged(look, choice, (region.region,), present=frozenset(), everywhere=True)
        for choice in choices(look.placement.spec)
    )
    return region.region not in look.seen.capacity or any(found[0].eligible for found in tried)
