"""The REST door of the Compute API: paths, pages and filters. Behaviour is in `compute`, `addresses`, `backends`
and `advice`."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox import addresses, advice, backends, catalog, compute
from lib.sandbox.errors import ApiError
from lib.sandbox.rest import error_response, pattern
from lib.sandbox.store import Document
from lib.sandbox.verbs import enter, own_project, public
from lib.sandbox.world import World

WAIT_S = 120.0  # operations.wait answers after at most two minutes (wall), done or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    world: World
    names: dict[str, str]
    query: dict[str, str]
    body: Document

    @property
    def empty(self) -> bool:
        """Whether scopes without results are wanted: includeAllScopes, which clients spell both ways."""
        return self.query.get("returnPartialSuccess", "").lower() == "true" or (
            self.query.get("includeAllScopes", "").lower() == "true"
        )


Answer = Callable[[Ask], Document]


def _zone_list(ask: Ask) -> Document:
    zone = ask.names["zone"]
    compute.zone(ask.world, zone)
    items = compute.accelerator_types(ask.world, zone)
    return compute.listed(ask.world, "acceleratorTypes", f"zones/{zone}/acceleratorTypes", items)


def _accelerators(ask: Ask) -> Document:
    scopes = {f"zones/{z}": compute.accelerator_types(ask.world, z) for z in catalog.all_zones()}
    return compute.aggregated(ask.world, "acceleratorTypes", _page_filter(ask, scopes), empty=ask.empty)


def _regions(ask: Ask) -> Document:
    names = [r for r in catalog.REGIONS if not compute.away(ask.world, r)]
    return compute.listed(
        ask.world, "regions", "regions", _filtered(ask, [compute.region(ask.world, r) for r in names])
    )


def _zones(ask: Ask) -> Document:
    items = [compute.zone(ask.world, z) for z in catalog.all_zones() if not compute.away(ask.world, z)]
    return compute.listed(ask.world, "zones", "zones", _filtered(ask, items))


def _negs(ask: Ask) -> Document:
    scopes = {f"zones/{z}": backends.negs(ask.world, z) for z in catalog.all_zones()}
    return compute.aggregated(ask.world, "networkEndpointGroups", _page_filter(ask, scopes), empty=ask.empty)


def _zone_negs(ask: Ask) -> Document:
    zone = ask.names["zone"]
    path = f"zones/{zone}/networkEndpointGroups"
    return compute.listed(ask.world, "networkEndpointGroups", path, backends.negs(ask.world, zone))


def _global_list(ask: Ask) -> Document:
    resource = ask.names["resource"]
    items = _filtered(ask, backends.global_items(ask.world, resource))
    return compute.listed(ask.world, resource, f"global/{resource}", items)


def _global_aggregated(ask: Ask) -> Document:
    resource = ask.names["resource"]
    items = (
        addresses.addresses(ask.world)
        if resource == "addresses"
        else backends.global_items(ask.world, resource)
    )
    return compute.aggregated(ask.world, resource, {"global": _filtered(ask, items)}, empty=ask.empty)


_RESOURCES = "|".join(backends.GLOBAL)
_ROWS: tuple[tuple[str, str, str, Answer], ...] = (
    ("GET", "", "projects.get", lambda a: compute.project(a.world)),
    ("GET", "/aggregated/acceleratorTypes", "acceleratorTypes.list", _accelerators),
    ("GET", "/zones/{zone}/acceleratorTypes", "acceleratorTypes.list", _zone_list),
    ("GET", "/zones/{zone}/acceleratorTypes/{name}", "acceleratorTypes.get",
     lambda a: compute.accelerator_type(a.world, a.names["zone"], a.names["name"])),
    ("GET", "/zones/{zone}/machineTypes/{name}", "machineTypes.get",
     lambda a: compute.machine_type(a.world, a.names["zone"], a.names["name"])),
    ("GET", "/regions", "regions.list", _regions),
    ("GET", "/regions/{region}", "regions.get", lambda a: compute.region(a.world, a.names["region"])),
    ("GET", "/zones", "zones.list", _zones),
    ("GET", "/zones/{zone}", "zones.get", lambda a: compute.zone(a.world, a.names["zone"])),
    ("POST", "/regions/{region}/advice/capacity", "advice.capacity",
     lambda a: advice.capacity(a.world, a.names["region"], a.body)),
    ("POST", "/regions/{region}/advice/capacityHistory", "advice.capacityHistory",
     lambda a: advice.capacity_history(a.world, a.names["region"], a.body)),
    ("POST", "/global/addresses", "globalAddresses.create", lambda a: addresses.insert_address(a.world, a.body)),
    ("GET", "/global/addresses", "globalAddresses.list",
     lambda a: compute.listed(a.world, "addresses", "global/addresses", _filtered(a, addresses.addresses(a.world)))),
    ("GET", "/global/addresses/{name}", "globalAddresses.get", lambda a: addresses.address(a.world, a.names["name"])),
    ("DELETE", "/global/addresses/{name}", "globalAddresses.delete",
     lambda a: addresses.delete_address(a.world, a.names["name"])),
    ("GET", "/global/operations/{name}", "globalOperations.get",
     lambda a: addresses.operation(a.world, a.names["name"])),
    ("POST", "/global/operations/{name}/wait", "globalOperations.get",
     lambda a: addresses.operation(a.world, a.names["name"])),
    ("GET", "/aggregated/networkEndpointGroups", "networkEndpointGroups.list", _negs),
    ("GET", "/zones/{zone}/networkEndpointGroups", "networkEndpointGroups.list", _zone_negs),
    ("GET", "/zones/{zone}/networkEndpointGroups/{name}", "networkEndpointGroups.get",
     lambda a: public(backends.neg(a.world, a.names["zone"], a.names["name"]))),
    ("POST", "/zones/{zone}/networkEndpointGroups/{name}/listNetworkEndpoints", "networkEndpointGroups.get",
     lambda a: backends.list_network_endpoints(a.world, a.names["zone"], a.names["name"], a.body)),
    ("POST", "/global/backendServices/{name}/getHealth", "backendServices.get",
     lambda a: backends.backend_health(a.world, a.names["name"], a.body)),
    ("GET", "/global/{resource=" + _RESOURCES + "}", "globalResources.list", _global_list),
    ("GET", "/global/{resource=" + _RESOURCES + "}/{name}", "globalResources.get",
     lambda a: backends.global_item(a.world, a.names["resource"], a.names["name"])),
    ("GET", "/aggregated/{resource=addresses|" + _RESOURCES + "}", "globalResources.list", _global_aggregated),
)  # fmt: skip
_WRITES = ("globalAddresses.create", "globalAddresses.delete")
_TABLE = [
    (http, pattern("/compute/v1/projects/{project}" + path), p, answer) for http, path, p, answer in _ROWS
]


async def serve(request: Request) -> Response:
    world: World = request.app.state.world
    for http, path, permission, answer in _TABLE:
        match = path.fullmatch(request.url.path)
        if match and http == request.method:
            try:
                return await _answer(world, request, match.groupdict(), f"compute.{permission}", answer)
            except ApiError as e:
                return error_response(e)
    return JSONResponse({"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}}, 404)


async def _answer(
    world: World, request: Request, names: dict[str, str], permission: str, answer: Answer
) -> Response:
    writes = permission.removeprefix("compute.") in _WRITES
    authorization = request.headers.get("authorization")
    await enter(world, api="compute", authorization=authorization, permission=permission, writes=writes)
    own_project(world, names["project"], permission)
    ask = Ask(world=world, names=names, query=dict(request.query_params), body=_body(await request.body()))
    found = answer(ask)
    if request.url.path.endswith("/wait"):
        found = await _wait(ask, answer)
    return JSONResponse(_page(ask, found))


async def _wait(ask: Ask, answer: Answer) -> Document:
    until = time.monotonic() + WAIT_S
    while (found := answer(ask))["status"] != "DONE" and time.monotonic() < until:  # noqa: ASYNC110 - time passes in ticks
        await asyncio.sleep(0.1)
    return found


def _body(raw: bytes) -> Document:
    try:
        found = json.loads(raw or b"{}")
    except ValueError as e:
        raise compute.invalid(f"Parse Error: {e}") from e
    if not isinstance(found, dict):
        raise compute.invalid("Parse Error: an object is expected.")
    return found


def _page(ask: Ask, answer: Document) -> Document:
    """maxResults and pageToken over the entries of a list; the token is the number of entries already given."""
    items = answer.get("items")
    size, start = _number(ask, "maxResults", 500), _number(ask, "pageToken", 0)
    if items is None or size <= 0:
        return answer
    rest = list(items.items() if isinstance(items, dict) else items)[start:]
    page = rest[:size]
    shown = {**answer, "items": dict(page) if isinstance(items, dict) else page}
    return {**shown, "nextPageToken": str(start + size)} if len(rest) > size else shown


def _number(ask: Ask, name: str, default: int) -> int:
    value = ask.query.get(name, "")
    if value and not value.isdecimal():
        raise compute.invalid(f"Invalid value for field '{name}': '{value}'.")
    return int(value) if value else default


_TERM = re.compile(r"\(?\s*([\w.]+)\s*(=|!=|:|eq|ne)\s*\"?([^\s\")]*)\"?\s*\)?")


def _filtered(ask: Ask, items: list[Document]) -> list[Document]:
    """`field = value`, `!=`, `:` (has) and the regular-expression words eq and ne, one term; others are refused."""
    wanted = ask.query.get("filter", "").strip()
    if not wanted:
        return items
    match = _TERM.fullmatch(wanted)
    if match is None:
        raise compute.invalid(
            f"Invalid value for field 'filter': '{wanted}'. Invalid list filter expression."
        )
    field, operator, value = match.groups()
    return [item for item in items if _passes(str(item.get(field, "")), operator, value)]


def _passes(found: str, operator: str, value: str) -> bool:
    if operator in ("eq", "ne"):
        return bool(re.fullmatch(value, found)) == (operator == "eq")
    if operator == ":":
        return value.strip("*") in found
    starred = re.fullmatch(re.escape(value).replace(r"\*", ".*"), found)
    return bool(starred) == (operator == "=")


def _page_filter(ask: Ask, scopes: dict[str, list[Document]]) -> dict[str, list[Document]]:
    return {scope: _filtered(ask, items) for scope, items in scopes.items()}
