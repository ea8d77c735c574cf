"""Faults of the sandbox's APIs as clients meet them: the very errors that Google's and Kubernetes' servers give."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import container_v1
from google.rpc import error_details_pb2

from tests.contract.conftest import Sandbox
from tests.waiting import wait_until

P = "gpu-atlas-sandbox"
REGION, CLUSTER = "asia-southeast1", "faulty"
CLUSTERS = f"/v1/projects/{P}/locations"
REGIONS = f"/compute/v1/projects/{P}/regions"
PODS = f"/clusters/{REGION}/{CLUSTER}/api/v1/pods"


@pytest.fixture(scope="module")
def cluster(sandbox: Sandbox) -> str:
    """A running cluster; its name."""
    path = f"{CLUSTERS}/{REGION}/clusters"
    with sandbox.http(sandbox.token) as client:
        body = {"cluster": {"name": CLUSTER, "autopilot": {"enabled": True}}}
        assert client.post(path, json=body).status_code == 200
        wait_until(
            lambda: client.get(f"{path}/{CLUSTER}").json()["status"] == "RUNNING",
            timeout_s=30,
            what="the cluster runs",
        )
        wait_until(lambda: client.get(PODS).status_code == 200, timeout_s=10, what="its API answers")
    return CLUSTER


@pytest.fixture
def web(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Calls with the operator's token; no fault is left behind."""
    with sandbox.http(sandbox.token) as client:
        yield client
        client.delete("/admin/v1/faults").raise_for_status()


def put_in(web: httpx.Client, kind: str, ttl_s: float | None = None, **scope: Any) -> str:
    answer = web.post("/admin/v1/faults", json={"kind": kind, "scope": scope, "ttlSeconds": ttl_s})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def end(web: httpx.Client, fault: str) -> None:
    web.delete(f"/admin/v1/faults/{fault}").raise_for_status()


@pytest.mark.parametrize(
    ("code", "status"), [("RESOURCE_EXHAUSTED", 429), ("INTERNAL", 500), ("UNAVAILABLE", 503)]
)
@pytest.mark.parametrize(("api", "path"), [("container", f"{CLUSTERS}/-/clusters"), ("compute", REGIONS)])
def test_a_google_api_fails_with_the_body_that_google_writes(
    web: httpx.Client, api: str, path: str, code: str, status: int
) -> None:
    fault = put_in(web, "api-error", api=api, code=code)
    answer = web.get(path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, code)
    assert answer.headers.get("retry-after") == (None if code == "INTERNAL" else "1")
    reasons = [d.get("reason") for d in error.get("details", ())]
    assert ("RATE_LIMIT_EXCEEDED" in reasons) == (code == "RESOURCE_EXHAUSTED")
    end(web, fault)
    assert web.get(path).status_code == 200


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("RESOURCE_EXHAUSTED", exceptions.ResourceExhausted),
        ("INTERNAL", exceptions.InternalServerError),
        ("UNAVAILABLE", exceptions.ServiceUnavailable),
    ],
)
def test_over_grpc_it_is_the_status_with_its_details(
    sandbox: Sandbox, web: httpx.Client, code: str, error: type[exceptions.GoogleAPICallError]
) -> None:
    put_in(web, "api-error", api="container", code=code)
    gke = container_v1.ClusterManagerClient(client_options={"api_endpoint": sandbox.endpoints["grpc"]})
    with pytest.raises(error) as told:
        gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None)
    retries = [d for d in told.value.details if isinstance(d, error_details_pb2.RetryInfo)]
    assert [r.retry_delay.seconds for r in retries] == ([] if code == "INTERNAL" else [1])


@pytest.mark.parametrize(
    ("code", "said", "after"),
    [
        ("RESOURCE_EXHAUSTED", (429, "TooManyRequests"), "1"),
        ("INTERNAL", (500, "InternalError"), None),
        ("UNAVAILABLE", (503, "ServiceUnavailable"), "1"),
    ],
)
def test_a_kubernetes_api_fails_with_a_status_object(
    web: httpx.Client, cluster: str, code: str, said: tuple[int, str], after: str | None
) -> None:
    fault = put_in(web, "api-error", cluster=cluster, code=code)
    answer = web.get(PODS)
    status = answer.json()
    assert (status["kind"], status["code"], status["reason"]) == ("Status", *said)
    assert answer.status_code == said[0]
    assert answer.headers.get("retry-after") == after
    assert web.get(f"{CLUSTERS}/-/clusters").status_code == 200  # the fault names a cluster, and this is none
    end(web, fault)
    assert web.get(PODS).status_code == 200


def test_a_rate_strikes_about_that_share_of_the_calls(web: httpx.Client) -> None:
    put_in(web, "api-error", api="compute", rate=0.5)
    failed = sum(web.get(f"{REGIONS}/us-east1").status_code == 503 for _ in range(100))
    assert 25 <= failed <= 75  # 5 standard deviations


@pytest.mark.parametrize(
    ("scope", "path", "struck"),
    [
        ({"api": "container", "method": "GetServerConfig"}, f"{CLUSTERS}/us-east1/serverConfig", True),
        ({"api": "container", "method": "getserverconfig"}, f"{CLUSTERS}/us-east1/serverConfig", True),
        ({"api": "container", "method": "CreateCluster"}, f"{CLUSTERS}/us-east1/serverConfig", False),
        ({"api": "container", "region": "us-east1"}, f"{CLUSTERS}/us-east1/serverConfig", True),
        ({"api": "container", "region": "us-east1"}, f"{CLUSTERS}/us-east4/serverConfig", False),
        ({"api": "compute", "method": "regions.get", "region": "us-east1"}, f"{REGIONS}/us-east1", True),
        ({"api": "compute", "method": "regions.list"}, f"{REGIONS}/us-east1", False),
        ({"region": "us-east1"}, f"/compute/v1/projects/{P}/zones/us-east1-b", True),
        ({"api": "kubernetes"}, f"{REGIONS}/us-east1", False),
    ],
)
def test_an_error_is_as_wide_as_its_scope(
    web: httpx.Client, scope: dict[str, Any], path: str, struck: bool
) -> None:
    put_in(web, "api-error", **scope)
    assert (web.get(path).status_code == 503) == struck


def test_the_admin_api_is_never_struck(web: httpx.Client) -> None:
    put_in(web, "api-error")
    assert web.get(REGIONS).status_code == 503
    assert len(web.get("/admin/v1/faults").json()["faults"]) == 1


@pytest.mark.parametrize("path", [f"{REGIONS}/us-east1", f"{CLUSTERS}/-/clusters", PODS])
def test_a_hanging_call_gets_no_answer_until_the_fault_is_over(
    web: httpx.Client, sandbox: Sandbox, cluster: str, path: str
) -> None:
    fault = put_in(web, "api-hang")
    with pytest.raises(httpx.ReadTimeout):
        web.get(path, timeout=0.3)
    answers: list[int] = []
    begun = threading.Event()

    def call() -> None:
        with sandbox.http(web.headers["authorization"].removeprefix("Bearer ")) as patient:
            begun.set()
            answers.append(patient.get(path, timeout=20).status_code)

    waiting = threading.Thread(target=call)
    waiting.start()
    assert begun.wait(5)
    with pytest.raises(httpx.ReadTimeout):  # while this one waits in vain, so does the other
        web.get(path, timeout=0.3)
    assert answers == []
    end(web, fault)
    waiting.join(20)
    assert answers == [200]


def test_over_grpc_the_deadline_ends_a_hanging_call_and_its_ttl_the_fault(
    sandbox: Sandbox, web: httpx.Client
) -> None:
    put_in(web, "api-hang", api="container", ttl_s=36_000)
    gke = container_v1.ClusterManagerClient(client_options={"api_endpoint": sandbox.endpoints["grpc"]})
    with pytest.raises(exceptions.DeadlineExceeded):
        gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None, timeout=0.3)
    web.post("/admin/v1/clock:step", json={"seconds": 36_001}).raise_for_status()
    gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None, timeout=10)


def test_hanging_calls_do_not_keep_the_sandbox_from_ending(tmp_path: Path) -> None:
    own = Sandbox(state_dir=tmp_path).start()
    caller = own.http(own.token)
    caller.post("/admin/v1/faults", json={"kind": "api-hang", "scope": {}}).raise_for_status()
    ended: list[object] = []

    def call() -> None:
        try:
            ended.append(caller.get(REGIONS, timeout=60).status_code)
        except httpx.HTTPError as e:
            ended.append(type(e))

    calls = [threading.Thread(target=call) for _ in range(5)]
    for one in calls:
        one.start()
    with own.http() as other, pytest.raises(httpx.ReadTimeout):
        other.get(REGIONS, timeout=0.5)
    begun = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - begun < 10
    for one in calls:
        one.join(10)
    caller.close()
    assert len(ended) == 5
    assert 200 not in ended
    assert "Traceback" not in (tmp_path / "sandbox-test.log").read_text()


def test_a_region_of_control_planes_is_down_and_the_others_are_not(web: httpx.Client, cluster: str) -> None:
    fault = put_in(web, "control-plane-down", region="us-east4")
    assert web.get(PODS).status_code == 200
    end(web, fault)
    fault = put_in(web, "control-plane-down", region=REGION)
    assert web.get(PODS).status_code == 503
    end(web, fault)
    assert web.get(PODS).status_code == 200


def told_time(web: httpx.Client) -> datetime:
    return datetime.fromisoformat(web.get("/admin/v1/clock").json()["now"])


def test_a_step_lets_a_whole_chain_of_stages_pass(sandbox: Sandbox, web: httpx.Client) -> None:
    """A cluster takes minutes and its membership begins when it runs; the clock stands still but for the steps."""
    parent = f"/v1/projects/{P}/locations/us-west3/clusters"
    web.put("/admin/v1/clock", json={"paused": True}).raise_for_status()
    try:
        asked = {"name": "stepped", "autopilot": {"enabled": True}, "fleet": {"project": P}}
        web.post(parent, json={"cluster": asked}).raise_for_status()
        before = told_time(web)
        assert web.get(f"{parent}/stepped").json()["status"] == "PROVISIONING"
        web.post("/admin/v1/clock:step", json={"seconds": 1_800}).raise_for_status()
        assert told_time(web) - before == timedelta(seconds=1_800)
        assert web.get(f"{parent}/stepped").json()["status"] == "RUNNING"
        member = web.get(f"/v1/projects/{P}/locations/us-west3/memberships/stepped").json()
        assert member["state"]["code"] == "READY"
        web.delete(f"{parent}/stepped").raise_for_status()
        web.post("/admin/v1/clock:step", json={"seconds": 1_800}).raise_for_status()
        assert web.get(f"{parent}/stepped").status_code == 404
    finally:
        web.put("/admin/v1/clock", json={"paused": False}).raise_for_status()


@pytest.fixture
def spot_machine(web: httpx.Client, cluster: str) -> Iterator[str]:
    """The name of a Spot machine that a pod runs on. In this region `calm` always has L4."""
    base = f"/clusters/{REGION}/{cluster}"
    deployments = f"{base}/apis/apps/v1/namespaces/default/deployments"
    labels = {"app": "spot"}
    container = {"name": "web", "image": "nginx:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    selector = {"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-spot": "true"}
    template = {"metadata": {"labels": labels}, "spec": {"nodeSelector": selector, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "spot"}, "spec": spec}
    assert web.post(deployments, json=body).status_code == 201
    yield str(wait_until(lambda: running_on(web), timeout_s=60, what="a pod runs on a Spot machine"))
    web.delete(f"{deployments}/spot").raise_for_status()


def running_on(web: httpx.Client) -> str:
    pods = web.get(PODS, params={"labelSelector": "app=spot"}).json()["items"]
    return next((p["spec"]["nodeName"] for p in pods if p["status"]["phase"] == "Running"), "")


def test_a_wave_of_preemption_is_told_by_events_and_the_pod_comes_back_on_another_machine(
    web: httpx.Client, spot_machine: str
) -> None:
    node = f"/clusters/{REGION}/{CLUSTER}/api/v1/nodes/{spot_machine}"
    put_in(web, "spot-preemption", region="us-east1")
    put_in(web, "spot-preemption", rate=0)
    assert web.get(node).status_code == 200
    put_in(web, "spot-preemption", region=REGION)
    wait_until(lambda: web.get(node).status_code == 404, timeout_s=30, what="the machine is gone")
    events = web.get(f"/clusters/{REGION}/{CLUSTER}/api/v1/events").json()["items"]
    about = {e["reason"] for e in events if e["involvedObject"]["name"] == spot_machine}
    assert {"PreemptScheduled", "NodeNotReady", "DeletingNode"} <= about
    after = wait_until(lambda: running_on(web), timeout_s=60, what="the pod runs again, the wave in force")
    assert after != spot_machine


@pytest.mark.parametrize("seconds", [3700, -120], ids=["expired", "not yet valid"])
def test_a_token_that_the_clock_is_not_right_for_is_refused_by_every_api(
    sandbox: Sandbox, web: httpx.Client, cluster: str, seconds: int
) -> None:
    gke = container_v1.ClusterManagerClient(client_options={"api_endpoint": sandbox.endpoints["grpc"]})
    fault = put_in(web, "token-clock-skew", seconds=seconds)
    for path in (REGIONS, f"{CLUSTERS}/-/clusters"):
        answer = web.get(path)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
        assert error["message"].startswith("Request had invalid authentication credentials. Expected OAuth 2")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    status = web.get(PODS)
    assert status.status_code == 401
    assert {k: status.json()[k] for k in ("kind", "status", "message", "reason", "code")} == {
        "kind": "Status", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
    }  # fmt: skip
    with pytest.raises(exceptions.Unauthenticated):
        gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None)
    assert len(web.get("/admin/v1/faults").json()["faults"]) == 1  # and can be lifted
    end(web, fault)
    assert [web.get(path).status_code for path in (REGIONS, PODS)] == [200, 200]
    gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None)


def test_a_skew_that_a_fresh_token_outlives_harms_nobody_who_refreshes_and_ends_by_its_ttl(
    sandbox: Sandbox, web: httpx.Client
) -> None:
    fault = put_in(web, "token-clock-skew", seconds=1800)
    with sandbox.http(sandbox.token) as fresh:
        assert fresh.get(REGIONS).status_code == 200
    end(web, fault)
    put_in(web, "token-clock-skew", ttl_s=36_000, seconds=7200)
    with sandbox.http(sandbox.token) as fresh:
        assert fresh.get(REGIONS).status_code == 401
        web.post("/admin/v1/clock:step", json={"seconds": 36_001}).raise_for_status()
        assert fresh.get(REGIONS).status_code == 200
