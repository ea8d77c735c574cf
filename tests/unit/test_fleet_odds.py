"""One probability, and whether it can be believed: of what is called likely so much comes true."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lib.fleet import odds
from lib.fleet.persistence import Try, chance, kept, level, shared_level
from tests.odds_calibration import Bucket, buckets, cases
from tests.stock_figures import process

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def played() -> list[Bucket]:
    """Some 8,000 tries in series with the measured run lengths and correlations."""
    return buckets(case for seed in range(3) for sample in process(seed) for case in cases(sample, seed))


def test_of_what_is_called_70_to_80_percent_65_to_85_come_true(played: list[Bucket]) -> None:
    [bucket] = [b for b in played if b.low == 0.7]
    assert bucket.cases >= 200
    assert 0.65 <= bucket.came_true <= 0.85


def test_every_other_call_is_as_true_and_the_extremes_are_used(played: list[Bucket]) -> None:
    assert len(played) == 10
    assert {
        b.low: round(b.came_true - b.called, 2) for b in played if abs(b.came_true - b.called) > 0.12
    } == {}
    assert sum(b.cases for b in played if b.low in {0.0, 0.9}) > sum(b.cases for b in played) / 3


@pytest.mark.parametrize(
    ("hours", "measured"), [(1 / 6, 0.79), (0.5, 0.67), (1, 0.58), (2, 0.46), (4, 0.33), (24, 0.22)]
)
def test_what_a_try_showed_is_kept_as_measured(hours: float, measured: float) -> None:
    assert kept(hours * HOUR_S) == pytest.approx(measured, abs=0.06)


def test_tries_in_quick_succession_teach_the_level_little() -> None:
    quick = [Try(at_s=60.0 * n, got=False) for n in range(10)]
    slow = [Try(at_s=86_400.0 * n, got=False) for n in range(10)]
    assert level(0.8, []) == 0.8
    assert level(0.8, slow) < 0.3
    assert 0.5 < level(0.8, quick) < 0.8


def test_places_that_are_alike_teach_of_one_that_was_never_tried() -> None:
    scarce = [[Try(at_s=86_400.0 * n, got=False)] for n in range(20)]
    assert shared_level(0.8, []) == 0.8
    assert shared_level(0.8, scarce) == pytest.approx(0.8 * 4 / 24)


def test_the_chance_goes_from_what_was_seen_to_the_level() -> None:
    def after(*, got: bool, hours: float) -> float:
        return chance(0.6, [Try(at_s=0, got=got)], hours * HOUR_S)

    times = (0, 0.2, 1, 5, 100)
    assert all(a < b for a, b in pairwise(after(got=False, hours=h) for h in times))
    assert all(a > b for a, b in pairwise(after(got=True, hours=h) for h in times))
    assert after(got=False, hours=100) < level(0.6, [Try(at_s=0, got=True)])
    assert (after(got=False, hours=0), after(got=True, hours=0)) == (0.0, 1.0)


def test_opinions_are_pooled_by_weight_and_nothing_is_certain() -> None:
    assert odds.pooled([(0.5, 1), (0.5, 3)]) == pytest.approx(0.5)
    assert odds.pooled([(0.9, 3), (0.1, 1)]) > odds.pooled([(0.9, 1), (0.1, 1)])
    assert odds.pooled([(0.9, 1), (0.1, 0)]) == pytest.approx(0.9)
    assert (odds.pooled([(1.0, 1)]), odds.pooled([(0.0, 1)])) == (
        pytest.approx(odds.MOST),
        pytest.approx(odds.LEAST),
    )
    assert odds.pooled([]) == 0
