"""A running product for each module of browser tests, and pages that may only talk to this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.stack import CHROMIUM_ARGS, LOOPBACK, ROOT, Stack, browser_path, free_port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while Playwright is open its event loop runs, and asyncio tests can't."""
    own = (ROOT / ".venv" / ".browser").exists()
    path = browser_path()
    if not path and not own:
        if os.environ.get("CI"):
            pytest.fail("no browser: in CI the browser tests must run")
        pytest.skip("no Chromium found and none could be installed: install chromium or set CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=CHROMIUM_ARGS,
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that can reach this machine only (CHROMIUM_ARGS); an attempt to ask anybody else fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    asked = strangers(context)
    opened = context.new_page()
    yield opened
    opened.screenshot(path=tmp_path / "last.png")
    context.close()
    assert not asked, f"the page asked strangers: {asked}"


def strangers(context: BrowserContext) -> list[str]:
    """Grows with each address outside of this machine that a page of this context asks, by HTTP or by a websocket.

    Told of, not intercepted: that would turn the browser's cache off and lead each of a page's hundred requests here."""
    found: list[str] = []

    def note(url: str) -> None:
        if not url.startswith(("data:", "blob:")) and urlparse(url).hostname not in LOOPBACK:
            found.append(url)

    context.on("request", lambda request: note(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: note(socket.url)))
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One product for the tests of a module, in order; its state is thrown away afterwards."""
    running = Stack(state_dir=tmp_path_factory.mktemp("atlas") / "state", port=free_port())
    running.state_dir.mkdir()
    running.start()
    yield running
    running.stop()
