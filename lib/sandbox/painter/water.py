"""Sea, lake, beach and the world under water."""

import numpy as np

from lib.sandbox.painter import land, trees
from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.light import dimmed
from lib.sandbox.painter.pixels import Array, clip, mix, rgb, smooth
from lib.sandbox.painter.trees import Stand


def water_plane(canvas: Canvas, line: float, colour: tuple[int, ...], *, waves: float, mirror: float) -> None:
    """Reflects what stands above the line, broken by waves that widen towards the viewer; glitter under the sun."""
    light = canvas.light
    top = int(line * canvas.height)
    rows = canvas.height - top
    depth = canvas.depth(line)[top:]
    chop = canvas.noise(9, 5, (0.22, 1.6))[top:] - 0.5
    fine = canvas.noise(34, 3, (0.4, 2.2))[top:] - 0.5
    swell = (chop + 0.5 * fine) * waves
    sources = top - 1 - np.arange(rows)[:, None] * 0.8 + swell * canvas.height * 0.22 * (0.12 + depth)
    mirrored = canvas.picture[np.clip(sources, 0, max(0, top - 1)).astype(int), np.arange(canvas.width)[None]]
    body = dimmed(light, colour) * (1 + swell * (0.3 + 0.9 * depth) * 1.3)[..., None]
    surface = mix(body, mirrored, (mirror * (1 - 0.62 * depth))[..., None])
    crest = smooth(swell, 0.2, 0.34) * depth * min(1.0, waves)
    surface = mix(surface, dimmed(light, (236, 246, 250)), (crest * 0.5)[..., None])
    if light.time in {"day", "sunset", "dawn", "night", "dusk"}:
        lane = np.exp(-(((canvas.x - light.sun[1]) * canvas.aspect / (0.05 + 0.2 * depth)) ** 2))
        glitter = smooth(swell + 0.6 * fine, 0.02, 0.2) * lane * (0.9 if light.time != "day" else 0.55)
        surface = mix(surface, np.minimum(light.key * 1.05, 1), clip(glitter)[..., None])
    canvas.picture[top:] = clip(surface)


def sea(canvas: Canvas) -> Ground:
    rng, light = canvas.rng, canvas.light
    horizon = 0.54 + 0.08 * rng.random()
    if rng.random() < 0.4 and light.time != "storm":
        land.range_of_mountains(canvas, land.Range(horizon, 0.09, (110, 130, 150), 0.6, cells=2))
    rough = 1.7 if light.time == "storm" else 0.75 + 0.4 * rng.random()
    tones = ((24, 96, 138), (20, 110, 134), (34, 84, 130))
    tone = (46, 72, 86) if light.time == "storm" else tones[int(rng.integers(3))]
    water_plane(canvas, horizon, tone, waves=rough, mirror=0.62)
    return Ground("water", horizon, 0.82, dimmed(light, tone))


def lake(canvas: Canvas) -> Ground:
    light = canvas.light
    line = 0.6
    land.range_of_mountains(canvas, land.Range(line, 0.5, (100, 118, 148), 0.42, cells=2.1, snow=0.16))
    land.range_of_mountains(canvas, land.Range(line, 0.24, (70, 100, 92), 0.18, cells=2.8))
    pine = Stand(
        "pine",
        line,
        40,
        0.1,
        dimmed(light, (36, 70, 58), 0.1),
        dimmed(light, (96, 130, 84), 0.1),
        dimmed(light, (70, 56, 48)),
    )
    trees.plant(canvas, pine)
    water_plane(canvas, line + 0.005, (34, 92, 116), waves=0.35, mirror=0.85)
    return Ground("water", line, 0.83, dimmed(light, (60, 110, 130)))


def beach(canvas: Canvas) -> Ground:
    rng, light = canvas.rng, canvas.light
    horizon = 0.48 + 0.06 * rng.random()
    if rng.random() < 0.5:
        land.range_of_mountains(canvas, land.Range(horizon, 0.12, (90, 130, 110), 0.45, cells=1.6))
    water_plane(canvas, horizon, (38, 156, 176), waves=0.7, mirror=0.5)
    shore = canvas.line(horizon + 0.17, 0.06, 1.3, 3)
    foam = canvas.noise(24, 4, (0.7, 2))
    for offset, strength in ((-0.055, 0.55), (-0.018, 0.95)):
        near = np.exp(-(((canvas.y - shore[None] - offset + (foam - 0.5) * 0.03) / 0.009) ** 2))
        canvas.fill(dimmed(light, (252, 254, 255)), clip(near * strength * smooth(foam, 0.3, 0.55)))
    sand, wet = dimmed(light, (244, 220, 170)), dimmed(light, (190, 158, 112))
    land.plain(
        canvas,
        shore,
        sand,
        dimmed(light, (228, 194, 136)),
        land.Texture(cells=40, contrast=0.1, stretch=(1, 1.6), haze=0),
    )
    damp = np.exp(-np.maximum(canvas.y - shore[None], 0) / 0.03) * canvas.below(shore)
    canvas.fill(wet, clip(damp * 0.75))
    side = -light.side
    palm = Stand(
        "palm",
        0.86,
        2,
        0.62,
        dimmed(light, (30, 92, 48)),
        dimmed(light, (120, 170, 70)),
        dimmed(light, (124, 94, 66)),
        spots=(0.5 + side * 0.44, 0.5 + side * 0.52),
    )
    if rng.random() < 0.75:
        trees.plant(canvas, palm)
    return Ground("sand", horizon, 0.9, sand)


def underwater(canvas: Canvas) -> Ground:
    light = canvas.light
    _rays(canvas)
    bed = 0.84
    for layer in range(2):
        line = canvas.line(bed - 0.1 + 0.1 * layer, 0.16, 2.2, 4)
        tone = mix(rgb(*light.sky[2]), rgb(150, 176, 150) * light.ambient, 0.25 + 0.4 * layer)
        caustics = 1 - np.abs(canvas.noise(7, 3, (0.6, 1.4)) - 0.5) * 5
        lit = tone * (0.85 + 0.28 * np.clip(caustics, 0, 1) * layer)[..., None]
        canvas.fill_below(clip(lit), line)
        _weeds(canvas, line, mix(rgb(*light.sky[3]), rgb(30, 120, 96), 0.3 + 0.3 * layer), 9 + 5 * layer)
    _bubbles(canvas)
    return Ground("none", 0.8, 0.88, light.ambient)


def _rays(canvas: Canvas) -> None:
    angle = np.arctan2((canvas.x - canvas.light.sun[1]) * canvas.aspect, canvas.y + 0.35)
    rays = clip(np.sin(angle * 26 + canvas.noise(2, 2) * 2.6) * 0.5 + 0.25)
    canvas.fill(rgb(226, 255, 250), rays * np.clip(1 - canvas.y * 1.25, 0, 1) ** 1.3 * 0.42)


def _weeds(canvas: Canvas, line: Array, tone: Array, count: int) -> None:
    rng = canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        for _ in range(count):
            at = rng.random()
            x, y = at * canvas.aspect * scale, float(line[int(at * (len(line) - 1))] + 0.03) * scale
            tall, phase = (0.08 + 0.2 * rng.random()) * scale, rng.random() * 6
            left, right = [], []
            for t in np.linspace(0, 1, 12):
                sway = np.sin(phase + t * 4.5) * tall * 0.09 * t
                half = tall * 0.045 * (1 - t) + 0.5
                left.append((x + sway - half, y - tall * t))
                right.append((x + sway + half, y - tall * t))
            pen.polygon(
                [v for point in left + right[::-1] for v in point], ink(tone * (0.8 + 0.5 * rng.random()))
            )

    canvas.draw(paint, 0.3)


def _bubbles(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(26):
        y, x, r = rng.random(), rng.random(), 0.003 + 0.011 * rng.random() ** 2
        d = np.sqrt((canvas.y - y) ** 2 + ((canvas.x - x) * canvas.aspect) ** 2) / r if r > 0.008 else None
        if d is not None:
            canvas.fill(rgb(226, 250, 255), clip(np.exp(-(((d - 0.85) / 0.18) ** 2)) * 0.5))
        canvas.glow(y - r * 0.3, x - r * 0.3 / canvas.aspect, r * 0.45, rgb(255, 255, 255), 0.7)
