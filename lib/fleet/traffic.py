"""The load balancer that Multi Cluster Ingress built, as values, and where requests from somewhere would go.

The rule is Google's (reference 6.4): the nearest region with a healthy endpoint; health moves traffic, load does not. What
is unhealthy is told with the reason that is known: the health check, then the pod. Pure; reading is the gateways'.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lib.fleet import catalog
from lib.fleet.model import RegionStatus

EARTH_KM = 6371.0
Place = tuple[float, float]  # latitude, longitude in degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    name: str
    type: str  # HTTP, HTTPS, HTTP2
    path: str
    port: str  # a number, or "the serving port"
    interval_s: int
    timeout_s: int
    healthy_after: int
    unhealthy_after: int

    @property
    def sentence(self) -> str:
        return (
            f"{self.type} GET {self.path} at port {self.port} every {self.interval_s} s, {self.timeout_s} s to answer "
            f"200; healthy after {self.healthy_after}, unhealthy after {self.unhealthy_after} in a row."
        )

    @property
    def detection(self) -> str:
        """How long a dead backend stays in the rotation, by the numbers."""
        least = self.interval_s * (self.unhealthy_after - 1)
        most = self.interval_s * self.unhealthy_after + self.timeout_s
        return f"A backend that stops answering is out of the rotation after {least} to {most} s."


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    address: str  # IP:port
    state: str  # HEALTHY, UNHEALTHY, DRAINING, UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A zonal NEG behind the backend service. `endpoints` None: it did not answer."""

    name: str
    zone: str
    region: str
    endpoints: tuple[Endpoint, ...] | None = None

    @property
    def healthy(self) -> int:
        return sum(one.state == "HEALTHY" for one in self.endpoints or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendService:
    name: str
    scheme: str  # EXTERNAL, EXTERNAL_MANAGED
    timeout_s: int
    draining_s: int
    check: HealthCheck | None
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """From the address to the groups; a part that isn't built yet is "" or empty."""

    address: str = ""  # IP:port
    rule: str = ""
    proxy: str = ""
    url_map: str = ""
    services: tuple[BackendService, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(group for service in self.services for group in service.groups)

    @property
    def healthy_regions(self) -> tuple[str, ...]:
        return tuple(sorted({group.region for group in self.groups if group.healthy}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody on one of the six continents where people live."""

    continent: str
    city: str
    place: Place


CLIENTS: tuple[Client, ...] = (
    Client(continent="Europe", city="Paris", place=(48.86, 2.35)),
    Client(continent="North America", city="Chicago", place=(41.88, -87.63)),
    Client(continent="South America", city="São Paulo", place=(-23.55, -46.63)),
    Client(continent="Africa", city="Lagos", place=(6.52, 3.38)),
    Client(continent="Asia", city="Tokyo", place=(35.68, 139.69)),
    Client(continent="Oceania", city="Sydney", place=(-33.87, 151.21)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    client: Client
    region: str  # "": no region is healthy
    km: float = 0.0
    instead: str = ""  # where it would go if that region were lost


def routes(healthy: Iterable[str], clients: Sequence[Client] = CLIENTS) -> tuple[Route, ...]:
    """Where each client's requests go while these regions have a healthy endpoint."""
    regions = [name for name in healthy if name in catalog.REGIONS]
    return tuple(_route(client, regions) for client in clients)


def _route(client: Client, regions: Sequence[str]) -> Route:
    ranked = sorted((distance_km(client.place, _place(name)), name) for name in regions)
    if not ranked:
        return Route(client=client, region="")
    return Route(
        client=client,
        region=ranked[0][1],
        km=ranked[0][0],
        instead=ranked[1][1] if len(ranked) > 1 else "",
    )


def distance_km(a: Place, b: Place) -> float:
    """Along the great circle."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    chord = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(chord))


def _place(region: str) -> Place:
    known = catalog.REGIONS[region]
    return known.lat, known.lon


def why(group: Group, check: HealthCheck | None, status: RegionStatus | None) -> str:  # noqa: PLR0911 - a ladder of guards
    """Why a group is as it is, in one or two sentences."""
    if group.endpoints is None:
        return "The load balancer did not tell its health."
    if not group.endpoints:
        return f"No pod of this workload runs in {group.zone}, so there is nothing to send to."
    asked = f"{check.type} {check.path}" if check else "the health check"
    if group.healthy == len(group.endpoints):
        return f"It answers {asked} with 200."
    pod = _condition(status, "WorkloadReady")
    draining = sum(one.state == "DRAINING" for one in group.endpoints)
    if draining == len(group.endpoints):
        return "It is being drained: running requests may end, new ones go elsewhere."
    if all(one.state == "UNKNOWN" for one in group.endpoints if one.state != "DRAINING"):
        return f"The health check hasn't asked it often enough yet. {pod}".strip()
    failing, total = sum(one.state == "UNHEALTHY" for one in group.endpoints), len(group.endpoints)
    if failing == 0:
        return f"{group.healthy} of {total} endpoints answer {asked} with 200; the others are on their way in or out."
    who = "Its endpoint doesn't" if total == 1 else f"{failing} of {total} endpoints don't"
    return f"{who} answer {asked} with 200. {pod}".strip()


def _condition(status: RegionStatus | None, kind: str) -> str:
    found = next((one.message for one in status.conditions if one.type == kind), "") if status else ""
    return f"The pod: {found}" if found else ""
