"""Fields of a JSON body that its protobuf message does not know.

The Hub API's REST has fields that Google's Python types lack (`configSync.stopSyncing`): they are kept. The Container
API refuses what it doesn't know, by name.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document

_UNKNOWN = re.compile(r'has no field named "([^"]*)" at "[^".]*\.?([^"]*)"')


def refuse(given: Document, message: Any) -> None:
    """ApiError INVALID_ARGUMENT that names the first field which the message doesn't have, or can't hold."""
    try:
        json_format.ParseDict(given, message)
    except json_format.ParseError as e:
        unknown = _UNKNOWN.search(str(e))
        what = f"Unknown name \"{unknown[1]}\" at '{unknown[2]}': Cannot find field." if unknown else str(e)
        field = ".".join(part for part in unknown.groups()[::-1] if part) if unknown else ""
        violation = {"field": field, "description": what}
        detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
        raise ApiError(
            "INVALID_ARGUMENT",
            f"Invalid JSON payload received. {what}",
            reason="badRequest",
            details=[detail] if unknown else [],
        ) from e


def merged(known: Document, extra: Document) -> Document:
    """`known` with what `extra` has besides, at every depth."""
    both = {key: merged(known[key], extra[key]) for key in known.keys() & extra.keys()}
    return {**known, **extra, **both}


def of(given: Document, kind: Descriptor) -> Document:
    """The part of `given` that a message of this kind would drop, in the same places."""
    found = {key: _of(value, _field(kind, key)) for key, value in given.items()}
    names = {key: field.json_name for key in given if (field := _field(kind, key))}
    return {names.get(key, key): value for key, value in found.items() if value not in (None, {})}


def _of(value: Any, field: FieldDescriptor | None) -> Any:
    if field is None:
        return value
    inner = field.message_type
    if inner is None or not isinstance(value, dict) or inner.full_name.startswith("google.protobuf."):
        return None
    if not inner.GetOptions().map_entry:
        return of(value, inner)
    held = inner.fields_by_name["value"].message_type
    if held is None:
        return None
    return {key: rest for key, one in value.items() if isinstance(one, dict) and (rest := of(one, held))}


def _field(kind: Descriptor, key: str) -> FieldDescriptor | None:
    return kind.fields_by_camelcase_name.get(key) or kind.fields_by_name.get(key)
