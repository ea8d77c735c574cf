"""Membership features of the Hub API v2: one membership's share of a fleet feature, as a resource of its own.

gcloud's `config-management apply` and `unmanage` speak it, plain JSON. Nothing is kept here: the spec is the one that
v1 shows in the feature's `membershipSpecs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox import hub, hub_operations, memberships
from lib.sandbox.errors import ApiError
from lib.sandbox.hub_names import invalid, member_key, member_path
from lib.sandbox.rest import error_response, facts, left, no_such_path
from lib.sandbox.store import Document
from lib.sandbox.verbs import enter
from lib.sandbox.world import FEATURES, World

TYPE = "type.googleapis.com/google.cloud.gkehub.v2.MembershipFeature"
KINDS = ("configmanagement",)  # of the features here, those with a spec for each membership
_NAME = re.compile(
    r"/v2(?:alpha|beta)?/(projects/[^/]+/locations/[^/]+/memberships/[^/]+)/features(?:/([^/]+))?"
)
_OPERATION = re.compile(r"/v2(?:alpha|beta)?/(projects/[^/]+/locations/[^/]+/operations/[^/]+)")


def get_feature(world: World, membership: str, kind: str) -> Document:
    spec = _specs(world, kind).get(_path(world, membership))
    if spec is None:
        raise ApiError(
            "NOT_FOUND", f"Resource '{membership}/features/{kind}' was not found", reason="notFound"
        )
    return _shown(world, membership, kind, spec)


def list_features(world: World, membership: str) -> Document:
    path = _path(world, membership)
    specs = {kind: _specs(world, kind).get(path) for kind in KINDS}
    return {
        "membershipFeatures": [
            _shown(world, membership, k, spec) for k, spec in specs.items() if spec is not None
        ]
    }


def patch_feature(
    world: World, membership: str, kind: str, body: Document, *, allow_missing: bool
) -> Document:
    """Replace the spec. Only that can be changed."""
    if not allow_missing:
        get_feature(world, membership, kind)
    spec = body.get("spec") or {}
    if not isinstance(spec, dict) or not isinstance(spec.get(kind), dict):
        raise invalid(f"membership_feature.spec.{kind}", "it must be given")
    return _write(world, membership, kind, spec)


def delete_feature(world: World, membership: str, kind: str) -> Document:
    get_feature(world, membership, kind)
    return _write(world, membership, kind, {})


def get_operation(world: World, name: str) -> Document:
    found = hub_operations.get_operation(world, {"name": name})
    target, verb = found["metadata"]["target"], found["metadata"]["verb"]
    if found["done"] and verb != "delete" and _NAME.fullmatch(f"/v2/{target}"):
        return {**found, "response": {"@type": TYPE, "name": target}}
    return found


def _write(world: World, membership: str, kind: str, spec: Document) -> Document:
    _path(world, membership)
    if world.store.get(FEATURES, kind) is None:
        message = f"Feature {kind} is not enabled in the fleet."
        raise ApiError("FAILED_PRECONDITION", message, reason="failedPrecondition")
    return hub.write_member_spec(world, kind, member_key(membership), spec)


def _shown(world: World, membership: str, kind: str, spec: Document) -> Document:
    key = member_key(membership)
    feature = hub.get_feature(world, {"name": f"projects/{world.project}/locations/global/features/{kind}"})
    state = (feature.get("membershipStates") or {}).get(member_path(world, key), {})
    return {
        "name": f"{_own(world, key)}/features/{kind}",
        "createTime": feature["createTime"],
        "updateTime": feature["updateTime"],
        "lifecycleState": {"state": "ACTIVE"},
        "spec": {**spec, "origin": {"type": "USER"}},
        "state": state,
    }


def _own(world: World, key: str) -> str:
    location, name = key.split("/", 1)
    return f"projects/{world.project}/locations/{location}/memberships/{name}"


def _path(world: World, membership: str) -> str:
    """As a key of membershipSpecs; ApiError when there is no such membership."""
    memberships.get_membership(world, {"name": membership})
    return member_path(world, member_key(membership))


def _specs(world: World, kind: str) -> Document:
    if kind not in KINDS:
        raise invalid("feature_id", f'"{kind}" has no spec for a membership')
    return (world.store.get(FEATURES, kind) or {}).get("membershipSpecs") or {}


# The door


async def serve(request: Request) -> Response:
    world: World = request.app.state.world
    answer = _answer(request)
    if answer is None:
        return no_such_path(request)
    try:
        await enter(
            world,
            api="gkehub",
            authorization=request.headers.get("authorization"),
            permission=f"gkehub.membershipfeatures.{_VERBS[request.method]}",
            writes=request.method != "GET",
            facts=facts(request, f"{_VERBS[request.method].title()}MembershipFeature"),
            gone=lambda: left(request),
        )
        return JSONResponse(answer(world, _body(await request.body())))
    except ApiError as e:
        return error_response(e)


_VERBS = {"GET": "get", "PATCH": "update", "POST": "create", "DELETE": "delete"}


def _answer(request: Request) -> Callable[[World, Document], Document] | None:
    path, method = request.url.path, request.method
    operation, named = _OPERATION.fullmatch(path), _NAME.fullmatch(path)
    if operation and method == "GET":
        return lambda world, _: get_operation(world, operation[1])
    if named is None:
        return None
    membership, kind = named[1], named[2] or ""
    missing = request.query_params.get("allowMissing", "").lower() == "true"
    rows: dict[tuple[str, bool], Callable[[World, Document], Document]] = {
        ("GET", False): lambda world, _: list_features(world, membership),
        ("GET", True): lambda world, _: get_feature(world, membership, kind),
        ("PATCH", True): lambda world, body: patch_feature(
            world, membership, kind, body, allow_missing=missing
        ),
        ("DELETE", True): lambda world, _: delete_feature(world, membership, kind),
    }
    return rows.get((method, bool(kind)))


def _body(raw: bytes) -> Document:
    try:
        found: Any = json.loads(raw or b"{}")
    except ValueError as e:
        raise ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received. {e}", reason="badRequest") from e
    if not isinstance(found, dict):
        raise ApiError(
            "INVALID_ARGUMENT", "Invalid JSON payload received. An object is expected.", reason="badRequest"
        )
    return found
