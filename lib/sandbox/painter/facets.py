"""Styles that break the picture into pieces: triangles, panes of glass, square pixels, dots."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lib.sandbox.painter import brush
from lib.sandbox.painter.pixels import (
    Array,
    Rng,
    clip,
    fbm,
    from_image,
    luma,
    mix,
    smooth,
    soft_blur,
    to_image,
)


def low_poly(picture: Array, rng: Rng) -> Array:
    """A mesh of triangles whose corners were drawn to the edges of the picture, each in its mean colour."""
    height, width = picture.shape[:2]
    rows = 40
    columns = max(6, round(rows * width / height))
    strength = brush.edges(picture, 1.5 * brush.unit(picture))
    points = np.empty((rows + 1, columns + 1, 2))
    for i in range(rows + 1):
        for j in range(columns + 1):
            points[i, j] = _corner(strength, i / rows * height, j / columns * width, height / rows, rng)
    points[0, :, 0], points[-1, :, 0], points[:, 0, 1], points[:, -1, 1] = 0, height, 0, width
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    smooth_picture = from_image(to_image(picture).filter(ImageFilter.GaussianBlur(height / rows / 6)))
    for i in range(rows):
        for j in range(columns):
            a, b, c, d = points[i, j], points[i, j + 1], points[i + 1, j + 1], points[i + 1, j]
            split = ((a, b, c), (a, c, d)) if _alike(smooth_picture, a, c, b, d) else ((a, b, d), (b, c, d))
            for n, triangle in enumerate(split):
                _triangle(pen, smooth_picture, triangle, 1.05 if n else 0.965)
    return from_image(image)


def _corner(strength: Array, y: float, x: float, cell: float, rng: Rng) -> tuple[float, float]:
    """Of a few random spots near the grid point, the one on the strongest edge."""
    spots = rng.random((7, 2)) - 0.5
    ys = np.clip(y + spots[:, 0] * cell * 0.95, 0, strength.shape[0] - 1)
    xs = np.clip(x + spots[:, 1] * cell * 0.95, 0, strength.shape[1] - 1)
    best = int((strength[ys.astype(int), xs.astype(int)] + rng.random(7) * 0.004).argmax())
    return float(ys[best]), float(xs[best])


def _alike(picture: Array, a: Array, c: Array, b: Array, d: Array) -> bool:
    """The diagonal joins the corners whose colours differ less."""
    pa, pb, pc, pd = (
        picture[min(int(p[0]), picture.shape[0] - 1), min(int(p[1]), picture.shape[1] - 1)]
        for p in (a, b, c, d)
    )
    return bool(np.abs(pa - pc).sum() < np.abs(pb - pd).sum())


def _triangle(pen: ImageDraw.ImageDraw, picture: Array, corners: tuple[Array, ...], gain: float) -> None:
    middle = (corners[0] + corners[1] + corners[2]) / 3
    samples = [middle, *((middle + corner) / 2 for corner in corners)]
    tone = np.mean(
        [
            picture[min(int(p[0]), picture.shape[0] - 1), min(int(p[1]), picture.shape[1] - 1)]
            for p in samples
        ],
        axis=0,
    )
    r, g, b = (int(np.clip(v * gain, 0, 1) * 255) for v in tone)
    pen.polygon([(float(p[1]), float(p[0])) for p in corners], fill=(r, g, b))


def stained_glass(picture: Array, rng: Rng) -> Array:
    """Voronoi panes with leads between; nearest seed found among the cells around."""
    height, width = picture.shape[:2]
    rows, columns = 22, max(6, round(22 * width / height))
    jitter = rng.random((rows, columns, 2)) * 0.9 + 0.05
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    gy, gx = y / height * rows, x / width * columns
    first = np.full((height, width), np.inf, np.float32)
    second = first.copy()
    owner = np.zeros((height, width), np.int32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cy = np.clip(gy.astype(int) + dy, 0, rows - 1)
            cx = np.clip(gx.astype(int) + dx, 0, columns - 1)
            d = np.hypot(gy - cy - jitter[cy, cx, 0], gx - cx - jitter[cy, cx, 1]).astype(np.float32)
            cell = (cy * columns + cx).astype(np.int32)
            nearer = d < first
            second = np.where(nearer, first, np.where((d < second) & (cell != owner), d, second))
            owner = np.where(nearer, cell, owner)
            first = np.minimum(first, d)
    count = np.maximum(np.bincount(owner.ravel(), minlength=rows * columns), 1)
    means = np.stack(
        [np.bincount(owner.ravel(), picture[..., c].ravel(), rows * columns) / count for c in range(3)], -1
    )
    grey = means.mean(-1, keepdims=True)
    panes = (
        clip(grey + (means - grey) * 1.7)[owner] * (0.86 + 0.3 * fbm(rng, (height, width), 14, 3))[..., None]
    )
    unit = brush.unit(picture)
    forms = brush.patches(picture, max(2, int(5 * unit)))
    grey = luma(forms)[..., None]
    glass = mix(panes, clip(grey + (forms - grey) * 1.7), 0.55)
    lead = np.minimum(
        smooth(second - first, 0.04, 0.1), 1 - smooth(brush.edges(forms, 2.2 * unit), 0.016, 0.034)
    )
    return clip(glass * 1.08 * lead[..., None] + 0.03)


def pixel(picture: Array, rng: Rng) -> Array:
    height, width = picture.shape[:2]
    cell = max(2, round(min(height, width) / 116))
    small = to_image(picture).resize((max(8, width // cell), max(8, height // cell)), Image.Resampling.BOX)
    pixels = from_image(small)
    grey = luma(pixels)[..., None]
    pixels = clip((grey + (pixels - grey) * 1.3 - 0.5) * 1.12 + 0.5)
    # An ordered pattern between neighbouring colours, the way small palettes were stretched.
    bayer = np.tile(
        np.array([[0, 2], [3, 1]], np.float32) / 4 - 0.375,
        (pixels.shape[0] // 2 + 1, pixels.shape[1] // 2 + 1),
    )
    pixels = clip(pixels + bayer[: pixels.shape[0], : pixels.shape[1], None] * 0.05)
    few = (
        to_image(pixels)
        .quantize(40, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        .convert("RGB")
    )
    _ = rng
    return from_image(few.resize((width, height), Image.Resampling.NEAREST))


def pointillism(picture: Array, rng: Rng) -> Array:
    height, width = picture.shape[:2]
    unit = brush.unit(picture)
    image = to_image(soft_blur(picture, 10 * unit) * 0.92 + 0.06)
    pen = ImageDraw.Draw(image)
    count = int(9000 * width * height / min(width, height) ** 2)
    ys, xs = rng.integers(0, height, count), rng.integers(0, width, count)
    tones = (
        clip(picture[ys, xs] * (1 + (rng.random((count, 3)) - 0.5) * 0.36).astype(np.float32) + 0.02) * 255
    )
    sizes = (1.8 + 2.6 * rng.random(count)) * unit
    for y, x, tone, r in zip(
        ys.tolist(), xs.tolist(), tones.astype(int).tolist(), sizes.tolist(), strict=True
    ):
        pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(tone))
    return from_image(image)
