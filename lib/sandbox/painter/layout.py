"""Composition: which actors there are, how large each is and where it stands. Numbers only, nothing is painted here."""

from dataclasses import dataclass, replace

import numpy as np

from lib.sandbox.painter.cast import Actor, Props, Take, make_actor
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.pixels import Rng
from lib.sandbox.painter.scene import Scene, Subject
from lib.sandbox.painter.staging import Stage

MOST_ACTORS = 16
ATTACHED = frozenset({"wear", "hold", "fill"})
MOST_ON_ONE = 6
SUPPORTING = frozenset({"ride", "on", "in"})
FLOATING = frozenset({"space", "sky", "underwater"})


@dataclass(frozen=True, slots=True)
class Placed:
    """An actor in the picture: lengths are shares of the picture's height, x of its width."""

    actor: Actor
    x: float
    base: float
    height: float
    aloft: bool
    cropped: bool = False  # a portrait: the lower edge cuts it
    distance: float = 0.0  # 0 near, 1 far: haze and softness

    @property
    def width(self) -> float:
        return self.height * self.actor.image.width / self.actor.image.height


@dataclass(frozen=True, slots=True)
class _Frame:
    ground: Ground
    stage: Stage
    aspect: float
    rng: Rng


def compose(scene: Scene, stage: Stage, ground: Ground, size: tuple[int, int], rng: Rng) -> list[Placed]:
    """Back to front."""
    height, width = size
    frame = _Frame(ground, stage, width / height, rng)
    actors = _actors(scene, rng, min(height, width))
    back = [actor for actor in actors if _in_the_back(actor, scene)]
    aloft = [actor for actor in actors if actor not in back and _flies(actor, scene, stage)]
    front = [actor for actor in actors if actor not in back and actor not in aloft]
    if back and not front and not aloft:
        front, back = back, []
    placed = [
        *_backdrop_row(back, frame),
        *_aloft(aloft, frame, alone=not (front or back)),
        *_front_rows(front, frame, crowded=bool(aloft)),
    ]
    inside = [_inside(item, frame.aspect) for item in placed]
    return sorted(inside, key=lambda item: (item.distance <= 0.0, item.base))


def _actors(scene: Scene, rng: Rng, pixels: int) -> list[Actor]:
    """One actor per piece; what is worn, held or ridden is part of its owner."""
    subjects = scene.subjects
    hosts = {i for i, s in enumerate(subjects) if s.relation not in ATTACHED and not _carries(s)}
    crews = {i: _crew(subjects, i) for i in hosts}
    count = sum(-(-subjects[i].count // crews[i]) for i in hosts)
    reference = int(pixels * (0.74 if count == 1 else 0.5 if count <= 3 else 0.36))
    actors: list[Actor] = []
    for index in sorted(hosts):
        props = _props(subjects, index)
        first = int(rng.integers(100))
        for turn in range(0, subjects[index].count, crews[index]):
            if len(actors) < MOST_ACTORS:
                take = Take(index, first + turn, many=count > 1, height=reference, crew=crews[index])
                actor = make_actor(subjects[index], props, take, rng)
                actors.append(replace(actor, roof=subjects[index].relation == "under"))
    return actors


def _crew(subjects: tuple[Subject, ...], index: int) -> int:
    """How many of a subject share one seat: three cats on a sofa do, two knights riding horses do not."""
    under = _props(subjects, index).under
    return min(subjects[index].count, MOST_ON_ONE) if under and under.count == 1 else 1


def _carries(subject: Subject) -> bool:
    return subject.relation == "ride" or (subject.relation in SUPPORTING and subject.count == 1)


def _props(subjects: tuple[Subject, ...], index: int) -> Props:
    mine = [subject for subject in subjects if subject.target == index]
    under = next((subject for subject in mine if _carries(subject)), None)
    return Props(
        worn=tuple(s for s in mine if s.relation == "wear"),
        held=tuple(s for s in mine if s.relation == "hold"),
        filling=tuple(s for s in mine if s.relation == "fill"),
        under=under,
        relation=under.relation or "" if under else "",
    )


def _in_the_back(actor: Actor, scene: Scene) -> bool:
    """Houses and trees stand behind the living, and what someone is in front of or under stands behind him."""
    subject = scene.subjects[actor.subject]
    if subject.relation in {"front", "under"} and not subject.noun.alive:
        return True
    followers = [s for s in scene.subjects if s.target == actor.subject]
    if any(s.relation == "behind" for s in followers):
        return True
    tall = subject.noun.kind == "building" or (subject.noun.kind == "plant" and subject.noun.metres >= 3)
    others = any(
        not (s.noun.kind == "building" or s.noun.metres >= 3) for s in scene.subjects if s is not subject
    )
    return tall and others


def _flies(actor: Actor, scene: Scene, stage: Stage) -> bool:
    if stage.place in FLOATING:
        return True
    subject = scene.subjects[actor.subject]
    kind = subject.noun.kind
    followers = [s for s in scene.subjects if s.target == actor.subject]
    if any(s.relation in {"above", *SUPPORTING} for s in followers):
        return any(s.relation == "above" for s in followers)
    if kind == "flyer":
        return True
    if kind == "bird":
        perched = subject.relation == "beside" and actor.subject == 0
        heavy = subject.noun.name in {"dragon", "owl"}
        return (
            not perched
            and stage.place not in {"room", "library", "table", "studio", "stage"}
            and (scene.flying or not heavy)
        )
    return scene.flying and actor.subject == 0 and kind != "building"


def _backdrop_row(actors: list[Actor], frame: _Frame) -> list[Placed]:
    ground, aspect, rng = frame.ground, frame.aspect, frame.rng
    out = []
    for i, actor in enumerate(actors):
        ratio = actor.image.width / actor.image.height
        height = min(0.62 * actor.size**0.5, 0.8 * aspect / ratio / max(1, len(actors)) ** 0.7)
        side = (i + 0.5) / len(actors) if len(actors) > 1 else 0.5 + (0.2 if rng.random() < 0.5 else -0.2)
        base = ground.horizon + (ground.base - ground.horizon) * (0.34 + 0.14 * rng.random())
        if actor.roof:
            side, base, height = (
                0.5 + 0.16 * (1 if side > 0.5 else -1),
                ground.base - 0.07,
                min(0.88, 0.9 * aspect / ratio),
            )
        out.append(Placed(actor, side, base, height, aloft=False, distance=0.14 if actor.roof else 0.34))
    return out


def _aloft(actors: list[Actor], frame: _Frame, *, alone: bool) -> list[Placed]:
    """Scattered over the sky without crowding: rows of slots, each shifted."""
    if not actors:
        return []
    rng, count, floating = frame.rng, len(actors), frame.stage.place in FLOATING
    columns = int(np.ceil(np.sqrt(count * frame.aspect * (1.0 if alone else 1.6))))
    rows = -(-count // columns)
    top, bottom = _sky(frame, alone=alone)
    cell = (bottom - top) / rows
    largest = max(actor.metres for actor in actors)
    out = []
    for i, actor in enumerate(actors):
        row, column = divmod(i, columns)
        in_row = min(columns, count - row * columns)
        ratio = actor.image.width / actor.image.height
        share = (actor.metres / largest) ** 0.4 * actor.size * frame.stage.zoom
        fill = 0.94 if count > 1 else 0.8
        height = min(cell * fill, 0.86 * frame.aspect / in_row / ratio) * min(share, 1.15)
        x = (column + 0.5) / in_row + (rng.random() - 0.5) * (0.3 / in_row if count > 1 else 0.12)
        drift = (rng.random() - 0.5) * (0.4 if count > 1 else 0.14) + (0.12 if column % 2 else 0)
        middle = top + cell * (row + 0.5 + drift)
        weightless = 24 * (rng.random() - 0.5) if floating and actor.noun.alive else 0.0
        turned = replace(actor, tilt=actor.tilt * 2 + weightless)
        out.append(Placed(turned, x, middle + height / 2, height, aloft=True))
    return out


def _sky(frame: _Frame, *, alone: bool) -> tuple[float, float]:
    """How far up and down those who fly have room."""
    if frame.stage.place in FLOATING:
        return 0.1, 0.88
    return (0.06, min(0.62, frame.ground.horizon + 0.02)) if alone else (0.05, 0.42)


def _front_rows(actors: list[Actor], frame: _Frame, *, crowded: bool) -> list[Placed]:
    """One row as named from left to right, or up to three rows of a crowd, each set off from the one behind."""
    if not actors:
        return []
    if frame.stage.portrait and len(actors) == 1 and actors[0].noun.alive:
        return [_portrait(actors[0], frame)]
    rows = 1 if len(actors) <= 4 else 2 if len(actors) <= 9 else 3
    per_row = -(-len(actors) // rows)
    largest = max(actor.metres for actor in actors)
    tallest = _tallest(actors, frame) * (0.82 if crowded else 1.0) * (1.0 if rows == 1 else 0.8)
    out: list[Placed] = []
    for row in range(rows):
        members = actors[row * per_row : (row + 1) * per_row]
        heights = [tallest * a.stretch * (a.metres / largest) ** 0.42 * min(a.size, 1.35) for a in members]
        depth = row / (rows - 1) if rows > 1 else 0.0
        out += _one_row(list(zip(members, heights, strict=True)), frame, depth)
    return out


def _portrait(actor: Actor, frame: _Frame) -> Placed:
    """Head and chest fill the picture; the lower edge cuts the rest."""
    ratio = actor.image.width / actor.image.height
    height = min(0.9 / actor.bust, 0.96 * frame.aspect / ratio / min(1.0, actor.bust * 1.3))
    shift = frame.stage.shift * 0.04
    return Placed(actor, 0.5 + shift, max(1.0, 0.1 + height), height, aloft=False, cropped=True)


def _tallest(actors: list[Actor], frame: _Frame) -> float:
    tallest = {1: 0.68, 2: 0.54}.get(len(actors), 0.46) * frame.stage.zoom
    if len(actors) > 1 or actors[0].noun.kind != "building":
        return tallest
    if actors[0].metres >= 15:
        return tallest * 1.12
    wide_view = frame.stage.place in {"snowpeaks", "mountains", "lake", "sea"} or bool(frame.stage.features)
    return tallest * (0.62 if wide_view else 0.86)


def _one_row(row: list[tuple[Actor, float]], frame: _Frame, depth: float) -> list[Placed]:
    """Side by side with gaps; smaller and higher up when further back."""
    ground, aspect, rng, count = frame.ground, frame.aspect, frame.rng, len(row)
    shrink = 1 - 0.34 * depth
    widths = [height * shrink * actor.image.width / actor.image.height for actor, height in row]
    room, gap = ((0.9 if count > 1 else 0.78) * aspect, 0.05 * aspect if count > 1 else 0.0)
    fit = min(1.0, (room - gap * (count - 1)) / max(sum(widths), 1e-6))
    used = sum(widths) * fit + gap * (count - 1)
    stretch = max(0.0, room - used) / (count + 1) * 0.75
    cursor = (aspect - used - stretch * (count - 1)) / 2 + depth * 0.09 * aspect
    if count == 1:
        cursor += frame.stage.shift * min(max(0.0, room - used) * 0.3, 0.13 * aspect)
    out = []
    for (actor, height), width in zip(row, widths, strict=True):
        step_back = depth * 0.6 + rng.random() * (0.14 if count > 1 else 0.06)
        base = ground.base - (ground.base - ground.horizon) * step_back
        x = cursor + width * fit / 2 + (rng.random() - 0.5) * min(gap, stretch + gap) * 0.6
        out.append(Placed(actor, x / aspect, base, height * shrink * fit, aloft=False))
        cursor += width * fit + gap + stretch
    return out


def _inside(item: Placed, aspect: float) -> Placed:
    """Nobody loses his head at the upper edge or his tail at the sides."""
    if item.cropped:
        return item
    top = item.base - item.height
    if item.distance <= 0:
        half = min(item.width / aspect / 2, 0.5)
        item = replace(item, x=float(np.clip(item.x, half, 1 - half)))
    elif item.width < aspect * 0.9:  # what is in the back may lose a little
        half = item.width / aspect * 0.44
        item = replace(item, x=float(np.clip(item.x, half, 1 - half)))
    if top >= 0.03:
        return item
    room = 0.97 if item.aloft else max(item.base, 0.93)
    return replace(item, base=min(room, item.base + 0.03 - top), height=min(item.height, room - 0.03))
