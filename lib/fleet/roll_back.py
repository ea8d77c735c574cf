"""Back to what a commit of the delivery repository held: leases on the regions whose files have changed since.

The controller renders the repository again and again from the wish, so a revert beside it would not last. A roll back is
therefore part of the wish: an override that names the commit, follows the rules of a Safe switch (offered, quota, odds,
budget, the old replica serves until the new one is Ready) and undoes itself. Reading the repository is the caller's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.intent import (
    MAX_TTL,
    MIN_TTL,
    Refused,
    fits,
    known_accelerator,
    known_region,
    room_beside,
    safe_switch,
    serving_set,
)
from lib.fleet.model import (
    DeliveredWorkload,
    Override,
    Phase,
    PlacementSpec,
    PlacementStatus,
    RegionView,
    Rollout,
)
from lib.fleet.names import cluster_name, sync_directory

TTL = timedelta(hours=1)
REASON = "roll back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a commit held, and what the head holds, by cluster."""

    commit: str
    then: Mapping[str, DeliveredWorkload]
    now: Mapping[str, DeliveredWorkload]

    def changed(self, region: str) -> bool:
        then, now = self.then.get(cluster_name(region)), self.now.get(cluster_name(region))
        return then is not None and (now is None or then.content != now.content)


def roll_back(  # noqa: PLR0913 - one argument per field of the form
    spec: PlacementSpec,
    past: Past,
    *,
    region: str | None,
    ttl: timedelta,
    owner: str,
    now: datetime,
    views: Sequence[RegionView],
    status: PlacementStatus,
) -> PlacementSpec:
    """Hold one region, or every one of ours that differs, at what the commit held. Raises Refused."""
    if not MIN_TTL <= ttl <= MAX_TTL:
        asked = words.duration(ttl.total_seconds())
        raise Refused(f"A roll back may last from 1 minute to 24 hours; {asked} was asked for.")
    places = _places(spec, past, region, status)
    found = {place: past.then[cluster_name(place)] for place in places}
    for place, held in found.items():
        _can_hold(place, held, past.commit, views=views, status=status)
    _affordable(spec, found, past.commit, status)
    leases = tuple(
        Override(
            region=place,
            accelerator=held.accelerator,
            provisioning=held.provisioning,
            rollout=Rollout.SAFE,
            expires_at=now + ttl,
            owner=owner,
            reason=REASON,
            created_at=now,
            commit=past.commit,
        )
        for place, held in found.items()
    )
    # A switch stays beneath, for when this lease is over; the newest one counts.
    kept = tuple(o for o in spec.overrides if not (o.commit and o.region in found))
    return replace(spec, overrides=(*kept, *leases))


def _places(spec: PlacementSpec, past: Past, region: str | None, status: PlacementStatus) -> list[str]:
    ours, short = sorted(serving_set(spec, status)), past.commit[:7]
    if region is None:
        places = [place for place in ours if past.changed(place)]
        if not places:
            raise Refused(
                f"Nothing to roll back: no region of ours had other files at {short} than it has now."
            )
        return places
    known_region(region, ())
    if region not in ours:
        raise Refused(f"{region} isn't one of this placement's regions; those are: {words.listed(ours)}.")
    if cluster_name(region) not in past.then:
        raise Refused(f"At {short} nothing was delivered to {region} yet, so there is nothing to go back to.")
    if not past.changed(region):
        raise Refused(f"{region} has the same files now as at {short}; nothing to roll back.")
    return [region]


def _can_hold(
    region: str,
    held: DeliveredWorkload,
    commit: str,
    *,
    views: Sequence[RegionView],
    status: PlacementStatus,
) -> None:
    gpu = catalog.short(held.accelerator)
    if held.rollout is Rollout.HARD:
        raise Refused(
            f"At {commit[:7]} {region} was in a drill ({gpu}, Recreate); choose a commit before or after it, "
            f"or rehearse it as a Hard switch."
        )
    known_accelerator(held.accelerator)
    fits(held.accelerator)
    same = held.accelerator in _running(status, {region})
    (room_beside if same else safe_switch)(held.accelerator, region, views)


def _affordable(
    spec: PlacementSpec, found: Mapping[str, DeliveredWorkload], commit: str, status: PlacementStatus
) -> None:
    """One region after the other: what all of them cost afterwards, and a second machine in the dearest one."""
    more, second = 0.0, 0.0
    for region, held in found.items():
        new = catalog.usd_per_hour(held.accelerator, held.provisioning, region) or 0.0
        old = _machine_usd(status, region)
        more += max(0.0, new - old)
        second = max(second, min(old, new))
    peak = status.usd_per_hour + more + second
    if peak > spec.max_hourly_usd + 1e-9:
        dirs = words.listed(sync_directory(cluster_name(r)) for r in found)
        raise Refused(
            f"Rolling {dirs} back to {commit[:7]} needs a second machine until the new replica is Ready, one region after "
            f"the other: {words.usd(peak)} passes the budget of {words.usd(spec.max_hourly_usd)}."
        )


def _machine_usd(status: PlacementStatus, region: str) -> float:
    """What the machine costs that serves there now; 0 where none does."""
    told = next((r for r in status.regions if r.region == region and r.phase is Phase.SERVING), None)
    return max(0.0, told.usd_per_hour - catalog.CLUSTER_FEE_USD_PER_HOUR) if told else 0.0


def _running(status: PlacementStatus, regions: Collection[str]) -> set[str]:
    return {r.accelerator for r in status.regions if r.region in regions and r.phase is Phase.SERVING}
