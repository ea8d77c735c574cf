"""What the sandbox's Monitoring and load-balancer health answer, from what was measured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.sandbox import backends, distribution, load, monitoring, series
from lib.sandbox.errors import ApiError
from lib.sandbox.verbs import rfc3339
from lib.sandbox.world import BACKEND_SERVICES, DUTY, ENDPOINT_HEALTH, NEGS, REQUESTS, World
from tests.unit.test_sandbox_stock import world  # noqa: F401 - a fixture

MINUTE = 1_800_000_000
NEG = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/networkEndpointGroups/n"


def ask(world: World, metric: str, *more: str, **aggregation: Any) -> list[dict[str, Any]]:  # noqa: F811
    request = {
        "name": f"projects/{world.project}",
        "filter": " AND ".join((f'metric.type="{metric}"', *more)),
        "interval": {"startTime": rfc3339(MINUTE - 60), "endTime": rfc3339(MINUTE + 600)},
        "aggregation": {"alignmentPeriod": "60s", **aggregation},
    }
    return monitoring.list_time_series(world, request)["timeSeries"]


@pytest.fixture
def measured(world: World) -> World:  # noqa: F811
    for minute, zone, code, count in (
        (MINUTE, "us-central1-a", "200", 60),
        (MINUTE, "us-central1-a", "502", 6),
        (MINUTE, "europe-west4-b", "200", 30),
        (MINUTE + 60, "us-central1-a", "200", 120),
    ):
        found = load.Tally(bytes_in=count * 100, bytes_out=count * 1000)
        for number in range(count):
            found.total_ms.add(1000.0 if number % 10 == 9 else 100.0)
            if code == "200":
                found.backend_ms.add(50.0)
        world.store.put(REQUESTS, f"{minute}/{zone}/{code}/neg", found.kept())
    gpu = {"busy_s": 30.0, "accelerator": "nvidia-l4"}
    world.store.put(DUTY, f"{MINUTE}/us-central1/atlas-us-central1/default/pod-1", gpu)
    return world


def test_requests_are_counted_by_zone_newest_first(measured: World) -> None:
    found = ask(
        measured, series.REQUEST_COUNT, "metric.labels.response_code_class=200",
        perSeriesAligner="ALIGN_RATE", crossSeriesReducer="REDUCE_SUM", groupByFields=["resource.label.backend_scope"],
    )  # fmt: skip
    rates = {
        s["resource"]["labels"]["backend_scope"]: [p["value"]["doubleValue"] for p in s["points"]]
        for s in found
    }
    assert rates == {"us-central1-a": [2.0, 1.0], "europe-west4-b": [0.5]}


@pytest.mark.parametrize(
    ("term", "count"),
    [
        ('metric.labels.response_code="502"', 1),
        ('metric.labels.response_code!="502"', 2),
        ('resource.labels.backend_scope=starts_with("europe-")', 1),
        ('resource.labels.backend_scope=one_of("europe-west4-b","us-central1-a")', 3),
        ('resource.labels.region=monitoring.regex.full_match("us-.*")', 2),
    ],
)
def test_filters_choose_series(measured: World, term: str, count: int) -> None:
    assert len(ask(measured, series.REQUEST_COUNT, term)) == count


def test_latencies_are_distributions_with_percentiles(measured: World) -> None:
    (found,) = ask(measured, series.TOTAL_LATENCIES, 'resource.labels.backend_scope="europe-west4-b"')
    told = found["points"][0]["value"]["distributionValue"]
    assert (told["count"], told["mean"]) == ("30", pytest.approx(190.0))
    assert sum(int(count) for count in told["bucketCounts"]) == 30
    assert told["bucketOptions"]["exponentialBuckets"]["growthFactor"] == 1.4

    def percentile(aligner: str, **more: Any) -> set[float]:
        answered = 'metric.labels.response_code="200"'
        aligned = ask(measured, series.TOTAL_LATENCIES, answered, perSeriesAligner=aligner, **more)
        return {p["value"]["doubleValue"] for s in aligned for p in s["points"]}

    assert all(79 <= value <= 111 for value in percentile("ALIGN_PERCENTILE_50"))
    assert all(853 <= value <= 1195 for value in percentile("ALIGN_PERCENTILE_95"))
    (across,) = {round(v) for v in percentile("ALIGN_DELTA", crossSeriesReducer="REDUCE_PERCENTILE_95")}
    assert 853 <= across <= 1195


@pytest.mark.parametrize(
    ("metric", "total"),
    [
        pytest.param("request_count", 216, id="answers"),
        pytest.param("backend_request_count", 210, id="of backends"),
        pytest.param("request_bytes_count", 21_600, id="bytes in"),
        pytest.param("response_bytes_count", 216_000, id="bytes out"),
        pytest.param("backend_response_bytes_count", 210_000, id="bytes out, of backends"),
    ],
)
def test_what_is_counted_adds_up(measured: World, metric: str, total: int) -> None:
    found = ask(measured, f"loadbalancing.googleapis.com/https/{metric}", perSeriesAligner="ALIGN_DELTA")
    assert sum(int(p["value"]["int64Value"]) for s in found for p in s["points"]) == total
    assert {s["resource"]["labels"]["backend_name"] for s in found} == {"neg"}


@pytest.mark.parametrize(
    ("values", "percent", "low", "high"),
    [
        pytest.param([], 50, 0, 0, id="nothing"),
        pytest.param([0.5] * 4, 50, 0, 1, id="below the first bucket"),
        pytest.param([10.0, 1000.0], 50, 7, 11, id="the lower half"),
        pytest.param([10.0, 1000.0], 100, 853, 1195, id="the highest"),
        pytest.param([1e30], 50, 1e9, 1e30, id="above the last bucket"),
    ],
)
def test_a_percentile_lies_in_the_bucket_of_its_value(
    values: list[float], percent: float, low: float, high: float
) -> None:
    found = distribution.Distribution()
    for value in values:
        found.add(value)
    assert low <= found.percentile(percent) <= high
    assert distribution.read(json.loads(json.dumps(found.kept()))) == found


def test_the_duty_cycle_is_a_share_of_the_minute(measured: World) -> None:
    (found,) = ask(measured, series.DUTY_CYCLE, perSeriesAligner="ALIGN_MEAN")
    assert found["resource"]["labels"]["pod_name"] == "pod-1"
    assert found["points"][0]["value"] == {"doubleValue": 50.0}
    assert found["metricKind"] == "GAUGE"


@pytest.mark.parametrize("metric", ["", "custom.googleapis.com/nothing"])
def test_an_unknown_metric_is_not_found(measured: World, metric: str) -> None:
    with pytest.raises(ApiError, match="Cannot find metric"):
        ask(measured, metric)


def test_old_minutes_are_forgotten(measured: World) -> None:
    measured.clock.step(MINUTE + 2 * 86_400 - measured.clock.timestamp())
    monitoring.tick(measured)
    assert not list(measured.store.items(REQUESTS)) + list(measured.store.items(DUTY))


def test_health_is_asked_by_backend_group(world: World) -> None:  # noqa: F811
    world.store.put(BACKEND_SERVICES, "b", {"name": "b", "backends": [{"group": NEG}]})
    endpoints = [{"ipAddress": f"10.0.0.{n}", "port": 8080} for n in (1, 2, 3)]
    world.store.put(NEGS, "us-central1-a/n", {"name": "n", "_endpoints": endpoints})
    for number, state in ((1, "HEALTHY"), (2, "UNHEALTHY")):
        world.store.put(ENDPOINT_HEALTH, f"us-central1-a/n/10.0.0.{number}:8080", {"state": state})
    health = backends.backend_health(world, "b", {"group": NEG})["healthStatus"]
    assert {h["ipAddress"]: h["healthState"] for h in health} == {
        "10.0.0.1": "HEALTHY",
        "10.0.0.2": "UNHEALTHY",
    }
    shown = backends.network_endpoints(world, "us-central1-a", "n", {"healthStatus": "SHOW"})
    assert [i["healths"][0]["healthState"] for i in shown] == ["HEALTHY", "UNHEALTHY", "UNKNOWN"]
    with pytest.raises(ApiError, match="no backend"):
        backends.backend_health(world, "b", {"group": NEG + "x"})
