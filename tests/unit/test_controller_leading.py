"""Since when a controller leads: from its first lease on, and anew after each break."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.controller.leading import Leading

T0 = datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tries", "since_s"),
    [
        pytest.param([(0, True)], 0, id="its first lease"),
        pytest.param([(0, False), (5, True)], 5, id="it waited for it"),
        pytest.param([(0, True), (5, True), (30, True)], 0, id="held all the time"),
        pytest.param([(0, True), (5, False), (10, True)], 10, id="somebody else had it"),
        pytest.param([(0, True), (50, True)], 50, id="it slept, or could not ask"),
        pytest.param([(0, False)], None, id="never"),
    ],
)
def test_it_leads_since_the_last_break(tries: list[tuple[int, bool]], since_s: int | None) -> None:
    clock = [0.0]
    subject = Leading(wall=lambda: clock[0])
    for at, held in tries:
        clock[0] = at
        subject.tried(held=held, now=T0 + timedelta(seconds=at))
    assert subject.since == (None if since_s is None else T0 + timedelta(seconds=since_s))
