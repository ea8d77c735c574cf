"""The measured figures of Spot stock, and the same figures of the sandbox's process: `python -m tests.stock_figures`.

The figures are facts about 17 series of AWS Spot launches (skypilot-org/spot-traces at 221da1a: 2022-10-26, all of it,
and the first 30 days of 2023-02-15; "Can't Be Late", NSDI 2024), one probe in ten minutes. No series is kept here. With
file names the same figures of those traces are printed instead:

    python -m tests.stock_figures [--seeds N] [TRACE.json ...]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lib.sandbox.pressure import OCTAVES, Octave, Pressure, level

Series = NDArray[np.int8]  # 1: a launch was granted
PROBE_MIN = 10.0
AGES_MIN = (0, 15, 65, 245, 965)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`measured`, and how far the process may be off: a factor, or for shares and correlations a distance."""

    name: str
    measured: float
    factor: float = 1.0
    distance: float = 0.0

    def holds(self, value: float) -> bool:
        if self.distance:
            return abs(value - self.measured) <= self.distance
        return 1 / self.factor <= value / self.measured <= self.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Zones that were probed together: region and series of each."""

    regions: tuple[str, ...]
    rows: Sequence[Series]
    probe_min: float = PROBE_MIN


# Share of time in stock of each measured zone: what the process is asked for, not what it is judged by.
MEASURED_ZONES: tuple[tuple[int, tuple[tuple[str, float], ...]], ...] = (
    (
        30,
        (
            ("e1", 0.16), ("e1", 0.42), ("e1", 0.41), ("e1", 0.52), ("e2", 0.75), ("e2", 0.68),
            ("w2", 0.85), ("w2", 0.88), ("w2", 0.85),
        ),
    ),
    *((27, (("w2", a), ("w2", b))) for a, b in ((0.79, 0.72), (0.48, 0.47), (0.89, 0.12), (0.33, 0.41))),
)  # fmt: skip

FIGURES = (
    Figure(name="up run, median, min", measured=30, factor=1.25),
    Figure(name="up run, mean, min", measured=141, factor=1.25),
    Figure(name="up run, 90th percentile, min", measured=304, factor=1.25),
    Figure(name="up run, deviation over mean", measured=3.19, factor=1.25),
    Figure(name="down run, median, min", measured=21, factor=1.25),
    Figure(name="down run, mean, min", measured=96, factor=1.25),
    Figure(name="down run, 90th percentile, min", measured=240, factor=1.25),
    Figure(name="down run, deviation over mean", measured=2.78, factor=1.25),
    Figure(name="up hazard, age 0 to 15 min, per h", measured=1.39, factor=1.3),
    Figure(name="up hazard, age 15 to 65 min, per h", measured=1.0, factor=1.3),
    Figure(name="up hazard, age 65 to 245 min, per h", measured=0.324, factor=1.3),
    Figure(name="up hazard, age 245 to 965 min, per h", measured=0.143, factor=1.3),
    Figure(name="down hazard, age 0 to 15 min, per h", measured=1.76, factor=1.3),
    Figure(name="down hazard, age 15 to 65 min, per h", measured=1.04, factor=1.3),
    Figure(name="down hazard, age 65 to 245 min, per h", measured=0.361, factor=1.3),
    Figure(name="down hazard, age 245 to 965 min, per h", measured=0.212, factor=1.3),
    Figure(name="correlation inside a region", measured=0.42, distance=0.06),
    Figure(name="correlation across regions", measured=0.16, distance=0.06),
    Figure(name="correlation inside a region, 4 h means", measured=0.61, distance=0.08),
    Figure(name="correlation across regions, 4 h means", measured=0.25, distance=0.08),
    Figure(name="some zone of the scarcest region", measured=0.66, distance=0.08),
    Figure(name="some zone of all nine", measured=0.988, distance=0.03),
)


def process(seed: int, octaves: Sequence[Octave] = OCTAVES) -> list[Sample]:
    """What the process makes of the measured zones: the same shares, spans and probes."""
    return [
        _process(Pressure(f"figures/{seed}/{number}", octaves), days, zones)
        for number, (days, zones) in enumerate(MEASURED_ZONES)
    ]


def _process(pressure: Pressure, days: int, zones: tuple[tuple[str, float], ...]) -> Sample:
    probes = range(0, days * 86_400, int(PROBE_MIN * 60))
    rows = []
    for number, (region, share) in enumerate(zones):
        below, zone = level(share), f"{region}-{number}"
        found = [pressure.at(t, accelerator="gpu", region=region, zone=zone) < below for t in probes]
        rows.append(np.array(found, dtype=np.int8))
    return Sample(regions=tuple(region for region, _ in zones), rows=rows)


def read(path: Path) -> Sample:
    """A trace as the scenarios take it. Values held between slower probes are left out."""
    told = json.loads(path.read_text(encoding="utf-8"))
    gap_min = told["gap_seconds"] / 60
    probe_min = gap_min if gap_min >= PROBE_MIN else 10.5
    kept = (np.arange(int(told["ticks"] * gap_min / probe_min)) * probe_min / gap_min).astype(int)
    rows = [np.array([int(c) for c in zone["data"]], dtype=np.int8)[kept] for zone in told["zones"]]
    return Sample(regions=tuple(zone["region"] for zone in told["zones"]), rows=rows, probe_min=probe_min)


def figures(samples: Iterable[Sample]) -> dict[str, float]:
    """All figures, pooled over the samples."""
    pooled = list(samples)
    return {**_run_figures(pooled), **_hazards(pooled), **_correlations(pooled), **_unions(pooled)}


def runs(row: Series) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Lengths in probes, and state, of all runs; the first and the last are cut off by the span."""
    edges = np.r_[0, np.flatnonzero(np.diff(row)) + 1, len(row)]
    return np.diff(edges), row[edges[:-1]]


def _run_figures(samples: list[Sample]) -> dict[str, float]:
    told = {}
    for name, state in (("up", 1), ("down", 0)):
        whole = []
        for sample in samples:
            for row in sample.rows:
                lengths, states = runs(row)
                whole.append(lengths[1:-1][states[1:-1] == state] * sample.probe_min)
        found = np.concatenate(whole)
        told[f"{name} run, median, min"] = float(np.median(found))
        told[f"{name} run, mean, min"] = float(found.mean())
        told[f"{name} run, 90th percentile, min"] = float(np.percentile(found, 90))
        told[f"{name} run, deviation over mean"] = float(found.std() / found.mean())
    return told


def _hazards(samples: list[Sample]) -> dict[str, float]:
    """Ends of runs per hour that runs of this age lasted; the last run counts up to where the span cuts it off."""
    told = {}
    for name, state in (("up", 1), ("down", 0)):
        for low, high in itertools.pairwise(AGES_MIN):
            ends = minutes = 0.0
            for sample in samples:
                for row in sample.rows:
                    lengths, states = runs(row)
                    length = lengths[1:] * sample.probe_min
                    mine, ended = states[1:] == state, np.arange(1, len(lengths)) < len(lengths) - 1
                    ends += np.sum(mine & ended & (length > low) & (length <= high))
                    minutes += np.sum(np.clip(length[mine], low, high) - low)
            told[f"{name} hazard, age {low} to {high} min, per h"] = float(60 * ends / minutes)
    return told


def _correlations(samples: list[Sample]) -> dict[str, float]:
    told = {}
    for suffix, window in (("", 1), (", 4 h means", round(240 / PROBE_MIN))):
        inside, across = [], []
        for sample in samples:
            size = len(sample.rows[0]) // window
            means = np.array([row[: size * window].reshape(size, window).mean(1) for row in sample.rows])
            varying = means.std(1) > 0
            found = np.corrcoef(means[varying])
            regions = [r for r, v in zip(sample.regions, varying, strict=True) if v]
            for i in range(len(regions)):
                for j in range(i):
                    (inside if regions[i] == regions[j] else across).append(found[i, j])
        told[f"correlation inside a region{suffix}"] = float(np.mean(inside))
        told[f"correlation across regions{suffix}"] = float(np.mean(across)) if across else float("nan")
    return told


def _unions(samples: list[Sample]) -> dict[str, float]:
    wide = [s for s in samples if len(set(s.regions)) > 1]
    if not wide:
        return {}
    scarcest, everywhere = [], []
    for sample in wide:
        by_region = [
            np.max([row for row, r in zip(sample.rows, sample.regions, strict=True) if r == region], axis=0)
            for region in sorted(set(sample.regions))
        ]
        scarcest.append(by_region[0].mean())
        everywhere.append(np.max(by_region, axis=0).mean())
    return {
        "some zone of the scarcest region": float(np.mean(scarcest)),
        "some zone of all nine": float(np.mean(everywhere)),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stock_figures", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("traces", type=Path, nargs="*")
    asked = parser.parse_args(arguments)
    samples = [read(p) for p in asked.traces] or [s for seed in range(asked.seeds) for s in process(seed)]
    found = figures(samples)
    heads = ("figure", "target", "trace" if asked.traces else "process", "holds")
    sys.stdout.write(f"{heads[0]:42}{heads[1]:>10}{heads[2]:>10}  {heads[3]}\n")
    for figure in FIGURES:
        value = found.get(figure.name, float("nan"))
        holds = "yes" if figure.holds(value) else "no"
        sys.stdout.write(f"{figure.name:42}{figure.measured:10.3f}{value:10.3f}  {holds}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
