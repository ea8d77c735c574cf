"""Expected times: learned from recorded durations, leaning on the defaults, told as a band."""

from __future__ import annotations

import pytest

from lib.fleet.durations import DEFAULT_DURATIONS, late_s, learned, remaining_late_s, remaining_s
from lib.fleet.model import Phase


def test_one_start_hardly_moves_the_default_and_many_replace_it() -> None:
    usual, slow = DEFAULT_DURATIONS[Phase.STARTING]
    one = learned({Phase.STARTING: [usual * 3]})[Phase.STARTING]
    many = learned({Phase.STARTING: [float(n) for n in range(1, 400)]})[Phase.STARTING]
    assert usual < one[0] < usual * 1.5
    assert one[1] >= one[0]
    assert many == pytest.approx((200, 360), rel=0.02)
    assert slow > usual


def test_a_phase_without_a_record_keeps_its_default() -> None:
    assert remaining_s(Phase.WANTED, learned({})) == remaining_s(Phase.WANTED, DEFAULT_DURATIONS)


def test_the_band_is_wider_the_more_is_left_and_less_than_the_sum_of_the_phases_delays() -> None:
    bands = [
        remaining_late_s(p, DEFAULT_DURATIONS) - remaining_s(p, DEFAULT_DURATIONS)
        for p in (Phase.WANTED, Phase.SYNCING, Phase.ATTACHING)
    ]
    assert bands == sorted(bands, reverse=True)
    assert bands[0] < sum(slow - usual for usual, slow in DEFAULT_DURATIONS.values())
    assert remaining_late_s(Phase.SERVING, DEFAULT_DURATIONS) == 0


def test_a_phase_is_late_past_nine_of_ten() -> None:
    slow = DEFAULT_DURATIONS[Phase.PROVISIONING][1]
    assert late_s(Phase.PROVISIONING, DEFAULT_DURATIONS, slow) == 0
    assert late_s(Phase.PROVISIONING, DEFAULT_DURATIONS, slow + 30) == 30
    assert late_s(Phase.SERVING, DEFAULT_DURATIONS, 1e6) == 0
