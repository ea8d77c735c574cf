"""How a pod looks from the network: whether packets reach it, and whether somebody listens.

Read from the cluster's objects by everything that talks to pods: NEGs, health checks, the global address, the
Web UI. Not the pod's lifecycle: that is `autopilot`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lib.sandbox.store import Document
from lib.sandbox.world import World

ZONE_LABEL = "topology.kubernetes.io/zone"


class Reach(StrEnum):
    LOST = "lost"  # the node is gone: packets vanish, no answer ever comes
    GONE = "gone"  # the node is there, the pod isn't: connection refused
    CLOSED = "closed"  # its containers don't run (yet): connection refused
    CRASHED = "crashed"  # the Web UI's container has exited, those beside it run
    STARTING = "starting"  # the containers run, the model is still loading
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAddress:
    """One pod as a load balancer remembers it; `node` and `uid` outlive the pod's own document."""

    cluster: tuple[str, str]  # location, name
    namespace: str
    name: str
    uid: str
    node: str

    @property
    def key(self) -> str:
        return f"{self.cluster[0]}/{self.cluster[1]}/{self.namespace}/{self.name}"


def address_of(cluster: tuple[str, str], pod: Document) -> PodAddress:
    metadata = pod["metadata"]
    return PodAddress(
        cluster=cluster,
        namespace=metadata.get("namespace", "default"),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        node=pod.get("spec", {}).get("nodeName", ""),
    )


def find(world: World, address: PodAddress) -> Document | None:
    """The pod's document, if it still is the same pod."""
    location, name = address.cluster
    pod = world.store.get(f"kube/{location}/{name}/pods", f"{address.namespace}/{address.name}")
    return pod if pod is not None and pod["metadata"].get("uid", "") == address.uid else None


def reach(world: World, address: PodAddress) -> Reach:
    if not node_up(world, address.cluster, address.node):
        return Reach.LOST
    pod = find(world, address)
    if pod is None:
        return Reach.GONE
    if pod.get("status", {}).get("phase") != "Running":
        return Reach.CLOSED
    if any("running" not in s["state"] for s in pod["status"].get("containerStatuses", ())):
        return Reach.CRASHED
    return Reach.READY if _loaded(pod) else Reach.STARTING


def _loaded(pod: Document) -> bool:
    """A sidecar's failing probe makes the pod unready, but the Web UI beside it goes on."""
    probed = {c["name"] for c in pod["spec"]["containers"] if "readinessProbe" in c}
    others = [s["ready"] for s in pod["status"].get("containerStatuses", ()) if s["name"] not in probed]
    return condition(pod, "Ready") or (bool(others) and all(others))


def node_up(world: World, cluster: tuple[str, str], node_name: str) -> bool:
    node = world.store.get(f"kube/{cluster[0]}/{cluster[1]}/nodes", f"/{node_name}")
    return node is not None and condition(node, "Ready", unstated=True)


def condition(body: Document, kind: str, *, unstated: bool = False) -> bool:
    """Whether a condition of a pod or node is True."""
    for found in body.get("status", {}).get("conditions", ()):
        if found["type"] == kind:
            return found["status"] == "True"
    return unstated


def zone_of(world: World, cluster: tuple[str, str], pod: Document) -> str:
    """From the pod's own label, else from its node's; "" while it has no node."""
    if zone := pod["metadata"].get("labels", {}).get(ZONE_LABEL):
        return zone
    node = world.store.get(f"kube/{cluster[0]}/{cluster[1]}/nodes", f"/{pod['spec'].get('nodeName', '')}")
    return node["metadata"].get("labels", {}).get(ZONE_LABEL, "") if node else ""
