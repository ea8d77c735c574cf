"""What Config Sync manages in each cluster, so that it can be pruned and removed; kept in the store."""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube import declared
from lib.sandbox.kube.resources import Resource
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import World

Document = dict[str, Any]
INVENTORIES = (
    "configsync.inventories"  # "<location>/<cluster>": {"objects": [[resource, namespace, name], ...]}
)


def identity(kind: Resource, body: Document) -> list[str]:
    return [kind.key, body["metadata"].get("namespace", ""), body["metadata"]["name"]]


def read(cluster: KubeCluster) -> list[list[str]]:
    found = cluster.world.store.get(INVENTORIES, f"{cluster.location}/{cluster.name}") or {}
    return found.get("objects", [])


def replace(cluster: KubeCluster, objects: list[list[str]]) -> None:
    """From now on these are managed; what no longer is goes from the cluster."""
    before = read(cluster)
    for gone in before:
        if gone not in objects:
            _delete(cluster, gone)
    if before != objects:
        cluster.world.store.put(INVENTORIES, f"{cluster.location}/{cluster.name}", {"objects": objects})


def remove_all_but(world: World, wanted: set[str]) -> None:
    """Clusters that Config Sync was taken from lose what it managed, in reverse order of application."""
    for key, inventory in world.store.items(INVENTORIES):
        if key in wanted:
            continue
        location, _, name = key.partition("/")
        cluster = KubeCluster(world, location, name)
        for managed in reversed(inventory["objects"]):
            _delete(cluster, managed)
        world.store.delete(INVENTORIES, key)


def _delete(cluster: KubeCluster, managed: list[str]) -> None:
    """Only what is still marked as managed: an object that somebody took over stays."""
    resource, namespace, name = managed
    live = cluster.get(resource, namespace, name) if cluster.resource(resource) else None
    if live and (live["metadata"].get("annotations") or {}).get(declared.MANAGED) == "enabled":
        cluster.delete(resource, namespace, name)
