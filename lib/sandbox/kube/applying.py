"""Server-side apply as one call, for the HTTP API and for Config Sync."""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube import ownership, patch
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.resources import Resource
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]


def server_side_apply(  # noqa: PLR0913 - the options of a PATCH request
    cluster: KubeCluster, kind: Resource, config: Document, *, manager: str, force: bool,
    user: str = "", dry_run: bool = False,
) -> Document:  # fmt: skip
    """Make the fields of `config` so, as `manager`; creates the object when it is absent."""
    config = normal(config)
    now, keys = rfc3339(cluster.world.clock.now()), list_key_of(kind)
    metadata = config["metadata"]
    namespace = metadata.get("namespace") or "default"
    old = cluster.get(kind.key, namespace, metadata["name"])
    if old is None:
        identity = {k: metadata[k] for k in ("name", "namespace") if k in metadata}
        live: Document = {"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": identity}
        body = ownership.apply(kind, live, config, keys, manager=manager, force=True, now=now)
        return cluster.create(kind.key, body, namespace, user=user, dry_run=dry_run)
    given = {**config, "apiVersion": old["apiVersion"]}
    body = ownership.apply(kind, clone(old), given, keys, manager=manager, force=force, now=now)
    return cluster.update(kind.key, body, user=user, dry_run=dry_run)


def holds(kind: Resource, live: Document, config: Document) -> bool:
    """Whether every field that `config` declares already has its value in `live`."""
    given = {**normal(config), "apiVersion": live["apiVersion"]}
    return patch.apply_merge(live, given, list_key_of(kind)) == live


def normal(config: Document) -> Document:
    """Quantities as the API server writes them: strings. Otherwise `1` would be a change of "1" for ever."""
    body = clone(config)
    for holder in (_at(body, "spec", "template", "spec"), _at(body, "spec")):
        containers = holder.get("containers")
        for container in containers if isinstance(containers, list) else ():
            for amounts in _at(container, "resources").values():
                if isinstance(amounts, dict):
                    amounts.update({k: str(v) for k, v in amounts.items()})
    return body


def _at(body: Any, *path: str) -> Document:
    """The object at a path; an empty one when what is there is none (it has not been checked yet)."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def list_key_of(kind: Resource) -> patch.ListKey:
    """Built-in kinds merge lists by well-known names; custom ones by what their schema says."""
    if not kind.custom:
        return patch.list_key
    declared = dict(_declared_keys(kind.schema or {}, ""))
    return lambda name, _: declared.get(name)


def _declared_keys(schema: Any, name: str) -> list[tuple[str, str]]:
    if not isinstance(schema, dict):
        return []
    found = []
    if schema.get("x-kubernetes-list-type") == "map":
        found.append((name, schema["x-kubernetes-list-map-keys"][0]))
    for field, inner in (schema.get("properties") or {}).items():
        found += _declared_keys(inner, field)
    return [
        *found,
        *_declared_keys(schema.get("items"), ""),
        *_declared_keys(schema.get("additionalProperties"), ""),
    ]
