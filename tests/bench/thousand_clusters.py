"""Observe, plan and publish for a thousand clusters of twenty pods each: seconds and memory of the controller.

The cloud is tests/bench/stub_cloud.py, a process of its own that costs little; what is measured is the controller's own
code, gateways and client libraries, in a process of their own. `python -m tests.bench.thousand_clusters` measures
without the rest of the product.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from lib.controller import collector, render
from lib.controller.loop import Controller
from lib.controller.wire import connect
from lib.fleet.model import Phase
from lib.fleet.names import cluster_name
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.delivery_tree import BRANCH
from lib.settings import Settings
from tests.bench.stub_cloud import regions
from tests.e2e.stack import ROOT
from tests.waiting import wait_until

SIZES, PODS, LOOKS = (100, 1000), 20, 3
Figures = dict[str, object]


def costs() -> Figures:
    """Each size in a process of its own; about a minute and a half."""
    found: Figures = {}
    for size in SIZES:
        words = [sys.executable, "-m", "tests.bench.thousand_clusters", str(size)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        found |= json.loads(done.stdout)
    small, large = (found[f"cycle_{size}_clusters_cpu_s"] for size in SIZES)
    assert isinstance(small, float)
    assert isinstance(large, float)
    found["cycle_cpu_growth_100_to_1000"] = round(large / small, 1)
    return found


def measure(size: int) -> Figures:
    with (
        tempfile.TemporaryDirectory(prefix="atlas-bench-cycle-") as folder,
        _cloud(Path(folder), size) as settings,
    ):
        wire = connect(settings)
        controller = Controller(wire, settings)
        collector.calm()  # as the process does it
        took: list[float] = []
        used: list[float] = []
        for _ in range(LOOKS + 1):
            began, cpu = time.perf_counter(), time.process_time()
            placement = wire.placement.get()
            controller._reconcile(placement, controller._observer.observe(settings.now()))
            took.append(time.perf_counter() - began)
            used.append(time.process_time() - cpu)
        serving = [r for r in wire.placement.get().status.regions if r.phase is Phase.SERVING]
        return {
            f"cycle_{size}_clusters_answered": len(serving),  # a slow machine does not hear all in time
            f"cycle_{size}_clusters_first_s": round(took[0], 2),  # everything is new, and told
            f"cycle_{size}_clusters_median_s": round(statistics.median(took[1:]), 2),
            f"cycle_{size}_clusters_cpu_s": round(statistics.median(used[1:]), 2),
            f"cycle_{size}_clusters_rss_mb": round(psutil.Process().memory_info().rss / 1e6),
        }


@contextmanager
def _cloud(state_dir: Path, size: int) -> Iterator[Settings]:
    words = [sys.executable, "-m", "tests.bench.stub_cloud", str(state_dir), str(size), str(PODS)]
    process = subprocess.Popen(words, cwd=ROOT)
    try:
        settings = Settings(state_dir=state_dir)
        _deliver(settings, size)
        wait_until((state_dir / "sandbox" / "endpoints.json").exists, what="the stub answers")
        yield settings
    finally:
        process.terminate()
        process.wait(timeout=20)


def _deliver(settings: Settings, size: int) -> None:
    """A repository in which every cluster got its workload by a commit of its own."""
    from dulwich.repo import Repo

    path = settings.state_dir / "delivery.git"
    path.mkdir(parents=True)
    Repo.init_bare(str(path), default_branch=BRANCH.rpartition(b"/")[2]).close()
    gateway, sources = DeliveryGateway(settings), render.read_sources()
    for region in regions(size):
        variant = render.Variant(cluster=cluster_name(region), region=region, accelerator="nvidia-l4")
        gateway.commit(
            variant.cluster, render.render(sources, variant), subject=f"Run in {region}", author="bench"
        )


if __name__ == "__main__":
    figures = measure(int(sys.argv[1])) if len(sys.argv) > 1 else costs()
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
