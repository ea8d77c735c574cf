"""What a browser loads for the Atlas page, and how soon there is something to see: the first time, and from its cache.

`python -m tests.bench.page_weight http://127.0.0.1:8501` measures a product that runs.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, WebSocket, sync_playwright

from tests.e2e.stack import CHROMIUM_ARGS, browser_path

TIMES = 3
MAP = ".mark.fleet[data-region]"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@dataclass
class Load:
    """One opening of the page: bytes by HTTP as they came over the wire, what the websocket brought, and when."""

    sizes: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    paint_ms: float = 0.0
    map_ms: float = 0.0

    def figures(self) -> Mapping[str, float]:
        return {
            "http_kb": sum(self.sizes) / 1000,
            "websocket_kb": sum(self.frames) / 1000,
            "requests": len(self.sizes),
            "first_paint_ms": self.paint_ms,
            "map_drawn_ms": self.map_ms,
        }


def page_weight(url: str, browser: Browser, *, times: int = TIMES) -> dict[str, object]:
    """The median of each figure. "first" is a browser that was never here, "again" the same one a second time."""
    first: list[Load] = []
    again: list[Load] = []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        first.append(_load(context, url))
        again.append(_load(context, url))
        context.close()
    return {**_medians("first_load", first), **_medians("load_again", again)}


def _medians(name: str, loads: list[Load]) -> dict[str, object]:
    told = [one.figures() for one in loads]
    return {f"{name}_{part}": round(statistics.median(one[part] for one in told)) for part in told[0]}


def _load(context: BrowserContext, url: str) -> Load:
    page, seen = context.new_page(), Load()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda told: seen.sizes.append(told["encodedDataLength"]))

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: seen.frames.append(len(payload)))

    page.on("websocket", listen)
    page.goto(url)
    page.wait_for_selector(MAP, timeout=60_000)
    seen.map_ms = page.evaluate("performance.now()")
    page.wait_for_load_state("networkidle")
    seen.paint_ms = page.evaluate(PAINTED)
    page.close()
    return seen


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_ARGS)
        sys.stdout.write(json.dumps(page_weight(sys.argv[1], browser), indent=2) + "\n")
        browser.close()


if __name__ == "__main__":
    main()
