"""What one region's conditions are made from, and the few words to make one with. It judges nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.capacity import Index
from lib.fleet.model import (
    Condition,
    FleetObservation,
    Phase,
    PodObservation,
    RegionObservation,
    RegionStatus,
)
from lib.fleet.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What conditions are made from: one region of one observation, the wish, and what was told before."""

    region: RegionObservation
    fleet: FleetObservation
    wanted: Wanted
    index: Index
    now: datetime
    leaving: bool = False
    previous: RegionStatus | None = None
    unled: timedelta = timedelta(0)  # time since the last status in which no controller led

    def but(self, *, leaving: bool) -> Look:
        return replace(self, leaving=leaving)

    @property
    def pod(self) -> PodObservation | None:
        """The newest pod that asks for the wanted GPU; older ones belong to an earlier wish."""
        asked = [p for p in self.pods if p.accelerator == self.wanted.accelerator]
        same = [p for p in asked if p.provisioning is self.wanted.provisioning]
        return max(same, key=lambda p: (p.created_at or self.now, p.name), default=None)

    @property
    def pods(self) -> list[PodObservation]:
        return [p for p in self.region.workload.pods if not p.terminating] if self.region.workload else []

    @property
    def gpu(self) -> str:
        return catalog.short(self.wanted.accelerator)

    def blind(self, part: str, source: str) -> bool:
        return part in self.region.unknown or source in self.fleet.unknown


def no_answer(look: Look, what: str) -> str:
    was = look.previous
    lost = was.since if was and was.phase is Phase.UNREACHABLE and was.since else look.now
    before = f" (last known: {look.region.error})" if look.region.error else ""
    return f"{what} since {words.at(lost)}{before}; what it last told is kept."


def yes(kind: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status="True", reason=reason, message=message)


def no(kind: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status="False", reason=reason, message=message)


def unknown(kind: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status="Unknown", reason=reason, message=message)
