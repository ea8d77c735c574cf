"""What is in the air before the subjects: rain, snow, fog, lightning, fireflies, leaves, petals, confetti."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lib.sandbox.painter.canvas import Canvas, Pen, ink
from lib.sandbox.painter.pixels import clip, from_image, rgb
from lib.sandbox.painter.staging import INDOOR, Stage

_FLAKES = {
    "leaves": ((226, 130, 50), (200, 80, 40), (240, 180, 70)),
    "petals": ((250, 190, 210), (255, 220, 230), (244, 160, 190)),
    "confetti": ((240, 80, 90), (80, 170, 240), (250, 210, 80), (120, 210, 130), (190, 120, 230)),
}


def lightning(canvas: Canvas) -> None:
    """A forked bolt out of the clouds; painted before the ground, so that it strikes behind the horizon."""
    rng = canvas.rng
    x, y = 0.5 - canvas.light.side * (0.15 + 0.25 * rng.random()), 0.0
    points = [(x, y)]
    while y < 0.62:
        x, y = x + (rng.random() - 0.5) * 0.07, y + 0.02 + 0.03 * rng.random()
        points.append((x, y))
    canvas.glow(0.2, points[4][0], 0.5, rgb(190, 200, 255), 0.5)

    def paint(pen: Pen, scale: float) -> None:
        flat = [v for px, py in points for v in (px * canvas.aspect * scale, py * scale)]
        pen.line(flat, ink(rgb(170, 180, 255), 0.5), max(3, int(scale * 0.009)))
        pen.line(flat, ink(rgb(250, 250, 255)), max(1, int(scale * 0.0035)))
        for start in (len(points) // 3, len(points) // 2):
            bx, by = points[start]
            fork = [bx * canvas.aspect * scale, by * scale]
            for _ in range(5):
                bx, by = bx + (rng.random() - 0.2) * 0.035, by + 0.022
                fork += [bx * canvas.aspect * scale, by * scale]
            pen.line(fork, ink(rgb(226, 230, 255), 0.9), max(1, int(scale * 0.002)))

    canvas.draw(paint)


def fall(canvas: Canvas, stage: Stage) -> None:
    """In front of everything. Indoors the weather stays outside."""
    if stage.place not in INDOOR:
        if "rain" in stage.weather or "storm" in stage.weather:
            _rain(canvas, heavy="storm" in stage.weather)
        if "snow" in stage.weather:
            _snow(canvas)
        if "fog" in stage.weather:
            _fog(canvas, 0.6)
    for kind, tones in _FLAKES.items():
        if kind in stage.features:
            _flakes(canvas, tones)
    if "fireflies" in stage.features:
        for _ in range(46):
            y, x, size = (
                0.25 + 0.7 * canvas.rng.random(),
                canvas.rng.random(),
                0.004 + 0.008 * canvas.rng.random(),
            )
            canvas.glow(y, x, size * 3, rgb(255, 220, 110), 0.5)
            canvas.glow(y, x, size * 0.7, rgb(255, 250, 210), 1.0)


def veil(canvas: Canvas, stage: Stage) -> None:
    """Fog between backdrop and subjects."""
    if "fog" in stage.weather and stage.place not in INDOOR:
        _fog(canvas, 1.0)


def _rain(canvas: Canvas, *, heavy: bool) -> None:
    rng = canvas.rng
    for layer, (count, length, bright) in enumerate(((420, 0.03, 70), (200, 0.055, 120), (50, 0.1, 110))):
        image = Image.new("L", (canvas.width, canvas.height))
        pen = ImageDraw.Draw(image)
        slant = 0.18 + 0.1 * heavy
        for _ in range(int(count * canvas.aspect * (1.5 if heavy else 1.0))):
            x, y = rng.random() * canvas.width * 1.2, rng.random() * canvas.height
            tall = canvas.height * length * (0.6 + 0.8 * rng.random())
            pen.line(
                [x, y, x - tall * slant, y + tall],
                fill=int(bright * (0.5 + rng.random())),
                width=1 + layer * canvas.height // 700,
            )
        mask = from_image(image.filter(ImageFilter.GaussianBlur(0.4 + layer * canvas.height / 900)))
        canvas.fill(rgb(214, 224, 240), clip(mask))


def _snow(canvas: Canvas) -> None:
    rng = canvas.rng
    for count, size, soft in ((320, 0.0022, 0.5), (130, 0.0045, 1.0), (26, 0.011, 4.0)):
        image = Image.new("L", (canvas.width, canvas.height))
        pen = ImageDraw.Draw(image)
        for _ in range(int(count * canvas.aspect)):
            x, y = rng.random() * canvas.width, rng.random() * canvas.height
            r = canvas.height * size * (0.6 + 0.8 * rng.random())
            pen.ellipse([x - r, y - r, x + r, y + r], fill=int(170 + 80 * rng.random()))
        mask = from_image(image.filter(ImageFilter.GaussianBlur(soft * canvas.height / 512)))
        canvas.fill(np.minimum(canvas.light.ambient * 1.1 + 0.1, 1), clip(mask * (0.9 if soft < 2 else 0.6)))


def _fog(canvas: Canvas, strength: float) -> None:
    banks = canvas.noise(2.6, 4, (0.5, 1.8))
    low = np.exp(-(((canvas.y - 0.62) / 0.26) ** 2))
    canvas.fill(canvas.light.haze * 0.96, clip((banks * 1.1 - 0.05) * (0.4 + 0.6 * low) * strength))


def _flakes(canvas: Canvas, tones: tuple[tuple[int, ...], ...]) -> None:
    rng = canvas.rng

    def paint(pen: Pen, scale: float) -> None:
        for _ in range(int(90 * canvas.aspect)):
            x, y = rng.random() * canvas.aspect * scale, rng.random() * scale
            size, turn, flat = (
                scale * (0.004 + 0.009 * rng.random() ** 2),
                rng.random() * 6.3,
                0.4 + 0.4 * rng.random(),
            )
            along = (np.cos(turn) * size, np.sin(turn) * size)
            across = (-along[1] * flat, along[0] * flat)
            tone = rgb(*tones[int(rng.integers(len(tones)))]) * canvas.light.ambient
            pen.polygon(
                [
                    x - along[0],
                    y - along[1],
                    x + across[0],
                    y + across[1],
                    x + along[0],
                    y + along[1],
                    x - across[0],
                    y - across[1],
                ],
                ink(tone, 0.95),
            )

    canvas.draw(paint)
