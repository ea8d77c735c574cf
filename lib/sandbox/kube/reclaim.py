"""How GPU machines go: idle ones by scale-down, others taken back by a stock-out or a wave of Spot preemption.

The course of a loss is a table by provisioning model; where a node stands in it is kept in the node ("_reclaim").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.sandbox import faults, stages
from lib.sandbox.kube import nodes
from lib.sandbox.kube.defaults import ACCELERATOR, SPOT
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`share` of the time between Compute Engine's notice and the machine's end."""

    share: float
    act: Callable[[KubeCluster, Document], None]


def advance(cluster: KubeCluster) -> None:
    """One pass over the GPU nodes."""
    busy = {
        p["spec"].get("nodeName")
        for p in cluster.list("pods")
        if p["status"]["phase"] in {"Pending", "Running"}
    }
    for node in cluster.list("nodes"):
        if not nodes.is_gpu(node):
            continue
        if "_reclaim" in node:
            _proceed(cluster, node)
        elif _wanted_back(cluster, node):
            begun = {"since": cluster.world.clock.timestamp(), "stage": 0}
            cluster.mutate("nodes", "", node["metadata"]["name"], lambda b, s=begun: b.update(_reclaim=s))
        elif nodes.is_ready(node):
            _watch_idleness(cluster, node, busy=node["metadata"]["name"] in busy)


def _wanted_back(cluster: KubeCluster, node: Document) -> bool:
    labels = node["metadata"]["labels"]
    spot = labels.get(SPOT) == "true"
    place = {"region": cluster.location, "zone": labels[nodes.ZONE], "accelerator": labels[ACCELERATOR]}
    provisioning = "SPOT" if spot else "STANDARD"
    stockouts = faults.matching(cluster.world, "stockout", **place, provisioning=provisioning)
    if any(fault["scope"].get("reclaim", True) for fault in stockouts):
        return True
    waves = faults.matching(cluster.world, "spot-preemption", **place) if spot else ()
    return any(_swept(cluster, node, wave) for wave in waves)


def _swept(cluster: KubeCluster, node: Document, wave: Document) -> bool:
    """A wave takes what ran when it came. A node is dated to the second: one of the same second is left alone."""
    begun = rfc3339(datetime.fromisoformat(wave["created"]))
    metadata = node["metadata"]
    return metadata["creationTimestamp"] < begun and faults.chosen(cluster.world, wave, metadata["name"])


def _proceed(cluster: KubeCluster, node: Document) -> None:
    state = dict(node["_reclaim"])
    spot = node["metadata"]["labels"].get(SPOT) == "true"
    course, name = COURSES[spot], node["metadata"]["name"]
    whole = stages.seconds(cluster.world, "spot-reclaim" if spot else "host-loss", name)
    elapsed = cluster.world.clock.timestamp() - state["since"]
    while state["stage"] < len(course) and elapsed >= course[state["stage"]].share * whole:
        course[state["stage"]].act(cluster, node)
        state["stage"] += 1
    if state != node["_reclaim"]:
        cluster.mutate("nodes", "", node["metadata"]["name"], lambda b: b.update(_reclaim=state))


def _pods_on(cluster: KubeCluster, node: Document) -> list[Document]:
    return [p for p in cluster.list("pods") if p["spec"].get("nodeName") == node["metadata"]["name"]]


def _preempt(cluster: KubeCluster, node: Document) -> None:
    name = node["metadata"]["name"]
    text = f"Node {name} is being preempted: Compute Engine reclaims the Spot VM"
    cluster.event(
        node, type="Warning", reason="PreemptScheduled", message=text, component="node-problem-detector"
    )
    for pod in _pods_on(cluster, node):
        cluster.event(
            pod, type="Warning", reason="Preempted", message=text, component="node-problem-detector"
        )
    nodes.shut_down(cluster, node)
    _tell_not_ready(cluster, node)


def _lose(cluster: KubeCluster, node: Document) -> None:
    nodes.lose(cluster, node)
    _tell_not_ready(cluster, node)


def _tell_not_ready(cluster: KubeCluster, node: Document) -> None:
    name = node["metadata"]["name"]
    text = f"Node {name} status is now: NodeNotReady"
    cluster.event(node, type="Normal", reason="NodeNotReady", message=text, component="node-controller")
    for pod in _pods_on(cluster, node):
        cluster.event(
            pod,
            type="Warning",
            reason="NodeNotReady",
            message="Node is not ready",
            component="node-controller",
        )


def _terminate_pods(cluster: KubeCluster, node: Document) -> None:
    """Graceful node shutdown: the kubelet ends the pods before the machine goes."""
    now = rfc3339(cluster.world.clock.now())

    def change(body: Document) -> None:
        text = "Pod was terminated in response to imminent node shutdown."
        body["status"].update({"phase": "Failed", "reason": "Terminated", "message": text})
        for status in body["status"].get("containerStatuses", ()):
            began = status["state"].get("running", {}).get("startedAt", now)
            ended = {"exitCode": 143, "reason": "Error", "startedAt": began, "finishedAt": now}
            ended |= {k: status[k] for k in ("containerID",) if k in status}
            status.update({"ready": False, "started": False, "state": {"terminated": ended}})
        for condition in body["status"].get("conditions", ()):
            if condition["type"] in {"Ready", "ContainersReady"}:
                condition.update({"status": "False", "reason": "PodFailed", "lastTransitionTime": now})

    for pod in _pods_on(cluster, node):
        cluster.mutate("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], change)


def _evict_pods(cluster: KubeCluster, node: Document) -> None:
    for pod in _pods_on(cluster, node):
        metadata = pod["metadata"]
        text = f"Marking for deletion Pod {metadata['namespace']}/{metadata['name']}"
        cluster.event(
            pod,
            type="Normal",
            reason="TaintManagerEviction",
            message=text,
            component="taint-eviction-controller",
        )


def _remove(cluster: KubeCluster, node: Document) -> None:
    name = node["metadata"]["name"]
    text = f"Deleting node {name} because it does not exist in the cloud provider"
    cluster.event(
        node, type="Normal", reason="DeletingNode", message=text, component="cloud-node-lifecycle-controller"
    )
    for pod in _pods_on(cluster, node):
        cluster.finish("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
    cluster.delete("nodes", "", name)


COURSES: dict[bool, tuple[Stage, ...]] = {
    True: (  # Spot: announced, pods end in time
        Stage(share=0, act=_preempt),
        Stage(share=0.5, act=_terminate_pods),
        Stage(share=1, act=_remove),
    ),
    False: (  # on-demand: the host is lost
        Stage(share=0, act=_lose),
        Stage(share=0.8, act=_evict_pods),
        Stage(share=1, act=_remove),
    ),
}


def _watch_idleness(cluster: KubeCluster, node: Document, *, busy: bool) -> None:
    now, name = cluster.world.clock.timestamp(), node["metadata"]["name"]
    if busy:
        if "_idleSince" in node:
            cluster.mutate("nodes", "", name, lambda b: b.pop("_idleSince", None))
    elif "_idleSince" not in node:
        cluster.mutate("nodes", "", name, lambda b: b.update(_idleSince=now))
    elif now - node["_idleSince"] >= stages.seconds(cluster.world, "node-idle", name):
        text = "node removed by cluster autoscaler"
        cluster.event(node, type="Normal", reason="ScaleDown", message=text, component="cluster-autoscaler")
        _remove(cluster, node)
