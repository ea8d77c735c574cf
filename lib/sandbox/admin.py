"""The sandbox's own API, which no cloud has: its clock, faults and scenarios, at /admin/v1. Not a way to change objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox import faults, scenario_routes, stepping
from lib.sandbox.errors import ApiError
from lib.sandbox.fault_kinds import KINDS, FaultKind, Field
from lib.sandbox.rest import error_response
from lib.sandbox.store import Document
from lib.sandbox.verbs import enter, public, rfc3339
from lib.sandbox.world import FAULTS, World

PREFIX = "/admin/v1"
STEP = "/clock:step"


def clock(world: World) -> Document:
    at = world.clock
    return {"now": rfc3339(at.timestamp()), "speed": at.speed, "paused": at.paused}


def change_clock(world: World, body: Document) -> Document:
    _only(body, "speed", "paused")
    if "speed" in body:
        try:
            world.clock.set_speed(_number(body, "speed"))
        except ValueError as e:
            raise ApiError("INVALID_ARGUMENT", str(e)) from e
    if "paused" in body:
        if not isinstance(body["paused"], bool):
            raise ApiError("INVALID_ARGUMENT", "paused: must be true or false")
        world.clock.pause(paused=body["paused"])
    return clock(world)


async def step_clock(world: World, body: Document, ticks: Sequence[stepping.Tick]) -> Document:
    _only(body, "seconds")
    seconds = _number(body, "seconds")
    if not 0 <= seconds <= 366 * 86_400:
        raise ApiError("INVALID_ARGUMENT", "seconds: must be from 0 to a year")
    await stepping.step(world, seconds, ticks)
    return clock(world)


def create_fault(world: World, body: Document) -> Document:
    _only(body, "kind", "scope", "ttlSeconds")
    ttl_s = _number(body, "ttlSeconds") if body.get("ttlSeconds") is not None else None
    scope = body.get("scope") or {}
    if not isinstance(scope, dict):
        raise ApiError("INVALID_ARGUMENT", "scope: must be an object")
    return public(faults.create(world, str(body.get("kind", "")), scope, ttl_s=ttl_s))


def list_faults(world: World) -> Document:
    return {"faults": [public(f) for f in faults.active(world)]}


def delete_fault(world: World, name: str) -> Document:
    if world.store.delete(FAULTS, name) is None:
        raise ApiError("NOT_FOUND", f'there is no fault "{name}"')
    return {}


def delete_faults(world: World) -> Document:
    for key, _ in world.store.items(FAULTS):
        world.store.delete(FAULTS, key)
    return {}


def fault_kinds(_: World) -> Document:
    return {
        "faultKinds": [
            {
                "kind": k.name,
                "sentence": k.sentence,
                "scope": {f.name: f.meaning for f in k.fields},
                "fields": [_field(k, f) for f in k.fields],
            }
            for k in KINDS.values()
        ]
    }


def _field(kind: FaultKind, field: Field) -> Document:
    """What a form needs to ask for it."""
    found: Document = {"name": field.name, "meaning": field.meaning, "required": field.required}
    if field.name in kind.any_of:
        found["anyOf"] = list(kind.any_of)
    if field.choices:
        found["choices"] = list(field.choices)
    if field.bounds:
        found["minimum"], found["maximum"] = field.bounds
    if field.truth:
        found["truth"] = True
    if field.default is not None:
        found["default"] = field.default
    return found


_ROWS: dict[tuple[str, str], Callable[[World, Document], Document]] = {
    ("GET", "/clock"): lambda world, _: clock(world),
    ("PUT", "/clock"): change_clock,
    ("GET", "/faults"): lambda world, _: list_faults(world),
    ("POST", "/faults"): create_fault,
    ("DELETE", "/faults"): lambda world, _: delete_faults(world),
    ("GET", "/faultKinds"): lambda world, _: fault_kinds(world),
    ("GET", "/scenarios"): lambda world, _: scenario_routes.list_scenarios(world),
    ("GET", "/scenario"): lambda world, _: scenario_routes.get_scenario(world),
    ("PUT", "/scenario"): scenario_routes.put_scenario,
}


async def serve(request: Request) -> Response:
    world: World = request.app.state.world
    path = request.url.path.removeprefix(PREFIX)
    writes = request.method != "GET"
    try:
        authorization = request.headers.get("authorization")
        await enter(world, api="admin", authorization=authorization, permission="admin.update", writes=writes)
        body = await request.body()
        if (request.method, path) == ("POST", STEP):
            return JSONResponse(await step_clock(world, _body(body), request.app.state.ticks))
        return JSONResponse(_answer(world, request.method, path, body))
    except ApiError as e:
        return error_response(e)


def _answer(world: World, method: str, path: str, raw: bytes) -> Document:
    row = _ROWS.get((method, path))
    if row:
        return row(world, _body(raw))
    if method == "DELETE" and path.startswith("/faults/"):
        return delete_fault(world, path.removeprefix("/faults/"))
    raise ApiError("NOT_FOUND", f"there is no {method} {PREFIX}{path}")


def _body(raw: bytes) -> Document:
    try:
        found = json.loads(raw or b"{}")
    except ValueError as e:
        raise ApiError("INVALID_ARGUMENT", f"the body is not JSON: {e}") from e
    if not isinstance(found, dict):
        raise ApiError("INVALID_ARGUMENT", "the body must be an object")
    return found


def _only(body: Document, *fields: str) -> None:
    for name in body:
        if name not in fields:
            raise ApiError("INVALID_ARGUMENT", f"{name}: unknown field; one of {', '.join(fields)}")


def _number(body: Document, name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise ApiError("INVALID_ARGUMENT", f"{name}: must be a number")
    return float(value)
