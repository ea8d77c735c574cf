"""Bare ground: snow, sand and the dust of other worlds. Each paints and returns its Ground."""

import numpy as np

from lib.sandbox.painter import trees
from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.land import Range, Texture, plain, range_of_mountains
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import clip, mix, rgb, smooth
from lib.sandbox.painter.trees import Stand


def snowpeaks(canvas: Canvas) -> Ground:
    rng, light = canvas.rng, canvas.light
    horizon = 0.63 + 0.05 * rng.random()
    range_of_mountains(
        canvas, Range(horizon - 0.03, 0.72 + 0.1 * rng.random(), (92, 104, 132), 0.2, cells=1.7, snow=0.62)
    )
    range_of_mountains(canvas, Range(horizon, 0.36, (78, 92, 116), 0.1, cells=2.6, snow=0.3))
    ground = _snowfield(canvas, horizon)
    pines = Stand(
        "pine",
        horizon + 0.03,
        30,
        0.12,
        dimmed(light, (38, 66, 66)),
        dimmed(light, (150, 176, 186)),
        dimmed(light, (60, 50, 46)),
    )
    trees.plant(canvas, pines)
    return ground


def snow(canvas: Canvas) -> Ground:
    light = canvas.light
    horizon = 0.6 + 0.06 * canvas.rng.random()
    range_of_mountains(canvas, Range(horizon, 0.24, (140, 160, 190), 0.5, cells=2.4, snow=0.3))
    ground = _snowfield(canvas, horizon)
    pines = Stand(
        "pine",
        horizon + 0.05,
        13,
        0.24,
        dimmed(light, (48, 80, 80), 0.12),
        dimmed(light, (226, 236, 246), 0.1),
        dimmed(light, (70, 58, 52)),
    )
    trees.plant(canvas, pines)
    return ground


def _snowfield(canvas: Canvas, horizon: float) -> Ground:
    light = canvas.light
    far, near = dimmed(light, (236, 242, 252)), dimmed(light, (212, 224, 244))
    line = canvas.line(horizon + 0.02, 0.05, 1.5, 3)
    plain(canvas, line, far, near, Texture(cells=5, contrast=0.07, stretch=(1, 3), haze=0.1))
    drift = canvas.noise(5, 4, (1, 3.2))
    shade = smooth(
        drift - np.roll(drift, (canvas.height // 60, light.side * canvas.width // 60), (0, 1)), 0.0, 0.09
    )
    canvas.fill(dimmed(light, (150, 174, 220)), shade * canvas.below(line) * 0.38)
    return Ground("snow", horizon, 0.9, far)


def desert(canvas: Canvas) -> Ground:
    light, rng = canvas.light, canvas.rng
    horizon = 0.56 + 0.06 * rng.random()
    range_of_mountains(canvas, Range(horizon, 0.2, (196, 130, 96), 0.42, cells=2.2))
    tones = ((244, 202, 134), (232, 176, 108), (214, 146, 84))
    for layer, tone in enumerate(tones):
        line = canvas.line(horizon + 0.02 + 0.09 * layer, 0.12, 1.2, 3)
        crest = smooth(np.gradient(line) * canvas.width * light.side * -1 / canvas.aspect, -0.15, 0.2)
        columns = np.clip(
            np.arange(canvas.width)[None] + (canvas.noise(3, 3) - 0.5) * canvas.width * 0.5,
            0,
            canvas.width - 1,
        )
        shade = crest[columns.astype(int)] * np.exp(-np.maximum(canvas.y - line[None], 0) / 0.16)
        lit = mix(rgb(*tone) * 0.74, rgb(*tone), (0.45 + 0.55 * shade)[..., None])
        grain = 1 + 0.1 * (canvas.noise(30, 3, (1, 5)) - 0.5)
        ripples = 1 + 0.05 * np.sin((canvas.y + 0.03 * canvas.noise(3, 3)) * 380 / (1 + 2 * layer))
        body = dimmed(light, (lit * (grain * ripples)[..., None]).astype(np.float32))
        canvas.fill_below(mix(body, light.haze, 0.2 * (2 - layer) / 2).astype(np.float32), line)
    return Ground("sand", horizon, 0.89, dimmed(light, tones[1]))


def moon(canvas: Canvas) -> Ground:
    return _craters(canvas, (186, 188, 196), (112, 114, 124))


def mars(canvas: Canvas) -> Ground:
    range_of_mountains(canvas, Range(0.6, 0.26, (170, 84, 56), 0.35, cells=2))
    return _craters(canvas, (216, 124, 82), (140, 66, 44))


def _craters(canvas: Canvas, far: tuple[int, ...], near: tuple[int, ...]) -> Ground:
    light, rng = canvas.light, canvas.rng
    horizon = 0.6 + 0.06 * rng.random()
    line = canvas.line(horizon, 0.07, 2, 4)
    bright = 1.0 if light.time != "space" else 1.15
    plain(
        canvas,
        line,
        clip(dimmed(light, far) * bright),
        clip(dimmed(light, near) * bright),
        Texture(cells=12, contrast=0.3, haze=0.05),
    )
    for _ in range(12):
        depth = rng.random()
        y, x = horizon + 0.05 + (0.95 - horizon) * depth, rng.random()
        radius = (0.015 + 0.07 * depth) * (0.5 + rng.random())
        d = np.sqrt(((canvas.y - y) / 0.36) ** 2 + ((canvas.x - x) * canvas.aspect) ** 2) / radius
        across = (canvas.x - x) * canvas.aspect / radius * light.side
        inside, rim = 1 - smooth(d, 0.85, 1.0), np.exp(-(((d - 1) / 0.13) ** 2))
        canvas.fill(canvas.picture * 0.45, clip(inside * smooth(across, -0.6, 0.9) * 0.8))
        canvas.fill(clip(canvas.picture * 1.35), clip(rim * smooth(-across, -0.9, 0.7) * 0.7))
    return Ground("sand", horizon, 0.89, dimmed(light, far))
