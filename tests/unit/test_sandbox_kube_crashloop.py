"""The crash loop of a Web UI, as kubectl shows it: states, restarts, pauses and events, and that it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lib.sandbox import faults, pods
from lib.sandbox.kube import columns, errors, logs, tables, workqueue
from lib.sandbox.kube.replicasets import ready
from lib.sandbox.world import FAULTS
from tests.unit.kube_drive import CLUSTER, REGION, Drive, workload


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """A world with one pod that serves."""
    drive = Drive(tmp_path)
    drive.cluster.create("deployments.apps", workload())
    drive.run(400, step=4)
    assert ready(drive.pods[0])
    return drive


def web_ui(drive: Drive) -> dict[str, Any]:
    return next(s for s in drive.pods[0]["status"]["containerStatuses"] if s["name"] == "sd")


def reach(drive: Drive) -> pods.Reach:
    return pods.reach(drive.world, pods.address_of((REGION, CLUSTER), drive.pods[0]))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_pod_that_serves_crashes_and_backs_off(drive: Drive) -> None:
    assert not workqueue.in_motion(drive.cluster), "nothing would look at it but for the fault"
    pod = drive.pods[0]
    faults.create(drive.world, "crash-loop", {"cluster": CLUSTER})
    drive.run(2)
    assert not ready(drive.pods[0])
    drive.run(8)
    metadata, status = pod["metadata"], web_ui(drive)
    where = f"{metadata['name']}_default({metadata['uid']})"
    assert status["state"] == {
        "waiting": {
            "reason": "CrashLoopBackOff",
            "message": f"back-off 10s restarting failed container=sd pod={where}",
        }
    }
    assert (status["restartCount"], status["ready"], status["started"]) == (1, False, False)
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (1, "Error")
    assert at(ended["startedAt"]) < at(ended["finishedAt"])
    assert drive.pods[0]["status"]["phase"] == "Running"
    assert reach(drive) is pods.Reach.CRASHED
    assert drive.messages("BackOff") == [f"Back-off restarting failed container sd in pod {where}"]
    assert drive.messages("Unhealthy") == ["Readiness probe failed: HTTP probe failed with statuscode: 502"]
    assert drive.deployment()["status"].get("readyReplicas", 0) == 0


def test_the_pauses_double_up_to_five_minutes(drive: Drive) -> None:
    faults.create(drive.world, "crash-loop")
    ends: list[str] = []
    for _ in range(1300):
        drive.run(1, step=1)
        ended = web_ui(drive)["lastState"].get("terminated", {}).get("finishedAt")
        if ended and ended not in ends:
            ends.append(ended)
        assert not ready(drive.pods[0])
    pauses = [(at(b) - at(a)).total_seconds() for a, b in pairwise(ends)]
    # each is the pause, and the seconds until it exits again
    assert pauses == pytest.approx([5, 14, 24, 44, 84, 164, 304, 304, 304], abs=1)
    assert web_ui(drive)["restartCount"] == len(ends) - 1
    told = sum(e["count"] for e in drive.cluster.list("events") if e["reason"] == "BackOff")
    assert told == len(ends) - 1


def test_a_new_pod_never_loads_its_model(drive: Drive) -> None:
    faults.create(drive.world, "crash-loop", {"region": REGION})
    drive.cluster.delete("pods", "default", drive.pods[0]["metadata"]["name"])
    for _ in range(60):
        drive.run(4, step=4)
        assert not any(ready(p) for p in drive.pods if "deletionTimestamp" not in p["metadata"])
    assert web_ui(drive)["restartCount"] >= 3


@pytest.mark.parametrize("cleared", [True, False], ids=["cleared", "by its TTL"])
def test_it_recovers_at_the_next_start_when_the_fault_is_over(drive: Drive, cleared: bool) -> None:
    fault = faults.create(drive.world, "crash-loop", ttl_s=None if cleared else 60)
    drive.run(60)
    if cleared:
        drive.world.store.delete(FAULTS, fault["id"])
    count = web_ui(drive)["restartCount"]
    assert "waiting" in web_ui(drive)["state"]
    drive.run(100)
    assert ready(drive.pods[0])
    assert web_ui(drive)["restartCount"] == count + 1
    assert "running" in web_ui(drive)["state"]
    assert reach(drive) is pods.Reach.READY
    assert drive.deployment()["status"]["readyReplicas"] == 1
    assert not workqueue.in_motion(drive.cluster)


def test_a_long_good_run_forgets_the_pauses(drive: Drive) -> None:
    fault = faults.create(drive.world, "crash-loop")
    drive.run(120)
    drive.world.store.delete(FAULTS, fault["id"])
    drive.run(900, step=10)
    assert ready(drive.pods[0])
    count = web_ui(drive)["restartCount"]
    faults.create(drive.world, "crash-loop")
    drive.run(9, step=1)
    assert web_ui(drive)["restartCount"] == count + 1
    assert "back-off 10s " in web_ui(drive)["state"]["waiting"]["message"]


def test_elsewhere_nothing_crashes(drive: Drive) -> None:
    faults.create(drive.world, "crash-loop", {"region": "europe-west4"})
    drive.run(60)
    assert ready(drive.pods[0])
    assert web_ui(drive)["restartCount"] == 0


def said(drive: Drive, **options: Any) -> list[str]:
    """What `kubectl logs -c sd` prints."""
    pod, wanted = drive.pods[0], logs.Options(container="sd", **options)
    return logs.read(drive.cluster, pod, logs.container_of(pod, wanted), wanted).splitlines()


def test_the_log_of_the_run_before_tells_why_it_ended(drive: Drive) -> None:
    with pytest.raises(errors.StatusError, match='previous terminated container "sd" in pod "sd-'):
        said(drive, previous=True)
    serving = said(drive)
    faults.create(drive.world, "crash-loop")
    drive.run(4, step=1)
    assert "running" in web_ui(drive)["state"], "it was restarted at once"
    assert said(drive, previous=True) == [*serving, "RuntimeError: CUDA error: unspecified launch failure"]
    assert said(drive)[0] == serving[0]
    assert "Model loaded." not in said(drive)
    drive.run(6, step=1)
    assert "waiting" in web_ui(drive)["state"]
    assert said(drive) == said(drive, previous=True), "while it waits, both mean the run that crashed"
    assert said(drive)[-1] == "RuntimeError: No CUDA GPUs are available"
    stamps = [line.partition(" ")[0] for line in said(drive, timestamps=True)]
    ended = web_ui(drive)["lastState"]["terminated"]
    assert stamps[0].startswith(ended["startedAt"][:-1])
    assert stamps[-1].startswith(ended["finishedAt"][:-1])


def test_its_row_reads_as_kubectl_prints_it(drive: Drive) -> None:
    assert row(drive)[1:4] == ["2/2", "Running", "0"]
    faults.create(drive.world, "crash-loop")
    drive.run(10, step=1)
    ended = at(web_ui(drive)["lastState"]["terminated"]["finishedAt"])
    passed = int((drive.world.clock.now() - ended).total_seconds())
    assert row(drive)[1:4] == ["0/2", "CrashLoopBackOff", f"1 ({passed}s ago)"]


def row(drive: Drive) -> list[Any]:
    kind = drive.cluster.resource("pods")
    assert kind is not None
    found = tables.table(kind, drive.pods, now=drive.world.clock.now(), metadata={})
    return found["rows"][0]["cells"]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}, "Running"),
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, "ContainerCreating"),
        ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}, {"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]}, "Error"),
        ({"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ],
)  # fmt: skip
def test_a_pods_status_is_one_word(status: dict[str, Any], word: str) -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    pod: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"containers": []}, "status": status}
    assert columns.pod_status(pod, now) == word
    pod["metadata"]["deletionTimestamp"] = "2026-01-05T00:00:00Z"
    assert columns.pod_status(pod, now) == ("Evicted" if word == "Evicted" else "Terminating")
