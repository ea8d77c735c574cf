"""Styles: what turns the finished scene into a watercolour, an oil painting, a pencil sketch, pixel art and so on."""

from collections.abc import Callable

import numpy as np

from lib.sandbox.painter import brush, facets
from lib.sandbox.painter.pixels import (
    Array,
    Rng,
    clip,
    fbm,
    grid,
    luma,
    mix,
    ramp,
    rgb,
    smooth,
    soft_blur,
)


def apply(picture: Array, style: str, rng: Rng) -> Array:
    return STYLES[style](picture, rng)


def watercolour(picture: Array, rng: Rng) -> Array:
    """Washes that pool at their borders, grains of pigment, a white rim of paper."""
    size, unit = picture.shape[:2], brush.unit(picture)
    bleed = fbm(rng, size, 26, 3) - 0.5
    rows = np.clip(np.arange(size[0])[:, None] + bleed * 9 * unit, 0, size[0] - 1).astype(int)
    columns = np.clip(
        np.arange(size[1])[None] + bleed.T[: size[1], : size[0]].T * 7 * unit
        if size[0] == size[1]
        else np.arange(size[1])[None] - bleed * 7 * unit,
        0,
        size[1] - 1,
    ).astype(int)
    wash = brush.patches(picture[rows, columns], max(2, int(5 * unit)))
    wash = mix(wash, brush.patches(wash, max(2, int(9 * unit))), 0.5)
    pooled = np.clip(brush.edges(wash, 1.6 * unit) * 2.6, 0, 0.3)[..., None]
    wash = 1 - (1 - wash**0.72) * 1.12  # thin paint is light paint
    density = 0.62 + 0.4 * fbm(rng, size, 4, 5) + 0.24 * (brush.paper(rng, size) - 0.5)
    grey = luma(wash)[..., None]
    wash = grey + (wash - grey) * 1.2
    painted = 1 - (1 - wash) * (density * 0.98)[..., None] - pooled * (1 - wash * 0.6)
    sheet = rgb(252, 249, 242) * (0.96 + 0.07 * brush.paper(rng, size))[..., None]
    inside = brush.torn_border(rng, size, 0.035)
    rim = (inside * (1 - inside) * 4)[..., None]
    return clip(mix(sheet, painted * sheet - rim * 0.03, inside[..., None]))


def oil(picture: Array, rng: Rng) -> Array:
    """Short broad dabs in the colours of the old masters: dark, warm, varnished."""
    unit = brush.unit(picture)
    body = brush.dabs(picture, picture, rng, brush.Dab(16 * unit, 6.5 * unit))
    fine = brush.edges(picture, 1.4 * unit) > 0.022
    body = brush.dabs(body, picture, rng, brush.Dab(7 * unit, 3 * unit), fine)
    grey = luma(body)[..., None]
    body = (grey + (body - grey) * 1.22) * rgb(262, 250, 228)
    relief = brush.bump(luma(body), 0.5) + brush.weave(picture.shape[:2]) * 0.02
    y, x = grid(*picture.shape[:2])
    varnish = (1.04 - 0.3 * smooth(np.hypot(x - 0.5, y - 0.5), 0.35, 0.8))[..., None]
    return clip((body + relief[..., None] * 0.5) * varnish)


def impasto(picture: Array, rng: Rng) -> Array:
    """Thick strokes that swirl along the forms, standing out in relief: van Gogh and the impressionists."""
    unit = brush.unit(picture)
    flow = brush.strokes(picture, rng, 9)
    contrast = (flow - flow.mean()) / max(float(flow.std()), 1e-3)
    body = brush.patches(picture, max(2, int(6 * unit)))
    body = mix(body, brush.patches(body, max(2, int(4 * unit))), 0.6)
    grey = luma(body)[..., None]
    body = grey + (body - grey) * 1.28
    hue = fbm(rng, picture.shape[:2], 9, 3)[..., None] - 0.5
    body = body + contrast[..., None] * 0.028 + hue * rgb(20, 0, -24)
    relief = brush.bump(contrast, 0.085) + 0.012 * brush.weave(picture.shape[:2])
    return clip(body * (1 + relief[..., None] * 1.6))


def pencil(picture: Array, rng: Rng) -> Array:
    """Firm outlines, and light hatching that gets denser with the dark, on warm paper left white at the rim."""
    size, unit = picture.shape[:2], brush.unit(picture)
    level = brush.soft_luma(picture, 1.2 * unit)
    low, high = np.percentile(level, (2, 90))
    level = clip((level - low) / max(high - low, 0.1)) ** 0.8
    line = clip(
        brush.outlines(picture, 1.0 * unit, 13.0)
        + np.clip(brush.edges(picture, 1.1 * unit) * 12 - 0.14, 0, 0.9)
    )
    y, x = np.arange(size[0])[:, None] / unit, np.arange(size[1])[None] / unit
    tooth = brush.paper(rng, size)
    wobble = (fbm(rng, size, 5, 2) - 0.5) * 10
    shade = np.zeros(size, np.float32)
    for angle, limit, pitch in ((0.75, 0.8, 1.05), (-0.55, 0.42, 1.2), (0.12, 0.2, 1.35)):
        wave = np.sin((x * np.sin(angle) + y * np.cos(angle) + wobble) * pitch) * 0.5 + 0.5
        shade += smooth(limit - level, 0, limit) * smooth(wave + tooth * 0.5, 0.62, 1.1) * 0.6
    tone = (1 - level) ** 1.5 * 0.2 * (0.5 + tooth)
    drawn = brush.torn_border(rng, size, 0.05)
    graphite = clip((shade * 0.64 + tone) * drawn + line * (0.6 + 0.6 * tooth) * mix(0.25, 1.0, drawn))
    sheet = rgb(249, 246, 238) * (0.97 + 0.05 * tooth)[..., None]
    return clip(mix(sheet, rgb(50, 48, 56), graphite[..., None] * 0.94))


def noir(picture: Array, rng: Rng) -> Array:
    level = picture @ np.array([0.36, 0.5, 0.14], np.float32)
    low, high = np.percentile(level, (1, 99)) * np.array([0.6, 1.0])  # fog has no black to stretch to
    level = clip((level - low) / max(high - low, 0.1))
    level = mix(level, level * level * (3 - 2 * level), 0.85)
    y, x = grid(*picture.shape[:2])
    level = level * (1.04 - 0.62 * smooth(np.hypot(x - 0.5, y - 0.5), 0.3, 0.8))
    level = level + rng.standard_normal(level.shape, np.float32) * 0.035
    return clip(level[..., None] * rgb(250, 249, 246))


def neon(picture: Array, rng: Rng) -> Array:
    """Violet shadows, pink and cyan lights, everything bright glows."""
    level = luma(picture)
    duo = ramp(
        ((14, 4, 40), (64, 12, 112), (232, 36, 164), (120, 232, 255), (244, 255, 255)), clip(level * 1.05)
    )
    grey = level[..., None]
    vivid = grey + (picture - grey) * 1.45
    out = mix(vivid, duo, 0.45)
    glow = soft_blur(clip(out - 0.5) * 2, picture.shape[0] / 22)
    out = clip(out) + (1 - clip(out)) * glow * 0.75
    y, x = grid(*picture.shape[:2])
    out = out + rgb(34, 0, 20) * (1 - x)[..., None] + rgb(0, 18, 34) * x[..., None] - 0.04
    lines = 1 - 0.05 * (np.arange(picture.shape[0]) // max(1, round(brush.unit(picture))) % 3 == 0)[:, None]
    _ = rng, y
    return clip((out - 0.5) * 1.12 + 0.48) * lines[..., None].astype(np.float32)


def comic(picture: Array, rng: Rng) -> Array:
    """Flat colours, ink lines, dots in the shade."""
    unit = brush.unit(picture)
    flat = _flat(picture, saturation=1.35, colours=28)
    level = luma(flat)
    y, x = np.arange(picture.shape[0])[:, None] / unit, np.arange(picture.shape[1])[None] / unit
    dots = (np.sin((x + y) * 0.95) * np.sin((x - y) * 0.95) + 1) / 2
    shade = smooth(0.62 - level, 0.0, 0.45)
    flat = flat * (1 - 0.26 * smooth(shade - dots, -0.04, 0.06))[..., None]
    _ = rng
    return clip(flat * (1 - _inked(picture, 1.2, 12.0)[..., None] * 0.94))


def anime(picture: Array, rng: Rng) -> Array:
    """Cel paint: bright flat tones in few steps, a thin warm line, light that blooms."""
    flat = mix(_flat(picture, saturation=1.5, colours=60), picture, 0.3)
    flat = 1 - (1 - clip(flat * 1.08)) ** 1.12
    glow = soft_blur(clip(flat - 0.62) * 2, picture.shape[0] / 30)
    flat = flat + (1 - flat) * glow * 0.4
    _ = rng
    return clip(mix(flat, rgb(58, 34, 48), _inked(picture, 0.8, 10.0)[..., None] * 0.8))


def woodblock(picture: Array, rng: Rng) -> Array:
    """Ukiyo-e: few muted colours on fibrous paper, an indigo line, a band of indigo fading down the sky."""
    size = picture.shape[:2]
    low, high = np.percentile(picture, (2, 96))
    flat = _flat(clip((picture - low) / max(high - low, 0.1)), saturation=1.2, colours=16)
    flat = mix(flat, luma(flat)[..., None] * rgb(255, 236, 200), 0.2) * 0.92 + 0.08
    y, _x = grid(*size)
    band = (1 - smooth(y, 0.0, 0.16))[..., None]
    flat = mix(flat, rgb(44, 70, 120), band * 0.75)
    fibres = fbm(rng, size, 50, 2, (0.3, 3.0))[..., None] - 0.5
    printed = flat * (1 + 0.1 * fibres) * rgb(252, 246, 230)
    return clip(mix(printed, rgb(34, 44, 78), _inked(picture, 1.0, 13.0)[..., None] * 0.9))


def blueprint(picture: Array, rng: Rng) -> Array:
    """White lines and a grid on blue."""
    size, unit = picture.shape[:2], brush.unit(picture)
    line = clip(_inked(picture, 0.9, 12.0) + np.clip(brush.edges(picture, 1.0 * unit) * 8 - 0.1, 0, 0.8))
    y, x = np.arange(size[0])[:, None], np.arange(size[1])[None]
    step = max(4, round(32 * unit))
    rules = ((y % step == 0) | (x % step == 0)) * 0.16 + (
        (y % (step // 4 or 1) == 0) | (x % (step // 4 or 1) == 0)
    ) * 0.05
    sheet = (
        rgb(24, 66, 140) * (0.9 + 0.2 * brush.paper(rng, size))[..., None] + luma(picture)[..., None] * 0.07
    )
    return clip(mix(sheet, rgb(236, 244, 255), clip(line * 0.92 + rules)[..., None]))


def _flat(picture: Array, *, saturation: float, colours: int) -> Array:
    """Patches in steps of brightness, reduced to a poster's colours."""
    flat = brush.patches(picture, max(2, int(4 * brush.unit(picture))))
    grey = luma(flat)[..., None]
    flat = clip(grey + (flat - grey) * saturation)
    level = luma(flat)
    step = (np.floor(level * 6 + 0.5) / 6 + 0.02)[..., None]
    flat = clip(flat * mix(1.0, step / np.maximum(level[..., None], 0.05), 0.65))
    return mix(flat, brush.flatten(flat, colours), 0.8)


def _inked(picture: Array, thin: float, strength: float) -> Array:
    unit = brush.unit(picture)
    firm = np.clip(brush.edges(picture, 1.1 * unit) * 11 - 0.55, 0, 1)
    return clip(brush.outlines(picture, thin * unit, strength) + firm)


def vintage(picture: Array, rng: Rng) -> Array:
    level = luma(picture)[..., None]
    faded = mix(picture, level * rgb(276, 240, 184), 0.62) * 0.86 + 0.075
    y, x = grid(*picture.shape[:2])
    faded = faded * (1.06 - 0.5 * smooth(np.hypot(x - 0.5, y - 0.5), 0.25, 0.78))[..., None]
    dust = smooth(fbm(rng, picture.shape[:2], 90, 2), 0.84, 0.9) * 0.25
    return clip(
        faded + rng.standard_normal(picture.shape[:2], np.float32)[..., None] * 0.022 + dust[..., None]
    )


def pastel(picture: Array, rng: Rng) -> Array:
    level = luma(picture)[..., None]
    soft = level + (picture - level) * 0.75
    soft = 1 - (1 - soft) * 0.62
    tooth = brush.paper(rng, picture.shape[:2])[..., None] - 0.5
    return clip(soft * rgb(255, 250, 246) + tooth * 0.07)


STYLES: dict[str, Callable[[Array, Rng], Array]] = {
    "watercolor": watercolour,
    "oil painting": oil,
    "impasto": impasto,
    "pencil sketch": pencil,
    "pixel art": facets.pixel,
    "noir": noir,
    "neon": neon,
    "comic": comic,
    "anime": anime,
    "woodblock": woodblock,
    "blueprint": blueprint,
    "low poly": facets.low_poly,
    "vintage": vintage,
    "pastel": pastel,
    "stained glass": facets.stained_glass,
    "pointillism": facets.pointillism,
}
