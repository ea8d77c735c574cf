"""Animals as cut-outs: as drawn, sitting below a head that was drawn alone, and the unicorn.

`head_of` and `skin_of` read a head; people's bodies use them, too.
"""

import numpy as np
from PIL import Image

from lib.sandbox.painter import sprites
from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.cutout import Cutout
from lib.sandbox.painter.pixels import Array, luma, mix, ramp, rgb, smooth, to_image_rgba


def plain(image: Image.Image) -> Cutout:
    """A whole creature or thing as it is; the head of an animal in profile is on the left."""
    alpha = np.asarray(image.getchannel("A")) > 90
    left = alpha[:, : max(1, int(alpha.shape[1] * 0.52))]
    rows = np.where(left.any(1))[0]
    top = int(rows[0]) if len(rows) else 0
    band = alpha[top : top + max(3, int(alpha.shape[0] * 0.2)), : left.shape[1]]
    columns = np.where(band.any(0))[0]
    low, high = (columns[0], columns[-1]) if len(columns) else (0, alpha.shape[1] - 1)
    width = (high - low + 1) / alpha.shape[1]
    crown = ((low + high) / 2 / alpha.shape[1], top / alpha.shape[0])
    tone = sprites.main_colour(sprites.array(image))
    return Cutout(image, crown, min(max(width, 0.25), 0.6), crown[1] + 0.2, 0.5, (0.2, 0.62), tone)


def seated(head: Image.Image, label: str) -> Cutout:
    """An animal that sits and looks at you."""
    pixels = sprites.array(head)
    fur, belly, paw = _coat(pixels)
    if label == "lion":  # what covers most of its head is the mane
        fur = skin_of(pixels)
        belly, paw = mix(fur, rgb(255, 246, 232), 0.5), fur * 0.88
    tall = head.height / head.width
    left = 0.13
    clay = Clay(int(head.width / 0.74), (tall * 0.74 + 0.72))
    chin = tall * 0.74
    mid = 0.5
    clay.limb([(0.74, chin + 0.5), (0.88, chin + 0.4), (0.91, chin + 0.2)], [0.07, 0.075, 0.05], fur)
    clay.ellipse((0.27, chin + 0.55), (0.15, 0.14), fur * 0.95)
    clay.ellipse((0.73, chin + 0.55), (0.15, 0.14), fur * 0.95)
    clay.ellipse((mid, chin + 0.24), (0.31, 0.42), fur)
    clay.ellipse((mid, chin + 0.27), (0.18, 0.31), belly)
    for side in (-1, 1):
        clay.limb(
            [(mid + side * 0.15, chin + 0.16), (mid + side * 0.14, chin + 0.58)],
            [0.085, 0.075],
            mix(fur, paw, 0.5),
        )
        clay.ellipse((mid + side * 0.145, chin + 0.62), (0.1, 0.068), paw)
        clay.ellipse((mid + side * 0.28, chin + 0.655), (0.12, 0.062), paw)
    clay.shade(chin - 0.02, 0.1, 0.5)
    clay.paste(head, left, 0.0)
    total = clay.rows / clay.width
    crown_x, head_wide = head_of(pixels)
    return Cutout(
        sprites.crop(clay.image()),
        crown=(left + crown_x * 0.74, 0.09 * chin / total),
        head=head_wide * 0.74,
        eyes=chin * 0.5 / total,
        neck=(chin + 0.02) / total,
        hand=(0.66, (chin + 0.36) / total),
        sleeve=fur,
        skin=paw,
        seat=0.93,
    )


def _coat(pixels: Array) -> tuple[Array, Array, Array]:
    """Fur, belly and paws: of a white head with dark patches (a panda) the limbs are dark."""
    fur = sprites.main_colour(pixels)
    solid = pixels[pixels[..., 3] > 0.6][:, :3]
    level = luma(solid)
    if (level > 0.6).mean() > 0.55:  # white fur is the weakest colour there is, but it is the most
        fur = np.median(solid[level > 0.6], axis=0).astype(np.float32)
    dark = level < 0.45
    if luma(fur) > 0.7 and dark.mean() > 0.07:
        limbs = np.median(solid[dark], axis=0).astype(np.float32)
        return fur, fur * 1.0, limbs
    return fur, mix(fur, rgb(255, 246, 232), 0.55), fur * 0.84


def head_of(pixels: Array) -> tuple[float, float]:
    """Middle and width of the head below the ears."""
    row = pixels[int(pixels.shape[0] * 0.3), :, 3] > 0.4
    columns = np.where(row)[0]
    if not len(columns):
        return 0.5, 0.7
    return float(columns[0] + columns[-1]) / 2 / len(row), float(columns[-1] - columns[0]) / len(row)


def skin_of(pixels: Array, *, hat: bool = False) -> Array:
    """Between the eyes, or on the cheek of one with a hat."""
    rows, columns = pixels.shape[:2]
    face = pixels[int(rows * 0.42) : int(rows * 0.5), int(columns * 0.42) : int(columns * 0.58)]
    if hat:
        face = pixels[int(rows * 0.66) : int(rows * 0.72), int(columns * 0.3) : int(columns * 0.38)]
    return np.median(face[..., :3].reshape(-1, 3), axis=0).astype(np.float32)


def unicorn(horse: Image.Image) -> Cutout:
    """There is only a unicorn's portrait among the sprites: this is the horse in white with a mane and a horn."""
    pixels = sprites.array(horse)
    level = luma(pixels[..., :3])
    mane = (1 - smooth(level, 0.2, 0.32))[..., None]
    height = np.linspace(0, 1, pixels.shape[0], dtype=np.float32)
    tones = ramp(((255, 130, 190), (190, 130, 250), (120, 170, 255), (150, 220, 240)), height)[:, None]
    white = mix(rgb(176, 164, 206), rgb(255, 252, 255), smooth(level, 0.2, 0.5)[..., None])
    pixels[..., :3] = mix(white, tones * (0.75 + level[..., None]), mane)
    lift = 0.16
    clay = Clay(horse.width, horse.height / horse.width + lift)
    whole = plain(horse)
    x, y = whole.crown[0] - 0.03, whole.crown[1] * horse.height / horse.width + lift + 0.05
    clay.limb([(x, y), (x - 0.1, y - 0.22)], [0.03, 0.008], rgb(250, 206, 110))
    clay.paste(to_image_rgba(pixels), 0, lift)
    return plain(clay.image())
