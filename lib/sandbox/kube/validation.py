"""Checks a document against an openAPIV3Schema and fills in its defaults, naming the path of every fault.

Unlike a real API server it refuses unknown fields instead of pruning them: whoever mistypes a field should hear so.
Not done: CEL rules (x-kubernetes-validations), formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
Cause = dict[str, str]
Resolve = Callable[[str], Schema]  # "#/definitions/X" -> schema, for the built-in kinds

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _nowhere(reference: str) -> Schema:
    raise KeyError(reference)


def problems(schema: Schema, body: Any, path: str = "", resolve: Resolve = _nowhere) -> list[Cause]:
    """All faults of `body`, as causes of an Invalid status; empty when it is fine."""
    return list(_check(schema, body, path, resolve))


def fill_defaults(schema: Schema, body: Any) -> None:
    """Set `default`s of absent fields, in place."""
    if isinstance(body, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if name not in body and "default" in inner:
                body[name] = json.loads(json.dumps(inner["default"]))
            if name in body:
                fill_defaults(inner, body[name])
        if isinstance(extra := schema.get("additionalProperties"), dict):
            for value in body.values():
                fill_defaults(extra, value)
    elif isinstance(body, list) and isinstance(schema.get("items"), dict):
        for item in body:
            fill_defaults(schema["items"], item)


def _check(schema: Schema, value: Any, path: str, resolve: Resolve) -> Iterator[Cause]:
    if "$ref" in schema:
        schema = resolve(schema["$ref"])
    if value is None:
        if not schema.get("nullable") and schema.get("type") and path:
            yield _invalid(path, '"null"', f'{path} in body must be of type {schema["type"]}: "null"')
        return
    if schema.get("x-kubernetes-int-or-string"):
        yield from _check_int_or_string(value, path)
        return
    if wrong := _wrong_type(schema.get("type"), value):
        yield _invalid(path, f'"{wrong}"', f'{path} in body must be of type {schema["type"]}: "{wrong}"')
        return
    yield from _check_enum(schema, value, path)
    check = {dict: _check_object, list: _check_list}.get(type(value))
    if check:
        yield from check(schema, value, path, resolve)
    elif isinstance(value, str):
        yield from _check_string(schema, value, path)
    elif not isinstance(value, bool):
        yield from _check_number(schema, value, path)
    yield from _check_combinations(schema, value, path, resolve)


def _check_int_or_string(value: Any, path: str) -> Iterator[Cause]:
    if not isinstance(value, int | str | float) or isinstance(value, bool):
        yield _invalid(path, _show(value), f"{path} in body must be of type integer or string")


def _check_enum(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(_show(v) for v in schema["enum"])
        message = f"Unsupported value: {_show(value)}: supported values: {listed}"
        yield {"reason": "FieldValueNotSupported", "message": message, "field": path}


def _wrong_type(wanted: str | None, value: Any) -> str:
    """The name of the type found, when it is not the one wanted."""
    if wanted is None or (
        isinstance(value, _TYPES[wanted]) and (wanted == "boolean") == isinstance(value, bool)
    ):
        return ""
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return ""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names[type(value)]


def _check_object(schema: Schema, value: dict[str, Any], path: str, resolve: Resolve) -> Iterator[Cause]:
    known, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    loose = schema.get("x-kubernetes-preserve-unknown-fields") or extra is True
    loose = loose or ("properties" not in schema and extra is None)
    for name in schema.get("required") or ():
        if name not in value:
            yield {"reason": "FieldValueRequired", "message": "Required value", "field": _join(path, name)}
    for name, inner in value.items():
        if name in known:
            yield from _check(known[name], inner, _join(path, name), resolve)
        elif isinstance(extra, dict):
            yield from _check(extra, inner, f"{path}[{name}]" if "." in name else _join(path, name), resolve)
        elif not loose and not _root_field(path, name):
            field = _join(path, name)
            yield {
                "reason": "FieldValueForbidden",
                "message": f'Forbidden: unknown field "{field}"',
                "field": field,
            }


def _root_field(path: str, name: str) -> bool:
    return not path and (name in {"apiVersion", "kind", "metadata"} or name.startswith("_"))


def _check_list(schema: Schema, value: list[Any], path: str, resolve: Resolve) -> Iterator[Cause]:
    if len(value) < schema.get("minItems", 0):
        yield _invalid(
            path, str(len(value)), f"{path} in body should have at least {schema['minItems']} items"
        )
    if len(value) > schema.get("maxItems", len(value)):
        yield _invalid(
            path, str(len(value)), f"{path} in body should have at most {schema['maxItems']} items"
        )
    keys = schema.get("x-kubernetes-list-map-keys")
    seen: list[Any] = []
    for n, item in enumerate(value):
        identity = {k: item.get(k) for k in keys} if keys and isinstance(item, dict) else item
        unique = keys or schema.get("x-kubernetes-list-type") == "set"
        if unique and identity in seen:
            message = f"Duplicate value: {json.dumps(identity)}"
            yield {"reason": "FieldValueDuplicate", "message": message, "field": f"{path}[{n}]"}
        seen.append(identity)
        yield from _check(schema.get("items") or {}, item, f"{path}[{n}]", resolve)


def _check_string(schema: Schema, value: str, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minLength", 0):
        yield _invalid(
            path, _show(value), f"{path} in body should be at least {schema['minLength']} chars long"
        )
    if len(value) > schema.get("maxLength", len(value)):
        yield _invalid(
            path, _show(value), f"{path} in body should be at most {schema['maxLength']} chars long"
        )
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield _invalid(path, _show(value), f"{path} in body should match '{schema['pattern']}'")


def _check_number(schema: Schema, value: float, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (schema.get("exclusiveMinimum") and value == low)):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield _invalid(path, _show(value), f"{path} in body should be {word} {low}")
    if high is not None and (value > high or (schema.get("exclusiveMaximum") and value == high)):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield _invalid(path, _show(value), f"{path} in body should be {word} {high}")


def _check_combinations(schema: Schema, value: Any, path: str, resolve: Resolve) -> Iterator[Cause]:
    """allOf, anyOf, oneOf, not. Inside them only what they say counts, so unknown fields are left alone."""
    for inner in schema.get("allOf") or ():
        yield from _check({"additionalProperties": True, **inner}, value, path, resolve)

    def fits(inner: Schema) -> bool:
        return not problems({"additionalProperties": True, **inner}, value, path, resolve)

    if (some := schema.get("anyOf")) and not any(map(fits, some)):
        yield _invalid(path, _show(value), f'"{path}" must validate at least one schema (anyOf)')
    if (one := schema.get("oneOf")) and sum(map(fits, one)) != 1:
        yield _invalid(path, _show(value), f'"{path}" must validate one and only one schema (oneOf)')
    if "not" in schema and fits(schema["not"]):
        yield _invalid(path, _show(value), f'"{path}" must not validate the schema (not)')


def _invalid(path: str, shown: str, text: str) -> Cause:
    return {"reason": "FieldValueInvalid", "message": f"Invalid value: {shown}: {text}", "field": path}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _show(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
