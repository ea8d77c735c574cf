"""Global addresses of the Compute API, and the operations that reserve and release them.

Loopback addresses stand for global ones; which port of it the load balancer listens on is in its forwarding rule.
"""

from __future__ import annotations

from lib.sandbox.compute import BASE, invalid, not_found, url
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, public, rfc3339
from lib.sandbox.world import ADDRESSES, FORWARDING_RULES, World

OPERATIONS = "compute.operations"
RESERVE_S, DELETE_S, KEEP_OPERATIONS_S = 4.0, 4.0, 24 * 3600.0


def insert_address(world: World, wanted: Document) -> Document:
    name = wanted.get("name", "")
    if not name:
        raise invalid("Invalid value for field 'resource.name': ''. Must be given.")
    if world.store.get(ADDRESSES, name):
        path = f"projects/{world.project}/global/addresses/{name}"
        raise ApiError("ALREADY_EXISTS", f"The resource '{path}' already exists", reason="alreadyExists")
    now = world.clock.timestamp()
    address: Document = {
        "kind": "compute#address",
        "id": numeric_id(f"{name}/{now}"),
        "name": name,
        "description": wanted.get("description", ""),
        "address": _free_ip(world),
        "addressType": wanted.get("addressType") or "EXTERNAL",
        "ipVersion": wanted.get("ipVersion") or "IPV4",
        "networkTier": "PREMIUM",
        "status": "RESERVING",
        "creationTimestamp": rfc3339(now),
        "selfLink": url(world, f"global/addresses/{name}"),
        "_reservedAt": now + RESERVE_S,
    }
    with world.store.transaction():
        world.store.put(ADDRESSES, name, address)
        return _operation(world, "insert", address, RESERVE_S)


def address(world: World, name: str) -> Document:
    found = world.store.get(ADDRESSES, name)
    if found is None:
        raise not_found(world, f"global/addresses/{name}")
    users = [
        rule.get("selfLink", url(world, f"global/forwardingRules/{key}"))
        for key, rule in world.store.items(FORWARDING_RULES)
        if rule.get("IPAddress") == found["address"]
    ]
    return {**public(found), "status": "IN_USE", "users": users} if users else public(found)


def addresses(world: World) -> list[Document]:
    return [address(world, name) for name, _ in world.store.items(ADDRESSES)]


def delete_address(world: World, name: str) -> Document:
    found = address(world, name)
    if found["status"] == "IN_USE":
        user = found["users"][0].removeprefix(f"{BASE}/")
        path = f"projects/{world.project}/global/addresses/{name}"
        raise ApiError(
            "FAILED_PRECONDITION",
            f"The address resource '{path}' is already being used by '{user}'",
            reason="resourceInUseByAnotherResource",
        )
    kept = world.store.get(ADDRESSES, name) or {}
    with world.store.transaction():
        world.store.put(ADDRESSES, name, {**kept, "_deleteAt": world.clock.timestamp() + DELETE_S})
        return _operation(world, "delete", found, DELETE_S)


def _free_ip(world: World) -> str:
    """Loopback has room for as many "global" addresses as anyone needs; the first is where the VIP listens."""
    taken = {found["address"] for _, found in world.store.items(ADDRESSES)}
    return next(ip for n in range(1, 255) if (ip := f"127.0.0.{n}") not in taken)


def operation(world: World, name: str) -> Document:
    found = world.store.get(OPERATIONS, name)
    if found is None:
        raise not_found(world, f"global/operations/{name}")
    return public(found)


def _operation(world: World, kind: str, target: Document, seconds: float) -> Document:
    now = world.clock.timestamp()
    name = f"operation-{int(now * 1000)}-{world.rng.getrandbits(48):012x}-{world.rng.getrandbits(32):08x}"
    started = rfc3339(now)
    found: Document = {
        "kind": "compute#operation",
        "id": numeric_id(name),
        "name": name,
        "operationType": kind,
        "targetLink": target["selfLink"],
        "targetId": target["id"],
        "status": "RUNNING",
        "progress": 0,
        "user": f"operator@{world.project}.iam.gserviceaccount.com",
        "insertTime": started,
        "startTime": started,
        "selfLink": url(world, f"global/operations/{name}"),
        "_doneAt": now + seconds,
    }
    world.store.put(OPERATIONS, name, found)
    return public(found)


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for name, found in world.store.items(ADDRESSES):
        if now >= found.get("_deleteAt", float("inf")):
            world.store.delete(ADDRESSES, name)
        elif found["status"] == "RESERVING" and now >= found.get("_reservedAt", 0):
            world.store.put(ADDRESSES, name, {**found, "status": "RESERVED"})
    for name, found in world.store.items(OPERATIONS):
        if found["status"] != "DONE" and now >= found["_doneAt"]:
            done = {"status": "DONE", "progress": 100, "endTime": rfc3339(found["_doneAt"])}
            world.store.put(OPERATIONS, name, {**found, **done})
        elif found["status"] == "DONE" and now > found["_doneAt"] + KEEP_OPERATIONS_S:
            world.store.delete(OPERATIONS, name)
