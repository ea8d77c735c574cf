"""Makes the actors of a scene: sprite, colour, body, and whatever it wears, holds, rides or sits on, as one cut-out.

Places nothing in the picture (that is `layout`).
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from lib.sandbox.painter import bodies, creatures, sprites
from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.cutout import Cutout
from lib.sandbox.painter.lexicon import Noun, Pose
from lib.sandbox.painter.pixels import Array, Rng, to_image_rgba
from lib.sandbox.painter.reading import Subject

# Seats below the top edge of what one sits on, as shares of its height.
SEATS = {"chair": 0.5, "sofa": 0.42, "bed": 0.42, "bathtub": 0.45, "sled": 0.6, "desert island": 0.62}
# Raised by the hand that holds them, not carried before the belly.
RAISED = frozenset({"umbrella", "balloon", "kite", "broom", "fishing rod", "wand", "sword", "axe", "lantern"})
_FUR = ("gray", "brown", "white", "black", "orange")
_BRIGHT = ("red", "blue", "yellow", "green", "purple", "orange", "pink", "teal")
VARIETIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cat", "dog", "rabbit", "horse", "mouse"), _FUR),
    **dict.fromkeys(
        ("balloon", "butterfly", "tropical fish", "fish", "bird", "tulip", "kite", "gift", "umbrella"),
        _BRIGHT,
    ),
    **dict.fromkeys(("car", "race car", "pickup truck", "scooter", "bicycle", "hot air balloon"), _BRIGHT),
}
HULLS = frozenset({"vehicle", "boat", "flyer"})  # one sits in them, not on them
UPRIGHT = frozenset(
    {"building", "vehicle", "boat", "thing", "person", "suit", "robe", "face", "mask", "figure"}
)


@dataclass(frozen=True, slots=True)
class Actor:
    """A finished cut-out; `metres` is how tall the whole of it is in the world."""

    image: Image.Image
    noun: Noun
    metres: float
    size: float
    subject: int  # its index in the scene
    tilt: float = 0.0
    roof: bool = False  # others are under it
    stretch: float = 1.0  # rider and mount together may be taller than one alone


@dataclass(frozen=True, slots=True)
class Props:
    """What belongs to an actor."""

    worn: tuple[Subject, ...] = ()
    held: tuple[Subject, ...] = ()
    under: Subject | None = None  # what it rides or sits on
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """Which one of the scene's actors this is, and how tall in pixels to build it (nothing is enlarged twice)."""

    subject: int
    turn: int  # one after the other they take the poses there are
    many: bool
    height: int


def make_actor(subject: Subject, props: Props, take: Take, rng: Rng) -> Actor:
    astride = props.relation == "ride" and props.under is not None and props.under.noun.metres < 3
    pose = _pose(subject, take.turn, facing=bool(props.worn or props.held))
    cutout = _cutout(subject, pose, rng, astride=astride, many=take.many)
    cutout = _scaled(cutout, take.height)
    for worn in props.worn:
        cutout = _wear(cutout, worn, rng)
    for held in props.held[:2]:
        cutout = _hold(cutout, held, subject, rng)
    image, metres = cutout.image, subject.noun.metres
    if props.under:
        image = _mount(cutout, subject, props, rng, take.height)
        metres = max(subject.noun.metres, props.under.noun.metres) * 1.25
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tilt = (rng.random() - 0.5) * (3 if subject.noun.kind in UPRIGHT else 8) * (1.0 if take.many else 0.6)
    size = subject.size * (1 + (rng.random() - 0.5) * (0.3 if take.many else 0.06))
    return Actor(
        sprites.crop(image),
        subject.noun,
        metres,
        size,
        take.subject,
        tilt,
        stretch=1.16 if props.under else 1.0,
    )


def _cutout(subject: Subject, pose: Pose, rng: Rng, *, astride: bool, many: bool) -> Cutout:
    image = sprites.load(pose.label, int(rng.integers(4)))
    pixels = sprites.array(image)
    colour = subject.colour or (_other_colour(subject.noun, rng) if many else None)
    if colour:
        pixels = sprites.recolour(pixels, colour)
    image = to_image_rgba(sprites.vary(pixels, rng, 0.16 if many else 0.06))
    if pose.kind == "head":
        return creatures.seated(image, pose.label)
    if pose.kind in {"person", "suit", "robe"}:
        return bodies.standing(image, pose.kind, rng, astride=astride)
    if pose.kind in {"mask", "face"}:
        return bodies.toy(image, pose.label, rng, astride=astride)
    if pose.kind == "figure":
        return bodies.figure(image, astride=astride)
    if pose.kind == "unicorn":
        return creatures.unicorn(image)
    return creatures.plain(image)


def _other_colour(noun: Noun, rng: Rng) -> str | None:
    """Several of a kind come in several colours, as far as nature or the shop has them."""
    colours = VARIETIES.get(noun.name, ())
    return colours[int(rng.integers(len(colours)))] if colours and rng.random() < 0.7 else None


def _pose(subject: Subject, turn: int, *, facing: bool) -> Pose:
    """Who wears or holds something looks at us; portraits cut at the neck are for want of a better pose only."""
    noun = subject.noun
    poses = [pose for pose in noun.poses if pose.kind != "bust"] or list(noun.poses)
    heads = [pose for pose in poses if pose.kind == "head"]
    if facing and heads:
        return heads[0]
    if subject.colour:  # the first is the one that takes colour best
        return poses[0]
    return poses[turn % len(poses)]


def _scaled(cutout: Cutout, height: int) -> Cutout:
    return replace(cutout, image=sprites.enlarge(cutout.image, height))


def _prop(subject: Subject, rng: Rng, height: int) -> Image.Image:
    pose = subject.noun.poses[int(rng.integers(len(subject.noun.poses)))]
    pixels = sprites.array(sprites.load(pose.label))
    if subject.colour:
        pixels = sprites.recolour(pixels, subject.colour)
    return sprites.enlarge(to_image_rgba(pixels), max(8, height))


def _stack(below: Image.Image, above: Image.Image, x: int, y: int) -> tuple[Image.Image, int, int]:
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


def _moved(cutout: Cutout, image: Image.Image, dx: int, dy: int) -> Cutout:
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


def _wear(cutout: Cutout, worn: Subject, rng: Rng) -> Cutout:
    """Hats sit on the crown, glasses on the eyes, scarves and ties under the chin."""
    wide, tall = cutout.image.width, cutout.image.height
    head = cutout.head * wide
    kind, name = worn.noun.kind, worn.noun.name
    raw = _prop(worn, rng, 128)
    share = {"hat": 0.92, "glasses": 0.86, "scarf": 0.66}.get(kind, 0.9)
    if name == "headphones":
        share = 1.22
    prop = _prop(worn, rng, int(head * share * raw.height / raw.width))
    x = cutout.crown[0] * wide - prop.width / 2
    if name == "headphones":
        y = cutout.eyes * tall - prop.height * 0.62
    elif kind == "hat":
        y = cutout.crown[1] * tall - prop.height * 0.78
    elif kind == "glasses":
        y = cutout.eyes * tall - prop.height * 0.5
    else:
        y = cutout.neck * tall - prop.height * 0.12
    image, dx, dy = _stack(cutout.image, prop, int(x), int(y))
    return _moved(cutout, image, dx, dy)


def _hold(cutout: Cutout, held: Subject, owner: Subject, rng: Rng) -> Cutout:
    """The thing lies at the hand, and the hand over the thing."""
    wide, tall = cutout.image.width, cutout.image.height
    ratio = float(np.clip(0.85 * (held.noun.metres / owner.noun.metres) ** 0.6, 0.26, 0.58)) * held.size
    raised = held.noun.name in RAISED
    prop = _prop(held, rng, int(tall * (max(ratio, 0.5) if raised else min(ratio, 0.7))))
    hand_x, hand_y = cutout.hand[0] * wide, cutout.hand[1] * tall
    inward = -0.1 * wide if cutout.hand[0] > 0.5 else 0.1 * wide
    big = prop.height > tall * 0.45
    x = hand_x - prop.width / 2 + (inward if big and not raised else 0)
    y = hand_y - prop.height * (0.86 if raised else 0.5 if big else 0.66)
    image, dx, dy = _stack(cutout.image, prop, int(x), int(y))
    cutout = _moved(cutout, image, dx, dy)
    if cutout.skin is None:
        return cutout
    grip = _hand(int(tall * 0.085), cutout.skin)
    px = int(cutout.hand[0] * image.width - grip.width / 2)
    py = int(cutout.hand[1] * image.height - grip.height / 2)
    image, dx, dy = _stack(image, grip, px, py)
    return _moved(cutout, image, dx, dy)


def _hand(size: int, tone: Array) -> Image.Image:
    clay = Clay(max(6, size), 1.0)
    clay.ellipse((0.5, 0.5), (0.48, 0.44), tone)
    return clay.image()


def _mount(cutout: Cutout, subject: Subject, props: Props, rng: Rng, height: int) -> Image.Image:
    """Rider and mount as one picture, at about `height` pixels."""
    under = props.under
    if under is None:
        return cutout.image
    ratio = float(np.clip((subject.noun.metres / under.noun.metres) ** 0.5, 0.34, 1.15))
    base = _under(under, rng, int(height * 0.72))
    if props.relation == "ride":
        ratio = min(max(ratio, 0.7), 0.95)
    rider = cutout.image.resize(
        (
            max(4, int(cutout.image.width * base.height * ratio / cutout.image.height)),
            max(4, int(base.height * ratio)),
        ),
        Image.Resampling.LANCZOS,
    )
    inside = under.noun.metres >= 3 and under.noun.kind in HULLS
    behind = under.noun.kind == "head"  # over its back, not over the face that looks at us
    if props.relation == "in" or (props.relation == "ride" and (inside or behind)):
        # In a box or cup half of it shows above the rim; out of a car's roof or over a lion's back a bit more.
        top = base.height * 0.3 - rider.height * 0.62 if props.relation == "in" else -rider.height * 0.54
        x, y = (base.width - rider.width) // 2, int(top)
        return _stack(rider, base, -x, -y)[0]
    seat_x, seat_y = _saddle(base, under.noun)
    x = int(seat_x - rider.width / 2)
    y = int(seat_y - rider.height * min(cutout.seat, 0.985) + base.height * 0.05)
    return _stack(base, rider, x, y)[0]


def _under(under: Subject, rng: Rng, height: int) -> Image.Image:
    return _scaled(
        _cutout(under, _pose(under, int(rng.integers(9)), facing=False), rng, astride=False, many=False),
        height,
    ).image


def _saddle(base: Image.Image, noun: Noun) -> tuple[float, float]:
    """The middle of the back: the silhouette's upper edge there, unless the seat lies lower."""
    if noun.name in SEATS:
        return base.width * 0.5, base.height * SEATS[noun.name]
    alpha = np.asarray(base.getchannel("A")) > 90
    middle = slice(int(base.width * 0.46), max(int(base.width * 0.46) + 1, int(base.width * 0.64)))
    tops = alpha[:, middle].argmax(0)
    tops = tops[alpha[:, middle].any(0)]
    return base.width * 0.55, float(np.median(tops)) if len(tops) else 0.0
