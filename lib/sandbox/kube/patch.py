"""The four ways to patch an object: JSON patch, merge patch, strategic merge patch and server-side apply's merge.

Pure functions on documents; who owns which field is in `ownership`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonpatch

from lib.sandbox.kube import errors

Document = dict[str, Any]
ListKey = Callable[[str, list[Any]], str | None]  # (field name, items) -> the key its items are merged by

_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name",
    "volumes": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name",
    "conditions": "type", "ownerReferences": "uid", "hostAliases": "ip", "addresses": "type",
    "topologySpreadConstraints": "topologyKey", "secrets": "name",
}  # fmt: skip


def list_key(name: str, items: list[Any]) -> str | None:
    """How built-in kinds merge the list called `name`; None when the list is replaced whole."""
    if not all(isinstance(i, dict) for i in items):
        return None
    if name == "ports":
        return "containerPort" if any("containerPort" in i for i in items) else "port"
    return _KEYS.get(name)


def json_patch(body: Document, operations: Any) -> Document:
    if not isinstance(operations, list):
        raise errors.bad_request("json patch must be a list of operations")
    try:
        return jsonpatch.JsonPatch(operations).apply(body)
    except jsonpatch.JsonPatchTestFailed as e:
        text = "the server rejected our request due to an error in our request: a test of the patch failed"
        raise errors.StatusError(422, "Invalid", text) from e
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as e:
        raise errors.StatusError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {e}"
        ) from e


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def strategic_merge_patch(target: Any, patch: Any) -> Any:
    """Merge patch, but lists with a known key merge item by item, and $patch, $retainKeys and
    $deleteFromPrimitiveList are obeyed."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {k: v for k, v in patch.items() if k != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {k: v for k, v in result.items() if k in patch["$retainKeys"]}
    for name, value in patch.items():
        _strategic_field(result, name, value)
    return result


def _strategic_field(result: Document, name: str, value: Any) -> None:
    if name.startswith("$deleteFromPrimitiveList/"):
        field = name.partition("/")[2]
        result[field] = [i for i in result.get(field, []) if i not in value]
    elif name.startswith("$"):
        return
    elif value is None:
        result.pop(name, None)
    elif isinstance(value, list):
        result[name] = _strategic_list(name, result.get(name) or [], value)
    else:
        result[name] = strategic_merge_patch(result.get(name), value)


def _strategic_list(name: str, target: list[Any], patch: list[Any]) -> list[Any]:
    real = [i for i in patch if not (isinstance(i, dict) and set(i) == {"$patch"})]
    if len(real) != len(patch):
        return real  # {"$patch": "replace"} among the items
    if name == "finalizers":
        return [*target, *(i for i in patch if i not in target)]
    key = list_key(name, [*target, *patch])
    if key is None:
        return patch
    result = list(target)
    for item in patch:
        at = next((n for n, kept in enumerate(result) if kept.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(strategic_merge_patch({}, item))
        else:
            result[at] = strategic_merge_patch(result[at], item)
    return result


def apply_merge(live: Any, config: Any, keys: ListKey = list_key, name: str = "") -> Any:
    """Server-side apply's merge: what `config` says wins, what it does not mention stays."""
    if isinstance(config, dict) and isinstance(live, dict):
        merged = {k: apply_merge(live[k], v, keys, k) if k in live else v for k, v in config.items()}
        return {**live, **merged}
    if isinstance(config, list) and isinstance(live, list) and (key := keys(name, config)):
        rest = {json.dumps(i.get(key)): i for i in live if isinstance(i, dict)}
        merged_list = [apply_merge(rest.pop(json.dumps(i.get(key)), {}), i, keys) for i in config]
        return [*merged_list, *rest.values()]
    return config
