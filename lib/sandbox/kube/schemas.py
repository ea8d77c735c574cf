"""Schemas of the built-in kinds, so that a mistyped field is refused and `kubectl explain` has an answer.

`data/schemas.json` is generated from the official Python client's models (`python -m lib.sandbox.kube.schemas`
after upgrading it) and read at run time: importing that client costs half a second and 50 MB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lib.sandbox.kube import errors, validation
from lib.sandbox.kube.resources import BUILT_IN, Resource

_FILE = Path(__file__).parent / "data" / "schemas.json"
_CLASSES = {"events": "CoreV1Event", "endpointslices.discovery.k8s.io": "V1EndpointSlice"}
_INT_OR_STRING = {"x-kubernetes-int-or-string": True}
QUANTITY = {**_INT_OR_STRING, "format": "quantity"}
_EITHER = {
    "port",
    "target_port",
    "max_surge",
    "max_unavailable",
    "min_available",
}  # the client calls them objects
_OPEN = {"V1JSONSchemaProps", "V1JSON", "RuntimeRawExtension"}  # recursive or free-form: any object will do


@cache
def definitions() -> Mapping[str, dict[str, Any]]:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def definition_name(kind: Resource) -> str:
    return _CLASSES.get(kind.key, f"V1{kind.kind}")


def schema(kind: Resource) -> Mapping[str, Any]:
    """Of any kind, built-in or custom; an open object when nothing is known."""
    return kind.schema or definitions().get(definition_name(kind)) or {"type": "object"}


def resolve(reference: str) -> Mapping[str, Any]:
    return definitions()[reference.rpartition("/")[2]]


def problems(kind: Resource, body: Mapping[str, Any]) -> list[validation.Cause]:
    """Unknown and mistyped fields of an object of a built-in kind, `metadata` included."""
    return validation.problems(schema(kind), body, resolve=resolve)


def metadata_problems(body: Mapping[str, Any]) -> list[validation.Cause]:
    """Faults of `metadata` alone: the schemas of custom kinds leave it out."""
    return validation.problems(definitions()["V1ObjectMeta"], body["metadata"], "metadata", resolve)


def unreadable(kind: Resource, cause: validation.Cause) -> errors.StatusError:
    """What a decoder says of a field that it can't read."""
    text = f"{cause['field']}: {cause['message']}"
    if cause["reason"] == "FieldValueForbidden":
        text = f'strict decoding error: unknown field "{cause["field"]}"'
    return errors.bad_request(
        f'{kind.kind} in version "{kind.versions[0]}" cannot be handled as a {kind.kind}: {text}'
    )


def generate() -> dict[str, Any]:
    """Build the definitions from the installed `kubernetes` package."""
    from kubernetes.client import models

    waiting = [definition_name(kind) for kind in BUILT_IN.values()]
    found: dict[str, Any] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name in _OPEN:
            found[name] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            continue
        model = getattr(models, name)
        properties = {
            model.attribute_map[field]: _property(name, field, type_, waiting)
            for field, type_ in model.openapi_types.items()
        }
        found[name] = {"type": "object", "properties": properties}
    return dict(sorted(found.items()))


def _property(owner: str, field: str, type_: str, waiting: list[str]) -> dict[str, Any]:
    simple = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}
    simple |= dict.fromkeys(("datetime", "bytes", "bytearray", "date"), "string")
    if type_ in simple:
        return {"type": simple[type_], "nullable": True}
    if type_ == "object":
        return _INT_OR_STRING if field in _EITHER else {"x-kubernetes-preserve-unknown-fields": True}
    head, _, inner = type_.partition("[")
    if head in {"List", "list"}:
        return {"type": "array", "nullable": True, "items": _property(owner, field, inner[:-1], waiting)}
    if head in {"Dict", "dict"}:
        value = _property(owner, field, inner[:-1].partition(", ")[2], waiting)
        if field in {"limits", "requests", "capacity", "allocatable", "hard", "used", "overhead"}:
            value = QUANTITY
        return {"type": "object", "nullable": True, "additionalProperties": value}
    waiting.append(type_)
    return {"$ref": f"#/definitions/{type_}"}


if __name__ == "__main__":
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(json.dumps(generate(), separators=(",", ":")) + "\n", encoding="utf-8")
