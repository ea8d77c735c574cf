"""The way of a request as data for the browser: six continents, the address, the backend service, groups, pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lib.fleet.model import Phase, RegionStatus
from lib.fleet.traffic import BackendService, Group, LoadBalancer, Route, routes, why
from lib.gateways.ingress import INGRESS, SERVICE
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot
from lib.ui.traffic_read import Answers

_TRAFFIC: Final = browser.component("traffic")


def show(snapshot: Snapshot, found: LoadBalancer, answers: Answers | None) -> None:
    _TRAFFIC(key="traffic_picture", data=payload(snapshot, found, answers))


def payload(snapshot: Snapshot, found: LoadBalancer, answers: Answers | None) -> dict[str, Any]:
    """`answers` None: not asked, or it would tell nothing."""
    return {
        "told": "Requests from; ✓ asked and answered so" if answers else "Requests from six continents",
        "clients": [_client(one, answers) for one in routes(found.healthy_regions)],
        "ingress": f"MultiClusterIngress {INGRESS}",
        "front": [
            {"title": found.address or "no address yet", "kind": "Forwarding rule", "name": found.rule},
            {"title": "", "kind": "Target proxy", "name": found.proxy},
            {"title": "", "kind": "URL map: everything to the service", "name": found.url_map},
        ],
        "service": _service(found),
        "regions": _regions(snapshot, found),
        "nothing": "No region is linked yet: a region joins when its pod is Ready.",
    }


def _client(route: Route, answers: Answers | None) -> dict[str, Any]:
    client, there = route.client, bool(route.region)
    seen = (answers or {}).get(client.city)
    agrees = seen == route.region
    more = f"If {route.region} were lost: {route.instead or 'nobody'}." if there else ""
    return {
        "city": client.city,
        "continent": client.continent,
        "goes": f"→ {route.region}{' ✓' if seen and agrees else ''} {route.km:,.0f} km"
        if there
        else "→ nobody",
        "seen": "" if seen is None or agrees else f"answered by {seen or 'nobody'}",
        "more": f"{client.city} goes to the nearest region with a healthy backend. {more}".strip(),
        "look": "bad" if not there else "good" if seen is None or agrees else "leaving",
        "on": there,
    }


def _service(found: LoadBalancer) -> dict[str, Any]:
    title = f"MultiClusterService {SERVICE}"
    if not found.services:
        return {
            "title": title,
            "look": "unknown",
            "on": False,
            "state": "Not built yet",
            "name": "",
            "facts": [],
        }
    first = found.services[0]
    healthy = found.healthy_regions
    return {
        "title": title,
        "look": "good" if healthy else "bad",
        "on": bool(healthy),
        "state": f"{words.plural(len(healthy), 'region')} healthy" if healthy else "No healthy backend",
        "name": first.name,
        "facts": _facts(first),
    }


def _facts(service: BackendService) -> list[str]:
    said = [
        f"{service.scheme} load balancing; a backend has {service.timeout_s} s to answer; "
        f"{service.draining_s} s to drain."
    ]
    if service.check is not None:
        said = [service.check.sentence, service.check.detection, *said]
    return said


def _regions(snapshot: Snapshot, found: LoadBalancer) -> list[dict[str, Any]]:
    check = next((one.check for one in found.services), None)
    by_region: dict[str, list[Group]] = {}
    for group in found.groups:
        by_region.setdefault(group.region, []).append(group)
    shown: list[dict[str, Any]] = []
    for region, groups in sorted(by_region.items()):
        status = snapshot.region_status(region)
        busy = [one for one in groups if one.endpoints is None or one.endpoints]
        told = list(dict.fromkeys(why(one, check, status) for one in busy or groups[:1]))
        state, look = _state(groups, status)
        shown.append(
            {
                "id": region,
                "state": state,
                "look": look,
                "on": look == "good",
                "groups": [_chip(one, region) for one in groups],
                "pod": status.pod if status else "",
                "why": " ".join(told),
            }
        )
    return shown


def _state(groups: Sequence[Group], status: RegionStatus | None) -> tuple[str, str]:
    healthy = sum(one.healthy for one in groups)
    total = sum(len(one.endpoints or ()) for one in groups)
    if healthy:
        return f"{healthy} of {total} healthy", "good" if healthy == total else "leaving"
    if all(one.endpoints is None for one in groups):
        return "Not known", "unknown"
    if status is not None and status.phase is Phase.DRAINING:
        return "Draining", "leaving"
    if all(one.state == "UNKNOWN" for group in groups for one in group.endpoints or ()):
        return ("Not checked yet", "going") if total else ("No endpoint", "going")
    return "Unhealthy", "bad"


def _chip(group: Group, region: str) -> dict[str, Any]:
    zone = group.zone.removeprefix(f"{region}-")
    if group.endpoints is None:
        return {
            "zone": f"zone {zone}",
            "look": "unknown",
            "said": "?",
            "count": 0,
            "more": f"{group.name}: no answer",
        }
    states = ", ".join(f"{one.address} {one.state}" for one in group.endpoints) or "no endpoint"
    look = "unknown"
    if group.endpoints:
        look = "good" if group.healthy == len(group.endpoints) else "leaving" if group.healthy else "bad"
        unchecked = all(one.state in {"UNKNOWN", "DRAINING"} for one in group.endpoints)
        look = "unknown" if unchecked else look
    return {
        "zone": f"zone {zone}",
        "look": look,
        "said": f"{group.healthy}/{len(group.endpoints)}",
        "count": len(group.endpoints),
        "more": f"{group.name} ({group.zone}): {states}",
    }
