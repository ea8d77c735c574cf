"""The six steps of the demonstration, in order, in one running product: watch, generate, expand, fail, recover,
leave it to the platform."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.stack import SPEED, Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
LONG_MS = 150_000


def opened(page: Page, stack: Stack, path: str = "") -> Page:
    wait_until(lambda: _answers(page, f"{stack.url}/{path}"), timeout_s=60, every_s=0.3, what="a dashboard")
    return page


def _answers(page: Page, url: str) -> bool:
    try:
        return page.goto(url, timeout=10_000) is not None
    except Exception:  # noqa: BLE001 - Playwright has no own type for a refused connection
        return False


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label, exact=True)
    box.click()
    box.fill(option)
    page.get_by_role("option").filter(has_text=option).first.click()


def button(page: Page, key: str) -> Locator:
    """By the key the page gave it: its words carry an icon and a shortcut."""
    return page.locator(f".st-key-{key} button[kind]").filter(visible=True)


def confirm(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Cost per hour")).to_be_visible(timeout=20_000)
    button(page, "dialog_confirm").click()
    expect(dialog).to_be_hidden(timeout=20_000)


def test_two_regions_come_up_by_themselves(stack: Stack, page: Page) -> None:
    opened(page, stack)
    expect(page.locator(".mark[data-region]")).to_have_count(43, timeout=30_000)
    expect(page.get_by_text("SANDBOX").first).to_be_visible()
    expect(page.locator(".mark.serving[data-region]")).to_have_count(2, timeout=LONG_MS)
    assert len(stack.wait_serving(2)) == 2


def test_a_prompt_comes_back_as_a_picture_with_its_passport(stack: Stack, page: Page, tmp_path: Path) -> None:
    serving = stack.wait_serving(2)
    opened(page, stack, "generate")
    page.get_by_label("Prompt", exact=True).fill("a red fox in the snow")
    button(page, "generate").click()
    expect(page.get_by_text("not Stable Diffusion").first).to_be_visible(timeout=60_000)
    passport = page.get_by_role("paragraph").filter(has_text=re.compile(f"^({'|'.join(serving)})$"))
    expect(passport.first).to_be_visible()
    opened(page, stack)
    expect(page.locator(".arc").first).to_be_attached(timeout=30_000)
    target = tmp_path / "fox.png"
    told = stack.atlas(
        "txt2img", "a red fox in the snow", "-o", str(target), "--width", "320", "--height", "256"
    )
    with Image.open(target) as picture:
        assert picture.size == (320, 256)
    assert told["passport"]["region"] in serving


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        pytest.param("", "Write a prompt: it is empty.", id="empty prompt"),
        pytest.param(
            "x" * 10_000, "At most 2,000 characters; this has 10,000.", id="ten thousand characters"
        ),
    ],
)
def test_a_prompt_that_can_not_be_drawn_is_refused_at_its_field(
    stack: Stack, page: Page, prompt: str, said: str
) -> None:
    opened(page, stack, "generate")
    field = page.get_by_label("Prompt", exact=True)
    expect(field).to_be_visible(timeout=30_000)
    field.fill(prompt)
    button(page, "generate").click()
    expect(page.get_by_text(said)).to_be_visible(timeout=15_000)
    expect(page.get_by_text(re.compile("Traceback|Error:"))).to_have_count(0)


def test_an_expanded_region_joins_and_a_contracted_one_leaves(stack: Stack, page: Page) -> None:
    before = stack.wait_serving(2)
    region = next(r for r in ("us-west1", "asia-southeast1", "us-central1") if r not in before)
    opened(page, stack, f"?region={region}")
    button(page, "expand").click(timeout=30_000)
    expect(page.get_by_role("dialog").get_by_text(f"atlas-{region}").first).to_be_visible(timeout=20_000)
    confirm(page)
    assert region in stack.wait_serving(3)
    expect(page.locator(f'.mark.serving[data-region="{region}"]')).to_be_attached(timeout=30_000)
    button(page, "contract").click()
    confirm(page)
    wait_until(lambda: region not in stack.regions(), timeout_s=120, every_s=0.5, what=f"{region} gone")
    assert sorted(stack.serving()) == sorted(before)


def test_a_safe_switch_to_what_already_runs_breaks_nothing(stack: Stack, page: Page) -> None:
    serving = stack.wait_serving(2)
    opened(page, stack, "drill")
    choose(page, "To", "L4")
    page.get_by_text("Safe", exact=True).first.click()
    expect(page.get_by_text(re.compile("breaks nothing|nothing breaks", re.IGNORECASE)).first).to_be_visible(
        timeout=15_000
    )
    assert sorted(stack.serving()) == sorted(serving)


def test_a_hard_switch_takes_the_service_down_and_recover_brings_it_back(stack: Stack, page: Page) -> None:
    first, second = sorted(stack.wait_serving(2))
    stack.atlas("sandbox", "speed", "60")
    opened(page, stack, "drill")
    choose(page, "To", "H100 80")
    choose(page, "Where", first)
    page.get_by_text("1 h", exact=True).first.click()
    button(page, "switch").click()
    confirm(page)
    wait_until(
        lambda: stack.regions().get(first) in {"StockedOut", "NotOffered", "WaitingForGpu"},
        timeout_s=60,
        every_s=0.5,
        what=f"{first} without its GPU",
    )
    told = stack.atlas("txt2img", "a lighthouse at night", "-o", str(stack.state_dir / "moved.png"))
    assert told["passport"]["region"] == second
    button(page, "recover").click(timeout=30_000)
    confirm(page)
    stack.atlas("sandbox", "speed", SPEED)
    stack.wait_serving(2)
    expect(page.get_by_text("Time to recover").first).to_be_visible(timeout=30_000)


def test_without_any_region_the_prompt_box_says_plainly_what_is_wrong(stack: Stack, page: Page) -> None:
    stack.wait_serving(2)
    stack.atlas("sandbox", "speed", "60")
    stack.atlas("switch-gpu", "nvidia-h100-80gb", "--hard", "--ttl", "5h")
    wait_until(lambda: not stack.serving(), timeout_s=60, every_s=0.5, what="nothing serving")
    opened(page, stack, "generate")
    expect(page.get_by_text("No region serves").first).to_be_visible(timeout=30_000)
    stack.atlas("recover")
    stack.atlas("sandbox", "speed", SPEED)
    stack.wait_serving(2)


def test_the_platform_goes_elsewhere_by_itself_and_says_why(stack: Stack, page: Page) -> None:
    lost = stack.wait_serving(2)[0]
    stack.atlas("sandbox", "fault", "add", "stockout", f"region={lost}")
    wait_until(
        lambda: len(found := stack.serving()) == 2 and lost not in found,
        timeout_s=150,
        every_s=0.5,
        what="two other regions serving",
    )
    decision = next(
        e for e in stack.atlas("events", "--kind", "decision", "--limit", "50") if e["subject"] == "ScaleOut"
    )
    assert decision["body"]["whyNot"]
    opened(page, stack, "activity")
    page.get_by_text("Decisions", exact=True).first.click()
    expect(page.get_by_text("ScaleOut").first).to_be_visible(timeout=30_000)
    stack.atlas("sandbox", "fault", "clear", "--all")
