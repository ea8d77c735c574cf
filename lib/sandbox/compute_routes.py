"""The REST door of the Compute API: which path is answered by what. Behaviour is in `compute`, `addresses`,
`backends` and `advice`, pages and filters in `compute_lists`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox import (
    addresses,
    advice,
    backends,
    catalog,
    compute,
    compute_lists,
    instances,
    reservations,
    zone_operations,
)
from lib.sandbox.errors import ApiError
from lib.sandbox.rest import error_response, facts, left, no_such_path, pattern
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
    def wanted(self) -> compute_lists.Query:
        return compute_lists.Query.of(self.query)


Answer = Callable[[Ask], Document]


def _listed(ask: Ask, resource: str, path: str, items: list[Document]) -> Document:
    return compute_lists.listed(ask.world, resource, path, items, ask.wanted)


def _in_zones(ask: Ask, resource: str, items: Callable[[World, str], list[Document]]) -> Document:
    scopes = {f"zones/{zone}": items(ask.world, zone) for zone in catalog.all_zones()}
    return compute_lists.aggregated(ask.world, resource, scopes, ask.wanted)


def _in_zone(ask: Ask, resource: str, items: Callable[[World, str], list[Document]]) -> Document:
    zone = ask.names["zone"]
    compute.zone(ask.world, zone)
    return _listed(ask, resource, f"zones/{zone}/{resource}", items(ask.world, zone))


def _regions(ask: Ask) -> Document:
    names = [r for r in catalog.REGIONS if not compute.away(ask.world, r)]
    return _listed(ask, "regions", "regions", [compute.region(ask.world, r) for r in names])


def _zones(ask: Ask) -> Document:
    items = [compute.zone(ask.world, z) for z in catalog.all_zones() if not compute.away(ask.world, z)]
    return _listed(ask, "zones", "zones", items)


def _global_items(ask: Ask) -> list[Document]:
    resource = ask.names["resource"]
    others = {"addresses": addresses.addresses, "operations": addresses.operations}
    if resource in others:
        return others[resource](ask.world)
    return backends.global_items(ask.world, resource)


def _global_list(ask: Ask) -> Document:
    resource = ask.names["resource"]
    return _listed(ask, resource, f"global/{resource}", _global_items(ask))


def _global_aggregated(ask: Ask) -> Document:
    scopes = {"global": _global_items(ask)}
    return compute_lists.aggregated(ask.world, ask.names["resource"], scopes, ask.wanted)


def _network_endpoints(ask: Ask) -> Document:
    items = backends.network_endpoints(ask.world, ask.names["zone"], ask.names["name"], ask.body)
    return compute_lists.network_endpoints(items, ask.wanted)


def _regional_list(ask: Ask) -> Document:
    """There is nothing regional here, which is no reason not to be asked."""
    region, resource = ask.names["region"], ask.names["resource"]
    compute.region(ask.world, region)
    return _listed(ask, resource, f"regions/{region}/{resource}", [])


def _regional_item(ask: Ask) -> Document:
    region, resource = ask.names["region"], ask.names["resource"]
    compute.region(ask.world, region)
    raise compute.not_found(ask.world, f"regions/{region}/{resource}/{ask.names['name']}")


def _regional_insert(ask: Ask) -> Document:
    compute.region(ask.world, ask.names["region"])
    raise compute.invalid("Invalid value for field 'region': only global addresses can be reserved here.")


_RESOURCES = "|".join(backends.GLOBAL)
_LISTS = "{resource=addresses|operations|" + _RESOURCES + "}"
_ROWS: tuple[tuple[str, str, str, Answer], ...] = (
    ("GET", "", "projects.get", lambda a: compute.project(a.world)),
    ("GET", "/aggregated/acceleratorTypes", "acceleratorTypes.list",
     lambda a: _in_zones(a, "acceleratorTypes", compute.accelerator_types)),
    ("GET", "/zones/{zone}/acceleratorTypes", "acceleratorTypes.list",
     lambda a: _in_zone(a, "acceleratorTypes", compute.accelerator_types)),
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
    ("GET", "/aggregated/reservations", "reservations.list", lambda a: _in_zones(a, "reservations", reservations.listed)),
    ("GET", "/zones/{zone}/reservations", "reservations.list",
     lambda a: _in_zone(a, "reservations", reservations.listed)),
    ("POST", "/zones/{zone}/reservations", "reservations.create",
     lambda a: reservations.insert(a.world, a.names["zone"], a.body)),
    ("GET", "/zones/{zone}/reservations/{name}", "reservations.get",
     lambda a: reservations.get(a.world, a.names["zone"], a.names["name"])),
    ("DELETE", "/zones/{zone}/reservations/{name}", "reservations.delete",
     lambda a: reservations.delete(a.world, a.names["zone"], a.names["name"])),
    ("GET", "/aggregated/instances", "instances.list", lambda a: _in_zones(a, "instances", instances.listed)),
    ("GET", "/zones/{zone}/instances", "instances.list", lambda a: _in_zone(a, "instances", instances.listed)),
    ("POST", "/zones/{zone}/instances", "instances.create",
     lambda a: instances.insert(a.world, a.names["zone"], a.body)),
    ("GET", "/zones/{zone}/instances/{name}", "instances.get",
     lambda a: instances.get(a.world, a.names["zone"], a.names["name"])),
    ("DELETE", "/zones/{zone}/instances/{name}", "instances.delete",
     lambda a: instances.delete(a.world, a.names["zone"], a.names["name"])),
    ("GET", "/zones/{zone}/operations", "zoneOperations.list",
     lambda a: _in_zone(a, "operations", zone_operations.listed)),
    ("GET", "/zones/{zone}/operations/{name}", "zoneOperations.get",
     lambda a: zone_operations.get(a.world, a.names["zone"], a.names["name"])),
    ("POST", "/zones/{zone}/operations/{name}/wait", "zoneOperations.get",
     lambda a: zone_operations.get(a.world, a.names["zone"], a.names["name"])),
    ("POST", "/global/addresses", "globalAddresses.create", lambda a: addresses.insert_address(a.world, a.body)),
    ("GET", "/global/addresses/{name}", "globalAddresses.get", lambda a: addresses.address(a.world, a.names["name"])),
    ("DELETE", "/global/addresses/{name}", "globalAddresses.delete",
     lambda a: addresses.delete_address(a.world, a.names["name"])),
    ("GET", "/global/operations/{name}", "globalOperations.get",
     lambda a: addresses.operation(a.world, a.names["name"])),
    ("POST", "/global/operations/{name}/wait", "globalOperations.get",
     lambda a: addresses.operation(a.world, a.names["name"])),
    ("GET", "/aggregated/networkEndpointGroups", "networkEndpointGroups.list",
     lambda a: _in_zones(a, "networkEndpointGroups", backends.negs)),
    ("GET", "/zones/{zone}/networkEndpointGroups", "networkEndpointGroups.list",
     lambda a: _in_zone(a, "networkEndpointGroups", backends.negs)),
    ("GET", "/zones/{zone}/networkEndpointGroups/{name}", "networkEndpointGroups.get",
     lambda a: public(backends.neg(a.world, a.names["zone"], a.names["name"]))),
    ("POST", "/zones/{zone}/networkEndpointGroups/{name}/listNetworkEndpoints", "networkEndpointGroups.get",
     _network_endpoints),
    ("POST", "/global/backendServices/{name}/getHealth", "backendServices.get",
     lambda a: backends.backend_health(a.world, a.names["name"], a.body)),
    ("GET", f"/global/{_LISTS}", "globalResources.list", _global_list),
    ("GET", "/global/{resource=" + _RESOURCES + "}/{name}", "globalResources.get",
     lambda a: backends.global_item(a.world, a.names["resource"], a.names["name"])),
    ("GET", f"/aggregated/{_LISTS}", "globalResources.list", _global_aggregated),
    ("GET", f"/regions/{{region}}/{_LISTS}", "regionResources.list", _regional_list),
    ("GET", f"/regions/{{region}}/{_LISTS}/{{name}}", "regionResources.get", _regional_item),
    ("DELETE", "/regions/{region}/{resource=addresses}/{name}", "addresses.delete", _regional_item),
    ("POST", "/regions/{region}/addresses", "addresses.create", _regional_insert),
)  # fmt: skip
_WRITES = frozenset(
    f"{resource}.{verb}"
    for resource in ("globalAddresses", "addresses", "reservations", "instances")
    for verb in ("create", "delete")
)
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
    return no_such_path(request)


async def _answer(
    world: World, request: Request, names: dict[str, str], permission: str, answer: Answer
) -> Response:
    writes = permission.removeprefix("compute.") in _WRITES
    authorization = request.headers.get("authorization")
    await enter(
        world,
        api="compute",
        authorization=authorization,
        permission=permission,
        writes=writes,
        facts=facts(request, permission.removeprefix("compute.")),
        gone=lambda: left(request),
    )
    own_project(world, names["project"], permission)
    ask = Ask(world=world, names=names, query=dict(request.query_params), body=_body(await request.body()))
    found = answer(ask)
    if request.url.path.endswith("/wait"):
        found = await _wait(ask, answer)
    return JSONResponse(found)


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
