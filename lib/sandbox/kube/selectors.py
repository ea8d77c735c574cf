"""Label and field selectors, as strings in a query and as LabelSelector objects in a spec. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lib.sandbox.kube import errors

Labels = Mapping[str, str]
_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)$")
_COMPARISON = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!,()]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=,()]+)$")


def label_selector(text: str) -> Callable[[Labels], bool]:
    """The test behind `labelSelector=`; 400 when it can't be read."""
    tests = [_requirement(part.strip()) for part in _split(text) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _split(text: str) -> list[str]:
    return re.split(r",(?![^(]*\))", text)


def _requirement(text: str) -> Callable[[Labels], bool]:
    if found := _SET.match(text):
        key, values = found["key"], {v.strip() for v in found["values"].split(",")}
        if found["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _COMPARISON.match(text):
        key, value, wanted = found["key"], found["value"], found["op"] != "!="
        return lambda labels: (labels.get(key) == value) is wanted
    if found := _EXISTS.match(text):
        key, absent = found["key"], bool(found["not"])
        return lambda labels: (key not in labels) is absent
    raise errors.bad_request(f"unable to parse requirement: {text!r} is not a label requirement")


def field_selector(text: str) -> Callable[[dict[str, Any]], bool]:
    """The test behind `fieldSelector=`: dotted paths, = and !=, joined by commas."""
    tests: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if not found:
            raise errors.bad_request(f"invalid selector: {part!r}; can't understand {part!r}")
        tests.append((found[1], found[2] != "!=", found[3]))
    return lambda body: all((_field(body, path) == value) is wanted for path, wanted, value in tests)


def _field(body: dict[str, Any], path: str) -> str:
    value: Any = body
    for part in {"source": "source.component"}.get(path, path).split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def matches(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """A LabelSelector object (matchLabels, matchExpressions); an empty one selects nothing here, as an owner's
    selector is required to say something."""
    if not selector:
        return False
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(e, labels) for e in selector.get("matchExpressions") or ())


def _expression(expression: Mapping[str, Any], labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(expression["operator"], False)
