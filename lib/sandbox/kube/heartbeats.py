"""What a kubelet would renew all the time: the heartbeats of its node, and the node's Lease.

Nothing is written for them, as nothing follows from them here: they are worked out when somebody looks. So a watch
hears of no renewals, and the Leases in kube-node-lease are there to be read only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lib.sandbox.kube import nodes
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
NAMESPACE, LEASES = "kube-node-lease", "leases.coordination.k8s.io"
STATUS_S, RENEWAL_S = 300, 10  # how often a kubelet reports its status, and renews its lease


def shown(node: Document, now: datetime) -> Document:
    """The node with the heartbeats that it would have reported by now; a dead one reports none."""
    if not nodes.is_ready(node):
        return node
    conditions = [
        {**c, "lastHeartbeatTime": _last(c["lastHeartbeatTime"], now, STATUS_S)}
        for c in node["status"]["conditions"]
    ]
    return {**node, "status": {**node["status"], "conditions": conditions}}


def lease(cluster: KubeCluster, name: str) -> Document | None:
    """Of the node of that name; None when there is none."""
    node = cluster.get("nodes", "", name)
    return _lease(node, cluster.world.clock.now()) if node else None


def leases(cluster: KubeCluster) -> list[Document]:
    now = cluster.world.clock.now()
    return [_lease(node, now) for node in cluster.list("nodes")]


def _lease(node: Document, now: datetime) -> Document:
    about = node["metadata"]
    heard = next(c["lastHeartbeatTime"] for c in node["status"]["conditions"] if c["type"] == "Ready")
    renewed = _last(heard, now, RENEWAL_S) if nodes.is_ready(node) else heard
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": about["name"],
            "namespace": NAMESPACE,
            "uid": about["uid"][::-1],
            "resourceVersion": about["resourceVersion"],
            "creationTimestamp": about["creationTimestamp"],
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": about["name"], "uid": about["uid"]}
            ],
        },
        "spec": {
            "holderIdentity": about["name"],
            "leaseDurationSeconds": 40,
            "renewTime": renewed.replace("Z", ".000000Z"),
        },
    }


def _last(first: str, now: datetime, every_s: int) -> str:
    begin = datetime.fromisoformat(first.replace("Z", "+00:00")).timestamp()
    passed = max(0.0, now.timestamp() - begin)
    return rfc3339(datetime.fromtimestamp(begin + passed // every_s * every_s, UTC))
