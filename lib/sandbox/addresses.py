"""Global addresses of the Compute API, and the operations that reserve and release them.

Loopback addresses stand for global ones; which port of it the load balancer listens on is in its forwarding rule.
"""

from __future__ import annotations

import re

from lib.sandbox import quota, stages
from lib.sandbox.compute import BASE, invalid, not_found, url
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, public
from lib.sandbox.world import ADDRESSES, FORWARDING_RULES, World

OPERATIONS = "compute.operations"
NO_LABELS = "42WmSpB8rSM="  # labelFingerprint of a resource without labels
KEEP_OPERATIONS_S = 24 * 3600.0


_NAME = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"


def insert_address(world: World, wanted: Document) -> Document:
    name = _checked_name(wanted)
    if world.store.get(ADDRESSES, name):
        path = f"projects/{world.project}/global/addresses/{name}"
        raise ApiError("ALREADY_EXISTS", f"The resource '{path}' already exists", reason="alreadyExists")
    _check_kind(wanted)
    _check_quota(world)
    now = world.clock.timestamp()
    seconds = stages.seconds(world, "address-reserve", name)
    address: Document = {
        "kind": "compute#address",
        "id": numeric_id(f"{name}/{now}"),
        "name": name,
        "description": str(wanted.get("description") or ""),
        "address": _ip(world, wanted),
        "addressType": "EXTERNAL",
        "ipVersion": "IPV4",
        "networkTier": "PREMIUM",
        "status": "RESERVING",
        "labelFingerprint": NO_LABELS,
        "creationTimestamp": pacific(now),
        "selfLink": url(world, f"global/addresses/{name}"),
        "_reservedAt": now + seconds,
    }
    with world.store.transaction():
        world.store.put(ADDRESSES, name, address)
        return _operation(world, "insert", address, seconds)


def _checked_name(wanted: Document) -> str:
    name = wanted.get("name") or ""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise _invalid("name", name, f"Must be a match of regex '{_NAME}'")
    return name


def _check_kind(wanted: Document) -> None:
    for field, only in (("addressType", "EXTERNAL"), ("ipVersion", "IPV4"), ("networkTier", "PREMIUM")):
        value = wanted.get(field) or only
        if value != only:
            raise _invalid(field, value, f"Only {only} global addresses can be reserved here.")


def _check_quota(world: World) -> None:
    limit = quota.GLOBAL_LIMITS["STATIC_ADDRESSES"]
    if len(list(world.store.items(ADDRESSES))) >= limit:
        message = f"Quota 'STATIC_ADDRESSES' exceeded.  Limit: {limit} globally."
        raise ApiError("PERMISSION_DENIED", message, reason="quotaExceeded")


def _invalid(field: str, value: object, rule: str) -> ApiError:
    return invalid(f"Invalid value for field 'resource.{field}': '{value}'. {rule}")


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
    if "_deleteAt" in kept or found["status"] == "RESERVING":
        message = f"The resource 'projects/{world.project}/global/addresses/{name}' is not ready"
        raise ApiError("FAILED_PRECONDITION", message, reason="resourceNotReady")
    seconds = stages.seconds(world, "address-delete", name)
    with world.store.transaction():
        world.store.put(ADDRESSES, name, {**kept, "_deleteAt": world.clock.timestamp() + seconds})
        return _operation(world, "delete", found, seconds)


def _ip(world: World, wanted: Document) -> str:
    """The loopback address that is asked for, or a free one. The first is where the VIP listens."""
    taken = {found["address"] for _, found in world.store.items(ADDRESSES)}
    free = [ip for n in range(1, 255) if (ip := f"127.0.0.{n}") not in taken]
    asked = wanted.get("address")
    if asked and asked not in free:
        raise _invalid("address", asked, "Specified IP address is in use or not the project's.")
    return str(asked or free[0])


def operation(world: World, name: str) -> Document:
    found = world.store.get(OPERATIONS, name)
    if found is None:
        raise not_found(world, f"global/operations/{name}")
    return public(found)


def operations(world: World) -> list[Document]:
    return [public(found) for _, found in world.store.items(OPERATIONS)]


def _operation(world: World, kind: str, target: Document, seconds: float) -> Document:
    now = world.clock.timestamp()
    name = f"operation-{int(now * 1000)}-{world.rng.getrandbits(48):012x}-{world.rng.getrandbits(32):08x}"
    started = pacific(now)
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
            done = {"status": "DONE", "progress": 100, "endTime": pacific(found["_doneAt"])}
            world.store.put(OPERATIONS, name, {**found, **done})
        elif found["status"] == "DONE" and now > found["_doneAt"] + KEEP_OPERATIONS_S:
            world.store.delete(OPERATIONS, name)
