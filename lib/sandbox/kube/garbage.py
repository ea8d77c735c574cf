"""Cleaning up: dependents whose owner is gone, foreground and orphan deletion, namespaces that are being deleted.

Level-triggered: looks at what is there, not at what was deleted.
"""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube.objects import FOREGROUND, ORPHAN
from lib.sandbox.kube.resources import BUILT_IN
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]


def collect(cluster: KubeCluster) -> None:
    """One pass over all objects of the cluster; what it deletes makes work for the next."""
    objects = [
        (kind.key, body)
        for kind in cluster.resources()
        if kind.key != "events"
        for body in cluster.list(kind.key)
    ]
    uids = {body["metadata"]["uid"] for _, body in objects}
    for resource, body in objects:
        _collect_dependent(cluster, resource, body, uids)
        _finish_deletion(cluster, resource, body, objects)
    for namespace in cluster.list("namespaces"):
        if "deletionTimestamp" in namespace["metadata"]:
            _empty(cluster, namespace, objects)


def _collect_dependent(cluster: KubeCluster, resource: str, body: Document, uids: set[str]) -> None:
    references = body["metadata"].get("ownerReferences") or ()
    if references and not any(r["uid"] in uids for r in references):
        _delete(cluster, resource, body)


def _finish_deletion(
    cluster: KubeCluster, resource: str, body: Document, objects: list[tuple[str, Document]]
) -> None:
    metadata = body["metadata"]
    waiting = set(metadata.get("finalizers") or ()) & {FOREGROUND, ORPHAN}
    if "deletionTimestamp" not in metadata or not waiting:
        return
    uid = metadata["uid"]
    dependents = [
        (r, b) for r, b in objects if any(o["uid"] == uid for o in b["metadata"].get("ownerReferences") or ())
    ]
    left = [
        (r, b)
        for r, b in dependents
        if cluster.get(r, b["metadata"].get("namespace", ""), b["metadata"]["name"])
    ]
    for dependent, found in left:
        if ORPHAN in waiting:
            _release(cluster, dependent, found, uid)
        else:
            _delete(cluster, dependent, found)
    if not left or ORPHAN in waiting:
        _drop_finalizers(cluster, resource, body)


def _release(cluster: KubeCluster, resource: str, body: Document, uid: str) -> None:
    def change(found: Document) -> None:
        kept = [o for o in found["metadata"].get("ownerReferences") or () if o["uid"] != uid]
        found["metadata"]["ownerReferences"] = kept

    cluster.mutate(resource, body["metadata"].get("namespace", ""), body["metadata"]["name"], change)


def _drop_finalizers(cluster: KubeCluster, resource: str, body: Document) -> None:
    def change(found: Document) -> None:
        kept = [f for f in found["metadata"].get("finalizers") or () if f not in {FOREGROUND, ORPHAN}]
        found["metadata"]["finalizers"] = kept

    cluster.mutate(resource, body["metadata"].get("namespace", ""), body["metadata"]["name"], change)


def _empty(cluster: KubeCluster, namespace: Document, objects: list[tuple[str, Document]]) -> None:
    name = namespace["metadata"]["name"]
    inside = [(r, b) for r, b in objects if b["metadata"].get("namespace") == name]
    for resource, body in inside:
        _delete(cluster, resource, body)
    left = any(cluster.list(k.key, name) for k in cluster.resources() if k.namespaced and k.key != "events")
    if not left:
        for event in cluster.list("events", name):
            cluster.finish("events", name, event["metadata"]["name"])
        cluster.finish(BUILT_IN["namespaces"].key, "", name)


def _delete(cluster: KubeCluster, resource: str, body: Document) -> None:
    if "deletionTimestamp" not in body["metadata"]:
        cluster.delete(resource, body["metadata"].get("namespace", ""), body["metadata"]["name"])
