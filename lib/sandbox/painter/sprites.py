"""Sprites from the archive: loading, recolouring, and small variations so that no two of a kind look alike."""

import functools
import io
import zipfile

import numpy as np
from PIL import Image, ImageFilter

from lib.sandbox.painter import heads, lexicon, models, words
from lib.sandbox.painter.pixels import (
    Array,
    Rng,
    clip,
    from_image,
    luma,
    mix,
    rgb,
    smooth,
    to_image,
    to_image_rgba,
)

HEADS = {
    "@knight": heads.knight,
    "@pirate": heads.pirate,
    "@viking": heads.viking,
    "@fisherman": heads.fisherman,
    "@soldier": heads.soldier,
}


@functools.cache
def _archive() -> zipfile.ZipFile:
    # Read once into memory: it is small, and an open file would be shared by forked workers.
    return zipfile.ZipFile(io.BytesIO((lexicon.ASSETS / "sprites.zip").read_bytes()))


@functools.lru_cache(maxsize=48)
def load(label: str, tone: int = 0) -> Image.Image:
    """The sprite, cropped to what is visible, at most 256 pixels a side."""
    if label in HEADS:
        return crop(HEADS[label](lambda face: load(face, tone)))
    if label.startswith("@"):
        return crop(models.MODELS[label[1:]]())
    files = lexicon.members()[label]
    return _mended(Image.open(io.BytesIO(_archive().read(files[tone % len(files)]))).convert("RGBA"))


def _mended(image: Image.Image) -> Image.Image:
    """Lossy WebP smears the transparent colour into the outline: the two outermost pixels take the colours inside them."""
    pixels = from_image(image)
    inside = (
        image.getchannel("A").point([255 * (v > 250) for v in range(256)]).filter(ImageFilter.MinFilter(5))
    )
    weight = from_image(inside)[..., None]
    masked = to_image(pixels[..., :3] * weight).filter(ImageFilter.GaussianBlur(1.6))
    spread = from_image(inside.filter(ImageFilter.GaussianBlur(1.6)))[..., None]
    known = smooth(spread, 0.02, 0.1) * (1 - weight)  # whiskers and strings have no inside: they stay
    pixels[..., :3] = mix(pixels[..., :3], clip(from_image(masked) / np.maximum(spread, 0.02)), known)
    return to_image_rgba(pixels)


def main_colour(pixels: Array) -> Array:
    """The colour that covers most of a sprite: the fullest cell of a coarse chroma histogram."""
    solid = pixels[pixels[..., 3] > 0.6][:, :3]
    if not len(solid):
        return rgb(128, 128, 128)
    a, b = _chroma(solid)
    cell = np.clip((a + 1) * 8, 0, 15).astype(int) * 16 + np.clip((b + 1) * 8, 0, 15).astype(int)
    # Strong colours count more: a red car is red, not as grey as its tyres and windows.
    weight = 0.3 + solid.max(-1) - solid.min(-1)
    counts = np.bincount(cell, weight, 256).reshape(16, 16)
    padded = np.pad(counts, 1)  # neighbours count, too: a shaded colour spreads over several cells
    spread = sum(padded[i : i + 16, j : j + 16] for i in range(3) for j in range(3))
    fullest = int((spread + 0.2 * counts).argmax())
    near = (abs(cell // 16 - fullest // 16) <= 1) & (abs(cell % 16 - fullest % 16) <= 1)
    return np.median(solid[near], axis=0).astype(np.float32)


def _chroma(colours: Array) -> tuple[Array, Array]:
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    return red - green, (red + green) / 2 - blue


def recolour(pixels: Array, colour: str) -> Array:
    """Gives the main colour's area another colour and leaves eyes, windows and tyres alone."""
    target, main = rgb(*words.COLOURS[colour]), main_colour(pixels)
    a, b = _chroma(pixels[..., :3])
    main_a, main_b = _chroma(main)
    distance = np.hypot(a - main_a, b - main_b)
    level = luma(pixels[..., :3])
    chroma = float(np.hypot(main_a, main_b))
    area = 1 - smooth(distance, max(0.26, 0.52 * chroma), max(0.5, 0.9 * chroma))
    if chroma < 0.12:  # a grey or white thing: brightness tells its parts apart
        area = area * (1 - smooth(np.abs(level - luma(main)), 0.34, 0.5))
    inside = (area > 0.5) & (pixels[..., 3] > 0.5)
    low, high = np.percentile(level[inside], (8, 92)) if inside.any() else (0.2, 0.8)
    shade = np.clip((level - low) / max(high - low, 0.12), -0.3, 1.3)[..., None]
    painted = np.where(
        shade < 0.6,
        mix(target * 0.52, target, shade / 0.6),
        mix(target, mix(target, 1.0, 0.35), (shade - 0.6) / 0.7),
    )
    out = pixels.copy()
    out[..., :3] = clip(mix(pixels[..., :3], painted, area[..., None]))
    return out


def vary(pixels: Array, rng: Rng, amount: float) -> Array:
    """A breath of another hue and brightness."""
    gain = 1 + (rng.random(3).astype(np.float32) - 0.5) * amount + (rng.random() - 0.5) * amount
    out = pixels.copy()
    out[..., :3] = clip(pixels[..., :3] * gain)
    return out


def crop(image: Image.Image) -> Image.Image:
    box = image.getchannel("A").point([255 * (v > 12) for v in range(256)]).getbbox()
    return image.crop(box) if box else image


def enlarge(image: Image.Image, height: int) -> Image.Image:
    """To a height in pixels. Enlarged ones get their outline steepened and their detail sharpened again."""
    factor = height / image.height
    size = (max(2, round(image.width * factor)), max(2, height))
    # Premultiplied, or the colour behind transparent pixels bleeds into the outline.
    out = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    if factor <= 1.05:
        return out.convert("RGBA")
    steep = min(factor * 1.2, 3.0)
    alpha = out.getchannel("a").point([int(np.clip((v - 127.5) * steep + 127.5, 0, 255)) for v in range(256)])
    colours = _filled(out, factor).filter(ImageFilter.UnsharpMask(factor * 1.3, 80, 1))
    colours.putalpha(alpha)
    return colours


def _filled(premultiplied: Image.Image, factor: float) -> Image.Image:
    """The colours continued beyond the outline: sharpening against black would draw a bright seam."""
    own = from_image(premultiplied)
    wide = from_image(premultiplied.filter(ImageFilter.GaussianBlur(2.5 * factor)))
    inner = own[..., :3] / np.maximum(own[..., 3:], 1e-3)
    outer = wide[..., :3] / np.maximum(wide[..., 3:], 1e-3)
    return to_image(mix(outer, inner, smooth(own[..., 3:], 0.55, 0.95)))


def array(image: Image.Image) -> Array:
    return from_image(image.convert("RGBA"))
