"""How long one plan() takes: for 43 regions x 12 GPUs, and for a thousand clusters of twenty pods. Pure, so no I/O is in
it. `python -m tests.bench.plan_time` prints the medians as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lib.fleet import catalog
from lib.fleet.model import (
    BackendObservation,
    ClusterObservation,
    CreateCluster,
    DeliveredWorkload,
    FleetObservation,
    MembershipObservation,
    Placement,
    PlacementSpec,
    PlacementStatus,
    PodObservation,
    Provisioning,
    Quota,
    RegionCapacity,
    RegionObservation,
    Rollout,
    WorkloadObservation,
)
from lib.fleet.names import cluster_name, sync_directory
from lib.fleet.plan import plan

NOW = datetime(2026, 11, 23, tzinfo=UTC)
GPUS = tuple(catalog.ACCELERATORS)[:12]
L4, CLUSTERS, PODS = "nvidia-l4", 1000, 20


def capacity(region: str) -> RegionCapacity:
    zones = tuple(f"{region}-{letter}" for letter in "abc")
    quotas = {m: Quota(limit=8, usage=0) for g in GPUS for m in (catalog.ACCELERATORS[g].quota_metric,) if m}
    return RegionCapacity(
        region=region, zones=zones, offered=dict.fromkeys(GPUS, zones), quotas=quotas, as_of=NOW
    )


def median_ms(call: Callable[[], object], times: int) -> float:
    took: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(took), 2)


def widest() -> tuple[Placement, FleetObservation]:
    """Nothing is there yet, and all may be had everywhere."""
    seen = FleetObservation(
        at=NOW,
        regions={},
        capacity={name: capacity(name) for name in catalog.REGIONS},
        global_quota=Quota(limit=64, usage=0),
        attached=frozenset(),
        delivered={},
    )
    models = tuple(Provisioning)
    spec = PlacementSpec(accelerators=GPUS, provisioning=models, serving=12, max_hourly_usd=1000)
    return _placement(spec), seen


def largest() -> tuple[Placement, FleetObservation]:
    """A thousand regions serve, and one more is asked for."""
    names = [f"sim-area{number:04d}" for number in range(CLUSTERS)]
    spare = f"sim-area{CLUSTERS:04d}"
    seen = FleetObservation(
        at=NOW,
        regions={name: _region(name) for name in names},
        capacity={name: capacity(name) for name in (*names, spare)},
        global_quota=Quota(limit=1e6, usage=CLUSTERS),
        attached=frozenset(names),
        delivered={cluster_name(name): _delivered(name) for name in names},
    )
    spec = PlacementSpec(accelerators=(L4,), serving=CLUSTERS + 1, max_hourly_usd=1e6)
    found = _placement(spec)
    assert [a.region for a in plan(found, seen, now=NOW).actions if isinstance(a, CreateCluster)] == [spare]
    return found, seen


def _placement(spec: PlacementSpec) -> Placement:
    return Placement(
        name="p", namespace="default", generation=1, resource_version="1", spec=spec, status=PlacementStatus()
    )


def _region(name: str) -> RegionObservation:
    pods = tuple(
        PodObservation(
            name=f"sd-{number}", phase="Running", ready=True, accelerator=L4, node="n", zone=f"{name}-a"
        )
        for number in range(PODS)
    )
    return RegionObservation(
        region=name,
        cluster=ClusterObservation(name=cluster_name(name), region=name, status="RUNNING", owned=True),
        membership=MembershipObservation(
            name=name,
            cluster=cluster_name(name),
            region=name,
            state="READY",
            sync_directory=sync_directory(cluster_name(name)),
            sync_code="SYNCED",
        ),
        workload=WorkloadObservation(accelerator=L4, replicas=PODS, ready_replicas=PODS, pods=pods),
        backends=(BackendObservation(zone=f"{name}-a", neg="n", healthy=PODS, unhealthy=0),),
    )


def _delivered(name: str) -> DeliveredWorkload:
    return DeliveredWorkload(
        cluster=cluster_name(name),
        accelerator=L4,
        provisioning=Provisioning.STANDARD,
        rollout=Rollout.SAFE,
        commit="0" * 40,
    )


def figures() -> dict[str, float]:
    wide, large = widest(), largest()
    return {
        "plan_43x12_median_ms": median_ms(lambda: plan(*wide, now=NOW), 50),
        "plan_1000_clusters_median_ms": median_ms(lambda: plan(*large, now=NOW), 5),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(figures()) + "\n")
