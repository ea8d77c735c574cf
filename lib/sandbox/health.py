"""Health checks of the load balancer: which endpoints may get requests.

Each endpoint is probed at its check's interval, in sandbox time, and changes its state after as many probes in a row
as the thresholds say. At high speed many intervals pass between two ticks; a streak is therefore measured by its age.
Draining endpoints are left alone: `neg` put them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import load, loadbalancer, neg, webui
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, rfc3339
from lib.sandbox.world import BACKEND_SERVICES, ENDPOINT_HEALTH, HEALTH_CHECKS, NEGS, World

HEALTHY, UNHEALTHY, DRAINING = "HEALTHY", "UNHEALTHY", "DRAINING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`port` 0: the endpoint's own."""

    interval_s: float
    timeout_s: float
    healthy: int
    unhealthy: int
    port: int
    path: str


def tick(world: World) -> None:
    probed = load.of(world).probed
    seen: set[str] = set()
    for _, service in world.store.items(BACKEND_SERVICES):
        check = _check_of(world, service)
        for backend in service.get("backends", ()):
            group = loadbalancer.neg_key(backend["group"])
            for endpoint in (world.store.get(NEGS, group) or {}).get("_endpoints", ()):
                key = neg.health_key(group, endpoint)
                seen.add(key)
                number = _probe_number(world, check, key)
                if probed.get(key) != number:
                    probed[key] = number
                    _probe(world, check, key, endpoint)
    for key in [k for k in probed if k not in seen]:
        del probed[key]


def _check_of(world: World, service: Document) -> Check:
    name = service["healthChecks"][0].rsplit("/", 1)[-1]
    found: Mapping[str, Any] = world.store.get(HEALTH_CHECKS, name) or {}
    request = found.get(f"{found.get('type', 'HTTP').lower()}HealthCheck", {})
    settings = {**loadbalancer.HEALTH_DEFAULTS, **found}
    return Check(
        interval_s=max(1.0, settings["checkIntervalSec"]),
        timeout_s=settings["timeoutSec"],
        healthy=settings["healthyThreshold"],
        unhealthy=settings["unhealthyThreshold"],
        port=request.get("port", 0),
        path=request.get("requestPath", "/"),
    )


def _probe_number(world: World, check: Check, key: str) -> int:
    """Counts the probes since the epoch; each endpoint has its own phase, so that they don't come in volleys."""
    phase = int(numeric_id(key)) % 1000 / 1000
    return int(world.clock.timestamp() / check.interval_s + phase)


def _probe(world: World, check: Check, key: str, endpoint: Document) -> None:
    old = world.store.get(ENDPOINT_HEALTH, key)
    if old is not None and old["state"] == DRAINING:
        return
    status = webui.probe(
        world, neg.address_of(endpoint), port=check.port or endpoint["port"], path=check.path
    )
    new = _judged(old, check, status, world.clock.timestamp())
    if new != old:
        world.store.put(ENDPOINT_HEALTH, key, new)


def _judged(old: Document | None, check: Check, status: int | None, now: float) -> Document:
    """The endpoint's state after a probe that was answered with `status` (None: not at all)."""
    current: Document = old or {"state": UNHEALTHY, "since": rfc3339(now)}
    passed = status == 200
    if passed == (current["state"] == HEALTHY):
        return {k: v for k, v in current.items() if k != "_against"}
    since = current.get("_against", now)
    needed = check.healthy if passed else check.unhealthy
    streak_s = (needed - 1) * check.interval_s + (check.timeout_s if status is None else 0.0)
    if now - since < streak_s:
        return {**current, "_against": since}
    return {"state": HEALTHY if passed else UNHEALTHY, "since": rfc3339(now)}
