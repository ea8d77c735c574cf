"""The one next step of a region that exists, towards serving or towards leaving.

Each step is found by comparing what is wanted with what was seen, so a repeat is a no-op and a lost step is
found again. A step whose facts aren't known waits.
"""

from __future__ import annotations

from lib.fleet import catalog, words
from lib.fleet.machines import choices
from lib.fleet.model import (
    Action,
    AttachBackend,
    CommitWorkload,
    ConfigureSync,
    DeleteCluster,
    DeliveredWorkload,
    DetachBackend,
    RemoveWorkload,
    Rollout,
)
from lib.fleet.names import cluster_name, sync_directory
from lib.fleet.survey import RegionSurvey, Survey

USABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})
CONTROLLER = "gpu-atlas"  # author of commits that no operator asked for


def towards_serving(look: Survey, region: RegionSurvey) -> Action | None:
    cluster = region.seen.cluster
    if cluster is None or not cluster.owned:
        return None
    if cluster.status == "ERROR":
        return _start_over(look, region)
    if cluster.status not in USABLE or region.wanted.spare:
        return None
    # The commit goes first: Config Sync pointed at a directory that is not there yet reports KNV2004.
    return commit(look, region) or _configure_sync(region) or _attach(look, region)


def _start_over(look: Survey, region: RegionSurvey) -> Action | None:
    """Only a pinned region is made again in its place; any other is replaced elsewhere."""
    linked = look.seen.attached is None or region.region in look.seen.attached
    if not region.pinned or look.blind or linked:
        return None
    reason = f"The cluster is in ERROR and can't be used; {region.region} is pinned, so it is made again."
    return DeleteCluster(region=region.region, cluster=cluster_name(region.region), reason=reason)


def _configure_sync(region: RegionSurvey) -> Action | None:
    member, cluster = region.seen.membership, cluster_name(region.region)
    if member is None or member.state != "READY" or member.sync_directory == sync_directory(cluster):
        return None
    reason = f"Config Sync of {cluster} isn't pointed at {sync_directory(cluster)} yet."
    return ConfigureSync(region=region.region, cluster=cluster, membership=member.name, reason=reason)


def commit(look: Survey, region: RegionSurvey) -> CommitWorkload | None:
    """The workload as it is wanted, when the delivery repository holds another one."""
    member, wish = region.seen.membership, region.wanted
    if look.seen.delivered is None or "delivery" in look.seen.unknown or not wish.affordable:
        return None
    if member is None or member.state != "READY":
        return None
    held = look.seen.delivered.get(cluster_name(region.region))
    asked = (wish.accelerator, wish.provisioning, wish.rollout)
    # What a commit holds is taken as it is; what is rendered is known by these.
    same = held is not None and (
        bool(wish.commit) or (held.accelerator, held.provisioning, held.rollout) == asked
    )
    if held is not None and same and held.held_at == wish.commit:
        return None
    return CommitWorkload(
        region=region.region,
        cluster=cluster_name(region.region),
        accelerator=wish.accelerator,
        provisioning=wish.provisioning,
        rollout=wish.rollout,
        author=(wish.override.owner or CONTROLLER) if wish.override else CONTROLLER,
        reason=_commit_reason(look, region, held),
        commit=wish.commit,
        returns_to=wish.normal if wish.override and wish.rollout is Rollout.HARD else None,
    )


def _commit_reason(look: Survey, region: RegionSurvey, held: DeliveredWorkload | None) -> str:  # noqa: PLR0911 - a ladder of guards
    wish = region.wanted
    gpu = catalog.short(wish.accelerator)
    if wish.override is not None:
        what = words.override_words(wish.override)
        return f"{region.region} follows {what} ({wish.override.reason or 'no reason given'})."
    if held is None:
        return f"{region.region} starts with {gpu}."
    if held.held_at:
        return f"{region.region} is rendered anew with {gpu}: the roll back to {held.held_at[:7]} is over."
    if (held.accelerator, held.provisioning) == (wish.accelerator, wish.provisioning):
        return f"{region.region} keeps {gpu}; its next change is a RollingUpdate again."
    if (wish.accelerator, wish.provisioning) == region.runs:
        return (
            f"{region.region} goes back from {catalog.short(held.accelerator)} to {gpu}, which serves there."
        )
    if was_overridden(look, held):
        was = catalog.short(held.accelerator)
        return f"{region.region} goes back from {was} to {gpu}: the switch is over."
    return f"{region.region} moves from {catalog.short(held.accelerator)} to {gpu}, which is preferred."


def was_overridden(look: Survey, held: DeliveredWorkload) -> bool:
    known = choices(look.placement.spec)
    return held.rollout is Rollout.HARD or (held.accelerator, held.provisioning) not in known


def _attach(look: Survey, region: RegionSurvey) -> Action | None:
    work = region.seen.workload
    if look.seen.attached is None or region.region in look.seen.attached or work is None:
        return None
    ready = next((p for p in work.pods if p.ready and not p.terminating), None)
    if ready is None:
        return None
    where = f" in {ready.zone}" if ready.zone else ""
    reason = f"{ready.name} is Ready{where} and can join the global address."
    return AttachBackend(region=region.region, cluster=cluster_name(region.region), reason=reason)


def towards_leaving(look: Survey, region: RegionSurvey, reason: str) -> Action | None:
    """Out of the VIP first, then drained, then the workload, then the cluster. Only what is ours, never blind."""
    name, cluster = region.region, cluster_name(region.region)
    seen, attached, delivered = region.seen, look.seen.attached, look.seen.delivered
    if look.blind or attached is None or delivered is None or seen.cluster is None or not seen.cluster.owned:
        return None
    if name in attached:
        return DetachBackend(region=name, cluster=cluster, reason=reason)
    if any(b.healthy + b.unhealthy for b in seen.backends):
        return None  # still draining
    member = seen.membership
    if cluster in delivered or (member is not None and member.sync_directory is not None):
        name_of = member.name if member else ""
        return RemoveWorkload(region=name, cluster=cluster, membership=name_of, reason=reason)
    if seen.cluster.status in USABLE or seen.cluster.status == "ERROR":
        return DeleteCluster(region=name, cluster=cluster, reason=reason)
    return (
        None  # GKE refuses to delete while it is still creating, and needs no second request while STOPPING
    )
