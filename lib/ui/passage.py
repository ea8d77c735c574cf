"""How regions come to serve, drawn live in the browser: lanes for the fleet, a waterfall for one region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lib.fleet.model import BLOCKED, PROGRESS, Phase, RegionStatus
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot

LANES: Final = "lanes"
SPANS: Final = 9  # of a region's history that fit the card

_PASSAGE: Final = browser.component("passage")


def lanes(snapshot: Snapshot, *, selected: str | None, live: dict[str, Any] | None = None) -> None:
    """A row a region, those that serve first; browser.take(LANES, …) has the one that was clicked.

    `live`: where it asks for news by itself (lib.ui.live)."""
    data = payload(snapshot) | {
        "mode": "lanes",
        "selected": selected,
        "heard": browser.heard(LANES),
        "live": live,
    }
    _PASSAGE(key=LANES, data=data, on_selected_change=lambda: None)


def payload(snapshot: Snapshot) -> dict[str, Any]:
    ordered = sorted(snapshot.regions, key=lambda one: (one.phase is not Phase.SERVING, one.region))
    return {"clock": browser.clock(snapshot.clock), "rows": [row(one) for one in ordered]}


def waterfall(snapshot: Snapshot, status: RegionStatus) -> None:
    data = {"mode": "detail", "clock": browser.clock(snapshot.clock), "rows": [row(status)]}
    _PASSAGE(key="waterfall", data=data, on_selected_change=lambda: None)


def row(status: RegionStatus) -> dict[str, Any]:
    steps = [(one.phase.value, one.since.timestamp()) for one in latest_run(status)]
    return {
        "id": status.region,
        "phase": status.phase.value,
        "since": status.since.timestamp() if status.since else None,
        "eta": status.eta.timestamp() if status.eta else None,
        "etaLate": status.eta_late.timestamp() if status.eta_late else None,
        "late": status.late_s,
        "message": status.message,
        "meta": meta(status),
        "steps": steps,
        "ahead": [] if status.phase in BLOCKED else [one.value for one in ahead(status.phase)],
    }


def latest_run(status: RegionStatus) -> tuple[Any, ...]:
    """The spans since the region last began: after the last Serving that is over, or the last Wanted."""
    spans = status.history
    starts = [
        i + (one.phase is Phase.SERVING)
        for i, one in enumerate(spans[:-1])
        if one.phase in {Phase.SERVING, Phase.WANTED}
    ]
    return spans[max(starts, default=0) :][-SPANS:]


def ahead(phase: Phase) -> tuple[Phase, ...]:
    return PROGRESS[PROGRESS.index(phase) + 1 :] if phase in PROGRESS else ()


def meta(status: RegionStatus) -> str:
    """The small line of a lane: what GPU where, and how many endpoints the load balancer sees."""
    parts = [words.gpu(status.accelerator)] if status.accelerator else []
    if status.zone:
        parts.append(status.zone)
    if status.healthy is not None and status.phase is Phase.SERVING:
        parts.append(f"{status.healthy} healthy")
    return " · ".join(parts)


def leases(snapshot: Snapshot, rows: Sequence[dict[str, Any]]) -> None:
    data = {"mode": "lanes", "clock": browser.clock(snapshot.clock), "selected": None, "rows": list(rows)}
    _PASSAGE(key="leases", data=data, on_selected_change=lambda: None)
