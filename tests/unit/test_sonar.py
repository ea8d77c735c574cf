"""A sweep: cheap signals first, a few calls at a time, in time, and what was not heard is unknown and never dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lib.fleet import catalog
from lib.fleet.evidence import SpotAdvice
from lib.fleet.model import Attempt, Outcome, PlacementSpec, Provisioning, Quota, RegionCapacity
from lib.fleet.sonar import Heard, Sounding, ranked
from lib.gateways.errors import AtlasError, TransientError, Unreachable
from lib.gateways.sweep import AT_ONCE, Asked, sweep
from tests.unit.fleet_world import L4, T0, capacity_of

SPOT, STANDARD = Provisioning.SPOT, Provisioning.STANDARD
OFFERING = tuple(sorted(catalog.REGIONS))[:20]
WORLD = {r: capacity_of(r, offers=(L4,) if r in OFFERING else ()) for r in catalog.REGIONS}


class World:
    """Compute and its advice. `held`: calls for advice wait until it is set."""

    def __init__(self, capacity: Mapping[str, RegionCapacity] = WORLD) -> None:
        self.capacity = capacity
        self.errors: dict[str, AtlasError] = {}
        self.silent = False
        self.held = threading.Event()
        self.held.set()
        self.scores: dict[str, float] = {}
        self.asked: list[str] = []
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def list_capacity(self, *, timeout_s: float) -> Mapping[str, RegionCapacity]:
        if self.silent:
            raise Unreachable("Listing regions failed: no answer in time.")
        return self.capacity

    def global_quota(self, *, timeout_s: float) -> Quota | None:
        return Quota(limit=16, usage=0)

    def advise(self, region: str, accelerator: str, *, timeout_s: float) -> SpotAdvice:
        with self._lock:
            self.asked.append(region)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.held.wait(timeout=10)
        with self._lock:
            self.at_once -= 1
        if region in self.errors:
            raise self.errors[region]
        score = self.scores.get(region, 0.5)
        return SpotAdvice(region=region, accelerator=accelerator, at=T0, obtainability=score)


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    yield found
    found.held.set()


def asked(*attempts: Attempt, models: tuple[Provisioning, ...] = (SPOT,)) -> Asked:
    spec = PlacementSpec(accelerators=(L4,), provisioning=models)
    return Asked(spec=spec, attempts=attempts, durations=None, present=frozenset(), now=T0)


def swept(world: World, what: Asked, deadline_s: float = 20.0) -> list[Sounding]:
    both: Any = world
    return list(sweep(both, both, what, deadline_s=deadline_s))


def test_every_place_is_told_once_and_the_ranking_follows_the_advice(world: World) -> None:
    world.scores = {OFFERING[3]: 0.95, OFFERING[5]: 0.05}
    found = swept(world, asked(models=(STANDARD, SPOT)))
    assert len(found) == len({(s.candidate.region, s.candidate.provisioning) for s in found}) == 43 * 2
    assert {s.heard for s in found} == {Heard.ALL}
    assert sorted(world.asked) == sorted(OFFERING), (
        "one call serves both models, none is made where nothing is offered"
    )
    spot = {
        s.candidate.region: s.candidate.obtainability or 0.0
        for s in found
        if s.candidate.provisioning is SPOT
    }
    assert max(spot, key=lambda r: spot[r]) == OFFERING[3]
    assert spot[OFFERING[5]] == min(spot[r] for r in OFFERING)
    assert [s.candidate.eligible for s in ranked(found)] == [True] * 40 + [False] * 46


def test_what_is_settled_without_advice_comes_first_and_is_not_asked_about(world: World) -> None:
    refused = Attempt(region=OFFERING[0], accelerator=L4, provisioning=SPOT, outcome=Outcome.STOCK_OUT, at=T0)
    found = swept(world, asked(refused))
    assert OFFERING[0] not in world.asked
    first = [s.candidate.region for s in found[: 43 - len(OFFERING) + 1]]
    assert OFFERING[0] in first
    assert not set(first) & set(world.asked)


def test_no_more_than_so_many_calls_at_once(world: World) -> None:
    world.held.clear()
    threading.Timer(0.2, world.held.set).start()
    swept(world, asked())
    assert 1 < world.most <= AT_ONCE


def test_at_the_deadline_what_is_missing_is_told_to_be_missing(world: World) -> None:
    world.held.clear()
    started = time.monotonic()
    found = swept(world, asked(), deadline_s=0.5)
    assert time.monotonic() - started < 5
    without = {s.candidate.region for s in found if s.heard is Heard.CHEAP}
    assert without == set(OFFERING)
    assert len(found) == 43
    assert {s.why for s in found if s.heard is Heard.CHEAP} == {"Google's advice did not come in time."}
    assert all(s.candidate.obtainability is not None for s in found if s.heard is Heard.CHEAP), (
        "own knowledge stands"
    )
    assert len(world.asked) <= AT_ONCE, "what could not be in time was not asked"


def test_one_refusal_costs_one_answer(world: World) -> None:
    world.errors[OFFERING[2]] = TransientError("Asking failed: try again later.")
    found = swept(world, asked())
    assert [(s.candidate.region, s.why) for s in found if s.heard is not Heard.ALL] == [
        (OFFERING[2], "Asking failed: try again later.")
    ]


def test_a_region_whose_zones_are_silent_is_unknown_and_ranks_between_yes_and_no(world: World) -> None:
    world.capacity = {r: c for r, c in WORLD.items() if r != OFFERING[1]}
    found = ranked(swept(world, asked()))
    groups = [(s.candidate.eligible, s.heard) for s in found]
    place = groups.index((False, Heard.NOTHING))
    assert found[place].candidate.region == OFFERING[1]
    assert all(eligible for eligible, _ in groups[:place])
    assert not any(eligible for eligible, _ in groups[place:])


def test_when_compute_says_nothing_every_place_is_unknown_with_the_reason(world: World) -> None:
    world.silent = True
    found = swept(world, asked())
    assert len(found) == 43
    assert {(s.heard, s.why) for s in found} == {
        (Heard.NOTHING, "Listing regions failed: no answer in time.")
    }
    assert world.asked == []


def test_a_sweep_that_is_left_early_asks_no_more(world: World) -> None:
    both: Any = world
    sounding = next(sweep(both, both, asked(), deadline_s=20))
    assert sounding.candidate.zones == ()
    assert len(world.asked) == 0
