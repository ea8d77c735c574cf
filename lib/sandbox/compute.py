"""The Compute API of the sandbox, read side and addresses: what can be had where, and what the load balancer is.

Plain JSON documents, without Google's client package (it would cost 165 MB). Load-balancer objects are written by
`mci`, endpoint health by `health`; here they are only told. Routes are in `compute_routes`, lists are
told by `compute_lists`.
"""

from __future__ import annotations

from lib.sandbox import catalog, faults, quota
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id
from lib.sandbox.world import World

BASE = "https://www.googleapis.com/compute/v1"
CREATED = "2018-01-01T00:00:00.000-08:00"


def url(world: World, path: str) -> str:
    return f"{BASE}/projects/{world.project}/{path}"


# Locating GPUs


def accelerator_type(world: World, zone: str, name: str) -> Document:
    found = catalog.ACCELERATORS.get(name)
    if found is None or zone not in found.zones:
        raise not_found(world, f"zones/{zone}/acceleratorTypes/{name}")
    return {
        "kind": "compute#acceleratorType",
        "id": numeric_id(name),
        "creationTimestamp": CREATED,
        "name": name,
        "description": found.title,
        "zone": url(world, f"zones/{zone}"),
        "selfLink": url(world, f"zones/{zone}/acceleratorTypes/{name}"),
        "maximumCardsPerInstance": found.max_cards,
    }


def accelerator_types(world: World, zone: str) -> list[Document]:
    return [accelerator_type(world, zone, a.name) for a in catalog.ACCELERATORS.values() if zone in a.zones]


def region(world: World, name: str) -> Document:
    if name not in catalog.REGIONS:
        raise not_found(world, f"regions/{name}")
    _reachable(world, name)
    return {
        "kind": "compute#region",
        "id": numeric_id(name),
        "creationTimestamp": CREATED,
        "name": name,
        "description": name,
        "status": "UP",
        "zones": [url(world, f"zones/{zone}") for zone in catalog.zones(name)],
        "quotas": quota.regional(world, name),
        "selfLink": url(world, f"regions/{name}"),
        "supportsPzs": False,
    }


def zone(world: World, name: str) -> Document:
    if name not in catalog.all_zones():
        raise not_found(world, f"zones/{name}")
    return {
        "kind": "compute#zone",
        "id": numeric_id(name),
        "creationTimestamp": CREATED,
        "name": name,
        "description": name,
        "status": "UP",
        "region": url(world, f"regions/{catalog.region_of(name)}"),
        "selfLink": url(world, f"zones/{name}"),
    }


def project(world: World) -> Document:
    return {
        "kind": "compute#project",
        "id": numeric_id(world.project),
        "creationTimestamp": CREATED,
        "name": world.project,
        "selfLink": f"{BASE}/projects/{world.project}",
        "quotas": quota.project_wide(world),
        "defaultServiceAccount": f"{world.project_number}-compute@developer.gserviceaccount.com",
        "defaultNetworkTier": "PREMIUM",
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
    }


def machine_type(world: World, zone_name: str, name: str) -> Document:
    zone(world, zone_name)
    for found in catalog.ACCELERATORS.values():
        if found.machine_type == name:
            return {
                "kind": "compute#machineType",
                "id": numeric_id(name),
                "name": name,
                "guestCpus": found.vcpus,
                "memoryMb": found.memory_gib * 1024,
                "zone": zone_name,
                "selfLink": url(world, f"zones/{zone_name}/machineTypes/{name}"),
            }
    raise not_found(world, f"zones/{zone_name}/machineTypes/{name}")


def away(world: World, location: str) -> bool:
    """Whether a zone or region does not answer, by itself or with its region."""
    names = {location, catalog.region_of(location) if location in catalog.all_zones() else location}
    return any(faults.first(world, "unreachable", location=name) for name in names)


def _reachable(world: World, location: str) -> None:
    if away(world, location):
        raise ApiError("UNAVAILABLE", f"The location {location} is unavailable.", reason="backendError")


# Errors


def not_found(world: World, path: str) -> ApiError:
    return ApiError(
        "NOT_FOUND", f"The resource 'projects/{world.project}/{path}' was not found", reason="notFound"
    )


def invalid(message: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", message, reason="invalid")
