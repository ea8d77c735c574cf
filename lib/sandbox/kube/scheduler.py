"""The scheduler: binds pods to nodes that fit and says why none does.

Looks at selectors, taints and GPUs. CPU and memory of the small system nodes are not counted: on Autopilot they
grow by themselves, and the sandbox leaves that out. Affinity terms are not evaluated.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from lib.sandbox.kube import nodes
from lib.sandbox.kube.defaults import GPU, gpus
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
COMPONENT = "gke.io/optimize-utilization-scheduler"
FIRST_FAILURE_S, REPEAT_S = 2.0, 300.0


def schedule(cluster: KubeCluster) -> None:
    """One pass over the pods without a node, oldest first."""
    pods = cluster.list("pods")
    waiting = [p for p in pods if unscheduled(p)]
    if not waiting:
        return
    used: Counter[str] = Counter()
    for pod in pods:
        if (name := pod["spec"].get("nodeName")) and pod["status"]["phase"] not in {"Failed", "Succeeded"}:
            used[name] += gpus(pod["spec"])
    machines = cluster.list("nodes")
    for pod in sorted(waiting, key=lambda p: int(p.get("_since", p["metadata"]["resourceVersion"]))):
        reasons = [_why_not(pod, node, used[node["metadata"]["name"]]) for node in machines]
        fitting = [node for node, reason in zip(machines, reasons, strict=True) if not reason]
        if fitting:
            used[fitting[0]["metadata"]["name"]] += gpus(pod["spec"])
            _bind(cluster, pod, fitting[0])
        else:
            _fail(cluster, pod, Counter(r for r in reasons if r))


def unscheduled(pod: Document) -> bool:
    waiting = not pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]
    return waiting and pod["status"]["phase"] == "Pending"


def _why_not(pod: Document, node: Document, used: int) -> str:
    """The scheduler's reason; "" when the pod fits."""
    spec, labels = pod["spec"], node["metadata"]["labels"]
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    if any(labels.get(k) != v for k, v in (spec.get("nodeSelector") or {}).items()):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not any(
            _tolerates(t, taint) for t in spec.get("tolerations") or ()
        ):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not nodes.is_ready(node) or "_reclaim" in node:
        return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
    if gpus(spec) > int(node["status"]["allocatable"].get(GPU, 0)) - used:
        return f"Insufficient {GPU}"
    return ""


def _tolerates(toleration: Document, taint: Document) -> bool:
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    exists = toleration.get("operator") == "Exists"
    return exists or toleration.get("value", "") == taint.get("value", "")


def _bind(cluster: KubeCluster, pod: Document, node: Document) -> None:
    name, metadata = node["metadata"]["name"], pod["metadata"]
    now = rfc3339(cluster.world.clock.now())
    address = nodes.address(cluster.world.store.version, 64)

    def change(body: Document) -> None:
        body["spec"]["nodeName"] = name
        labels = body["metadata"].setdefault("labels", {})
        for label in (nodes.ZONE, nodes.REGION):  # Kubernetes >= 1.35 copies topology labels at binding
            labels[label] = node["metadata"]["labels"][label]
        body["_address"] = address  # the kubelet reports it once the sandbox of the pod is up
        set_condition(body, "PodScheduled", now, true=True)

    bound = cluster.mutate("pods", metadata["namespace"], metadata["name"], change)
    text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {name}"
    cluster.event(bound or pod, type="Normal", reason="Scheduled", message=text, component=COMPONENT)


def _fail(cluster: KubeCluster, pod: Document, reasons: Counter[str]) -> None:
    """FailedScheduling, first after two seconds and then now and then."""
    now = cluster.world.clock.timestamp()
    if "_nextTry" not in pod:
        _remember(cluster, pod, {"_nextTry": now + FIRST_FAILURE_S, "_since": cluster.world.store.version})
        return
    if now < pod["_nextTry"]:
        return
    total = sum(reasons.values())
    listed = ", ".join(f"{n} {text}" for text, n in sorted(reasons.items(), key=lambda r: r[0].lower()))
    full = sum(n for text, n in reasons.items() if text.startswith("Insufficient"))
    preemption = [f"{full} No preemption victims found for incoming pod"] if full else []
    if total - full:
        preemption.append(f"{total - full} Preemption is not helpful for scheduling")
    message = (
        f"0/{total} nodes are available: {listed or 'no nodes available to schedule pods'}. "
        f"no new claims to deallocate, preemption: 0/{total} nodes are available: {', '.join(preemption)}."
    )
    failed = _remember(cluster, pod, {"_nextTry": now + REPEAT_S}, message)
    cluster.event(failed, type="Warning", reason="FailedScheduling", message=message, component=COMPONENT)


def _remember(cluster: KubeCluster, pod: Document, notes: Document, message: str = "") -> Document:
    now = rfc3339(cluster.world.clock.now())

    def change(body: Document) -> None:
        body.update(notes)
        if message:
            set_condition(body, "PodScheduled", now, true=False, reason="Unschedulable", message=message)

    return cluster.mutate("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], change) or pod


def set_condition(  # noqa: PLR0913 - a condition has that many fields
    body: Document, type_: str, now: str, *, true: bool, reason: str = "", message: str = ""
) -> None:
    """Set one condition of a pod; the transition time changes only when the status does."""
    conditions = body["status"].setdefault("conditions", [])
    found = next((c for c in conditions if c["type"] == type_), None)
    status = str(true)
    since = found["lastTransitionTime"] if found and found["status"] == status else now
    fresh = {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    fresh.update({k: v for k, v in (("reason", reason), ("message", message)) if v})
    if found:
        conditions[conditions.index(found)] = fresh
    else:
        conditions.append(fresh)
