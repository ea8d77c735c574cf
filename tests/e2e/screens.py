"""The pictures of the screens in docs/screens, taken from a product that really runs: `make screens`.

Not a test: nothing is asserted but that what the pictures are about is on them.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageColor
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.e2e.stack import CHROMIUM_ARGS, ROOT, Stack, browser_path, free_port
from tests.waiting import wait_until

SCREENS = ROOT / "docs" / "screens"
SIZE = (1440, 900)
MOST_BYTES = 400_000
PROMPTS = (
    "a quiet harbour, watercolour",
    "a red fox in the snow at dawn",
    "mountains above a sea of clouds",
    "a lighthouse in a storm, oil painting",
)
WATCHED = "us-central1"  # whose card is open; far enough from the client for a long arc
PATIENCE_MS = 120_000
ZONE = "Europe/Amsterdam"  # of the viewer, wherever the pictures are taken


def main() -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="atlas-screens-") as folder:
        stack = Stack(state_dir=Path(folder) / "state", port=free_port())
        stack.state_dir.mkdir()
        stack.start()
        try:
            take(stack)
        finally:
            stack.stop()


def take(stack: Stack) -> None:
    serving = stack.wait_serving(2, timeout_s=180)
    region = WATCHED if WATCHED in serving else serving[0]
    stack.atlas("sandbox", "speed", "60")
    with browser() as chromium:
        dark, light = page(chromium, stack, "dark"), page(chromium, stack, "light")
        draw_pictures(dark, stack)
        shoot(dark, "generate")
        drill(dark, stack, next(one for one in serving if one != region))
        shoot(dark, "drill")
        stack.atlas("recover")
        stack.atlas("sandbox", "speed", "300")
        stack.wait_serving(2, timeout_s=180)
        stack.atlas("sandbox", "speed", "60")
        for where, name in ((dark, "atlas"), (light, "atlas-light")):
            visit(where, stack, f"?region={region}")
            expect(where.locator(".mark.serving[data-region]")).to_have_count(2, timeout=PATIENCE_MS)
            expect(where.locator(".arc").first).to_be_attached(timeout=PATIENCE_MS)
            shoot(where, name)
        visit(dark, stack, f"capacity?cap_region={region}")
        expect(dark.locator(".st-key-capacity_grid .nsewdrag").first).to_be_attached(timeout=PATIENCE_MS)
        shoot(dark, "capacity")
        visit(dark, stack, f"fleet?cluster=atlas-{region}")
        expect(dark.locator(".st-key-phases .barlayer").first).to_be_attached(timeout=PATIENCE_MS)
        expect(dark.get_by_text("READY").first).to_be_visible(timeout=PATIENCE_MS)
        shoot(dark, "fleet")
        visit(dark, stack, "delivery")
        expect(dark.locator(".graph .row").first).to_be_visible(timeout=PATIENCE_MS)
        shoot(dark, "delivery")
        visit(light, stack, "traffic")
        expect(light.locator(".region.good").first).to_be_visible(timeout=PATIENCE_MS)
        shoot(light, "traffic")
        visit(dark, stack, "activity")
        dark.get_by_text("Decisions", exact=True).first.click()
        dark.locator(".head.opens").first.click(timeout=PATIENCE_MS)
        shoot(dark, "activity")
        visit(light, stack, "settings")
        expect(light.get_by_role("textbox", name="The placement as YAML")).to_be_visible(timeout=PATIENCE_MS)
        expect(light.get_by_text("Begin again").first).to_be_visible(timeout=PATIENCE_MS)
        shoot(light, "settings")


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


def page(chromium: Browser, stack: Stack, scheme: str) -> Page:
    context = chromium.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]},
        color_scheme="light" if scheme == "light" else "dark",
        reduced_motion="reduce",
        timezone_id=ZONE,
        locale="en-GB",
    )
    opened = context.new_page()
    visit(opened, stack, "")
    return opened


def visit(where: Page, stack: Stack, path: str) -> None:
    wait_until(lambda: _answers(where, f"{stack.url}/{path}"), timeout_s=60, every_s=0.3, what="a dashboard")
    expect(where.locator("h1").first).to_be_visible(timeout=PATIENCE_MS)
    expect(where.locator(".badge").first).to_be_visible(timeout=PATIENCE_MS)


def _answers(where: Page, url: str) -> bool:
    try:
        return where.goto(url, timeout=10_000) is not None
    except Error:
        return False


def draw_pictures(where: Page, stack: Stack) -> None:
    """One after the other at the prompt box, so that arcs and the gallery have something to show."""
    visit(where, stack, "generate")
    for number, prompt in enumerate(PROMPTS, start=1):
        where.get_by_label("Prompt", exact=True).fill(prompt)
        where.locator(".st-key-generate button[kind]").filter(visible=True).click()
        said = f"The last {number} of {number} kept pictures"
        expect(where.get_by_text(said)).to_be_visible(timeout=PATIENCE_MS)


def drill(where: Page, stack: Stack, region: str) -> None:
    """Take the nearest region's GPU away, draw once more so that a picture moves, and look while it lasts."""
    stack.atlas("switch-gpu", "nvidia-h100-80gb", "--region", region, "--hard", "--ttl", "3h")
    wait_until(
        lambda: stack.regions().get(region) != "Serving", timeout_s=60, every_s=0.5, what=f"{region} broken"
    )
    visit(where, stack, "generate")
    where.get_by_label("Prompt", exact=True).fill("a city of glass at night, neon, rain")
    where.locator(".st-key-generate button[kind]").filter(visible=True).click()
    number = len(PROMPTS) + 1
    said = f"The last {number} of {number} kept pictures"
    expect(where.get_by_text(said)).to_be_visible(timeout=PATIENCE_MS)
    visit(where, stack, "drill")
    expect(where.get_by_text("Time to detect").first).to_be_visible(timeout=PATIENCE_MS)


def shoot(where: Page, name: str) -> None:
    """A PNG under the limit, for a clone should stay small: in all its colours, or in the best few hundred."""
    where.mouse.move(2, SIZE[1] - 2)
    where.wait_for_timeout(2500)  # fonts, pictures and the last refresh
    shot = Image.open(BytesIO(where.screenshot())).convert("RGB")
    for colors in (0, 216, 96, 32):
        small = BytesIO()
        (reduced(shot, colors) if colors else shot).save(small, "PNG", optimize=True)
        if small.tell() < MOST_BYTES:
            break
    (SCREENS / f"{name}.png").write_bytes(small.getvalue())
    sys.stdout.write(f"docs/screens/{name}.png  {small.tell() / 1000:.0f} kB\n")


def reduced(shot: Image.Image, colors: int) -> Image.Image:
    """The commonest colours and all of the theme: a small green dot must not turn grey beside a large picture."""
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    named = {c for kind in ("dark", "light") for c in theme[kind].values() if str(c).startswith("#")}
    common = shot.quantize(colors).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(common[: 3 * colors] + [part for c in sorted(named) for part in ImageColor.getrgb(c)])
    return shot.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
