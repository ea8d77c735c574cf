"""Reservations of the Compute API: machines with a GPU that are kept for the project, and paid for, from the moment
they are READY. On-demand capacity only, as in the real one; nothing here consumes one.

Creating one is an operation that stock and quota may refuse at its end. One may delete itself (deleteAtTime,
deleteAfterDuration).
"""

from __future__ import annotations

from datetime import datetime

from lib.sandbox import course, machines
from lib.sandbox.compute import invalid, url
from lib.sandbox.errors import ApiError
from lib.sandbox.machines import Wish
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, rfc3339
from lib.sandbox.world import RESERVATIONS, World

MOST = 1000  # machines of one reservation


def _granted(found: Document, asked: Wish) -> Document:
    return {"specificReservation": {**found["specificReservation"], "assuredCount": str(asked.count)}}


KIND = course.Kind(
    collection=RESERVATIONS,
    plural="reservations",
    creation="reservation-create",
    deletion="reservation-delete",
    making="CREATING",
    there="READY",
    leaving="DELETING",
    granted=_granted,
)


def insert(world: World, zone: str, wanted: Document) -> Document:
    specific = wanted.get("specificReservation")
    if not isinstance(specific, dict):
        raise invalid("Invalid value for field 'resource.specificReservation': ''. Must be specified.")
    count = _count(specific.get("count"))
    properties = specific.get("instanceProperties") or {}
    field = "resource.specificReservation.instanceProperties"
    asked = machines.wish(world, zone, properties, field=field, count=count)
    name = course.checked_name(world, KIND, zone, wanted)
    found = _document(world, zone, name, wanted)
    return course.begin(world, KIND, zone, found, asked)


def _document(world: World, zone: str, name: str, wanted: Document) -> Document:
    specific, now = wanted["specificReservation"], world.clock.timestamp()
    ends = _ends(wanted, now)
    return {
        "kind": "compute#reservation",
        "id": numeric_id(f"{zone}/{name}/{now}"),
        "creationTimestamp": pacific(now),
        "name": name,
        "description": str(wanted.get("description") or ""),
        "zone": url(world, f"zones/{zone}"),
        "status": KIND.making,
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
    return course.get(world, KIND, zone, name)


def listed(world: World, zone: str) -> list[Document]:
    return course.listed(world, KIND, zone)


def delete(world: World, zone: str, name: str) -> Document:
    found = course.held(world, KIND, zone, name)
    if found["status"] != KIND.there:
        path = f"projects/{world.project}/zones/{zone}/reservations/{name}"
        raise ApiError(
            "FAILED_PRECONDITION", f"The resource '{path}' is not ready", reason="resourceNotReady"
        )
    return course.remove(world, KIND, zone, found)


def tick(world: World) -> None:
    course.tick(world, KIND)
