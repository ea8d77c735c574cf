"""How many GPUs the project may use: limits by region and by GPUS_ALL_REGIONS, usage counted from what runs.

Usage is never kept: it is counted from the Node objects of all clusters, so it can't drift from them. Whether a
GPU is in stock is `stock`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lib.sandbox import catalog, faults, scenario
from lib.sandbox.store import Document
from lib.sandbox.world import ADDRESSES, CLUSTERS, FORWARDING_RULES, INSTANCES, RESERVATIONS, World

GPUS_ALL_REGIONS = 16
GPU_LIMITS = {
    "NVIDIA_L4_GPUS": 8,
    "NVIDIA_T4_GPUS": 8,
    "NVIDIA_A100_GPUS": 4,
    "NVIDIA_A100_80GB_GPUS": 4,
    "NVIDIA_P4_GPUS": 1,
    "NVIDIA_P100_GPUS": 1,
    "NVIDIA_V100_GPUS": 1,
    "NVIDIA_K80_GPUS": 0,
    "PREEMPTIBLE_NVIDIA_L4_GPUS": 8,
    "PREEMPTIBLE_NVIDIA_T4_GPUS": 8,
    "PREEMPTIBLE_NVIDIA_A100_GPUS": 4,
    "PREEMPTIBLE_NVIDIA_A100_80GB_GPUS": 4,
    "PREEMPTIBLE_NVIDIA_H100_GPUS": 8,
    "PREEMPTIBLE_NVIDIA_P4_GPUS": 1,
    "PREEMPTIBLE_NVIDIA_P100_GPUS": 1,
    "PREEMPTIBLE_NVIDIA_V100_GPUS": 1,
}
FAMILY_LIMIT = 8  # gpus_per_gpu_family, by family and region; only the Cloud Quotas API shows it
OTHER_LIMITS = {
    "CPUS": 500.0,
    "A2_CPUS": 96.0,
    "DISKS_TOTAL_GB": 102_400.0,
    "SSD_TOTAL_GB": 40_960.0,
    "IN_USE_ADDRESSES": 100.0,
    "INSTANCES": 500.0,
    "STATIC_ADDRESSES": 8.0,
}
FIRST_NODES = 3.0  # of a new Autopilot cluster
_NODE = {"INSTANCES": 1.0, "IN_USE_ADDRESSES": 1.0}
GLOBAL_LIMITS = {
    "STATIC_ADDRESSES": 8.0,
    "FORWARDING_RULES": 75.0,
    "BACKEND_SERVICES": 75.0,
    "HEALTH_CHECKS": 75.0,
    "URL_MAPS": 75.0,
    "TARGET_HTTP_PROXIES": 75.0,
    "NETWORK_ENDPOINT_GROUPS": 100.0,
}
_METRIC_ACCELERATOR = {
    metric: a.name
    for a in catalog.ACCELERATORS.values()
    for metric in (a.quota_metric, a.preemptible_quota_metric)
    if metric
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuNode:
    region: str
    accelerator: str
    spot: bool
    gpus: int
    vcpus: int


def room(world: World, *, region: str, accelerator: str, provisioning: str) -> bool:
    """Whether the project may run one more machine with this GPU: regional limit and GPUS_ALL_REGIONS."""
    return fits(world, 1, region=region, accelerator=accelerator, provisioning=provisioning)


def fits(world: World, machines: int, *, region: str, accelerator: str, provisioning: str) -> bool:
    """As `room`, for so many machines."""
    known = catalog.ACCELERATORS.get(accelerator)
    if known is None or region not in catalog.REGIONS:
        return False
    spot, nodes = provisioning == "SPOT", tuple(gpu_nodes(world))
    limit = _limit_of(world, region, known, spot=spot)
    used = sum(
        n.gpus for n in nodes if n.region == region and n.accelerator == accelerator and n.spot == spot
    )
    everywhere = sum(n.gpus for n in nodes)
    more = known.gpus * machines
    return used + more <= limit and everywhere + more <= global_limit(world)


def full(world: World, region: str, metric: str) -> bool:
    """Whether the regional limit of a metric leaves no room, whatever the project's own leaves."""
    return _regional_usage(world, region).get(metric, 0.0) >= limit(world, region, metric)


def _limit_of(world: World, region: str, accelerator: catalog.Accelerator, *, spot: bool) -> float:
    metric = accelerator.preemptible_quota_metric if spot else accelerator.quota_metric
    if metric:
        return limit(world, region, metric)
    return 0.0 if _none(world, region=region, accelerator=accelerator.name) else FAMILY_LIMIT


def limit(world: World, region: str, metric: str) -> float:
    if metric not in GPU_LIMITS:
        return OTHER_LIMITS.get(metric, 0.0)
    none = _none(world, region=region, accelerator=_METRIC_ACCELERATOR.get(metric, ""))
    return 0.0 if none else float(GPU_LIMITS[metric])


def global_limit(world: World) -> float:
    """A quota fault without a scope takes the project-wide limit too."""
    return 0.0 if _none(world) else float(GPUS_ALL_REGIONS)


def _none(world: World, **subject: str) -> bool:
    """A scenario's empty project, or a fault."""
    return scenario.no_quota(world) or faults.first(world, "quota", **subject) is not None


def regional(world: World, region: str) -> list[Document]:
    """`quotas[]` of regions.get."""
    used = _regional_usage(world, region)
    metrics = [*OTHER_LIMITS, *GPU_LIMITS]
    return [
        {"metric": metric, "limit": limit(world, region, metric), "usage": used.get(metric, 0.0)}
        for metric in metrics
    ]


def project_wide(world: World) -> list[Document]:
    """`quotas[]` of projects.get."""
    used = {
        "GPUS_ALL_REGIONS": float(sum(n.gpus for n in gpu_nodes(world))),
        "STATIC_ADDRESSES": float(len(list(world.store.items(ADDRESSES)))),
        "FORWARDING_RULES": float(len(list(world.store.items(FORWARDING_RULES)))),
    }
    limits = {"GPUS_ALL_REGIONS": global_limit(world), **GLOBAL_LIMITS}
    return [
        {"metric": metric, "limit": value, "usage": used.get(metric, 0.0)} for metric, value in limits.items()
    ]


def gpu_nodes(world: World) -> Iterator[GpuNode]:
    """GPU machines of all clusters, from their Node objects."""
    for key, _ in world.store.items(CLUSTERS):
        for _, node in world.store.items(f"kube/{key}/nodes"):
            found = _gpu_node(node, key.split("/", 1)[0])
            if found:
                yield found
    yield from _machines(world)


def _machines(world: World) -> Iterator[GpuNode]:
    """Reservations and instances that stand."""
    for collection in (RESERVATIONS, INSTANCES):
        for _, machine in world.store.items(collection):
            if gpu := machine.get("_gpu"):
                vcpus = catalog.ACCELERATORS[gpu["accelerator"]].vcpus * gpu["machines"]
                yield GpuNode(
                    region=gpu["region"],
                    accelerator=gpu["accelerator"],
                    spot=gpu["spot"],
                    gpus=gpu["gpus"],
                    vcpus=vcpus,
                )


def _gpu_node(node: Document, location: str) -> GpuNode | None:
    labels = node.get("metadata", {}).get("labels") or {}
    accelerator = labels.get("cloud.google.com/gke-accelerator", "")
    known = catalog.ACCELERATORS.get(accelerator)
    if known is None:
        return None
    spot = (
        labels.get("cloud.google.com/gke-spot") == "true"
        or labels.get("cloud.google.com/gke-provisioning") == "spot"
    )
    gpus = int(node.get("status", {}).get("capacity", {}).get("nvidia.com/gpu", known.gpus))
    region = labels.get("topology.kubernetes.io/region", location)
    return GpuNode(region=region, accelerator=accelerator, spot=spot, gpus=gpus, vcpus=known.vcpus)


def cluster_shortage(world: World, region: str) -> tuple[str, float, float, float] | None:
    """(metric, required, limit, available) of what a new cluster's first nodes would exceed; None when they fit."""
    used = _regional_usage(world, region)
    for metric in ("IN_USE_ADDRESSES", "INSTANCES"):
        available = OTHER_LIMITS[metric] - used.get(metric, 0.0)
        if available < FIRST_NODES:
            return metric, FIRST_NODES, OTHER_LIMITS[metric], available
    return None


def _regional_usage(world: World, region: str) -> dict[str, float]:
    """A cluster that is being made holds the room of its first nodes already."""
    used: dict[str, float] = {}
    for key, cluster in world.store.items(CLUSTERS):
        if not key.startswith(f"{region}/"):
            continue
        nodes = [_usage(node, region) for _, node in world.store.items(f"kube/{key}/nodes")]
        if not nodes and cluster["status"] == "PROVISIONING":
            nodes = [_NODE] * int(FIRST_NODES)
        for name, amount in (pair for node in nodes for pair in node.items()):
            used[name] = used.get(name, 0.0) + amount
    for machine in _machines(world):
        if machine.region == region:
            for name, amount in _gpu_usage(machine).items():
                used[name] = used.get(name, 0.0) + amount
    return used


def _usage(node: Document, region: str) -> dict[str, float]:
    found = _gpu_node(node, region)
    if found is None:
        return {**_NODE, "CPUS": float(node.get("status", {}).get("capacity", {}).get("cpu", 0))}
    return {**_NODE, **_gpu_usage(found)}


def _gpu_usage(found: GpuNode) -> dict[str, float]:
    known = catalog.ACCELERATORS[found.accelerator]
    metric = known.preemptible_quota_metric if found.spot else known.quota_metric
    cpus = "A2_CPUS" if known.machine_type.startswith("a2-") else "CPUS"
    return {cpus: float(found.vcpus), **({metric: float(found.gpus)} if metric else {})}
