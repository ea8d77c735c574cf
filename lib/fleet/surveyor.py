"""Takes the survey: every region that is ours or that was asked for, judged, from one look at the world.

What a region should run depends on who is needed, and who is needed on how the regions stand; so they are judged
once as if all were needed, and again with the spare ones known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from lib.fleet import capacity
from lib.fleet.conditions import conditions_of
from lib.fleet.look import Look
from lib.fleet.model import FleetObservation, Placement, RegionObservation, RegionStatus
from lib.fleet.names import cluster_name
from lib.fleet.patience import unled
from lib.fleet.phase import BLOCKED_REASONS, phase_of
from lib.fleet.spare import spare_regions
from lib.fleet.survey import RegionSurvey, Survey
from lib.fleet.wanted import wanted_workloads


def survey(placement: Placement, seen: FleetObservation, *, now: datetime) -> Survey:
    """The one look that the plan and the status share."""
    look = _judged(placement, seen, now, frozenset())
    spare = spare_regions(look)
    return _judged(placement, seen, now, spare) if spare else look


def _judged(placement: Placement, seen: FleetObservation, now: datetime, spare: frozenset[str]) -> Survey:
    spec = placement.spec
    before = {r.region: r for r in placement.status.regions}
    index = capacity.latest(
        a for a in seen.attempts if not a.probe
    )  # a probe says nothing of a pod's own try
    found = _ours(placement, seen, before)
    wishes = wanted_workloads(spec, seen, found, index, now, spare=spare, refused=_refused(before.values()))
    regions: dict[str, RegionSurvey] = {}
    nobody = unled(placement.status, seen)
    for region, observation in found.items():
        excluded = region in spec.excluded
        look = Look(
            region=observation,
            fleet=seen,
            wanted=wishes[region],
            index=index,
            now=now,
            leaving=excluded,
            previous=before.get(region),
            unled=nobody,
        )
        told = conditions_of(look)
        regions[region] = RegionSurvey(
            region=region,
            seen=observation,
            wanted=wishes[region],
            conditions=told,
            phase=phase_of(told),
            excluded=excluded,
            pinned=region in spec.pinned and not excluded,
            look=look,
        )
    return Survey(placement=placement, seen=seen, now=now, index=index, regions=regions)


def _refused(told: Iterable[RegionStatus]) -> frozenset[str]:
    gpu = {r.region: c for r in told for c in r.conditions if c.type == "GpuAvailable"}
    return frozenset(r for r, c in gpu.items() if c.status == "False" and c.reason in BLOCKED_REASONS)


def _ours(
    placement: Placement, seen: FleetObservation, before: Mapping[str, RegionStatus]
) -> dict[str, RegionObservation]:
    """By name: what exists and is owned, what existed when last seen, and what is pinned. What can't be seen is ours
    when the status, the delivery repository or the global address says so."""
    spec = placement.spec
    blind = "clusters" in seen.unknown
    found: dict[str, RegionObservation] = {}
    for region in sorted({*seen.regions, *before, *spec.pinned}):
        observation = seen.regions.get(region) or RegionObservation(region=region)
        if blind and observation.cluster is None:
            observation = _with_unknown_cluster(observation)
        owned = observation.cluster is not None and observation.cluster.owned
        hidden = "cluster" in observation.unknown and _known_of(region, seen, before.get(region))
        if owned or hidden or (region in spec.pinned and region not in spec.excluded):
            found[region] = observation
    return found


def _known_of(region: str, seen: FleetObservation, was: RegionStatus | None) -> bool:
    told = was is not None and bool(was.cluster)
    return told or cluster_name(region) in (seen.delivered or ()) or region in (seen.attached or ())


def _with_unknown_cluster(seen: RegionObservation) -> RegionObservation:
    return RegionObservation(
        region=seen.region,
        membership=seen.membership,
        workload=seen.workload,
        backends=seen.backends,
        unknown=seen.unknown | {"cluster"},
        error=seen.error,
    )
