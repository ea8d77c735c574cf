"""How often what the odds call likely comes true: `python -m tests.odds_calibration [--seeds N] [TRACE.json ...]`.

Tries at random times, 5 minutes to a day apart, in series of Spot launches: those of the sandbox's process, or of trace
files. Before each try a region is judged as the product judges it, by the outcomes before. No series is kept here.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lib.fleet.attempts import KEPT_PER_KIND
from lib.fleet.capacity import candidates
from lib.fleet.model import Attempt, Outcome, PlacementSpec, Provisioning, RegionCapacity
from tests.stock_figures import Sample, process, read

GPU, MODEL = "nvidia-l4", Provisioning.SPOT
START = datetime(2026, 11, 23, tzinfo=UTC)
NEAREST_MIN, FARTHEST_MIN = 5.0, 24 * 60.0
SPEC = PlacementSpec(accelerators=(GPU,), provisioning=(MODEL,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    chance: float
    got: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    low: float
    cases: int
    called: float  # mean of what was called
    came_true: float  # share


def cases(sample: Sample, seed: int) -> Iterator[Case]:
    """Every try in the order of time, judged before it is made. A series is a place of its own, as a region is."""
    rng = random.Random(seed)
    kept: dict[int, tuple[Attempt, ...]] = {}
    for minute, place in sorted(_times(sample, rng)):
        at = START + timedelta(minutes=minute)
        got = bool(sample.rows[place][int(minute / sample.probe_min)])
        yield Case(chance=_judged(place, at, kept), got=got)
        tried = Attempt(
            region=f"place-{place}",
            accelerator=GPU,
            provisioning=MODEL,
            outcome=Outcome.OBTAINED if got else Outcome.STOCK_OUT,
            at=at,
        )
        kept[place] = (tried, *kept.get(place, ()))[:KEPT_PER_KIND]


def _times(sample: Sample, rng: random.Random) -> Iterator[tuple[float, int]]:
    for place, row in enumerate(sample.rows):
        minute = 60 * rng.random()
        while minute < (len(row) - 1) * sample.probe_min:
            yield minute, place
            minute += math.exp(rng.uniform(math.log(NEAREST_MIN), math.log(FARTHEST_MIN)))


def _judged(place: int, at: datetime, kept: dict[int, tuple[Attempt, ...]]) -> float:
    name = f"place-{place}"
    zones = tuple(f"{name}-{letter}" for letter in "abc")
    [found] = candidates(
        SPEC,
        {name: RegionCapacity(region=name, zones=zones, offered={GPU: zones})},
        accelerator=GPU,
        provisioning=MODEL,
        attempts=[a for mine in kept.values() for a in mine],
        global_quota=None,
        now=at,
        every_region=False,
    )
    return found.obtainability or 0.0


def buckets(found: Iterable[Case]) -> list[Bucket]:
    """Ten of them, those without a case left out."""
    held: dict[int, list[Case]] = {}
    for case in found:
        held.setdefault(min(9, int(case.chance * 10 + 1e-9)), []).append(case)
    return [
        Bucket(
            low=n / 10,
            cases=len(mine),
            called=sum(c.chance for c in mine) / len(mine),
            came_true=sum(c.got for c in mine) / len(mine),
        )
        for n, mine in sorted(held.items())
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.odds_calibration", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("traces", type=Path, nargs="*")
    asked = parser.parse_args(arguments)
    played: list[Case] = []
    for seed in range(asked.seeds):
        samples = [read(p) for p in asked.traces] or process(seed)
        played += [case for sample in samples for case in cases(sample, seed)]
    brier = sum((c.chance - c.got) ** 2 for c in played) / len(played)
    sys.stdout.write(
        f"{len(played)} tries, Brier score {brier:.4f}\n{'called':>10}{'tries':>8}{'mean':>8}{'came true':>11}\n"
    )
    for b in buckets(played):
        sys.stdout.write(f"{b.low:>6.0%}-{b.low + 0.1:.0%}{b.cases:>8}{b.called:>8.2f}{b.came_true:>11.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
