"""What Google puts into a cluster: first namespaces and nodes, and the kinds of fleet features.

What those kinds are is in `fleet_kinds`. Removes everything of clusters that no longer exist, too.
"""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube import nodes
from lib.sandbox.kube.fleet_kinds import INGRESS_KINDS
from lib.sandbox.kube.resources import CRDS
from lib.sandbox.kube.scaleup import BACKOFFS
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, World

Document = dict[str, Any]
_NAMESPACES = ("kube-node-lease", "kube-public", "kube-system", "gke-managed-system", "default")


def set_up(cluster: KubeCluster) -> None:
    """Idempotent; "default" is made last, so it marks a finished set-up."""
    if cluster.get("namespaces", "", "default") is not None:
        return
    if not cluster.list("nodes"):
        nodes.add_system_nodes(cluster)
    for name in _NAMESPACES:
        if cluster.get("namespaces", "", name) is None:
            cluster.create("namespaces", {"metadata": {"name": name}})
        if cluster.get("serviceaccounts", name, "default") is None:
            cluster.create("serviceaccounts", {"metadata": {"name": "default"}}, name)
    if cluster.get("services", "default", "kubernetes") is None:
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}
        labels = {"component": "apiserver", "provider": "kubernetes"}
        spec = {"clusterIP": "34.118.224.1", "ports": [port]}
        body = {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec}
        cluster.create("services", body)


def bring_ingress_kinds(world: World) -> None:
    """The Multi Cluster Ingress kinds come to the config cluster when the feature is active, and stay."""
    feature = world.store.get(FEATURES, "multiclusteringress")
    if feature is None or feature.get("resourceState", {}).get("state") != "ACTIVE":
        return
    path = ((feature.get("spec") or {}).get("multiclusteringress") or {}).get("configMembership", "")
    where = cluster_of_membership(world, path)
    if where is None or (world.store.get(CLUSTERS, "/".join(where)) or {}).get("status") not in {
        "RUNNING",
        "RECONCILING",
    }:
        return
    install(KubeCluster(world, *where), INGRESS_KINDS)


def install(cluster: KubeCluster, definitions: tuple[Document, ...]) -> None:
    for definition in definitions:
        if cluster.get(CRDS, "", definition["metadata"]["name"]) is None:
            cluster.create(CRDS, definition)


def membership_key(path: str) -> str:
    """ "<location>/<id>" of projects/P/locations/L/memberships/M, whichever spelling P has."""
    return path.partition("/locations/")[2].replace("/memberships/", "/", 1)


def cluster_of_membership(world: World, path: str) -> tuple[str, str] | None:
    """(location, name) of the GKE cluster behind a membership; None when there is no such membership."""
    membership = world.store.get(MEMBERSHIPS, membership_key(path))
    link = ((membership or {}).get("endpoint") or {}).get("gkeCluster", {}).get("resourceLink", "")
    location, found, name = link.partition("/locations/")[2].partition("/clusters/")
    return (location, name) if found else None


def forget_deleted_clusters(world: World) -> None:
    known = {key for key, _ in world.store.items(CLUSTERS)}
    for collection in world.store.collections("kube/"):
        _, location, name, _ = collection.split("/", 3)
        if f"{location}/{name}" not in known:
            for key, _ in world.store.items(collection):
                world.store.delete(collection, key)
    for key, _ in world.store.items(BACKOFFS):
        if "/".join(key.split("/")[:2]) not in known:
            world.store.delete(BACKOFFS, key)
