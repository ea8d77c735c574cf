"""The GPU machines of the fleet's regions: what is held, what was told to be got, and what both cost until one has taken
over from the other. Facts and sums only; what to run is decided in `wanted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import catalog
from lib.fleet.model import (
    DeliveredWorkload,
    FleetObservation,
    PlacementSpec,
    Provisioning,
    RegionObservation,
    Rollout,
)
from lib.fleet.names import cluster_name

SETTLES_FOR = timedelta(minutes=5)  # from a commit of other files until its pod can be seen, or serves

Choice = tuple[str, Provisioning]


def choices(spec: PlacementSpec) -> tuple[Choice, ...]:
    models = spec.provisioning or (Provisioning.STANDARD,)
    return tuple((accelerator, model) for accelerator in spec.accelerators for model in models)


def machine_usd(choice: Choice, region: str) -> float:
    """Never free: an unknown type costs as much as the dearest known one."""
    price = catalog.usd_per_hour(choice[0], choice[1], region)
    return price if price is not None else max(a.usd_per_hour for a in catalog.ACCELERATORS.values())


def obtained(seen: RegionObservation) -> tuple[Choice, ...]:
    """What the region's pods hold right now."""
    pods = seen.workload.pods if seen.workload else ()
    return tuple((p.accelerator, p.provisioning) for p in pods if p.node and not p.terminating)


def surging(fleet: FleetObservation, seen: RegionObservation, now: datetime) -> bool:
    """A pod takes over, or is about to, from one on the same GPU, because the files changed and not the choice."""
    told = (fleet.delivered or {}).get(cluster_name(seen.region))
    if told is None:
        return False
    choice, pods = (told.accelerator, told.provisioning), seen.workload.pods if seen.workload else ()
    mine = [p for p in pods if (p.accelerator, p.provisioning) == choice and not p.terminating]
    if any(p.node for p in mine) and any(not p.node for p in mine):
        return True
    fresh = told.committed_at is not None and now - told.committed_at < SETTLES_FOR
    return fresh and bool(told.held_at or told.released)


def holds(fleet: FleetObservation, seen: RegionObservation) -> tuple[Choice, ...]:
    """What its pods hold, as last told by the delivery repository while they can't be seen."""
    told = (fleet.delivered or {}).get(cluster_name(seen.region))
    return ((told.accelerator, told.provisioning),) if dark(seen) and told else obtained(seen)


def dark(seen: RegionObservation) -> bool:
    """Its pods can't be seen."""
    return bool(seen.unknown & {"workload", "cluster"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """USD per hour throughout, without the clusters' fees."""

    spec: PlacementSpec
    seen: FleetObservation
    regions: Mapping[str, RegionObservation]
    now: datetime
    spare: frozenset[str]
    held: Mapping[str, tuple[Choice, ...]]  # what their pods hold, by region

    def told(self, region: str) -> DeliveredWorkload | None:
        return (self.seen.delivered or {}).get(cluster_name(region))

    def delivered(self, region: str) -> Choice | None:
        """What the delivery repository says, whether or not the spec still names it."""
        told = self.told(region)
        return (told.accelerator, told.provisioning) if told else None

    def held_usd(self, region: str) -> float:
        """What the machines cost that its pods run on. A drill that can't be seen has most likely got none."""
        told, seen = self.told(region), self.regions[region]
        drill = told is not None and told.rollout is Rollout.HARD
        held = obtained(seen) if drill else self.held[region]
        return sum(machine_usd(choice, region) for choice in held)

    def peak_usd(self, region: str, choice: Choice, *, anew: bool = False) -> float:
        """What its machines cost until this choice has taken over from those that serve meanwhile."""
        held = self.held[region]
        second = anew or surging(self.seen, self.regions[region], self.now)
        there = held.count(choice) > (1 if second else 0)
        more = 0.0 if there else machine_usd(choice, region)
        held = obtained(self.regions[region])
        pending = sum(machine_usd(c, region) for c in self.leaving(region, choice) if c not in held)
        return self.held_usd(region) + more + pending

    def leaving(self, region: str, choice: Choice) -> tuple[Choice, ...]:
        """What else was asked for: until its pod is gone it may get a machine at any moment. A machine of the spec's own
        kind that serves counts among what is held, unless a drill got it."""
        told, work = self.told(region), self.regions[region].workload
        pods = work.pods if work else ()
        asked = {(p.accelerator, p.provisioning) for p in pods}
        if told is not None:
            asked.add((told.accelerator, told.provisioning))
        own = set(choices(self.spec)) & {(p.accelerator, p.provisioning) for p in pods if p.node}
        drilled = told is not None and told.rollout is Rollout.HARD
        return tuple(sorted(asked - {choice} - (set() if drilled else own)))

    def spoken_for_usd(self, region: str) -> float:
        """What its machines cost, and the one that it was told to get."""
        told, known = self.told(region), choices(self.spec)
        if told is None or region in self.spare:
            return self.held_usd(region)
        choice = (told.accelerator, told.provisioning)
        if told.returns_to is not None or (told.rollout is Rollout.HARD and choice not in known):  # a drill
            back = told.returns_to if told.returns_to in known else known[0]
            return max(self.held_usd(region), machine_usd(back, region))
        return self.peak_usd(region, choice)
