"""Faults that an operator of the sandbox has put in force; every other part asks here whether one applies to it.

Not a scheduler of surprises: what goes wrong by itself is `stock`'s business. Faults enter by `admin`, or through
`create` in tests; the kinds there are, and the check of their fields, are `fault_kinds`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.fault_kinds import KINDS, check
from lib.sandbox.store import Document
from lib.sandbox.world import CLUSTERS, FAULTS, World


def create(
    world: World, kind: str, scope: Mapping[str, Any] | None = None, *, ttl_s: float | None = None
) -> Document:
    """Put a fault in force. Raises ApiError INVALID_ARGUMENT that names the field."""
    scope = dict(scope or {})
    check(kind, scope, ttl_s, clusters=[key for key, _ in world.store.items(CLUSTERS)])
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
    return next(matching(world, kind, **subject), None)


def matching(world: World, kind: str, **subject: Any) -> Iterator[Document]:
    """As `first`, every one of them."""
    found = active(world, kind)
    if found:  # seldom, and asked for every request
        facts = _facts(subject)
        yield from (fault for fault in found if _applies(fault, facts))


def hits(world: World, kind: str, **subject: Any) -> Document | None:
    """As `first`, for a fault that strikes a share of the calls only: says each time anew whether this one is."""
    fault = first(world, kind, **subject)
    return fault if fault and world.rng.random() < fault["scope"].get("rate", 1) else None


def chosen(world: World, fault: Document, name: str) -> bool:
    """Whether an object is in the share that the fault strikes: always the same for the same seed and name."""
    draw = random.Random(f"{world.seed}/{fault['created']}/{name}").random()
    return draw < fault["scope"].get("rate", 1)


def control_plane_down(world: World, cluster: str) -> bool:
    """Whether the Kubernetes API of the cluster ("<location>/<name>") can't serve."""
    location = cluster.split("/", 1)[0]
    return first(world, "control-plane-down", cluster=cluster, region=location) is not None


def token_skew_s(world: World) -> float:
    """By how many seconds the clock of those who look at tokens is ahead; negative when it is behind."""
    fault = first(world, "token-clock-skew")
    return float(fault["scope"]["seconds"]) if fault else 0.0


def _applies(fault: Document, facts: Mapping[str, Any]) -> bool:
    known = KINDS.get(fault["kind"])  # None: put in by another version
    return known is not None and all(
        field.effect or _fits(field.name, fault["scope"].get(field.name), facts) for field in known.fields
    )


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
    if name == "method" and fact is not None:
        return str(wanted).lower() == str(fact).lower()
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
