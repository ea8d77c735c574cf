"""News for the Atlas page's components without a run of its script: they fetch it themselves, when the pulse tells of it.

What they show depends on the snapshot and on the chosen GPU alone, so it is made once and given to all who look. What
Streamlit itself draws (banners, boxes, a region's card) stays with the page's live parts. Not an API: the address
carries a word that only this process's own pages know, so that nobody reads the fleet past the sign-in.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.fleet import catalog
from lib.fleet.model import Provisioning
from lib.ui import browser, glance, next_panel, passage, session, worldmap
from lib.ui.snapshot import Snapshot

PATH: Final = "atlas/live.json"
_WORD: Final = secrets.token_urlsafe(16)
Asked = tuple[str, Provisioning | None]


def source(part: str, snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """What a component needs to know for asking: the address, its part of the answer, and what it has been given."""
    accelerator, model = asked
    query = urlencode({"word": _WORD, "gpu": accelerator, "bought": model or ""})
    return {
        "url": f"{browser.url(PATH)}?{query}",
        "pulse": browser.url(browser.PULSE_PATH),
        "part": part,
        "version": snapshot.version,
    }


def parts(snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    accelerator, model = asked
    shown = worldmap.Shown(accelerator=accelerator, provisioning=model)
    return {
        "version": snapshot.version,
        "glance": glance.payload(snapshot),
        "map": worldmap.payload(snapshot, shown),
        "lanes": passage.payload(snapshot),
        "next": next_panel.payload(snapshot, now=snapshot.clock.at(time.time())),
    }


async def answer(request: Request) -> Response:
    """GET /atlas/live.json?word=…&gpu=…&bought=…: 403 without the word, 400 for a GPU or a model that is none."""
    asked, snapshot = request.query_params, session.current()
    if not secrets.compare_digest(asked.get("word", "").encode(), _WORD.encode()):
        return JSONResponse({"error": "Only the dashboard's own pages are answered here."}, status_code=403)
    gpu, bought = asked.get("gpu", ""), asked.get("bought", "")
    if (gpu and gpu not in catalog.ACCELERATORS) or (bought and bought not in set(Provisioning)):
        return JSONResponse(
            {"error": "Asked for a GPU or a provisioning model that is none."}, status_code=400
        )
    body = _MADE.of(snapshot, (gpu, Provisioning(bought) if bought else None))
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


class _Made:
    """The answers of one moment; the next snapshot's, or the next second's, replace them all."""

    def __init__(self) -> None:
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._bodies: dict[Asked, bytes] = {}

    def of(self, snapshot: Snapshot, asked: Asked) -> bytes:
        stamp = (snapshot.version, snapshot.newest_probe, int(time.time()))
        if stamp != self._stamp:
            self._stamp, self._bodies = stamp, {}
        if asked not in self._bodies:
            self._bodies[asked] = json.dumps(parts(snapshot, asked), separators=(",", ":")).encode()
        return self._bodies[asked]


_MADE: Final = _Made()
