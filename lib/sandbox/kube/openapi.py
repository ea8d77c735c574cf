"""OpenAPI documents, as much as kubectl needs for apply, explain and field validation on the server.

Paths carry only what clients look up: the PATCH operation of each kind with its query parameters.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from lib.sandbox.kube import discovery, schemas
from lib.sandbox.kube.descriptions import described
from lib.sandbox.kube.resources import Resource
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
_STORED, _V2, _V3 = "#/definitions/", "#/definitions/", "#/components/schemas/"
_PARAMETERS = (
    ("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean"),
)  # fmt: skip
_NUMBERS: Document = {
    "io.k8s.IntOrString": {"type": "string", "format": "int-or-string", "description": "A number or a text."},
    "io.k8s.Quantity": {"type": "string", "description": "A number with an optional suffix: 500m, 2, 14Gi."},
}
_OF_EVERY_OBJECT: Document = {
    "apiVersion": {"type": "string", "description": "APIVersion defines the versioned schema of this "
                   "representation of an object."},
    "kind": {"type": "string", "description": "Kind is a string value representing the REST resource this object "
             "represents."},
    "metadata": {"$ref": f"{_STORED}V1ObjectMeta", "description": "Standard object's metadata."},
}  # fmt: skip


def index(cluster: KubeCluster, root: str) -> Document:
    """/openapi/v3: where the document of each group version is. `root` is the cluster's own URL path."""
    paths = {
        path: {"serverRelativeURL": f"{root}/openapi/v3/{path}?hash={digest(cluster)}"}
        for path in dict.fromkeys(_path(k, v) for k in discovery.served(cluster) for v in k.versions)
    }
    return {"paths": paths}


def document(cluster: KubeCluster, path: str) -> Document | None:
    """/openapi/v3/apis/apps/v1 and the like."""
    kinds = [(k, v) for k in discovery.served(cluster) for v in k.versions if _path(k, v) == path]
    if not kinds:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": cluster.version},
        "paths": {
            at: {"patch": {**_patch(kind, version), "parameters": [
                {"name": name, "in": "query", "schema": {"type": type_}, "uniqueItems": True}
                for name, type_ in _PARAMETERS
            ]}}
            for at, kind, version in _places(kinds)
        },
        "components": {"schemas": _definitions(kinds, _V3)},
    }  # fmt: skip


def swagger(cluster: KubeCluster) -> Document:
    """/openapi/v2 of all that the cluster serves."""
    kinds = [(k, v) for k in discovery.served(cluster) for v in k.versions]
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": cluster.version},
        "paths": {
            at: {"patch": {**_patch(kind, version), "parameters": [
                {"name": name, "in": "query", "type": type_, "uniqueItems": True} for name, type_ in _PARAMETERS
            ]}}
            for at, kind, version in _places(kinds)
        },
        "definitions": _definitions(kinds, _V2),
    }  # fmt: skip


def digest(cluster: KubeCluster) -> str:
    """Another one when the kinds served, or a custom one's schema, are others."""
    kinds = sorted((k.key, k.versions, json.dumps(k.schema)) for k in cluster.resources())
    return hashlib.sha256(json.dumps(kinds).encode()).hexdigest()[:16].upper()


def _path(kind: Resource, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"


def _places(kinds: list[tuple[Resource, str]]) -> list[tuple[str, Resource, str]]:
    return [
        (f"/{_path(k, v)}/{'namespaces/{namespace}/' if k.namespaced else ''}{k.plural}/{{name}}", k, v)
        for k, v in kinds
    ]


def _gvk(kind: Resource, version: str) -> Document:
    return {"group": kind.group, "version": version, "kind": kind.kind}


def _patch(kind: Resource, version: str) -> Document:
    return {
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _gvk(kind, version),
        "responses": {"200": {"description": "OK"}},
    }


def _definitions(kinds: list[tuple[Resource, str]], prefix: str) -> Document:
    """The kinds and all that they refer to, with links that begin with `prefix`."""
    roots = {_root_name(kind, version): _root(kind, version) for kind, version in kinds}
    inner = {_public(name): described(name, schemas.definitions()[name]) for name in _closure(kinds)}
    linked = {name: _relink(schema, prefix) for name, schema in {**inner, **roots}.items()}
    return dict(sorted({**linked, **_NUMBERS}.items()))


def _root_name(kind: Resource, version: str) -> str:
    if not kind.custom and (name := schemas.definition_name(kind)) in schemas.definitions():
        return _public(name)
    return ".".join([*reversed(kind.group.split(".")), version, kind.kind]).lstrip(".")


def _root(kind: Resource, version: str) -> Document:
    gvk = {"x-kubernetes-group-version-kind": [_gvk(kind, version)]}
    if not kind.custom:
        return {**described(schemas.definition_name(kind), schemas.schema(kind)), **gvk}
    schema = dict(schemas.schema(kind))
    return {**schema, "properties": {**_OF_EVERY_OBJECT, **(schema.get("properties") or {})}, **gvk}


def _public(name: str) -> str:
    """The Python client's V1Container is everybody else's io.k8s.v1.Container."""
    found = re.fullmatch(r"(?:(Core|Discovery|Events)?V1)(.+)", name)
    return f"io.k8s.{found[1].lower() + '.' if found[1] else ''}v1.{found[2]}" if found else f"io.k8s.{name}"


def _closure(kinds: list[tuple[Resource, str]]) -> set[str]:
    """Names of the definitions that the kinds refer to, directly or not."""
    found: set[str] = set()
    waiting = [name for kind, version in kinds for name in _references(_root(kind, version))]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas.definitions()[name])
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in _references(value)]
    return [name for item in schema for name in _references(item)] if isinstance(schema, list) else []


def _relink(schema: Any, prefix: str) -> Any:
    if isinstance(schema, list):
        return [_relink(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-kubernetes-int-or-string" in schema and "properties" not in schema:
        name = "Quantity" if schema.get("format") == "quantity" else "IntOrString"
        beside = {k: v for k, v in schema.items() if k == "description"}
        schema = {**beside, "$ref": f"{_STORED}{name}"}
    if not isinstance(reference := schema.get("$ref"), str):
        return {k: _relink(v, prefix) for k, v in schema.items()}
    beside = {k: v for k, v in schema.items() if k != "$ref"}
    link = {"$ref": prefix + _public(reference.rpartition("/")[2])}
    if prefix == _V3 and beside:  # in OpenAPI 3.0 nothing may stand beside a $ref
        return {**beside, "allOf": [link]}
    return {**beside, **link}
