"""What one wears, holds or contains, put onto a cut-out."""

import numpy as np
from PIL import Image, ImageDraw

from lib.sandbox.painter import sprites
from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.cutout import Cutout, moved, stack
from lib.sandbox.painter.pixels import Array, Rng, to_image_rgba
from lib.sandbox.painter.scene import Subject

# Raised by the hand that holds them, not carried before the belly.
RAISED = frozenset(
    {"umbrella", "balloon", "kite", "broom", "fishing rod", "wand", "sword", "axe", "lantern", "trophy"}
)
FLOWN = frozenset({"kite"})  # high up on a string
OVERHEAD = frozenset({"umbrella", "parachute"})


def wear(cutout: Cutout, worn: Subject, rng: Rng) -> Cutout:
    """Hats sit on the crown, glasses on the eyes, scarves and ties under the chin."""
    wide, tall = cutout.image.width, cutout.image.height
    head = cutout.head * wide
    kind, name = worn.noun.kind, worn.noun.name
    raw = prop_of(worn, rng, 128)
    share = {"hat": 0.92, "glasses": 0.86, "scarf": 0.66}.get(kind, 0.9)
    if name == "headphones":
        share = 1.22
    prop = prop_of(worn, rng, int(head * share * raw.height / raw.width))
    x = cutout.crown[0] * wide - prop.width / 2
    if name == "headphones":
        y = cutout.eyes * tall - prop.height * 0.62
    elif kind == "hat":
        y = cutout.crown[1] * tall - prop.height * 0.78
    elif kind == "glasses":
        y = cutout.eyes * tall - prop.height * 0.5
    else:
        y = cutout.neck * tall - prop.height * 0.12
    image, dx, dy = stack(cutout.image, prop, int(x), int(y))
    return moved(cutout, image, dx, dy)


def hold(cutout: Cutout, held: Subject, owner: Subject, rng: Rng) -> Cutout:
    """The thing lies at the hand, and the hand over the thing."""
    wide, tall = cutout.image.width, cutout.image.height
    ratio = float(np.clip(0.85 * (held.noun.metres / owner.noun.metres) ** 0.6, 0.26, 0.5)) * held.size
    raised, overhead = held.noun.name in RAISED, held.noun.name in OVERHEAD
    share = 1.0 if overhead else max(ratio, 0.5) if raised else min(ratio, 0.6)
    prop = prop_of(held, rng, int(tall * share))
    hand_x, hand_y = cutout.hand[0] * wide, cutout.hand[1] * tall
    outward = 1 if cutout.hand[0] > 0.5 else -1
    x = hand_x - prop.width / 2
    if overhead:
        y = hand_y - prop.height * 0.9
        image, dx, dy = stack(prop, cutout.image, -int(x), -int(y))
        cutout = moved(cutout, image, max(0, -int(x)), max(0, -int(y)))
    else:
        big = prop.height > tall * 0.4
        x += outward * (prop.width * 0.3 if raised else -0.1 * wide if big else 0)
        y = hand_y - prop.height * (0.9 if raised else 0.5 if big else 0.66)
        if held.noun.name in FLOWN:
            x, y = x + outward * prop.width * 0.5, -0.3 * prop.height
            cutout = _string(cutout, (x + prop.width / 2, y + prop.height / 2))
            x, y = (
                x + cutout.hand[0] * cutout.image.width - hand_x,
                y + cutout.hand[1] * cutout.image.height - hand_y,
            )
        elif not raised:  # the face stays free
            y = max(y, (cutout.neck - 0.04) * tall)
        image, dx, dy = stack(cutout.image, prop, int(x), int(y))
        cutout = moved(cutout, image, dx, dy)
    if cutout.skin is None:
        return cutout
    grip = _hand(int(tall * 0.085), cutout.skin)
    px = int(cutout.hand[0] * image.width - grip.width / 2)
    py = int(cutout.hand[1] * image.height - grip.height / 2)
    image, dx, dy = stack(image, grip, px, py)
    return moved(cutout, image, dx, dy)


def _string(cutout: Cutout, end: tuple[float, float]) -> Cutout:
    """From the hand to a point that may lie outside the picture."""
    image = cutout.image
    start = (cutout.hand[0] * image.width, cutout.hand[1] * image.height)
    left, top = int(min(0, end[0])), int(min(0, end[1]))
    size = (int(max(image.width, end[0])) - left + 1, int(max(image.height, end[1])) - top + 1)
    layer = Image.new("RGBA", size)
    points = [(start[0] - left, start[1] - top), (end[0] - left, end[1] - top)]
    ImageDraw.Draw(layer).line(points, fill=(250, 250, 250, 230), width=max(1, image.height // 110))
    layer.alpha_composite(image, (-left, -top))
    return moved(cutout, layer, -left, -top)


def _hand(size: int, tone: Array) -> Image.Image:
    clay = Clay(max(6, size), 1.0)
    clay.ellipse((0.5, 0.5), (0.48, 0.44), tone)
    return clay.image()


def filled(vessel: Cutout, filling: tuple[Subject, ...], rng: Rng) -> Image.Image:
    """Fruit is heaped behind the rim of a bowl, flowers fan out of a vase; the vessel is in front of both."""
    base = vessel.image
    pieces = [subject for subject in filling for _ in range(min(subject.count, 9))][:12]
    flowers = filling[0].noun.kind == "plant"
    room = base.width * (0.72 if flowers else 0.8)
    size = int(
        room * (1.75 if flowers else 0.62 if len(pieces) > 2 else 0.8) / max(1.0, (len(pieces) / 5) ** 0.5)
    )
    side = base.width + size * 2
    heap = Image.new("RGBA", (side, side))
    foot = side // 2
    for i, subject in enumerate(pieces):
        prop = prop_of(subject, rng, int(size * (0.9 + 0.2 * rng.random())), turn=i)
        share = (i + 0.5) / len(pieces) - 0.5
        turned = prop.convert("RGBa").rotate(
            -share * (70 if flowers else 50), Image.Resampling.BICUBIC, expand=True
        )
        x = (
            share * size * 0.4 * flowers
            + side / 2
            + share * room * (1.25 if flowers else 0.78)
            - turned.width / 2
        )
        above = 0.86 + 0.14 * (i % 2) if flowers else 0.74 + 0.36 * (i % 2)
        corner = (max(0, int(x)), max(0, int(foot - turned.height * above)))
        heap.alpha_composite(turned.convert("RGBA"), corner)
    rim = int(base.height * (0.04 if flowers else 0.16))
    image = stack(heap, base, (side - base.width) // 2, foot - rim)[0]
    return sprites.crop(image)


def prop_of(subject: Subject, rng: Rng, height: int, turn: int | None = None) -> Image.Image:
    poses = subject.noun.poses
    pose = poses[int(rng.integers(len(poses))) if turn is None else turn % len(poses)]
    pixels = sprites.array(sprites.load(pose.label))
    if subject.colour:
        pixels = sprites.recolour(pixels, subject.colour)
    return sprites.enlarge(to_image_rgba(pixels), max(8, height))
