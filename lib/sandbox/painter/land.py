"""Open country: meadows, hills, forests, mountains, snow, deserts, the moon and Mars. Each paints and returns its Ground."""

from dataclasses import dataclass

import numpy as np

from lib.sandbox.painter import trees
from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import Array, clip, mix, rgb, smooth
from lib.sandbox.painter.trees import Stand


@dataclass(frozen=True, slots=True)
class Texture:
    """How a plain looks: blobs over the height, contrast, how much wider than high, haze at the horizon."""

    cells: float = 10
    contrast: float = 0.22
    stretch: tuple[float, float] = (1, 3)
    haze: float = 0.35


@dataclass(frozen=True, slots=True)
class Range:
    """A range of mountains: its foot, its height, its colour of 0..255, the haze before it."""

    base: float
    height: float
    colour: tuple[float, ...]
    haze: float
    cells: float = 3.0
    snow: float = 0.0


def plain(canvas: Canvas, line: Array | float, far: Array, near: Array, texture: Texture = Texture()) -> None:
    """Ground from the horizon to the viewer: haze far away, texture that grows, light patches."""
    horizon = float(np.min(line))
    depth = canvas.depth(horizon)
    grain = canvas.noise(texture.cells, 5, texture.stretch) - 0.5
    patches = canvas.noise(2.2, 3, (1, 3)) - 0.5
    tone = mix(far, near, depth[..., None]) * (1 + texture.contrast * 2 * grain + 0.35 * patches)[..., None]
    tone = mix(tone, canvas.light.haze, (texture.haze * np.exp(-depth * 7))[..., None])
    canvas.fill_below(clip(tone), line)


def range_of_mountains(canvas: Canvas, peaks: Range) -> Array:
    """One range: faces turned to the sun are lit; their borders wander down the slope like ravines."""
    light, height, snow = canvas.light, peaks.height, peaks.snow
    line = canvas.line(peaks.base - height * 0.35, height, peaks.cells, 6)
    top = int(np.clip(line.min() * canvas.height - 2, 0, canvas.height - 2))
    kernel = max(3, canvas.width // 60)
    soft = np.convolve(np.pad(line, kernel, "edge"), np.ones(kernel) / kernel, "same")[kernel:-kernel]
    slope = np.gradient(soft) * canvas.width / canvas.aspect
    below = np.maximum(canvas.y[top:] - line[None], 0)
    relief = canvas.noise(5.5, 6, (1.25, 1))[top:]
    ravines = relief - 0.5
    wander = ravines * (0.05 + below * 0.8) * canvas.width / canvas.aspect
    columns = np.clip(np.arange(canvas.width)[None] + wander, 0, canvas.width - 1).astype(int)
    faces = np.gradient(relief, axis=1)
    faces *= -light.side * 0.55 / max(float(faces.std()), 1e-6)
    facing = smooth(slope[columns] * light.side * 0.7 + faces, -0.7, 0.7)
    rock = mix(
        rgb(*peaks.colour) * rgb(126, 128, 164),
        rgb(*peaks.colour) * 1.12,
        (facing + 0.3 * ravines)[..., None],
    )
    if snow:
        cover = smooth(snow * height - below + ravines * 0.5 * height + (facing - 0.5) * 0.06, -0.035, 0.03)
        white = mix(rgb(122, 148, 208), rgb(255, 255, 255), facing[..., None])
        rock = mix(rock, white, cover[..., None])
    rock = clip(rock)
    tone = dimmed(light, rock, 0.0)
    fade = np.clip(peaks.haze + 0.3 * below / max(height, 0.05), 0, 0.92)[..., None]
    full = np.empty_like(canvas.picture[top:])
    full[:] = mix(tone, light.haze, fade)
    mask = np.clip((canvas.y[top:] - line[None]) * canvas.height + 0.5, 0, 1)[..., None]
    canvas.picture[top:] += (full - canvas.picture[top:]) * mask
    return line


def _greens(canvas: Canvas) -> tuple[Array, Array]:
    """Near and lit colour of grass: the season is the seed's."""
    pairs = (
        ((58, 120, 48), (150, 196, 84)),
        ((74, 124, 44), (184, 200, 86)),
        ((46, 112, 62), (124, 186, 96)),
    )
    dark, lit = pairs[int(canvas.rng.integers(len(pairs)))]
    return dimmed(canvas.light, dark), dimmed(canvas.light, lit)


def _far_trees(
    canvas: Canvas, base: float, kind: str = "round", height: float = 0.09, count: int = 26
) -> None:
    tone = dimmed(canvas.light, (52, 96, 66), 0.34)
    lit = dimmed(canvas.light, (110, 150, 84), 0.3)
    trees.plant(canvas, Stand(kind, base, count, height, tone, lit, dimmed(canvas.light, (80, 62, 50), 0.3)))


def meadow(canvas: Canvas) -> Ground:
    rng = canvas.rng
    horizon = 0.56 + 0.1 * rng.random()
    dark, lit = _greens(canvas)
    if rng.random() < 0.6:
        range_of_mountains(canvas, Range(horizon, 0.12 + 0.1 * rng.random(), (96, 128, 136), 0.55, cells=2.4))
    hill = canvas.line(horizon - 0.01, 0.09, 1.6, 3)
    plain(canvas, hill, dimmed(canvas.light, (128, 168, 96), 0.3), dimmed(canvas.light, (108, 156, 80), 0.2))
    _far_trees(canvas, horizon + 0.012, height=0.07 + 0.08 * rng.random(), count=int(12 + 16 * rng.random()))
    front = canvas.line(horizon + 0.02, 0.03, 1.5, 3)
    plain(canvas, front, lit, dark, Texture(cells=26, contrast=0.26, haze=0.3))
    trees.grass_blades(canvas, horizon + 0.05, dark * 0.9, lit, int(420 * canvas.aspect))
    return Ground("grass", horizon, 0.9, lit, (dark, lit))


def flowers(canvas: Canvas) -> Ground:
    ground = meadow(canvas)
    sets = (
        ((236, 72, 84), (250, 206, 70), (250, 250, 246)),
        ((168, 110, 220), (214, 160, 240), (250, 240, 250)),
        ((240, 130, 180), (250, 190, 210), (255, 236, 160)),
    )
    tones = tuple(dimmed(canvas.light, tone) for tone in sets[int(canvas.rng.integers(len(sets)))])
    trees.blossoms(canvas, ground.horizon + 0.06, tones, int(300 * canvas.aspect))
    return ground


def hills(canvas: Canvas) -> Ground:
    """Ridge behind ridge, fading."""
    rng, light = canvas.rng, canvas.light
    horizon = 0.5 + 0.08 * rng.random()
    dark, lit = _greens(canvas)
    for layer in range(5):
        nearness = layer / 4
        line = canvas.line(horizon + 0.085 * layer, 0.13, 1.5 + rng.random(), 3)
        colour = mix(rgb(140, 170, 120), rgb(96, 152, 66), nearness)
        tone = dimmed(light, colour, 0.62 * (1 - nearness) ** 1.2)
        plain(canvas, line, tone * 1.08, tone * 0.86, Texture(cells=8 + 14 * nearness, contrast=0.16, haze=0))
        if layer in {1, 2}:
            stand = Stand("round", 0, 9, 0.05 + 0.03 * layer, tone * 0.6, tone * 0.95, tone * 0.5)
            trees.plant(canvas, stand, line)
    trees.grass_blades(canvas, horizon + 0.34, dark, lit, int(240 * canvas.aspect))
    return Ground("grass", horizon, 0.9, lit, (dark, lit))


def savanna(canvas: Canvas) -> Ground:
    horizon = 0.6 + 0.06 * canvas.rng.random()
    light = canvas.light
    range_of_mountains(canvas, Range(horizon, 0.1, (150, 130, 130), 0.6, cells=2))
    dark, lit = dimmed(light, (150, 112, 50)), dimmed(light, (232, 196, 108))
    plain(canvas, canvas.line(horizon, 0.015, 2, 3), lit, dark, Texture(cells=24, contrast=0.3))
    tree = Stand(
        "acacia",
        horizon + 0.02,
        5,
        0.2,
        dimmed(light, (74, 88, 40)),
        dimmed(light, (140, 150, 62)),
        dimmed(light, (70, 52, 40)),
    )
    trees.plant(canvas, tree)
    trees.grass_blades(canvas, horizon + 0.05, dark, lit, int(420 * canvas.aspect))
    return Ground("grass", horizon, 0.9, lit, (dark, lit))


def mountains(canvas: Canvas) -> Ground:
    rng = canvas.rng
    horizon = 0.6 + 0.06 * rng.random()
    range_of_mountains(canvas, Range(horizon - 0.02, 0.5, (108, 124, 152), 0.5, cells=2.2, snow=0.12))
    range_of_mountains(canvas, Range(horizon, 0.34, (86, 108, 116), 0.26, cells=2.6))
    range_of_mountains(canvas, Range(horizon + 0.01, 0.16, (62, 96, 74), 0.12, cells=3.4))
    dark, lit = _greens(canvas)
    _far_trees(canvas, horizon + 0.03, "pine", 0.11, 34)
    plain(canvas, canvas.line(horizon + 0.04, 0.03, 2, 3), lit, dark, Texture(cells=22, contrast=0.25))
    trees.grass_blades(canvas, horizon + 0.07, dark, lit, int(320 * canvas.aspect))
    return Ground("grass", horizon, 0.9, lit, (dark, lit))
