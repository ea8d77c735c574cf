"""Reads the protobuf that Go clients write, kubectl's `create` among them. Answers are JSON, which they all take.

`data/wire.json` has the field numbers (`tools/wire_table.py` makes it from kubectl itself). The wire can't tell an
absent number, text or flag from an empty one, because Go writes both; they count as absent but where empty means
something (`replicas: 0`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_FILE = Path(__file__).parent / "data" / "wire.json"
_PACKAGES = {"": "core", "rbac.authorization.k8s.io": "rbac"}  # others: the group's first word
_OPTIONS = ("DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions")
_INLINE = {
    "volumeSource", "handler", "localObjectReference", "persistentVolumeSource", "ephemeralContainerCommon",
    "ingressRuleValue",
}  # fmt: skip
_EMPTY_COUNTS = {
    "replicas", "parallelism", "completions", "backoffLimit", "gracePeriodSeconds", "suspend", "value",
    "terminationGracePeriodSeconds", "automountServiceAccountToken", "enableServiceLinks", "runAsUser", "runAsGroup",
    "allowPrivilegeEscalation", "runAsNonRoot", "readOnlyRootFilesystem", "fsGroup", "controller", "optional",
    "blockOwnerDeletion", "revisionHistoryLimit", "progressDeadlineSeconds", "leaseTransitions",
}  # fmt: skip

Fields = dict[int, list[Any]]
Table = Mapping[str, Mapping[str, list[str]]]


def read(body: bytes) -> dict[str, Any]:
    """The object in a `k8s\\0` envelope. ValueError when it can't be read."""
    if not body.startswith(_MAGIC):
        raise ValueError("not a Kubernetes protobuf envelope")
    envelope = _fields(body[len(_MAGIC) :])
    type_meta = _fields(_only(envelope, 1))
    api_version, kind = _only(type_meta, 1).decode(), _only(type_meta, 2).decode()
    group, _, version = api_version.rpartition("/")
    package = "meta" if kind in _OPTIONS else _PACKAGES.get(group, group.partition(".")[0])
    name = f"{package}.{'v1' if package == 'meta' else version}.{kind}"
    if name not in _table():
        raise ValueError(f"{kind} in {api_version} can only be sent as JSON or YAML")
    return {"apiVersion": api_version, "kind": kind, **_message(name, _only(envelope, 2))}


@cache
def _table() -> Table:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _only(fields: Fields, number: int) -> bytes:
    found = fields.get(number, [b""])[0]
    if not isinstance(found, bytes):
        raise ValueError("a number where a message should be")  # noqa: TRY004 - what was sent is wrong, not our type
    return found


def _message(name: str, raw: bytes) -> Any:
    if special := _SPECIAL.get(name):
        return special(_fields(raw))
    found: dict[str, Any] = {}
    for number, values in _fields(raw).items():
        if (field := _table()[name].get(str(number))) is None:
            continue  # newer than the table
        _set(found, field, values)
    return found


def _set(found: dict[str, Any], field: list[str], values: list[Any]) -> None:
    name, kind, many = field
    if many == "map":
        entries = [_fields(v) for v in values]
        found[name] = {_only(e, 1).decode(): _value(kind, e.get(2, [b""])[0]) for e in entries}
    elif many == "list":
        found[name] = [_value(kind, v) for v in values]
    elif name in _INLINE:
        found.update(_value(kind, values[-1]))
    elif (value := _value(kind, values[-1])) not in ("", 0, None) or name in _EMPTY_COUNTS:
        found[name] = value


def _value(kind: str, raw: Any) -> Any:
    if isinstance(raw, int):
        return bool(raw) if kind == "bool" else _signed(raw)
    if kind == "string":
        return raw.decode()
    return base64.b64encode(raw).decode() if kind == "bytes" else _message(kind, raw)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _time(fields: Fields) -> str | None:
    if not (seconds := fields.get(1, [0])[0]):
        return None
    at = datetime.fromtimestamp(_signed(seconds), UTC)
    nanos = fields.get(2, [0])[0]
    fraction = f".{nanos // 1000:06d}" if nanos else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _int_or_string(fields: Fields) -> int | str:
    return _only(fields, 3).decode() if fields.get(1, [0])[0] else _signed(fields.get(2, [0])[0])


def _json(number: int) -> Callable[[Fields], Any]:
    return lambda fields: json.loads(_only(fields, number) or b"null")


_SPECIAL: dict[str, Callable[[Fields], Any]] = {
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _time,
    "meta.v1.FieldsV1": _json(1),
    "runtime.RawExtension": _json(1),
    "resource.Quantity": lambda fields: _only(fields, 1).decode(),
    "intstr.IntOrString": _int_or_string,
    "authentication.v1.ExtraValue": lambda fields: [v.decode() for v in fields.get(1, ())],
    "authorization.v1.ExtraValue": lambda fields: [v.decode() for v in fields.get(1, ())],
}


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
