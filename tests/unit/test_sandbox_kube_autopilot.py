"""Autopilot: the sequences of events that an operator sees, driven by a hand-set clock."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lib.sandbox import faults
from lib.sandbox.kube import tables
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Store
from lib.sandbox.world import CLUSTERS
from tests.unit.kube_drive import CLUSTER, REGION, Drive, workload

STARTED = ["Scheduled", "Pulling", "Pulled", "Created", "Started"]


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def ready(drive: Drive) -> bool:
    return any(
        c["type"] == "Ready" and c["status"] == "True"
        for p in drive.pods
        for c in p["status"].get("conditions", ())
    )


def test_a_new_cluster_has_system_nodes_in_three_zones(drive: Drive) -> None:
    zones = {n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in drive.cluster.list("nodes")}
    assert zones == {"us-central1-a", "us-central1-b", "us-central1-c"}
    assert drive.cluster.get("namespaces", "", "default") is not None


def test_a_gpu_pod_gets_a_node_and_turns_ready_in_about_five_minutes(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(200)
    assert not ready(drive)
    drive.run(150)
    assert ready(drive)
    assert drive.reasons()[:3] == ["FailedScheduling", "TriggeredScaleUp", "Scheduled"]
    assert [r for r in drive.reasons() if r in STARTED][:5] == STARTED
    labels = drive.gpu_nodes[0]["metadata"]["labels"]
    pod = drive.pods[0]
    zone = "topology.kubernetes.io/zone"
    assert pod["metadata"]["labels"][zone] == labels[zone] == "us-central1-a"
    assert pod["status"]["podIP"].startswith("10.")
    assert "0/3 nodes are available: 3 node(s) didn't match" in drive.messages("FailedScheduling")[0]


def test_without_stock_every_zone_is_tried_and_then_rests(drive: Drive) -> None:
    faults.create(drive.world, "stockout", {"region": REGION})
    drive.cluster.create("deployments.apps", workload())
    drive.run(320)
    reasons = drive.reasons()
    assert reasons[0] == "FailedScheduling"
    tries = [r for r in reasons if r in {"TriggeredScaleUp", "FailedScaleUp"}]
    assert tries == ["TriggeredScaleUp", "FailedScaleUp"] * 3
    assert reasons[-1] == "NotTriggerScaleUp"
    assert sorted(drive.messages("FailedScaleUp")) == [
        f"Node scale up in zones us-central1-{zone} associated with this pod failed: GCE out of resources. "
        "Pod is at risk of not being scheduled."
        for zone in "abc"
    ]
    assert drive.messages("NotTriggerScaleUp") == [
        "pod didn't trigger scale-up: 3 in backoff after failed scale-up, 3 node(s) didn't match Pod's node "
        "affinity/selector"
    ]
    assert drive.pods[0]["status"]["conditions"][0]["reason"] == "Unschedulable"


def test_a_zone_rests_longer_after_each_failure_and_recovers_with_stock(drive: Drive) -> None:
    fault = faults.create(drive.world, "stockout", {"region": REGION})
    body = workload()
    body["spec"]["template"]["spec"]["nodeSelector"]["topology.kubernetes.io/zone"] = "us-central1-b"
    drive.cluster.create("deployments.apps", body)
    failures: list[float] = []
    seen = 0
    for _ in range(900):
        drive.run(5, step=5)
        count = sum(e["count"] for e in drive.cluster.list("events") if e["reason"] == "FailedScaleUp")
        if count > seen:
            failures.append(drive.world.clock.timestamp())
            seen = count
    pauses = [round((later - earlier) / 60) for earlier, later in pairwise(failures)]
    assert pauses[:3] == pytest.approx([6, 11, 21], abs=1.5)  # backoff 5, 10, 20 min, and the try itself
    drive.world.store.delete("admin.faults", fault["id"])
    drive.run(2400, step=10)
    assert ready(drive)
    assert drive.gpu_nodes[0]["metadata"]["labels"]["topology.kubernetes.io/zone"] == "us-central1-b"


def test_an_exhausted_quota_is_named(drive: Drive) -> None:
    faults.create(drive.world, "quota", {"region": REGION, "accelerator": "nvidia-l4"})
    drive.cluster.create("deployments.apps", workload())
    drive.run(120)
    assert "GCE quota exceeded" in drive.messages("FailedScaleUp")[0]


def test_a_gpu_that_the_region_does_not_offer_never_triggers_a_scale_up(tmp_path: Path) -> None:
    drive = Drive(tmp_path, region="africa-south1")
    drive.cluster.create("deployments.apps", workload())
    drive.run(600, step=5)
    assert set(drive.reasons()) == {"FailedScheduling", "NotTriggerScaleUp"}
    assert drive.messages("NotTriggerScaleUp") == [
        "pod didn't trigger scale-up: 3 node(s) didn't match Pod's node affinity/selector"
    ]


def test_an_idle_gpu_node_is_reused_and_later_removed(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    node = drive.gpu_nodes[0]["metadata"]["name"]
    drive.cluster.mutate("deployments.apps", "default", "sd", lambda b: b["spec"].update(replicas=0))
    drive.run(60, step=4)
    drive.cluster.mutate("deployments.apps", "default", "sd", lambda b: b["spec"].update(replicas=1))
    drive.run(60, step=4)
    assert ready(drive), "the image is there and the node is up"
    assert [n["metadata"]["name"] for n in drive.gpu_nodes] == [node]
    drive.cluster.mutate("deployments.apps", "default", "sd", lambda b: b["spec"].update(replicas=0))
    drive.run(560, step=4)
    assert drive.gpu_nodes
    drive.run(80, step=4)
    assert drive.gpu_nodes == []
    assert "ScaleDown" in drive.reasons("Node")


def test_reclaimed_stock_takes_an_on_demand_machine_away(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    before = drive.pods[0]["metadata"]["name"]
    faults.create(drive.world, "stockout", {"zone": "us-central1-a"})
    drive.run(4)
    assert not ready(drive)
    drive.run(40)
    assert before not in {p["metadata"]["name"] for p in drive.pods}
    assert drive.gpu_nodes == []
    assert "TaintManagerEviction" in drive.reasons()
    drive.run(500, step=4)
    assert ready(drive), "another zone of the region still has stock"
    assert drive.gpu_nodes[0]["metadata"]["labels"]["topology.kubernetes.io/zone"] != "us-central1-a"


def test_what_a_kubelet_did_between_two_looks_is_told_in_order_and_dated_when_it_was(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(200, step=4)
    drive.run(300, step=300)
    [pod] = drive.pods
    events = [e for e in drive.cluster.list("events") if e["involvedObject"]["uid"] == pod["metadata"]["uid"]]
    steps = [e for e in events if e["source"]["component"] == "kubelet"]
    assert [e["reason"] for e in steps][:4] == ["Pulling", "Pulled", "Created", "Started"]
    dates = [e["firstTimestamp"] for e in steps]
    assert dates == sorted(dates)
    assert dates[0] < dates[1] < pod["status"]["conditions"][-1]["lastTransitionTime"]
    started = next(s["state"]["running"]["startedAt"] for s in pod["status"]["containerStatuses"])
    assert next(e["lastTimestamp"] for e in steps if e["reason"] == "Started") == started


def conditions(node: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in node["status"]["conditions"]}


def taints(node: dict[str, Any]) -> set[str]:
    return {f"{t['key']}:{t['effect']}" for t in node["spec"].get("taints") or ()}


def row(drive: Drive, resource: str, name: str) -> list[Any]:
    """As `kubectl get` prints it."""
    kind, body = drive.cluster.resource(resource), drive.cluster.get(resource, "default", name)
    assert kind is not None
    assert body is not None
    return tables.table(kind, [body], now=drive.world.clock.now(), metadata={})["rows"][0]["cells"]


def test_a_machine_that_is_lost_says_nothing_and_is_called_unknown(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    [before], [pod] = drive.gpu_nodes, drive.pods
    name = before["metadata"]["name"]
    faults.create(drive.world, "stockout", {"zone": "us-central1-a"})
    drive.run(4)
    [node] = drive.gpu_nodes
    told, silent = conditions(node), ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert {t for t, said in told.items() if said == silent} == {
        "Ready", "MemoryPressure", "DiskPressure", "PIDPressure",
    }  # fmt: skip
    assert told["KernelDeadlock"][0] == "False", "not the kubelet's to say"
    heard = {c["type"]: c["lastHeartbeatTime"] for c in before["status"]["conditions"]}
    assert {c["type"]: c["lastHeartbeatTime"] for c in node["status"]["conditions"]} == heard
    unreachable = "node.kubernetes.io/unreachable"
    assert taints(node) == {
        "nvidia.com/gpu:NoSchedule",
        f"{unreachable}:NoSchedule",
        f"{unreachable}:NoExecute",
    }
    assert row(drive, "nodes", name)[1] == "NotReady"
    assert row(drive, "pods", pod["metadata"]["name"])[1:3] == ["2/2", "Running"], "as it was last reported"
    assert not ready(drive)


def test_a_kubelet_says_itself_that_its_machine_is_shut_down(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    assert taints(drive.gpu_nodes[0]) == {"nvidia.com/gpu:NoSchedule", "cloud.google.com/gke-spot:NoSchedule"}
    faults.create(drive.world, "spot-preemption")
    drive.run(4)
    [node] = drive.gpu_nodes
    told = conditions(node)
    assert told["Ready"] == ("False", "KubeletNotReady", "node is shutting down")
    assert told["MemoryPressure"][0] == "False"
    assert "node.kubernetes.io/not-ready:NoSchedule" in taints(node)


def test_a_stockout_that_does_not_reclaim_leaves_running_pods_alone(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    faults.create(drive.world, "stockout", {"region": REGION, "reclaim": False})
    drive.run(120, step=4)
    assert ready(drive)


def test_a_preempted_spot_pod_fails_before_its_machine_goes(drive: Drive) -> None:
    body = workload()
    body["spec"]["template"]["spec"]["nodeSelector"]["cloud.google.com/gke-spot"] = "true"
    drive.cluster.create("deployments.apps", body)
    drive.run(360, step=4)
    assert ready(drive)
    assert drive.gpu_nodes[0]["metadata"]["labels"]["cloud.google.com/gke-provisioning"] == "spot"
    faults.create(drive.world, "stockout", {"region": REGION, "provisioning": "SPOT"})
    drive.run(20)
    assert ("Failed", "Terminated") in {(p["status"]["phase"], p["status"].get("reason")) for p in drive.pods}
    assert "Preempted" in drive.reasons()
    drive.run(20)
    assert {p["status"]["phase"] for p in drive.pods} == {"Pending"}


def spot_workload(replicas: int = 1) -> dict[str, Any]:
    body = workload(replicas=replicas)
    body["spec"]["template"]["spec"]["nodeSelector"]["cloud.google.com/gke-spot"] = "true"
    return body


def names(drive: Drive) -> set[str]:
    return {node["metadata"]["name"] for node in drive.gpu_nodes}


def gone(drive: Drive) -> set[str]:
    """Machines that Compute Engine has said it takes back."""
    return {text.split()[1] for text in drive.messages("PreemptScheduled")}


@pytest.mark.parametrize(
    "scope",
    [{}, {"region": REGION}, {"zone": "us-central1-a"}, {"accelerator": "nvidia-l4"}],
    ids=["everywhere", "its region", "its zone", "its GPU type"],
)
def test_a_wave_of_preemption_takes_the_spot_machines_and_new_ones_may_be_had(
    drive: Drive, scope: dict[str, str]
) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    before = names(drive)
    faults.create(drive.world, "spot-preemption", scope)
    drive.run(4)
    assert gone(drive) == before
    assert "Preempted" in drive.reasons()
    drive.run(20)
    assert names(drive) == before, "the machine is there until its grace is over"
    assert ("Failed", "Terminated") in {(p["status"]["phase"], p["status"].get("reason")) for p in drive.pods}
    drive.run(12)
    assert names(drive) == set()
    drive.run(500, step=4)
    assert ready(drive), "Spot can be had again while the wave is still in force"
    assert gone(drive) == before


@pytest.mark.parametrize(
    "scope",
    [{"region": "us-east1"}, {"zone": "us-central1-b"}, {"accelerator": "nvidia-tesla-t4"}, {"rate": 0}],
    ids=["another region", "another zone", "another GPU type", "a share of none"],
)
def test_a_wave_leaves_alone_what_is_out_of_its_scope(drive: Drive, scope: dict[str, Any]) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    faults.create(drive.world, "spot-preemption", scope)
    drive.run(120, step=4)
    assert ready(drive)
    assert gone(drive) == set()


def test_a_wave_leaves_on_demand_machines_alone(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    faults.create(drive.world, "spot-preemption")
    drive.run(120, step=4)
    assert ready(drive)


def test_a_second_wave_takes_what_came_after_the_first(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    faults.create(drive.world, "spot-preemption")
    drive.run(500, step=4)
    after = names(drive)
    assert ready(drive)
    faults.create(drive.world, "spot-preemption", {"region": REGION})
    drive.run(4)
    assert after < gone(drive)


@pytest.mark.parametrize("how", ["cleared", "its TTL is over"])
def test_a_wave_that_is_over_takes_no_more_machines(drive: Drive, how: str) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    fault = faults.create(drive.world, "spot-preemption", ttl_s=60)
    if how == "cleared":
        drive.world.store.delete("admin.faults", fault["id"])
    else:
        drive.world.clock.step(61)
    drive.run(120, step=4)
    assert ready(drive)
    assert gone(drive) == set()


def test_while_spot_is_out_of_stock_a_swept_machine_has_no_successor(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", spot_workload())
    drive.run(360, step=4)
    faults.create(drive.world, "spot-preemption", ttl_s=60)
    faults.create(drive.world, "stockout", {"provisioning": "SPOT", "reclaim": False}, ttl_s=900)
    drive.run(600, step=4)
    assert names(drive) == set()
    drive.run(2000, step=10)
    assert ready(drive)


def test_a_wave_takes_its_share_and_the_same_seed_the_same_one(tmp_path: Path) -> None:
    drive = Drive(tmp_path)
    drive.cluster.create("deployments.apps", spot_workload(replicas=8))
    drive.run(400, step=4)
    before = names(drive)
    assert len(before) == 8
    fault = faults.create(drive.world, "spot-preemption", {"rate": 0.5})
    struck = {name for name in before if faults.chosen(drive.world, fault, name)}
    with drive.killed():
        pass
    drive.run(600, step=4)
    assert gone(drive) == struck
    assert before - names(drive) == struck
    assert set() < struck < before


def test_a_broken_backend_is_not_ready_until_it_is_mended(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(360, step=4)
    fault = faults.create(drive.world, "backend-broken", {"region": REGION})
    drive.run(2)
    assert not ready(drive)
    assert "Unhealthy" in drive.reasons()
    drive.world.store.delete("admin.faults", fault["id"])
    drive.run(2)
    assert ready(drive)


def test_killed_at_any_moment_it_goes_on_where_it_was(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    for _ in range(40):
        drive.run(10, step=5)
        with drive.killed():
            pass
    assert ready(drive)
    assert len(drive.pods) == len(drive.gpu_nodes) == 1
    assert drive.reasons().count("TriggeredScaleUp") == 1


def test_a_write_after_an_unclean_end_goes_on_with_higher_versions(drive: Drive) -> None:
    version = drive.world.store.version
    with drive.killed():
        pass
    assert isinstance(drive.world.store, Store)
    assert drive.world.store.version >= version


def test_nothing_is_left_of_a_deleted_cluster(drive: Drive) -> None:
    drive.cluster.create("deployments.apps", workload())
    drive.run(100, step=5)
    drive.world.store.delete(CLUSTERS, f"{REGION}/{CLUSTER}")
    drive.run(2)
    assert drive.world.store.collections("kube/") == []
    assert KubeCluster(drive.world, REGION, CLUSTER).list("pods") == []
