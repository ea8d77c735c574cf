"""A street between two rows of houses, seen along its middle: facades, lit windows, shop fronts, hanging signs."""

from dataclasses import dataclass

import numpy as np

from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.land import Texture, plain
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import Array, mix, rgb
from lib.sandbox.painter.town import BURNING, NEON, shine

WALLS = ((176, 150, 130), (150, 112, 98), (128, 134, 150), (190, 178, 160), (116, 104, 112), (160, 138, 104))
AWNINGS = ((190, 60, 54), (54, 110, 130), (206, 150, 60), (70, 116, 82))
HALF = 0.5  # of the street, where the picture's height is 1 at depth 1


@dataclass(frozen=True, slots=True)
class _View:
    """From metres-like lengths to the picture: x across, y up, z away."""

    horizon: float
    aspect: float
    scale: float

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        return (self.aspect / 2 + x / z) * self.scale, (self.horizon + (0.34 - y) / z) * self.scale

    def quad(self, side: float, z: tuple[float, float], y: tuple[float, float]) -> list[float]:
        """A rectangle on the wall at `side`, as a polygon."""
        corners = ((z[0], y[0]), (z[1], y[0]), (z[1], y[1]), (z[0], y[1]))
        return [v for depth, up in corners for v in self.at(side, up, depth)]


def street(canvas: Canvas, *, neon: bool, wet: bool) -> Ground:
    light, rng = canvas.light, canvas.rng
    horizon = 0.58 + 0.03 * rng.random()
    asphalt = dimmed(light, (108, 108, 118))
    plain(
        canvas, horizon, asphalt, asphalt * 0.72, Texture(cells=30, contrast=0.08, stretch=(1, 2), haze=0.25)
    )
    houses = _houses(canvas)

    def paint(pen: Pen, scale: float) -> None:
        view = _View(horizon, canvas.aspect, scale)
        for side, z0, z1, tall in houses:
            _house(pen, canvas, view, (side, z0, z1, tall), neon=neon)

    canvas.glow(horizon, 0.5, 0.3, light.haze, 0.35)
    canvas.draw(paint)
    if neon:
        _hang_signs(canvas, horizon)
    if wet or light.dark:
        shine(canvas, horizon + 0.01, 0.8 if wet else 0.45)
    return Ground("gloss" if wet or light.dark else "hard", horizon, 0.9, asphalt)


def _houses(canvas: Canvas) -> list[tuple[float, float, float, float]]:
    """Side, near and far end, height; the farthest first."""
    rng = canvas.rng
    houses = []
    for side in (-1.0, 1.0):
        z = 0.5
        while z < 9:
            deep = (0.35 + 0.3 * rng.random()) * z**0.75
            houses.append(
                (side * HALF * max(1.0, canvas.aspect * 0.8), z, z + deep, 0.75 + 0.75 * rng.random())
            )
            z += deep
    return sorted(houses, key=lambda house: -house[1])


def _house(
    pen: Pen, canvas: Canvas, view: _View, house: tuple[float, float, float, float], *, neon: bool
) -> None:
    (side, z0, z1, tall), rng, light = house, canvas.rng, canvas.light
    away = min(0.75, z0 / 11)
    wall = dimmed(light, WALLS[int(rng.integers(len(WALLS)))], away) * (1.0 if side * light.side < 0 else 0.8)
    front = [
        v for x, y in ((side, 0), (side * 6, 0), (side * 6, tall), (side, tall)) for v in view.at(x, y, z0)
    ]
    pen.polygon(front, ink(wall * 0.72))
    pen.polygon(view.quad(side, (z0, z1), (0, tall)), ink(wall))
    pen.polygon(view.quad(side, (z0, z1), (tall - 0.03, tall)), ink(wall * 0.8))
    burning = BURNING.get(light.time, 0.04)
    storeys, columns = max(2, int(tall / 0.2)), max(2, int((z1 - z0) / 0.13 / z0**0.6))
    dark = mix(wall, light.haze, 0.25) * 0.7
    for storey in range(1, storeys):
        for column in range(columns):
            lit = rng.random() < burning
            warm = rgb(*((255, 214, 140), (255, 236, 196), (190, 222, 255))[int(rng.integers(3))])
            near = z0 + (z1 - z0) * (column + 0.22) / columns
            far = z0 + (z1 - z0) * (column + 0.78) / columns
            up = 0.24 + (tall - 0.28) * (storey - 1) / (storeys - 1)
            pen.polygon(
                view.quad(side, (near, far), (up, up + 0.11)), ink(mix(dark, warm, 0.85) if lit else dark)
            )
    _shop(pen, canvas, view, (side, z0, z1, away), neon=neon)


def _shop(
    pen: Pen, canvas: Canvas, view: _View, shop: tuple[float, float, float, float], *, neon: bool
) -> None:
    (side, z0, z1, away), rng, light = shop, canvas.rng, canvas.light
    margin = (z1 - z0) * 0.08
    span = (z0 + margin, z1 - margin)
    inside = rgb(255, 222, 160) if light.dark or neon else dimmed(light, (92, 104, 120), away)
    pen.polygon(view.quad(side, span, (0.0, 0.15)), ink(mix(inside, light.haze, away * 0.5)))
    tone = dimmed(light, AWNINGS[int(rng.integers(len(AWNINGS)))], away)
    board = rgb(*NEON[int(rng.integers(len(NEON)))]) if neon else tone
    pen.polygon(view.quad(side, span, (0.15, 0.2)), ink(board))


def _hang_signs(canvas: Canvas, horizon: float) -> None:
    """Glowing boards that stand out from the walls on both sides, smaller with distance."""
    rng = canvas.rng
    for index in range(12):
        z = 0.75 + 0.45 * index
        side = -1 if index % 2 else 1
        tone = rgb(*NEON[int(rng.integers(len(NEON)))])
        x = 0.5 + side * (HALF * max(1.0, canvas.aspect * 0.8) * 0.86) / z / canvas.aspect
        y = horizon - (0.16 + 0.4 * rng.random()) / z
        wide, high = 0.045 / z, (0.14 + 0.14 * rng.random()) / z
        canvas.glow(y, x, high * 0.8, tone, 0.4)
        _board(canvas, (x, y, wide, high), tone)


def _board(canvas: Canvas, box: tuple[float, float, float, float], tone: Array) -> None:
    x, y, wide, high = box
    across = np.abs(canvas.x - x) * canvas.aspect
    inside = (across < wide) & (np.abs(canvas.y - y) < high / 2)
    writing = (across < wide * 0.6) & (np.sin((canvas.y - y) / high * 2 * np.pi * 4) > 0.1)
    canvas.fill(tone * 0.5, inside.astype(np.float32))
    canvas.fill(mix(tone, 1.0, 0.6), (inside & writing).astype(np.float32))
