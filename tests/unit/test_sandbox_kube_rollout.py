"""Rollouts: the arithmetic as a table, the controller by what an operator sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.sandbox.kube import rollout
from lib.sandbox.kube.rollout import Scale
from tests.unit.kube_drive import Drive, workload


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


@pytest.mark.parametrize(
    ("rolling", "desired", "expected"),
    [
        pytest.param(
            {"maxSurge": "25%", "maxUnavailable": "25%"}, 1, (1, 0), id="one replica: surge one, lose none"
        ),
        pytest.param({"maxSurge": "25%", "maxUnavailable": "25%"}, 4, (1, 1), id="four: one each"),
        pytest.param({"maxSurge": "25%", "maxUnavailable": "25%"}, 10, (3, 2), id="up and down"),
        pytest.param({"maxSurge": 0, "maxUnavailable": 0}, 3, (0, 1), id="never both zero"),
        pytest.param({"maxSurge": 0, "maxUnavailable": "25%"}, 1, (0, 1), id="rounds to both zero"),
        pytest.param({"maxSurge": 2, "maxUnavailable": 1}, 3, (2, 1), id="numbers"),
    ],
)
def test_surge_rounds_up_and_unavailable_rounds_down(rolling, desired, expected) -> None:
    assert rollout.fenceposts(rolling, desired) == expected


@pytest.mark.parametrize(
    ("new", "old", "limits", "wanted", "kept"),
    [
        pytest.param((0, 0), (1, 1), (1, 1, 0), 1, 1, id="the old pod serves while the new one starts"),
        pytest.param((1, 0), (1, 1), (1, 1, 0), 1, 1, id="and as long as it is not available"),
        pytest.param((1, 1), (1, 1), (1, 1, 0), 1, 0, id="then it goes"),
        pytest.param(
            (1, 0), (1, 0), (1, 1, 0), 1, 1, id="a broken old one stays too while nothing may be lost"
        ),
        pytest.param((0, 0), (4, 4), (4, 1, 1), 1, 3, id="four: one up, one down"),
        pytest.param((2, 2), (3, 3), (4, 1, 1), 2, 1, id="four, half way"),
        pytest.param((0, 0), (3, 3), (3, 0, 1), 0, 2, id="no surge: room is made first"),
    ],
)
def test_a_rolling_step_keeps_within_surge_and_unavailable(new, old, limits, wanted, kept) -> None:
    desired, surge, unavailable = limits
    fresh, earlier = (Scale(name=n, replicas=s[0], available=s[1]) for n, s in (("new", new), ("old", old)))
    count = rollout.new_replicas(fresh, [earlier], desired=desired, surge=surge)
    fresh = Scale(name="new", replicas=count, available=new[1])
    assert count == wanted
    assert rollout.old_replicas(fresh, [earlier], desired=desired, unavailable=unavailable) == {"old": kept}


def test_a_safe_switch_to_a_gpu_that_is_out_of_stock_breaks_nothing(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(400, step=5)
    serving = drive.pods[0]["metadata"]["name"]
    drive.switch("nvidia-h100-80gb")
    drive.run(700, step=5)
    states = {p["metadata"]["name"]: p["status"]["phase"] for p in drive.pods}
    assert states.pop(serving) == "Running"
    assert list(states.values()) == ["Pending"]
    status = drive.deployment()["status"]
    conditions = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert conditions["Available"] == ("True", "MinimumReplicasAvailable")
    assert conditions["Progressing"] == ("False", "ProgressDeadlineExceeded")
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 1, 1)


def test_a_hard_switch_lets_the_old_pod_go_first(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(400, step=5)
    drive.switch("nvidia-h100-80gb", strategy={"type": "Recreate"})
    drive.run(2)
    assert len(drive.pods) == 1, "no new pod while the old one is stopping"
    assert "deletionTimestamp" in drive.pods[0]["metadata"]
    drive.run(20)
    assert [p["status"]["phase"] for p in drive.pods] == ["Pending"]
    assert "availableReplicas" not in drive.deployment()["status"]


def test_going_back_reuses_the_replica_set_and_raises_the_revision(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(4)
    drive.switch("nvidia-tesla-t4")
    drive.run(4)
    drive.switch("nvidia-l4")
    drive.run(10)
    sets = drive.cluster.list("replicasets.apps")
    revision = "deployment.kubernetes.io/revision"
    assert sorted(s["metadata"]["annotations"][revision] for s in sets) == ["2", "3"]
    assert drive.deployment()["metadata"]["annotations"][revision] == "3"


def test_deleting_a_deployment_takes_its_pods_with_it(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(400, step=5)
    drive.cluster.delete("deployments.apps", "default", "sd")
    drive.run(20)
    assert drive.pods == []
    assert drive.cluster.list("replicasets.apps") == []


def test_foreground_deletion_waits_for_the_pods(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(400, step=5)
    drive.cluster.delete("deployments.apps", "default", "sd", propagation="Foreground")
    drive.run(2)
    assert drive.deployment()["metadata"]["finalizers"] == ["foregroundDeletion"]
    drive.run(30)
    assert drive.cluster.get("deployments.apps", "default", "sd") is None


def test_a_pod_that_warden_refuses_shows_at_the_replica_set(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload("nvidia-no-such-gpu"))
    drive.run(10)
    assert drive.pods == []
    conditions = {c["type"]: c for c in drive.deployment()["status"]["conditions"]}
    assert conditions["ReplicaFailure"]["reason"] == "FailedCreate"
    assert "[denied by autogke-gpu-limitation]" in conditions["ReplicaFailure"]["message"]
    assert "FailedCreate" in drive.reasons("ReplicaSet")
    drive.switch("nvidia-l4")
    drive.run(10)
    assert "ReplicaFailure" not in {c["type"] for c in drive.deployment()["status"]["conditions"]}
    assert len(drive.pods) == 1
