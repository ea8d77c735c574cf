"""Generate as its user sees it: progress, the queue, the gallery, two side by side, the file, and a region that dies
while it draws."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from lib.gateways import png
from lib.gateways.faults import FaultsGateway
from lib.gateways.txt2img import passport_of
from lib.settings import Settings
from tests.e2e.stack import Stack
from tests.e2e.test_story import button, opened

pytestmark = pytest.mark.e2e
DRAWN_MS = 120_000  # two processors may have much to do
LARGE = {"size": "1024x1024", "batch": "4"}  # takes long enough to look at


@pytest.fixture(scope="module")
def drawing(stack: Stack) -> Stack:
    stack.wait_serving(2)
    stack.atlas("sandbox", "speed", "60")  # so that the fleet stands still meanwhile
    return stack


def form(page: Page, stack: Stack, prompt: str, **words: str) -> None:
    """The page with these settings in its form, by a link."""
    opened(page, stack, f"generate?{urlencode({'prompt': prompt, **words})}")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt, timeout=60_000)


def held(stack: Stack) -> int:
    """Pictures that are kept."""
    return len(list((stack.state_dir / "pictures").glob("*.json")))


def shows(page: Page, count: int) -> None:
    said = page.get_by_text(re.compile(f"The last {min(12, count)} of {count} kept picture"))
    expect(said).to_be_visible(timeout=DRAWN_MS)


def test_a_picture_is_found_by_its_words_drawn_again_and_compared(drawing: Stack, page: Page) -> None:
    before = held(drawing)
    form(page, drawing, "a lighthouse in a storm", seed="7")
    button(page, "generate").click()
    shows(page, before + 1)
    button(page, "again").click()
    shows(page, before + 2)
    search = page.get_by_label("Search the gallery")
    search.fill("whale")
    search.press("Enter")
    expect(page.get_by_text(f"None of the {before + 2} kept pictures has these words.")).to_be_visible(
        timeout=30_000
    )
    search.fill("light 7")
    search.press("Enter")
    expect(page.get_by_text(f"that fit, of {before + 2} kept")).to_be_visible(timeout=30_000)
    page.locator('[class*="st-key-compare-"] button:enabled').first.click()
    expect(page.get_by_text("The same settings and seed; the same picture, pixel by pixel")).to_be_visible(
        timeout=30_000
    )
    expect(page).to_have_url(re.compile("beside="), timeout=15_000)
    button(page, "compare_close").click()
    expect(page.get_by_text("pixel by pixel")).to_be_hidden(timeout=30_000)


def test_the_downloaded_file_bears_its_passport_and_its_settings(drawing: Stack, page: Page) -> None:
    opened(page, drawing, "generate?gallery_search=lighthouse")
    save = page.locator('[class*="st-key-download-"] button').filter(visible=True).first
    with page.expect_download(timeout=60_000) as told:
        save.click(timeout=60_000)
    file = told.value.path().read_bytes()
    passport = passport_of(file)
    assert passport is not None
    assert passport.seed == 7
    assert passport.region in drawing.serving()
    assert told.value.suggested_filename.startswith(f"{passport.region}-7-")
    settings = png.text_of(file, "parameters") or ""
    assert settings.startswith("a lighthouse in a storm")
    assert "Seed: 7" in settings


def test_progress_is_told_by_the_pod_and_what_waits_is_withdrawn(drawing: Stack, page: Page) -> None:
    before = held(drawing)
    form(page, drawing, "a red fox in the snow at dawn", **LARGE)
    bars = page.locator("[data-testid=stProgress]")
    for drawn in (1, 2):  # as many as are sent at once
        button(page, "generate").click()
        expect(bars).to_have_count(drawn, timeout=30_000)
    button(page, "generate").click()
    expect(page.get_by_text("Place 1 in the queue here")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("in the queue here")).to_be_hidden(timeout=30_000)
    expect(page.get_by_text(re.compile(r"draws: \d+%")).first).to_be_visible(timeout=DRAWN_MS)
    shows(page, before + 8)  # two batches of four: the withdrawn one was not drawn
    expect(bars).to_have_count(0, timeout=30_000)


def test_a_region_that_dies_while_it_draws_is_told_and_the_seed_stays(drawing: Stack, page: Page) -> None:
    before = held(drawing)
    form(page, drawing, "mountains above a sea of clouds", seed="11", **LARGE)
    button(page, "generate").click()
    told = page.get_by_text(re.compile(r"^\S+ draws: \d+%")).first
    expect(told).to_be_visible(timeout=DRAWN_MS)
    lost = told.inner_text().partition(" ")[0]
    faults = FaultsGateway(Settings(state_dir=drawing.state_dir))
    fault = faults.create("stockout", {"region": lost}, ttl=timedelta(days=1))
    other = next(one for one in drawing.serving() if one != lost)
    moved = rf"Moved from {lost}( at step \d+ of \d+, as last heard,)? to {other}, same seed"
    expect(page.get_by_text(re.compile(moved)).first).to_be_visible(timeout=DRAWN_MS)
    shows(page, before + 4)
    expect(page.get_by_role("paragraph").filter(has_text=re.compile(r"^1[1-4]$")).first).to_be_visible()
    faults.clear(fault.id)
