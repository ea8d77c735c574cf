"""The pure parts of the sandbox's Kubernetes API: patches, ownership, schemas, selectors, tables; and storage."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.sandbox.kube import discovery, ownership, patch, printing, selectors, validation
from lib.sandbox.kube.errors import StatusError
from lib.sandbox.kube.resources import BUILT_IN
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import CLUSTERS
from tests.unit.kube_drive import Drive, workload

DEPLOYMENTS = BUILT_IN["deployments.apps"]


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


# --- selectors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        ("", True), ("app=sd", True), ("app==sd,tier=web", True), ("app!=sd", False), ("app", True), ("!app", False),
        ("other", False), ("app in (a, sd)", True), ("app notin (a,b),tier", True), ("app in (a),tier=web", False),
    ],
)  # fmt: skip
def test_a_label_selector_selects(selector: str, selects: bool) -> None:
    assert selectors.label_selector(selector)({"app": "sd", "tier": "web"}) is selects


def test_a_selector_that_cannot_be_read_is_a_bad_request() -> None:
    with pytest.raises(StatusError) as e:
        selectors.label_selector("a=b=c")
    assert e.value.code == 400


def test_a_field_selector_follows_dotted_paths() -> None:
    selects = selectors.field_selector("status.phase!=Running,spec.unschedulable=true,source=kubelet")
    assert selects(
        {"status": {"phase": "Pending"}, "spec": {"unschedulable": True}, "source": {"component": "kubelet"}}
    )


# --- patches ------------------------------------------------------------------------------------------

CONTAINERS = {
    "containers": [{"name": "a", "image": "1", "env": [{"name": "x", "value": "1"}]}, {"name": "b"}]
}


@pytest.mark.parametrize(
    ("change", "names", "image"),
    [
        pytest.param({"containers": [{"name": "a", "image": "2"}]}, ["a", "b"], "2", id="by name"),
        pytest.param({"containers": [{"name": "c"}]}, ["a", "b", "c"], "1", id="added"),
        pytest.param({"containers": [{"name": "b", "$patch": "delete"}]}, ["a"], "1", id="deleted"),
        pytest.param({"containers": [{"$patch": "replace"}, {"name": "z"}]}, ["z"], None, id="replaced"),
    ],
)
def test_a_strategic_patch_merges_containers(change, names: list[str], image: str | None) -> None:
    result = patch.strategic_merge_patch(CONTAINERS, change)["containers"]
    assert [c["name"] for c in result] == names
    assert result[0].get("image") == image


def test_a_merge_patch_removes_with_null_and_replaces_lists() -> None:
    assert patch.merge_patch({"a": 1, "b": {"c": [1], "d": 2}}, {"a": None, "b": {"c": [2]}}) == {
        "b": {"c": [2], "d": 2}
    }


def test_a_failed_json_patch_test_is_refused() -> None:
    with pytest.raises(StatusError) as e:
        patch.json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])
    assert e.value.code == 422


def applied(
    live: dict[str, Any], config: dict[str, Any], manager: str, *, force: bool = False
) -> dict[str, Any]:
    config = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, **config}
    return ownership.apply(
        DEPLOYMENTS, live, config, patch.list_key, manager=manager, force=force, now="2026-01-01T00:00:00Z"
    )


def bare() -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}


def test_what_a_manager_no_longer_applies_goes() -> None:
    first = applied(bare(), {"spec": {"replicas": 1, "paused": True}}, "a")
    second = applied(first, {"spec": {"replicas": 2}}, "a")
    assert second["spec"] == {"replicas": 2}


def test_a_field_of_another_manager_is_a_conflict_unless_forced() -> None:
    live = applied(bare(), {"spec": {"replicas": 1}}, "a")
    with pytest.raises(StatusError) as e:
        applied(live, {"spec": {"replicas": 2}}, "b")
    assert (e.value.code, e.value.details["causes"][0]["field"]) == (409, ".spec.replicas")
    forced = applied(live, {"spec": {"replicas": 2}}, "b", force=True)
    assert forced["spec"]["replicas"] == 2
    assert [m["manager"] for m in forced["metadata"]["managedFields"]] == ["b"]


def test_a_shared_field_stays_when_one_manager_lets_go() -> None:
    live = applied(applied(bare(), {"spec": {"replicas": 1}}, "a"), {"spec": {"replicas": 1}}, "b")
    assert applied(live, {"metadata": {"name": "x", "labels": {"l": "1"}}}, "a")["spec"] == {"replicas": 1}


# --- schemas ------------------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["gpus"],
            "properties": {
                "gpus": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["l4", "t4"]}},
                "count": {"type": "integer", "minimum": 0, "default": 1},
                "name": {"type": "string", "pattern": "^[a-z]+$"},
                "port": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        ({}, "spec.gpus", "Required value"),
        ({"gpus": []}, "spec.gpus", "should have at least 1 items"),
        ({"gpus": ["l4", "x"]}, "spec.gpus[1]", 'Unsupported value: "x": supported values: "l4", "t4"'),
        ({"gpus": ["l4"], "count": "1"}, "spec.count", 'must be of type integer: "string"'),
        ({"gpus": ["l4"], "count": True}, "spec.count", 'must be of type integer: "boolean"'),
        ({"gpus": ["l4"], "count": -1}, "spec.count", "should be greater than or equal to 0"),
        ({"gpus": ["l4"], "name": "A"}, "spec.name", "should match '^[a-z]+$'"),
        ({"gpus": ["l4"], "port": []}, "spec.port", "integer or string"),
        ({"gpus": ["l4"], "cuont": 1}, "spec.cuont", 'unknown field "spec.cuont"'),
    ],
)
def test_a_wrong_field_is_named_with_its_path(spec: dict[str, Any], field: str, text: str) -> None:
    causes = validation.problems(SCHEMA, {"apiVersion": "x", "kind": "y", "metadata": {}, "spec": spec})
    assert [c["field"] for c in causes] == [field]
    assert text in causes[0]["message"]


def test_a_right_object_has_no_problems_and_gets_its_defaults() -> None:
    body: dict[str, Any] = {"spec": {"gpus": ["l4"], "port": "http", "free": {"any": 1}}}
    validation.fill_defaults(SCHEMA, body)
    assert validation.problems(SCHEMA, body) == []
    assert body["spec"]["count"] == 1


# --- tables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("11:59:53", "7s"),
        ("11:56:40", "3m20s"),
        ("11:15:00", "45m"),
        ("08:00:00", "4h"),
        ("07:55:00", "4h5m"),
    ],
)
def test_an_age_reads_as_kubectl_writes_it(at: str, text: str) -> None:
    assert printing.age(f"2026-01-01T{at}Z", datetime(2026, 1, 1, 12, tzinfo=UTC)) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.a", [1]), (".spec.items[*].n", [1, 2]), ('.spec.items[?(@.t=="y")].n', [2]), (".spec.items[1].t", ["y"]),
        (".spec.none.x", []), (".metadata.labels['a.b/c']", ["v"]), (r".metadata.labels.a\.b/c", []),
    ],
)  # fmt: skip
def test_printer_columns_read_paths(path: str, found: list[Any]) -> None:
    item = {
        "spec": {"a": 1, "items": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]},
        "metadata": {"labels": {"a.b/c": "v"}},
    }
    assert printing.json_path(item, path) == found


# --- storage ------------------------------------------------------------------------------------------


def test_a_stale_write_is_a_conflict(drive: Drive) -> None:
    made = drive.cluster.create("configmaps", {"metadata": {"name": "a"}, "data": {"x": "1"}})
    drive.cluster.update("configmaps", {**made, "data": {"x": "2"}})
    with pytest.raises(StatusError, match='Operation cannot be fulfilled on configmaps "a"'):
        drive.cluster.update("configmaps", {**made, "data": {"x": "3"}})


def test_the_generation_counts_changes_of_the_spec_only(drive: Drive) -> None:
    made = drive.cluster.create("deployments.apps", workload())
    made = drive.cluster.update_status("deployments.apps", "default", "sd", {"replicas": 1})
    assert made["metadata"]["generation"] == 1
    made = drive.cluster.update(
        "deployments.apps", {**made, "spec": {**made["spec"], "replicas": 2}, "status": {}}
    )
    assert (made["metadata"]["generation"], made["status"]) == (2, {"replicas": 1})


def test_an_object_with_a_finalizer_goes_when_the_last_one_is_removed(drive: Drive) -> None:
    drive.cluster.create("configmaps", {"metadata": {"name": "a", "finalizers": ["x/y"]}})
    left = drive.cluster.delete("configmaps", "default", "a")
    assert left is not None
    assert left["metadata"]["deletionTimestamp"]
    drive.cluster.update("configmaps", {**left, "metadata": {**left["metadata"], "finalizers": []}})
    assert drive.cluster.get("configmaps", "default", "a") is None


def test_a_namespace_is_emptied_before_it_goes(drive: Drive) -> None:
    drive.cluster.create("namespaces", {"metadata": {"name": "x"}})
    drive.cluster.create("configmaps", {"metadata": {"name": "a"}}, "x")
    drive.cluster.delete("namespaces", "", "x")
    with pytest.raises(StatusError, match="being terminated"):
        drive.cluster.create("configmaps", {"metadata": {"name": "b"}}, "x")
    drive.run(6)
    assert drive.cluster.get("namespaces", "", "x") is None
    assert drive.cluster.list("configmaps", "x") == []


def test_server_and_nodes_have_the_version_of_the_cluster(drive: Drive) -> None:
    assert discovery.version(drive.cluster)["gitVersion"] == "v1.35.6-gke.1049000"
    drive.world.store.put(
        CLUSTERS, "us-east1/b", {"status": "RUNNING", "currentMasterVersion": "1.36.0-gke.7"}
    )
    drive.run(4)
    other = KubeCluster(drive.world, "us-east1", "b")
    told = discovery.version(other)
    assert (told["major"], told["minor"], told["gitVersion"]) == ("1", "36", "v1.36.0-gke.7")
    assert {n["status"]["nodeInfo"]["kubeletVersion"] for n in other.list("nodes")} == {"v1.36.0-gke.7"}


def test_a_repeated_event_is_counted(drive: Drive) -> None:
    pod = drive.cluster.create("configmaps", {"metadata": {"name": "a"}})
    for _ in range(3):
        drive.cluster.event(pod, type="Normal", reason="Seen", message="again", component="me")
        drive.run(10, step=10)
    (event,) = (e for e in drive.cluster.list("events") if e["reason"] == "Seen")
    assert event["count"] == 3
    assert event["firstTimestamp"] < event["lastTimestamp"]


def test_events_of_one_second_are_listed_as_they_were_made(drive: Drive) -> None:
    pod = drive.cluster.create(
        "pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    )
    wanted = [f"Step{n}" for n in (3, 1, 2, 9, 4, 8, 5, 7, 6)]
    for reason in wanted:
        drive.cluster.event(pod, type="Normal", reason=reason, message="made", component="me")
    drive.cluster.event(pod, type="Normal", reason=wanted[0], message="made", component="me")
    made = [e for e in drive.cluster.list("events") if e["involvedObject"]["uid"] == pod["metadata"]["uid"]]
    assert len({e["firstTimestamp"] for e in made}) == 1
    assert [e["reason"] for e in made] == wanted
    assert all(re.fullmatch(r"p\.[0-9a-f]{16}", e["metadata"]["name"]) for e in made)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"nodeSelector": {}}, "you must specify either node selector", id="no selector"),
        pytest.param(
            {"nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l5"}}, "not supported in Autopilot",
            id="unknown type",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "b", "resources": {"limits": {"nvidia.com/gpu": "3"}}}]},
            "supported counts: 1, 2, 4, 8", id="bad count",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "b"}], "tolerations": [{"key": "nvidia.com/gpu"}]},
            "Toleration with key 'nvidia.com/gpu'", id="toleration without a request",
        ),
    ],
)  # fmt: skip
def test_warden_refuses_in_its_own_words(drive: Drive, change: dict[str, Any], text: str) -> None:
    spec = {**workload()["spec"]["template"]["spec"], **change}
    with pytest.raises(StatusError) as e:
        drive.cluster.create("pods", {"metadata": {"name": "p"}, "spec": spec})
    assert (e.value.code, e.value.reason) == (400, "GKE Warden constraints violations")
    assert text in e.value.message
    assert '[denied by autogke-gpu-limitation]":["' in e.value.message
