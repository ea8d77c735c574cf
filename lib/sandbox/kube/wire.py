"""Reads the protobuf that kubectl sends for "may I?" reviews; everything else it writes to the sandbox is JSON.

Only the wire format and the few fields of the review kinds: no descriptors, no writing (answers are JSON).
"""

from __future__ import annotations

from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_RESOURCE = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
_NON_RESOURCE = ("path", "verb")

Fields = dict[int, list[Any]]


def read_review(body: bytes) -> dict[str, Any]:
    """A SelfSubject*Review. ValueError when it is none."""
    if not body.startswith(_MAGIC):
        raise ValueError("not a Kubernetes protobuf envelope")
    envelope = _fields(body[len(_MAGIC) :])
    type_meta = _strings(envelope.get(1, [b""])[0], ("apiVersion", "kind"))
    if "Self" not in type_meta.get("kind", ""):
        raise ValueError(f"{type_meta.get('kind', 'this kind')} can only be sent as JSON or YAML")
    spec = _fields(_fields(envelope.get(2, [b""])[0]).get(2, [b""])[0])
    found: dict[str, Any] = {}
    if type_meta["kind"] == "SelfSubjectAccessReview":
        if 1 in spec:
            found["resourceAttributes"] = _strings(spec[1][0], _RESOURCE)
        if 2 in spec:
            found["nonResourceAttributes"] = _strings(spec[2][0], _NON_RESOURCE)
    return {**type_meta, "metadata": {}, "spec": found}


def _strings(message: bytes, names: tuple[str, ...]) -> dict[str, str]:
    fields = _fields(message)
    return {name: fields[n][0].decode() for n, name in enumerate(names, 1) if n in fields}


def _fields(message: bytes) -> Fields:
    """Field number -> values: ints for varints, bytes for everything with a length."""
    found: Fields = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            found.setdefault(tag >> 3, []).append(value)
        elif tag & 7 == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("truncated message")
            found.setdefault(tag >> 3, []).append(message[at : at + length])
            at += length
        else:
            raise ValueError(f"unexpected wire type {tag & 7}")
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if not byte & 0x80:
            return value, at
    raise ValueError("truncated number")
