"""Trees, bushes, grass and flowers of the backdrop, as layered shapes with a lit and a shaded side."""

from dataclasses import dataclass

import numpy as np

from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.pixels import Array, Rng, mix


@dataclass(frozen=True, slots=True)
class Stand:
    """A row of trees along a base line: how many, how tall, in which colour (already lit)."""

    kind: str  # pine, round, palm, acacia, bare
    base: float
    count: int
    height: float
    colour: Array
    lit: Array
    trunk: Array
    spots: tuple[float, ...] = ()  # where they stand, x of the picture; even and random when empty


def plant(canvas: Canvas, stand: Stand, where: Array | None = None) -> None:
    """`where`: base line per column, when the ground is not flat."""
    rng = canvas.rng
    shapes = {"pine": _pine, "round": _round, "palm": _palm, "acacia": _acacia}
    draw_one = shapes[stand.kind]

    def paint(pen: Pen, scale: float) -> None:
        spots = stand.spots or (np.arange(stand.count) + rng.random(stand.count)) / stand.count
        for x in rng.permutation(spots):
            base = stand.base if where is None else float(where[int(x * (len(where) - 1))]) + 0.012
            size = stand.height * (0.65 + 0.7 * rng.random())
            spot = (x * canvas.aspect * scale, (base + 0.012 * rng.random()) * scale)
            draw_one(pen, spot, size * scale, stand, canvas)

    canvas.draw(paint, stand.base - stand.height * 1.6 if where is None else 0)


def _shade(stand: Stand, rng: Rng, share: float) -> tuple[int, int, int, int]:
    return ink(mix(stand.colour, stand.lit, share) * (0.9 + 0.2 * rng.random()))


def _pine(pen: Pen, foot: tuple[float, float], size: float, stand: Stand, canvas: Canvas) -> None:
    rng, (x, y) = canvas.rng, foot
    pen.rectangle([x - size * 0.02, y - size * 0.2, x + size * 0.02, y], ink(stand.trunk))
    tiers = 7
    side = canvas.light.side
    lean = size * 0.02 * (rng.random() - 0.5)
    for tier in range(tiers):
        low = y - size * (0.1 + 0.88 * tier / tiers)
        high = low - size * 0.24
        half = size * 0.2 * (1 - tier / tiers) ** 0.85 + size * 0.012
        wobble = half * 0.25 * (rng.random(2) - 0.5)
        tip = (x + lean * tier, high)
        left, right = (x - half + wobble[0], low + half * 0.18), (x + half + wobble[1], low + half * 0.18)
        pen.polygon([*left, *tip, *right, x, low - half * 0.1], _shade(stand, rng, 0.15))
        lit_corner = right if side > 0 else left
        pen.polygon([*lit_corner, *tip, x + side * half * 0.25, low], _shade(stand, rng, 0.75))


def _round(pen: Pen, foot: tuple[float, float], size: float, stand: Stand, canvas: Canvas) -> None:
    rng, (x, y) = canvas.rng, foot
    pen.polygon(
        [
            x - size * 0.035,
            y,
            x - size * 0.015,
            y - size * 0.6,
            x + size * 0.015,
            y - size * 0.6,
            x + size * 0.035,
            y,
        ],
        ink(stand.trunk),
    )
    side = canvas.light.side
    # Dark masses first, then ever smaller and brighter clumps towards the light.
    for share, count, radius, shift in (
        (0.0, 16, 0.12, 0.0),
        (0.3, 22, 0.07, 0.02),
        (0.65, 24, 0.045, 0.05),
        (1.0, 20, 0.026, 0.085),
    ):
        for _ in range(count):
            angle, reach = rng.random() * 2 * np.pi, rng.random() ** 0.55 * (1 - shift * 2.2)
            cx = x + (np.cos(angle) * reach * 0.26 + side * shift) * size
            cy = y - (0.66 - np.sin(angle) * reach * 0.25 + shift) * size
            r = size * radius * (0.75 + 0.6 * rng.random())
            pen.ellipse([cx - r, cy - r * 0.85, cx + r, cy + r * 0.85], _shade(stand, rng, share))


def _acacia(pen: Pen, foot: tuple[float, float], size: float, stand: Stand, canvas: Canvas) -> None:
    rng, (x, y) = canvas.rng, foot
    for reach in (-0.2, 0.05, 0.22):
        pen.line(
            [x, y, x + reach * 0.2 * size, y - size * 0.4, x + reach * size, y - size * 0.72],
            ink(stand.trunk),
            max(1, int(size * 0.03)),
        )
    for share, lift in ((0.1, 0.0), (0.8, 0.035)):
        for _ in range(11):
            cx, cy = x + size * 0.42 * (rng.random() - 0.5) * 2, y - size * (0.74 + lift + 0.1 * rng.random())
            r = size * (0.1 + 0.05 * rng.random())
            pen.ellipse([cx - r, cy - r * 0.34, cx + r, cy + r * 0.34], _shade(stand, rng, share))


def _palm(pen: Pen, foot: tuple[float, float], size: float, stand: Stand, canvas: Canvas) -> None:
    rng, (x, y) = canvas.rng, foot
    bend = size * 0.22 * (rng.random() - 0.5) * 2
    trunk = [(x + bend * t * t, y - size * 0.78 * t) for t in np.linspace(0, 1, 12)]
    pen.line([v for point in trunk for v in point], ink(stand.trunk), max(2, int(size * 0.035)))
    top_x, top_y = trunk[-1]
    for frond in range(11):
        angle = frond / 11 * 2 * np.pi + rng.random() * 0.3
        reach = size * (0.3 + 0.08 * rng.random())
        upper, lower = [], []
        for t in np.linspace(0, 1, 9):
            fx = top_x + np.cos(angle) * reach * t
            fy = top_y - np.sin(angle) * reach * 0.4 * t - reach * 0.3 * t + reach * 0.62 * t * t
            half = size * 0.035 * np.sin(np.pi * min(1.0, t * 0.92 + 0.05))
            upper.append((fx, fy - half))
            lower.append((fx, fy + half))
        shade = 0.75 if np.cos(angle) * canvas.light.side > 0 else 0.1
        pen.polygon([v for point in upper + lower[::-1] for v in point], _shade(stand, rng, shade))


def grass_blades(canvas: Canvas, horizon: float, dark: Array, lit: Array, count: int) -> None:
    """Tufts over the whole meadow, longer towards the viewer."""
    rng = canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        depths = np.sort(rng.random(count) ** 0.75)
        for depth in depths:
            x = rng.random() * canvas.aspect * scale
            y = (horizon + (1.02 - horizon) * depth) * scale
            size = scale * (0.006 + 0.034 * depth) * (0.6 + 0.8 * rng.random())
            tone = mix(dark, lit, rng.random())
            for _ in range(3):
                lean, half = size * 0.7 * (rng.random() - 0.5), size * 0.07 + 0.5
                foot = x + size * 0.4 * (rng.random() - 0.5)
                pen.polygon([foot - half, y, foot + lean, y - size, foot + half, y], ink(tone))

    canvas.draw(paint, horizon)


def blossoms(canvas: Canvas, horizon: float, tones: tuple[Array, ...], count: int) -> None:
    rng = canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        for depth in np.sort(rng.random(count) ** 0.8):
            x, y = rng.random() * canvas.aspect * scale, (horizon + 0.005 + (1 - horizon) * depth) * scale
            r = scale * (0.0022 + 0.011 * depth) * (0.7 + 0.6 * rng.random())
            tone = tones[int(rng.integers(len(tones)))]
            for petal in range(5):
                angle = petal / 5 * 2 * np.pi + rng.random()
                px, py = x + np.cos(angle) * r * 0.8, y + np.sin(angle) * r * 0.6
                shade = ink(tone * (0.86 + 0.14 * np.sin(angle - 1.5)))
                pen.ellipse([px - r * 0.7, py - r * 0.55, px + r * 0.7, py + r * 0.55], shade)
            pen.ellipse([x - r * 0.4, y - r * 0.35, x + r * 0.4, y + r * 0.35], ink(tone * 0.55))

    canvas.draw(paint, horizon)
