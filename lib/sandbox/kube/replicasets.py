"""The ReplicaSet controller: makes and deletes pods until as many are active as wanted, and counts them.

Failed pods stay and are replaced; a pod that Warden refuses leaves FailedCreate and ReplicaFailure behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lib.sandbox.kube.errors import StatusError
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
CONTROLLER = "replicaset-controller"
_FIRST_RETRY_S, _LAST_RETRY_S = 5.0, 300.0
_KIND = "replicasets.apps"


def owner_of(body: Document, kind: str) -> str:
    """uid of the controlling owner of that kind; "" when there is none."""
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") == kind:
            return str(reference["uid"])
    return ""


def owner_reference(owner: Document, kind: str) -> Document:
    return {
        "apiVersion": "apps/v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def active(pod: Document) -> bool:
    ended = pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}
    return not ended and "deletionTimestamp" not in pod["metadata"]


def ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def available(pod: Document, min_ready_s: float, now: datetime) -> bool:
    """Ready for at least minReadySeconds."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            since = datetime.fromisoformat(condition["lastTransitionTime"].replace("Z", "+00:00"))
            return (now - since).total_seconds() >= min_ready_s
    return False


def pods_by_owner(cluster: KubeCluster) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for pod in cluster.list("pods"):
        found.setdefault(owner_of(pod, "ReplicaSet"), []).append(pod)
    return found


def sync(cluster: KubeCluster) -> None:
    """One pass over all ReplicaSets of the cluster."""
    sets = cluster.list(_KIND)
    pods = pods_by_owner(cluster) if sets else {}
    for replica_set in sets:
        if "deletionTimestamp" not in replica_set["metadata"]:
            _sync(cluster, replica_set, pods.get(replica_set["metadata"]["uid"], []))


def _sync(cluster: KubeCluster, replica_set: Document, pods: Sequence[Document]) -> None:
    running = [p for p in pods if active(p)]
    wanted = replica_set["spec"].get("replicas", 0)
    failure: str | None = None
    if len(running) < wanted:
        failure = _create(cluster, replica_set, wanted - len(running))
    elif len(running) > wanted:
        for pod in sorted(running, key=_worth)[: len(running) - wanted]:
            _delete(cluster, replica_set, pod)
    _write_status(cluster, replica_set, failure)


def _create(cluster: KubeCluster, replica_set: Document, count: int) -> str | None:
    """Why pods could not be made; None when they were. Refusals are retried with growing pauses."""
    now = cluster.world.clock.timestamp()
    earlier = replica_set.get("_refused") or {}
    if now < earlier.get("until", 0):
        return str(earlier["message"])
    template, metadata = replica_set["spec"]["template"], replica_set["metadata"]
    for _ in range(count):
        inner = template.get("metadata") or {}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "generateName": f"{metadata['name']}-",
                "labels": clone(inner.get("labels") or {}),
                "annotations": clone(inner.get("annotations") or {}),
                "ownerReferences": [owner_reference(replica_set, "ReplicaSet")],
            },
            "spec": clone(template["spec"]),
        }
        try:
            pod = cluster.create("pods", body, metadata["namespace"])
        except StatusError as e:
            pause = min(_LAST_RETRY_S, 2 * earlier.get("pause", _FIRST_RETRY_S / 2))
            refused = {"until": now + pause, "pause": pause, "message": e.message}
            _note(cluster, replica_set, "_refused", refused)
            _event(cluster, replica_set, "Warning", "FailedCreate", f"Error creating: {e.message}")
            return e.message
        _event(cluster, replica_set, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    if earlier:
        _note(cluster, replica_set, "_refused", {})
    return None


def _note(cluster: KubeCluster, replica_set: Document, key: str, value: Document) -> None:
    metadata = replica_set["metadata"]
    cluster.mutate(_KIND, metadata["namespace"], metadata["name"], lambda body: body.update({key: value}))


def _delete(cluster: KubeCluster, replica_set: Document, pod: Document) -> None:
    cluster.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
    _event(cluster, replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")


def _worth(pod: Document) -> tuple[bool, bool, int]:
    """Which pod goes first: unscheduled, then not ready, then the youngest."""
    version = int(pod["metadata"]["resourceVersion"])
    return bool(pod["spec"].get("nodeName")), ready(pod), -version


def _event(cluster: KubeCluster, replica_set: Document, type_: str, reason: str, message: str) -> None:
    cluster.event(replica_set, type=type_, reason=reason, message=message, component=CONTROLLER)


def _write_status(cluster: KubeCluster, replica_set: Document, failure: str | None) -> None:
    metadata, now = replica_set["metadata"], cluster.world.clock.now()
    pods = [
        p for p in cluster.list("pods", metadata["namespace"]) if owner_of(p, "ReplicaSet") == metadata["uid"]
    ]
    running = [p for p in pods if active(p)]
    least = replica_set["spec"].get("minReadySeconds", 0)
    status: Document = {
        "replicas": len(running),
        "fullyLabeledReplicas": len(running),
        "readyReplicas": sum(map(ready, running)),
        "availableReplicas": sum(available(p, least, now) for p in running),
        "observedGeneration": metadata["generation"],
    }
    status = {k: v for k, v in status.items() if v or k in {"replicas", "observedGeneration"}}
    if failure is not None:
        earlier = replica_set.get("status", {}).get("conditions") or [{}]
        since = earlier[0].get("lastTransitionTime", rfc3339(now))
        status["conditions"] = [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure,
            "lastTransitionTime": since,
        }]  # fmt: skip
    if status != replica_set.get("status"):
        cluster.mutate(
            _KIND, metadata["namespace"], metadata["name"], lambda body: body.update(status=status)
        )
