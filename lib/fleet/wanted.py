"""What every region of ours should run, and what that costs: the wish before any step towards it.

The preferred accelerator wins unless this region has lately failed to get it; what is delivered stays while it is a
valid choice, so that nothing is moved for a marginal gain. Money is counted for what exists and what is planned,
whether or not the GPU was obtained yet. The config cluster's fee isn't the placement's and isn't counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import catalog, overrides
from lib.fleet.capacity import Index
from lib.fleet.model import (
    FleetObservation,
    Outcome,
    Override,
    PlacementSpec,
    Provisioning,
    RegionObservation,
    Rollout,
)
from lib.fleet.names import cluster_name

SOUR_FOR = timedelta(hours=6)  # a type that failed here is not tried in place again before
OWN_NODE_FOR = timedelta(hours=1)  # a used-up quota may be our own idle node

Choice = tuple[str, Provisioning]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The workload one region should run now. `normal` is what it returns to when the override ends."""

    accelerator: str
    provisioning: Provisioning
    rollout: Rollout
    normal: Choice
    override: Override | None
    usd_per_hour: float  # projected, cluster fee and all
    affordable: bool = True  # False: committing this would pass the budget
    refused: Override | None = None  # a Safe switch that isn't followed, because it would pass the budget


def choices(spec: PlacementSpec) -> tuple[Choice, ...]:
    models = spec.provisioning or (Provisioning.STANDARD,)
    return tuple((accelerator, model) for accelerator in spec.accelerators for model in models)


def machine_usd(choice: Choice, region: str) -> float:
    """Never free: an unknown type costs as much as the dearest known one."""
    price = catalog.usd_per_hour(choice[0], choice[1], region)
    return price if price is not None else max(a.usd_per_hour for a in catalog.ACCELERATORS.values())


def wanted_workloads(
    spec: PlacementSpec,
    seen: FleetObservation,
    regions: Mapping[str, RegionObservation],
    index: Index,
    now: datetime,
) -> dict[str, Wanted]:
    """One Wanted per region, counted in this order: what runs, what exists, what is only asked for."""
    picker = _Picker(spec=spec, seen=seen, index=index, now=now)
    existing = {r for r, o in regions.items() if o.cluster is not None or "cluster" in o.unknown}
    settled = {r: c for r in existing if (c := picker.delivered(r)) is not None}
    fees = len(existing) * catalog.CLUSTER_FEE_USD_PER_HOUR
    spent = fees + sum(machine_usd(c, r) for r, c in settled.items())
    found: dict[str, Wanted] = {}
    for region in sorted(
        regions, key=lambda r: (r not in settled, r not in existing, r not in spec.pinned, r)
    ):
        current = settled.get(region)
        fee = 0.0 if region in existing else catalog.CLUSTER_FEE_USD_PER_HOUR
        others = spent + fee - (machine_usd(current, region) if current else 0.0)
        wish = picker.wish(regions[region], current, spec.max_hourly_usd - others)
        spent = others + wish.usd_per_hour - catalog.CLUSTER_FEE_USD_PER_HOUR if wish.usd_per_hour else spent
        found[region] = wish
    return found


def obtained(seen: RegionObservation) -> tuple[Choice, ...]:
    """What the region's pods hold right now."""
    pods = seen.workload.pods if seen.workload else ()
    return tuple((p.accelerator, p.provisioning) for p in pods if p.node and not p.terminating)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picker:
    spec: PlacementSpec
    seen: FleetObservation
    index: Index
    now: datetime

    def wish(self, seen: RegionObservation, current: Choice | None, room_usd: float) -> Wanted:
        """What the region should run, given what is left of the budget for its machine."""
        region = seen.region
        normal, affordable = self.normal(region, current, room_usd)
        override = overrides.effective(self.spec, region, self.now)
        usd = machine_usd(normal, region)
        refused: Override | None = None
        choice = (override.accelerator, normal[1]) if override else normal
        if override and override.rollout is Rollout.SAFE:
            dearer = max(usd, machine_usd(choice, region))
            if dearer > max(usd, room_usd + 1e-9) and choice not in obtained(seen):
                override, refused, choice = None, override, normal
            else:
                usd = dearer
        elif override:
            # A drill asks for what isn't there; it costs only if it is obtained. The normal GPU stays reserved.
            usd = max(usd, *(machine_usd(c, region) for c in obtained(seen)), 0.0)
        exists = seen.cluster is not None or "cluster" in seen.unknown
        total = (usd if affordable else 0.0) + (
            catalog.CLUSTER_FEE_USD_PER_HOUR if affordable or exists else 0.0
        )
        return Wanted(
            accelerator=choice[0],
            provisioning=choice[1],
            rollout=override.rollout if override else self._rollout_back(seen, normal),
            normal=normal,
            override=override,
            usd_per_hour=round(total, 4),
            affordable=affordable,
            refused=refused,
        )

    def delivered(self, region: str) -> Choice | None:
        """What the region runs by the delivery repository, if the spec still names it."""
        held = (self.seen.delivered or {}).get(cluster_name(region))
        choice = (held.accelerator, held.provisioning) if held else None
        return choice if choice in choices(self.spec) else None

    def normal(self, region: str, current: Choice | None, room_usd: float) -> tuple[Choice, bool]:
        """The region's own choice and whether it fits what is left of the budget."""
        known = choices(self.spec)
        for choice in known:
            if choice == current:
                return choice, True  # what runs is never taken away for money; WithinBudget says so instead
            if current is not None and not self._room_everywhere():
                continue  # the move needs a second GPU while the old replica serves
            if self._usable(region, choice) and machine_usd(choice, region) <= room_usd + 1e-9:
                return choice, True
        if current is not None:
            return current, True
        fallback = next((c for c in known if self._offered(region, c)), known[0])
        return fallback, machine_usd(fallback, region) <= room_usd + 1e-9

    def _rollout_back(self, seen: RegionObservation, normal: Choice) -> Rollout:
        """Safe, unless a drill's GPU is held and the project's quota has no room for a second one beside it: a
        surge would wait for ever, so the drill's pod goes first."""
        held = obtained(seen)
        drilled = bool(held) and normal not in held and not set(held) & set(choices(self.spec))
        return Rollout.HARD if drilled and not self._room_everywhere() else Rollout.SAFE

    def _room_everywhere(self) -> bool:
        quota = self.seen.global_quota
        return quota is None or quota.limit - quota.usage >= 1

    def _offered(self, region: str, choice: Choice) -> bool:
        capacity = self.seen.capacity.get(region)
        machine = catalog.ACCELERATORS.get(choice[0])
        return machine is not None and machine.fits and (capacity is None or choice[0] in capacity.offered)

    def _usable(self, region: str, choice: Choice) -> bool:
        last = self.index.get((region, *choice))
        if last and last.outcome is not Outcome.OBTAINED and self.now - last.at < SOUR_FOR:
            return False
        return self._offered(region, choice) and self._has_quota(region, choice)

    def _has_quota(self, region: str, choice: Choice) -> bool:
        capacity = self.seen.capacity.get(region)
        metric = catalog.ACCELERATORS[choice[0]].metric(choice[1])
        quota = capacity.quotas.get(metric) if capacity and capacity.quotas else None
        if quota is None or quota.limit - quota.usage >= 1:
            return True
        last = self.index.get((region, *choice))
        ours = last is not None and last.outcome is Outcome.OBTAINED and self.now - last.at < OWN_NODE_FOR
        return ours and quota.limit >= 1
