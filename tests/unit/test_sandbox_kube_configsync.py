"""Config Sync: a commit becomes objects, drift goes back, errors are named, and a removal removes."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from lib.sandbox import faults
from lib.sandbox.kube import badcommit
from lib.sandbox.world import SYNC_STATES
from tests.unit.kube_drive import CLUSTER, REGION, Drive, workload

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: passport}\ndata: {a: '1'}\n"
DEPLOYMENT = yaml.safe_dump(workload())


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def sync_state(drive: Drive) -> dict[str, Any]:
    found = drive.world.store.get(SYNC_STATES, f"{REGION}/{CLUSTER}")
    return found["configSyncState"]["syncState"] if found else {}


def synced(drive: Drive, files: dict[str, str]) -> str:
    """A cluster that has installed Config Sync and applied the files."""
    commit = drive.commit({f"clusters/a/{name}": text for name, text in files.items()})
    drive.follow()
    drive.run(230, step=5)
    assert sync_state(drive)["code"] == "SYNCED", sync_state(drive)
    return commit


def test_a_commit_is_applied_after_the_installation_and_reported(drive: Drive) -> None:
    commit = drive.commit(
        {"clusters/a/all.yaml": f"{CONFIG_MAP}---\n{DEPLOYMENT}", "clusters/b/x.yaml": "nonsense"}
    )
    drive.follow()
    drive.run(60, step=5)
    assert sync_state(drive)["code"] == "NOT_INSTALLED"
    drive.run(170, step=5)
    assert {sync_state(drive)[f"{k}Token"] for k in ("source", "import", "sync")} == {commit}
    deployment = drive.deployment()
    annotations = deployment["metadata"]["annotations"]
    assert annotations["configmanagement.gke.io/managed"] == "enabled"
    assert annotations["configmanagement.gke.io/token"] == commit
    assert annotations["configmanagement.gke.io/source-path"] == "clusters/a/all.yaml"
    assert deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "configmanagement.gke.io"
    root_sync = drive.cluster.get("rootsyncs.configsync.gke.io", "config-management-system", "root-sync")
    assert root_sync is not None
    assert root_sync["status"]["lastSyncedCommit"] == commit
    syncing = next(c for c in root_sync["status"]["conditions"] if c["type"] == "Syncing")
    assert (syncing["status"], syncing["message"]) == ("False", "Sync Completed")


def test_a_new_commit_is_there_within_half_a_minute(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP})
    commit = drive.commit({"clusters/a/a.yaml": CONFIG_MAP.replace("'1'", "'2'")})
    drive.run(32)
    assert sync_state(drive)["syncToken"] == commit
    found = drive.cluster.get("configmaps", "default", "passport")
    assert found is not None
    assert found["data"] == {"a": "2"}


def test_an_unchanged_workload_is_not_rolled_out_again(drive: Drive) -> None:
    synced(drive, {"a.yaml": DEPLOYMENT})
    generation = drive.deployment()["metadata"]["generation"]
    drive.commit({"clusters/a/a.yaml": DEPLOYMENT, "clusters/a/b.yaml": CONFIG_MAP})
    drive.run(60)
    assert drive.deployment()["metadata"]["generation"] == generation
    assert len(drive.cluster.list("replicasets.apps")) == 1


def test_drift_of_declared_fields_goes_back_and_other_fields_stay(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})

    def meddle(body: dict[str, Any]) -> None:
        body["spec"]["replicas"] = 5
        body["metadata"]["annotations"]["mine"] = "kept"

    drive.cluster.mutate("deployments.apps", "default", "sd", meddle)
    drive.cluster.delete("configmaps", "default", "passport")
    drive.run(4)
    assert drive.deployment()["spec"]["replicas"] == 1
    assert drive.deployment()["metadata"]["annotations"]["mine"] == "kept"
    assert drive.cluster.get("configmaps", "default", "passport") is not None


def test_a_quiet_cluster_is_not_written_to(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP})
    drive.run(20)
    version = drive.world.store.version
    drive.run(120)
    assert drive.world.store.version == version


def test_what_leaves_the_commit_leaves_the_cluster(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    drive.commit({"clusters/a/a.yaml": CONFIG_MAP})
    drive.run(40)
    assert drive.cluster.get("deployments.apps", "default", "sd") is None
    assert drive.cluster.get("configmaps", "default", "passport") is not None


def test_removing_the_spec_removes_what_was_managed(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    drive.unfollow()
    drive.run(20)
    assert drive.cluster.get("deployments.apps", "default", "sd") is None
    assert drive.pods == []
    assert sync_state(drive) == {}


def test_a_killed_sandbox_still_knows_what_it_manages(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    with drive.killed():
        pass
    drive.unfollow()
    drive.run(4)
    assert drive.cluster.get("configmaps", "default", "passport") is None


MCI = (
    "apiVersion: networking.gke.io/v1\nkind: MultiClusterIngress\nmetadata: {name: x}\n"
    "spec: {template: {spec: {}}}\n"
)


@pytest.mark.parametrize(
    ("files", "code", "text"),
    [
        pytest.param({"clusters/a/m.yaml": MCI}, "1021", "MultiClusterIngress", id="a kind that is not served here"),
        pytest.param({"clusters/b/m.yaml": CONFIG_MAP}, "2004", "clusters/a", id="no such directory"),
        pytest.param({"clusters/a/README": "x"}, "2006", "refusing to delete", id="an empty source deletes nothing"),
        pytest.param(
            {"clusters/a/d.yaml": DEPLOYMENT.replace("replicas: 1", "replicas: one")},
            "1067", "spec.replicas", id="a field of the wrong type",
        ),
        pytest.param(
            {"clusters/a/d.yaml": DEPLOYMENT.replace("replicas:", "replicaz:")},
            "1067", "spec.replicaz", id="a field that does not exist",
        ),
        pytest.param(
            {"clusters/a/d.yaml": DEPLOYMENT.replace("app: sd", "app: other", 1)},
            "2009", "failed to apply Deployment.apps, default/sd", id="refused by the API server",
        ),
        pytest.param({"clusters/a/d.yaml": CONFIG_MAP + "---\n" + CONFIG_MAP}, "1029", "passport", id="twice"),
    ],
)  # fmt: skip
def test_a_bad_commit_is_named_and_the_old_state_stays(drive: Drive, files, code: str, text: str) -> None:
    good = synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    drive.commit(files)
    drive.run(60)
    state = sync_state(drive)
    assert (state["code"], state["syncToken"]) == ("ERROR", good)
    assert [e["code"] for e in state["errors"]] == [code]
    assert state["errors"][0]["errorMessage"].startswith(f"KNV{code}: ")
    assert text in json.dumps(state["errors"])
    assert drive.deployment()["spec"]["replicas"] == 1
    again = drive.commit({"clusters/a/a.yaml": CONFIG_MAP, "clusters/a/b.yaml": DEPLOYMENT})
    drive.run(40)
    assert (sync_state(drive)["code"], sync_state(drive)["syncToken"]) == ("SYNCED", again)


def test_a_stalled_sync_fetches_no_new_commit(drive: Drive) -> None:
    old = synced(drive, {"a.yaml": CONFIG_MAP})
    fault = faults.create(drive.world, "config-sync-stalled", {"cluster": CLUSTER})
    new = drive.commit({"clusters/a/a.yaml": CONFIG_MAP, "clusters/a/b.yaml": DEPLOYMENT})
    drive.run(120, step=5)
    assert sync_state(drive)["syncToken"] == old
    drive.world.store.delete("admin.faults", fault["id"])
    drive.run(40)
    assert sync_state(drive)["syncToken"] == new


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("name: passport", "name: 7", "metadata.name"),
        ("name: passport", "name: passport, namespace: [a]", "metadata.namespace"),
        ("name: passport", "name: passport, labels: [a]", "metadata.labels"),
        ("name: passport", "name: passport, annotations: text", "metadata.annotations"),
        ("kind: ConfigMap", "kind: [ConfigMap]", "kind"),
        ("apiVersion: v1", "apiVersion: 1", "apiVersion"),
    ],
)
def test_a_manifest_of_the_wrong_shape_is_named_and_stops_no_other_cluster(
    drive: Drive, old: str, new: str, field: str
) -> None:
    good = synced(drive, {"a.yaml": CONFIG_MAP})
    drive.commit({"clusters/a/a.yaml": CONFIG_MAP.replace(old, new)})
    drive.run(40)
    state = sync_state(drive)
    assert (state["code"], state["syncToken"]) == ("ERROR", good)
    assert state["errors"][0]["errorMessage"].startswith(
        f"KNV1067: failed to encode declared fields: {field} has the wrong type"
    )


def test_a_list_of_no_objects_is_named(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP})
    drive.commit({"clusters/a/a.yaml": "apiVersion: v1\nkind: List\nitems: [1]\n"})
    drive.run(40)
    assert "has no apiVersion or kind" in sync_state(drive)["errors"][0]["errorMessage"]


def heads(drive: Drive) -> dict[bytes, bytes]:
    with Repo(str(drive.world.delivery_path)) as repo:
        return {bytes(name): bytes(commit) for name, commit in repo.refs.as_dict().items()}


def root_sync(drive: Drive) -> dict[str, Any]:
    found = drive.cluster.get("rootsyncs.configsync.gke.io", "config-management-system", "root-sync")
    assert found is not None
    return found["status"]


@pytest.mark.parametrize(
    ("code", "stage"),
    [("KNV1021", "source"), ("KNV1029", "source"), ("KNV1067", "source"), ("KNV2004", "source"), ("KNV2009", "sync")],
)  # fmt: skip
def test_a_bad_commit_fault_breaks_what_is_fetched_until_it_is_cleared(
    drive: Drive, code: str, stage: str
) -> None:
    good = synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    drive.run(400, step=5)
    pods, branches = [p["metadata"]["uid"] for p in drive.pods], heads(drive)
    fault = faults.create(drive.world, "bad-commit", {"region": REGION, "code": code})
    drive.run(40)
    state = sync_state(drive)
    assert (state["code"], state["syncToken"]) == ("ERROR", good)
    assert [f"KNV{e['code']}" for e in state["errors"]] == [code]
    bad, status = state["sourceToken"], root_sync(drive)
    assert [e["code"] for e in status[stage]["errors"]] == [code.removeprefix("KNV")]
    assert (status[stage]["commit"], status["lastSyncedCommit"]) == (bad, good)
    with Repo(str(drive.world.delivery_path)) as repo:
        commit = repo[ObjectID(bad.encode())]
        assert isinstance(commit, Commit)
        assert [parent.decode() for parent in commit.parents] == [good]
        assert b"clusters/a" in commit.message
    assert heads(drive) == branches, "no branch knows it"
    assert [p["metadata"]["uid"] for p in drive.pods] == pods, "what ran before goes on"
    drive.world.store.delete("admin.faults", fault["id"])
    drive.run(40)
    state = sync_state(drive)
    assert (state["code"], state["syncToken"], state["errors"]) == ("SYNCED", good, [])
    assert (root_sync(drive)["lastSyncedCommit"], root_sync(drive)[stage].get("errors")) == (good, None)
    assert [p["metadata"]["uid"] for p in drive.pods] == pods
    assert drive.cluster.get("configmaps", "default", "from-a-bad-commit") is None


def versions(drive: Drive) -> dict[str, str]:
    """Of everything that Config Sync writes in the cluster."""
    kinds = ("deployments.apps", "configmaps", "rootsyncs.configsync.gke.io")
    found = [body["metadata"] for kind in kinds for body in drive.cluster.list(kind)]
    return {metadata["name"]: metadata["resourceVersion"] for metadata in found}


@pytest.mark.parametrize("code", ["KNV1021", "KNV2009"])
def test_a_sync_that_fails_again_and_again_writes_nothing_new(drive: Drive, code: str) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT})
    drive.run(400, step=5)
    faults.create(drive.world, "bad-commit", {"code": code})
    drive.run(60)
    assert sync_state(drive)["code"] == "ERROR"
    before = versions(drive)
    drive.run(120)
    assert versions(drive) == before


def test_what_could_be_applied_of_a_failed_commit_is_held_against_drift(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP})
    drive.commit({
        "clusters/a/a.yaml": CONFIG_MAP.replace("'1'", "'2'"),
        "clusters/a/b.yaml": CONFIG_MAP.replace("passport", "Not_a_name"),
    })  # fmt: skip
    drive.run(60)
    assert [e["code"] for e in sync_state(drive)["errors"]] == ["2009"]
    drive.cluster.mutate("configmaps", "default", "passport", lambda b: b.update(data={"a": "drift"}))
    drive.run(2)
    found = drive.cluster.get("configmaps", "default", "passport")
    assert found is not None
    assert found["data"] == {"a": "2"}


def test_a_bad_commit_is_over_with_its_ttl_and_what_was_pushed_meanwhile_is_applied(drive: Drive) -> None:
    synced(drive, {"a.yaml": CONFIG_MAP})
    faults.create(drive.world, "bad-commit", {"cluster": CLUSTER}, ttl_s=300)
    drive.run(40)
    first = sync_state(drive)["sourceToken"]
    pushed = drive.commit({"clusters/a/a.yaml": CONFIG_MAP.replace("'1'", "'2'")})
    drive.run(60)
    state = sync_state(drive)
    assert (state["code"], state["errors"][0]["code"]) == ("ERROR", "1067")
    assert state["sourceToken"] not in {first, pushed}, "the new head has a damaged child of its own"
    drive.run(260, step=5)
    assert (sync_state(drive)["code"], sync_state(drive)["syncToken"]) == ("SYNCED", pushed)
    found = drive.cluster.get("configmaps", "default", "passport")
    assert found is not None
    assert found["data"] == {"a": "2"}


@pytest.mark.parametrize("scope", [{"region": "us-east1"}, {"region": "us-east1", "cluster": CLUSTER}])
def test_a_bad_commit_elsewhere_is_not_met_here(drive: Drive, scope: dict[str, str]) -> None:
    good = synced(drive, {"a.yaml": CONFIG_MAP})
    faults.create(drive.world, "bad-commit", scope)
    drive.run(60)
    assert (sync_state(drive)["code"], sync_state(drive)["sourceToken"]) == ("SYNCED", good)


def test_a_bad_commit_survives_a_kill_and_is_the_same_for_the_same_seed(drive: Drive) -> None:
    files = {f"clusters/a/{name}.yaml": CONFIG_MAP.replace("passport", name) for name in "abcdefgh"}
    head = drive.commit(files)

    def child(seed: str) -> str:
        return badcommit.child(drive.url, head, "clusters/a", code="KNV1067", seed=seed)

    assert len({child(str(seed)) for seed in range(20)}) > 1, "another seed, another manifest"
    drive.follow()
    drive.run(230, step=5)
    faults.create(drive.world, "bad-commit")
    drive.run(40)
    with drive.killed():
        pass
    drive.run(40)
    assert sync_state(drive)["sourceToken"] == child(str(drive.world.seed))
    assert sync_state(drive)["code"] == "ERROR"


def test_a_repository_that_can_not_be_written_to_is_a_source_error(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = synced(drive, {"a.yaml": CONFIG_MAP})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DiskObjectStore, "add_object", full)
        faults.create(drive.world, "bad-commit", ttl_s=60)
        drive.run(40)
    state = sync_state(drive)
    assert (state["code"], state["syncToken"], state["errors"][0]["code"]) == ("ERROR", good, "2004")
    assert "No space left on device" in state["errors"][0]["errorMessage"]
    drive.run(60)
    assert sync_state(drive)["code"] == "SYNCED"


@pytest.mark.parametrize("directory", ["", "/", "clusters//a/"])
def test_any_way_to_write_a_directory_will_do(drive: Drive, directory: str) -> None:
    drive.commit({"clusters/a/a.yaml": CONFIG_MAP})
    drive.follow(directory)
    drive.run(230, step=5)
    assert sync_state(drive)["code"] == "SYNCED"
    faults.create(drive.world, "bad-commit", {"code": "KNV2004"})
    drive.run(40)
    assert [e["code"] for e in sync_state(drive)["errors"]] == ["2004"]


def test_a_directory_without_manifests_has_nothing_to_damage(drive: Drive) -> None:
    head = drive.commit({"clusters/a/README": "x"})
    assert badcommit.child(drive.url, head, "clusters/a", code="KNV1067", seed="7") == head


def test_a_cluster_name_selector_chooses_who_gets_an_object(drive: Drive) -> None:
    other = CONFIG_MAP.replace(
        "name: passport", "name: other, annotations: {configsync.gke.io/cluster-name-selector: x}"
    )
    synced(drive, {"a.yaml": CONFIG_MAP, "b.yaml": other})
    assert drive.cluster.get("configmaps", "default", "other") is None
