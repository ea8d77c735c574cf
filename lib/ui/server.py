"""What the dashboard's web server adds to Streamlit's: security headers, the browser's own files, an early start.

The page script lies apart from `pages/`, so Streamlit's old page discovery, which shows raw file names for a moment
after a start, finds nothing there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.ui import browser, errands, live, looks, session, worldmap

HOME: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = HOME / "lib" / "ui" / "app.py"


def _inline_scripts() -> str:
    """Hashes of the inline scripts in Streamlit's own page, whatever version is installed."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    return " ".join(f"'sha256-{one}'" for one in hashes)


# Nothing but this server is ever asked. Styles: Streamlit writes its own into the page. Scripts: a component's loader
# arrives as a blob; there is no eval.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        f"script-src 'self' blob: 'wasm-unsafe-eval' {_inline_scripts()}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS: Final = {"X-Content-Type-Options": "nosniff"}
PAGE_HEADERS: Final = {  # of documents; on a number that is asked for every second they would be most of it
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """Pure ASGI: it neither buffers an answer nor touches the websocket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                page = headers.get("content-type", "").startswith("text/html")
                headers.update(HEADERS | PAGE_HEADERS if page else HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)


class RevalidatedFiles(StaticFiles):
    """Files of this version: the browser keeps them and asks each time whether they are still the ones."""

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Any:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def pulse(_request: Request) -> JSONResponse:
    """GET /atlas/pulse.json: a number that grows when there is something new, and how old the newest is."""
    return JSONResponse(browser.pulse(session.current()), headers={"Cache-Control": "no-store"})


def routes() -> list[BaseRoute]:
    return [
        Route(f"/{worldmap.PLACES_PATH}", worldmap.places),
        Route(f"/{browser.PULSE_PATH}", pulse),
        Route(f"/{live.PATH}", live.answer),
        Mount("/app/static", RevalidatedFiles(directory=HOME / "static")),
    ]


def middleware() -> list[Middleware]:
    return [Middleware(SecurityHeaders)]


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Looking begins with the server, so that the first browser finds something to see."""
    if os.environ.get("ATLAS_GALLERY") != "1":
        session.start()
    yield
    errands.stop()
    looks.stop()
    session.stop()
