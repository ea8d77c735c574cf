"""Hours in which no controller led count against no deadline; time in which one led always does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.fleet.durations import PATIENCE
from lib.fleet.model import Phase, PhaseSpan, PlacementStatus, RegionStatus
from lib.fleet.patience import stay, unled, waited
from lib.fleet.status import region_status
from tests.unit.fleet_world import L4, T0, TWO, Loop, World, placement, served
from tests.unit.test_fleet_status import HERE, MEMBER, NOTHING, ONE, looked, region

SYNCING = region(membership=replace(MEMBER, sync_code="PENDING"), workload=None)
PATIENT = PATIENCE[Phase.SYNCING]


def after(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("as_of", "led_since", "minutes"),
    [
        pytest.param(after(0), after(50), 50, id="taken over after fifty minutes"),
        pytest.param(after(50), after(10), 0, id="the same one goes on"),
        pytest.param(after(50), after(50), 0, id="it has told already"),
        pytest.param(None, after(50), 0, id="nothing was ever told"),
        pytest.param(after(0), None, 0, id="nobody says since when"),
        pytest.param(after(0), after(90), 60, id="never more than has passed"),
    ],
)
def test_nobody_led_from_the_last_status_to_the_lease(
    as_of: datetime | None, led_since: datetime | None, minutes: float
) -> None:
    seen = replace(looked(SYNCING, minutes=60), led_since=led_since)
    assert unled(PlacementStatus(as_of=as_of), seen) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("known", "nobody", "minutes"),
    [
        pytest.param(0, 0, 30, id="led all the time"),
        pytest.param(20, 0, 10, id="known from earlier"),
        pytest.param(20, 5, 5, id="and since the last status"),
        pytest.param(20, 40, 0, id="never less than nothing"),
    ],
)
def test_a_stay_lasts_as_long_as_somebody_led(known: float, nobody: float, minutes: float) -> None:
    span = PhaseSpan(phase=Phase.SYNCING, since=T0, unled=timedelta(minutes=known))
    assert waited(span, after(30), timedelta(minutes=nobody)) == timedelta(minutes=minutes)


def test_a_failure_that_came_of_waiting_does_not_end_the_wait() -> None:
    spans = (
        PhaseSpan(phase=Phase.SYNCING, since=T0, unled=timedelta(minutes=7)),
        PhaseSpan(phase=Phase.FAILED, since=after(30)),
    )
    was = RegionStatus(region=HERE, phase=Phase.FAILED, history=spans)
    assert stay(was, Phase.SYNCING) == spans[0]
    assert stay(was, Phase.FAILED) == spans[1]
    assert stay(was, Phase.STARTING) is None


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 300)), min_size=1, max_size=12))
def test_a_region_fails_exactly_when_led_time_has_run_out(steps: list[tuple[bool, int]]) -> None:
    """Each step: whether it was a time without a controller, and its minutes."""
    first = looked(SYNCING, minutes=0)
    led_since, passed, led = T0, 0, timedelta(0)
    told = region_status(placement(ONE), HERE, first, NOTHING, now=first.at)
    for absent, minutes in steps:
        before = after(passed)
        passed += minutes
        led_since = after(passed) if absent else led_since
        led += timedelta(0) if absent else timedelta(minutes=minutes)
        seen = replace(looked(SYNCING, minutes=passed), led_since=led_since)
        assert told
        status = PlacementStatus(as_of=before, regions=(told,))
        told = region_status(placement(ONE, status), HERE, seen, NOTHING, now=seen.at)
        assert told
        assert (told.phase is Phase.FAILED) == (led > PATIENT), (led, told.phase)
        if told.phase is Phase.SYNCING:
            assert told.deadline == seen.at + PATIENT - led


def test_the_sentence_says_what_was_not_counted() -> None:
    span = PhaseSpan(phase=Phase.SYNCING, since=T0, unled=timedelta(hours=3))
    was = RegionStatus(region=HERE, phase=Phase.SYNCING, history=(span,))
    seen = looked(SYNCING, minutes=200)
    told = region_status(placement(ONE, PlacementStatus(regions=(was,))), HERE, seen, NOTHING, now=seen.at)
    assert told
    assert told.phase is Phase.FAILED
    assert "for more than 15 min, not counting 3.0 h without a controller" in told.message


def test_a_half_made_fleet_is_finished_and_not_replaced_by_the_one_that_takes_over() -> None:
    loop = Loop(World(), TWO)
    loop.until(lambda: "Syncing" in loop.phases.values())
    made = set(loop.world.clusters)
    loop.world.step(5 * 3600)
    loop.world.led_since = loop.world.now
    loop.until(lambda: len(loop.serving) == 2)
    assert set(loop.world.clusters) == made


def test_a_region_that_was_dark_before_the_take_over_gets_its_grace_again() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.world.dark = {other}
    loop.until(lambda: loop.phases.get(other) == "Unreachable")
    before = set(loop.world.clusters)
    loop.world.step(5 * 3600)
    loop.world.led_since = loop.world.now
    loop.turn()
    assert set(loop.world.clusters) == before, "nobody saw it dark for hours"
    loop.until(lambda: len(loop.serving) == 2)
    assert set(loop.world.clusters) > before
