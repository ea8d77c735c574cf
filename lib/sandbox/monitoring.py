"""Cloud Monitoring of the sandbox: ListTimeSeries over what the VIP and the GPUs did, minute by minute.

Which series there are is `series`' business. Not a query engine: filters are comparisons joined by AND, alignment is at
multiples of 60 s, no MQL, no PromQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lib.sandbox import distribution, paging, series
from lib.sandbox.errors import ApiError
from lib.sandbox.series import DUTY_CYCLE, MINUTE_S, Sample, Series
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, rfc3339
from lib.sandbox.world import DUTY, REQUESTS, World

KEEP_S = 24 * 3600
MOST_SERIES = 100_000  # of one page, when nobody says


def list_time_series(world: World, request: Document) -> Document:
    own_project(world, request["name"].removeprefix("projects/"), "monitoring.timeSeries.list")
    tests = _parse(request.get("filter", ""))
    metric = next((t.value for t in tests if t.name == "metric.type" and t.operator == "="), "")
    if metric not in series.METRICS:
        raise ApiError(
            "NOT_FOUND", f"Cannot find metric(s) that match type = \"{metric}\". If a metric was created recently, it "
            "could take up to 10 minutes to become available. Please try again soon."
        )  # fmt: skip
    begin, end = _interval(request)
    _period(request.get("aggregation") or {})
    kind = series.resource_type(metric)
    found: dict[str, Series] = {}
    for one, sample in series.read(world, metric, begin, end):
        if all(test.passes(_labels(metric, kind, one)) for test in tests):
            found.setdefault(_key(one), one).samples.append(sample)
    aggregation = request.get("aggregation") or {}
    shaped = _reduced(list(found.values()), metric, kind, aggregation)
    page, token = _page(request, shaped)
    return {
        "timeSeries": [_written(s, metric, kind, aggregation, begin) for s in page],
        "nextPageToken": token,
    }


def _page(request: Document, found: list[Series]) -> tuple[list[Series], str]:
    size, token = int(request.get("pageSize") or 0), request.get("pageToken", "")
    if size < 0:
        raise ApiError("INVALID_ARGUMENT", f'Field page_size had an invalid value of "{size}"')
    asked = {name: value for name, value in request.items() if name not in ("pageSize", "pageToken")}
    try:
        return paging.page(found, key=_key, size=size or MOST_SERIES, token=token, query=json.dumps(asked))
    except paging.TokenError as e:
        raise ApiError("INVALID_ARGUMENT", f'Field page_token had an invalid value of "{token}"') from e


def _key(one: Series) -> str:
    return str([*one.metric.items(), *one.resource.items()])


def tick(world: World) -> None:
    """Forget minutes that nobody asks for any more."""
    oldest = world.clock.timestamp() - KEEP_S
    for collection in (REQUESTS, DUTY):
        for key, _ in world.store.items(collection):
            if int(float(key.split("/", 1)[0])) >= oldest:
                break  # keys are in the order of time
            world.store.delete(collection, key)


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


def _labels(metric: str, kind: str, one: Series) -> dict[str, str]:
    return {
        "metric.type": metric,
        "resource.type": kind,
        **{f"metric.labels.{k}": v for k, v in one.metric.items()},
        **{f"resource.labels.{k}": v for k, v in one.resource.items()},
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
    for one in found:
        labels = _labels(metric, kind, one)
        key = tuple(labels.get(f, "") for f in fields)
        kept = dict(zip(fields, key, strict=True))
        group = groups.setdefault(key, Series(metric=_only(kept, "metric"), resource=_only(kept, "resource")))
        group.samples += one.samples
    return list(groups.values())


def _only(labels: Mapping[str, str], kind: str) -> dict[str, str]:
    prefix = f"{kind}.labels."
    return {name.removeprefix(prefix): value for name, value in labels.items() if name.startswith(prefix)}


def _written(one: Series, metric: str, kind: str, aggregation: Document, begin: float) -> Document:
    period = _period(aggregation)
    buckets: dict[int, list[Sample]] = {}
    for sample in one.samples:
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
        "metric": {"type": metric, "labels": one.metric},
        "resource": {"type": kind, "labels": one.resource},
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
    if series.is_distribution(metric):
        return _distributed(aligner, aggregation.get("crossSeriesReducer", ""))
    if metric != DUTY_CYCLE:
        if aligner == "ALIGN_RATE":
            return lambda samples: {"doubleValue": sum(s.number for s in samples) / period}
        return lambda samples: {"int64Value": str(int(sum(s.number for s in samples)))}
    if "ALIGN_MAX" in aligner or aggregation.get("crossSeriesReducer") == "REDUCE_MAX":
        return lambda samples: {"doubleValue": max(s.number for s in samples)}
    if aligner == "ALIGN_NONE":
        return lambda samples: {"int64Value": str(int(samples[0].number))}
    return lambda samples: {"doubleValue": sum(s.number for s in samples) / len(samples)}


def _distributed(aligner: str, reducer: str) -> Callable[[list[Sample]], Document]:
    if found := _PERCENTILE.fullmatch(aligner) or _PERCENTILE.fullmatch(reducer):
        percent = float(found[1])
        return lambda samples: {"doubleValue": _all(samples).percentile(percent)}
    if aligner == "ALIGN_MEAN" or reducer == "REDUCE_MEAN":
        return lambda samples: {"doubleValue": _all(samples).mean}
    return lambda samples: {"distributionValue": _all(samples).told()}


_PERCENTILE = re.compile(r"(?:ALIGN|REDUCE)_PERCENTILE_(\d+)")


def _all(samples: list[Sample]) -> distribution.Distribution:
    return distribution.merged(s.values for s in samples)
