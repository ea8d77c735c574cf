"""The way from noise to the picture, step by step, as a diffusion sampler's previews show it.

The picture is painted already; what a "denoiser" would predict at a noise level is the picture without the detail finer
than that level. Small, because only previews and interrupted pictures come from it.
"""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from lib.sandbox.painter.pixels import Array, Rng, from_image, resize, to_image

PREVIEW_SIDE = 288
FEW_STEPS = 8  # below this a picture is not done: soft, with some noise left


def noise_levels(steps: int, sampler: str) -> Array:
    levels = np.linspace(1, 0, steps + 1)
    curve = 1.5 if "Karras" in sampler or "DPM" in sampler else 1.0
    return (levels**curve).astype(np.float32)


def previews(picture: Image.Image, steps: int, sampler: str, rng: Rng) -> Iterator[Image.Image]:
    """The state after each step, at preview size."""
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BOX)
    width, height = small.size
    radii = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    pyramid = [from_image(small.filter(ImageFilter.GaussianBlur(r)) if r else small) for r in radii]
    ancestral = sampler.endswith(" a") or "SDE" in sampler or sampler in {"LCM", "Restart"}
    levels = noise_levels(steps, sampler)
    noise = _latent_noise(rng, height, width)
    for now in levels[1:]:
        if ancestral:
            noise = 0.8 * noise + 0.6 * _latent_noise(rng, height, width)
        at = float(now) ** 1.2 * (len(radii) - 1)
        low = min(int(at), len(radii) - 2)
        predicted = pyramid[low] + (pyramid[low + 1] - pyramid[low]) * (at - low)
        yield to_image(predicted * (1 - now) + (0.5 + 0.24 * noise) * now)


def _latent_noise(rng: Rng, height: int, width: int) -> Array:
    """Blotchy like a decoded latent: one value for some pixels."""
    rows, columns = max(2, height // 4), max(2, width // 4)
    channels = [
        resize(rng.standard_normal((rows, columns)).astype(np.float32), height, width) for _ in range(3)
    ]
    return np.stack(channels, -1)


def unfinished(picture: Image.Image, steps: int, rng: Rng) -> Image.Image:
    """What too few steps leave: less detail, more noise."""
    if steps >= FEW_STEPS:
        return picture
    missing = (FEW_STEPS - steps) / FEW_STEPS
    unit = min(picture.size) / 512
    soft = from_image(picture.filter(ImageFilter.GaussianBlur(7 * missing**2 * unit)))
    height, width = soft.shape[:2]
    return to_image(soft + _latent_noise(rng, height, width) * 0.05 * missing)


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=72)
    return out.getvalue()
