"""Riders on their mounts, sitters on their seats, and whoever is in a box: as one picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from lib.sandbox.painter.cutout import Cutout, stack, stack_behind
from lib.sandbox.painter.lexicon import Noun

# Seats below the top edge of what one sits on, as shares of its height.
SEATS = {
    "chair": 0.5, "sofa": 0.62, "armchair": 0.56, "bench": 0.62, "throne": 0.62, "bed": 0.42, "bathtub": 0.45, "sled": 0.6,
    "desert island": 0.62, "bridge": 0.68,
}  # fmt: skip
HULLS = frozenset({"vehicle", "boat", "flyer"})  # one sits in them, not on them


@dataclass(frozen=True, slots=True)
class Mount:
    """What carries them: its picture, what it is, and how they are on it (ride, on, in)."""

    image: Image.Image
    noun: Noun
    relation: str


def mount(crew: list[Cutout], rider: Noun, under: Mount) -> Image.Image:
    """Riders and mount as one picture."""
    most = 1.5 if under.relation == "on" else 1.15
    ratio = float(np.clip((rider.metres / under.noun.metres) ** 0.5, 0.34, most))
    if under.relation == "ride":
        ratio = min(max(ratio, 0.7), 0.95)
    image, origin = under.image, (0, 0)
    for i, cutout in enumerate(crew):
        share = (i + 0.5) / len(crew) - 0.5
        seated = _rider(cutout, under.image, ratio, len(crew))
        x, y, behind = _seated_at(seated, under, (cutout.seat, share))
        lay = stack_behind if behind else stack
        image, dx, dy = lay(image, seated, x + origin[0], y + origin[1])
        origin = (origin[0] + dx, origin[1] + dy)
    return image


def _rider(cutout: Cutout, base: Image.Image, ratio: float, crew: int) -> Image.Image:
    tall = base.height * ratio
    if crew > 1:
        tall = min(tall, base.width * 0.98 / crew * cutout.image.height / cutout.image.width)
    wide = cutout.image.width * tall / cutout.image.height
    return cutout.image.resize((max(4, int(wide)), max(4, int(tall))), Image.Resampling.LANCZOS)


def _seated_at(rider: Image.Image, under: Mount, place: tuple[float, float]) -> tuple[int, int, bool]:
    """Corner of the rider on the mount, and whether he is behind it. `place`: his seat, and where along the mount."""
    base, (seat, share) = under.image, place
    inside = under.noun.metres >= 3 and under.noun.kind in HULLS
    faced = under.noun.kind == "head"  # over its back, not over the face that looks at us
    if under.relation == "in" or (under.relation == "ride" and (inside or faced)):
        # In a box or cup half of it shows above the rim; out of a car's roof or over a lion's back a bit more.
        top = base.height * 0.3 - rider.height * 0.8 if under.relation == "in" else -rider.height * 0.54
        return int(base.width * (0.5 + share * 0.7) - rider.width / 2), int(top), True
    seat_x, seat_y = _saddle(base, under.noun)
    x = int(seat_x + share * base.width * 0.8 - rider.width / 2)
    y = int(seat_y - rider.height * min(seat, 0.985) + base.height * 0.05)
    return x, y, False


def _saddle(base: Image.Image, noun: Noun) -> tuple[float, float]:
    """The middle of the back: the silhouette's upper edge there, unless the seat lies lower."""
    if noun.name in SEATS:
        return base.width * 0.5, base.height * SEATS[noun.name]
    alpha = np.asarray(base.getchannel("A")) > 90
    middle = slice(int(base.width * 0.46), max(int(base.width * 0.46) + 1, int(base.width * 0.64)))
    tops = alpha[:, middle].argmax(0)
    tops = tops[alpha[:, middle].any(0)]
    return base.width * 0.55, float(np.median(tops)) if len(tops) else 0.0
