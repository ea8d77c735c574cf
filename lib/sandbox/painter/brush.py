"""The tools that painted styles share: flat patches with crisp borders, outlines, strokes along the forms, paper."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from lib.sandbox.painter.pixels import Array, Rng, clip, fbm, from_image, luma, resize, smooth, to_image


def unit(picture: Array) -> float:
    """Brush sizes are told at 512 pixels."""
    return min(picture.shape[:2]) / 512


def patches(picture: Array, radius: int) -> Array:
    """Kuwahara's filter: every pixel takes the mean of the calmest of the four squares it is a corner of."""
    height, width = picture.shape[:2]
    side = 2 * radius + 1
    mean = from_image(to_image(picture).filter(ImageFilter.BoxBlur(radius / 2)))
    level = luma(picture)
    square = _box(level * level, radius / 2)
    variance = np.maximum(square - _box(level, radius / 2) ** 2, 0)
    shift = max(1, side // 4)
    best = np.full((height, width), np.inf, np.float32)
    out = np.empty_like(picture)
    for dy in (-shift, shift):
        for dx in (-shift, shift):
            rows = np.clip(np.arange(height) + dy, 0, height - 1)
            columns = np.clip(np.arange(width) + dx, 0, width - 1)
            calm = variance[rows][:, columns]
            better = calm < best
            best = np.where(better, calm, best)
            np.copyto(out, mean[rows][:, columns], where=better[..., None])
    return out


def _box(values: Array, radius: float) -> Array:
    image = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    return from_image(image.filter(ImageFilter.BoxBlur(radius)))


def soft_luma(picture: Array, radius: float) -> Array:
    return from_image(to_image(picture).convert("L").filter(ImageFilter.GaussianBlur(radius)))


def outlines(picture: Array, thin: float, strength: float) -> Array:
    """Where a fine blur is darker than a wide one: lines like ink, 0..1."""
    difference = soft_luma(picture, thin * 1.7) - soft_luma(picture, thin)
    return smooth(difference * strength, 0.12, 0.6)


def edges(picture: Array, radius: float) -> Array:
    gy, gx = np.gradient(soft_luma(picture, radius))
    return np.hypot(gx, gy).astype(np.float32) * (picture.shape[0] / 512)


def strokes(picture: Array, rng: Rng, length: int) -> Array:
    """Noise dragged along the contours (line integral convolution): the direction of a brush, around 0.5."""
    height, width = picture.shape[:2]
    factor = max(1, round(min(height, width) / 512))
    rows, columns = height // factor, width // factor
    small = to_image(picture).resize((columns, rows), Image.Resampling.BOX)
    level = from_image(small.convert("L").filter(ImageFilter.GaussianBlur(max(2.0, rows / 90))))
    gy, gx = np.gradient(level)
    swirl = fbm(rng, (rows, columns), 3, 2) * 2 * np.pi * 2
    vy, vx = gx + 0.004 * np.sin(swirl), -gy + 0.004 * np.cos(swirl)
    norm = np.hypot(vy, vx) + 1e-6
    vy, vx = vy / norm, vx / norm
    noise = resize(rng.random((rows // 2 + 1, columns // 2 + 1), np.float32), rows, columns)
    total = noise.copy()
    for sign in (-1, 1):
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        for _ in range(length):
            iy, ix = np.clip(y, 0, rows - 1).astype(int), np.clip(x, 0, columns - 1).astype(int)
            y, x = y + sign * vy[iy, ix] * 1.5, x + sign * vx[iy, ix] * 1.5
            total += noise[np.clip(y, 0, rows - 1).astype(int), np.clip(x, 0, columns - 1).astype(int)]
    total /= 2 * length + 1
    return resize(total, height, width)


@dataclass(frozen=True, slots=True)
class Dab:
    """One stroke of a brush, in pixels."""

    length: float
    thick: float


def dabs(below: Array, picture: Array, rng: Rng, dab: Dab, where: NDArray[np.bool_] | None = None) -> Array:
    """Strokes of one size laid over `below`: each in the colour found under it, along the form it lies on."""
    height, width = picture.shape[:2]
    pitch = dab.thick * 0.82
    rows, columns = max(1, int(height / pitch)), max(1, int(width / pitch))
    ys = ((np.arange(rows)[:, None] + rng.random((rows, columns))) * pitch).ravel()
    xs = ((np.arange(columns)[None] + rng.random((rows, columns))) * pitch).ravel()
    order = rng.permutation(len(ys))
    ys, xs = ys[order], xs[order]
    iy, ix = np.clip(ys, 0, height - 1).astype(int), np.clip(xs, 0, width - 1).astype(int)
    if where is not None:
        kept = where[iy, ix]
        ys, xs, iy, ix = ys[kept], xs[kept], iy[kept], ix[kept]
    angle = _lie(picture, rng, dab, (iy, ix))
    tones = (
        picture[iy, ix] * (1 + (rng.random((len(ys), 1)) - 0.5) * 0.2)
        + (rng.random((len(ys), 3)) - 0.5) * 0.04
    )
    half = dab.length / 2 * (0.6 + 0.8 * rng.random(len(ys)))
    ends = np.stack([xs - np.cos(angle) * half, ys - np.sin(angle) * half, xs + np.cos(angle) * half,
                     ys + np.sin(angle) * half], -1)  # fmt: skip
    image = to_image(below)
    pen = ImageDraw.Draw(image)
    thick = max(1, round(dab.thick))
    for line, tone in zip(ends.tolist(), (clip(tones) * 255).astype(int).tolist(), strict=True):
        pen.line(line, fill=tuple(tone), width=thick)
    return from_image(image.filter(ImageFilter.GaussianBlur(thick / 9)))


def _lie(picture: Array, rng: Rng, dab: Dab, at: tuple[Any, Any]) -> Array:
    """The direction of each stroke: along the form under it, drifting where there is none."""
    slope = np.gradient(soft_luma(picture, dab.thick * 0.7))
    down, across = slope[0][at], slope[1][at]
    drift = (fbm(rng, picture.shape[:2], 2.5, 2)[at] - 0.5) * 5
    along = np.where(np.hypot(down, across) > 0.004, np.arctan2(across, -down), drift)
    return along + (rng.random(len(along)) - 0.5) * 0.5


def weave(size: tuple[int, int]) -> Array:
    """The threads of a canvas, -1..1."""
    fine = 2.1 / max(min(size) / 512, 0.5)
    return np.sin(np.arange(size[0]) * fine)[:, None] * np.sin(np.arange(size[1]) * fine)[None]


def bump(relief: Array, strength: float) -> Array:
    """Light from the upper left over a relief, around 0."""
    gy, gx = np.gradient(relief)
    return np.clip((gx + gy) * strength, -0.16, 0.16, dtype=np.float32)


def paper(rng: Rng, size: tuple[int, int]) -> Array:
    """Rough paper, around 0.5."""
    return fbm(rng, size, max(40, size[0] / 7), 2) * 0.6 + fbm(rng, size, 40, 3) * 0.4


def torn_border(rng: Rng, size: tuple[int, int], margin: float) -> Array:
    """1 inside, 0 on the unpainted rim of the sheet."""
    height, width = size
    y = (np.arange(height)[:, None] + 0.5) / height
    x = (np.arange(width)[None] + 0.5) / width
    inset = np.minimum(np.minimum(y, 1 - y), np.minimum(x, 1 - x) * width / height)
    return smooth(inset + (fbm(rng, size, 6, 5) - 0.5) * margin * 2.2, margin * 0.7, margin * 1.1)


def flatten(picture: Array, colours: int) -> Array:
    """A poster's few colours."""
    image = to_image(picture).quantize(colours, dither=Image.Dither.NONE).convert("RGB")
    return clip(from_image(image))
