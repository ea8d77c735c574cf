"""Google's own clients against the sandbox over TLS: what they see is what a cloud would show."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import google.auth
import httpx
import pytest
from google.api_core import exceptions
from google.cloud import compute_v1, container_v1, gkehub_v1, monitoring_v3
from google.cloud.gkehub_v1 import configmanagement_v1

from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

DONE = container_v1.Operation.Status.DONE
P = "gpu-atlas-sandbox"


def options(host: str) -> dict[str, str]:
    return {"api_endpoint": host}


@pytest.fixture(params=["grpc", "rest"])
def gke(sandbox: Sandbox, request: pytest.FixtureRequest) -> container_v1.ClusterManagerClient:
    host = sandbox.endpoints[request.param]
    return container_v1.ClusterManagerClient(transport=request.param, client_options=options(host))


@pytest.fixture(params=["grpc", "rest"])
def hub(sandbox: Sandbox, request: pytest.FixtureRequest) -> gkehub_v1.GkeHubClient:
    host = sandbox.endpoints[request.param]
    return gkehub_v1.GkeHubClient(transport=request.param, client_options=options(host))


@pytest.fixture
def admin(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with sandbox.http(sandbox.token) as client:
        client.base_url = httpx.URL(sandbox.endpoints["admin"])
        yield client
        client.delete("/faults").raise_for_status()


def autopilot(name: str, **fields: Any) -> Any:
    fleet = {"project": P}
    return {
        "name": name,
        "autopilot": {"enabled": True},
        "fleet": fleet,
        "release_channel": {"channel": 2},
        **fields,
    }


def create(gke: container_v1.ClusterManagerClient, region: str, name: str) -> container_v1.Operation:
    parent = f"projects/{P}/locations/{region}"
    operation = gke.create_cluster(
        parent=parent, cluster=autopilot(name, resource_labels={"managed-by": "gpu-atlas"})
    )
    path = f"{parent}/operations/{operation.name}"
    wait_until(
        lambda: gke.get_operation(name=path).status == DONE, timeout_s=20, what="CREATE_CLUSTER is DONE"
    )
    return gke.get_operation(name=path)


@pytest.fixture(scope="module")
def member(sandbox: Sandbox) -> str:
    """A registered cluster, for tests that need one."""
    client = container_v1.ClusterManagerClient(client_options=options(sandbox.endpoints["grpc"]))
    create(client, "europe-west1", "member")
    return f"projects/{P}/locations/europe-west1/memberships/member"


def test_a_cluster_is_made_registered_and_unmade(gke: Any, sandbox: Sandbox) -> None:
    name = f"made-{gke.transport.kind}"
    operation = create(gke, "us-west1", name)
    assert not operation.error.code
    metrics = {m.name: m.int_value for m in operation.progress.metrics}
    assert metrics["CLUSTER_DEPLOYING"] == metrics["CLUSTER_DEPLOYING_TOTAL"] == 11
    path = f"projects/{P}/locations/us-west1/clusters/{name}"
    cluster = gke.get_cluster(name=path)
    assert cluster.status == container_v1.Cluster.Status.RUNNING
    assert cluster.endpoint == f"{sandbox.endpoints['rest']}/clusters/us-west1/{name}"
    assert cluster.fleet.membership.endswith(f"/locations/us-west1/memberships/{name}")
    assert cluster.resource_labels["managed-by"] == "gpu-atlas"
    gke.delete_cluster(name=path)
    assert gke.get_cluster(name=path).status == container_v1.Cluster.Status.STOPPING
    parent = f"projects/{P}/locations/-"
    wait_until(lambda: name not in {c.name for c in gke.list_clusters(parent=parent).clusters}, timeout_s=20)
    hub = gkehub_v1.GkeHubClient(client_options=options(sandbox.endpoints["grpc"]))
    assert name not in str(list(hub.list_memberships(parent=parent)))


def test_the_same_name_twice_is_a_conflict(gke: Any, member: str) -> None:
    with pytest.raises(exceptions.Conflict, match=r"Already exists: projects/.*/clusters/member\."):
        gke.create_cluster(parent=f"projects/{P}/locations/europe-west1", cluster=autopilot("member"))


@pytest.mark.parametrize(
    ("location", "cluster", "error", "text"),
    [
        pytest.param("us-west1-a", autopilot("a"), exceptions.BadRequest, "regional", id="zonal"),
        pytest.param("us-west1", autopilot("A!"), exceptions.BadRequest, "cluster.name", id="bad name"),
        pytest.param("us-west1", {"name": "a"}, exceptions.BadRequest, "Autopilot", id="not Autopilot"),
        pytest.param("mars-1", autopilot("a"), exceptions.Forbidden, "may not exist", id="no such region"),
    ],
)
def test_what_gke_refuses_is_refused(
    gke: Any, location: str, cluster: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        gke.create_cluster(parent=f"projects/{P}/locations/{location}", cluster=cluster)


def test_a_missing_cluster_is_not_found(gke: Any) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Not found: projects/.*/clusters/nobody\."):
        gke.get_cluster(name=f"projects/{P}/locations/us-west1/clusters/nobody")


def test_a_busy_cluster_cannot_be_deleted(gke: Any, admin: httpx.Client) -> None:
    admin.put("/clock", json={"speed": 1}).raise_for_status()
    name, parent = f"busy-{gke.transport.kind}", f"projects/{P}/locations/us-west2"
    operation = gke.create_cluster(parent=parent, cluster=autopilot(name))
    with pytest.raises(exceptions.BadRequest, match=f"incompatible operation {operation.name}"):
        gke.delete_cluster(name=f"{parent}/clusters/{name}")
    gke.cancel_operation(name=f"{parent}/operations/{operation.name}")
    admin.put("/clock", json={"speed": 600}).raise_for_status()
    path = f"{parent}/operations/{operation.name}"
    wait_until(lambda: gke.get_operation(name=path).status == DONE)
    assert gke.get_operation(name=path).error.code == 1


def test_an_unreachable_region_makes_lists_partial(gke: Any, member: str, admin: httpx.Client) -> None:
    admin.post(
        "/faults", json={"kind": "unreachable", "scope": {"location": "europe-west1"}}
    ).raise_for_status()
    listed = gke.list_clusters(parent=f"projects/{P}/locations/-")
    assert list(listed.missing_zones) == ["europe-west1"]
    assert "member" not in {c.name for c in listed.clusters}


def test_the_server_config_names_every_channel(gke: Any) -> None:
    config = gke.get_server_config(name=f"projects/{P}/locations/us-central1")
    assert {c.channel.name for c in config.channels} == {"RAPID", "REGULAR", "STABLE", "EXTENDED"}


def test_ingress_is_enabled_for_a_config_membership(hub: Any, member: str) -> None:
    parent, name = f"projects/{P}/locations/global", "multiclusteringress"
    resource = {"spec": {"multiclusteringress": {"config_membership": member}}}
    operation = hub.create_feature(parent=parent, feature_id=name, resource=resource)
    assert operation.result(timeout=20).spec.multiclusteringress.config_membership == member

    def state() -> Any:
        return hub.get_feature(name=f"{parent}/features/{name}").state.state

    wait_until(lambda: state().code == gkehub_v1.FeatureState.Code.OK, timeout_s=20)
    assert state().description == "Ready to use"
    with pytest.raises(exceptions.Conflict, match="already exists"):
        hub.create_feature(parent=parent, feature_id=name, resource=resource)
    hub.delete_feature(name=f"{parent}/features/{name}").result(timeout=20)


def test_membership_specs_are_merged_and_an_empty_one_is_removed(hub: Any, member: str) -> None:
    parent = f"projects/{P}/locations/global"
    path = f"{parent}/features/configmanagement"
    hub.create_feature(parent=parent, feature_id="configmanagement", resource={}).result(timeout=20)
    sync = configmanagement_v1.ConfigSync(
        enabled=True,
        source_format="unstructured",
        git=configmanagement_v1.GitConfig(
            sync_repo="file:///x", policy_dir="clusters/member", sync_wait_secs=20
        ),
    )
    spec = gkehub_v1.MembershipFeatureSpec(
        configmanagement=configmanagement_v1.MembershipSpec(config_sync=sync)
    )
    for specs in ({member: spec}, {}):
        hub.update_feature(
            name=path, update_mask="membershipSpecs", resource=gkehub_v1.Feature(membership_specs=specs)
        ).result(timeout=20)
        (key,) = hub.get_feature(name=path).membership_specs
        assert key.startswith("projects/481516234200/")
    kept = hub.get_feature(name=path).membership_specs[key].configmanagement.config_sync
    assert (kept.git.sync_wait_secs, kept.enabled) == (20, True)
    hub.update_feature(
        name=path,
        update_mask="membershipSpecs",
        resource=gkehub_v1.Feature(membership_specs={member: gkehub_v1.MembershipFeatureSpec()}),
    ).result(timeout=20)
    assert not hub.get_feature(name=path).membership_specs
    hub.delete_feature(name=path).result(timeout=20)


def test_accelerators_are_listed_by_zone_and_away_regions_are_named(
    sandbox: Sandbox, admin: httpx.Client
) -> None:
    client = compute_v1.AcceleratorTypesClient(client_options=options(sandbox.endpoints["rest"]))
    listed = {
        scope: {t.name for t in found.accelerator_types}
        for scope, found in client.aggregated_list(project=P)
        if found.accelerator_types
    }
    assert "nvidia-l4" in listed["zones/us-central1-a"]
    assert not any(scope.startswith("zones/africa-south1") for scope in listed)
    admin.post(
        "/faults", json={"kind": "unreachable", "scope": {"location": "us-central1"}}
    ).raise_for_status()
    pager = client.aggregated_list(project=P)
    assert "zones/us-central1-a" not in dict(pager)
    assert any("us-central1-a" in u for u in pager.unreachables)


def test_quota_is_told_and_a_fault_takes_it_away(sandbox: Sandbox, admin: httpx.Client) -> None:
    regions = compute_v1.RegionsClient(client_options=options(sandbox.endpoints["rest"]))
    projects = compute_v1.ProjectsClient(client_options=options(sandbox.endpoints["rest"]))

    def limits() -> dict[str, float]:
        return {q.metric: q.limit for q in regions.get(project=P, region="us-central1").quotas}

    assert limits()["NVIDIA_L4_GPUS"] == 8
    assert "NVIDIA_H100_GPUS" not in limits()
    assert {q.metric: q.limit for q in projects.get(project=P).quotas}["GPUS_ALL_REGIONS"] == 16
    assert len(list(regions.list(project=P))) == 43
    scope = {"region": "us-central1", "accelerator": "nvidia-l4"}
    admin.post("/faults", json={"kind": "quota", "scope": scope}).raise_for_status()
    assert (limits()["NVIDIA_L4_GPUS"], limits()["NVIDIA_T4_GPUS"]) == (0, 8)


def test_an_address_is_reserved_once_and_loopback_is_given(sandbox: Sandbox) -> None:
    client = compute_v1.GlobalAddressesClient(client_options=options(sandbox.endpoints["rest"]))
    operations = compute_v1.GlobalOperationsClient(client_options=options(sandbox.endpoints["rest"]))
    wanted = compute_v1.Address(name="vip-test", address_type="EXTERNAL", ip_version="IPV4")
    operation = client.insert(project=P, address_resource=wanted)
    assert operations.wait(project=P, operation=operation.name).status == compute_v1.Operation.Status.DONE
    found = client.get(project=P, address="vip-test")
    assert found.address.startswith("127.0.0.")
    assert found.status == "RESERVED"
    with pytest.raises(exceptions.Conflict, match="already exists"):
        client.insert(project=P, address_resource=wanted)
    operation = client.delete(project=P, address="vip-test")
    operations.wait(project=P, operation=operation.name)
    wait_until(lambda: "vip-test" not in {a.name for a in client.list(project=P)})


def test_advice_knows_a_stock_out(sandbox: Sandbox, admin: httpx.Client) -> None:
    client = compute_v1.AdviceClient(client_options=options(sandbox.endpoints["rest"]))
    request = compute_v1.CapacityAdviceRequest(
        size=1,
        instance_properties=compute_v1.CapacityAdviceRequestInstanceProperties(
            scheduling=compute_v1.CapacityAdviceRequestInstancePropertiesScheduling(provisioning_model="SPOT")
        ),
        instance_flexibility_policy=compute_v1.CapacityAdviceRequestInstanceFlexibilityPolicy(
            instance_selections={
                "l4": compute_v1.CapacityAdviceRequestInstanceFlexibilityPolicyInstanceSelection(
                    machine_types=["g2-standard-8"]
                )
            }
        ),
    )

    def score() -> float:
        answer = client.capacity(project=P, region="us-central1", capacity_advice_request_resource=request)
        return answer.recommendations[0].scores.obtainability

    assert score() >= 0.7
    admin.post("/faults", json={"kind": "stockout", "scope": {"region": "us-central1"}}).raise_for_status()
    assert score() < 0.4


def test_monitoring_has_a_metric_that_nobody_used_yet(sandbox: Sandbox, admin: httpx.Client) -> None:
    client = monitoring_v3.MetricServiceClient(client_options=options(sandbox.endpoints["grpc"]))
    now = int(datetime.fromisoformat(admin.get("/clock").json()["now"]).timestamp())
    interval = {"start_time": {"seconds": now - 3600}, "end_time": {"seconds": now}}
    request = {
        "name": f"projects/{P}",
        "filter": 'metric.type="loadbalancing.googleapis.com/https/request_count" AND resource.type="https_lb_rule"',
        "interval": interval,
        "aggregation": {
            "alignment_period": {"seconds": 60},
            "per_series_aligner": "ALIGN_RATE",
            "cross_series_reducer": "REDUCE_SUM",
            "group_by_fields": ["resource.label.backend_scope"],
        },
    }
    assert list(client.list_time_series(request=request)) == []
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        client.list_time_series(request={**request, "filter": "what is this"})


@pytest.mark.parametrize(
    "path", ["/v1/projects/x/locations/-/clusters", "/compute/v1/projects/x", "/admin/v1/clock"]
)
@pytest.mark.parametrize("token", ["", "made-up", "ya29.sandbox.e30.AAAA", "a.b.c"])
def test_without_a_valid_token_nobody_gets_in(sandbox: Sandbox, path: str, token: str) -> None:
    with sandbox.http(token) as client:
        answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_the_viewer_reads_and_does_not_write(sandbox: Sandbox) -> None:
    credentials = sandbox.credentials("credentials-viewer.json")
    client = container_v1.ClusterManagerClient(
        credentials=credentials, transport="rest", client_options=options(sandbox.endpoints["rest"])
    )
    client.list_clusters(parent=f"projects/{P}/locations/-")
    with pytest.raises(exceptions.Forbidden, match=r'Required "container.clusters.create" permission'):
        client.create_cluster(parent=f"projects/{P}/locations/us-west1", cluster=autopilot("no"))


def test_default_credentials_belong_to_the_project(sandbox: Sandbox) -> None:
    _, project = google.auth.default()
    assert project == P


def test_a_forged_assertion_gets_no_token(sandbox: Sandbox) -> None:
    credentials = sandbox.credentials()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    assertion = credentials._make_authorization_grant_assertion().decode()
    with sandbox.http() as client:
        assert client.post("/token", data={**form, "assertion": assertion}).status_code == 200
        head, body, _ = assertion.split(".")
        spoiled = client.post("/token", data={**form, "assertion": f"{head}.{body}.{'A' * 342}"})
    assert (spoiled.status_code, spoiled.json()["error"]) == (400, "invalid_grant")


def test_api_faults_reach_both_doors_and_can_be_lifted(gke: Any, admin: httpx.Client) -> None:
    fault = admin.post(
        "/faults", json={"kind": "api-error", "scope": {"api": "container", "code": "RESOURCE_EXHAUSTED"}}
    ).json()
    with pytest.raises(exceptions.TooManyRequests):
        gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None)
    admin.delete(f"/faults/{fault['id']}").raise_for_status()
    assert admin.get("/faults").json() == {"faults": []}
    gke.list_clusters(parent=f"projects/{P}/locations/-", retry=None)


def test_a_slow_api_is_slow(sandbox: Sandbox, admin: httpx.Client) -> None:
    admin.post(
        "/faults", json={"kind": "api-latency", "scope": {"api": "compute", "ms": 300}}
    ).raise_for_status()
    client = compute_v1.RegionsClient(client_options=options(sandbox.endpoints["rest"]))
    begun = time.monotonic()
    client.get(project=P, region="us-east1")
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "rain"}, "kind"),
        ({"kind": "stockout", "scope": {"region": "mars-1"}}, "scope.region"),
        ({"kind": "stockout", "scope": {"cluster": "x"}}, "scope.cluster"),
        ({"kind": "api-latency", "scope": {"ms": -1}}, "scope.ms"),
        ({"kind": "quota", "ttlSeconds": 0}, "ttlSeconds"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_field(admin: httpx.Client, body: Any, field: str) -> None:
    answer = admin.post("/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{field}:")


def test_faults_end_by_themselves(admin: httpx.Client) -> None:
    admin.post("/faults", json={"kind": "quota", "ttlSeconds": 60}).raise_for_status()
    assert [f["kind"] for f in admin.get("/faults").json()["faults"]] == ["quota"]
    admin.post("/clock:step", json={"seconds": 61}).raise_for_status()
    assert admin.get("/faults").json() == {"faults": []}


def test_the_clock_is_paused_and_kept_within_bounds(admin: httpx.Client) -> None:
    assert admin.put("/clock", json={"paused": True}).json()["paused"] is True
    assert admin.get("/clock").json()["now"] == admin.get("/clock").json()["now"]
    assert admin.put("/clock", json={"speed": 601}).status_code == 400
    assert admin.put("/clock", json={"paused": False}).json()["speed"] == 600


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that a test may kill."""
    started = Sandbox(state_dir=tmp_path / "state").start()
    yield started
    assert started.stop() == 0


def test_everything_survives_kill_9(own: Sandbox) -> None:
    token, rest = own.token, own.endpoints["rest"]
    with own.http(token) as client:
        body = {"cluster": {"name": "kept", "autopilot": {"enabled": True}, "fleet": {"project": P}}}
        made = client.post(f"/v1/projects/{P}/locations/us-east4/clusters", json=body).json()
    own.stop(kill=True)
    own.start()
    assert own.endpoints["rest"] == rest
    with own.http(token) as client:
        path = f"/v1/projects/{P}/locations/us-east4"
        wait_until(lambda: client.get(f"{path}/operations/{made['name']}").json()["status"] == "DONE")
        assert client.get(f"{path}/clusters/kept").json()["status"] == "RUNNING"


def test_a_second_sandbox_on_the_same_state_says_so_and_leaves(sandbox: Sandbox) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "lib.sandbox", "--state-dir", str(sandbox.state_dir)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"another sandbox (pid {sandbox.endpoints['pid']}) is using" in second.stderr
    assert len(second.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["state.db", "clock.json"])
def test_an_unreadable_state_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / name).write_text("not what it should be" * 100)
    told = subprocess.run(
        [sys.executable, "-m", "lib.sandbox", "--state-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert name in told.stderr


def test_a_state_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    with closing(sqlite3.connect(tmp_path / "sandbox" / "state.db")) as db:
        db.execute("PRAGMA user_version=99")
    told = subprocess.run(
        [sys.executable, "-m", "lib.sandbox", "--state-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert "was written by a newer version" in told.stderr
    assert len(told.stderr.splitlines()) == 1
