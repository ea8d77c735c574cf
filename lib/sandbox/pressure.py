"""How hard GPUs are asked for, place by place: the seeded process behind `stock`, fitted to measured Spot series.

The pressure on an accelerator in a zone is a standard normal value that jumps now and then. It is a sum of octaves:
the short ones belong to the zone alone, the long ones are shared by the zones of a region and in part by all regions.
Stock lasts while the pressure is below the level of its long-run share. Near that level it comes and goes within
minutes, far from it it stays for days: so runs are heavy-tailed, their hazard falls with age, and zones fail together
the more, the longer it lasts. `tests/stock_figures.py` compares it with the measured figures.

Pure: any instant is found from (seed, place, elapsed) alone, in any order, after any restart; a row only remembers
where it stands. Not a demand model: nobody's machines are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import floor, inf, sqrt
from statistics import NormalDist

MINUTE_S = 60.0
_NORMAL = NormalDist()
_WORD = 2.0**-64

_Part = tuple[int, float, float]  # octave's number, mean time between jumps, variance
_Cell = tuple[float, float, float]  # begin, end, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Octave:
    """`period_s` is the mean time between two jumps. `variance` is its part of the whole; `region` and `world` are
    the parts of it that the zones of a region, and all regions, have in common."""

    period_s: float
    variance: float
    region: float
    world: float


# Fitted by a random search to run lengths, hazards and correlations of 17 Spot series (AWS, 2022 and 2023, 27 and 30
# days, one probe in ten minutes; skypilot-org/spot-traces, "Can't Be Late", NSDI 2024), then rounded.
OCTAVES = (
    Octave(period_s=7 * MINUTE_S, variance=0.025, region=0.0, world=0.0),
    Octave(period_s=40 * MINUTE_S, variance=0.08, region=0.25, world=0.10),
    Octave(period_s=240 * MINUTE_S, variance=0.40, region=0.53, world=0.29),
    Octave(period_s=1_440 * MINUTE_S, variance=0.25, region=0.38, world=0.45),
    Octave(period_s=8_640 * MINUTE_S, variance=0.245, region=0.28, world=0.40),
)
# How far places differ for good: standard deviations between regions and between the zones of one, in the same unit.
REGIONS_DIFFER, ZONES_DIFFER = 0.6, 0.3


def level(share: float) -> float:
    """The level below which the pressure of one place stays for this share of time."""
    return -inf if share <= 0 else inf if share >= 1 else _NORMAL.inv_cdf(share)


def level_over_places(share: float) -> float:
    """The same for a share meant over all places, which differ for good (`standing`)."""
    return level(share) * sqrt(1 + REGIONS_DIFFER**2 + ZONES_DIFFER**2)


class Pressure:
    """All rows of one seed. Memory is bounded by the number of places and accelerators."""

    def __init__(self, seed: str, octaves: Sequence[Octave] = OCTAVES) -> None:
        self.seed = seed
        self._rows: dict[str, _Row] = {}
        self._world = [(n, o.period_s, o.variance * o.world) for n, o in enumerate(octaves)]
        self._region = [(n, o.period_s, o.variance * o.region) for n, o in enumerate(octaves)]
        self._zone = [(n, o.period_s, o.variance * (1 - o.region - o.world)) for n, o in enumerate(octaves)]

    def __len__(self) -> int:
        """Rows in memory."""
        return len(self._rows)

    def at(self, elapsed_s: float, *, accelerator: str, region: str, zone: str) -> float:
        """Standard normal over time, in every place."""
        return (
            self._row(accelerator, self._world).at(elapsed_s)
            + self._row(f"{accelerator}/{region}", self._region).at(elapsed_s)
            + self._row(f"{accelerator}/{zone}", self._zone).at(elapsed_s)
        )

    def standing(self, *, accelerator: str, region: str, zone: str) -> float:
        """What a place has more or less than others, for good."""
        return (
            REGIONS_DIFFER * _draw(f"{self.seed}/{accelerator}/{region}/standing")[1]
            + ZONES_DIFFER * (_draw(f"{self.seed}/{accelerator}/{zone}/standing")[1])
        )

    def _row(self, place: str, parts: list[_Part]) -> _Row:
        row = self._rows.get(place)
        if row is None:
            row = self._rows[place] = _Row(f"{self.seed}/{place}", parts)
        return row


class _Row:
    """The sum of what a place has of each octave. Between `begin` and `end` it doesn't change."""

    __slots__ = ("_begin", "_cells", "_end", "_name", "_parts", "_value")

    def __init__(self, name: str, parts: list[_Part]) -> None:
        self._name, self._parts = name, [p for p in parts if p[2] > 0]
        self._cells = [(inf, -inf, 0.0)] * len(self._parts)
        self._begin, self._end, self._value = inf, -inf, 0.0

    def at(self, elapsed_s: float) -> float:
        if not self._begin <= elapsed_s < self._end:
            self._move(elapsed_s)
        return self._value

    def _move(self, elapsed_s: float) -> None:
        self._begin, self._end, self._value = -inf, inf, 0.0
        for at, (number, period_s, variance) in enumerate(self._parts):
            begin, end, value = self._cells[at]
            if not begin <= elapsed_s < end:
                begin, end, value = self._cells[at] = self._cell(number, period_s, variance, elapsed_s)
            self._begin, self._end = max(self._begin, begin), min(self._end, end)
            self._value += value

    def _cell(self, number: int, period_s: float, variance: float, elapsed_s: float) -> _Cell:
        """Cell n of an octave begins within period n, by its own draw."""
        n = floor(elapsed_s / period_s)
        when, value = _draw(f"{self._name}/{number}/{n}")
        begin, end = (n + when) * period_s, 0.0
        if elapsed_s < begin:
            n, end = n - 1, begin
            when, value = _draw(f"{self._name}/{number}/{n}")
            begin = (n + when) * period_s
        else:
            end = (n + 1 + _draw(f"{self._name}/{number}/{n + 1}")[0]) * period_s
        return begin, end, sqrt(variance) * value


def _draw(name: str) -> tuple[float, float]:
    """A uniform and a standard normal number that belong to a name."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    return first * _WORD, _NORMAL.inv_cdf((second + 0.5) * _WORD)
