"""Each state of each widget in a browser: its words are there, nothing is broken, cut or hard to read.

The dashboard alone, with made-up values: no sandbox, no controller. Pixels aren't compared, for fonts differ by machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from axe_playwright_python import base as axe
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as NotInTime

from lib.ui.gallery.registry import ALL, PARTS, WIDGETS
from tests.e2e.stack import ROOT, free_port
from tests.e2e.test_screens import RULES
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
Place = tuple[str, str]
PLACES: Final = ".st-key-exhibit, [role=dialog]"
LEAST_PX: Final = 8
MANY: Final = re.compile(r"\d\d")  # "43 regions": the same as in smaller states, which axe has looked at
LIGHT: Final = (
    "table.show",
    "worldmap.show",
    "passage.lanes",
    "delivery_graph.graph",
    "traffic_picture.show",
)
AXE: Final = axe.AXE_SCRIPT
# Plotly's drawings are looked at by test_screens: of the thousand texts of a heat map axe would ask each colour, each time.
RUN_AXE: Final = """async ({place, options}) => {
  const include = [...document.querySelectorAll(place)].filter((one) => one.childElementCount);
  const exclude = [...document.querySelectorAll(".js-plotly-plot")];
  const told = await axe.run({include, exclude}, {...options, resultTypes: ["violations"]});
  return told.violations.map((one) => ({
    id: one.id,
    impact: one.impact,
    nodes: one.nodes.slice(0, 3).map((node) => [node.html.slice(0, 90), node.failureSummary.slice(-160)]),
  }));
}"""
SETTLED: Final = """(told) => {
  const app = document.querySelector("[data-testid=stApp]");
  const bar = document.querySelector(".st-key-gallery_bar");
  return app?.dataset.testScriptState === "notRunning" && bar?.textContent.includes(told)
    && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]");
}"""
LOOKS: Final = """() => {
  const shown = [...document.querySelectorAll(".st-key-exhibit, [role=dialog]")];
  const main = document.querySelector("[data-testid=stMain]");
  return {
    height: Math.max(...shown.map((one) => one.getBoundingClientRect().height)),
    wide: Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth),
    broken: document.querySelectorAll("[data-testid=stException]").length,
  };
}"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard that shows made-up values only."""
    folder, port = tmp_path_factory.mktemp("gallery"), free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["run", "streamlit_app.py", "--server.port", str(port), "--server.headless", "true"]
    environment = {
        **os.environ,
        "ATLAS_GALLERY": "1",
        "ATLAS_STATE_DIR": str(folder),
        "ATLAS_PORT": str(port),
    }
    with (folder / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", *words], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: _up(url), timeout_s=60, every_s=0.2, what="a dashboard")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_stcore/health").is_success
    except httpx.TransportError:
        return False


def address(url: str, place: Place) -> str:
    return f"{url}/gallery?{urlencode({'widget': place[0], 'state': place[1]})}"


def step(page: Page, at: int) -> None:
    """To this state, by the button: the page stays, so that a state is drawn over the one before it."""
    if page.locator("[role=dialog]").count():
        page.keyboard.press("Escape")
    page.locator(".st-key-gallery_next button").click()
    settle(page, at)


def settle(page: Page, at: int) -> None:
    widget, state = ALL[at]
    page.wait_for_function(SETTLED, arg=f"{at + 1} of {len(ALL)}: {widget}, {state}", timeout=30_000)


def wrong(page: Page, place: Place) -> list[str]:
    """What is wrong with the state that is on the screen."""
    says = WIDGETS[place[0]][place[1]].says
    shown = page.locator(PLACES)
    told = shown.get_by_text(says).or_(shown.get_by_label(says)).filter(visible=True).first
    try:
        told.wait_for(timeout=15_000)
    except NotInTime:
        return [f"“{says}” is not to be seen"]
    looks = page.evaluate(LOOKS)
    found = ["it is empty"] if looks["height"] < LEAST_PX else []
    found += [f"{looks['wide']} px stick out at the right"] if looks["wide"] > 0 else []
    return found + (["an exception is shown"] if looks["broken"] else [])


def unreadable(page: Page) -> list[str]:
    """Axe's serious findings in the state alone."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    told: list[dict[str, Any]] = page.evaluate(RUN_AXE, {"place": PLACES, "options": RULES})
    return [f"{one['id']}: {one['nodes']}" for one in told if one["impact"] in {"serious", "critical"}]


@pytest.fixture
def opened(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=request.param, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def walked(page: Page, gallery: str, widgets: Collection[str]) -> dict[Place, list[str]]:
    """What is wrong with each state of these widgets, which stand one after the other."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    places = [(at, place) for at, place in enumerate(ALL) if place[0] in widgets]
    found: dict[Place, list[str]] = {}
    for at, place in places:
        if at > places[0][0]:
            step(page, at)
        else:
            page.goto(address(gallery, place))
            settle(page, at)
            said.clear()  # of a deep address Streamlit first tries which part is its own, and is told 404
        told = [*wrong(page, place), *(f"the console said: {one}" for one in said)]
        told += [] if MANY.match(place[1]) else unreadable(page)
        said.clear()
        if told:
            found[place] = told
    return found


@pytest.mark.parametrize("opened", ["dark"], indirect=True)
@pytest.mark.parametrize("part", PARTS)
def test_every_state_shows_its_words_whole_and_readable(gallery: str, opened: Page, part: str) -> None:
    assert walked(opened, gallery, PARTS[part]) == {}


@pytest.mark.parametrize("opened", ["light"], indirect=True)
@pytest.mark.parametrize("widget", LIGHT)
def test_what_has_colours_of_its_own_is_readable_in_light(gallery: str, opened: Page, widget: str) -> None:
    assert walked(opened, gallery, {widget}) == {}
