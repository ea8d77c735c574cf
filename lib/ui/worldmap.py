"""The world map: what is known of the wanted GPU in every region, where the fleet stands, where pictures came from.

Places and the world's outline are files the browser keeps; a refresh carries one letter and three numbers a region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from lib.fleet import catalog
from lib.fleet.model import Entry, RegionStatus
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot

PLACES: Final = tuple(sorted(catalog.REGIONS))
PLACES_PATH: Final = "atlas/places.json"
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


def show(
    snapshot: Snapshot,
    *,
    accelerator: str,
    selected: str | None,
    on_select: Callable[[], None],
    height: int = 560,
) -> None:
    """Draw the map; a click writes session_state["map"]["selected"] and calls `on_select`."""
    _MAP(
        key="map",
        height=height,
        data=payload(snapshot, accelerator=accelerator, selected=selected),
        on_selected_change=on_select,
    )


def payload(snapshot: Snapshot, *, accelerator: str, selected: str | None) -> dict[str, Any]:
    """What travels with a refresh. Lists follow the order of `PLACES`."""
    found = [snapshot.candidate(region, accelerator) for region in PLACES]
    return {
        "world": browser.url("app/static/atlas/world.json"),
        "places": browser.url(PLACES_PATH),
        "clock": browser.clock(snapshot.clock),
        "gpu": words.gpu(accelerator),
        "known": "".join(words.known_letter(one) for one in found),
        "chance": [_percent(one.obtainability) if one else None for one in found],
        "eta": [_rounded(one.eta_s) if one else None for one in found],
        "usd": [
            round(one.usd_per_hour, 2) if one and one.usd_per_hour is not None else None for one in found
        ],
        "fleet": [_marker(status) for status in snapshot.regions],
        "arcs": [_arc(one) for one in arcs(snapshot.of_kind("prompt"))],
        "selected": selected,
    }


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
