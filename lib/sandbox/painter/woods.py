"""Forests of every kind: rows of trees with haze between them, light falling in, a clearing for the subject."""

from dataclasses import replace

import numpy as np

from lib.sandbox.painter import trees
from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.land import Texture, plain
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import Array, Rng, clip, mix, rgb, smooth
from lib.sandbox.painter.trees import Stand


def forest(canvas: Canvas) -> Ground:
    tones = ((52, 98, 64), (36, 84, 52), (24, 62, 40))
    return _woods(
        canvas, "pine" if canvas.rng.random() < 0.6 else "round", tones, (134, 170, 78), (64, 92, 44)
    )


def autumn(canvas: Canvas) -> Ground:
    tones = ((206, 130, 60), (206, 96, 42), (150, 56, 34))
    return _woods(canvas, "round", tones, (250, 190, 80), (150, 96, 48))


def jungle(canvas: Canvas) -> Ground:
    ground = _woods(
        canvas, "round", ((50, 116, 76), (28, 98, 58), (18, 70, 44)), (130, 190, 70), (48, 92, 40)
    )
    light = canvas.light
    palm = Stand(
        "palm",
        0.8,
        3,
        0.7,
        dimmed(light, (18, 74, 44)),
        dimmed(light, (84, 150, 60)),
        dimmed(light, (72, 54, 40)),
    )
    trees.plant(canvas, palm)
    return ground


def bamboo(canvas: Canvas) -> Ground:
    """Three rows of culms with their rings and leaves, and a path of fallen ones."""
    light, rng = canvas.light, canvas.rng
    horizon = 0.66 + 0.03 * rng.random()
    canvas.fill(dimmed(light, (150, 190, 120), 0.5), smooth(canvas.y, -0.1, horizon))
    for row, (count, thick, tone) in enumerate(
        ((34, 0.008, (120, 168, 92)), (20, 0.014, (96, 156, 70)), (9, 0.026, (74, 136, 52)))
    ):
        tint = dimmed(light, tone, 0.5 - 0.22 * row)
        _culms(canvas, (count, thick, horizon + 0.02 + 0.05 * row), tint, aside=row == 2)
        canvas.fill(light.haze, smooth(canvas.y, horizon - 0.6, horizon) * (0.16 - 0.07 * row))
    far, near = dimmed(light, (150, 160, 96)), dimmed(light, (92, 96, 54))
    plain(canvas, horizon + 0.04, far, near, Texture(cells=22, contrast=0.3, haze=0.2))
    _shafts(canvas)
    dark, bright = near * 0.8, dimmed(light, (140, 176, 84))
    trees.grass_blades(canvas, horizon + 0.07, dark, bright, int(220 * canvas.aspect))
    return Ground("grass", horizon, 0.9, bright, (dark, bright))


def _culms(canvas: Canvas, row: tuple[int, float, float], tone: Array, *, aside: bool) -> None:
    """`row`: how many at aspect 1, how thick, where they stand. `aside` leaves the middle to the subject."""
    (count, thick, foot), rng = row, canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        for _ in range(int(count * max(1.0, canvas.aspect))):
            x = rng.random() * canvas.aspect
            if aside and abs(x / canvas.aspect - 0.5) < 0.3:
                continue
            half, lean = thick * (0.35 + 0.3 * rng.random()), 0.05 * (rng.random() - 0.5)
            shade = tone * (0.82 + 0.36 * rng.random())
            for joint in range(9):
                top, low = foot - 0.125 * (joint + 1), foot - 0.125 * joint
                left = x + lean * joint / 4
                sides = [left - half, low, left - half, top, left + half, top, left + half, low]
                pen.polygon([v * scale for v in sides], ink(shade))
                lit = [left - half * 0.5, low, left - half * 0.5, top, left, top, left, low]
                pen.polygon([v * scale for v in lit], ink(mix(shade, 1.0, 0.22)))
                ring = [left - half * 1.15, low - 0.004, left + half * 1.15, low + 0.004]
                pen.rectangle([v * scale for v in ring], ink(shade * 0.62))
                if joint > 3:
                    _leaves(pen, (left * scale, top * scale), thick * 2.4 * scale, shade, rng)

    canvas.draw(paint)


def _leaves(pen: Pen, at: tuple[float, float], size: float, tone: Array, rng: Rng) -> None:
    for _ in range(4):
        angle = 0.3 + 2.5 * rng.random()
        tip = (at[0] + np.cos(angle) * size * 2, at[1] + np.sin(angle) * size)
        wide = size * 0.16
        leaf = [at[0] - wide, at[1], *tip, at[0] + wide, at[1] + wide]
        pen.polygon(leaf, ink(tone * (0.8 + 0.5 * rng.random())))


def _woods(
    canvas: Canvas,
    kind: str,
    tones: tuple[tuple[int, ...], ...],
    lit: tuple[int, ...],
    floor: tuple[int, ...],
) -> Ground:
    """Three rows of trees with haze between, shafts of light, a clearing where the subject stands."""
    light, rng = canvas.light, canvas.rng
    horizon = 0.62 + 0.05 * rng.random()
    bark = dimmed(light, (84, 62, 50), 0.2)
    canvas.fill(dimmed(light, tones[0], 0.62), smooth(canvas.y, horizon - 0.5, horizon - 0.1) * 0.8)
    for row, (tone, height, count) in enumerate(zip(tones, (0.46, 0.6, 0.8), (20, 11, 5), strict=True)):
        haze = 0.55 - 0.25 * row
        edge = Stand(
            kind,
            horizon + 0.02 * row,
            int(count * max(1, canvas.aspect)),
            height,
            dimmed(light, tone, haze),
            dimmed(light, mix(rgb(*tone), rgb(*lit), 0.6), haze * 0.8),
            mix(bark, light.haze, haze * 0.6),
        )
        if row == 2:
            plain(
                canvas,
                canvas.line(horizon + 0.03, 0.02, 3, 3),
                dimmed(light, lit) * 0.8,
                dimmed(light, floor),
                Texture(cells=22, contrast=0.34, haze=0.25),
            )
            _frame_with_trees(canvas, edge)
        else:
            trees.plant(canvas, edge)
            canvas.fill(light.haze, smooth(canvas.y, horizon - 0.5, horizon) * 0.2)
    _shafts(canvas)
    dark, bright = dimmed(light, floor) * 0.75, dimmed(light, mix(rgb(*floor), rgb(*lit), 0.6))
    trees.grass_blades(canvas, horizon + 0.06, dark, bright, int(300 * canvas.aspect))
    return Ground("grass", horizon, 0.9, bright, (dark, bright))


def _frame_with_trees(canvas: Canvas, stand: Stand) -> None:
    """Near trees at the edges only, so that they frame the subject instead of standing behind its head."""
    sides = np.array([0.0, 0.08, 0.15, 0.86, 0.93, 1.0]) + 0.03 * (canvas.rng.random(6) - 0.5)
    count = 3 + int(canvas.rng.integers(3))
    trees.plant(canvas, replace(stand, spots=tuple(canvas.rng.permutation(sides)[:count])))


def _shafts(canvas: Canvas) -> None:
    light = canvas.light
    if light.time not in {"day", "dawn", "sunset"}:
        return
    sun_y, sun_x = -0.2, light.sun[1]
    angle = np.arctan2((canvas.x - sun_x) * canvas.aspect, canvas.y - sun_y)
    rays = clip(np.sin(angle * 34 + canvas.noise(2, 2) * 3) * 0.5 + 0.1 + 0.3 * np.sin(angle * 13))
    canvas.fill(light.key, rays * np.clip(1 - canvas.y * 1.15, 0, 1) * 0.32)
