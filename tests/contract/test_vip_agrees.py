"""What the global address does, and what the Compute and Monitoring APIs say that it does, are the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import grpc
import httpx
import pytest
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from tests.contract.demo import SPARE, WORK, Demo, P, serving
from tests.waiting import wait_until

PARIS, NEW_YORK, SYDNEY = "48.9,2.4", "40.7,-74.0", "-33.9,151.2"
EU, US = WORK[0], SPARE[0]
NOBODY = "INVALID_BACKEND"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with serving(tmp_path_factory.mktemp("agrees")) as found:
        yield found


Seen = Counter[tuple[str, int]]  # answers by zone and response class


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What all tests here got from the address, as its clients saw it."""
    return Counter()


@pytest.fixture(scope="module")
def browser(demo: Demo, seen: Seen) -> Iterator[httpx.Client]:
    def count(answer: httpx.Response) -> None:
        seen[answer.headers.get("x-gpu-atlas-zone", NOBODY), answer.status_code // 100 * 100] += 1

    with httpx.Client(
        base_url=demo.vip(), timeout=20, trust_env=False, event_hooks={"response": [count]}
    ) as found:
        yield found


@pytest.mark.parametrize(
    ("place", "region"),
    [
        pytest.param(PARIS, EU, id="Paris"),
        pytest.param(NEW_YORK, US, id="New York"),
        pytest.param(SYDNEY, US, id="Sydney: over the Pacific"),
        pytest.param("", EU, id="it does not say"),
        pytest.param("here", EU, id="it says nothing readable"),
    ],
)
def test_the_clients_place_decides_the_region(browser: httpx.Client, place: str, region: str) -> None:
    answer = browser.get("/internal/ping", headers={"x-client-region": place})
    assert answer.headers["x-gpu-atlas-region"] == region


# --- series -------------------------------------------------------------------------------------------------


def test_the_series_count_the_requests_that_were_answered(
    demo: Demo, browser: httpx.Client, seen: Seen
) -> None:
    before = sum(seen.values())
    for method, path, place, times in (
        ("GET", "/internal/ping", PARIS, 40),
        ("GET", "/sdapi/v1/samplers", NEW_YORK, 25),
        ("GET", "/nothing", NEW_YORK, 7),
        ("POST", "/sdapi/v1/txt2img", PARIS, 3),
        ("POST", "/sdapi/v1/img2img", PARIS, 2),
    ):
        for _ in range(times):
            browser.request(method, path, headers={"x-client-region": place})
    assert sum(seen.values()) - before == 77
    assert {code for _, code in seen} == {200, 400, 500}
    wait_until(lambda: _series(demo) == seen, what=f"the series say {seen}")
    latencies = [p.value.distribution_value for s in _listed(demo, "total_latencies") for p in s.points]
    assert sum(d.count for d in latencies) == sum(seen.values())
    assert all(sum(d.bucket_counts) == d.count and d.mean > 0 for d in latencies)


def _monitoring(demo: Demo) -> monitoring_v3.MetricServiceClient:
    """Google's client; the channel is made here because gRPC reads its roots from the environment but once a process."""
    roots = Path(demo.sandbox.endpoints["ca_file"]).read_bytes()
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(roots), grpc.access_token_call_credentials(demo.sandbox.token)
    )
    channel = grpc.secure_channel(demo.sandbox.endpoints["grpc"], credentials)
    return monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def _series(demo: Demo) -> Seen:
    """Requests of the last day by zone and response class, as a monitoring client adds them up."""
    found: Seen = Counter()
    for series in _listed(demo, "request_count"):
        key = series.resource.labels["backend_scope"], int(series.metric.labels["response_code_class"])
        found[key] += sum(point.value.int64_value for point in series.points)
    return found


def _listed(demo: Demo, metric: str) -> list[monitoring_v3.TimeSeries]:
    now = int(datetime.fromisoformat(demo.api.get("/admin/v1/clock").json()["now"]).timestamp())
    request = {
        "name": f"projects/{P}",
        "filter": f'metric.type="loadbalancing.googleapis.com/https/{metric}"',
        "interval": {"start_time": {"seconds": now - 86_400}, "end_time": {"seconds": now + 60}},
        "aggregation": {
            "alignment_period": {"seconds": 60},
            "per_series_aligner": "ALIGN_DELTA",
            "cross_series_reducer": "REDUCE_SUM",
            "group_by_fields": ("resource.label.backend_scope", "metric.label.response_code_class"),
        },
    }
    with _monitoring(demo) as client:
        return list(client.list_time_series(request=request))


# --- health -------------------------------------------------------------------------------------------------


class Watcher:
    """Asks the Compute API and the address in turn, and holds the one against the other."""

    def __init__(self, demo: Demo, browser: httpx.Client) -> None:
        self.demo, self.browser = demo, browser
        self.compared = 0
        self.states: set[tuple[tuple[str, str], ...]] = set()

    def healthy(self) -> frozenset[str]:
        """The regions that could be asked, at a moment in which getHealth said the same before and after."""
        before = self._told()
        answer = self.browser.get("/internal/ping", headers={"x-client-region": PARIS})
        if before != self._told():
            return frozenset({"changing"})
        regions = frozenset(region for region, state in before if state == "HEALTHY")
        assert answer.status_code in ((200, 500) if regions else (502,)), (before, answer.text)
        if regions:
            nearest = EU if EU in regions else US
            assert answer.headers["x-gpu-atlas-region"] == nearest, before
        self.compared += 1
        self.states.add(before)
        return regions

    def _told(self) -> tuple[tuple[str, str], ...]:
        """(region, state) of every endpoint, in order."""
        base = f"/compute/v1/projects/{P}/global/backendServices"
        found = []
        for service in self.demo.api.get(base).json().get("items", []):
            for backend in service.get("backends", []):
                answer = self.demo.api.post(
                    f"{base}/{service['name']}/getHealth", json={"group": backend["group"]}
                )
                if answer.status_code == 400:  # the group has gone since
                    continue
                zone = backend["group"].split("/zones/")[1].split("/")[0]
                found += [
                    (zone.rsplit("-", 1)[0], h["healthState"]) for h in answer.json().get("healthStatus", [])
                ]
        return tuple(sorted(found))


def test_health_agrees_with_where_requests_go(demo: Demo, browser: httpx.Client, seen: Seen) -> None:
    watcher = Watcher(demo, browser)

    def until(*regions: str) -> None:
        wait_until(
            lambda: watcher.healthy() == frozenset(regions), every_s=0.01, what=f"{regions} are healthy"
        )

    def broken(region: str) -> None:
        fault = {"kind": "backend-broken", "scope": {"region": region}}
        assert demo.api.post("/admin/v1/faults", json=fault).status_code == 200

    until(EU, US)
    broken(EU)
    until(US)
    broken(US)
    until()
    assert demo.api.delete("/admin/v1/faults").status_code == 200
    until(EU, US)
    demo.link(SPARE)
    until(US)
    demo.link(WORK, SPARE)
    until(EU, US)
    assert watcher.compared >= 6
    assert len(watcher.states) >= 4
    assert seen[NOBODY, 500] > 0, "there was a moment in which nobody was healthy"
    wait_until(lambda: _series(demo) == seen, what=f"the series say {seen}")


def test_a_draining_endpoint_is_told_by_its_neg_and_gets_no_requests(
    demo: Demo, browser: httpx.Client
) -> None:
    def states() -> set[str]:
        negs = f"/compute/v1/projects/{P}/aggregated/networkEndpointGroups"
        found = set()
        for zone, told in demo.api.get(negs).json().get("items", {}).items():
            for neg in told.get("networkEndpointGroups", []):
                path = f"/compute/v1/projects/{P}/{zone}/networkEndpointGroups/{neg['name']}/listNetworkEndpoints"
                if EU in zone:
                    answer = demo.api.post(path, content=json.dumps({"healthStatus": "SHOW"}))
                    found |= {h["healthState"] for e in answer.json().get("items", []) for h in e["healths"]}
        return found

    assert demo.api.put("/admin/v1/clock", json={"speed": 1}).status_code == 200
    try:
        demo.link(SPARE)
        wait_until(lambda: states() == {"DRAINING"}, what="the endpoint drains")
        asked = {browser.get("/internal/ping").headers["x-gpu-atlas-region"] for _ in range(10)}
        assert asked == {US}
        assert states() == {"DRAINING"}, "for as long as connectionDraining says"
    finally:
        demo.api.put("/admin/v1/clock", json={"speed": 600})
        demo.link(WORK, SPARE)


def test_the_envoy_based_load_balancer_says_503_also_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, "--load-balancer", "EXTERNAL_MANAGED") as demo:
        demo.sandbox.arguments = ()  # it keeps what it was told
        demo.sandbox.stop()
        demo.sandbox.start()
        demo.api.close()
        demo.api = demo.sandbox.http(demo.sandbox.token)
        [rule] = demo.api.get(f"/compute/v1/projects/{P}/global/forwardingRules").json()["items"]
        assert rule["loadBalancingScheme"] == "EXTERNAL_MANAGED"
        demo.link()

        def answer() -> tuple[int, str]:
            found = httpx.get(f"{demo.vip()}/internal/ping", trust_env=False, timeout=10)
            return found.status_code, found.text

        wait_until(lambda: answer() == (503, "no healthy upstream"), what="nobody is left to answer")
