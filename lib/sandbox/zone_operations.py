"""Zonal operations of the Compute API: what is under way in a zone, and how it ended. `reservations` and `instances`
begin and end them; a global address has its own (`addresses`)."""

from __future__ import annotations

from lib.sandbox.compute import not_found, url
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, public
from lib.sandbox.world import World

OPERATIONS = "compute.zone-operations"  # "<zone>/<name>"
KEEP_S = 24 * 3600.0


def begin(world: World, zone: str, kind: str, target: Document) -> Document:
    now = world.clock.timestamp()
    name = f"operation-{int(now * 1000)}-{world.rng.getrandbits(48):012x}-{world.rng.getrandbits(32):08x}"
    found: Document = {
        "kind": "compute#operation",
        "id": numeric_id(name),
        "name": name,
        "zone": url(world, f"zones/{zone}"),
        "operationType": kind,
        "targetLink": target["selfLink"],
        "targetId": target["id"],
        "status": "RUNNING",
        "progress": 0,
        "user": f"operator@{world.project}.iam.gserviceaccount.com",
        "insertTime": pacific(now),
        "startTime": pacific(now),
        "selfLink": url(world, f"zones/{zone}/operations/{name}"),
    }
    world.store.put(OPERATIONS, f"{zone}/{name}", found)
    return public(found)


def end(world: World, key: str, refusal: Document | None = None) -> None:
    """`key`: "<zone>/<name>"."""
    found = world.store.get(OPERATIONS, key)
    if found is not None:
        now = world.clock.timestamp()
        done = {"status": "DONE", "progress": 100, "endTime": pacific(now), "_doneAt": now}
        world.store.put(OPERATIONS, key, {**found, **done, **(refusal or {})})


def get(world: World, zone: str, name: str) -> Document:
    found = world.store.get(OPERATIONS, f"{zone}/{name}")
    if found is None:
        raise not_found(world, f"zones/{zone}/operations/{name}")
    return public(found)


def listed(world: World, zone: str) -> list[Document]:
    return [public(found) for key, found in world.store.items(OPERATIONS) if key.startswith(f"{zone}/")]


def tick(world: World) -> None:
    """Forget what ended long ago."""
    now = world.clock.timestamp()
    for key, found in world.store.items(OPERATIONS):
        if found["status"] == "DONE" and now > found["_doneAt"] + KEEP_S:
            world.store.delete(OPERATIONS, key)
