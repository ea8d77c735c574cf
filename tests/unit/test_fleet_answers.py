"""What users get, summed from probes and prompts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.fleet import answers
from lib.fleet.model import Entry

NOW = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)


def entry(minutes: float, kind: str = "probe", region: str = "us-east4", **body: object) -> Entry:
    return Entry(id=1, kind=kind, at=NOW - timedelta(minutes=minutes), region=region, body=body)


HISTORY = (
    *(entry(i, ok=True, ms=float(i)) for i in range(1, 21)),
    entry(3, region="", ok=False, ms=4000.0),
    entry(4, "prompt", region="asia-east1", ok=True, ms=9000.0),
    entry(90, ok=True, ms=77.0),
    entry(5, "event"),
    entry(5, "probe"),
)


def test_lost_ones_count_and_give_no_time() -> None:
    told = answers.since(HISTORY, NOW - timedelta(hours=1))
    assert (told.asked, told.good, told.p50_ms, told.p95_ms) == (22, 21, 10.0, 19.0)
    assert told.share == pytest.approx(21 / 22)


def test_regions_are_those_that_answered() -> None:
    told = answers.by_region(HISTORY, NOW - timedelta(hours=1))
    assert {region: one.good for region, one in told.items()} == {"us-east4": 20, "asia-east1": 1}
    assert told["asia-east1"].p95_ms is None


def test_nothing_asked_is_no_share() -> None:
    told = answers.since((), NOW)
    assert (told.asked, told.share, told.p95_ms) == (0, None, None)


HOUR_AGO = NOW - timedelta(hours=1)
UNANSWERED = tuple(entry(i, region="", ok=False, ms=1.0) for i in (20, 30, 40))


@pytest.mark.parametrize(
    ("entries", "begin"),
    [
        ((entry(50, "bootstrap"), *UNANSWERED, entry(10, ok=True)), NOW - timedelta(minutes=10)),
        ((entry(50, "bootstrap"), *UNANSWERED), HOUR_AGO),
        ((entry(90, "bootstrap"), entry(50, "bootstrap"), *UNANSWERED, entry(10, ok=True)), HOUR_AGO),
        ((*UNANSWERED, entry(10, ok=True)), HOUR_AGO),
    ],
)
def test_a_new_world_is_expected_to_answer_once_it_has(entries: tuple[Entry, ...], begin: datetime) -> None:
    assert answers.expected_from(entries, HOUR_AGO) == begin
