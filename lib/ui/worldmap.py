"""The world map: what is known of the wanted GPU in every region, where the fleet stands, where pictures came from.

Places and the world's outline are files the browser keeps; a refresh carries one letter and three numbers a region.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from lib.fleet import answers, catalog
from lib.fleet.model import Entry, Provisioning, RegionStatus
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot

KEY: Final = "map"
PLACES: Final = tuple(sorted(catalog.REGIONS))
PLACES_PATH: Final = "atlas/places.json"
LAYERS: Final = ("availability", "health", "traffic", "price", "latency")
WINDOW: Final = timedelta(hours=1)  # of the traffic and latency layers
ARCS: Final = 6  # of the latest pictures; more would hide the map
# Where requests come from when the answer does not say so: the sandbox's load balancer sees its clients there.
DEFAULT_CLIENT: Final = ((48.86, 2.35), "you, in Paris")

_MAP: Final = browser.component("map")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    client: tuple[float, float]
    origin: str
    region: str
    latest: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the viewer chose to see. No provisioning model: whichever is preferred in each region."""

    accelerator: str
    provisioning: Provisioning | None = None
    selected: str | None = None
    layer: str = LAYERS[0]


def show(
    snapshot: Snapshot,
    shown: Shown,
    *,
    height: int = 560,
    live: dict[str, Any] | None = None,
) -> None:
    """Draw the map; browser.take(KEY, …) has the region that was clicked, and with name="layer" the layer."""
    _MAP(
        key=KEY,
        height=height,
        data=payload(snapshot, shown)
        | {
            "world": browser.url("app/static/atlas/world.json"),
            "places": browser.url(PLACES_PATH),
            "selected": shown.selected,
            "layer": shown.layer,
            "heard": {name: browser.heard(KEY, name) for name in ("selected", "layer")},
            "live": live,
        },
        on_selected_change=lambda: None,
        on_layer_change=lambda: None,
    )


def payload(snapshot: Snapshot, shown: Shown) -> dict[str, Any]:
    """What a refresh carries, for every layer; what the viewer chose is not in it. Lists follow the order of `PLACES`."""
    found = [snapshot.candidate(region, shown.accelerator, shown.provisioning) for region in PLACES]
    return {
        "clock": browser.clock(snapshot.clock),
        "gpu": words.gpu(shown.accelerator) + _bought(shown.provisioning),
        "known": "".join(words.known_letter(one) for one in found),
        "chance": [_percent(one.obtainability) if one else None for one in found],
        "eta": [_rounded(one.eta_s) if one else None for one in found],
        "usd": [
            round(one.usd_per_hour, 2) if one and one.usd_per_hour is not None else None for one in found
        ],
        "fleet": [_marker(status) for status in snapshot.regions],
        "answers": _answers(snapshot),
        "arcs": [_arc(one) for one in arcs(snapshot.of_kind("prompt"))],
    }


def _bought(model: Provisioning | None) -> str:
    return f", {words.provisioning(model)}" if model else ""


def arcs(prompts: Sequence[Entry]) -> tuple[Arc, ...]:
    """One arc a region that drew one of the latest pictures; `prompts` come newest first."""
    drawn: dict[str, Arc] = {}
    for entry in prompts:
        region = entry.region or str(entry.body.get("region", ""))
        if region not in catalog.REGIONS or region in drawn:
            continue
        (lat, lon), origin = DEFAULT_CLIENT
        drawn[region] = Arc(client=(lat, lon), origin=origin, region=region, latest=not drawn)
        if len(drawn) == ARCS:
            break
    return tuple(drawn.values())


async def places(_request: Request) -> JSONResponse:
    """GET /atlas/places.json: where the regions lie. The browser keeps it for an hour."""
    rows = [
        {"id": one.name, "place": one.place, "lat": one.lat, "lon": one.lon}
        for one in (catalog.REGIONS[name] for name in PLACES)
    ]
    return JSONResponse(rows, headers={"Cache-Control": "public, max-age=3600"})


def _marker(status: RegionStatus) -> dict[str, Any]:
    return {
        "id": status.region,
        "phase": status.phase.value,
        "message": status.message,
        "eta": status.eta.timestamp() if status.eta else None,
        "healthy": status.healthy,
        "unhealthy": status.unhealthy,
    }


def _answers(snapshot: Snapshot) -> dict[str, list[int | None]]:
    """By region: how many of the last hour's requests it answered, and the probes' middle time in ms."""
    begin = snapshot.clock.at(time.time()) - WINDOW
    found = answers.by_region(snapshot.entries, begin)
    return {
        region: [one.good, None if one.p50_ms is None else round(one.p50_ms)] for region, one in found.items()
    }


def _arc(one: Arc) -> dict[str, Any]:
    return {
        "client": list(one.client),
        "from": one.origin,
        "region": one.region,
        "latest": one.latest,
        "lost": one.lost,
    }


def _percent(share: float | None) -> int | None:
    return None if share is None else round(100 * share)


def _rounded(seconds: float | None) -> int | None:
    """To ten seconds: evidence decays all the time, and a digit nobody reads is not worth a message."""
    return None if seconds is None else round(seconds / 10) * 10
