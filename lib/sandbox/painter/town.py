"""Built places: city, road, rooms, library, table top, stage, studio."""

import numpy as np
from PIL import Image

from lib.sandbox.painter import barren, land, woods
from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import (
    Array,
    clip,
    from_image,
    mix,
    rgb,
    smooth,
    to_image,
)

# The share of lit windows.
BURNING = {"night": 0.5, "dusk": 0.4, "sunset": 0.22, "storm": 0.35}
NEON = ((255, 60, 160), (60, 220, 255), (255, 170, 60), (150, 90, 255), (90, 255, 170))


def city(canvas: Canvas, *, neon: bool = False, wet: bool = False) -> Ground:
    """Three rows of towers; at night their windows burn and a wet street gives them back."""
    light, rng = canvas.light, canvas.rng
    horizon = 0.64 + 0.05 * rng.random()
    for row, (colour, haze, tall) in enumerate(
        (((128, 142, 168), 0.66, 0.5), ((96, 108, 136), 0.36, 0.44), ((62, 70, 92), 0.1, 0.36))
    ):
        _towers(canvas, horizon + 0.008 * row, tall, dimmed(light, colour, haze), row)
    if neon:
        _signs(canvas, horizon)
    street = dimmed(light, (112, 114, 122))
    land.plain(
        canvas,
        horizon + 0.015,
        street,
        street * 0.7,
        land.Texture(cells=30, contrast=0.08, stretch=(1, 2), haze=0.2),
    )
    if wet or light.dark:
        shine(canvas, horizon + 0.015, 0.75 if wet else 0.42)
    _markings(canvas, horizon + 0.015)
    return Ground("gloss" if wet or light.dark else "hard", horizon, 0.9, street)


def _towers(canvas: Canvas, base: float, tall: float, tone: Array, row: int) -> None:
    rng = canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        x = -0.05 * scale
        while x < canvas.aspect * scale:
            wide = (0.06 + 0.09 * rng.random()) * scale
            high = tall * (0.3 + 0.75 * rng.random()) * scale
            _tower(pen, canvas, (x, base * scale, wide, high), tone * (0.86 + 0.28 * rng.random()), row)
            x += wide + (0.02 * rng.random() if row else 0.0) * scale

    canvas.draw(paint, base - tall * 1.25)


def _tower(pen: Pen, canvas: Canvas, box: tuple[float, float, float, float], tone: Array, row: int) -> None:
    rng, light = canvas.rng, canvas.light
    x, y, wide, high = box
    burning = BURNING.get(light.time, 0.0)
    top = y - high
    pen.rectangle([x, top, x + wide, y + high * 0.1], ink(tone))
    shaded = x if light.side > 0 else x + wide * 0.7
    pen.rectangle([shaded, top, shaded + wide * 0.3, y + high * 0.1], ink(tone * 0.86))
    if rng.random() < 0.5:
        pen.rectangle([x + wide * 0.3, top - high * 0.06, x + wide * 0.7, top], ink(tone * 0.95))
    if rng.random() < 0.3:
        pen.rectangle([x + wide * 0.48, top - high * 0.22, x + wide * 0.51, top], ink(tone * 0.9))
    step = canvas.height * 2 * (0.018 + 0.004 * row)
    columns, rows = max(2, int(wide / step)), max(3, int(high / (step * 1.25)))
    dark_glass = mix(tone, light.haze, 0.18) * 0.92
    warm = (rgb(255, 216, 140), rgb(255, 236, 190), rgb(190, 220, 255))[int(rng.integers(3))]
    for i in range(columns):
        for j in range(rows):
            lit = rng.random() < burning
            glass = mix(tone, warm, 0.55 + 0.4 * rng.random()) if lit else dark_glass
            left, upper = x + wide * (i + 0.25) / columns, top + high * (j + 0.3) / rows
            pen.rectangle([left, upper, left + wide * 0.5 / columns, upper + high * 0.45 / rows], ink(glass))


def _signs(canvas: Canvas, horizon: float) -> None:
    """Upright glowing boards, some with bars like writing."""
    rng = canvas.rng
    for _ in range(11):
        tone = rgb(*NEON[int(rng.integers(len(NEON)))])
        x, y = rng.random(), horizon - 0.06 - 0.26 * rng.random()
        wide, high = 0.012 + 0.02 * rng.random(), 0.06 + 0.11 * rng.random()
        canvas.glow(y, x, high * 0.95, tone, 0.42)
        inside = (np.abs(canvas.x - x) * canvas.aspect < wide) & (np.abs(canvas.y - y) < high / 2)
        bars = (np.sin((canvas.y - y) / high * 2 * np.pi * (2 + int(rng.integers(4)))) > -0.35) | (
            rng.random() < 0.3
        )
        canvas.fill(mix(tone, 1.0, 0.35), (inside * np.where(bars, 1.0, 0.25)).astype(np.float32))


def shine(canvas: Canvas, line: float, strength: float) -> None:
    """Wet asphalt: the lights above, drawn down into streaks and broken by the roughness of the street."""
    top = int(line * canvas.height)
    rows = canvas.height - top
    mirrored = canvas.picture[max(0, top - rows) : top][::-1]
    mirrored = mirrored[np.clip(np.arange(rows), 0, len(mirrored) - 1)]
    small = to_image(mirrored).resize((max(8, canvas.width // 3), max(4, rows // 40)), Image.Resampling.BOX)
    streaks = from_image(small.resize((canvas.width, rows), Image.Resampling.BICUBIC))
    rough = canvas.noise(26, 4, (0.5, 2.2))[top:]
    puddles = smooth(canvas.noise(3.5, 4, (0.6, 2.2))[top:], 0.42, 0.6)
    share = clip((0.3 + 0.7 * puddles) * (0.8 + 0.7 * (rough - 0.5)) * strength)
    part = canvas.picture[top:]
    part += (1 - part) * streaks * share[..., None] * 0.9


def _markings(canvas: Canvas, horizon: float) -> None:
    depth = canvas.depth(horizon)
    across = (canvas.x - 0.5) * canvas.aspect / (0.1 + 1.0 * depth)
    dashes = ((1 / (depth + 0.14) * 2.4) % 1 < 0.5) & (depth > 0.03)
    line = (np.abs(np.abs(across) - 0.55) < 0.012) & dashes
    canvas.fill(dimmed(canvas.light, (232, 226, 200)), line.astype(np.float32) * 0.8)


BESIDE_ROADS = {
    "hills": land.hills, "mountains": land.mountains, "desert": barren.desert, "meadow": land.meadow,
    "snow": barren.snow, "savanna": land.savanna, "snowpeaks": barren.snowpeaks, "flowers": land.flowers,
    "forest": woods.forest, "autumn": woods.autumn, "jungle": woods.jungle,
}  # fmt: skip


def road(canvas: Canvas, beyond: str | None) -> Ground:
    """A road to the horizon through the land that was asked for, or through any."""
    rng, light = canvas.rng, canvas.light
    anywhere = ("hills", "mountains", "desert", "meadow")[int(rng.integers(4))]
    ground = BESIDE_ROADS[beyond if beyond in BESIDE_ROADS else anywhere](canvas)
    horizon = ground.horizon + 0.1
    depth = canvas.depth(horizon)
    across = np.abs(canvas.x - 0.5) * canvas.aspect / (0.05 + 0.85 * depth)
    mask = clip((1 - across) * canvas.height * (0.05 + 0.85 * depth) / 1.5 + 0.5) * (canvas.y > horizon)
    asphalt = dimmed(light, (96, 98, 106)) * (1 + 0.12 * (canvas.noise(60, 2, (1, 3)) - 0.5))[..., None]
    canvas.fill(clip(asphalt), mask)
    paint = dimmed(light, (246, 236, 206))
    canvas.fill(paint, (mask * (np.abs(across - 0.93) < 0.018)).astype(np.float32) * 0.8)
    dashes = ((1 / (depth + 0.12) * 2.6) % 1 < 0.5) & (across < 0.02) & (depth > 0.02)
    canvas.fill(paint, mask * dashes * 0.85)
    return Ground("hard", ground.horizon, 0.9, asphalt.mean((0, 1)))
