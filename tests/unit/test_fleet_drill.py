"""Drill reports: eight times from recorded facts, and nothing that nobody recorded."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lib.fleet.drill import DrillReport, timeline
from lib.fleet.model import Entry
from tests.unit.fleet_world import T0


def entry(minute: float, kind: str, subject: str = "", region: str = "", **body: object) -> Entry:
    at = T0 + timedelta(minutes=minute)
    return Entry(id=int(minute * 100), at=at, kind=kind, region=region, subject=subject, body=body)


def phase(minute: float, region: str, now: str, was: str) -> Entry:
    return entry(minute, "phase", region=region, phase=now, **{"from": was})


def after(minute: float) -> datetime:
    return T0 + timedelta(minutes=minute)


SERVING = [phase(-20, "us-central1", "Serving", "Attaching"), phase(-19, "us-east4", "Serving", "Attaching")]
DRILL = [
    *SERVING,
    entry(-1, "probe", ok=True),
    entry(0, "intent", "switch-gpu", verb="switch-gpu"),
    entry(1, "probe", ok=False),
    phase(2, "us-central1", "StockedOut", "Serving"),
    entry(2.5, "prompt", attempts=2, moved_from="us-central1"),
    entry(3, "probe", ok=True),
    entry(4, "prompt", attempts=1),
    entry(5, "prompt", ok=False),
    entry(6, "probe", ok=True),
    entry(7, "intent", "recover", verb="recover"),
    phase(12, "us-central1", "Serving", "Starting"),
    entry(20, "probe", ok=True),
]


def test_all_eight_times_are_found() -> None:
    told = timeline(DRILL)
    assert (told.t0, told.t1, told.t2, told.t3) == (after(0), after(1), after(2), after(7))
    assert (told.t4, told.t5, told.t6, told.t7) == (after(6), after(12), after(7), after(17))
    assert told.time_to_detect == timedelta(minutes=1)
    assert told.time_to_mitigate == timedelta(minutes=5)
    assert told.time_to_recover == timedelta(minutes=11)


def test_prompts_are_counted_as_ok_failed_and_moved() -> None:
    told = timeline(DRILL)
    assert (told.prompts_ok, told.prompts_failed, told.prompts_moved) == (2, 1, 1)


def test_entries_may_come_in_any_order() -> None:
    assert timeline(reversed(DRILL)) == timeline(DRILL)


def test_without_a_drill_there_is_no_report() -> None:
    assert timeline(SERVING) == DrillReport()


@pytest.mark.parametrize("seen_until", [0, 2, 5, 8, 12])
def test_what_has_not_happened_yet_is_not_guessed(seen_until: float) -> None:
    told = timeline([e for e in DRILL if e.at <= after(seen_until)])
    times = [told.t0, told.t1, told.t2, told.t3, told.t4, told.t5, told.t6, told.t7]
    assert all(t is None or t <= after(seen_until) for t in times)


def test_users_who_felt_nothing_have_no_time_to_mitigate() -> None:
    told = timeline([e for e in DRILL if e.body.get("ok") is not False])
    assert (told.t1, told.t4, told.time_to_mitigate) == (None, None, None)
    assert told.time_to_detect == timedelta(minutes=2), "from the fault"
    assert told.time_to_recover == timedelta(minutes=12)


def test_another_region_restores_redundancy() -> None:
    told = timeline(
        [
            *SERVING,
            Entry(
                id=1, at=T0, kind="fault", subject="stockout", message='stockout {"region": "us-central1"}'
            ),
            phase(2, "us-central1", "StockedOut", "WaitingForGpu"),
            entry(2, "decision", "ScaleOut", region="us-west1"),
            phase(15, "us-west1", "Serving", "Attaching"),
        ]
    )
    assert told.t3 == after(2)
    assert told.t5 == after(15)


def test_a_lease_that_runs_out_removes_the_fault() -> None:
    told = timeline([*DRILL[:6], entry(10, "action", "ExpireOverride")])
    assert told.t6 == after(10)
    assert told.t3 == after(10)


def test_a_cleared_fault_starts_no_drill_and_ends_the_running_one() -> None:
    put_in = Entry(id=1, at=T0, kind="fault", subject="stockout", message="stockout {}")
    cleared = Entry(id=2, at=after(3), kind="fault", subject="cleared", message="Ended: f-1")
    assert timeline([cleared]).t0 is None
    assert timeline([put_in, cleared]).t6 == after(3)


def test_the_report_is_of_the_last_drill_and_faults_on_top_belong_to_it() -> None:
    again = [
        entry(30, "intent", "switch-gpu"),
        entry(31, "fault", "stockout"),
        entry(40, "intent", "recover"),
    ]
    assert timeline([*DRILL, *again]).t0 == after(30)


def test_trouble_soon_after_means_not_steady() -> None:
    assert timeline([*DRILL, entry(14, "probe", ok=False)]).t7 is None
