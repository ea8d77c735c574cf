"""Resource names of the Hub API: taken apart, checked, and put together; pages of its lists, words of its errors."""

from __future__ import annotations

from typing import Any

from lib.sandbox import catalog, filters, paging
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, unreachable
from lib.sandbox.world import World

MOST = 500  # of one page, when nobody says


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


def invalid(field: str, what: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", f"InvalidValueError for field {field}: {what}", reason="badRequest")


def busy(path: str, operation: str) -> ApiError:
    """Another write to a resource that is on its way out."""
    return ApiError("ABORTED", f"Resource '{path}' has an ongoing {operation} operation", reason="aborted")


def page_of(request: Document, items: list[Document]) -> tuple[list[Document], str]:
    """One page of what passes the request's filter, and the token of the next."""
    size, token, text = (
        request.get("pageSize") or 0,
        request.get("pageToken") or "",
        request.get("filter") or "",
    )
    if size < 0:
        raise invalid("page_size", f"{size} is negative")
    try:
        passes = filters.compiled(text)
        chosen = [item for item in items if passes(item)]
        return paging.page(chosen, key=_name, size=size or MOST, token=token, query=text)
    except filters.FilterError as e:
        raise invalid("filter", f'"{text}" is no filter') from e
    except paging.TokenError as e:
        raise invalid("page_token", f'"{token}" is no token of this list') from e


def _name(item: Document) -> str:
    return str(item["name"])


def truth(value: Any) -> bool:
    return value in (True, "true", "True", 1)
