"""Reservations of the Compute API: machines with a GPU that are kept for the project, and paid for, from the moment
they are READY. On-demand capacity only, as in the real one; nothing here consumes one.

Creating one is an operation that stock and quota may refuse at its end. One may delete itself (deleteAtTime,
deleteAfterDuration).
"""

from __future__ import annotations

from datetime import datetime

from lib.sandbox import machines, stages, zone_operations
from lib.sandbox.compute import invalid, not_found, url
from lib.sandbox.errors import ApiError
from lib.sandbox.machines import Wish
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, public, rfc3339
from lib.sandbox.world import RESERVATIONS, World

MOST = 1000  # machines of one reservation


def insert(world: World, zone: str, wanted: Document) -> Document:
    specific = wanted.get("specificReservation")
    if not isinstance(specific, dict):
        raise invalid("Invalid value for field 'resource.specificReservation': ''. Must be specified.")
    count = _count(specific.get("count"))
    properties = specific.get("instanceProperties") or {}
    field = "resource.specificReservation.instanceProperties"
    asked = machines.wish(world, zone, properties, field=field, count=count)
    name = machines.checked_name(
        world, wanted, lambda n: world.store.get(RESERVATIONS, f"{zone}/{n}"), f"zones/{zone}/reservations"
    )
    now = world.clock.timestamp()
    found = _document(world, zone, name, wanted, now)
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "insert", found)
        kept = {
            **found,
            "_wish": {f: getattr(asked, f) for f in Wish.__slots__},
            "_operation": operation["name"],
            "_dueAt": now + stages.seconds(world, "reservation-create", f"{zone}/{name}/{now}"),
        }
        world.store.put(RESERVATIONS, f"{zone}/{name}", kept)
    return operation


def _document(world: World, zone: str, name: str, wanted: Document, now: float) -> Document:
    specific = wanted["specificReservation"]
    ends = _ends(wanted, now)
    return {
        "kind": "compute#reservation",
        "id": numeric_id(f"{zone}/{name}/{now}"),
        "creationTimestamp": pacific(now),
        "name": name,
        "description": str(wanted.get("description") or ""),
        "zone": url(world, f"zones/{zone}"),
        "status": "CREATING",
        "specificReservationRequired": bool(wanted.get("specificReservationRequired")),
        "specificReservation": {
            "instanceProperties": specific.get("instanceProperties") or {},
            "count": str(_count(specific.get("count"))),
            "inUseCount": "0",
            "assuredCount": "0",
        },
        "shareSettings": wanted.get("shareSettings") or {"shareType": "LOCAL"},
        "selfLink": url(world, f"zones/{zone}/reservations/{name}"),
        **({"deleteAtTime": rfc3339(ends), "_endsAt": ends} if ends else {}),
    }


def _count(value: object) -> int:
    if not str(value or "").isdecimal() or not 1 <= int(str(value)) <= MOST:
        raise invalid(
            f"Invalid value for field 'resource.specificReservation.count': '{value or ''}'. "
            f"Must be a number from 1 to {MOST}."
        )
    return int(str(value))


def _ends(wanted: Document, now: float) -> float | None:
    if after := wanted.get("deleteAfterDuration"):
        return now + float(after.get("seconds") or 0)
    at = wanted.get("deleteAtTime")
    if not at:
        return None
    try:
        return datetime.fromisoformat(str(at).replace("Z", "+00:00")).timestamp()
    except ValueError as e:
        raise invalid(
            f"Invalid value for field 'resource.deleteAtTime': '{at}'. Must be an RFC3339 time."
        ) from e


def get(world: World, zone: str, name: str) -> Document:
    return public(_held(world, zone, name))


def listed(world: World, zone: str) -> list[Document]:
    return [public(r) for key, r in world.store.items(RESERVATIONS) if key.startswith(f"{zone}/")]


def delete(world: World, zone: str, name: str) -> Document:
    found = _held(world, zone, name)
    if found["status"] in {"CREATING", "DELETING"}:
        path = f"projects/{world.project}/zones/{zone}/reservations/{name}"
        raise ApiError(
            "FAILED_PRECONDITION", f"The resource '{path}' is not ready", reason="resourceNotReady"
        )
    return _remove(world, zone, found)


def _remove(world: World, zone: str, found: Document) -> Document:
    name, now = found["name"], world.clock.timestamp()
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "delete", found)
        due = now + stages.seconds(world, "reservation-delete", f"{zone}/{name}/{now}")
        leaving = {"status": "DELETING", "_operation": operation["name"], "_dueAt": due}
        world.store.put(RESERVATIONS, f"{zone}/{name}", {**found, **leaving})
    return operation


def _held(world: World, zone: str, name: str) -> Document:
    found = world.store.get(RESERVATIONS, f"{zone}/{name}")
    if found is None:
        raise not_found(world, f"zones/{zone}/reservations/{name}")
    return found


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for key, found in world.store.items(RESERVATIONS):
        zone = key.partition("/")[0]
        if found["status"] == "CREATING" and now >= found["_dueAt"]:
            _created(world, key, zone, found)
        elif found["status"] == "DELETING" and now >= found["_dueAt"]:
            with world.store.transaction():
                world.store.delete(RESERVATIONS, key)
                zone_operations.end(world, f"{zone}/{found['_operation']}")
        elif found["status"] == "READY" and now >= found.get("_endsAt", now + 1):
            _remove(world, zone, found)


def _created(world: World, key: str, zone: str, found: Document) -> None:
    asked = Wish(**found["_wish"])
    refused = machines.refusal(world, asked)
    with world.store.transaction():
        if refused:
            world.store.delete(RESERVATIONS, key)
        else:
            specific = {**found["specificReservation"], "assuredCount": str(asked.count)}
            ready = {"status": "READY", "specificReservation": specific, "_gpu": asked.document()}
            world.store.put(RESERVATIONS, key, {**found, **ready})
        zone_operations.end(world, f"{zone}/{found['_operation']}", refused)
