"""The official Kubernetes client against a cluster of the sandbox: what it can do on GKE it can do here."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest
import yaml
from kubernetes.client import ApiException
from kubernetes.dynamic import DynamicClient

from tests.contract.conftest import Sandbox
from tests.waiting import wait_until

REGION, CLUSTER = "us-east1", "kube-contract"
DEFINITION = yaml.safe_load("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec: {type: object, required: [size], properties: {size: {type: integer, minimum: 1}}}
          status: {type: object, properties: {ready: {type: boolean}}}
""")
LABELS = {"app": "web"}


def deployment(replicas: int = 1, **pod_spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}], **pod_spec},
            },
        },
    }


@pytest.fixture(scope="module")
def endpoint(sandbox: Sandbox) -> dict[str, Any]:
    """A running cluster, as the Container API describes it."""
    parent = f"/v1/projects/{sandbox.endpoints['project']}/locations/{REGION}/clusters"
    with sandbox.http(sandbox.token) as client:
        body = {"cluster": {"name": CLUSTER, "autopilot": {"enabled": True}}}
        assert client.post(parent, json=body).status_code == 200

        def running() -> dict[str, Any] | None:
            found = client.get(f"{parent}/{CLUSTER}").json()
            return found if found.get("status") == "RUNNING" else None

        found: Any = wait_until(running, timeout_s=30, what="the cluster runs")
        return found


def client_of(sandbox: Sandbox, endpoint: dict[str, Any], token: str, ca: str) -> kubernetes.client.ApiClient:
    configuration = kubernetes.client.Configuration()
    configuration.host = f"https://{endpoint['endpoint']}"
    configuration.ssl_ca_cert = ca
    configuration.api_key = {"authorization": f"Bearer {token}"}
    return kubernetes.client.ApiClient(configuration)


@pytest.fixture(scope="module")
def api(
    sandbox: Sandbox, endpoint: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[kubernetes.client.ApiClient]:
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.write_bytes(base64.b64decode(endpoint["masterAuth"]["clusterCaCertificate"]))
    with client_of(sandbox, endpoint, sandbox.token, str(ca)) as found:
        core: Any = kubernetes.client.CoreV1Api(found)
        wait_until(lambda: len(core.list_node().items) == 3, timeout_s=10, what="the first nodes are there")
        yield found


@pytest.fixture
def namespace(api: kubernetes.client.ApiClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for one test; it and all in it goes afterwards."""
    core: Any = kubernetes.client.CoreV1Api(api)
    name = core.create_namespace({"metadata": {"generateName": "test-"}}).metadata.name
    yield name
    core.delete_namespace(name)


def test_version_and_discovery(api: kubernetes.client.ApiClient) -> None:
    assert kubernetes.client.VersionApi(api).get_code().git_version.startswith("v1.")
    groups = {g.name for g in kubernetes.client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "coordination.k8s.io", "apiextensions.k8s.io", "events.k8s.io"} <= groups


def test_a_config_map_lives(api: kubernetes.client.ApiClient, namespace: str) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    made = core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}, "data": {"x": "1"}})
    assert made.metadata.uid
    with pytest.raises(ApiException) as e:
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}})
    assert (e.value.status, '"reason":"AlreadyExists"' in str(e.value.body)) == (409, True)
    core.patch_namespaced_config_map("a", namespace, {"data": {"y": "2"}})
    changed = core.read_namespaced_config_map("a", namespace)
    assert changed.data == {"x": "1", "y": "2"}
    with pytest.raises(ApiException) as e:
        core.replace_namespaced_config_map("a", namespace, made)
    assert e.value.status == 409
    core.delete_namespaced_config_map("a", namespace)
    with pytest.raises(ApiException) as e:
        core.read_namespaced_config_map("a", namespace)
    assert e.value.status == 404


def test_a_long_list_comes_in_pages(api: kubernetes.client.ApiClient, namespace: str) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    for n in range(5):
        body = {"metadata": {"name": f"c{n}", "labels": {"odd": str(n % 2)}}}
        core.create_namespaced_config_map(namespace, body)
    first = core.list_namespaced_config_map(namespace, limit=3)
    rest = core.list_namespaced_config_map(namespace, limit=3, _continue=first.metadata._continue)
    assert [i.metadata.name for i in [*first.items, *rest.items]] == [f"c{n}" for n in range(5)]
    odd = core.list_namespaced_config_map(namespace, label_selector="odd=1").items
    assert [i.metadata.name for i in odd] == ["c1", "c3"]
    one = core.list_namespaced_config_map(namespace, field_selector="metadata.name=c4").items
    assert len(one) == 1


def test_a_watch_resumes_from_a_version_and_follows_a_selector(
    api: kubernetes.client.ApiClient, namespace: str
) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    version = core.list_namespaced_config_map(namespace).metadata.resource_version
    body = {"metadata": {"name": "a", "labels": {"on": "1"}}}
    core.create_namespaced_config_map(namespace, body)

    def meddle() -> None:
        core.patch_namespaced_config_map("a", namespace, {"data": {"x": "1"}})
        core.patch_namespaced_config_map("a", namespace, {"metadata": {"labels": {"on": None}}})

    later = threading.Timer(0.3, meddle)
    later.start()
    seen = []
    watch = kubernetes.watch.Watch()
    event: Any
    for event in watch.stream(
        core.list_namespaced_config_map,
        namespace,
        resource_version=version,
        label_selector="on=1",
        timeout_seconds=10,
    ):
        seen.append(event["type"])
        if seen[-1] == "DELETED":
            watch.stop()
    later.join()
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_from_too_long_ago_is_gone(api: kubernetes.client.ApiClient, namespace: str) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    with pytest.raises(ApiException) as e:
        for _ in kubernetes.watch.Watch().stream(
            core.list_namespaced_config_map, namespace, resource_version="999999999", timeout_seconds=2
        ):
            pass
    assert e.value.status == 410


def test_a_deployment_rolls_out_and_its_pods_go_with_it(
    api: kubernetes.client.ApiClient, namespace: str
) -> None:
    apps: Any = kubernetes.client.AppsV1Api(api)
    core: Any = kubernetes.client.CoreV1Api(api)
    apps.create_namespaced_deployment(namespace, deployment(replicas=2))

    def available() -> bool:
        return apps.read_namespaced_deployment("web", namespace).status.available_replicas == 2

    wait_until(available, timeout_s=20, what="two replicas are available")
    scale = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    assert scale.spec.replicas == 1
    wait_until(
        lambda: len(core.list_namespaced_pod(namespace).items) == 1, timeout_s=10, what="one pod is left"
    )
    pod = core.list_namespaced_pod(namespace).items[0]
    assert pod.metadata.labels["topology.kubernetes.io/zone"].startswith(REGION)
    assert core.read_namespaced_pod_log(pod.metadata.name, namespace) == "ready for start up\n"
    events = core.list_namespaced_event(
        namespace, field_selector=f"involvedObject.name={pod.metadata.name}"
    ).items
    assert {e.reason for e in events} >= {"Scheduled", "Pulled", "Started"}
    newer: Any = kubernetes.client.EventsV1Api(api).list_namespaced_event(namespace).items
    assert {e.regarding.name for e in newer} >= {pod.metadata.name}
    apps.delete_namespaced_deployment("web", namespace)
    wait_until(lambda: not core.list_namespaced_pod(namespace).items, timeout_s=10, what="no pod is left")


def test_a_wrong_field_of_a_deployment_is_refused(api: kubernetes.client.ApiClient, namespace: str) -> None:
    # The typed client would find the fault itself.
    deployments: Any = DynamicClient(api).resources.get(api_version="apps/v1", kind="Deployment")
    for body, status, field in (
        (deployment(nodeSelektor={}), 400, "spec.template.spec.nodeSelektor"),
        (deployment(containers="none"), 400, "spec.template.spec.containers"),
        (deployment(containers=[]), 422, "spec.template.spec.containers"),
    ):
        with pytest.raises(ApiException) as e:
            deployments.create(body=body, namespace=namespace)
        assert (e.value.status, field in str(e.value.body)) == (status, True)


def test_a_custom_resource_is_checked_and_printed(
    api: kubernetes.client.ApiClient, namespace: str, sandbox: Sandbox, endpoint: dict[str, Any]
) -> None:
    definitions: Any = kubernetes.client.ApiextensionsV1Api(api)
    definitions.create_custom_resource_definition(DEFINITION)
    custom: Any = kubernetes.client.CustomObjectsApi(api)
    where = ("example.com", "v1", namespace, "widgets")
    body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    for spec, field in (({"size": 0}, "spec.size"), ({}, "spec.size"), ({"size": 1, "sice": 2}, "spec.sice")):
        with pytest.raises(ApiException) as e:
            custom.create_namespaced_custom_object(*where, {**body, "spec": spec})
        assert e.value.status == 422
        assert f'"field":"{field}"' in str(e.value.body)
    made: Any = custom.create_namespaced_custom_object(*where, {**body, "status": {"ready": True}})
    assert "status" not in made, "status is a subresource"
    custom.patch_namespaced_custom_object_status(*where, "w", {"status": {"ready": True}})
    custom.patch_namespaced_custom_object(*where, "w", {"spec": {"size": 4}})
    found: Any = custom.get_namespaced_custom_object(*where, "w")
    assert (found["spec"], found["status"], found["metadata"]["generation"]) == (
        {"size": 4},
        {"ready": True},
        2,
    )
    with sandbox.http(sandbox.token) as client:
        path = f"https://{endpoint['endpoint']}/apis/example.com/v1/namespaces/{namespace}/widgets"
        table = client.get(path, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).json()
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["w", 4]
    dynamic: Any = DynamicClient(api).resources.get(api_version="example.com/v1", kind="Widget")
    assert dynamic.get(namespace=namespace).items[0].spec.size == 4
    definitions.delete_custom_resource_definition("widgets.example.com")
    with pytest.raises(ApiException) as e:
        custom.list_namespaced_custom_object(*where)
    assert e.value.status == 404


def test_server_side_apply_creates_changes_and_conflicts(
    api: kubernetes.client.ApiClient, namespace: str
) -> None:
    maps: Any = DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s", "namespace": namespace}}
    maps.server_side_apply(body={**body, "data": {"a": "1", "b": "1"}}, field_manager="one")
    changed = maps.server_side_apply(body={**body, "data": {"a": "2"}}, field_manager="one")
    assert changed.data.to_dict() == {"a": "2"}
    with pytest.raises(ApiException) as e:
        maps.server_side_apply(body={**body, "data": {"a": "3"}}, field_manager="two")
    assert (e.value.status, 'conflict with \\"one\\"' in str(e.value.body)) == (409, True)
    forced = maps.server_side_apply(
        body={**body, "data": {"a": "3"}}, field_manager="two", force_conflicts=True
    )
    assert forced.data.to_dict() == {"a": "3"}


def test_a_dry_run_changes_nothing(api: kubernetes.client.ApiClient, namespace: str) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}}, dry_run="All")
    assert core.list_namespaced_config_map(namespace).items == []


def test_a_lease_is_taken_once(api: kubernetes.client.ApiClient, namespace: str) -> None:
    leases: Any = kubernetes.client.CoordinationV1Api(api)
    made = leases.create_namespaced_lease(
        namespace, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    )
    made.spec.holder_identity = "b"
    leases.replace_namespaced_lease("l", namespace, made)
    with pytest.raises(ApiException) as e:
        leases.replace_namespaced_lease("l", namespace, made)
    assert e.value.status == 409


def test_a_viewer_looks_and_touches_nothing(sandbox: Sandbox, endpoint: dict[str, Any], api) -> None:
    token = sandbox.credentials("credentials-viewer.json").token
    with client_of(sandbox, endpoint, token, sandbox.endpoints["ca_file"]) as viewer:
        core: Any = kubernetes.client.CoreV1Api(viewer)
        assert core.list_node().items
        with pytest.raises(ApiException) as e:
            core.create_namespaced_config_map("default", {"metadata": {"name": "a"}})
        assert (e.value.status, "cannot create resource" in str(e.value.body)) == (403, True)
        review = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "pods"}}}
        reviews: Any = kubernetes.client.AuthorizationV1Api(viewer)
        answer = reviews.create_self_subject_access_review(review)
        assert answer.status.allowed is False


def test_without_a_token_nobody_gets_in(sandbox: Sandbox, endpoint: dict[str, Any]) -> None:
    with sandbox.http() as client:
        answer = client.get(f"https://{endpoint['endpoint']}/api/v1/pods")
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_a_dead_control_plane_hangs_up_and_comes_back(
    sandbox: Sandbox, endpoint: dict[str, Any], api
) -> None:
    core: Any = kubernetes.client.CoreV1Api(api)
    with sandbox.http(sandbox.token) as client:
        fault = {"kind": "control-plane-down", "scope": {"cluster": CLUSTER}}
        made = client.post("/admin/v1/faults", json=fault).json()
        with pytest.raises(ApiException) as e:
            core.list_node()
        assert e.value.status == 503
        client.delete(f"/admin/v1/faults/{made['id']}")
    assert core.list_node().items
