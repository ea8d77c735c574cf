"""Gives busts, faces and animal heads a body, so that a wizard is not a wizard's portrait standing on a meadow.

Each builder returns a Cutout: the picture and the points where things are worn, held and sat upon.
"""

import numpy as np
from PIL import Image

from lib.sandbox.painter import sprites
from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.creatures import head_of, skin_of
from lib.sandbox.painter.cutout import Cutout
from lib.sandbox.painter.pixels import Array, Rng, clip, luma, mix, rgb

TROUSERS = ((52, 62, 92), (74, 76, 86), (96, 74, 58), (44, 72, 78), (60, 52, 70))
SHIRTS = (
    (220, 80, 70),
    (60, 130, 200),
    (240, 176, 60),
    (70, 160, 120),
    (150, 100, 190),
    (240, 240, 236),
    (236, 130, 150),
)
OUTFITS = {
    "Santa Claus": ((200, 36, 40), (200, 36, 40)),
    "clown face": ((246, 196, 60), (90, 110, 220)),
    "skull": ((40, 40, 48), (40, 40, 48)),
    "@pirate": ((126, 36, 44), (44, 42, 52)),
    "@viking": ((120, 88, 60), (84, 66, 52)),
    "@fisherman": ((244, 190, 52), (52, 62, 92)),
    "@soldier": ((96, 108, 70), (84, 94, 62)),
}
BARE = frozenset({"robot", "alien", "ogre", "goblin", "@knight"})  # their body has the colour of their head


def standing(bust: Image.Image, kind: str, rng: Rng, *, astride: bool = False) -> Cutout:
    """Continues the clothes of a bust downwards: coat, then legs; robes reach the ground."""
    pixels = sprites.array(bust)
    rows, columns = pixels.shape[:2]
    alpha = pixels[rows - 4, :, 3] > 0.5
    span = np.where(alpha)[0]
    low, high = (span[0], span[-1]) if len(span) > 8 else (int(columns * 0.2), int(columns * 0.8))
    robe = kind == "robe" and not astride
    coat_rows = int(rows * (0.68 if robe else 0.2 if astride else 0.3))
    clay = Clay(columns, (rows + int(rows * 0.72)) / columns)
    mid, half = (low + high) / 2 / columns, (high - low) / 2 / columns
    torso = np.median(pixels[rows - 10 : rows - 2, low:high, :3].reshape(-1, 3), axis=0).astype(np.float32)
    legs = torso if kind in {"suit", "robe"} else rgb(*TROUSERS[int(rng.integers(len(TROUSERS)))])
    foot = rows / columns + (0.66 if not astride else 0.5) * rows / columns
    hip = (rows + coat_rows * 0.8) / columns
    if not robe and not astride:
        _legs(clay, (mid, half), (hip, foot), legs)
    _coat_tails(clay, pixels, (low, high), coat_rows, flare=0.16 if robe else -0.1)
    if astride:
        clay.limb(
            [(mid, hip - 0.02), (mid - half * 0.4, hip + 0.18), (mid - half * 0.1, hip + 0.4)],
            [half * 0.4, half * 0.32, half * 0.22],
            legs,
        )
        clay.ellipse((mid - half * 0.26, hip + 0.45), (half * 0.34, half * 0.18), legs * 0.5)
    clay.paste(bust, 0, 0)
    image = clay.image()
    box = image.getchannel("A").getbbox() or (0, 0, 1, 1)
    tall = box[3]
    image = image.crop((0, 0, columns, tall))
    crown_x, head_wide = head_of(pixels[: int(rows * 0.6)])
    return Cutout(
        image,
        crown=(crown_x, rows * 0.08 / tall),
        head=head_wide * 0.8,
        eyes=rows * 0.36 / tall,
        neck=rows * 0.66 / tall,
        hand=(mid + half * 0.55, rows * 0.98 / tall),
        sleeve=torso,
        skin=skin_of(pixels),
        seat=(rows + coat_rows * 0.86) / tall,
    )


def _legs(clay: Clay, coat: tuple[float, float], reach: tuple[float, float], colour: Array) -> None:
    """Below the middle and half width of a coat, from hip to foot."""
    (mid, half), (hip, foot) = coat, reach
    for side in (-1, 1):
        x = mid + side * half * 0.42
        clay.ellipse(
            (x + side * 0.02, foot - 0.035),
            (half * 0.42, 0.06),
            colour * 0.45 if luma(colour) < 0.7 else colour * 0.8,
        )
        clay.limb([(x, hip), (x + side * 0.01, foot - 0.06)], [half * 0.4, half * 0.3], colour)


def _coat_tails(clay: Clay, pixels: Array, span: tuple[int, int], length: int, *, flare: float) -> None:
    """The lowest rows of the bust, drawn out downwards and widened or narrowed."""
    rows, columns = pixels.shape[:2]
    low, high = span
    source = pixels[rows - 9 : rows - 3].mean(0)
    start = rows - 4
    end = min(clay.rows, start + length)
    share = (np.arange(start, end) - start) / max(1, length)
    mid, half = (low + high) / 2, (high - low) / 2
    reach = (
        half * (1 + flare * share) * np.sqrt(np.clip(1 - np.clip((share - 0.82) / 0.22, 0, 1) ** 2, 0.02, 1))
    )
    x = np.arange(columns)[None]
    across = (x - mid) / reach[:, None]
    at = np.clip(mid + across * half, low + 1, high - 1).astype(int)
    cloth = source[at]
    fold = 1 + 0.05 * np.sin(across * 9) * share[:, None]
    shade = (1 - 0.22 * share[:, None] - 0.22 * across**2 * share[:, None]) * fold
    layer = np.empty((end - start, columns, 4), np.float32)
    layer[..., :3] = clip(cloth[..., :3] * shade[..., None])
    layer[..., 3] = clip((1 - np.abs(across)) * reach[:, None] + 0.5)
    part = clay.pixels[start:end, :columns]
    a = layer[..., 3:]
    part[..., :3] = part[..., :3] * (1 - a) + layer[..., :3] * a
    part[..., 3:] = np.maximum(part[..., 3:], a)


def toy(head: Image.Image, label: str, rng: Rng, *, astride: bool = False) -> Cutout:
    """A head of its own gets a whole figure: shirt, arms, trousers; robots and monsters one in their own colour."""
    pixels = sprites.array(head)
    skin = sprites.main_colour(pixels) if label in BARE else skin_of(pixels, hat=label.startswith("@"))
    shirt, trousers = _outfit(label, skin, rng)
    tall = head.height / head.width * 0.7
    clay = Clay(int(head.width / 0.7), tall + 0.92)
    chin, mid = tall, 0.5
    hand = mix(skin, rgb(255, 255, 255), 0.0) if label != "clown face" else rgb(250, 250, 250)
    clay.limb([(0.3, chin + 0.08), (0.16, chin + 0.36)], [0.075, 0.062], shirt * 0.96)
    clay.ellipse((0.15, chin + 0.42), (0.072, 0.072), hand)
    if astride:
        clay.limb([(mid, chin + 0.44), (0.3, chin + 0.6), (0.4, chin + 0.8)], [0.13, 0.11, 0.08], trousers)
        clay.ellipse((0.34, chin + 0.84), (0.13, 0.065), trousers * 0.5)
    else:
        for side in (-1, 1):
            clay.ellipse((mid + side * 0.15, chin + 0.845), (0.125, 0.06), trousers * 0.5)
            clay.limb(
                [(mid + side * 0.11, chin + 0.42), (mid + side * 0.125, chin + 0.8)], [0.12, 0.09], trousers
            )
    clay.limb([(mid, chin + 0.1), (mid, chin + 0.42)], [0.2, 0.215], shirt)
    if label in BARE:
        clay.ellipse((mid, chin + 0.28), (0.13, 0.15), mix(shirt, rgb(255, 255, 255), 0.35))
    clay.limb([(0.7, chin + 0.08), (0.84, chin + 0.36)], [0.075, 0.062], shirt)
    clay.ellipse((0.85, chin + 0.42), (0.072, 0.072), hand)
    clay.ellipse((mid, chin + 0.01), (0.13, 0.06), skin * 0.85)
    clay.shade(chin, 0.07, 0.5)
    clay.paste(head, 0.15, 0.02)
    total = clay.rows / clay.width
    crown_x, wide = head_of(pixels)
    image = clay.image()
    return Cutout(
        image,
        crown=(0.15 + crown_x * 0.7, (0.02 + tall * 0.12) / total),
        head=wide * 0.7,
        eyes=tall * 0.5 / total,
        neck=(chin + 0.05) / total,
        hand=(0.82, (chin + 0.38) / total),
        sleeve=shirt,
        skin=hand,
        seat=(chin + 0.46) / total,
    )


def _outfit(label: str, skin: Array, rng: Rng) -> tuple[Array, Array]:
    if label in BARE:
        return skin * 0.94, skin * 0.84
    if label in OUTFITS:
        shirt, trousers = OUTFITS[label]
        return rgb(*shirt), rgb(*trousers)
    return rgb(*SHIRTS[int(rng.integers(len(SHIRTS)))]), rgb(*TROUSERS[int(rng.integers(len(TROUSERS)))])


def figure(image: Image.Image, *, astride: bool = False) -> Cutout:
    """A whole person as drawn: the head is the top quarter."""
    pixels = sprites.array(image)
    rows = pixels.shape[0]
    band = pixels[int(rows * 0.12), :, 3] > 0.4
    columns = np.where(band)[0]
    low, high = (columns[0], columns[-1]) if len(columns) else (0, pixels.shape[1] - 1)
    mid, wide = (low + high) / 2 / len(band), (high - low) / len(band)
    chest = pixels[int(rows * 0.4), :, :]
    solid = chest[chest[:, 3] > 0.6]
    sleeve = np.median(solid[:, :3], axis=0).astype(np.float32) if len(solid) else rgb(120, 120, 120)
    face = pixels[int(rows * 0.15), (low + high) // 2, :3]
    if astride:
        return _figure_astride(image, sleeve, face, (mid, wide))
    return Cutout(image, (mid, 0.035), wide, 0.12, 0.26, (0.9, 0.48), sleeve, face, 0.6)


def _figure_astride(image: Image.Image, sleeve: Array, face: Array, head: tuple[float, float]) -> Cutout:
    pixels = sprites.array(image)
    rows, columns = pixels.shape[:2]
    hip = int(rows * 0.56)
    below = pixels[int(rows * 0.62)]
    solid = below[below[:, 3] > 0.6]
    legs = np.median(solid[:, :3], axis=0).astype(np.float32) if len(solid) else rgb(90, 90, 110)
    clay = Clay(columns, (hip + rows * 0.36) / columns)
    top = hip / columns
    thick = rows / columns * 0.055
    clay.paste(image.crop((0, 0, columns, hip)), 0, 0)
    clay.limb(
        [(0.5, top - thick * 0.6), (0.36, top + thick * 3.0), (0.5, top + thick * 5.4)],
        [thick, thick * 0.9, thick * 0.6],
        legs,
    )
    clay.ellipse((0.44, top + thick * 5.8), (thick * 1.2, thick * 0.55), legs * 0.5)
    tall = clay.rows
    return Cutout(
        clay.image(),
        (head[0], 0.035 * rows / tall),
        head[1],
        0.12 * rows / tall,
        0.26 * rows / tall,
        (0.85, 0.48 * rows / tall),
        sleeve,
        face,
        hip / tall,
    )
