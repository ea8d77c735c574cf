"""What the sandbox's Monitoring and load-balancer health answer, from what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from lib.sandbox import backends, monitoring
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
        body = {"count": count, "latency_ms_sum": count * 250.0}
        world.store.put(REQUESTS, f"{minute}/{zone}/{code}", body)
    gpu = {"busy_s": 30.0, "accelerator": "nvidia-l4"}
    world.store.put(DUTY, f"{MINUTE}/us-central1/atlas-us-central1/default/pod-1", gpu)
    return world


def test_requests_are_counted_by_zone_newest_first(measured: World) -> None:
    found = ask(
        measured, monitoring.REQUEST_COUNT, "metric.labels.response_code_class=200",
        perSeriesAligner="ALIGN_RATE", crossSeriesReducer="REDUCE_SUM", groupByFields=["resource.label.backend_scope"],
    )  # fmt: skip
    rates = {
        s["resource"]["labels"]["backend_scope"]: [p["value"]["doubleValue"] for p in s["points"]]
        for s in found
    }
    assert rates == {"us-central1-a": [2.0, 1.0], "europe-west4-b": [0.5]}


@pytest.mark.parametrize(
    ("term", "series"),
    [
        ('metric.labels.response_code="502"', 1),
        ('metric.labels.response_code!="502"', 2),
        ('resource.labels.backend_scope=starts_with("europe-")', 1),
        ('resource.labels.backend_scope=one_of("europe-west4-b","us-central1-a")', 3),
        ('resource.labels.region=monitoring.regex.full_match("us-.*")', 2),
    ],
)
def test_filters_choose_series(measured: World, term: str, series: int) -> None:
    assert len(ask(measured, monitoring.REQUEST_COUNT, term)) == series


def test_latencies_are_distributions_and_their_percentile_is_the_mean(measured: World) -> None:
    (found,) = ask(measured, monitoring.TOTAL_LATENCIES, 'resource.labels.backend_scope="europe-west4-b"')
    assert found["points"][0]["value"] == {"distributionValue": {"count": "30", "mean": 250.0}}
    aligned = ask(measured, monitoring.TOTAL_LATENCIES, perSeriesAligner="ALIGN_PERCENTILE_95")
    assert {p["value"]["doubleValue"] for s in aligned for p in s["points"]} == {250.0}


def test_the_duty_cycle_is_a_share_of_the_minute(measured: World) -> None:
    (found,) = ask(measured, monitoring.DUTY_CYCLE, perSeriesAligner="ALIGN_MEAN")
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
