"""Network endpoint groups: which pods of which cluster and zone are behind a MultiClusterService.

`mcs` says which clusters are linked (`link`, `unlink`); `sync` then follows the pods, as the NEG
controllers of the member clusters do, with or without the config cluster. Endpoints join with the load
balancer's delay. They leave by draining or, when their node is lost, only after the health checks have
found out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import compute, faults, load, pods, stages
from lib.sandbox.kube import selectors
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, rfc3339
from lib.sandbox.world import ENDPOINT_HEALTH, NEGS, World

NAME_LENGTH = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One cluster linked to one port of a MultiClusterService."""

    service: str  # "<namespace>/<name>" of the MultiClusterService
    derived: str  # name of the Service derived from it in the member cluster
    cluster: tuple[str, str]
    namespace: str
    selector: Mapping[str, str]
    port: int
    target_port: int | str
    drain_s: float


def link(world: World, wanted: Link) -> None:
    """Make sure that there is a NEG in each zone the cluster has nodes in."""
    for zone in sorted(_zones(world, wanted.cluster)):
        name = _name(wanted, zone)
        key = f"{zone}/{name}"
        facts: Document = {
            "_service": wanted.service,
            "_cluster": list(wanted.cluster),
            "_namespace": wanted.namespace,
            "_selector": dict(wanted.selector),
            "_servicePort": wanted.port,
            "_targetPort": wanted.target_port,
            "_drainS": wanted.drain_s,
            "_leaving": False,
        }
        old = world.store.get(NEGS, key) or _new(world, zone, name)
        if {**old, **facts} != old:
            world.store.put(NEGS, key, {**old, **facts})


def unlink(world: World, service: str, linked: set[tuple[str, str]]) -> None:
    """Let the NEGs of clusters that are no longer linked drain and go."""
    for key, neg in world.store.items(NEGS):
        if neg.get("_service") == service and tuple(neg["_cluster"]) not in linked and not neg["_leaving"]:
            world.store.put(NEGS, key, {**neg, "_leaving": True})


def of_service(world: World, service: str, port: int | None = None) -> list[Document]:
    return [
        neg
        for _, neg in world.store.items(NEGS)
        if neg.get("_service") == service and port in (None, neg["_servicePort"])
    ]


def health_key(neg_key: str, endpoint: Mapping[str, Any]) -> str:
    return f"{neg_key}/{endpoint['ipAddress']}:{endpoint['port']}"


def address_of(endpoint: Mapping[str, Any]) -> pods.PodAddress:
    return pods.PodAddress(
        cluster=(endpoint["location"], endpoint["cluster"]),
        namespace=endpoint["namespace"],
        name=endpoint["pod"],
        uid=endpoint["_uid"],
        node=endpoint["_node"],
    )


def _zones(world: World, cluster: tuple[str, str]) -> set[str]:
    nodes = world.store.items(f"kube/{cluster[0]}/{cluster[1]}/nodes")
    return {z for _, node in nodes if (z := node["metadata"].get("labels", {}).get(pods.ZONE_LABEL))}


def _name(wanted: Link, zone: str) -> str:
    location, cluster = wanted.cluster
    ends = (
        digest(f"{location}/{cluster}", 8),
        digest(f"{location}/{cluster}/{zone}/{wanted.service}/{wanted.port}", 8),
    )
    namespace = wanted.namespace[:15]
    room = NAME_LENGTH - len(f"k8s1-{ends[0]}-{namespace}--{wanted.port}-{ends[1]}")
    return f"k8s1-{ends[0]}-{namespace}-{wanted.derived[:room].rstrip('-')}-{wanted.port}-{ends[1]}"


def digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _new(world: World, zone: str, name: str) -> Document:
    network = compute.url(world, "global/networks/default")
    return {
        "kind": "compute#networkEndpointGroup",
        "id": numeric_id(f"{zone}/{name}"),
        "creationTimestamp": pacific(world.clock.timestamp()),
        "name": name,
        "zone": compute.url(world, f"zones/{zone}"),
        "selfLink": compute.url(world, f"zones/{zone}/networkEndpointGroups/{name}"),
        "networkEndpointType": "GCE_VM_IP_PORT",
        "network": network,
        "size": 0,
        "_endpoints": [],
        "_joining": {},
    }


# --- following the pods ---------------------------------------------------------------------------------


def sync(world: World) -> None:
    """Bring every NEG to what its cluster's pods are now."""
    for key, neg in world.store.items(NEGS):
        if "_service" not in neg:
            continue  # made by somebody else
        synced = _synced(world, key, neg)
        if synced is None:
            _forget(world, key, neg)
        elif synced != neg:
            world.store.put(NEGS, key, synced)


def _synced(world: World, key: str, neg: Document) -> Document | None:
    """The NEG as it should be; None when it is drained and no longer linked."""
    now = world.clock.timestamp()
    location, cluster = neg["_cluster"]
    if not neg["_leaving"] and faults.control_plane_down(world, f"{location}/{cluster}"):
        return neg  # the pods can't be seen: what is known stays
    wanted = {} if neg["_leaving"] else _wanted(world, key, neg)
    kept = [e for old in neg["_endpoints"] if (e := _kept(world, key, neg, old, stays=old["_uid"] in wanted))]
    present = {e["_uid"] for e in kept}
    joining = {
        uid: neg["_joining"].get(uid) or now + stages.seconds(world, "endpoint-join", uid)
        for uid in wanted
        if uid not in present
    }
    for uid, due in list(joining.items()):
        if now >= due:
            kept.append({**wanted[uid], "_added": due})
            del joining[uid]
    if neg["_leaving"] and not kept:
        return None
    return {**neg, "_endpoints": kept, "_joining": joining, "size": len(kept)}


def _wanted(world: World, key: str, neg: Document) -> dict[str, Document]:
    """By pod uid, the endpoints for pods that match, are in this zone, have an address and are not ending."""
    location, cluster = neg["_cluster"]
    zone = key.split("/", 1)[0]
    found: dict[str, Document] = {}
    for pod_key, pod in world.store.items(f"kube/{location}/{cluster}/pods"):
        status, metadata = pod.get("status", {}), pod["metadata"]
        if not pod_key.startswith(f"{neg['_namespace']}/") or "deletionTimestamp" in metadata:
            continue
        if not status.get("podIP") or status.get("phase") not in ("Pending", "Running"):
            continue
        if not selectors.matches({"matchLabels": neg["_selector"]}, metadata.get("labels", {})):
            continue
        port = _port(pod, neg["_targetPort"])
        if port and pods.zone_of(world, (location, cluster), pod) == zone:
            found[metadata["uid"]] = _endpoint((location, cluster), pod, port)
    return found


def _port(pod: Document, target: int | str) -> int:
    """A number stays; a name is looked up in the pod's containers (0 when no container has it)."""
    if str(target).isdecimal():
        return int(target)
    ports = (p for c in pod["spec"]["containers"] for p in c.get("ports", ()))
    return next((p["containerPort"] for p in ports if p.get("name") == target), 0)


def _endpoint(cluster: tuple[str, str], pod: Document, port: int) -> Document:
    node = pod["spec"].get("nodeName", "")
    return {
        "ipAddress": pod["status"]["podIP"],
        "port": port,
        "instance": node,
        "location": cluster[0],
        "cluster": cluster[1],
        "namespace": pod["metadata"]["namespace"],
        "pod": pod["metadata"]["name"],
        "_uid": pod["metadata"]["uid"],
        "_node": node,
    }


def _kept(world: World, key: str, neg: Document, endpoint: Document, *, stays: bool) -> Document | None:
    """What becomes of one endpoint: it stays, starts to drain, drains on, or goes (None)."""
    now, health = world.clock.timestamp(), health_key(key, endpoint)
    state = (world.store.get(ENDPOINT_HEALTH, health) or {}).get("state")
    until = endpoint.get("_drainUntil")
    if stays:
        if until is not None:  # linked again before it had left
            world.store.delete(ENDPOINT_HEALTH, health)
        return {k: v for k, v in endpoint.items() if k != "_drainUntil"}
    if until is None and not neg["_leaving"] and state == "HEALTHY" and _node_lost(world, endpoint):
        return endpoint  # nobody told the load balancer: its health checks have to find out
    if until is None:
        until = now + float(neg["_drainS"])
    pod_there = pods.find(world, address_of(endpoint)) is not None and not _node_lost(world, endpoint)
    if not pod_there or (now >= until and not load.of(world).in_flight[health]):
        world.store.delete(ENDPOINT_HEALTH, health)
        return None
    if state != "DRAINING":
        world.store.put(ENDPOINT_HEALTH, health, {"state": "DRAINING", "since": rfc3339(now)})
    return {**endpoint, "_drainUntil": until}


def _node_lost(world: World, endpoint: Document) -> bool:
    return not pods.node_up(world, (endpoint["location"], endpoint["cluster"]), endpoint["_node"])


def _forget(world: World, key: str, neg: Document) -> None:
    with world.store.transaction():
        for endpoint in neg["_endpoints"]:
            world.store.delete(ENDPOINT_HEALTH, health_key(key, endpoint))
        world.store.delete(NEGS, key)
