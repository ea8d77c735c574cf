"""Each screen's main path, and what every screen must keep: no serious finding of axe-core, no cut at any width."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from lib.fleet import catalog
from lib.gateways.delivery import DeliveryGateway
from lib.settings import Settings
from lib.ui import screens
from tests.e2e.stack import Stack
from tests.e2e.test_story import button, choose, confirm, opened
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
ADDRESSES = {  # with something open
    "atlas": "?region=us-central1",
    "capacity": "capacity?cap_region=us-central1",
    "fleet": "fleet?cluster=config-cluster",
}
SCREENS = tuple(ADDRESSES.get(one.name, one.name) for one in screens.screens())
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "rules": {"heading-order": {"enabled": True}},  # moderate, and how a screen reader finds its way
}
Scheme = Literal["dark", "light"]


def settled(page: Page, stack: Stack, path: str) -> Page:
    """The screen after its first drawing and its data."""
    opened(page, stack, path)
    expect(page.locator("h1").first).to_be_visible(timeout=30_000)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=30_000)
    return page


def serious(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {[(node['html'][:90], node['failureSummary'][-190:]) for node in one['nodes'][:4]]}"
        for one in found
        if one["impact"] in {"serious", "critical"} or one["id"] == "heading-order"
    ]


@pytest.fixture(scope="module")
def serving(stack: Stack) -> Stack:
    stack.wait_serving(2)
    return stack


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_screen_has_a_serious_finding_of_axe(serving: Stack, page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = {path: serious(settled(page, serving, path)) for path in SCREENS}
    assert not {path: told for path, told in found.items() if told}


@pytest.mark.parametrize("path", ["", "generate"])
def test_a_phone_shows_atlas_and_generate_whole(serving: Stack, browser: Browser, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = settled(context.new_page(), serving, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_times_are_local_and_tell_their_utc_when_pointed_at(serving: Stack, browser: Browser) -> None:
    """In India it is half past five when it is midnight in Greenwich: no zone of a machine by accident."""
    context = browser.new_context(timezone_id="Asia/Kolkata")
    page = settled(context.new_page(), serving, "activity")
    expect(page.locator(".clock")).to_contain_text("UTC+5:30", timeout=30_000)
    in_the_browser = page.locator("article.line time").first
    expect(in_the_browser).to_be_visible(timeout=30_000)
    assert_half_past_five(in_the_browser)
    settled(page, serving, "")
    expect(page.locator(".glance time").first).to_be_visible(timeout=30_000)
    assert_half_past_five(page.locator(".glance time").first)
    settled(page, serving, "delivery")
    from_the_server = page.locator("time", has_text="UTC+5:30").first
    expect(from_the_server).to_be_visible(timeout=30_000)
    assert_half_past_five(from_the_server)
    context.close()


def assert_half_past_five(told: Locator) -> None:
    [local] = re.findall(r"\d\d:\d\d:\d\d", told.inner_text())
    [exact] = re.findall(r"\d\d:\d\d:\d\d UTC$", told.get_attribute("title") or "")
    there, here = (datetime.strptime(text[:8], "%H:%M:%S") for text in (exact, local))  # noqa: DTZ007 - hands of a clock
    assert (here - there) % timedelta(days=1) == timedelta(hours=5, minutes=30)


def test_a_commit_of_a_stranger_is_seen_and_gone_back_from(serving: Stack, page: Page) -> None:
    """Somebody commits by hand; the page shows it, its difference, and the way back, which the controller takes."""
    cluster = f"atlas-{serving.serving()[0]}"
    git = DeliveryGateway(
        Settings(state_dir=serving.state_dir, delivery_url=f"file://{serving.state_dir}/delivery.git")
    )
    serving.atlas("recover", check=False)  # of a try before this one
    wait_until(lambda: git.read()[cluster].held_at == "", timeout_s=60, what="a directory that is rendered")
    good, files = git.read()[cluster], git.files(cluster)
    mark = f"by hand {uuid4().hex[:6]}"
    changed = {
        name: re.sub(r"replicas: 1\b.*", f"replicas: 1  # {mark}", text) for name, text in files.items()
    }
    git.commit(cluster, changed, subject=f"Change it {mark}", author="eve@example.org")
    settled(page, serving, f"delivery?commit={good.commit[:7]}")
    expect(page.locator(".row", has_text=f"Change it {mark}")).to_be_visible(timeout=30_000)
    button(page, "roll_back").click(timeout=30_000)
    confirm(page)
    wait_until(
        lambda: git.read()[cluster].held_at == good.commit, timeout_s=60, what="a directory that is held"
    )
    assert git.past(git.head(), cluster) == files
    expect(page.locator(".held", has_text=good.commit[:7])).to_be_visible(timeout=30_000)
    serving.atlas("recover")
    wait_until(lambda: git.read()[cluster].held_at == "", timeout_s=60, what="a directory that is rendered")
    assert git.files(cluster) == files


def test_traffic_shows_who_answers_six_continents_and_a_small_load_gets_through(
    serving: Stack, page: Page
) -> None:
    settled(page, serving, "traffic")
    expect(page.locator(".client", has_text="✓")).to_have_count(6, timeout=30_000)
    expect(page.locator(".region.good")).to_have_count(2, timeout=30_000)
    page.get_by_label("Requests", exact=True).fill("5")
    page.get_by_label("A second", exact=True).fill("5")
    page.keyboard.press("Tab")
    button(page, "load_start").click(timeout=15_000)
    expect(page.get_by_text("5 of 5 sent")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("5 of 5", exact=True)).to_be_visible()


def test_the_palette_leads_by_keyboard_alone_and_the_address_follows(serving: Stack, page: Page) -> None:
    settled(page, serving, "activity")
    palette = page.get_by_role("dialog", name="Commands")
    expect(page.get_by_role("button", name="Open the command palette")).to_be_visible(timeout=15_000)
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.type("us-west1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?region=us-west1$"), timeout=15_000)
    expect(page.get_by_role("heading", name="us-west1")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Price", exact=True).click()
    expect(page).to_have_url(re.compile(r"layer=price"), timeout=45_000)
    expect(page.locator(".mark.told").first).to_be_attached()
    page.reload()
    expect(page.get_by_role("button", name="Price", exact=True)).to_have_attribute(
        "aria-pressed", "true", timeout=30_000
    )
    expect(page.get_by_role("heading", name="us-west1")).to_be_visible(timeout=15_000)
    page.get_by_role("heading", name="Atlas").click()
    page.keyboard.press(str(1 + [one.name for one in screens.screens()].index("drill")))
    expect(page).to_have_url(re.compile(r"/drill$"), timeout=15_000)


def test_expanding_from_the_palette_shows_the_plan_and_cancelling_changes_nothing(
    serving: Stack, page: Page
) -> None:
    settled(page, serving, "drill")
    expect(page.get_by_role("button", name="Open the command palette")).to_be_visible(timeout=15_000)
    before = serving.atlas("status")["spec"]
    page.keyboard.press("?")
    page.keyboard.type("expand us-west1")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Serve from us-west1")
    expect(dialog.get_by_text("Blast radius")).to_be_visible(timeout=20_000)
    button(page, "dialog_cancel").click()
    expect(dialog).to_be_hidden(timeout=20_000)
    assert serving.atlas("status")["spec"] == before


def test_one_click_leads_from_the_empty_card_to_the_best_next_region(serving: Stack, page: Page) -> None:
    settled(page, serving, "")
    best = page.get_by_role("region", name="Best next regions").get_by_role("button").first
    expect(best).to_be_visible(timeout=30_000)
    best.click()
    expect(page).to_have_url(re.compile(r"region=[a-z0-9-]+$"), timeout=15_000)
    region = page.url.rpartition("=")[
        2
    ]  # and not by the text: the odds may have put another one there meanwhile
    expect(page.get_by_role("heading", name=region)).to_be_visible(timeout=15_000)


def test_a_double_click_on_the_button_is_one_change(serving: Stack, page: Page) -> None:
    def intents() -> list[str]:
        return [one["message"] for one in serving.atlas("events", "--kind", "intent", "--limit", "200")]

    region = next(one for one in ("us-west1", "asia-southeast1", "us-east1") if one not in serving.regions())
    before, generation = intents(), serving.atlas("status")["generation"]
    for key, title in (("expand", f"Serve from {region}"), ("contract", f"Stop serving from {region}")):
        settled(page, serving, f"?region={region}")
        button(page, key).click(timeout=30_000)
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog.get_by_text("Cost per hour")).to_be_visible(timeout=20_000)
        button(page, "dialog_confirm").dblclick()
        expect(dialog).to_be_hidden(timeout=20_000)
        wait_until(lambda at=title: intents().count(at) > before.count(at), timeout_s=30, what=title)
        assert intents().count(title) == before.count(title) + 1
    assert serving.atlas("status")["generation"] == generation + 2
    wait_until(lambda: region not in serving.regions(), timeout_s=120, every_s=0.5, what=f"{region} gone")


def test_what_takes_all_regions_away_has_to_be_written(serving: Stack, page: Page) -> None:
    before = serving.atlas("status")["spec"]
    settled(page, serving, "drill")
    choose(page, "To", "H100 80")
    button(page, "switch").click(timeout=30_000)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The service would go down")).to_be_visible(timeout=20_000)
    expect(button(page, "dialog_confirm")).to_be_disabled()
    field = dialog.get_by_label("Type every region to confirm")
    field.press_sequentially("every regio")
    expect(button(page, "dialog_confirm")).to_be_disabled()
    field.press_sequentially("n")
    expect(button(page, "dialog_confirm")).to_be_enabled(timeout=15_000)
    expect(field).to_be_focused()
    button(page, "dialog_cancel").click()
    expect(dialog).to_be_hidden(timeout=20_000)
    assert serving.atlas("status")["spec"] == before


def test_a_link_restores_the_form_of_a_picture_and_the_address_follows_it(serving: Stack, page: Page) -> None:
    settled(page, serving, "generate?prompt=a+red+fox&size=640x512&seed=7&steps=900")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a red fox", timeout=30_000)
    expect(page.get_by_label("Width", exact=True)).to_have_value("640")
    expect(page.get_by_label("Steps", exact=True)).to_have_value("20")
    expect(page.get_by_text("“steps=900” of the link can't be used")).to_be_visible()
    page.get_by_label("Seed", exact=True).fill("8")
    page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile(r"seed=8"), timeout=15_000)
    expect(page.get_by_text("of the link can't be used")).to_have_count(0, timeout=15_000)
    page.reload()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("8", timeout=30_000)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a red fox")
    page.go_back()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("7", timeout=15_000)


def test_a_cell_tells_its_evidence_and_the_sonar_asks_google_beside_the_dashboard(
    serving: Stack, page: Page
) -> None:
    settled(page, serving, "capacity?cap_sort=Name")
    plot = page.locator(".st-key-capacity_grid .nsewdrag").first
    expect(plot).to_be_attached(timeout=30_000)
    column = (sorted(catalog.REGIONS).index("us-east4") + 0.5) / len(catalog.REGIONS)

    def chosen() -> bool:
        """By a click on the first row; the figure is mounted anew when the odds change."""
        if area := plot.bounding_box():
            page.mouse.click(area["x"] + area["width"] * column, area["y"] + area["height"] / 18)
        page.wait_for_timeout(700)
        return "cap_region=us-east4" in page.url

    wait_until(chosen, timeout_s=30, what="a chosen cell")
    expect(page).to_have_url(re.compile("cap_region=us-east4"), timeout=15_000)
    expect(page.get_by_role("heading", name="us-east4")).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile("zones? offers? it"))).to_be_visible()
    button(page, "sonar_begin").click()
    expect(page.get_by_text(re.compile(r"Heard \d+ of 172 answers on L4 and T4"))).to_be_visible(
        timeout=60_000
    )
    button(page, "probe").click()
    expect(page.get_by_role("dialog").get_by_text("Create the reservation")).to_be_visible(timeout=20_000)
    button(page, "dialog_cancel").click()
    page.go_back()
    expect(page).not_to_have_url(re.compile("cap_region"), timeout=15_000)


def test_a_link_leads_to_its_moment_and_who_did_what_is_told(serving: Stack, page: Page) -> None:
    first = serving.atlas("events", "--kind", "decision", "--limit", "200")[0]
    settled(page, serving, f"activity?at={first['at'][:19]}Z")
    expect(page.locator(".moment")).to_be_visible(timeout=30_000)
    expect(page.locator(".line.marked").first).to_be_visible()
    settled(page, serving, "activity?activity_view=Audit&activity_people=false")
    expect(page.get_by_text(re.compile(r"Lines 1 to \d+ of \d+, newest first: audit"))).to_be_visible(
        timeout=30_000
    )
    with page.expect_download(timeout=30_000) as told:
        button(page, "audit_export").click()
    assert told.value.path().read_text().startswith("Time (UTC),Who,What,Where")


def test_a_cluster_is_opened_from_its_row_and_the_address_leads_back_to_it(
    serving: Stack, page: Page
) -> None:
    region = sorted(serving.serving())[0]
    settled(page, serving, "fleet")
    page.get_by_role("button", name=f"Open atlas-{region}").click(timeout=30_000)
    expect(page).to_have_url(f"{serving.url}/fleet?cluster=atlas-{region}", timeout=15_000)
    page.get_by_text("Logs", exact=True).click()
    expect(page.get_by_text("Model loaded").first).to_be_visible(timeout=20_000)
    settled(page, serving, f"fleet?cluster=atlas-{region}&view=YAML&kind=Deployment")
    expect(page.get_by_text("kind: Deployment").first).to_be_visible(timeout=30_000)


def test_a_wrong_placement_is_refused_at_its_field_and_kept(serving: Stack, page: Page) -> None:
    settled(page, serving, "settings")
    editor = page.get_by_role("textbox", name="The placement as YAML")
    expect(editor).to_be_visible(timeout=30_000)
    wrong = editor.input_value().replace("serving: 2", "serving: 99")
    editor.fill(wrong)
    editor.press("Control+Enter")
    button(page, "placement_apply").click(timeout=15_000)
    expect(page.get_by_text("Not valid at spec.regions.serving")).to_be_visible(timeout=15_000)
    assert editor.input_value() == wrong
