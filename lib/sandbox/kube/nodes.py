"""Node objects: what an Autopilot machine looks like, and its way from instance to Ready.

Which machine comes and goes is decided in `scaleup` and `reclaim`; quota and the data plane read these objects.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import catalog, stages
from lib.sandbox.kube.defaults import ACCELERATOR, GPU, SPOT
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
PROVISIONING = "cloud.google.com/gke-provisioning"
KIB_PER_GIB = 2**20
KUBELET = {
    "True": ("KubeletReady", "kubelet is posting ready status"),
    "False": (
        "KubeletNotReady",
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized",
    ),
}
SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
_KUBELETS = {"MemoryPressure", "DiskPressure", "PIDPressure"}  # conditions that it posts beside Ready
_TROUBLES = {"False": "node.kubernetes.io/not-ready", "Unknown": "node.kubernetes.io/unreachable"}
_SYSTEM_MACHINE, _SYSTEM_VCPUS, _SYSTEM_GIB = "ek-standard-8", 8, 32


def is_gpu(node: Document) -> bool:
    return ACCELERATOR in node["metadata"]["labels"]


def is_ready(node: Document) -> bool:
    return _ready(node) == "True"


def is_silent(node: Document) -> bool:
    """Its kubelet reports nothing any more."""
    return _ready(node) == "Unknown"


def _ready(node: Document) -> str:
    return next((c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"), "")


def address(version: int, first: int) -> str:
    """A 10.x address that no other object has: store versions never repeat (until 4 million of them)."""
    n = version % (64 * 254 * 254)
    return f"10.{first + n // (254 * 254)}.{n // 254 % 254 + 1}.{n % 254 + 1}"


def add_gpu_node(
    cluster: KubeCluster, *, zone: str, accelerator: str, provisioning: str, selector: Document
) -> str:
    """The machine has booted and its kubelet registers; Ready comes later. Returns the node's name."""
    known = catalog.ACCELERATORS[accelerator]
    spot = provisioning == "SPOT"
    labels = {
        ACCELERATOR: accelerator,
        "cloud.google.com/gke-accelerator-count": str(known.gpus),
        "cloud.google.com/gke-gpu": "true",
        "cloud.google.com/gke-gpu-driver-version": selector.get(
            "cloud.google.com/gke-gpu-driver-version", "default"
        ),
        "cloud.google.com/compute-class": selector.get("cloud.google.com/compute-class", "Accelerator"),
        PROVISIONING: "spot" if spot else "standard",
    }
    taints = [{"key": GPU, "value": "present", "effect": "NoSchedule"}]
    if spot:
        labels[SPOT] = "true"
        taints.append({"key": SPOT, "value": "true", "effect": "NoSchedule"})
    pool = f"nap-{known.machine_type.replace('standard-', '')}-gpu{known.gpus}-{cluster.suffix(8)}"
    body = _node(cluster, pool, zone, known.machine_type, (known.vcpus, known.memory_gib, known.gpus))
    body["metadata"]["labels"].update(labels)
    body["spec"]["taints"] += taints
    body["_since"] = cluster.world.clock.timestamp()
    body["_readyAt"] = body["_since"] + _ready_s(cluster, body)
    node = cluster.create("nodes", body)
    _node_event(cluster, node, "RegisteredNode", f"Node {node['metadata']['name']} event: Registered Node in Controller",
                "node-controller")  # fmt: skip
    return str(node["metadata"]["name"])


def add_system_nodes(cluster: KubeCluster) -> None:
    """The machines that a new Autopilot cluster starts with, one in each of three zones; Ready at once."""
    for zone in catalog.zones(cluster.location)[:3]:
        body = _node(cluster, "pool-2", zone, _SYSTEM_MACHINE, (_SYSTEM_VCPUS, _SYSTEM_GIB, 0))
        node = cluster.create("nodes", body)
        set_ready(cluster, node)


def advance(cluster: KubeCluster) -> None:
    """Nodes whose time has come turn Ready."""
    now = cluster.world.clock.timestamp()
    for node in cluster.list("nodes"):
        if not is_ready(node) and "_reclaim" not in node and now >= _ready_at(cluster, node, now):
            set_ready(cluster, node)
            name = node["metadata"]["name"]
            _node_event(cluster, node, "NodeReady", f"Node {name} status is now: NodeReady", "kubelet")


def _ready_s(cluster: KubeCluster, node: Document) -> float:
    return stages.stretched(cluster.world, "node-ready", node["metadata"]["name"], cluster=cluster.key)


def _ready_at(cluster: KubeCluster, node: Document, now: float) -> float:
    """When it will be Ready, as the faults in force have it; kept in the node when that has changed."""
    due = float(node.get("_readyAt", 0))
    if "_since" not in node:
        return due
    found = stages.revised(due, wanted=node["_since"] + _ready_s(cluster, node), now=now)
    if found != due:
        cluster.mutate("nodes", "", node["metadata"]["name"], lambda b: b.update(_readyAt=found))
    return found


def set_ready(cluster: KubeCluster, node: Document) -> None:
    _report(cluster, node, "True", KUBELET["True"])


def shut_down(cluster: KubeCluster, node: Document) -> None:
    """The kubelet itself says that it is not ready: it was told of the machine's end."""
    _report(cluster, node, "False", ("KubeletNotReady", "node is shutting down"))


def lose(cluster: KubeCluster, node: Document) -> None:
    """The kubelet says nothing any more, and the node lifecycle controller says so for it."""
    _report(cluster, node, "Unknown", SILENT)


def _report(cluster: KubeCluster, node: Document, status: str, why: tuple[str, str]) -> None:
    now = rfc3339(cluster.world.clock.now())

    def change(body: Document) -> None:
        body["status"]["conditions"] = _conditions(now, status, why, before=body["status"]["conditions"])
        kept = [t for t in body["spec"].get("taints") or () if t["key"] not in _TROUBLES.values()]
        body["spec"]["taints"] = [*kept, *_trouble(status, now)]
        if not body["spec"]["taints"]:
            del body["spec"]["taints"]
        body["_idleSince"] = cluster.world.clock.timestamp()

    cluster.mutate("nodes", "", node["metadata"]["name"], change)


def _trouble(status: str, now: str) -> list[Document]:
    """The taints that the node lifecycle controller gives a node that is not Ready."""
    if status not in _TROUBLES:
        return []
    taint = {"key": _TROUBLES[status], "timeAdded": now}
    return [{**taint, "effect": "NoSchedule"}, {**taint, "effect": "NoExecute"}]


def _node_event(cluster: KubeCluster, node: Document, reason: str, message: str, component: str) -> None:
    cluster.event(node, type="Normal", reason=reason, message=message, component=component)


def _node(
    cluster: KubeCluster, pool: str, zone: str, machine: str, capacity: tuple[int, int, int]
) -> Document:
    vcpus, gib, gpus = capacity
    name = f"gk3-{cluster.name[:24]}-{pool}-{cluster.suffix(4)}"
    version, internal = cluster.version, address(cluster.world.store.version, 128)
    gpu = {GPU: str(gpus)} if gpus else {}
    whole = {
        "cpu": str(vcpus),
        "memory": f"{gib * KIB_PER_GIB}Ki",
        "ephemeral-storage": "98831908Ki",
        "pods": "32",
        **gpu,
    }
    left = {
        "cpu": f"{vcpus * 1000 - _reserved_milli(vcpus)}m",
        "memory": f"{gib * KIB_PER_GIB - _reserved_kib(gib)}Ki",
    }
    machine_id = hashlib.sha256(f"{cluster.world.seed}/{name}".encode()).hexdigest()[:32]
    now = rfc3339(datetime.fromtimestamp(cluster.world.clock.timestamp(), UTC))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": machine,
                "cloud.google.com/gke-nodepool": pool,
                "cloud.google.com/machine-family": machine.partition("-")[0],
                PROVISIONING: "standard",
                REGION: cluster.location,
                ZONE: zone,
            },
        },
        "spec": {
            "providerID": f"gce://{cluster.world.project}/{zone}/{name}", "podCIDR": "",
            "taints": _trouble("False", now),
        },
        "status": {
            "capacity": whole,
            "allocatable": {**whole, "ephemeral-storage": "47060071478", **left},
            "addresses": [
                {"type": "InternalIP", "address": internal},
                {"type": "Hostname", "address": name},
            ],
            "conditions": _conditions(now, "False", KUBELET["False"]),
            "nodeInfo": {
                "kubeletVersion": version,
                "osImage": "Container-Optimized OS from Google",
                "kernelVersion": "6.12.46+",
                "containerRuntimeVersion": "containerd://2.1.4",
                "architecture": "amd64",
                "operatingSystem": "linux",
                "bootID": str(uuid.UUID(machine_id[::-1])), "machineID": machine_id,
                "systemUUID": str(uuid.UUID(machine_id)), "kubeProxyVersion": version,
            },
        },
    }  # fmt: skip


def _reserved_milli(vcpus: int) -> int:
    """What GKE keeps of the cores for itself: 6 % of the first, 1 % of the second, 0.5 % of two more, 0.25 % of the
    others."""
    shares = [60.0, 10.0, 5.0, 5.0] + [2.5] * max(0, vcpus - 4)
    return round(sum(shares[:vcpus]))


def _reserved_kib(gib: int) -> int:
    """And of memory: 25 % of the first 4 GiB, 20 % of the next 4, 10 % of 8, 6 % of 112, 2 % above; 100 MiB more
    are kept from eviction."""
    kept, left = 0.0, float(gib)
    for size, share in ((4, 0.25), (4, 0.2), (8, 0.1), (112, 0.06), (gib, 0.02)):
        kept += min(left, size) * share
        left -= min(left, size)
    return round(kept * KIB_PER_GIB) + 100 * 1024


_HEALTHY = (
    ("KernelDeadlock", "KernelHasNoDeadlock", "kernel has no deadlock"),
    ("ReadonlyFilesystem", "FilesystemIsNotReadOnly", "Filesystem is not read-only"),
    ("FrequentKubeletRestart", "NoFrequentKubeletRestart", "kubelet is functioning properly"),
    ("FrequentContainerdRestart", "NoFrequentContainerdRestart", "containerd is functioning properly"),
    ("NetworkUnavailable", "RouteCreated", "NodeController create implicit route"),
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def _conditions(
    now: str, ready: str, why: tuple[str, str], *, before: Sequence[Document] = ()
) -> list[Document]:
    """As a GKE node reports them; of a silent one the kubelet's are Unknown, and nothing has a new heartbeat. What
    keeps its status keeps its time."""
    since = {(c["type"], c["status"]): c["lastTransitionTime"] for c in before}
    heard = {c["type"]: c["lastHeartbeatTime"] for c in before} if ready == "Unknown" else {}
    rows = [(t, "False", reason, text) for t, reason, text in _HEALTHY]
    if ready == "Unknown":
        rows = [(t, ready, *why) if t in _KUBELETS else (t, *rest) for t, *rest in rows]
    return [
        {
            "type": type_, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": heard.get(type_, now), "lastTransitionTime": since.get((type_, status), now),
        }
        for type_, status, reason, message in [*rows, ("Ready", ready, *why)]
    ]  # fmt: skip
