"""Advice is asked for a few at a time, only where it is wanted, and not again before it is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.controller import advisor as module
from lib.controller.advisor import BATCH, Advisor
from lib.controller.fanout import FanOut
from lib.fleet.evidence import SpotAdvice
from lib.gateways.errors import AtlasError, PermissionDenied, Refused
from tests.unit.fleet_world import L4, T4, capacity_of
from tests.waiting import wait_until

AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
REGIONS = {f"us-east{n}": capacity_of(f"us-east{n}", offers=(L4,)) for n in range(8)}


class Gateway:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.errors: dict[str, AtlasError] = {}

    def advise(self, region: str, accelerator: str, *, history: bool = False) -> SpotAdvice:
        self.asked.append((region, accelerator, history))
        if region in self.errors:
            raise self.errors[region]
        return SpotAdvice(
            region=region,
            accelerator=accelerator,
            at=AT,
            obtainability=0.5,
            preemption_rate=0.1 if history else None,
            history_at=AT if history else None,
        )


class Clock:
    """Stands in for the wall's clock of the module under test."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def advisor(gateway: Gateway, clock: Clock) -> Iterator[Advisor]:
    fan_out = FanOut(2)
    made: Any = gateway
    yield Advisor(gateway=made, fan_out=fan_out, speed=lambda: 1.0)
    fan_out.close()


def look(advisor: Advisor, clock: Clock, *, after_s: float = 3.0, gpus: tuple[str, ...] = (L4,)) -> int:
    """One look, and the answer of what it asked for; how many pairs have advice."""
    clock.now += after_s
    advisor.advice(gpus, REGIONS)
    if advisor._flying:
        wait_until(advisor._flying.future.done, what="the batch has been asked")
    return len(advisor.advice(gpus, REGIONS))


def test_it_asks_a_batch_at_a_time_until_all_is_known_and_then_rests(advisor, gateway, clock):
    assert [look(advisor, clock) for _ in range(3)] == [BATCH, len(REGIONS), len(REGIONS)]
    assert sorted(gateway.asked) == [(region, L4, True) for region in sorted(REGIONS)]
    assert advisor.calls == 2 * len(REGIONS), "a score and a history each"


def test_when_it_is_due_only_the_score_is_asked_again_and_the_history_is_kept(advisor, gateway, clock):
    look(advisor, clock)
    look(advisor, clock)
    gateway.asked.clear()
    look(advisor, clock, after_s=module.ADVICE_S)
    assert {history for *_, history in gateway.asked} == {False}
    assert advisor.advice((L4,), REGIONS)["us-east0", L4].preemption_rate == 0.1


def test_nobody_is_asked_about_what_is_not_offered(advisor, gateway, clock):
    assert look(advisor, clock, gpus=(T4,)) == 0
    assert gateway.asked == []


def test_a_refusal_about_one_place_leaves_the_others(advisor, gateway, clock):
    gateway.errors["us-east2"] = Refused("No such machine there.")
    assert look(advisor, clock) == BATCH - 1


def test_trouble_ends_the_batch_and_makes_everybody_wait_longer_each_time(advisor, gateway, clock):
    gateway.errors = dict.fromkeys(REGIONS, PermissionDenied("Not for you."))
    look(advisor, clock)
    look(advisor, clock, after_s=module.FIRST_REST_S - 1)
    assert len(gateway.asked) == 1
    look(advisor, clock, after_s=2)
    look(advisor, clock, after_s=module.FIRST_REST_S)
    assert len(gateway.asked) == 2, "the second rest is twice as long"
    gateway.errors.clear()
    assert look(advisor, clock, after_s=module.FIRST_REST_S) > 0
