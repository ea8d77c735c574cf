"""The time series that there are: which metrics, with which labels, read minute by minute from what was measured.

The load balancer's come from REQUESTS, which `load` writes, the GPUs' from DUTY. Filtering, aligning and adding up is
`monitoring`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lib.sandbox import catalog, load
from lib.sandbox.distribution import Distribution
from lib.sandbox.load import Tally
from lib.sandbox.store import Document
from lib.sandbox.world import (
    BACKEND_SERVICES,
    DUTY,
    FORWARDING_RULES,
    REQUESTS,
    TARGET_PROXIES,
    URL_MAPS,
    World,
)

MINUTE_S = 60
HTTPS = "loadbalancing.googleapis.com/https/"
REQUEST_COUNT, TOTAL_LATENCIES = f"{HTTPS}request_count", f"{HTTPS}total_latencies"
DUTY_CYCLE = "kubernetes.io/container/accelerator/duty_cycle"
_COUNTS: Mapping[str, Callable[[Tally], int]] = {  # DELTA, INT64
    REQUEST_COUNT: lambda t: t.total_ms.count,
    f"{HTTPS}backend_request_count": lambda t: t.backend_ms.count,
    f"{HTTPS}request_bytes_count": lambda t: t.bytes_in,
    f"{HTTPS}response_bytes_count": lambda t: t.bytes_out,
    f"{HTTPS}backend_request_bytes_count": lambda t: t.bytes_in if t.backend_ms.count else 0,
    f"{HTTPS}backend_response_bytes_count": lambda t: t.bytes_out if t.backend_ms.count else 0,
}
_LATENCIES: Mapping[str, Callable[[Tally], Distribution]] = {  # DELTA, DISTRIBUTION, milliseconds
    TOTAL_LATENCIES: lambda t: t.total_ms,
    f"{HTTPS}backend_latencies": lambda t: t.backend_ms,
}
METRICS = (*_COUNTS, *_LATENCIES, DUTY_CYCLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One minute of one series: a number or a distribution."""

    minute: int
    number: float = 0.0
    values: Distribution = field(default_factory=Distribution)


@dataclass(slots=True, kw_only=True)
class Series:
    metric: dict[str, str]
    resource: dict[str, str]
    samples: list[Sample] = field(default_factory=list)


def resource_type(metric: str) -> str:
    return "k8s_container" if metric == DUTY_CYCLE else "https_lb_rule"


def is_distribution(metric: str) -> bool:
    return metric in _LATENCIES


def read(world: World, metric: str, begin: float, end: float) -> Iterator[tuple[Series, Sample]]:
    """Every minute that overlaps the interval, with the labels of its series."""
    names = _load_balancer(world)
    for key, kept in world.store.items(DUTY if metric == DUTY_CYCLE else REQUESTS):
        first, *rest = key.split("/")
        minute = int(float(first))
        if not begin <= minute + MINUTE_S <= end + MINUTE_S:
            continue
        if metric == DUTY_CYCLE:
            percent = min(100.0, 100.0 * float(kept.get("busy_s", 0)) / MINUTE_S)
            yield _gpu_series(world, rest, kept), Sample(minute=minute, number=percent)
        elif sample := _sample(metric, minute, load.tally(kept)):
            yield _lb_series(world, rest, names), sample


def _sample(metric: str, minute: int, found: Tally) -> Sample | None:
    if metric in _LATENCIES:
        values = _LATENCIES[metric](found)
        return Sample(minute=minute, values=values) if values.count else None
    number = _COUNTS[metric](found)
    return Sample(minute=minute, number=number) if number else None


def _gpu_series(world: World, parts: list[str], kept: Document) -> Series:
    location, cluster, namespace, pod = parts
    return Series(
        metric={"make": "nvidia", "model": kept.get("accelerator", ""), "accelerator_id": "0"},
        resource={
            "project_id": world.project,
            "location": location,
            "cluster_name": cluster,
            "namespace_name": namespace,
            "pod_name": pod,
            "container_name": kept.get("container", "sd"),
        },
    )


def _lb_series(world: World, parts: list[str], names: dict[str, str]) -> Series:
    zone, code, neg = (*parts, "")[:3]
    region = catalog.region_of(zone) if zone in catalog.all_zones() else "global"
    code_class = str(int(code) // 100 * 100) if code.isdecimal() else "0"
    return Series(
        metric={"response_code": code, "response_code_class": code_class, "protocol": "HTTP/1.1",
                "cache_result": "DISABLED", "proxy_continent": "Europe", "client_country": "France"},
        resource={"project_id": world.project, "region": region, "backend_scope": zone, "backend_name": neg or zone,
                  "backend_scope_type": "ZONE", "backend_type": "NETWORK_ENDPOINT_GROUP",
                  "backend_target_type": "BACKEND_SERVICE", "matched_url_path_rule": "UNMATCHED", **names},
    )  # fmt: skip


def _load_balancer(world: World) -> dict[str, str]:
    labels = {
        "forwarding_rule_name": FORWARDING_RULES,
        "url_map_name": URL_MAPS,
        "target_proxy_name": TARGET_PROXIES,
        "backend_target_name": BACKEND_SERVICES,
    }
    return {label: next((k for k, _ in world.store.items(c)), "") for label, c in labels.items()}
