"""What an operator may ask for, as pure edits of the spec: checked first, refused in one sentence.

The dashboard's buttons and the command line share these, so that both say the same. Nothing is carried out
here; the placement's next generation is, by the loop. What a change would do is `preview`'s to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from lib.fleet import catalog, words
from lib.fleet.model import (
    Candidate,
    Override,
    Phase,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    RegionStatus,
    RegionView,
    Rollout,
)
from lib.fleet.preview import ChangePreview, Names, preview

__all__ = ["ChangePreview", "Names", "Refused", "contract", "expand", "preview", "recover", "switch_gpu"]

MIN_TTL = timedelta(minutes=1)
MAX_TTL = timedelta(hours=24)
DEFAULT_TTL = timedelta(minutes=10)
UNLIKELY = 0.1  # odds below which a Safe switch isn't tried


class Refused(Exception):  # noqa: N818 - the contract's name: it says what happened, as a decision does
    """What was asked for can't be done; str() is one sentence for the operator."""


def expand(
    spec: PlacementSpec, region: str, *, views: Sequence[RegionView], status: PlacementStatus
) -> PlacementSpec:
    """Pin a region, and serve from one more unless it was one of the serving set already."""
    known_region(region, views)
    serving = serving_set(spec, status)
    if region in spec.pinned and region not in spec.excluded:
        raise Refused(f"{region} is pinned already; nothing to expand.")
    if region not in serving:
        _can_serve(spec, region, views=views, status=status)
    return replace(
        spec,
        serving=spec.serving + (region not in serving),
        pinned=(*(p for p in spec.pinned if p != region), region),
        excluded=tuple(r for r in spec.excluded if r != region),
    )


def contract(spec: PlacementSpec, region: str, *, status: PlacementStatus) -> PlacementSpec:
    """Unpin and exclude a region, and serve from one fewer."""
    serving = serving_set(spec, status)
    if region in spec.excluded:
        raise Refused(f"{region} is excluded already; it leaves, or has left, by itself.")
    if region not in serving:
        known_region(region, ())
        raise Refused(
            f"{region} isn't one of this placement's regions; those are: {words.listed(sorted(serving))}."
        )
    return replace(
        spec,
        serving=max(0, spec.serving - 1),
        pinned=tuple(p for p in spec.pinned if p != region),
        excluded=(*spec.excluded, region),
    )


def switch_gpu(  # noqa: PLR0913 - the contract's signature: one argument per field of the form
    spec: PlacementSpec,
    accelerator: str,
    *,
    region: str | None,
    rollout: Rollout,
    ttl: timedelta | None,
    owner: str,
    reason: str,
    now: datetime,
    views: Sequence[RegionView],
    status: PlacementStatus,
) -> PlacementSpec:
    """Ask for another GPU type on top of the spec. Hard is a drill: always a lease, and allowed without stock."""
    known_accelerator(accelerator)
    places = _switched_regions(spec, region, status)
    lease = _lease(rollout, ttl)
    if rollout is Rollout.SAFE:
        fits(accelerator)
        for place in places:
            safe_switch(accelerator, place, views)
        _affordable_switch(spec, accelerator, places, status)
    override = Override(
        region=region,
        accelerator=accelerator,
        rollout=rollout,
        expires_at=now + lease if lease else None,
        owner=owner,
        reason=reason,
        created_at=now,
    )
    kept = tuple(o for o in spec.overrides if region is not None and o.region != region)
    return replace(spec, overrides=(*kept, override))


def recover(spec: PlacementSpec) -> PlacementSpec:
    """Drop every switch and roll back; each region goes back to its own."""
    if not spec.overrides:
        raise Refused("Nothing to recover: no GPU switch and no roll back is active.")
    return replace(spec, overrides=())


def serving_set(spec: PlacementSpec, status: PlacementStatus) -> set[str]:
    """Regions that serve or are meant to: pinned ones and those the platform chose."""
    ours = {r.region for r in status.regions if r.phase is not Phase.DRAINING}
    return (ours | set(spec.pinned)) - set(spec.excluded)


def known_region(region: str, views: Iterable[RegionView]) -> None:
    names = {*catalog.REGIONS, *(v.region for v in views)}
    if region not in names:
        raise Refused(f"There is no region {region!r}{_did_you_mean(region, names)}")


def known_accelerator(accelerator: str) -> None:
    known = catalog.ACCELERATORS.get(accelerator)
    if known is None:
        raise Refused(
            f"There is no GPU type {accelerator!r}{_did_you_mean(accelerator, catalog.ACCELERATORS)}"
        )
    if not known.autopilot:
        able = words.listed(catalog.AUTOPILOT, limit=len(catalog.AUTOPILOT))
        raise Refused(f"GKE Autopilot doesn't run {known.title}; it runs {able}.")


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    near = catalog.nearest(name, names)
    return f"; did you mean {' or '.join(near)}?" if near else "."


def _view(region: str, views: Iterable[RegionView]) -> RegionView:
    found = next((v for v in views if v.region == region), None)
    if found is None or not found.zones:
        raise Refused(f"What {region} offers isn't known yet; try again in a moment.")
    return found


def _can_serve(
    spec: PlacementSpec, region: str, *, views: Sequence[RegionView], status: PlacementStatus
) -> None:
    """Offered, within quota and within the budget. Being out of stock just now is no reason to refuse."""
    judged = {c.accelerator: c for c in _view(region, views).candidates}
    offered = [judged[a] for a in spec.accelerators if a in judged and judged[a].zones]
    if not offered:
        _refuse_not_offered(spec.accelerators, region, views)
    within = [c for c in offered if c.quota is None or c.quota.limit - c.quota.usage >= 1]
    if not within:
        first = offered[0]
        raise Refused(
            f"Quota in {region} doesn't allow another {catalog.short(first.accelerator)}: {_used(first)}; "
            f"it needs {first.flip or 'a higher quota'}."
        )
    first = within[0]
    _global_quota(first, region)
    extra = first.usd_per_hour or 0.0
    if status.usd_per_hour + extra > spec.max_hourly_usd + 1e-9:
        raise Refused(
            f"{region} would cost {words.usd(extra)} more; with {words.usd(status.usd_per_hour)} spoken for that "
            f"passes the budget of {words.usd(spec.max_hourly_usd)}."
        )


def _global_quota(candidate: Candidate, region: str) -> None:
    if not candidate.eligible and catalog.GLOBAL_QUOTA_METRIC in candidate.flip:
        raise Refused(
            f"{region} can't take one more GPU: {candidate.reasons[0].rstrip('.')}; it needs {candidate.flip}."
        )


def _used(candidate: Candidate) -> str:
    quota = candidate.quota
    return f"{quota.usage:g} of {quota.limit:g} used" if quota else "unknown"


def _refuse_not_offered(accelerators: Iterable[str], region: str, views: Iterable[RegionView]) -> NoReturn:
    names = list(accelerators)
    offering = sorted(
        v.region for v in views if any(c.zones and c.accelerator in names for c in v.candidates)
    )
    gpus = " or ".join(catalog.short(a) for a in names)
    where = words.listed(offering, limit=50)
    raise Refused(f"{gpus} {'is' if len(names) == 1 else 'are'} not offered in {region}; offered in {where}.")


def _switched_regions(spec: PlacementSpec, region: str | None, status: PlacementStatus) -> list[str]:
    ours = sorted(serving_set(spec, status))
    if region is None:
        if not ours:
            raise Refused("No region runs the workload yet, so there is nothing to switch.")
        return ours
    known_region(region, ())
    if region not in ours:
        raise Refused(f"{region} isn't one of this placement's regions; those are: {words.listed(ours)}.")
    return [region]


def _lease(rollout: Rollout, ttl: timedelta | None) -> timedelta | None:
    lease = ttl or (DEFAULT_TTL if rollout is Rollout.HARD else None)
    if ttl is not None and not MIN_TTL <= ttl <= MAX_TTL:
        asked = words.duration(ttl.total_seconds())
        raise Refused(f"A switch may last from 1 minute to 24 hours; {asked} was asked for.")
    return lease


def fits(accelerator: str) -> None:
    known = catalog.ACCELERATORS[accelerator]
    if known.gpus > 1:
        raise Refused(
            f"{known.title} is only sold as a machine with {known.gpus} GPUs ({known.machine_type}); the workload "
            f"asks for one, so the new pod would never start."
        )
    if not known.fits:
        raise Refused(
            f"The workload requests {catalog.WORKLOAD_VCPUS:g} vCPU and {catalog.WORKLOAD_MEMORY_GIB:g} GiB; "
            f"{known.machine_type} has {known.vcpus:g} vCPU and {known.memory_gib:g} GiB for pods."
        )


def safe_switch(accelerator: str, region: str, views: Sequence[RegionView]) -> None:
    """The new pod needs a machine beside the old one, and is likely to get it."""
    _likely(room_beside(accelerator, region, views), region)


def room_beside(accelerator: str, region: str, views: Sequence[RegionView]) -> Candidate:
    """The type is offered there, and the quota has room for one machine more."""
    judged = next((c for c in _view(region, views).candidates if c.accelerator == accelerator), None)
    if judged is None or not judged.zones:
        _refuse_not_offered([accelerator], region, views)
    if judged.quota is not None and judged.quota.limit - judged.quota.usage < 1:
        raise Refused(
            f"Quota in {region} doesn't allow another {catalog.short(accelerator)}: {_used(judged)}; "
            f"it needs {judged.flip or 'a higher quota'}."
        )
    _global_quota(judged, region)
    return judged


def _likely(judged: Candidate, region: str) -> None:
    poor = judged.obtainability is not None and judged.obtainability < UNLIKELY
    if judged.eligible and not poor:
        return
    raise Refused(
        f"{region} isn't likely to get {catalog.short(judged.accelerator)} now: {judged.reasons[0].rstrip('.')}. A Safe "
        f"switch needs a machine beside the one that serves; it needs {judged.flip or 'better odds'}, or rehearse it as "
        f"a Hard switch."
    )


def _affordable_switch(
    spec: PlacementSpec, accelerator: str, places: Sequence[str], status: PlacementStatus
) -> None:
    now = {r.region: r for r in status.regions}
    extra = sum(switch_cost(accelerator, place, now.get(place)) for place in places)
    total = status.usd_per_hour + max(0.0, extra)
    if extra > 0 and total > spec.max_hourly_usd + 1e-9:
        raise Refused(
            f"With {catalog.short(accelerator)} the placement would cost {words.usd(total)}, which passes the budget "
            f"of {words.usd(spec.max_hourly_usd)}; now it is {words.usd(status.usd_per_hour)}."
        )
    # One region at a time, and its old machine serves until the new one does.
    peak = total + min((_overlap(accelerator, now[p]) for p in places if p in now), default=0.0)
    if peak > spec.max_hourly_usd + 1e-9:
        raise Refused(
            f"While {catalog.short(accelerator)} takes over, both machines of a region are paid for: {words.usd(peak)} "
            f"passes the budget of {words.usd(spec.max_hourly_usd)}; now it is {words.usd(status.usd_per_hour)}."
        )


def _overlap(accelerator: str, now: RegionStatus) -> float:
    """USD per hour for the cheaper of the region's two machines, while the other one is paid for anyway."""
    old = max(0.0, now.usd_per_hour - catalog.CLUSTER_FEE_USD_PER_HOUR)
    new = catalog.usd_per_hour(accelerator, now.provisioning, now.region) or 0.0
    return 0.0 if now.accelerator == accelerator else min(old, new)


def switch_cost(accelerator: str, region: str, now: RegionStatus | None) -> float:
    """USD per hour more (or less) once the region runs the other type."""
    model = now.provisioning if now else Provisioning.STANDARD
    after = (catalog.usd_per_hour(accelerator, model, region) or 0.0) + catalog.CLUSTER_FEE_USD_PER_HOUR
    return after - (now.usd_per_hour if now else 0.0)
