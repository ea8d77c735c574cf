"""MultiClusterService: derived Services and NEGs in the clusters that it links.

Also what both kinds of Multi Cluster Ingress share: finalizers, events, and the words for what can't be
built. Which pods end up in a NEG is `neg`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from lib.sandbox import faults, loadbalancer, neg
from lib.sandbox.kube.platform import cluster_of_membership
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Document
from lib.sandbox.world import CLUSTERS, MEMBERSHIPS, World

INGRESSES = "multiclusteringresses.networking.gke.io"
SERVICES = "multiclusterservices.networking.gke.io"
BACKEND_CONFIGS = "backendconfigs.cloud.google.com"
FINALIZERS = {
    INGRESSES: "mci.finalizer.networking.gke.io",
    SERVICES: "mcs.finalizer.networking.gke.io",
}
COMPONENT = "multi-cluster-ingress-controller"
BACKEND_CONFIG = ("cloud.google.com/backend-config", "beta.cloud.google.com/backend-config")
UP = ("RUNNING", "RECONCILING")
Cluster = tuple[str, str]


class TranslationError(Exception):
    """The objects can't become a load balancer; the text goes into an event, and what is built stays."""


def reconcile(config: KubeCluster, service: Document) -> None:
    world, owner = config.world, key_of(service)
    service = greeted(config, SERVICES, service)
    leaving = "deletionTimestamp" in service["metadata"]
    linked = set() if leaving else _linked(world, service)
    try:
        links = [link for cluster in sorted(linked) for link in _links(config, service, cluster)]
    except TranslationError as e:
        complain(config, SERVICES, service, str(e))
        links = []  # what is built stays, but leaving must stay possible
    else:
        service = content(config, SERVICES, service)
    for link in links:
        if answers(world, link.cluster):
            _derive(config, service, link)
            neg.link(world, link)
    neg.unlink(world, owner, linked)
    _withdraw(config, service, linked)
    if leaving and not neg.of_service(world, owner):
        release(config, SERVICES, service)


def _linked(world: World, service: Document) -> set[Cluster]:
    """Registered clusters that the service names; all members when it has no list at all."""
    members = {
        found
        for key, membership in world.store.items(MEMBERSHIPS)
        if membership.get("state", {}).get("code") == "READY"
        and (
            found := cluster_of_membership(
                world, f"projects/-/locations/{key.replace('/', '/memberships/', 1)}"
            )
        )
    }
    if "clusters" not in service["spec"]:
        return members
    named = {tuple(c.get("link", "").split("/", 1)) for c in service["spec"]["clusters"]}
    return {m for m in members if m in named}


def _links(config: KubeCluster, service: Document, cluster: Cluster) -> Iterator[neg.Link]:
    spec, metadata = service["spec"]["template"]["spec"], service["metadata"]
    for port in spec.get("ports") or ():
        yield neg.Link(
            service=key_of(service),
            derived=_derived_name(config.world, service),
            cluster=cluster,
            namespace=metadata["namespace"],
            selector=spec.get("selector") or {},
            port=port["port"],
            target_port=port.get("targetPort", port["port"]),
            drain_s=loadbalancer.drain_s(backend_config(config, service, port["port"])),
        )


def _derived_name(world: World, service: Document) -> str:
    suffix = neg.digest(f"{world.seed}/{key_of(service)}/derived", 16)
    return f"mci-{service['metadata']['name'][:38]}-svc-{suffix}"


def _derive(config: KubeCluster, service: Document, link: neg.Link) -> None:
    """The headless Service in the member cluster, whether or not anything matches there."""
    member = KubeCluster(config.world, *link.cluster)
    if member.get("namespaces", "", link.namespace) is None:
        return  # namespace sameness: without the namespace there is nothing to put it in
    if member.get("services", link.namespace, link.derived):
        return
    spec = service["spec"]["template"]["spec"]
    ports = spec.get("ports") or []
    parent = {"Namespace": link.namespace, "Name": service["metadata"]["name"]}
    annotations = {
        "networking.gke.io/multiclusterservice-parent": json.dumps(parent),
        "cloud.google.com/neg": json.dumps({"exposed_ports": {str(p["port"]): {} for p in ports}}),
    }
    body: Document = {
        "metadata": {"name": link.derived, "annotations": annotations},
        "spec": {"clusterIP": "None", "selector": dict(link.selector), "ports": ports},
    }
    member.create("services", body, link.namespace)
    location, name = link.cluster
    text = f"Derived Service was ensured in cluster {{{location}/{name} {name}}}"
    config.event(service, type="Normal", reason="SYNC", message=text, component=COMPONENT)


def _withdraw(config: KubeCluster, service: Document, linked: set[Cluster]) -> None:
    world, namespace = config.world, service["metadata"]["namespace"]
    name = _derived_name(world, service)
    for location, cluster, _ in world.clusters(*UP):
        member = KubeCluster(world, location, cluster)
        if (location, cluster) not in linked and member.get("services", namespace, name):
            member.delete("services", namespace, name)


def backend_config(config: KubeCluster, service: Document, port: int) -> Document:
    """The spec of the BackendConfig that the service names for this port; {} when it names none."""
    metadata = service["metadata"]
    text = next((t for a in BACKEND_CONFIG if (t := metadata.get("annotations", {}).get(a))), "")
    if not text:
        return {}
    try:
        named: Any = json.loads(text)
    except ValueError as e:
        raise TranslationError(f"BackendConfig annotation is invalid json: {e}") from e
    name = (named.get("ports") or {}).get(str(port)) or named.get("default")
    found = config.get(BACKEND_CONFIGS, metadata["namespace"], name or "")
    if name and found is None:
        raise TranslationError(f"BackendConfig {metadata['namespace']}/{name} does not exist")
    return (found or {}).get("spec") or {}


def answers(world: World, cluster: Cluster) -> bool:
    """Whether the cluster runs and its Kubernetes API can be reached."""
    found = world.store.get(CLUSTERS, "/".join(cluster))
    return (
        found is not None
        and found.get("status") in UP
        and not faults.control_plane_down(world, "/".join(cluster))
    )


# --- what both kinds share --------------------------------------------------------------------------------


def key_of(body: Document) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


def greeted(config: KubeCluster, resource: str, body: Document) -> Document:
    """See an object for the first time (finalizer, ADD) or in a new version (UPDATE)."""
    generation = body["metadata"].get("generation", 1)
    if body.get("_seen") == generation or "deletionTimestamp" in body["metadata"]:
        return body

    def change(found: Document) -> None:
        found["_seen"] = generation
        held = found["metadata"].setdefault("finalizers", [])
        if FINALIZERS[resource] not in held:
            held.append(FINALIZERS[resource])

    reason = "UPDATE" if "_seen" in body else "ADD"
    config.event(body, type="Normal", reason=reason, message=key_of(body), component=COMPONENT)
    return mutate(config, resource, body, change)


def complain(config: KubeCluster, resource: str, body: Document, text: str) -> None:
    """A Warning event, once for each new text."""
    if body.get("_complaint") != text:
        config.event(body, type="Warning", reason="SYNC", message=text, component=COMPONENT)
        mutate(config, resource, body, lambda found: found.update(_complaint=text))


def content(config: KubeCluster, resource: str, body: Document) -> Document:
    """Nothing to complain of (any more)."""
    if "_complaint" not in body:
        return body
    return mutate(config, resource, body, lambda found: found.pop("_complaint"))


def release(config: KubeCluster, resource: str, body: Document) -> None:
    """Everything built for it is gone: let the object go."""

    def change(found: Document) -> None:
        held = found["metadata"].get("finalizers", [])
        found["metadata"]["finalizers"] = [f for f in held if f != FINALIZERS[resource]]

    mutate(config, resource, body, change)


def mutate(
    config: KubeCluster, resource: str, body: Document, change: Callable[[Document], None]
) -> Document:
    metadata = body["metadata"]
    return config.mutate(resource, metadata["namespace"], metadata["name"], change) or body
