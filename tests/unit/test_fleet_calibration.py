"""Is "70 % likely" right seven times in ten? `Knowledge.room` beside what became of the attempts it judged.

The worlds are of the sandbox's own seeded process, whose runs and correlations are those of measured Spot series; no
measured series is shipped. Attempts come at all distances, from ten minutes to a day, as those of a controller do that
fills a deficit, holds what it got for a while, and looks again when it needs to.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from lib.fleet.policy.knowledge import HOUR_S, Knowledge
from lib.fleet.policy.model import Event, Zone
from lib.sandbox.pressure import Pressure, level

DAYS, SEEDS = 30, 4
TICK_S = 600.0
SHARES = {"e1-a": 0.16, "e1-b": 0.42, "e1-c": 0.52, "e2-a": 0.75, "e2-b": 0.68, "w2-a": 0.85, "w2-b": 0.88}
ZONES = tuple(Zone(name=name, region=name[:2], usd=1.0) for name in SHARES)
ENOUGH = 150  # cases of a decile, to judge it
OFF = 0.05  # beyond the decile's bounds

Called = list[tuple[float, bool]]


@dataclass(slots=True, kw_only=True)
class World:
    """Zones that have room now and then, and a caller that asks, holds, is taken back and lets go."""

    seed: int
    rng: random.Random = field(init=False)
    held: dict[str, float] = field(default_factory=dict[str, float])  # until
    again: dict[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def calls(self) -> Called:
        """What each attempt was called, and whether it came true."""
        known, called = Knowledge(ZONES), Called()
        self.again = {zone: self.rng.uniform(0, 6 * HOUR_S) for zone in SHARES}
        for at_s, up in self._ticks():
            events = list[Event]()
            for zone in SHARES:
                if zone in self.held:
                    events += self._hold(zone, at_s, up[zone])
                elif at_s >= self.again[zone]:
                    called.append((known.room(zone, at_s), up[zone]))
                    events += self._ask(zone, at_s, up[zone])
            known.learn(at_s, events, self.held.keys())
        return called

    def _ticks(self) -> Iterator[tuple[float, dict[str, bool]]]:
        pressure = Pressure(f"calibration/{self.seed}")
        places = {z.name: {"accelerator": "gpu", "region": z.region, "zone": z.name} for z in ZONES}
        for tick in range(int(DAYS * 24 * HOUR_S / TICK_S)):
            at_s = tick * TICK_S
            yield at_s, {z: pressure.at(at_s, **places[z]) < level(SHARES[z]) for z in SHARES}

    def _hold(self, zone: str, at_s: float, has_room: bool) -> Iterator[Event]:
        if has_room and at_s < self.held[zone]:
            return
        if not has_room:
            yield Event(what="lost", zone=zone, kind="spot")
        del self.held[zone]
        self.again[zone] = self._later(at_s)

    def _ask(self, zone: str, at_s: float, has_room: bool) -> Iterator[Event]:
        yield Event(what="up" if has_room else "failed", zone=zone, kind="spot")
        (self.held if has_room else self.again)[zone] = self._later(at_s)

    def _later(self, at_s: float) -> float:
        """By ten minutes to a day, as often by few as by many."""
        return at_s + TICK_S * 144 ** self.rng.random()


@pytest.fixture(scope="module")
def deciles() -> dict[int, Called]:
    found = defaultdict[int, Called](Called)
    for seed in range(SEEDS):
        for odds, came_true in World(seed=seed).calls():
            found[min(9, int(odds * 10))].append((odds, came_true))
    return found


@pytest.mark.parametrize("decile", range(10))
def test_of_the_attempts_called_so_likely_so_many_come_true(decile: int, deciles: dict[int, Called]):
    """So of those called 70-80 % likely, 65-85 % came true."""
    cases = deciles[decile]
    share = sum(came_true for _, came_true in cases) / len(cases)
    assert len(cases) >= ENOUGH
    assert decile / 10 - OFF <= share <= (decile + 1) / 10 + OFF


def test_the_odds_tell_attempts_apart(deciles: dict[int, Called]):
    """Calling all alike would be calibrated too: the squared error must be well below that of the common share."""
    cases = [case for called in deciles.values() for case in called]
    common = sum(came_true for _, came_true in cases) / len(cases)
    error = sum((odds - came_true) ** 2 for odds, came_true in cases) / len(cases)
    assert error < 0.75 * common * (1 - common)
