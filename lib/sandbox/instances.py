"""VM instances of the Compute API, as far as a probe for capacity needs them: insert, get, list, delete.

Only machines with a GPU. Stock and quota decide at the operation's end. Nothing runs on them, none is preempted; one may
delete itself (scheduling.maxRunDuration with instanceTerminationAction DELETE). Nodes of clusters are no instances here.
"""

from __future__ import annotations

from lib.sandbox import course, machines
from lib.sandbox.compute import invalid, url
from lib.sandbox.machines import Wish
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific
from lib.sandbox.world import INSTANCES, World

KIND = course.Kind(
    collection=INSTANCES,
    plural="instances",
    creation="instance-create",
    deletion="instance-delete",
    making="PROVISIONING",
    there="RUNNING",
    leaving="STOPPING",
)


def insert(world: World, zone: str, wanted: Document) -> Document:
    scheduling = wanted.get("scheduling") or {}
    spot = scheduling.get("provisioningModel") == "SPOT" or bool(scheduling.get("preemptible"))
    asked = machines.wish(world, zone, wanted, field="resource", spot=spot)
    name = course.checked_name(world, KIND, zone, wanted)
    if not wanted.get("disks"):
        raise invalid("Invalid value for field 'resource.disks': ''. No disks are specified.")
    if not wanted.get("networkInterfaces"):
        raise invalid(
            "Invalid value for field 'resource.networkInterfaces': ''. At least one network interface is required."
        )
    if scheduling.get("onHostMaintenance", "TERMINATE") != "TERMINATE":
        raise invalid(
            "Invalid value for field 'resource.scheduling.onHostMaintenance': "
            f"'{scheduling['onHostMaintenance']}'. Instances with guest accelerators do not support live migration."
        )
    found = _document(world, zone, name, wanted, asked)
    return course.begin(world, KIND, zone, found, asked)


def _document(world: World, zone: str, name: str, wanted: Document, asked: Wish) -> Document:
    now = world.clock.timestamp()
    scheduling = {"onHostMaintenance": "TERMINATE", **(wanted.get("scheduling") or {})}
    seconds = float((scheduling.get("maxRunDuration") or {}).get("seconds") or 0)
    goes = seconds and scheduling.get("instanceTerminationAction") == "DELETE"
    guests = wanted.get("guestAccelerators") or [
        {
            "acceleratorType": url(world, f"zones/{zone}/acceleratorTypes/{asked.accelerator}"),
            "acceleratorCount": asked.gpus,
        }
    ]
    return {
        "kind": "compute#instance",
        "id": numeric_id(f"{zone}/{name}/{now}"),
        "creationTimestamp": pacific(now),
        "name": name,
        "description": str(wanted.get("description") or ""),
        "zone": url(world, f"zones/{zone}"),
        "machineType": url(world, f"zones/{zone}/machineTypes/{asked.machine_type}"),
        "status": KIND.making,
        "labels": wanted.get("labels") or {},
        "labelFingerprint": "42WmSpB8rSM=",
        "scheduling": scheduling,
        "guestAccelerators": guests,
        "disks": wanted["disks"],
        "networkInterfaces": wanted["networkInterfaces"],
        "selfLink": url(world, f"zones/{zone}/instances/{name}"),
        **({"_endsAt": now + seconds} if goes else {}),
    }


def get(world: World, zone: str, name: str) -> Document:
    return course.get(world, KIND, zone, name)


def listed(world: World, zone: str) -> list[Document]:
    return course.listed(world, KIND, zone)


def delete(world: World, zone: str, name: str) -> Document:
    """One that is being made goes, too: its creation ends first."""
    found = course.held(world, KIND, zone, name)
    if found["status"] == KIND.making:
        course.created(world, KIND, zone, found)
        found = course.held(world, KIND, zone, name)
    return course.remove(world, KIND, zone, found)


def tick(world: World) -> None:
    course.tick(world, KIND)
