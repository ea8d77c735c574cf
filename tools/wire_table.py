"""Write lib/sandbox/kube/data/wire.json: the protobuf field numbers of the Kubernetes kinds.

    .venv/bin/python tools/wire_table.py /path/to/kubectl

kubectl carries the descriptors of every API type, gzipped; field numbers never change, so this needs running again
only when the sandbox serves a kind that is not in the table.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

OUT = Path(__file__).resolve().parents[1] / "lib" / "sandbox" / "kube" / "data" / "wire.json"
ROOTS = (
    "core/v1", "apps/v1", "batch/v1", "coordination/v1", "discovery/v1", "events/v1", "networking/v1", "policy/v1",
    "rbac/v1", "scheduling/v1", "storage/v1", "autoscaling/v1", "authentication/v1", "authorization/v1", "meta/v1",
)  # fmt: skip
_LARGEST = 1_000_000
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    _FIELD.TYPE_STRING: "string", _FIELD.TYPE_BYTES: "bytes", _FIELD.TYPE_BOOL: "bool",
    _FIELD.TYPE_INT32: "int", _FIELD.TYPE_INT64: "int", _FIELD.TYPE_DOUBLE: "double",
}  # fmt: skip


def files(program: bytes) -> Iterator[descriptor_pb2.FileDescriptorProto]:
    for found in re.finditer(rb"\x1f\x8b\x08", program):
        try:
            raw = zlib.decompressobj(31).decompress(program[found.start() : found.start() + _LARGEST])
            parsed = descriptor_pb2.FileDescriptorProto.FromString(raw)
        except (zlib.error, DecodeError):
            continue  # three bytes that only look like the start of one
        if parsed.name.startswith("k8s.io/"):
            yield parsed


def short(full: str) -> str:
    """`.k8s.io.api.apps.v1.Deployment` -> `apps.v1.Deployment`."""
    prefixes = r"^\.?k8s\.io\.(api|apimachinery\.pkg\.(apis|api|util)|apimachinery\.pkg)\."
    return re.sub(prefixes, "", full)


def message(found: descriptor_pb2.DescriptorProto, full: str) -> dict[str, list[str]]:
    """Field number -> name, type, "" | "list" | "map"."""
    entries = {f"{full}.{n.name}": n for n in found.nested_type if n.options.map_entry}
    fields: dict[str, list[str]] = {}
    for field in found.field:
        entry = entries.get(field.type_name.lstrip("."))
        value = entry.field[1] if entry else field
        kind = _SCALARS.get(value.type) or short(value.type_name)
        repeated = field.label == _FIELD.LABEL_REPEATED
        fields[str(field.number)] = [field.name, kind, "map" if entry else "list" if repeated else ""]
    return fields


def table(program: bytes) -> dict[str, dict[str, list[str]]]:
    everything = {
        short(f"{f.package}.{m.name}"): message(m, f"{f.package}.{m.name}")
        for f in files(program)
        for m in f.message_type
    }
    roots = tuple(root.replace("/", ".") for root in ROOTS)
    waiting = [n for n in everything if n.startswith(roots) and not n.endswith(("List", "Entry"))]
    kept: dict[str, dict[str, list[str]]] = {}
    while waiting:
        name = waiting.pop()
        if name in everything and name not in kept:
            kept[name] = everything[name]
            waiting += [kind for _, kind, _ in everything[name].values() if "." in kind]
    return dict(sorted(kept.items()))


if __name__ == "__main__":
    OUT.write_text(
        json.dumps(table(Path(sys.argv[1]).read_bytes()), separators=(",", ":")) + "\n", encoding="utf-8"
    )
