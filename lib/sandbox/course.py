"""The course of what holds a GPU machine for a zone of Compute: made, there, on its way out, gone.

One table row (`Kind`) says what instances and reservations call these states; documents are theirs. What is asked for is
decided at the end of the creating operation, by stock and quota, which drops it when it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lib.sandbox import machines, stages, zone_operations
from lib.sandbox.compute import not_found
from lib.sandbox.machines import Wish
from lib.sandbox.store import Document
from lib.sandbox.verbs import public
from lib.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    collection: str
    plural: str  # in paths
    creation: str  # its rows of `stages`
    deletion: str
    making: str
    there: str
    leaving: str
    granted: Callable[[Document, Wish], Document] = lambda _found, _asked: {}  # what changes with it

    def path(self, zone: str) -> str:
        return f"zones/{zone}/{self.plural}"


def checked_name(world: World, kind: Kind, zone: str, wanted: Document) -> str:
    return machines.checked_name(
        world, wanted, lambda name: world.store.get(kind.collection, f"{zone}/{name}"), kind.path(zone)
    )


def begin(world: World, kind: Kind, zone: str, found: Document, asked: Wish) -> Document:
    """Put it there as being made; the operation."""
    name, now = found["name"], world.clock.timestamp()
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "insert", found)
        kept = {
            **found,
            "_wish": {f: getattr(asked, f) for f in Wish.__slots__},
            "_operation": operation["name"],
            "_dueAt": now + stages.seconds(world, kind.creation, f"{zone}/{name}/{now}"),
        }
        world.store.put(kind.collection, f"{zone}/{name}", kept)
    return operation


def get(world: World, kind: Kind, zone: str, name: str) -> Document:
    return public(held(world, kind, zone, name))


def listed(world: World, kind: Kind, zone: str) -> list[Document]:
    return [public(found) for key, found in world.store.items(kind.collection) if key.startswith(f"{zone}/")]


def held(world: World, kind: Kind, zone: str, name: str) -> Document:
    found = world.store.get(kind.collection, f"{zone}/{name}")
    if found is None:
        raise not_found(world, f"{kind.path(zone)}/{name}")
    return found


def remove(world: World, kind: Kind, zone: str, found: Document) -> Document:
    """Start its way out; the operation."""
    name, now = found["name"], world.clock.timestamp()
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "delete", found)
        due = now + stages.seconds(world, kind.deletion, f"{zone}/{name}/{now}")
        leaving = {"status": kind.leaving, "_operation": operation["name"], "_dueAt": due}
        world.store.put(kind.collection, f"{zone}/{name}", {**found, **leaving})
    return operation


def tick(world: World, kind: Kind) -> None:
    now = world.clock.timestamp()
    for key, found in world.store.items(kind.collection):
        zone = key.partition("/")[0]
        if found["status"] == kind.making and now >= found["_dueAt"]:
            created(world, kind, zone, found)
        elif found["status"] == kind.leaving and now >= found["_dueAt"]:
            with world.store.transaction():
                world.store.delete(kind.collection, key)
                zone_operations.end(world, f"{zone}/{found['_operation']}")
        elif found["status"] == kind.there and now >= found.get("_endsAt", now + 1):
            remove(world, kind, zone, found)


def created(world: World, kind: Kind, zone: str, found: Document) -> None:
    """End its creation: it is there, or was refused and is gone."""
    key, asked = f"{zone}/{found['name']}", Wish(**found["_wish"])
    refused = machines.refusal(world, asked)
    with world.store.transaction():
        if refused:
            world.store.delete(kind.collection, key)
        else:
            there = {"status": kind.there, "_gpu": asked.document(), **kind.granted(found, asked)}
            world.store.put(kind.collection, key, {**found, **there})
        zone_operations.end(world, f"{zone}/{found['_operation']}", refused)
