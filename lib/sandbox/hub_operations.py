"""Long-running operations of the Hub API (google.longrunning), which end by themselves when their time has come."""

from __future__ import annotations

from collections.abc import Callable

from lib.sandbox.errors import ApiError
from lib.sandbox.hub_names import key_of
from lib.sandbox.store import Document
from lib.sandbox.verbs import public, rfc3339
from lib.sandbox.world import HUB_OPERATIONS, World

KEEP_S = 24 * 3600.0
TYPES = "type.googleapis.com/google.cloud.gkehub.v1"
Shown = Callable[[World, str], "Document | None"]  # the resource at a path as the API answers it now


def get_operation(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "operations", "gkehub.operations.get")
    operation = world.store.get(HUB_OPERATIONS, key)
    if operation is None:
        raise ApiError("NOT_FOUND", f"Resource '{request['name']}' was not found", reason="notFound")
    return public(operation)


def start(world: World, location: str, verb: str, target: str, seconds: float) -> Document:
    """Begin an operation on the membership or feature at the path `target`."""
    now = world.clock.timestamp()
    name = f"hub-{int(now * 1000)}-{world.rng.getrandbits(48):012x}"
    operation: Document = {
        "name": f"projects/{world.project}/locations/{location}/operations/{name}",
        "metadata": {
            "@type": f"{TYPES}.OperationMetadata",
            "createTime": rfc3339(now),
            "target": target,
            "verb": verb,
            "apiVersion": "v1",
        },
        "done": False,
        "_doneAt": now + seconds,
    }
    world.store.put(HUB_OPERATIONS, f"{location}/{name}", operation)
    return public(operation)


def tick(world: World, shown: Shown) -> None:
    now = world.clock.timestamp()
    for key, operation in world.store.items(HUB_OPERATIONS):
        if not operation["done"] and now >= operation["_doneAt"]:
            world.store.put(HUB_OPERATIONS, key, _finished(world, operation, shown))
        elif operation["done"] and now > operation["_doneAt"] + KEEP_S:
            world.store.delete(HUB_OPERATIONS, key)


def _finished(world: World, operation: Document, shown: Shown) -> Document:
    metadata = {**operation["metadata"], "endTime": rfc3339(operation["_doneAt"])}
    done: Document = {**operation, "metadata": metadata, "done": True}
    target, verb = operation["metadata"]["target"], operation["metadata"]["verb"]
    kind = f"{TYPES}.{'Feature' if '/features/' in target else 'Membership'}"
    body = shown(world, target) if verb != "delete" else None
    if body is None:
        return {**done, "response": {"@type": "type.googleapis.com/google.protobuf.Empty"}}
    return {**done, "response": {"@type": kind, **body}}
