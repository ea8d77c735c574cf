"""Skies: clouds lit from the sun's side, sun and moon with their glow, stars, nebulae, aurora, rainbow, fireworks."""

import numpy as np

from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.pixels import add_into, clip, mix, ramp, rgb, ridge, smooth

# time: (lit cloud, shaded cloud, how much of the sky)
_CLOUDS = {
    "day": ((255, 255, 255), (176, 194, 218), 0.5),
    "sunset": ((255, 190, 140), (132, 84, 124), 0.5),
    "dusk": ((214, 150, 176), (58, 56, 104), 0.5),
    "dawn": ((255, 236, 220), (196, 172, 198), 0.5),
    "night": ((84, 100, 146), (14, 20, 48), 0.45),
    "storm": ((124, 130, 142), (36, 40, 52), 0.9),
    "overcast": ((246, 248, 250), (168, 176, 188), 0.8),
}


def paint_sky(canvas: Canvas, features: frozenset[str]) -> None:
    time = canvas.light.time
    if time == "space":
        _space(canvas)
    elif time in _CLOUDS:
        if time == "night":
            _stars(canvas, 190, 0.8)
        if "aurora" in features:
            _aurora(canvas)
        _sun_or_moon(canvas, features)
        if "no clouds" not in features:
            _clouds(canvas, plenty="clouds" in features)
    if "rainbow" in features:
        _rainbow(canvas)
    if "fireworks" in features:
        _fireworks(canvas)


def _sun_or_moon(canvas: Canvas, features: frozenset[str]) -> None:
    light, rng = canvas.light, canvas.rng
    y, x = light.sun
    moon = "moon" in features or (light.time == "night" and "no moon" not in features and rng.random() < 0.85)
    if moon:
        _moon(canvas, min(y, 0.3), x, 0.055 + 0.03 * rng.random())
    elif light.time in {"day", "sunset", "dawn"} and "no sun" not in features:
        low = light.time != "day"
        warm = rgb(255, 196, 110) if low else rgb(255, 246, 210)
        canvas.glow(y, x, 0.5, warm, 0.5 if low else 0.28)
        canvas.glow(y, x, 0.16, warm, 0.6)
        canvas.fill(rgb(255, 250, 232), canvas.disc(y, x, 0.05 if low else 0.034))


def _moon(canvas: Canvas, y: float, x: float, radius: float) -> None:
    canvas.glow(y, x, radius * 6, rgb(120, 140, 210), 0.35)
    canvas.glow(y, x, radius * 2.2, rgb(190, 204, 250), 0.55)
    maria = smooth(canvas.noise(9, 3), 0.45, 0.62)
    face = mix(rgb(252, 246, 226), rgb(206, 204, 206), (maria * 0.7)[..., None])
    canvas.fill(face, canvas.disc(y, x, radius))


def _clouds(canvas: Canvas, *, plenty: bool) -> None:
    """Density noise; what is denser than its neighbour on the sun's side lies in shade."""
    lit, shade, share = _CLOUDS[canvas.light.time]
    amount = min(1.0, share + (0.25 if plenty else 0) + 0.22 * (canvas.rng.random() - 0.5))
    rows = int(canvas.height * 0.72)
    density = canvas.noise(3.2, 6, (0.8, 1.9))[:rows]
    step = max(1, canvas.height // 40)
    ys = np.clip(np.arange(rows) - step, 0, None)
    xs = np.clip(np.arange(canvas.width) + canvas.light.side * step, 0, canvas.width - 1)
    toward = density[ys][:, xs]
    body = smooth(density, 0.66 - 0.28 * amount, 0.86 - 0.2 * amount)
    glow = smooth(density - toward, -0.09, 0.1)
    near = 1 - np.clip((canvas.y[:rows] - 0.45) / 0.27, 0, 1)
    colour = mix(rgb(*shade), rgb(*lit), glow[..., None])
    add_into(canvas.picture[:rows], colour, clip(body * near * (0.94 if amount > 0.6 else 0.85)))


def paint_sea_of_clouds(canvas: Canvas) -> None:
    """Cloud tops below a viewer in the air: banks that get larger and whiter towards him."""
    light = canvas.light
    lit, shade, _ = _CLOUDS.get(light.time, _CLOUDS["day"])
    for bank in range(4):
        line = canvas.line(0.66 + 0.1 * bank, 0.1 + 0.03 * bank, 4.5 - 0.7 * bank, 5)
        puffs = canvas.noise(7 - bank, 5, (1, 1.5))
        edge = line[None] + (puffs - 0.5) * 0.13
        mask = smooth(canvas.y - edge, -0.004, 0.02 + 0.012 * bank)
        depth = np.clip((canvas.y - edge) / 0.16, 0, 1)
        tone = mix(rgb(*lit), rgb(*shade), clip(depth * 0.75 + (0.5 - puffs) * 0.7)[..., None])
        canvas.fill(mix(tone, light.haze, 0.32 * (3 - bank) / 3), clip(mask * 0.94))


def _stars(canvas: Canvas, count: int, lowest: float) -> None:
    rng, height, width = canvas.rng, canvas.height, canvas.width
    scale = height / 512
    for _ in range(int(count * canvas.aspect)):
        y, x, bright = rng.random() * lowest, rng.random(), rng.random() ** 3
        radius = scale * (0.55 + 0.9 * bright)
        reach = int(radius * 3) + 1
        cy, cx = int(y * height), int(x * width)
        rows, cols = slice(max(0, cy - reach), cy + reach + 1), slice(max(0, cx - reach), cx + reach + 1)
        part = canvas.picture[rows, cols]
        yy, xx = np.mgrid[rows.start : rows.start + part.shape[0], cols.start : cols.start + part.shape[1]]
        spot = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / (radius * radius)) * (0.25 + 0.75 * bright)
        tint = (rgb(255, 244, 226), rgb(214, 228, 255), rgb(255, 255, 255))[int(rng.integers(3))]
        part += (tint - part) * (spot * (1 - y * 0.7))[..., None].astype(np.float32)


def _space(canvas: Canvas) -> None:
    rng = canvas.rng
    pairs = (
        ((150, 50, 160), (40, 110, 210)),
        ((210, 80, 70), (80, 60, 190)),
        ((30, 150, 160), (120, 60, 180)),
    )
    warm, cold = pairs[int(rng.integers(len(pairs)))]
    angle = rng.random() * np.pi
    along = (canvas.x - 0.5) * canvas.aspect * np.sin(angle) + (canvas.y - 0.45) * np.cos(angle)
    cloud = canvas.noise(3, 6)
    band = np.exp(-((along + (cloud - 0.5) * 0.5) ** 2) / 0.06)
    colour = mix(rgb(*warm), rgb(*cold), canvas.noise(2, 3)[..., None])
    canvas.fill(colour, clip(band * smooth(cloud, 0.3, 0.75) * 0.75))
    canvas.fill(rgb(6, 4, 16), clip(band * smooth(canvas.noise(5, 5), 0.55, 0.75) * 0.5))
    _stars(canvas, 330, 1.0)
    if rng.random() < 0.6:
        _planet(canvas)


def _planet(canvas: Canvas) -> None:
    rng, light = canvas.rng, canvas.light
    tones = ((214, 150, 104), (230, 200, 150), (110, 150, 200), (190, 110, 120))
    tone = rgb(*tones[int(rng.integers(len(tones)))])
    radius = 0.06 + 0.1 * rng.random()
    y, x = 0.14 + 0.14 * rng.random(), (0.14 if light.side > 0 else 0.86) + 0.08 * (rng.random() - 0.5)
    dy, dx = (canvas.y - y) / radius, (canvas.x - x) * canvas.aspect / radius
    bands = np.sin(dy * 9 + canvas.noise(4, 3) * 3) * 0.1 + 1
    lit = smooth(dx * light.side * 0.8 - dy * 0.5, -0.7, 0.75)
    face = tone * (bands * (0.08 + 0.95 * lit))[..., None]
    canvas.glow(y, x, radius * 1.25, tone, 0.25)
    canvas.fill(clip(face), canvas.disc(y, x, radius))


def _aurora(canvas: Canvas) -> None:
    """Curtains: bright at a wavy foot, fading upward, striped by rays."""
    rng = canvas.rng
    for colour, base in (((70, 240, 160), 0.42), ((120, 120, 250), 0.33), ((60, 226, 190), 0.25)):
        foot = base + 0.3 * ridge(rng, canvas.width, 2, 3, canvas.aspect)
        rays = 0.55 + 1.2 * ridge(rng, canvas.width, 26, 3, canvas.aspect)
        up = foot[None] - canvas.y
        curtain = np.where(up > 0, np.exp(-up / 0.13), np.exp(up / 0.018)) * np.clip(rays, 0.1, 1.2)[None]
        canvas.picture += (1 - canvas.picture) * rgb(*colour) * (curtain * 0.85)[..., None].astype(np.float32)


def _rainbow(canvas: Canvas) -> None:
    d = np.sqrt((canvas.y - 0.74) ** 2 + ((canvas.x - 0.5) * canvas.aspect) ** 2)
    band = (0.6 - d) / 0.07
    stops = ((230, 60, 60), (250, 150, 50), (250, 230, 80), (80, 200, 110), (70, 140, 230), (140, 90, 210))
    colours = ramp(stops, clip(band))
    canvas.fill(
        colours, clip(smooth(band, -0.1, 0.12) * (1 - smooth(band, 0.88, 1.1)) * 0.5 * (canvas.y < 0.7))
    )


def _fireworks(canvas: Canvas) -> None:
    rng = canvas.rng
    tones = ((255, 110, 90), (255, 214, 110), (120, 200, 255), (200, 130, 255), (130, 255, 170))
    for _ in range(5):
        y, x, tone = 0.1 + 0.3 * rng.random(), 0.1 + 0.8 * rng.random(), rgb(*tones[int(rng.integers(5))])
        size = 0.09 + 0.09 * rng.random()
        canvas.glow(y, x, size, tone, 0.4)
        for ray in range(36):
            angle = ray / 36 * 2 * np.pi + rng.random() * 0.1
            for step in (0.35, 0.6, 0.8, 0.95, 1.05):
                fall = 0.05 * step * step * size * 8
                canvas.glow(
                    y + np.sin(angle) * size * step + fall * 0.4,
                    x + np.cos(angle) * size * step / canvas.aspect,
                    0.0035,
                    tone,
                    0.95,
                )
