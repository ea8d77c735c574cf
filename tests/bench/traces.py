"""The placement policy beside its baselines on recorded Spot traces: `python -m tests.bench.traces`, part of `make bench`.

The traces and the simulator that plays them aren't shipped, for their licence isn't known. ATLAS_BENCH_TRACES names the
folder that holds the simulator, `placement_sim.py`; it knows where its traces are. Without it one sentence says that
nothing was measured. A command may be given to judge another policy: `python -m tests.bench.traces ./mine --stdio`.

Means over the training sets and N = 1, 2, 4. Base is the revision of SpotHedge that lacks replicas for the least time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "ATLAS_BENCH_TRACES"
OURS, ORACLE = "external", "oracle"
REVISIONS = ("spothedge+1", "hedge_ttl+1")
OTHERS = ("round_robin", "cheapest")
CONDITIONS = ((0, 183), (0, 600), (1, 183), (1, 600))

Row = Mapping[str, float | str]
Means = Mapping[str, float]


def table(command: str = "./atlas policy --stdio") -> dict[str, object]:
    """A figure a condition, and the table of all policies on stderr."""
    folder = os.environ.get(FOLDER)
    if not folder or not (Path(folder) / "placement_sim.py").is_file():
        return {"trace_table": f"not measured: {FOLDER} names no folder that holds placement_sim.py."}
    figures: dict[str, object] = {}
    rows = _played(Path(folder), command)
    for ondemand, cold_s in CONDITIONS:
        means = means_of(r for r in rows if (r["od"], r["cold"]) == (ondemand, cold_s))
        name = f"traces_{'ondemand' if ondemand else 'spot'}_{cold_s}s"
        sys.stderr.write(f"{name}\n" + "".join(_lines(means)))
        figures[name] = verdict(means)
    return figures


def means_of(rows: Iterable[Row]) -> dict[str, Means]:
    """By policy: how long fewer than N, and none, were ready (%), cost in N on-demand replicas, attempts a day."""
    by_policy = dict[str, list[Row]]()
    for row in rows:
        by_policy.setdefault(str(row["policy"]), []).append(row)
    return {policy: _mean(found) for policy, found in by_policy.items()}


def verdict(means: Mapping[str, Means]) -> str:
    """Ours against the base; closure is the part of what lies between base and oracle that ours wins."""
    ours, oracle = means[OURS], means[ORACLE]
    base = min((means[r] for r in REVISIONS), key=lambda m: m["lacking"])
    closure = (base["lacking"] - ours["lacking"]) / (base["lacking"] - oracle["lacking"])
    return (
        f"lacking {ours['lacking']:.2f} % (base {base['lacking']:.2f}, oracle {oracle['lacking']:.2f}), "
        f"closure {closure:.0%}, cost {ours['cost'] / base['cost']:.0%} of base, "
        f"none {ours['none']:.2f} % (base {base['none']:.2f}), "
        f"attempts {ours['attempts'] / base['attempts']:.2f} of base"
    )


def _mean(rows: Sequence[Row]) -> Means:
    def mean(key: str) -> float:
        return sum(float(r.get(key, 0.0)) for r in rows) / len(rows)

    return {
        "lacking": 100 * (1 - mean("availN")),
        "none": 100 * (1 - mean("avail1")),
        "cost": mean("cost"),
        "attempts": mean("attempts_day"),
    }


def _lines(means: Mapping[str, Means]) -> Iterable[str]:
    yield f"  {'':12} {'lacking %':>10} {'none %':>8} {'cost':>6} {'attempts/day':>13}\n"
    for policy, m in means.items():
        told = "ours" if policy == OURS else policy
        yield f"  {told:12} {m['lacking']:10.2f} {m['none']:8.2f} {m['cost']:6.3f} {m['attempts']:13.0f}\n"


def _played(folder: Path, command: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="atlas-traces-") as scratch:
        told = Path(scratch) / "rows.json"
        asked = ["--sets", "train", "--n", "1,2,4", "--only", ",".join((*REVISIONS, *OTHERS))]
        subprocess.run(
            [sys.executable, str(folder / "placement_sim.py"), *asked, "--cmd", command, "--json", str(told)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return json.loads(told.read_text())


if __name__ == "__main__":
    for figure, said in table(*([" ".join(sys.argv[1:])] if sys.argv[1:] else [])).items():
        sys.stdout.write(f"{figure}: {said}\n")
