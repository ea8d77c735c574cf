"""Which endpoint a request goes to, read from the load balancer's documents.

Only choosing, no I/O. The client's place decides the region: health moves traffic, load does not. The documents are
read once for each change of them, not for each request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import count

from lib.sandbox import catalog, loadbalancer, neg
from lib.sandbox.store import Change, Document
from lib.sandbox.world import (
    BACKEND_SERVICES,
    ENDPOINT_HEALTH,
    FORWARDING_RULES,
    NEGS,
    TARGET_PROXIES,
    URL_MAPS,
    World,
)

PARIS = (48.8566, 2.3522)
NO_BACKEND = "default backend - 404"
NO_SERVICE = "response 404 (backend NotFound), service rules for the path non-existent"
PLACES = 1000  # remembered at once, of places and of paths
Place = tuple[float, float]  # latitude, longitude in degrees
_READ = (FORWARDING_RULES, TARGET_PROXIES, URL_MAPS, BACKEND_SERVICES, NEGS, ENDPOINT_HEALTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    endpoint: Document
    zone: str
    neg: str  # name of its group
    key: str  # as in ENDPOINT_HEALTH


def route(world: World, *, host: str, path: str) -> Document | str:
    """The backend service for a request, or the text of the 404."""
    for _, rule in world.store.items(FORWARDING_RULES):
        if rule.get("portRange") == loadbalancer.port_range(world):
            proxy = world.store.get(TARGET_PROXIES, _name(rule["target"])) or {}
            routes = world.store.get(URL_MAPS, _name(proxy.get("urlMap", "")))
            service = _matched(routes, host.partition(":")[0], path) if routes else None
            if service is None:
                return NO_BACKEND
            return world.store.get(BACKEND_SERVICES, _name(service)) or NO_SERVICE
    return NO_BACKEND


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _matched(routes: Document, host: str, path: str) -> str | None:
    """By host (exact before "*"), then the longest path; else the default of what matched."""
    hosts = {h: rule["pathMatcher"] for rule in routes.get("hostRules", ()) for h in rule["hosts"]}
    matcher = hosts.get(host, hosts.get("*"))
    found = next((m for m in routes.get("pathMatchers", ()) if m["name"] == matcher), routes)
    fitting = [
        (len(pattern), rule["service"])
        for rule in found.get("pathRules", ())
        for pattern in rule["paths"]
        if pattern == path or (pattern.endswith("/*") and f"{path}/".startswith(pattern[:-1]))
    ]
    return max(fitting)[1] if fitting else found.get("defaultService")


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """Of one backend service, until something changes."""

    total: int
    healthy: dict[str, list[Target]]  # by region
    nearest: dict[Place, list[str]] = field(
        default_factory=dict
    )  # regions by distance, for places that asked

    def regions(self, place: Place) -> list[str]:
        if place not in self.nearest:
            if len(self.nearest) >= PLACES:
                self.nearest.clear()
            self.nearest[place] = sorted(
                self.healthy, key=lambda name: (distance_km(place, _place(name)), name)
            )
        return self.nearest[place]


class Routes:
    """The load balancer's documents as a proxy needs them; `close` ends the listening for changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turns = count()
        self._services: dict[tuple[str, str], Document | str] = {}
        self._endpoints: dict[str, _Endpoints] = {}
        self._stops: list[Callable[[], None]] = [world.store.subscribe(self._changed, c) for c in _READ]

    def close(self) -> None:
        for stop in self._stops:
            stop()

    def _changed(self, _: Change) -> None:
        self._services.clear()
        self._endpoints.clear()

    def service(self, *, host: str, path: str) -> Document | str:
        """The backend service for a request, or the text of the 404."""
        found = self._services.get((host, path))
        if found is None:
            if len(self._services) >= PLACES:
                self._services.clear()
            found = self._services[host, path] = route(self._world, host=host, path=path)
        return found

    def choose(self, service: Document, place: Place, *, besides: Collection[str] = ()) -> Target | None:
        """A healthy endpoint in the nearest region that has one, by turns."""
        endpoints = self._of(service)
        for region in endpoints.regions(place):
            left = [t for t in endpoints.healthy[region] if t.key not in besides]
            if left:
                return left[next(self._turns) % len(left)]
        return None

    def healthy_share(self, service: Document) -> float:
        """Of all its endpoints, draining ones left out."""
        endpoints = self._of(service)
        return sum(map(len, endpoints.healthy.values())) / endpoints.total if endpoints.total else 0.0

    def _of(self, service: Document) -> _Endpoints:
        found = self._endpoints.get(service["name"])
        if found is None:
            found = self._endpoints[service["name"]] = _endpoints(self._world, service)
        return found


def _endpoints(world: World, service: Document) -> _Endpoints:
    healthy: dict[str, list[Target]] = {}
    total = 0
    for target in _targets(world, service):
        state = (world.store.get(ENDPOINT_HEALTH, target.key) or {}).get("state")
        total += state != "DRAINING"
        if state == "HEALTHY":
            healthy.setdefault(catalog.region_of(target.zone), []).append(target)
    return _Endpoints(total, healthy)


def _targets(world: World, service: Document) -> Iterator[Target]:
    for backend in service.get("backends", ()):
        key = loadbalancer.neg_key(backend["group"])
        for endpoint in (world.store.get(NEGS, key) or {}).get("_endpoints", ()):
            zone, name = key.split("/", 1)
            yield Target(endpoint=endpoint, zone=zone, neg=name, key=neg.health_key(key, endpoint))


def _place(region: str) -> Place:
    return catalog.REGIONS[region].lat, catalog.REGIONS[region].lon


def place_of(text: str) -> Place:
    """ "LAT,LON" of the client; Paris when it says nothing readable."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        return PARIS
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else PARIS


def distance_km(a: Place, b: Place) -> float:
    """Along the great circle."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    chord = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * 6371.0 * math.asin(math.sqrt(chord))
