"""OpenAPI documents, as much as kubectl needs for apply, explain and field validation on the server.

Paths carry only what clients look up: the PATCH operation of each kind with its query parameters.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lib.sandbox.kube import discovery, schemas
from lib.sandbox.kube.resources import Resource
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": kind}, "uniqueItems": True}
    for name, kind in (
        ("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean"),
    )
]  # fmt: skip


def index(cluster: KubeCluster, root: str) -> Document:
    """/openapi/v3: where the document of each group version is. `root` is the cluster's own URL path."""
    paths = {
        path: {"serverRelativeURL": f"{root}/openapi/v3/{path}?hash={_hash(cluster)}"}
        for path in dict.fromkeys(_path(k, v) for k in discovery.served(cluster) for v in k.versions)
    }
    return {"paths": paths}


def document(cluster: KubeCluster, path: str) -> Document | None:
    """/openapi/v3/apis/apps/v1 and the like."""
    kinds = [(k, v) for k in discovery.served(cluster) for v in k.versions if _path(k, v) == path]
    if not kinds:
        return None
    paths, components = {}, {}
    for kind, version in kinds:
        where = f"/{path}/namespaces/{{namespace}}" if kind.namespaced else f"/{path}"
        gvk = {"group": kind.group, "version": version, "kind": kind.kind}
        paths[f"{where}/{kind.plural}/{{name}}"] = {
            "patch": {
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": gvk,
                "parameters": _PARAMETERS,
                "responses": {"200": {"description": "OK"}},
            }
        }
        components[f"{kind.group or 'core'}.{version}.{kind.kind}"] = _root_schema(kind, version)
    known = {name: _relink(schema) for name, schema in _closure(kinds).items()}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": discovery.VERSION},
        "paths": paths,
        "components": {"schemas": {**known, **components}},
    }


def swagger(cluster: KubeCluster) -> Document:
    """/openapi/v2, in JSON."""
    kinds = [(k, v) for k in discovery.served(cluster) for v in k.versions]
    roots = {f"{k.group or 'core'}.{v}.{k.kind}": _root_schema(k, v, relink=False) for k, v in kinds}
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": discovery.VERSION},
        "paths": {},
        "definitions": {**schemas.definitions(), **roots},
    }


def _path(kind: Resource, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"


def _root_schema(kind: Resource, version: str, *, relink: bool = True) -> Document:
    found = dict(schemas.schema(kind))
    gvk = {"group": kind.group, "version": version, "kind": kind.kind}
    return {**(_relink(found) if relink else found), "x-kubernetes-group-version-kind": [gvk]}


def _closure(kinds: list[tuple[Resource, str]]) -> Document:
    """The definitions that the kinds refer to, directly or not."""
    found: Document = {}
    waiting = [name for kind, _ in kinds for name in _references(dict(schemas.schema(kind)))]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas.definitions()[name]
            waiting += _references(found[name])
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in _references(value)]
    return [name for item in schema for name in _references(item)] if isinstance(schema, list) else []


def _relink(schema: Any) -> Any:
    """From "#/definitions/X" to "#/components/schemas/X"."""
    if isinstance(schema, dict):
        return {
            k: v.replace("#/definitions/", "#/components/schemas/")
            if k == "$ref" and isinstance(v, str)
            else _relink(v)
            for k, v in schema.items()
        }
    return [_relink(item) for item in schema] if isinstance(schema, list) else schema


def _hash(cluster: KubeCluster) -> str:
    names = sorted(k.key for k in cluster.resources())
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16].upper()
