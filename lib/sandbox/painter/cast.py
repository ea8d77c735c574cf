"""Makes the actors of a scene: sprite, colour, body, and whatever it wears, holds, rides or sits on, as one cut-out.

Places nothing in the picture (that is `layout`).
"""

from dataclasses import dataclass, replace

from PIL import Image

from lib.sandbox.painter import bodies, creatures, sprites
from lib.sandbox.painter.attire import filled, hold, wear
from lib.sandbox.painter.cutout import Cutout
from lib.sandbox.painter.lexicon import Noun, Pose
from lib.sandbox.painter.pixels import Rng, to_image_rgba
from lib.sandbox.painter.scene import Subject
from lib.sandbox.painter.seating import Mount, mount

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
    bust: float = 1.0  # the share of it that a portrait shows
    roof: bool = False  # others are under it
    stretch: float = 1.0  # rider and mount together may be taller than one alone


@dataclass(frozen=True, slots=True)
class Props:
    """What belongs to an actor."""

    worn: tuple[Subject, ...] = ()
    held: tuple[Subject, ...] = ()
    filling: tuple[Subject, ...] = ()
    under: Subject | None = None  # what it rides or sits on
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """Which one of the scene's actors this is, and how tall in pixels to build it (nothing is enlarged twice)."""

    subject: int
    turn: int  # one after the other they take the poses there are
    many: bool
    height: int
    crew: int = 1  # so many share one seat


def make_actor(subject: Subject, props: Props, take: Take, rng: Rng) -> Actor:
    crew = [
        _dressed(subject, props, replace(take, turn=take.turn + i, many=take.many or take.crew > 1), rng)
        for i in range(take.crew)
    ]
    image, metres = crew[0].image, subject.noun.metres
    if props.filling:
        image, metres = filled(crew[0], props.filling, rng), metres * 1.5
    if props.under:
        base = _under(props.under, rng, int(take.height * 0.72))
        image = mount(crew, subject.noun, Mount(base, props.under.noun, props.relation))
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
        bust=1.0 if props.under or props.filling else min(1.0, crew[0].neck * 1.6),
        stretch=1.16 if props.under else 1.0,
    )


def _dressed(subject: Subject, props: Props, take: Take, rng: Rng) -> Cutout:
    """One of them, with what it wears and holds."""
    astride = props.relation == "ride" and props.under is not None and props.under.noun.metres < 3
    facing = bool(props.worn or props.held) or (
        props.relation in {"in", "on"} and props.under is not None and props.under.noun.kind == "thing"
    )
    cutout = _cutout(subject, _pose(subject, take.turn, facing=facing), rng, astride=astride, many=take.many)
    cutout = _scaled(cutout, take.height)
    for worn in props.worn:
        cutout = wear(cutout, worn, rng)
    for held in props.held[:2]:
        cutout = hold(cutout, held, subject, rng)
    return cutout


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
    """To a height, or what is wide to a width: no picture shows it larger."""
    wide = cutout.image.width / cutout.image.height
    return replace(cutout, image=sprites.enlarge(cutout.image, int(height * min(1.0, 1.4 / wide))))


def _under(under: Subject, rng: Rng, height: int) -> Image.Image:
    return _scaled(
        _cutout(under, _pose(under, int(rng.integers(9)), facing=False), rng, astride=False, many=False),
        height,
    ).image
