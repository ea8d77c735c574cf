"""What every region of ours should run, and what that costs: the wish before any step towards it.

The preferred accelerator wins unless this region has lately failed to get it; what is delivered stays while it is a
valid choice, so that nothing is moved for a marginal gain. Money is counted for what exists and what is planned,
whether or not the GPU was obtained yet, and for both machines while one takes over from the other. The config
cluster's fee isn't the placement's and isn't counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lib.fleet import catalog, overrides, words
from lib.fleet.askable import Askable
from lib.fleet.capacity import Index
from lib.fleet.machines import Choice, Machines, choices, dark, holds, machine_usd, obtained
from lib.fleet.model import (
    FleetObservation,
    Override,
    PlacementSpec,
    Provisioning,
    RegionObservation,
    Rollout,
)


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
    refused: Override | None = None  # a Safe switch that isn't followed
    because: str = ""  # and what it would pass: the budget or the quota
    more: bool = False  # another provisioning model of the switch is left to try
    spare: bool = False  # nobody needs it now: no workload, no machine
    commit: str = ""  # the commit that its directory is held at; "": rendered from the manifests


def wanted_workloads(  # noqa: PLR0913 - each kind of evidence by name
    spec: PlacementSpec,
    seen: FleetObservation,
    regions: Mapping[str, RegionObservation],
    index: Index,
    now: datetime,
    *,
    spare: frozenset[str] = frozenset(),
    refused: frozenset[str] = frozenset(),
) -> dict[str, Wanted]:
    """One Wanted per region, counted in this order: what runs, what exists, what is only asked for. `spare` regions
    want nothing and cost their cluster's fee; in `refused` ones the autoscaler found no machine at the last look."""
    held = {region: holds(seen, observation) for region, observation in regions.items()}
    waiting = {r for r, o in regions.items() if o.cluster is not None and r not in spare and not held[r]}
    machines = Machines(spec=spec, seen=seen, regions=regions, now=now, spare=spare, held=held)
    askable = Askable(
        seen=seen, regions=regions, index=index, now=now, machines=machines, waiting=frozenset(waiting)
    )
    picker = _Picker(
        spec=spec, seen=seen, regions=regions, now=now, refused=refused, machines=machines, askable=askable
    )
    existing = {r for r, o in regions.items() if o.cluster is not None or "cluster" in o.unknown}
    settled = {r: c for r in existing if (c := picker.delivered(r)) is not None}
    spoken_for = {r: machines.spoken_for_usd(r) for r in existing}
    spent = len(existing) * catalog.CLUSTER_FEE_USD_PER_HOUR + sum(spoken_for.values())
    found: dict[str, Wanted] = {}
    for region in sorted(
        regions, key=lambda r: (r not in settled, r not in existing, r not in spec.pinned, r)
    ):
        if region in spare:
            found[region] = _nothing(spec)
            continue
        current = settled.get(region)
        fee = 0.0 if region in existing else catalog.CLUSTER_FEE_USD_PER_HOUR
        others = spent + fee - spoken_for.get(region, 0.0)
        wish = picker.wish(regions[region], current, spec.max_hourly_usd - others)
        spent = others + wish.usd_per_hour - catalog.CLUSTER_FEE_USD_PER_HOUR if wish.usd_per_hour else spent
        found[region] = wish
    return found


def _nothing(spec: PlacementSpec) -> Wanted:
    accelerator, model = choice = choices(spec)[0]
    return Wanted(
        accelerator=accelerator,
        provisioning=model,
        rollout=Rollout.SAFE,
        normal=choice,
        override=None,
        usd_per_hour=catalog.CLUSTER_FEE_USD_PER_HOUR,
        spare=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picker:
    spec: PlacementSpec
    seen: FleetObservation
    regions: Mapping[str, RegionObservation]
    now: datetime
    refused: frozenset[str]
    machines: Machines
    askable: Askable

    def wish(self, seen: RegionObservation, current: Choice | None, room_usd: float) -> Wanted:
        """What the region should run, given what is left of the budget for its machine."""
        region = seen.region
        override = overrides.effective(self.spec, region, self.now)
        if override is None and self._keeps(region, room_usd):
            current = self.machines.delivered(region)
        normal, affordable = self.normal(region, current, room_usd)
        usd = machine_usd(normal, region)
        refused, because = None, ""
        choice, more = self._switched(region, override, normal) if override else (normal, False)
        commit = override.commit if override else ""
        if override and override.rollout is Rollout.SAFE:
            because = self._no_surge(seen, choice, usd, room_usd, anew=self._anew(region, commit))
            if because:
                override, refused, choice, commit = None, override, normal, ""
        rollout = override.rollout if override else self._rollout_back(seen, normal, room_usd)
        if override is None and rollout is Rollout.SAFE and self._anew(region, "") and not refused:
            because = self._no_surge(seen, choice, usd, room_usd, anew=True)
            if because:
                choice, commit = self._kept(region, choice)
        anew = self._anew(region, commit)
        # A drill asks for what isn't there; it costs only if it is obtained. The normal GPU stays reserved.
        peak = self.machines.peak_usd(region, choice, anew=anew)
        usd = max(usd, self.machines.held_usd(region) if rollout is Rollout.HARD else peak)
        exists = seen.cluster is not None or "cluster" in seen.unknown
        total = (usd if affordable else self.machines.held_usd(region)) + (
            catalog.CLUSTER_FEE_USD_PER_HOUR if affordable or exists else 0.0
        )
        return Wanted(
            accelerator=choice[0],
            provisioning=choice[1],
            rollout=rollout,
            normal=normal,
            override=override,
            usd_per_hour=round(total, 4),
            affordable=affordable,
            refused=refused,
            because=because,
            more=more and override is not None,
            commit=commit,
        )

    def _switched(self, region: str, override: Override, normal: Choice) -> tuple[Choice, bool]:
        """The GPU of a switch, on the region's own provisioning model; a Safe one tries the spec's others too before it
        gives up. And whether there is one left to try."""
        gpu, delivered = override.accelerator, self.machines.delivered(region)
        if override.commit:
            return (gpu, override.provisioning or normal[1]), False
        if override.rollout is Rollout.HARD:
            return (gpu, normal[1]), False
        models = dict.fromkeys((normal[1], *self.spec.provisioning))
        left = [m for m in models if not self.askable.failed_since((region, gpu, m), override.created_at)]
        now = delivered[1] if delivered and delivered[0] == gpu else None
        if now is not None and (now in left or not left or region not in self.refused):
            return (gpu, now), any(m is not now for m in left)
        return (gpu, left[0] if left else normal[1]), len(left) > 1

    def _no_surge(
        self, seen: RegionObservation, choice: Choice, usd: float, room_usd: float, *, anew: bool
    ) -> str:
        """What a second machine beside the one that serves would pass; "" when nothing, or when it is there."""
        held, delivered = self.machines.held[seen.region], self.machines.delivered(seen.region)
        if choice in held and not anew:
            return ""
        if anew and held and not self.askable.quota_here(seen.region, choice):
            return "the region's quota"
        if (
            self.machines.peak_usd(seen.region, choice, anew=anew)
            > (room_usd if held else max(usd, room_usd)) + 1e-9
        ):
            return f"the budget of {words.usd(self.spec.max_hourly_usd)}"
        if held and (delivered != choice or anew) and not self.askable.room_everywhere(but=seen.region):
            return "the project's quota for all GPUs"
        return ""

    def _anew(self, region: str, commit: str) -> bool:
        """Its files come from elsewhere than what is delivered, so a new pod takes over even on the same GPU."""
        told = self.machines.told(region)
        return told is not None and told.held_at != commit

    def _kept(self, region: str, choice: Choice) -> tuple[Choice, str]:
        """What a roll back that is over has left there."""
        told = self.machines.told(region)
        return ((told.accelerator, told.provisioning), told.held_at) if told else (choice, "")

    def delivered(self, region: str) -> Choice | None:
        """What the region runs by the delivery repository, if the spec still names it; under a drill what it ran before."""
        told, known = self.machines.told(region), choices(self.spec)
        if told is not None and told.returns_to in known:
            return told.returns_to
        choice = self.machines.delivered(region)
        return choice if choice in known else None

    def _keeps(self, region: str, room_usd: float) -> bool:
        """A drill that is over got one of the placement's own GPUs. Nothing is moved for a marginal gain, but a drill
        gives no claim to a machine that passes the budget."""
        told, choice = self.machines.told(region), self.machines.delivered(region)
        if told is None or told.returns_to is None or choice not in choices(self.spec):
            return False
        return choice in obtained(self.regions[region]) and machine_usd(choice, region) <= room_usd + 1e-9

    def _may_stand_in(self, region: str, held: Choice, instead: Choice, room_usd: float) -> bool:
        """What serves is kept in the stead of what was refused; what a drill got, only if there is money for it."""
        told = self.machines.told(region)
        usd = machine_usd(held, region)
        drilled = told is not None and told.returns_to is not None
        return not drilled or usd <= max(room_usd, machine_usd(instead, region)) + 1e-9

    def normal(self, region: str, current: Choice | None, room_usd: float) -> tuple[Choice, bool]:
        """The region's own choice and whether it fits what is left of the budget."""
        known, held = choices(self.spec), self.machines.held[region]
        if (
            current is not None
            and region in self.refused
            and self.askable.failed(region, current)
            and current not in held
        ):
            claimed = [c for c in known if c in held and self._may_stand_in(region, c, current, room_usd)]
            current = claimed[0] if claimed else self._fallback(region, current, room_usd)
        # Whatever takes over from a dearer machine saves money, however little is left.
        room_usd = room_usd if current else max(room_usd, self.machines.held_usd(region))
        for choice in known:
            if choice == current:
                return choice, True  # what runs is never taken away for money; WithinBudget says so instead
            if current is not None and not self.askable.room_everywhere(but=region):
                continue  # the move needs a second GPU while the old replica serves
            usd = self.machines.peak_usd(region, choice) if current else machine_usd(choice, region)
            if self.askable.usable(region, choice) and usd <= room_usd + 1e-9:
                return choice, True
        if current is not None:
            return current, True
        fallback = next((c for c in known if self.askable.offered(region, c)), known[0])
        return fallback, machine_usd(fallback, region) <= room_usd + 1e-9

    def _fallback(self, region: str, current: Choice, room_usd: float) -> Choice:
        """The next type that may be had here, but only where the one that was refused can't be had elsewhere: a stand-in
        of the preferred type is better, and the budget must have room for it."""
        elsewhere = [
            r for r in self.seen.capacity if r not in self.regions and self.askable.usable(r, current)
        ]
        fee = catalog.CLUSTER_FEE_USD_PER_HOUR
        if any(2 * machine_usd(current, r) + fee <= room_usd + 1e-9 for r in elsewhere):
            return current
        others = (c for c in choices(self.spec) if c != current and self.askable.usable(region, c))
        return next((c for c in others if machine_usd(c, region) <= room_usd + 1e-9), current)

    def _rollout_back(self, seen: RegionObservation, normal: Choice, room_usd: float) -> Rollout:
        """Safe, unless the project's quota or the budget has no room for a second GPU beside the one that was asked for
        before, obtained or not: a surge would wait for ever, or cost too much, so that pod goes first."""
        held, told = obtained(seen), self.machines.told(seen.region)
        if told is not None and told.rollout is Rollout.HARD and dark(seen):
            return Rollout.HARD  # whether that pod is gone isn't known
        if not self.machines.leaving(seen.region, normal):
            return Rollout.SAFE
        affords = self.machines.peak_usd(seen.region, normal) <= room_usd + 1e-9
        fits = not held or normal in held or self.askable.room_everywhere(but=seen.region)
        return Rollout.SAFE if affords and fits else Rollout.HARD
