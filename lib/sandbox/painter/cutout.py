"""A cut-out and the points where things are worn, held and sat upon; and how one cut-out is laid over another."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from lib.sandbox.painter.pixels import Array


@dataclass(frozen=True, slots=True)
class Cutout:
    """Points are shares of the picture's width and height."""

    image: Image.Image
    crown: tuple[float, float] = (0.5, 0.0)  # where a hat's brim goes
    head: float = 0.6  # width of the head
    eyes: float = 0.25
    neck: float = 0.5
    hand: tuple[float, float] = (0.8, 0.7)
    sleeve: Array | None = None
    skin: Array | None = None
    seat: float = 1.0  # the height that sits on a saddle


def stack(below: Image.Image, above: Image.Image, x: int, y: int) -> tuple[Image.Image, int, int]:
    """Above over below with its corner at x, y, and a soft shadow between; also how far the origin moved."""
    left, top = min(0, x), min(0, y)
    right, bottom = max(below.width, x + above.width), max(below.height, y + above.height)
    out = Image.new("RGBA", (right - left, bottom - top))
    out.paste(below, (-left, -top))
    shade = Image.new("L", out.size)
    drop = max(1, above.height // 40)
    shade.paste(above.getchannel("A"), (x - left, y - top + drop))
    shade = shade.filter(ImageFilter.GaussianBlur(max(1.0, above.height / 28)))
    shadow = Image.new("RGBA", out.size, (24, 14, 40, 255))
    inside = np.asarray(shade, np.float32) * (np.asarray(out.getchannel("A"), np.float32) / 255) * 0.42
    shadow.putalpha(Image.fromarray(inside.astype(np.uint8)))
    out.alpha_composite(shadow)
    out.alpha_composite(above, (x - left, y - top))
    return out, -left, -top


def stack_behind(front: Image.Image, back: Image.Image, x: int, y: int) -> tuple[Image.Image, int, int]:
    """As `stack`, with the one that comes at x, y behind the other."""
    image, dx, dy = stack(back, front, -x, -y)
    return image, dx - x, dy - y


def moved(cutout: Cutout, image: Image.Image, dx: int, dy: int) -> Cutout:
    """The same points on a larger picture."""
    wide, tall = cutout.image.width, cutout.image.height

    def x(share: float) -> float:
        return (share * wide + dx) / image.width

    def y(share: float) -> float:
        return (share * tall + dy) / image.height

    return replace(
        cutout,
        image=image,
        crown=(x(cutout.crown[0]), y(cutout.crown[1])),
        head=cutout.head * wide / image.width,
        eyes=y(cutout.eyes),
        neck=y(cutout.neck),
        hand=(x(cutout.hand[0]), y(cutout.hand[1])),
        seat=y(cutout.seat),
    )
