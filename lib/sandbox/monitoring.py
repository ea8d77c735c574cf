"""Cloud Monitoring of the sandbox: ListTimeSeries over what the VIP and the GPUs did, minute by minute.

Three metrics: load-balancer requests and latencies (from REQUESTS) and the GPU duty cycle (from DUTY). Not a query
engine: filters are comparisons joined by AND, alignment is at multiples of 60 s, no MQL, no PromQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, rfc3339
from lib.sandbox.world import (
    BACKEND_SERVICES,
    DUTY,
    FORWARDING_RULES,
    REQUESTS,
    TARGET_PROXIES,
    URL_MAPS,
    World,
)

REQUEST_COUNT = "loadbalancing.googleapis.com/https/request_count"
TOTAL_LATENCIES = "loadbalancing.googleapis.com/https/total_latencies"
DUTY_CYCLE = "kubernetes.io/container/accelerator/duty_cycle"
MINUTE_S, KEEP_S = 60, 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One minute of one series; `count` requests (or 1), `total` their sum (ms, percent or requests)."""

    minute: int
    total: float
    count: float


@dataclass(slots=True, kw_only=True)
class Series:
    metric: dict[str, str]
    resource: dict[str, str]
    samples: list[Sample] = field(default_factory=list)


def list_time_series(world: World, request: Document) -> Document:
    own_project(world, request["name"].removeprefix("projects/"), "monitoring.timeSeries.list")
    tests = _parse(request.get("filter", ""))
    metric = next((t.value for t in tests if t.name == "metric.type" and t.operator == "="), "")
    if metric not in (REQUEST_COUNT, TOTAL_LATENCIES, DUTY_CYCLE):
        raise ApiError(
            "NOT_FOUND", f"Cannot find metric(s) that match type = \"{metric}\". If a metric was created recently, it "
            "could take up to 10 minutes to become available. Please try again soon."
        )  # fmt: skip
    begin, end = _interval(request)
    kind = "k8s_container" if metric == DUTY_CYCLE else "https_lb_rule"
    found: dict[str, Series] = {}
    for series, sample in _samples(world, metric, begin, end):
        if all(test.passes(_labels(metric, kind, series)) for test in tests):
            found.setdefault(str([*series.metric.items(), *series.resource.items()]), series).samples.append(
                sample
            )
    aggregation = request.get("aggregation") or {}
    shaped = _reduced(list(found.values()), metric, kind, aggregation)
    return {"timeSeries": [_written(s, metric, kind, aggregation, begin) for s in shaped]}


def tick(world: World) -> None:
    """Forget minutes that nobody asks for any more."""
    oldest = world.clock.timestamp() - KEEP_S
    for collection in (REQUESTS, DUTY):
        for key, _ in world.store.items(collection):
            if int(float(key.split("/", 1)[0])) >= oldest:
                break  # keys are in the order of time
            world.store.delete(collection, key)


# Reading what was measured


def _samples(world: World, metric: str, begin: float, end: float) -> Iterator[tuple[Series, Sample]]:
    collection = DUTY if metric == DUTY_CYCLE else REQUESTS
    names = _load_balancer(world)
    for key, kept in world.store.items(collection):
        first, *rest = key.split("/")
        minute = int(float(first))
        if not begin <= minute + MINUTE_S <= end + MINUTE_S:
            continue
        if metric == DUTY_CYCLE:
            percent = min(100.0, 100.0 * float(kept.get("busy_s", 0)) / MINUTE_S)
            yield _gpu_series(world, rest, kept), Sample(minute=minute, total=percent, count=1)
        else:
            count = float(kept.get("count", 0))
            total = count if metric == REQUEST_COUNT else float(kept.get("latency_ms_sum", 0.0))
            yield _lb_series(world, rest, names), Sample(minute=minute, total=total, count=count)


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
    zone, code = parts[0], parts[1]
    region = catalog.region_of(zone) if zone in catalog.all_zones() else "global"
    code_class = str(int(code) // 100 * 100) if code.isdecimal() else "0"
    return Series(
        metric={"response_code": code, "response_code_class": code_class, "protocol": "HTTP/1.1",
                "cache_result": "DISABLED", "proxy_continent": "Europe", "client_country": "France"},
        resource={"project_id": world.project, "region": region, "backend_scope": zone,
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


# Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    name: str
    operator: str
    function: str
    value: str

    def passes(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.name, "")
        hit = _FUNCTIONS[self.function](found, self.value)
        return hit == (self.operator != "!=")


def _one_of(found: str, values: str) -> bool:
    return found in re.findall(r'"([^"]*)"', values)


_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "": lambda found, value: found == value,
    "one_of": _one_of,
    "starts_with": lambda found, value: found.startswith(value.strip('"')),
    "ends_with": lambda found, value: found.endswith(value.strip('"')),
    "has_substring": lambda found, value: value.strip('"') in found,
    "monitoring.regex.full_match": lambda found, value: bool(re.fullmatch(value.strip('"'), found)),
}
_TEST = re.compile(
    r'\s*([\w.]+)\s*(=|!=|:)\s*(?:([\w.]+)\s*\(\s*((?:"[^"]*"\s*,?\s*)+)\)|"([^"]*)"|([\w.-]+))\s*(?:AND\b|$)?',
    re.IGNORECASE,
)


def _parse(text: str) -> list[Test]:
    tests: list[Test] = []
    place = 0
    while place < len(text.rstrip()):
        match = _TEST.match(text, place)
        if match is None or (match[3] or "") not in _FUNCTIONS:
            raise ApiError("INVALID_ARGUMENT", f'Field filter had an invalid value of "{text}"')
        name = match[1].replace(".label.", ".labels.")
        value = match[4] or match[5] or match[6] or ""
        tests.append(Test(name=name, operator=match[2], function=match[3] or "", value=value))
        place = match.end()
    return [t for t in tests if t.name != "project"]


def _labels(metric: str, kind: str, series: Series) -> dict[str, str]:
    return {
        "metric.type": metric,
        "resource.type": kind,
        **{f"metric.labels.{k}": v for k, v in series.metric.items()},
        **{f"resource.labels.{k}": v for k, v in series.resource.items()},
    }


def _interval(request: Document) -> tuple[float, float]:
    interval = request.get("interval") or {}
    if "endTime" not in interval:
        raise ApiError("INVALID_ARGUMENT", "Field interval.end_time had an invalid value: it is required")
    end = _timestamp(interval["endTime"])
    begin = _timestamp(interval["startTime"]) if "startTime" in interval else end
    if begin > end:
        raise ApiError(
            "INVALID_ARGUMENT", "Field interval.start_time had an invalid value: it is after the end"
        )
    return begin, end


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# Grouping and writing


def _reduced(found: list[Series], metric: str, kind: str, aggregation: Document) -> list[Series]:
    if aggregation.get("crossSeriesReducer", "REDUCE_NONE") == "REDUCE_NONE":
        return found
    fields = [f.replace(".label.", ".labels.") for f in aggregation.get("groupByFields") or []]
    groups: dict[tuple[str, ...], Series] = {}
    for series in found:
        labels = _labels(metric, kind, series)
        key = tuple(labels.get(f, "") for f in fields)
        kept = dict(zip(fields, key, strict=True))
        group = groups.setdefault(key, Series(metric=_only(kept, "metric"), resource=_only(kept, "resource")))
        group.samples += series.samples
    return list(groups.values())


def _only(labels: Mapping[str, str], kind: str) -> dict[str, str]:
    prefix = f"{kind}.labels."
    return {name.removeprefix(prefix): value for name, value in labels.items() if name.startswith(prefix)}


def _written(series: Series, metric: str, kind: str, aggregation: Document, begin: float) -> Document:
    period = _period(aggregation)
    buckets: dict[int, list[Sample]] = {}
    for sample in series.samples:
        buckets.setdefault(sample.minute // period * period, []).append(sample)
    write = _writer(metric, aggregation, period)
    gauge = metric == DUTY_CYCLE or aggregation.get("perSeriesAligner") == "ALIGN_RATE"
    points = [
        {
            "interval": {
                "startTime": rfc3339(bucket + period if gauge else bucket),
                "endTime": rfc3339(bucket + period),
            },
            "value": write(samples),
        }
        for bucket, samples in sorted(buckets.items(), reverse=True)  # newest first
        if bucket + period > begin
    ]
    value_type = {"int64Value": "INT64", "doubleValue": "DOUBLE", "distributionValue": "DISTRIBUTION"}
    shape = next(iter(points[0]["value"])) if points else "doubleValue"
    return {
        "metric": {"type": metric, "labels": series.metric},
        "resource": {"type": kind, "labels": series.resource},
        "metricKind": "GAUGE" if gauge else "DELTA",
        "valueType": value_type[shape],
        "points": points,
    }


def _period(aggregation: Document) -> int:
    seconds = int(float(str(aggregation.get("alignmentPeriod", "60s")).removesuffix("s")))
    if seconds < MINUTE_S:
        raise ApiError(
            "INVALID_ARGUMENT", "Field aggregation.alignmentPeriod had an invalid value: at least 60 s"
        )
    return seconds // MINUTE_S * MINUTE_S


def _writer(metric: str, aggregation: Document, period: int) -> Callable[[list[Sample]], Document]:
    aligner = aggregation.get("perSeriesAligner", "ALIGN_NONE")
    if metric == TOTAL_LATENCIES:
        return _latency(aligner)
    if metric == REQUEST_COUNT:
        if aligner == "ALIGN_RATE":
            return lambda samples: {"doubleValue": sum(s.total for s in samples) / period}
        return lambda samples: {"int64Value": str(int(sum(s.total for s in samples)))}
    if "ALIGN_MAX" in aligner or aggregation.get("crossSeriesReducer") == "REDUCE_MAX":
        return lambda samples: {"doubleValue": max(s.total for s in samples)}
    if aligner == "ALIGN_NONE":
        return lambda samples: {"int64Value": str(int(samples[0].total))}
    return lambda samples: {"doubleValue": sum(s.total for s in samples) / len(samples)}


def _latency(aligner: str) -> Callable[[list[Sample]], Document]:
    """The sandbox keeps sums: every percentile is told as the mean."""

    def mean(samples: list[Sample]) -> float:
        return sum(s.total for s in samples) / max(1.0, sum(s.count for s in samples))

    def distribution(samples: list[Sample]) -> dict[str, Any]:
        return {
            "distributionValue": {"count": str(int(sum(s.count for s in samples))), "mean": mean(samples)}
        }

    if aligner.startswith("ALIGN_PERCENTILE") or aligner == "ALIGN_MEAN":
        return lambda samples: {"doubleValue": mean(samples)}
    return distribution
