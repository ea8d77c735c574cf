"""The layers of the grid: what a cell shows as a step of colour and a text, and what that means. Pure values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lib.fleet.model import Candidate
from lib.ui.cells import LETTER_COLORS, LETTER_WORDS, NOT_LOOKED_AT, NOT_OFFERED, Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One colour of a layer: a name of the theme and how much of it, and what it means."""

    color: str
    share: float
    means: str


NOTHING: Final = Step(color="gray", share=0.05, means="not offered")
UNKNOWN: Final = Step(color="gray", share=0.22, means="not looked at yet")
_ODDS: Final = tuple(
    Step(
        color=LETTER_COLORS[letter],
        share=0.05 if letter == "N" else 0.22 if letter in "-F" else 0.42,
        means=LETTER_WORDS[letter],
    )
    for letter in "LPUQF?N-"
)
_PRICES: Final = (0.5, 1.0, 2.0, 5.0, 15.0)
_FREE: Final = (0, 1, 4, 8)
_MINUTES: Final = (10, 15, 20)
STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "Obtainability": _ODDS,
    "Price": (
        *(
            Step(color="blue", share=0.12 + 0.1 * n, means=means)
            for n, means in enumerate(
                ("under $0.50", "under $1", "under $2", "under $5", "under $15", "$15 and more")
            )
        ),
        NOTHING,
        UNKNOWN,
    ),
    "Quota headroom": (
        Step(color="red", share=0.36, means="none free"),
        Step(color="green", share=0.16, means="1 to 3 free"),
        Step(color="green", share=0.30, means="4 to 7 free"),
        Step(color="green", share=0.46, means="8 or more free"),
        Step(color="violet", share=0.26, means="not readable"),
        NOTHING,
        UNKNOWN,
    ),
    "Expected time": (
        *(
            Step(color="blue", share=0.14 + 0.13 * n, means=means)
            for n, means in enumerate(("up to 10 min", "up to 15 min", "up to 20 min", "longer"))
        ),
        NOTHING,
        UNKNOWN,
    ),
}


LEGENDS: Final = {
    "Price": "dollars an hour, machine and cluster fee; the deeper the dearer",
    "Quota headroom": "GPUs of that type that the region's quota leaves free; ? where it isn't readable",
    "Expected time": "minutes to a serving replica if it is had at once; the deeper the longer",
}


def shown(layer: str, cell: Cell) -> tuple[int, str]:
    """The index of its step and what is written in it."""
    found, steps = cell.candidate, STEPS[layer]
    if found is None:
        return len(steps) - 1, NOT_LOOKED_AT
    if not found.zones:
        return len(steps) - 2, NOT_OFFERED
    return _SHOWN[layer](cell, found)


def _odds(cell: Cell, found: Candidate) -> tuple[int, str]:
    letter = cell.letter
    percent = f"{found.obtainability:.0%}"[:-1] if found.obtainability is not None else letter
    return "LPUQF?N-".index(letter), percent if letter in "LPU" else letter


def _price(_: Cell, found: Candidate) -> tuple[int, str]:
    usd = found.usd_per_hour
    if usd is None:
        return len(STEPS["Price"]) - 1, "?"
    return sum(usd >= limit for limit in _PRICES), f"{usd:.2f}" if usd < 10 else f"{usd:.0f}"


def _quota(_: Cell, found: Candidate) -> tuple[int, str]:
    if found.quota is None:
        return len(_FREE), "?"
    free = max(0.0, found.quota.limit - found.quota.usage)
    return sum(free >= limit for limit in _FREE[1:]), f"{free:g}"


def _time(_: Cell, found: Candidate) -> tuple[int, str]:
    if found.eta_s is None:
        return len(STEPS["Expected time"]) - 1, "?"
    minutes = round(found.eta_s / 60)
    return sum(minutes > limit for limit in _MINUTES), f"{minutes}"


_SHOWN: Final[dict[str, Callable[[Cell, Candidate], tuple[int, str]]]] = {
    "Obtainability": _odds,
    "Price": _price,
    "Quota headroom": _quota,
    "Expected time": _time,
}
