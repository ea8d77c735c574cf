"""Writes an OpenAPI v2 document as protobuf, the only form that kubectl up to 1.27 reads.

The field numbers are those of gnostic's OpenAPIv2.proto. Written is what kubectl looks at: the patch operations with
their parameters, and of the schemas types, references, texts and kinds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
RETURNED = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # "@" is not for a Content-Type
Document = Mapping[str, Any]


def encode(swagger: Document) -> bytes:
    """A whole document."""
    info = _text(1, swagger["info"]["title"]) + _text(2, swagger["info"]["version"])
    paths = b"".join(_message(2, _named(at, _path_item(item))) for at, item in swagger["paths"].items())
    schemas = b"".join(_message(1, _named(n, _schema(s))) for n, s in swagger["definitions"].items())
    return _text(1, swagger["swagger"]) + _message(2, info) + _message(8, paths) + _message(9, schemas)


def _path_item(item: Document) -> bytes:
    return _message(8, _operation(item["patch"]))


def _operation(operation: Document) -> bytes:
    parameters = b"".join(_message(8, _parameter(p)) for p in operation["parameters"])
    answers = b"".join(
        _message(1, _named(code, _message(1, _text(1, answer["description"]))))
        for code, answer in operation["responses"].items()
    )
    return parameters + _message(9, answers) + _extensions(13, operation)


def _parameter(parameter: Document) -> bytes:
    """ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema."""
    query = _text(2, parameter["in"]) + _text(4, parameter["name"]) + _text(6, parameter["type"])
    return _message(1, _message(2, _message(3, query)))


def _schema(schema: Document) -> bytes:
    found = _text(1, schema.get("$ref", "")) + _text(2, schema.get("format", ""))
    found += _text(4, schema.get("description", ""))
    found += b"".join(_text(19, name) for name in schema.get("required") or ())
    if isinstance(values := schema.get("additionalProperties"), dict):
        found += _message(21, _message(1, _schema(values)))
    if kind := schema.get("type"):
        found += _message(22, _text(1, kind))
    if isinstance(items := schema.get("items"), dict):
        found += _message(23, _message(1, _schema(items)))
    if properties := schema.get("properties"):
        found += _message(25, b"".join(_message(1, _named(n, _schema(s))) for n, s in properties.items()))
    return found + _extensions(31, schema)


def _extensions(number: int, of: Document) -> bytes:
    """NamedAny > Any.yaml; JSON is YAML."""
    extensions = {k: v for k, v in of.items() if k.startswith("x-kubernetes-")}
    return b"".join(
        _message(number, _named(name, _text(2, json.dumps(value)))) for name, value in extensions.items()
    )


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _message(2, value)


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
