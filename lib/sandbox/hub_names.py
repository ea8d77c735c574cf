"""Resource names of the Hub API: taken apart, checked, and put together."""

from __future__ import annotations

from typing import Any

from lib.sandbox import catalog
from lib.sandbox.errors import ApiError
from lib.sandbox.verbs import own_project, unreachable
from lib.sandbox.world import World


def member_key(path: str) -> str:
    return path.split("/locations/", 1)[-1].replace("/memberships/", "/", 1)


def member_path(world: World, key: str) -> str:
    location, name = key.split("/", 1)
    return f"projects/{world.project_number}/locations/{location}/memberships/{name}"


def location_of(world: World, parent: str, permission: str, *, many: bool = False) -> str:
    parts = parent.split("/")
    if len(parts) != 4 or parts[0] != "projects" or parts[2] != "locations":
        raise ApiError("INVALID_ARGUMENT", f'InvalidValueError for field parent: "{parent}"')
    own_project(world, parts[1], permission)
    location = parts[3]
    if location == "-" and many:
        return location
    if location != "global" and location not in catalog.REGIONS:
        raise ApiError("NOT_FOUND", f"Location {location} was not found", reason="notFound")
    unreachable(world, location)
    return location


def key_of(world: World, name: str, kind: str, permission: str) -> str:
    parent, _, rest = name.partition(f"/{kind}/")
    return f"{location_of(world, parent, permission)}/{rest}"


def truth(value: Any) -> bool:
    return value in (True, "true", "True", 1)
