"""Under a roof: studio, room, library, table top, stage. Each paints and returns its Ground."""

import numpy as np

from lib.sandbox.painter import words
from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.light import dimmed, light_for
from lib.sandbox.painter.pixels import Array, add_into, blur, clip, mix, ramp, rgb, smooth
from lib.sandbox.painter.town import NEON


def studio(canvas: Canvas, colour: str | None) -> Ground:
    """A seamless sweep in one colour, lit from the key's side."""
    names = ("blue", "teal", "orange", "pink", "purple", "gray", "yellow", "green", "red", "brown")
    name = colour or names[int(canvas.rng.integers(len(names)))]
    tone = rgb(*words.COLOURS[name])
    soft = mix(tone, rgb(246, 244, 240), 0.0 if name in {"black", "white"} else (0.12 if colour else 0.38))
    x, y = 0.5 + canvas.light.side * 0.22, 0.34
    d = np.sqrt(((canvas.x - x) * min(canvas.aspect, 1.4)) ** 2 + (canvas.y - y) ** 2)
    canvas.picture[:] = clip(soft * (1.12 - 0.62 * smooth(d, 0.0, 1.0))[..., None] + 0.02)
    floor = smooth(canvas.y, 0.66, 0.78)
    canvas.fill(clip(canvas.picture * 0.84 + 0.02), np.broadcast_to(floor, (canvas.height, canvas.width)))
    _pool_of_light(canvas, 0.5, 0.86)
    return Ground("gloss", 0.7, 0.87, soft)


def room(canvas: Canvas) -> Ground:
    light, rng = canvas.light, canvas.rng
    walls = (
        (214, 196, 172),
        (150, 172, 180),
        (196, 164, 152),
        (120, 138, 154),
        (172, 182, 150),
        (222, 206, 190),
    )
    _wall(canvas, dimmed(light, walls[int(rng.integers(len(walls)))]))
    window_x = 0.76 if light.side > 0 else 0.24
    _window(canvas, window_x, 0.3, 0.3, 0.4)
    _hang_picture(canvas, 1 - window_x)
    floor = _planks(canvas, 0.7, (186, 130, 84))
    _pool_of_light(canvas, window_x, 0.84)
    return Ground("gloss", 0.7, 0.91, floor)


def library(canvas: Canvas) -> Ground:
    light, rng = canvas.light, canvas.rng
    _wall(canvas, dimmed(light, (92, 62, 44)))
    spines = (
        (122, 40, 38),
        (40, 66, 96),
        (60, 90, 60),
        (150, 110, 60),
        (90, 60, 84),
        (170, 140, 100),
        (52, 52, 58),
    )

    def paint(pen: Pen, scale: float) -> None:
        for shelf in range(5):
            top, foot = (0.015 + shelf * 0.14) * scale, (0.135 + shelf * 0.14) * scale
            pen.rectangle(
                [0, top - 0.006 * scale, canvas.aspect * scale, foot], ink(dimmed(light, (44, 28, 22)))
            )
            x = 0.0
            while x < canvas.aspect * scale:
                wide, high = (
                    (0.012 + 0.017 * rng.random()) * scale,
                    (foot - top) * (0.66 + 0.28 * rng.random()),
                )
                tone = dimmed(light, spines[int(rng.integers(len(spines)))]) * (0.75 + 0.4 * rng.random())
                if rng.random() < 0.94:
                    pen.rectangle([x, foot - high, x + wide, foot], ink(tone))
                    pen.rectangle([x, foot - high, x + wide * 0.25, foot], ink(tone * 1.25))
                    pen.rectangle(
                        [x, foot - high * 0.82, x + wide, foot - high * 0.78],
                        ink(mix(tone, rgb(230, 200, 120), 0.6)),
                    )
                x += wide + 0.0015 * scale
            pen.rectangle(
                [0, foot, canvas.aspect * scale, foot + 0.014 * scale], ink(dimmed(light, (120, 82, 54)))
            )

    canvas.draw(paint)
    for post in (0.0, 0.33, 0.67, 1.0):
        canvas.fill(
            dimmed(light, (98, 66, 44)),
            (np.abs(canvas.x - post) < 0.012).astype(np.float32) * (canvas.y < 0.72),
        )
    canvas.fill(light.key * 0.2, canvas.vignette(0.25, 0.8) * 0.5)
    for x in (0.2, 0.8):
        canvas.glow(0.16, x, 0.26, rgb(255, 196, 120), 0.42)
    floor = _planks(canvas, 0.72, (146, 92, 56))
    return Ground("gloss", 0.72, 0.91, floor)


def table(canvas: Canvas) -> Ground:
    """A wooden top before a room out of focus, with lamps or a window as soft discs."""
    light, rng = canvas.light, canvas.rng
    walls = ((206, 186, 160), (120, 142, 146), (172, 150, 134), (92, 104, 116), (150, 160, 130))
    _wall(canvas, dimmed(light, walls[int(rng.integers(len(walls)))]))
    _window(canvas, 0.5 + light.side * 0.3, 0.28, 0.34, 0.44)
    for _ in range(7):
        tone = rgb(*((255, 214, 150), (255, 236, 200), (190, 214, 210))[int(rng.integers(3))])
        canvas.glow(0.1 + 0.42 * rng.random(), rng.random(), 0.02 + 0.03 * rng.random(), tone, 0.5)
    canvas.picture[:] = blur(canvas.picture, canvas.height / 38)
    edge = 0.6 + 0.03 * rng.random()
    woods = ((184, 122, 74), (150, 96, 60), (204, 152, 102), (112, 74, 52))
    tone = _planks(canvas, edge, woods[int(rng.integers(len(woods)))], along=True)
    canvas.fill(
        np.minimum(canvas.picture * 1.3, 1),
        smooth(-np.abs(canvas.y - edge - 0.006), -0.007, 0) * np.ones_like(canvas.x),
    )
    _pool_of_light(canvas, 0.5 + light.side * 0.25, 0.72)
    return Ground("gloss", edge, 0.86, tone)


def stage(canvas: Canvas) -> Ground:
    rng = canvas.rng
    canvas.fill(rgb(40, 14, 50), canvas.noise(3, 3) * 0.6)
    folds = np.sin((canvas.x * canvas.aspect + 0.01 * np.sin(canvas.y * 9)) * 60) * 0.5 + 0.5
    canvas.fill(rgb(96, 18, 44), (folds * 0.35 * (1 - 0.4 * canvas.y)).astype(np.float32))
    tones = (NEON[0], (255, 226, 180), NEON[1], (255, 226, 180), NEON[3])
    for index, tone in enumerate(tones):
        foot = 0.1 + 0.2 * index + 0.06 * (rng.random() - 0.5)
        head = 0.5 + (foot - 0.5) * 1.5
        middle = head + (foot - head) * canvas.y
        beam = np.exp(-(((canvas.x - middle) * canvas.aspect / (0.012 + 0.1 * canvas.y)) ** 2)) * (
            1 - 0.55 * canvas.y
        )
        canvas.picture += (1 - canvas.picture) * rgb(*tone) * (beam * 0.42)[..., None].astype(np.float32)
    floor = _planks(canvas, 0.74, (70, 44, 48))
    canvas.glow(0.88, 0.5, 0.32, rgb(255, 220, 180), 0.4)
    return Ground("gloss", 0.74, 0.9, floor)


def _wall(canvas: Canvas, tone: Array) -> None:
    x, y = 0.5 + canvas.light.side * 0.3, 0.25
    d = np.sqrt(((canvas.x - x) * min(1.5, canvas.aspect)) ** 2 + (canvas.y - y) ** 2)
    plaster = 1 + 0.05 * (canvas.noise(8, 4) - 0.5)
    canvas.picture[:] = clip(tone * ((1.14 - 0.62 * smooth(d, 0, 1.05)) * plaster)[..., None])


def _window(canvas: Canvas, x: float, y: float, wide: float, high: float) -> None:
    """The outside is the sky of the hour, softly out of focus, and it throws light around."""
    rng = canvas.rng
    outside = light_for("day" if canvas.light.time == "indoor" else canvas.light.time, rng)
    half = wide / canvas.aspect / 2
    inside = (np.abs(canvas.x - x) < half) & (np.abs(canvas.y - y) < high / 2)
    frame = (np.abs(canvas.x - x) < half + 0.016 / canvas.aspect) & (np.abs(canvas.y - y) < high / 2 + 0.016)
    canvas.glow(y, x, 0.5, rgb(*outside.sky[2]), 0.16 if canvas.light.time == "night" else 0.3)
    canvas.fill(dimmed(canvas.light, (236, 230, 220)), frame.astype(np.float32))
    view = ramp(outside.sky, clip((canvas.y[:, 0] - y) / high + 0.5))[:, None] * np.ones(
        (1, canvas.width, 1), np.float32
    )
    trees = smooth(canvas.noise(6, 3), 0.4, 0.62) * smooth(canvas.y, y + 0.05, y + high / 2)
    view = mix(view, rgb(86, 128, 84) * outside.ground, (trees * 0.7)[..., None])
    canvas.fill(clip(view), inside.astype(np.float32))
    bar = 0.007
    cross = inside & ((np.abs(canvas.x - x) < bar / canvas.aspect) | (np.abs(canvas.y - y) < bar))
    canvas.fill(dimmed(canvas.light, (228, 222, 210)), cross.astype(np.float32))


def _hang_picture(canvas: Canvas, x: float) -> None:
    y, high, wide = 0.26, 0.2, 0.16 / canvas.aspect
    tones = ((200, 90, 70), (70, 120, 140), (220, 170, 90))
    for grow, tone in (
        (1.0, (96, 68, 48)),
        (0.88, (236, 228, 212)),
        (0.68, tones[int(canvas.rng.integers(3))]),
    ):
        inside = (np.abs(canvas.x - x) < wide / 2 * grow) & (np.abs(canvas.y - y) < high / 2 * grow)
        canvas.fill(dimmed(canvas.light, tone), inside.astype(np.float32))


def _planks(canvas: Canvas, edge: float, wood: tuple[int, ...], *, along: bool = False) -> Array:
    """Boards to a vanishing point (a floor), or across the picture (a table top); with grain and worn gloss."""
    light = canvas.light
    depth = canvas.depth(edge)
    if along:
        rows = depth**0.6 * 4.0
        board, seam = np.floor(rows) * np.ones_like(canvas.x), np.abs(rows % 1 - 0.5) > 0.485
        grain = canvas.noise(9, 5, (0.5, 9))
    else:
        u = (canvas.x - 0.5) * canvas.aspect / (0.3 + 0.9 * depth) * 7
        board, seam = np.floor(u), np.abs(u % 1 - 0.5) > 0.487
        grain = canvas.noise(9, 5, (6, 0.8))
    tint = ((board * 12.9898 + 78.2) % 1.0 - 0.5) * 0.22
    tone = dimmed(light, wood)
    body = tone * (1 + 0.42 * (grain - 0.5) + tint - 0.22 * depth)[..., None]
    body = np.where(seam[..., None], body * 0.66, body)
    canvas.fill_below(clip(body), edge)
    line = smooth(-np.abs(canvas.y - edge), -0.03, 0) * (canvas.y > edge)
    canvas.fill(tone * 0.3, np.broadcast_to(line * 0.4, (canvas.height, canvas.width)).astype(np.float32))
    return tone


def _pool_of_light(canvas: Canvas, x: float, y: float) -> None:
    d = ((canvas.x - x) * canvas.aspect / 0.5) ** 2 + ((canvas.y - y) / 0.16) ** 2
    part = canvas.picture
    share = (np.exp(-d) * 0.26 * canvas.light.strength)[..., None].astype(np.float32)
    add_into(part, np.minimum(part * 1.5 * canvas.light.key + 0.04, 1), share[..., 0])
