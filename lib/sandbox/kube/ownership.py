"""Who manages which field: server-side apply with managedFields (FieldsV1), conflicts and force.

Paths are tuples of FieldsV1 elements ("f:spec", 'k:{"name":"sd"}'), one per leaf. Lists without a key are one leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lib.sandbox.kube import errors
from lib.sandbox.kube.patch import ListKey, apply_merge
from lib.sandbox.kube.resources import Resource

Document = dict[str, Any]
Path = tuple[str, ...]
_IDENTITY = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields",
             "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}  # fmt: skip


def owned(body: Document, keys: ListKey) -> dict[Path, Any]:
    """Every leaf of a document that can have a manager, with its value."""
    bare = {
        k: v for k, v in body.items() if k not in {"apiVersion", "kind", "metadata"} and not k.startswith("_")
    }
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in _IDENTITY}
    return dict(_leaves({**bare, "metadata": metadata}, (), "", keys))


def _leaves(value: Any, path: Path, name: str, keys: ListKey) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and (value or not path):
        for field, inner in value.items():
            if not (path == () and field == "metadata" and not inner):
                yield from _leaves(inner, (*path, f"f:{field}"), field, keys)
    elif isinstance(value, list) and value and (key := keys(name, value)):
        for item in value:
            element = f"k:{json.dumps({key: item.get(key)}, separators=(',', ':'))}"
            yield (*path, element, "."), None
            yield from _leaves(item, (*path, element), "", keys)
    else:
        yield path, value


def apply(  # noqa: PLR0913 - the options of an apply
    resource: Resource,
    live: Document,
    config: Document,
    keys: ListKey,
    *,
    manager: str,
    force: bool,
    now: str,
) -> Document:
    """`live` with `config` applied by `manager`; 409 when another manager holds a field with another value."""
    wanted, present = owned(config, keys), owned(live, keys)
    entries = [dict(e) for e in live["metadata"].get("managedFields") or ()]
    mine = next((e for e in entries if e["manager"] == manager and e["operation"] == "Apply"), None)
    others = [e for e in entries if e is not mine]
    disputed = {p for p, v in wanted.items() if p in present and present[p] != v and p[-1] != "."}
    if not force:
        _refuse_disputes(resource, live, others, disputed, manager)
    merged = apply_merge(live, config, keys)
    held = set().union(*(_paths(e["fieldsV1"]) for e in others)) if others else set()
    dropped = (set(_paths(mine["fieldsV1"])) if mine else set()) - set(wanted) - held
    for path in sorted(dropped, key=len, reverse=True):
        _remove(merged, path)
    kept = [_without(e, disputed) for e in others]
    entry = _entry(resource, manager, "Apply", set(wanted), now)
    if mine and _paths(mine["fieldsV1"]) == set(wanted):
        entry = mine
    merged["metadata"] = {**merged["metadata"], "managedFields": [e for e in [*kept, entry] if e["fieldsV1"]]}
    return merged


def record_update(  # noqa: PLR0913 - an update by somebody at some time
    resource: Resource, old: Document | None, new: Document, keys: ListKey, *, manager: str, now: str
) -> None:
    """After a create, put or patch by `manager`: the fields it changed are its own now."""
    before, after = owned(old, keys) if old else {}, owned(new, keys)
    changed = {p for p, v in after.items() if p not in before or before[p] != v}
    changed = {p for p in changed if p[0] != "f:status"}
    gone = set(before) - set(after)
    if not changed and not gone:
        return
    entries = [
        _without(e, changed | gone) for e in (old or {}).get("metadata", {}).get("managedFields") or ()
    ]
    mine = next((e for e in entries if e["manager"] == manager and e["operation"] == "Update"), None)
    paths = changed | (_paths(mine["fieldsV1"]) if mine else set())
    rest = [e for e in entries if e is not mine and e["fieldsV1"]]
    new["metadata"]["managedFields"] = (
        [*rest, _entry(resource, manager, "Update", paths, now)] if paths else rest
    )


def _refuse_disputes(
    resource: Resource, live: Document, others: list[Document], disputed: set[Path], manager: str
) -> None:
    causes = []
    for entry in others:
        for path in sorted(_paths(entry["fieldsV1"]) & disputed):
            if entry["manager"] == manager:
                continue
            said = f'conflict with "{entry["manager"]}"'
            if entry["operation"] == "Update":
                said += f" using {entry['apiVersion']}"
            causes.append({"reason": "FieldManagerConflict", "message": said, "field": _dotted(path)})
    if causes:
        lines = "; ".join(f"{c['message']}: {c['field']}" for c in causes)
        noun = "conflict" if len(causes) == 1 else "conflicts"
        raise errors.StatusError(
            409, "Conflict", f"Apply failed with {len(causes)} {noun}: {lines}",
            details={"name": live["metadata"]["name"], "group": resource.group, "kind": resource.plural, "causes": causes},
        )  # fmt: skip


def _dotted(path: Path) -> str:
    text = ""
    for element in path:
        kind, _, name = element.partition(":")
        text += f".{name}" if kind == "f" else f"[{name[1:-1].replace(':', '=').replace(chr(34), '', 2)}]"
    return text


def _entry(resource: Resource, manager: str, operation: str, paths: set[Path], now: str) -> Document:
    return {
        "manager": manager, "operation": operation, "apiVersion": resource.api_version, "time": now,
        "fieldsType": "FieldsV1", "fieldsV1": _tree(paths),
    }  # fmt: skip


def _tree(paths: set[Path]) -> Document:
    tree: Document = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    return tree


def _paths(tree: Document) -> set[Path]:
    found: set[Path] = set()

    def walk(node: Document, path: Path) -> None:
        if not node and path:
            found.add(path)
        for element, inner in node.items():
            walk(inner, (*path, element))

    walk(tree, ())
    return found


def _without(entry: Document, paths: set[Path]) -> Document:
    kept = _paths(entry["fieldsV1"])
    return {**entry, "fieldsV1": _tree(kept - paths)} if kept & paths else entry


def _remove(body: Any, path: Path) -> None:
    """Drop one leaf, and parents that it leaves empty; "." drops the whole keyed item."""
    if path[-1] == ".":
        path = path[:-1]
    head, rest = path[0], path[1:]
    if head.startswith("k:") and isinstance(body, list):
        (key, value), *_ = json.loads(head[2:]).items()
        for item in [i for i in body if i.get(key) == value]:
            if rest:
                _remove(item, rest)
            else:
                body.remove(item)
    elif isinstance(body, dict) and (name := head[2:]) in body:
        if rest:
            _remove(body[name], rest)
        if not rest or body[name] in ({}, []):
            del body[name]
