"""The last hand on a picture: lens, bloom, colour grade, guidance scale, grain."""

import numpy as np

from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.pixels import Array, Rng, blur, clip, grid, luma, mix, rgb, smooth, soft_blur

# time: what shadows and lights lean to
_GRADES = {
    "day": ((240, 246, 255), (255, 250, 240)),
    "sunset": ((238, 226, 255), (255, 240, 220)),
    "dusk": ((226, 230, 255), (255, 240, 246)),
    "dawn": ((240, 236, 255), (255, 246, 236)),
    "night": ((224, 232, 255), (246, 248, 255)),
    "indoor": ((246, 240, 240), (255, 248, 234)),
}


def lens(picture: Array, radius: float) -> Array:
    """The backdrop slightly out of focus, more towards the top (far away) than on the ground before us."""
    height = picture.shape[0]
    y, _ = grid(height, 1)
    soft = blur(picture, radius)
    return mix(picture, soft, (1 - smooth(y, 0.72, 0.94))[..., None]).astype(np.float32)


def grade(canvas: Canvas, *, photo: bool) -> Array:
    """Bloom around bright things, then the split tone of the hour, a soft S-curve and a vignette."""
    picture, light = np.clip(canvas.picture, 0, 1), canvas.light
    bright = clip(picture - (0.55 if light.dark else 0.78)) * (1.5 if light.dark else 0.8)
    picture += (1 - picture) * soft_blur(bright, canvas.height / 24) * 0.9
    low, high = _GRADES.get(light.time, ((246, 246, 252), (255, 252, 248)))
    level = luma(picture)[..., None]
    picture *= mix(rgb(*low), rgb(*high), level)
    picture = mix(picture, picture * picture * (3 - 2 * picture), 0.28 if not photo else 0.4)
    picture *= (1 - (0.3 if photo else 0.2) * canvas.vignette(0.34, 0.8))[..., None]
    return clip(picture)


def guide(picture: Array, cfg_scale: float) -> Array:
    """cfg_scale as what it looks like: 7 leaves the picture, less washes it out, more burns it."""
    amount = float(np.clip(1 + (cfg_scale - 7) * 0.045, 0.6, 1.6))
    if amount == 1:
        return picture
    grey = luma(picture)[..., None]
    vivid = grey + (picture - grey) * amount
    return clip(0.5 + (vivid - 0.5) * (0.7 + 0.3 * amount))


def grain(picture: Array, rng: Rng, amount: float) -> Array:
    """Fine noise; also hides the steps of 8-bit gradients."""
    height, width = picture.shape[:2]
    noise = rng.standard_normal((height, width), np.float32)[..., None]
    return clip(picture + noise * amount)


def sharpen(picture: Array, amount: float) -> Array:
    return clip(picture + (picture - blur(picture, 1.1)) * amount)
