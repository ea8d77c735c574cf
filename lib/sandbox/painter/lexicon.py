"""Which phrases name something that can be drawn: `assets/nouns.txt` with its plurals, as one table.

It knows words and sprite names, not pixels.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from lib.sandbox.painter import words

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True)
class Pose:
    """One way to draw a noun: a sprite's label and what kind of sprite it is."""

    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Noun:
    name: str
    kind: str
    places: tuple[str, ...]
    metres: float
    poses: tuple[Pose, ...]

    @property
    def alive(self) -> bool:
        return self.kind in {
            "beast",
            "head",
            "bust",
            "unicorn",
            "person",
            "suit",
            "robe",
            "figure",
            "face",
            "mask",
            "bird",
            "sea",
        }

    @property
    def human(self) -> bool:
        return self.kind in {"person", "suit", "robe", "figure", "face"} and self.name != "snowman"


@dataclass(frozen=True, slots=True)
class Match:
    noun: Noun
    plural: bool


@functools.cache
def nouns() -> dict[str, Match]:
    """Phrase -> noun. A name given by hand beats a derived plural, and an earlier line beats a later one."""
    given: dict[str, Match] = {}
    derived: dict[str, Match] = {}
    for noun, names in _lines():
        for name in names:
            given.setdefault(name, Match(noun, name in words.MANY_IF_BARE))
            derived.setdefault(plural(name), Match(noun, name not in words.MANY))
    return derived | given | _emoji(given)


def plural(name: str) -> str:
    *front, last = name.split(" ")
    if "of" in front:  # cups of coffee, slices of pizza
        at = front.index("of")
        return " ".join([plural(" ".join(front[:at])), *front[at:], last])
    if last in words.IRREGULAR:
        last = words.IRREGULAR[last]
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    elif last.endswith(("s", "x", "ch", "sh", "tomato", "potato", "hero", "mango")):
        last += "es"
    else:
        last += "s"
    return " ".join([*front, last])


@functools.cache
def members() -> dict[str, tuple[str, ...]]:
    """Sprite label -> file names in the archive, one per skin tone."""
    index = json.loads((ASSETS / "index.json").read_text(encoding="utf-8"))
    return {label: tuple(files) for label, files in index.items()}


def _lines() -> list[tuple[Noun, list[str]]]:
    found: list[tuple[Noun, list[str]]] = []
    kind, places = "", ()
    for line in (ASSETS / "nouns.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind, _, rest = line.strip("[]").partition(":")
            places = tuple(rest.split())
        elif line and not line.startswith("#"):
            found.append(_noun(line, kind, places))
    return found


def _noun(line: str, kind: str, places: tuple[str, ...]) -> tuple[Noun, list[str]]:
    sprites, metres, *named = [field.strip() for field in line.split("|")]
    poses = []
    for sprite in sprites.split(";"):
        label, special = _label_and_kind(sprite)
        poses.append(Pose(label, special or kind))
    names = [name.strip() for name in named[0].split(",")] if named else [_normal(poses[0].label)]
    return Noun(names[0], poses[0].kind, places, float(metres), tuple(poses)), names


def _label_and_kind(sprite: str) -> tuple[str, str]:
    """`cat face:head*` is the label `cat face` of the kind `head`; labels may hold a colon with a blank behind it."""
    label, colon, kind = sprite.strip().rstrip("*").rpartition(":")
    return (label, kind) if colon and not kind.startswith(" ") else (sprite.strip().rstrip("*"), "")


def _normal(label: str) -> str:
    return label.lower().removeprefix("@").replace("\u2019", "").replace("-", " ")


def _emoji(given: dict[str, Match]) -> dict[str, Match]:
    """The emoji themselves are words, too: people do type them."""
    by_label: dict[str, Match] = {}
    for match in given.values():
        for pose in match.noun.poses:
            by_label.setdefault(pose.label, Match(match.noun, plural=False))
    return {
        chr(int(files[0].split("-")[0].removesuffix(".webp"), 16)): by_label[label]
        for label, files in members().items()
        if files and label in by_label and "-" not in files[0]
    }
