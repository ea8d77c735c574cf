"""Arithmetic of pictures: noise, ramps, mixing, blurring. Float arrays (height, width, 3), 0 to 1, in display space."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.floating[Any]]
Rng = np.random.Generator
LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def rgb(*colour: float) -> Array:
    """A colour of 0..255 as an array of 0..1."""
    return np.array(colour, np.float32) / 255


def mix(low: Any, high: Any, share: Any) -> Array:
    return low + (high - low) * share


def clip(values: Any) -> Array:
    return np.clip(values, 0, 1, dtype=np.float32)


def smooth(values: Any, low: float, high: float) -> Array:
    """Smoothstep."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Pixel centres as columns y (h, 1) and rows x (1, w), both 0..1."""
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    x = (np.arange(width, dtype=np.float32)[None] + 0.5) / width
    return y, x


def ramp(stops: Any, values: Array) -> Array:
    """Colours at 0..1 along evenly spaced stops (0..255)."""
    colours = np.array(stops, np.float32) / 255
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(values, at, colours[:, c]) for c in range(3)], -1).astype(np.float32)


def resize(values: Array, height: int, width: int) -> Array:
    """One channel, to another size."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def fbm(
    rng: Rng,
    size: tuple[int, int],
    cells: float,
    octaves: int = 4,
    stretch: tuple[float, float] = (1, 1),
) -> Array:
    """Fractal noise around 0.5, `cells` blobs over the height; stretch (y, x) > 1 makes them longer that way.

    Summed no larger than its finest octave needs and enlarged once: that is most of the speed.
    """
    height, width = size
    finest = cells * 2 ** (octaves - 1) * 2.5
    rows = int(np.clip(finest / stretch[0], 4, height))
    columns = int(np.clip(finest / stretch[1] * width / height, 4, width))
    total = np.zeros((rows, columns), np.float32)
    weight = norm = 1.0
    norm = 0.0
    for octave in range(octaves):
        n = cells * 2**octave
        coarse = rng.random(
            (max(2, int(n / stretch[0]) + 1), max(2, int(n / stretch[1] * width / height) + 1)), np.float32
        )
        total += resize(coarse, rows, columns) * weight
        norm += weight
        weight *= 0.5
    return resize(total / norm, height, width)


def ridge(rng: Rng, width: int, cells: float, octaves: int = 5, aspect: float = 1.0) -> Array:
    """A line of fractal noise, -0.5..0.5, over the width."""
    total = np.zeros(width, np.float32)
    weight, norm = 1.0, 0.0
    at = np.linspace(0, 1, width)
    for octave in range(octaves):
        n = max(3, int(cells * aspect * 2**octave) + 2)
        knots = rng.random(n)
        fine = np.interp(at * (n - 1), np.arange(n), knots)
        if octave == 0:
            t = at * (n - 1) % 1
            low = knots[np.minimum((at * (n - 1)).astype(int), n - 1)]
            high = knots[np.minimum((at * (n - 1)).astype(int) + 1, n - 1)]
            fine = low + (high - low) * t * t * (3 - 2 * t)
        total += fine * weight
        norm += weight
        weight *= 0.5
    return (total / norm - 0.5).astype(np.float32)


def to_image(picture: Array) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_image_rgba(pixels: Array) -> Image.Image:
    """A straight-alpha cut-out as an image."""
    return Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")


def from_image(image: Image.Image) -> Array:
    return np.asarray(image, np.float32) / 255


def blur(picture: Array, radius: float) -> Array:
    return from_image(to_image(picture).filter(ImageFilter.GaussianBlur(radius)))


def soft_blur(picture: Array, radius: float) -> Array:
    """A wide blur, cheap: done on a smaller picture."""
    height, width = picture.shape[:2]
    factor = max(1, int(radius / 3))
    small = to_image(picture).resize(
        (max(2, width // factor), max(2, height // factor)), Image.Resampling.BOX
    )
    small = small.filter(ImageFilter.GaussianBlur(radius / factor))
    return from_image(small.resize((width, height), Image.Resampling.BICUBIC))


def add_into(picture: Array, colour: Any, mask: Array) -> None:
    """Mixes a colour (or picture) into the picture, in place."""
    share = mask[..., None]
    picture += (colour - picture) * share


def luma(picture: Array) -> Array:
    return picture @ LUMA
