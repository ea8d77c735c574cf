"""What earlier tries say about the next one: the level of a place, and how long what a try showed still holds.

Whether a GPU is there persists: two looks at one place agree the better the closer they are, and still somewhat after
days. The curve is that of 17 series of Spot launches over 27 and 30 days (skypilot-org/spot-traces, published with
"Can't Be Late", NSDI 2024); that Google's Spot and on-demand stock keeps the same rhythm is assumed. A level is
learned from the outcomes themselves, of which those soon after each other count for less. Seconds in, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

SCALE_S, STEEPNESS = (
    1080.0,
    0.38,
)  # of the curve; measured 0.79 after 10 min, 0.58 after 1 h, 0.33 after 4 h, 0.2 after 1 day
WEIGHT = 4.0  # tries that count for as much as what was believed before


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    at_s: float
    got: bool


def kept(age_s: float) -> float:
    """Share of what a try showed that still holds: 1 at once, 0 never quite."""
    return (1 + max(0.0, age_s) / SCALE_S) ** -STEEPNESS


def level(first: float, tries: Sequence[Try]) -> float:
    """How often the place has room, in the long run; `first` before any try. `tries`: of one place, oldest first."""
    got, news = _counted(tries)
    return (first * WEIGHT + got) / (WEIGHT + news)


def shared_level(first: float, places: Iterable[Sequence[Try]]) -> float:
    """The same of places that are alike, which is what is believed of one that was never tried."""
    seen, weight = first * WEIGHT, WEIGHT
    for tries in places:
        got, news = _counted(tries)
        seen, weight = seen + got, weight + news
    return seen / weight


def chance(first: float, tries: Sequence[Try], at_s: float) -> float:
    """That a try at `at_s` succeeds. `tries`: of this place, oldest first, none later than that."""
    mean = level(first, tries)
    if not tries:
        return mean
    holds = kept(at_s - tries[-1].at_s)
    return mean + (1 - mean) * holds if tries[-1].got else mean * (1 - holds)


def _counted(tries: Sequence[Try]) -> tuple[float, float]:
    """Successes and tries, each counting for what it adds to the one before."""
    if not tries:
        return 0.0, 0.0
    got, total = float(tries[0].got), 1.0
    for before, one in pairwise(tries):
        news = 1 - kept(one.at_s - before.at_s)
        got, total = got + news * one.got, total + news
    return got, total
