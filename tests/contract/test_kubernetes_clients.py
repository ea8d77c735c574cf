"""Kubernetes' Python client in all its parts, and a client of other make, against a cluster of the sandbox.

A sandbox of its own, as one test restarts it.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes
import lightkube
import pytest
from kubernetes.client import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from lightkube import codecs
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod

from tests.contract.conftest import ROOT, Sandbox
from tests.contract.demo import CONFIG, GKE, Demo
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    state_dir = tmp_path_factory.mktemp("clients")
    started = Sandbox(state_dir=state_dir, arguments=("--speed", "600", "--scenario", "calm")).start()
    try:
        demo = Demo(started)
        demo.create_clusters(CONFIG)
        demo.api.close()
        yield started
    finally:
        started.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a kubeconfig says."""

    server: str
    ca_file: str
    token: str


@pytest.fixture(scope="module")
def access(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Access:
    with sandbox.http(sandbox.token) as client:
        found = client.get(f"{GKE}/{CONFIG[0]}/clusters/{CONFIG[1]}").json()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(base64.b64decode(found["masterAuth"]["clusterCaCertificate"]))
    return Access(server=f"https://{found['endpoint']}", ca_file=str(path), token=sandbox.token)


@pytest.fixture(scope="module")
def official(access: Access) -> Iterator[kubernetes.client.ApiClient]:
    configuration = kubernetes.client.Configuration()
    configuration.host, configuration.ssl_ca_cert = access.server, access.ca_file
    configuration.api_key = {"authorization": f"Bearer {access.token}"}
    with kubernetes.client.ApiClient(configuration) as found:
        core: Any = kubernetes.client.CoreV1Api(found)
        wait_until(lambda: len(core.list_node().items) == 3, what="the first nodes are there")
        yield found


@pytest.fixture
def core(official: kubernetes.client.ApiClient) -> Any:
    return kubernetes.client.CoreV1Api(official)


@pytest.fixture
def namespace(core: Any) -> Iterator[str]:
    name = core.create_namespace({"metadata": {"generateName": "test-"}}).metadata.name
    yield name
    core.delete_namespace(name)


def events(function: Any, *positional: Any, **options: Any) -> list[tuple[str, str]]:
    """(type, name) of all that a watch tells until its time is over."""
    stream: Any = kubernetes.watch.Watch().stream(function, *positional, **options)
    return [
        (e["type"], e["raw_object"]["metadata"].get("name", "")) if isinstance(e, dict) else ("", "")
        for e in stream
    ]


def test_a_watch_ends_in_time_with_a_bookmark(core: Any, namespace: str) -> None:
    before = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}})
    heard = events(
        core.list_namespaced_config_map, namespace, resource_version=before, timeout_seconds=1,
        allow_watch_bookmarks=True,
    )  # fmt: skip
    assert heard == [("ADDED", "a"), ("BOOKMARK", "")]
    quiet = events(core.list_namespaced_config_map, namespace, resource_version=before, timeout_seconds=1)
    assert quiet == [("ADDED", "a")], "bookmarks are for those who ask"


def test_a_list_is_read_page_by_page(core: Any, namespace: str) -> None:
    for n in range(5):
        core.create_namespaced_config_map(namespace, {"metadata": {"name": f"c{n}"}})
    first = core.list_namespaced_config_map(namespace, limit=2)
    assert first.metadata.remaining_item_count == 3
    names, page = [i.metadata.name for i in first.items], first
    while page.metadata._continue:
        page = core.list_namespaced_config_map(namespace, limit=2, _continue=page.metadata._continue)
        names += [i.metadata.name for i in page.items]
    assert names == [f"c{n}" for n in range(5)]
    with pytest.raises(ApiException) as e:
        core.list_namespaced_config_map(namespace, limit=2, _continue="nonsense")
    assert (e.value.status, "continue key is not valid" in str(e.value.body)) == (400, True)


@pytest.mark.parametrize(
    ("policy", "left"),
    [("Background", []), ("Foreground", []), ("Orphan", ["child"])],
)
def test_an_owners_deletion_reaches_its_dependents(
    core: Any, namespace: str, policy: str, left: list[str]
) -> None:
    def names() -> list[str]:
        return [i.metadata.name for i in core.list_namespaced_config_map(namespace).items]

    owner = core.create_namespaced_config_map(namespace, {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid,
                 "blockOwnerDeletion": True}  # fmt: skip
    core.create_namespaced_config_map(
        namespace, {"metadata": {"name": "child", "ownerReferences": [reference]}}
    )
    core.delete_namespaced_config_map("owner", namespace, propagation_policy=policy)
    wait_until(lambda: names() == left, timeout_s=10, what=f"only {left} left")


def test_a_stale_write_and_a_stale_delete_are_refused(core: Any, namespace: str) -> None:
    made = core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}, "data": {"n": "1"}})
    core.patch_namespaced_config_map("a", namespace, {"data": {"n": "2"}})
    with pytest.raises(ApiException) as e:
        core.replace_namespaced_config_map("a", namespace, made)
    assert (e.value.status, "the object has been modified" in str(e.value.body)) == (409, True)
    stale = {"preconditions": {"resourceVersion": made.metadata.resource_version}}
    with pytest.raises(ApiException) as e:
        core.delete_namespaced_config_map("a", namespace, body=stale)
    assert (e.value.status, "Precondition failed" in str(e.value.body)) == (409, True)
    assert core.read_namespaced_config_map("a", namespace).data == {"n": "2"}


def test_the_dynamic_client_finds_every_kind(official: kubernetes.client.ApiClient, namespace: str) -> None:
    dynamic: Any = DynamicClient(official)
    for version, kind in (
        ("v1", "Pod"),
        ("apps/v1", "Deployment"),
        ("metrics.k8s.io/v1beta1", "NodeMetrics"),
    ):
        assert dynamic.resources.get(api_version=version, kind=kind).kind == kind
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"n": "1"}}
    assert maps.server_side_apply(body=body, namespace=namespace, field_manager="test").data.n == "1"
    merged = {"content_type": "application/merge-patch+json"}
    assert maps.patch(body={"data": {"n": "2"}}, name="a", namespace=namespace, **merged).data.n == "2"
    seen = [e["type"] for e in maps.watch(namespace=namespace, timeout=1)]
    assert seen == ["ADDED"]
    assert maps.delete(name="a", namespace=namespace).status == "Success"


@dataclass(kw_only=True)
class Candidate:
    """One that wants to lead; `resign` ends its work, as a crash of it would."""

    identity: str
    namespace: str
    leads: threading.Event = field(default_factory=threading.Event)
    resign: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        lock = LeaseLock("leader", self.namespace, self.identity)
        election = LeaderElection(
            Config(lock, lease_duration=3, renew_deadline=2, retry_period=1,
                   onstarted_leading=self._lead, onstopped_leading=self.leads.clear)
        )  # fmt: skip
        self.thread = threading.Thread(target=election.run, daemon=True)
        self.thread.start()

    def _lead(self) -> None:
        self.leads.set()
        self.resign.wait(60)
        raise RuntimeError(f"{self.identity} has had enough")


def test_two_candidates_lead_one_after_the_other(
    official: kubernetes.client.ApiClient, namespace: str
) -> None:
    leases: Any = kubernetes.client.CoordinationV1Api(official)
    before = kubernetes.client.Configuration._default
    kubernetes.client.Configuration.set_default(official.configuration)  # the lock makes its own client
    first, second = (Candidate(identity=i, namespace=namespace) for i in ("first", "second"))
    try:
        first.start()
        wait_until(first.leads.is_set, timeout_s=10, what="the first leads")
        second.start()
        renewed = leases.read_namespaced_lease("leader", namespace).spec.renew_time
        wait_until(
            lambda: leases.read_namespaced_lease("leader", namespace).spec.renew_time != renewed,
            timeout_s=10, what="the lease is renewed",
        )  # fmt: skip
        assert not second.leads.is_set(), "one at a time"
        first.resign.set()
        wait_until(second.leads.is_set, timeout_s=20, what="the second leads")
        assert leases.read_namespaced_lease("leader", namespace).spec.holder_identity == "second"
    finally:
        for one in (first, second):
            one.resign.set()
            if one.thread:
                one.thread.join(20)
        kubernetes.client.Configuration.set_default(before)


# --- a stranger ---------------------------------------------------------------------------------------


@pytest.fixture
def stranger(access: Access, namespace: str) -> Iterator[lightkube.Client]:
    cluster = Cluster(server=access.server, certificate_auth=access.ca_file)
    config = KubeConfig.from_one(cluster=cluster, user=User(token=access.token), namespace=namespace)
    client = lightkube.Client(config=config, trust_env=False, field_manager="stranger")
    yield client
    client.close()


def test_a_stranger_makes_changes_applies_and_deletes(stranger: lightkube.Client) -> None:
    made = stranger.create(ConfigMap(metadata=ObjectMeta(name="a", labels={"x": "1"}), data={"n": "1"}))
    assert made.metadata
    assert made.metadata.uid
    assert stranger.patch(ConfigMap, "a", {"data": {"n": "2"}}).data == {"n": "2"}
    with pytest.raises(lightkube.ApiError) as e:
        stranger.replace(made)
    assert (e.value.status.code, e.value.status.reason) == (409, "Conflict")
    body = ConfigMap(metadata=ObjectMeta(name="b"), data={"n": "3"})
    assert stranger.apply(body).data == {"n": "3"}
    names = [m.metadata.name for m in stranger.list(ConfigMap, labels={"x": "1"}) if m.metadata]
    assert names == ["a"]
    paged = [m.metadata.name for m in stranger.list(ConfigMap, chunk_size=1) if m.metadata]
    assert paged == ["a", "b"]
    stranger.delete(ConfigMap, "a")
    with pytest.raises(lightkube.ApiError) as e:
        stranger.get(ConfigMap, "a")
    assert (e.value.status.code, e.value.status.message) == (404, 'configmaps "a" not found')


def test_a_stranger_deploys_waits_and_reads_the_log(stranger: lightkube.Client) -> None:
    labels: Any = {"app": "web"}
    body: Any = Deployment.from_dict({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
            },
        },
    })  # fmt: skip
    stranger.create(body)
    stranger.wait(Deployment, "web", for_conditions=["Available"])
    wait_until(lambda: [*stranger.list(Pod, labels=labels)], what="its pod")
    [pod] = stranger.list(Pod, labels=labels)
    assert pod.metadata
    assert [*stranger.log(str(pod.metadata.name))] == ["ready for start up\n"]
    scaled = stranger.patch(Deployment.Scale, "web", {"spec": {"replicas": 0}})
    assert scaled.spec
    assert scaled.spec.replicas == 0


def test_a_stranger_watches(stranger: lightkube.Client) -> None:
    stranger.create(ConfigMap(metadata=ObjectMeta(name="seen")))
    for kind, found in stranger.watch(ConfigMap, server_timeout=10):
        assert found.metadata
        assert (kind, found.metadata.name) == ("ADDED", "seen")
        break


def test_a_stranger_uses_a_kind_it_does_not_know(stranger: lightkube.Client) -> None:
    path = Path(ROOT / "manifests" / "config-cluster" / "crd-gpuplacement.yaml")
    for definition in codecs.load_all_yaml(path.read_text()):
        stranger.apply(definition)
    kind = create_namespaced_resource("gpuatlas.dev", "v1alpha1", "GpuPlacement", "gpuplacements")
    spec = {"accelerators": ["nvidia-l4"], "regions": {"serving": 1}}
    wait_until(lambda: [*stranger.list(kind)] == [], what="the kind is served")
    made = stranger.create(kind(metadata=ObjectMeta(name="p"), spec=spec))
    assert made.spec
    assert made.spec["accelerators"] == ["nvidia-l4"]
    assert [n.metadata.name for n in stranger.list(Namespace) if n.metadata and n.metadata.name == "default"]


# --- last: the sandbox goes and comes back --------------------------------------------------------------


def test_a_watch_from_before_a_restart_is_too_old_and_a_new_list_helps(core: Any, sandbox: Sandbox) -> None:
    seen = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", {"metadata": {"name": "late"}})
    sandbox.stop(kill=True)
    sandbox.start()
    with pytest.raises(ApiException) as e:
        events(core.list_namespaced_config_map, "default", resource_version=seen, timeout_seconds=5)
    assert (e.value.status, "too old resource version" in str(e.value.reason)) == (410, True)
    listed = core.list_namespaced_config_map("default")
    assert "late" in [i.metadata.name for i in listed.items]
    version = listed.metadata.resource_version
    assert (
        events(core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=1) == []
    )
