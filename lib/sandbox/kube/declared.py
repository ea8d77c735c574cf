"""From the source's objects to what is to be applied in one cluster: chosen, checked and stamped. No writing."""

from __future__ import annotations

import json
from typing import Any

from lib.sandbox.kube import schemas
from lib.sandbox.kube.gitsource import Declared, SyncError
from lib.sandbox.kube.objects import clone
from lib.sandbox.kube.resources import CRDS, Resource, from_definition
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
NAMESPACE = "config-management-system"
SELECTOR = "configsync.gke.io/cluster-name-selector"
MANAGED = "configmanagement.gke.io/managed"
_FIRST = (
    "CustomResourceDefinition",
    "Namespace",
    "ServiceAccount",
    "ClusterRole",
    "Role",
    "ConfigMap",
    "Secret",
)


def chosen(
    cluster: KubeCluster, source: tuple[Declared, ...], *, member: str, commit: str, git: Document
) -> tuple[tuple[Resource, Document], ...]:
    """Kind and object of everything to apply here, in order of application. The first thing wrong with the source
    is raised: such an error stops the whole sync."""
    wanted = [d for d in source if _selected(d.body, member) and _annotation(d.body, MANAGED) != "disabled"]
    ours = {d.body["metadata"]["name"]: from_definition(d.body) for d in wanted if _is_definition(d.body)}
    found: list[tuple[Resource, Document]] = []
    seen: set[tuple[str, str, str]] = set()
    for declared in wanted:
        kind = _kind(cluster, ours, declared)
        body = _stamped(kind, declared, member=member, commit=commit, git=git)
        metadata = body["metadata"]
        identity = (kind.key, metadata.get("namespace", ""), metadata["name"])
        if identity in seen:
            text = (
                f"Configs of the same Kind MUST have unique names in the same Namespace: {metadata['name']}"
            )
            raise SyncError("1029", text, source=declared.path, resource=body)
        if metadata.get("namespace") == NAMESPACE:
            text = f"Configs must not be declared in the {NAMESPACE} namespace"
            raise SyncError("1034", text, source=declared.path, resource=body)
        seen.add(identity)
        _check(kind, body, declared.path)
        found.append((kind, body))
    return tuple(sorted(found, key=lambda f: _rank(f[1])))


def _rank(body: Document) -> int:
    return _FIRST.index(body["kind"]) if body["kind"] in _FIRST else len(_FIRST)


def _annotation(body: Document, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))


def _selected(body: Document, member: str) -> bool:
    names = _annotation(body, SELECTOR)
    return not names or member in {n.strip() for n in names.split(",")}


def _is_definition(body: Document) -> bool:
    return body["kind"] == "CustomResourceDefinition" and bool((body.get("spec") or {}).get("versions"))


def _kind(cluster: KubeCluster, ours: dict[str, Resource], declared: Declared) -> Resource:
    body = declared.body
    if found := cluster.kind(body["apiVersion"], body["kind"]):
        return found
    group, _, version = body["apiVersion"].rpartition("/")
    for one in ours.values():
        if (one.group, one.kind) == (group, body["kind"]) and version in one.versions:
            return one
    text = f'No CustomResourceDefinition is defined for the type "{body["kind"]}.{group}" in the cluster.'
    raise SyncError("1021", text, source=declared.path, resource=body)


def _stamped(kind: Resource, declared: Declared, *, member: str, commit: str, git: Document) -> Document:
    body = clone(declared.body)
    body.pop("status", None)
    metadata = body["metadata"]
    if kind.namespaced:
        metadata.setdefault("namespace", "default")
    else:
        metadata.pop("namespace", None)
    parts = (kind.group, kind.kind.lower(), metadata.get("namespace", ""), metadata["name"])
    context = {"repo": git.get("syncRepo", ""), "branch": git.get("syncBranch", "master"),
               "rev": git.get("syncRev", "HEAD")}  # fmt: skip
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "app.kubernetes.io/managed-by": "configmanagement.gke.io",
        "configsync.gke.io/declared-version": kind.versions[0],
    }
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        MANAGED: "enabled",
        "configmanagement.gke.io/source-path": declared.path,
        "configmanagement.gke.io/token": commit,
        "configmanagement.gke.io/cluster-name": member,
        "configsync.gke.io/resource-id": "_".join(p for p in parts if p),
        "configsync.gke.io/manager": ":root_root-sync",
        "configsync.gke.io/git-context": json.dumps(context, separators=(",", ":")),
        "config.k8s.io/owning-inventory": f"{NAMESPACE}_root-sync",
    }
    return body


def _check(kind: Resource, body: Document, path: str) -> None:
    """KNV1067: fields that the kind does not have, or of the wrong type."""
    if kind.custom or kind.key == CRDS:
        return  # refused by the API server itself when applied: KNV2009
    for cause in schemas.problems(kind, body):
        text = f"failed to encode declared fields: {cause['field']}: {cause['message']}"
        raise SyncError("1067", text, source=path, resource=body)
