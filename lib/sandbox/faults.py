"""Faults that an operator of the sandbox has put in force; every other part asks here whether one applies to it.

Not a scheduler of surprises: what goes wrong by itself is `stock`'s business. Faults enter by `admin`, or through
`create` in tests.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.errors import HTTP_STATUS, ApiError
from lib.sandbox.store import Document
from lib.sandbox.world import FAULTS, World

_EFFECTS = ("reclaim", "ms", "code", "rate")  # say what happens, not to whom
APIS = ("container", "gkehub", "compute", "monitoring", "kubernetes", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    name: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    sentence: str


KINDS: Mapping[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            name="stockout",
            fields=("region", "zone", "accelerator", "provisioning", "reclaim"),
            required=(),
            sentence="No GPU in scope can be had; with reclaim (the default) running ones are taken away.",
        ),
        FaultKind(
            name="quota",
            fields=("region", "accelerator"),
            required=(),
            sentence="The GPU quota in scope becomes 0.",
        ),
        FaultKind(
            name="api-latency",
            fields=("api", "ms"),
            required=("ms",),
            sentence="Every call to the API waits this long first.",
        ),
        FaultKind(
            name="api-error",
            fields=("api", "code", "rate"),
            required=(),
            sentence="This share of calls to the API fails with this canonical code.",
        ),
        FaultKind(
            name="unreachable",
            fields=("location",),
            required=("location",),
            sentence="The location does not answer: lists are partial and say so, other calls get UNAVAILABLE.",
        ),
        FaultKind(
            name="control-plane-down",
            fields=("cluster",),
            required=("cluster",),
            sentence="The cluster's Kubernetes API hangs up.",
        ),
        FaultKind(
            name="config-sync-stalled",
            fields=("cluster",),
            required=(),
            sentence="Config Sync no longer fetches new commits.",
        ),
        FaultKind(
            name="backend-broken",
            fields=("region",),
            required=("region",),
            sentence="The replicas of the region answer 500 on their health path.",
        ),
    )
}


def create(
    world: World, kind: str, scope: Mapping[str, Any] | None = None, *, ttl_s: float | None = None
) -> Document:
    """Put a fault in force. Raises ApiError INVALID_ARGUMENT that names the field."""
    scope = dict(scope or {})
    _check(kind, scope, ttl_s)
    now = world.clock.timestamp()
    fault: Document = {
        "id": f"fault-{uuid.uuid4().hex[:8]}",
        "kind": kind,
        "scope": scope,
        "created": _time(now),
        "expires": _time(now + ttl_s) if ttl_s else None,
        "_expires": now + ttl_s if ttl_s else None,
    }
    world.store.put(FAULTS, fault["id"], fault)
    return fault


def active(world: World, kind: str | None = None) -> list[Document]:
    now = world.clock.timestamp()
    return [
        fault
        for _, fault in world.store.items(FAULTS)
        if (kind is None or fault["kind"] == kind) and not _expired(fault, now)
    ]


def first(world: World, kind: str, **subject: Any) -> Document | None:
    """The first fault in force whose scope fits the subject. A field that the scope leaves out fits all; one
    that it names must be a fact of the subject. A zone tells its region; a cluster may be named with or without
    its location."""
    facts = _facts(subject)
    for fault in active(world, kind):
        if all(_fits(name, wanted, facts) for name, wanted in fault["scope"].items() if name not in _EFFECTS):
            return fault
    return None


def _facts(subject: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(subject)
    zone = facts.get("zone")
    if zone in catalog.all_zones():
        facts.setdefault("region", catalog.region_of(zone))
    return facts


def _fits(name: str, wanted: Any, facts: Mapping[str, Any]) -> bool:
    fact = facts.get(name)
    if wanted in (None, "") or wanted == fact:
        return True
    if name != "cluster" or fact is None or ("/" in wanted and "/" in fact):
        return False
    return str(wanted).rsplit("/", 1)[-1] == str(fact).rsplit("/", 1)[-1]


def tick(world: World) -> None:
    """Forget faults whose time is over."""
    now = world.clock.timestamp()
    for key, fault in world.store.items(FAULTS):
        if _expired(fault, now):
            world.store.delete(FAULTS, key)


def _expired(fault: Document, now: float) -> bool:
    expires = fault.get("_expires")
    return expires is not None and expires <= now


def _time(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")


def _check(kind: str, scope: Mapping[str, Any], ttl_s: float | None) -> None:
    known = KINDS.get(kind)
    if known is None:
        raise ApiError("INVALID_ARGUMENT", f'kind: unknown fault "{kind}"; one of {", ".join(KINDS)}')
    for name in scope:
        if name not in known.fields:
            raise ApiError(
                "INVALID_ARGUMENT",
                f'scope.{name}: "{kind}" has no such field; one of {", ".join(known.fields)}',
            )
    for name in known.required:
        if scope.get(name) in (None, ""):
            raise ApiError("INVALID_ARGUMENT", f'scope.{name}: "{kind}" needs it')
    if ttl_s is not None and ttl_s <= 0:
        raise ApiError("INVALID_ARGUMENT", "ttlSeconds: must be positive")
    for name, allowed in _ALLOWED.items():
        value = scope.get(name)
        if value not in (None, "") and value not in allowed:
            raise ApiError("INVALID_ARGUMENT", f'scope.{name}: "{value}" is not known')
    _check_numbers(scope)


def _check_numbers(scope: Mapping[str, Any]) -> None:
    for name, low, high in (("ms", 0, 600_000), ("rate", 0, 1)):
        value = scope.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high
        ):
            raise ApiError("INVALID_ARGUMENT", f"scope.{name}: must be a number from {low} to {high}")
    if not isinstance(scope.get("reclaim", True), bool):
        raise ApiError("INVALID_ARGUMENT", "scope.reclaim: must be true or false")


_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "region": tuple(catalog.REGIONS),
    "zone": catalog.all_zones(),
    "accelerator": tuple(catalog.ACCELERATORS),
    "provisioning": ("STANDARD", "SPOT"),
    "api": APIS,
    "code": tuple(HTTP_STATUS),
}
