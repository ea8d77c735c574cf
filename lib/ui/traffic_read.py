"""What the Traffic page reads, by name: the load balancer, its objects, Monitoring's series, who answers whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from lib.fleet.traffic import CLIENTS, LoadBalancer
from lib.fleet.usage import Usage, usage
from lib.gateways.config_cluster import ConfigClusterGateway
from lib.gateways.errors import Unreachable
from lib.gateways.ingress import INGRESS, SERVICE
from lib.gateways.load_balancer import LoadBalancerGateway
from lib.gateways.ping import ping
from lib.settings import Settings
from lib.ui import looks, session
from lib.ui.looks import Seen

BALANCER: Final = "traffic/balancer"
OBJECTS: Final = "traffic/objects"
ANSWERS: Final = "traffic/answers"
KINDS: Final = (
    ("MultiClusterIngress", "networking.gke.io/v1", INGRESS),
    ("MultiClusterService", "networking.gke.io/v1", SERVICE),
    ("BackendConfig", "cloud.google.com/v1", "stable-diffusion-webui"),
)
RANGES: Final[dict[str, tuple[int, int]]] = {
    "1 h": (60, 60),
    "6 h": (360, 300),
    "24 h": (1440, 900),
}  # min, s
Objects = Mapping[str, str]  # kind -> YAML; "" while it is not there
Answers = Mapping[str, str]  # city -> region that answered; "": nobody did


def balancer() -> Seen[LoadBalancer]:
    return looks.look(BALANCER, _balancer, every_s=3.0)


def objects() -> Seen[Objects]:
    return looks.look(OBJECTS, _objects, every_s=5.0)


def answers() -> Seen[Answers]:
    return looks.look(ANSWERS, _answers, every_s=5.0)


def series(chosen: str) -> Seen[Usage]:
    return looks.look(series_name(chosen), lambda settings: _series(settings, *RANGES[chosen]), every_s=10.0)


def series_name(chosen: str) -> str:
    return f"traffic/series/{chosen}"


def keep(chosen: str, *, asks: bool) -> None:
    """Ask for all of it, so that it goes on being read: nothing is drawn of it now. `asks`: also who answers."""
    for one in (balancer, objects, *([answers] if asks else [])):
        one()
    series(chosen)


def _balancer(settings: Settings) -> LoadBalancer:
    return looks.gateway(LoadBalancerGateway, settings).read()


def _objects(settings: Settings) -> Objects:
    gateway = looks.gateway(ConfigClusterGateway, settings)
    return {kind: _text(gateway.get(kind, version, name)) for kind, version, name in KINDS}


def _text(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    metadata = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    return yaml.safe_dump({**found, "metadata": metadata}, sort_keys=False, width=100)


def _answers(_: Settings) -> Answers:
    """Who answers a client that says it is there. Google's load balancer goes by where the request really comes from,
    so against a project all of them come from here."""
    status = session.current().status
    if status is None or not status.vip:
        return {}
    return {client.city: _answered(status.vip, client.place) for client in CLIENTS}


def _answered(vip: str, place: tuple[float, float]) -> str:
    try:
        answer = ping(vip, place=place)
    except Unreachable:
        return ""
    return answer.region if answer.status == 200 else ""


def _series(settings: Settings, minutes: int, period_s: int) -> Usage:
    from lib.gateways.monitoring import MonitoringGateway  # its client is heavy, and only this page needs it

    gateway = looks.gateway(MonitoringGateway, settings)
    rates = gateway.request_rates(minutes=minutes, period_s=period_s)
    latencies = gateway.latencies(minutes=minutes, period_s=period_s)
    return usage(
        ((one.labels.get("zone", ""), one.labels.get("response_code", ""), one.points) for one in rates),
        ((one.labels.get("zone", ""), one.points) for one in latencies),
    )
