"""One set of verbs behind two front doors: what a method of a Google API is, said once for REST and gRPC.

A verb takes and returns JSON documents with enum names, whichever way the call came in. Both doors pass `enter`
first: faults, then who is calling, then whether that one may. `rest` and `rpc` only translate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from lib.sandbox import auth, disturbance, faults
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.world import World

Call = Callable[[World, Document], Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`request` and `response` are protobuf message classes. `body` is the field that the HTTP body fills ("*":
    the whole request); `path` a template as in google.api.http."""

    api: str
    service: str
    method: str
    http: str
    path: str
    request: Any
    response: Any
    call: Call
    permission: str
    body: str = ""
    writes: bool = False


NOWHERE: Mapping[str, str] = {}


async def enter(  # noqa: PLR0913 - what is known of a call at the door
    world: World,
    *,
    api: str,
    authorization: str | None,
    permission: str = "",
    writes: bool = False,
    facts: Mapping[str, str] = NOWHERE,
    gone: disturbance.Gone | None = None,
) -> str:
    """Let a call in and tell whose it is; raises ApiError. The only place where API faults and rights act; the
    admin API has no faults, so that one can always be lifted. `facts` are those that a fault may ask for: method,
    region, cluster."""
    await disturb(world, api, facts, gone)
    skew_s = 0.0 if api == "admin" else faults.token_skew_s(world)
    email = auth.authenticate(world, authorization, skew_s=skew_s)
    if email is None:
        raise auth.unauthenticated(authorization)
    if writes and email != auth.OPERATOR:
        raise denied(world, permission or f"{api}.update")
    return email


async def disturb(
    world: World, api: str, facts: Mapping[str, str] = NOWHERE, gone: disturbance.Gone | None = None
) -> None:
    """The faults of an API. The admin API has none, whatever their scope: a fault can always be lifted."""
    if api == "admin":
        return
    code = await disturbance.suffer(world, gone=gone, api=api, **facts)
    if code:
        raise _failure(world, api, code)


def _failure(world: World, api: str, code: str) -> ApiError:
    """In Google's words, with what tells a client when to come again."""
    text = _BAD.get(code, "The service is currently unavailable.").format(
        service=f"{api}.googleapis.com", consumer=f"project_number:{world.project_number}"
    )
    details: list[Document] = []
    if code == "RESOURCE_EXHAUSTED":
        details.append({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": f"{api}.googleapis.com", "consumer": f"projects/{world.project_number}",
                "quota_limit": "RequestsPerMinutePerProject",
            },
        })  # fmt: skip
    retry = RETRY_S if code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE") else None
    if retry:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry}s"})
    reason = "rateLimitExceeded" if code == "RESOURCE_EXHAUSTED" else "backendError"
    return ApiError(code, text, reason=reason, details=details, retry_after_s=retry)


RETRY_S = 1
_BAD = {
    "RESOURCE_EXHAUSTED": "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service "
    "'{service}' for consumer '{consumer}'.",
    "INTERNAL": "Internal error encountered.",
    "DEADLINE_EXCEEDED": "The request timed out.",
    "PERMISSION_DENIED": "The caller does not have permission",
    "ABORTED": "The operation was aborted.",
    "CANCELLED": "The operation was cancelled.",
}


def denied(world: World, permission: str, project: str = "") -> ApiError:
    """In the words of the Container API, or of Compute's when the permission is one of its."""
    where = f"projects/{project or world.project}"
    message = f'Required "{permission}" permission(s) for "{where}".'
    if permission.startswith("compute."):
        message = f"Required '{permission}' permission for '{where}'"
    return ApiError("PERMISSION_DENIED", message, reason="forbidden")


def own_project(world: World, project: str, permission: str) -> None:
    """Only the sandbox's one project exists; any other is not ours to see."""
    if project not in (world.project, world.project_number):
        raise denied(world, permission, project)


def unreachable(world: World, location: str) -> None:
    if faults.first(world, "unreachable", location=location):
        raise ApiError("UNAVAILABLE", f"The service is currently unavailable in location {location}.")


def unreachable_locations(world: World) -> list[str]:
    return sorted({str(f["scope"]["location"]) for f in faults.active(world, "unreachable")})


def public(document: Document) -> Document:
    """Without the private fields, whose names start with "_"."""
    return {key: _public(value) for key, value in document.items() if not key.startswith("_")}


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return public(value)
    return [_public(v) for v in value] if isinstance(value, list) else value


def rfc3339(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def pacific(timestamp: float) -> str:
    """As Compute Engine writes times: milliseconds, and the offset of Mountain View (always winter's here)."""
    at = datetime.fromtimestamp(timestamp, timezone(timedelta(hours=-8)))
    return at.isoformat(timespec="milliseconds")


def numeric_id(name: str) -> str:
    """A stable number for objects that Google numbers."""
    return str(int(hashlib.sha256(name.encode()).hexdigest()[:15], 16))
