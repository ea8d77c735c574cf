"""How long one look at 43 regions takes when every API call is 100 ms away, beside `kubectl get` for the same clusters.

A sandbox with a cluster of ours in each region, each with the Web UI's pod behind the global address (without a GPU, for
no quota is that large); then its api-latency fault. The client shares the machine with the sandbox, which is a peer for
both: kubectl asks the same one. `python -m tests.bench.observe_cycle` measures without the rest of the product.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.cli import sandbox as sandbox_verbs
from lib.controller import render
from lib.controller.bootstrap import Bootstrap
from lib.controller.fanout import FanOut
from lib.controller.loop import WORKERS
from lib.controller.observe import Observer
from lib.controller.wire import Wire, connect
from lib.fleet import catalog
from lib.fleet.model import ClusterObservation
from lib.fleet.names import cluster_name
from lib.gateways.faults import FaultsGateway
from lib.gateways.kube import Kube, resource_path
from lib.settings import Settings
from tests.contract.conftest import Sandbox
from tests.waiting import wait_until

LATENCY_MS, LOOKS, AT_ONCE = 100, 10, 8
Figures = dict[str, object]


def costs() -> Figures:
    """About a minute, most of it kubectl's."""
    with (
        tempfile.TemporaryDirectory(prefix="atlas-bench-observe-") as folder,
        _fleet(Path(folder)) as settings,
    ):
        found = _looks(settings)
        found |= _kubectl(settings)
    for way in ("in_turn", "8_at_a_time"):
        found[f"kubectl_{way}_to_observe"] = round(
            found[f"kubectl_43_{way}_s"] / found["observe_43_median_s"], 1
        )
    return dict(found)


def _looks(settings: Settings) -> dict[str, float]:
    fan_out = FanOut(WORKERS)
    observer = Observer(connect(settings), fan_out, speed=settings.speed)
    took: list[float] = []
    for _ in range(LOOKS + 1):
        began = time.perf_counter()
        seen = observer.observe(settings.now())
        took.append(time.perf_counter() - began)
        assert not seen.unknown, seen.unknown
        mine = [r for r in seen.regions.values() if r.cluster and r.workload and r.backends and not r.unknown]
        assert len(mine) == len(catalog.REGIONS), len(mine)
    fan_out.close()
    return {
        "observe_43_first_s": round(took[0], 2),  # connections are opened, the slow facts are read
        "observe_43_median_s": round(statistics.median(took[1:]), 2),
        "observe_43_worst_s": round(max(took[1:]), 2),
    }


def _kubectl(settings: Settings) -> dict[str, float]:
    """`kubectl get pods` of each cluster, its discovery cached beforehand."""
    environment = {
        **os.environ,
        **sandbox_verbs._environment(settings),
        "KUBECACHEDIR": str(settings.state_dir),
    }

    def get(region: str) -> None:
        words = ["kubectl", "--context", cluster_name(region), "get", "pods", "-o", "json"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        assert len(json.loads(done.stdout)["items"]) == 1

    def at_once() -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(get, catalog.REGIONS))

    at_once()
    return {
        "kubectl_43_in_turn_s": _timed(lambda: [get(region) for region in catalog.REGIONS]),
        "kubectl_43_8_at_a_time_s": _timed(at_once),
    }


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return round(time.perf_counter() - began, 2)


@contextmanager
def _fleet(state_dir: Path) -> Iterator[Settings]:
    """Every region serves, and from then on each call takes its time."""
    sandbox = Sandbox(state_dir=state_dir).start()
    try:
        settings = Settings(state_dir=state_dir)
        faults, wire = FaultsGateway(settings), connect(settings)
        _set_up(settings, wire)
        for region in catalog.REGIONS:
            wire.gke.create_cluster(region, cluster_name(region))
        clusters = wait_until(lambda: _running(wire), timeout_s=120, every_s=0.5, what="43 clusters")
        for cluster in clusters:
            _deploy(settings, cluster)
            wire.ingress.attach(cluster.region, cluster.name)
        wait_until(lambda: _healthy(wire), timeout_s=180, every_s=0.5, what="43 healthy backends")
        faults.set_clock(speed=1)
        faults.create("api-latency", {"ms": LATENCY_MS})
        yield settings
    finally:
        sandbox.stop()


def _set_up(settings: Settings, wire: Wire) -> None:
    """As the controller does it."""
    bootstrap = Bootstrap(wire, settings)

    def finished() -> bool:
        bootstrap.advance()
        return bootstrap.finished

    wait_until(finished, timeout_s=60, every_s=0.2, what="the set-up is finished")


def _running(wire: Wire) -> list[ClusterObservation]:
    names = {cluster_name(region) for region in catalog.REGIONS}
    found = [c for c in wire.gke.list_clusters() if c.name in names and c.status == "RUNNING"]
    return found if len(found) == len(names) else []


def _healthy(wire: Wire) -> bool:
    return sum(any(b.healthy for b in found) for found in wire.compute.list_backends().values()) == len(
        catalog.REGIONS
    )


def _deploy(settings: Settings, cluster: ClusterObservation) -> None:
    """What Config Sync would apply, but without the GPU."""
    kube = Kube(settings, name=cluster.name, endpoint=cluster.endpoint, ca_certificate=cluster.ca_certificate)
    variant = render.Variant(cluster=cluster.name, region=cluster.region, accelerator="nvidia-l4")
    documents = [
        d for text in render.render(render.read_sources(), variant).values() for d in render.load(text)
    ]
    for document in documents:
        if document["kind"] == "Deployment":
            pod: dict[str, Any] = document["spec"]["template"]["spec"]
            pod["nodeSelector"] = {}
            pod["containers"][0]["resources"]["limits"] = {}
        plural = f"{document['kind'].lower()}s"
        path = resource_path(document["apiVersion"], plural, namespace=settings.namespace)
        kube.create(path, document, doing=f"deploying to {cluster.name}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(costs(), indent=2) + "\n")
