"""VM instances of the Compute API, as far as a probe for capacity needs them: insert, get, list, delete.

Only machines with a GPU. Stock and quota decide at the operation's end. Nothing runs on them, none is preempted; one may
delete itself (scheduling.maxRunDuration with instanceTerminationAction DELETE). Nodes of clusters are no instances here.
"""

from __future__ import annotations

from lib.sandbox import machines, stages, zone_operations
from lib.sandbox.compute import invalid, not_found, url
from lib.sandbox.machines import Wish
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific, public
from lib.sandbox.world import INSTANCES, World


def insert(world: World, zone: str, wanted: Document) -> Document:
    scheduling = wanted.get("scheduling") or {}
    spot = scheduling.get("provisioningModel") == "SPOT" or bool(scheduling.get("preemptible"))
    asked = machines.wish(world, zone, wanted, field="resource", spot=spot)
    name = machines.checked_name(
        world, wanted, lambda n: world.store.get(INSTANCES, f"{zone}/{n}"), f"zones/{zone}/instances"
    )
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
    now = world.clock.timestamp()
    found = _document(world, zone, name, wanted, asked, now)
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "insert", found)
        kept = {
            **found,
            "_wish": {f: getattr(asked, f) for f in Wish.__slots__},
            "_operation": operation["name"],
            "_dueAt": now + stages.seconds(world, "instance-create", f"{zone}/{name}/{now}"),
        }
        world.store.put(INSTANCES, f"{zone}/{name}", kept)
    return operation


def _document(  # noqa: PLR0913, PLR0917 - what an instance is made of
    world: World, zone: str, name: str, wanted: Document, asked: Wish, now: float
) -> Document:
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
        "status": "PROVISIONING",
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
    return public(_held(world, zone, name))


def listed(world: World, zone: str) -> list[Document]:
    return [public(r) for key, r in world.store.items(INSTANCES) if key.startswith(f"{zone}/")]


def delete(world: World, zone: str, name: str) -> Document:
    """One that is being made goes, too: its creation ends first."""
    found = _held(world, zone, name)
    if found["status"] == "PROVISIONING":
        _created(world, f"{zone}/{name}", zone, found)
        found = _held(world, zone, name)
    return _remove(world, zone, found)


def _remove(world: World, zone: str, found: Document) -> Document:
    name, now = found["name"], world.clock.timestamp()
    with world.store.transaction():
        operation = zone_operations.begin(world, zone, "delete", found)
        due = now + stages.seconds(world, "instance-delete", f"{zone}/{name}/{now}")
        leaving = {"status": "STOPPING", "_operation": operation["name"], "_dueAt": due}
        world.store.put(INSTANCES, f"{zone}/{name}", {**found, **leaving})
    return operation


def _held(world: World, zone: str, name: str) -> Document:
    found = world.store.get(INSTANCES, f"{zone}/{name}")
    if found is None:
        raise not_found(world, f"zones/{zone}/instances/{name}")
    return found


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for key, found in world.store.items(INSTANCES):
        zone = key.partition("/")[0]
        if found["status"] == "PROVISIONING" and now >= found["_dueAt"]:
            _created(world, key, zone, found)
        elif found["status"] == "STOPPING" and now >= found["_dueAt"]:
            with world.store.transaction():
                world.store.delete(INSTANCES, key)
                zone_operations.end(world, f"{zone}/{found['_operation']}")
        elif found["status"] == "RUNNING" and now >= found.get("_endsAt", now + 1):
            _remove(world, zone, found)


def _created(world: World, key: str, zone: str, found: Document) -> None:
    asked = Wish(**found["_wish"])
    refused = machines.refusal(world, asked)
    with world.store.transaction():
        if refused:
            world.store.delete(INSTANCES, key)
        else:
            world.store.put(INSTANCES, key, {**found, "status": "RUNNING", "_gpu": asked.document()})
        zone_operations.end(world, f"{zone}/{found['_operation']}", refused)
