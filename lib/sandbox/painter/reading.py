"""Reads a prompt into a scene: who is there, how many, what colour, how they relate, where, when, in which style.

Words to values. It neither draws nor chooses what the prompt leaves open (that is `staging`, with the seed).
"""

from dataclasses import dataclass, field, replace

from lib.sandbox.painter import filler, geography, lexicon, words
from lib.sandbox.painter.lexicon import Noun
from lib.sandbox.painter.phrases import LONGEST_PHRASE, parted, settings, tokens

MOST_SUBJECTS = 8
MOST_OF_A_KIND = 12
FILLED = 4  # things that fill a bowl or a vase
WEARABLE = frozenset({"hat", "glasses", "scarf"})
PORTABLE = frozenset({"thing", "food", "hat", "glasses", "scarf"})
CARRIED = frozenset({"balloon", "kite", "flower", "rose", "tulip", "sunflower", "bouquet"})


@dataclass(frozen=True, slots=True)
class Subject:
    noun: Noun
    count: int = 1
    colour: str | None = None
    size: float = 1.0
    relation: str | None = None  # to the subject `target`
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What the prompt says; None and empty where it says nothing."""

    subjects: tuple[Subject, ...] = ()
    place: str | None = None
    beyond: str | None = None  # what a road leads through
    time: str | None = None
    weather: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    styles: tuple[str, ...] = ()
    backdrop_colour: str | None = None
    photo: bool = False
    portrait: bool = False
    flying: bool = False
    understood: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass
class _Reader:
    """The scene so far, and the adjectives waiting for their noun."""

    subjects: list[Subject] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    weather: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    backdrop_colour: str | None = None
    photo: bool = False
    portrait: bool = False
    flying: bool = False
    count: int | None = None
    colour: str | None = None
    size: float = 1.0
    relation: str | None = None


def read(prompt: str, negative_prompt: str = "") -> Scene:
    """The scene of the prompt, without what the negative prompt names."""
    wanted, denied = parted(list(tokens(prompt)))
    return _without(_read(wanted), _read([*denied, *tokens(negative_prompt)]))


def _read(given: list[str]) -> Scene:
    reader = _Reader()
    position = 0
    while position < len(given):
        for length in range(min(LONGEST_PHRASE, len(given) - position), 0, -1):
            phrase = " ".join(given[position : position + length])
            if _take(reader, phrase, given[position + length : position + length + 2]):
                position += length
                break
        else:
            _skip(reader, given[position])
            position += 1
    return Scene(
        subjects=tuple(reader.subjects),
        place=_place(reader.places),
        beyond=next((place for place in reader.places if place not in {"road", "sky", "studio"}), None),
        time=reader.times[-1] if reader.times else None,
        weather=frozenset(reader.weather),
        features=frozenset(reader.features),
        styles=tuple(dict.fromkeys(reader.styles))[:2],
        backdrop_colour=reader.backdrop_colour,
        photo=reader.photo,
        portrait=reader.portrait,
        flying=reader.flying,
        understood=tuple(dict.fromkeys(reader.understood)),
        skipped=tuple(dict.fromkeys(reader.skipped)),
    )


def _take(reader: _Reader, phrase: str, after: list[str]) -> bool:
    """Whether the phrase means something; if so, the reader has taken it in."""
    if phrase == ",":
        reader.count = reader.colour = reader.relation = None
        reader.size = 1.0
        return True
    if _is_adjective(reader, phrase, after):
        return True
    match = lexicon.nouns().get(phrase)
    if match and not (phrase in geography.PLACES and not after and not reader.relation and reader.subjects):
        _add(reader, phrase, match)
        return True
    return _take_setting(reader, phrase)


def _is_adjective(reader: _Reader, phrase: str, after: list[str]) -> bool:
    colour = words.COLOUR_WORDS.get(phrase)
    if colour and _colours_something(phrase, after):
        if after and after[0] == "background":
            reader.backdrop_colour = colour
            reader.understood.append(f"{colour} background")
        else:
            reader.colour = colour
    elif phrase in words.NUMBERS:
        reader.count = words.NUMBERS[phrase]
    elif phrase.isdecimal() and 0 < int(phrase[:4]) <= MOST_OF_A_KIND and after and after[0] != "bit":
        reader.count = int(phrase)
    elif phrase in words.SIZES and not (phrase == "baby" and not _names_something(after)):
        reader.size = words.SIZES[phrase]
    elif phrase in words.FLYING and reader.subjects and after and after[0] in {"kite", "kites"}:
        reader.relation = "hold"
    elif phrase in words.RELATIONS:
        reader.relation = words.RELATIONS[phrase]
    elif phrase in words.CONTAINERS and _names_something(after):
        _add(reader, words.CONTAINERS[phrase], lexicon.nouns()[words.CONTAINERS[phrase]])
        reader.relation = "fill"
    else:
        return False
    return True


def _colours_something(phrase: str, after: list[str]) -> bool:
    """`orange` is a fruit when nothing follows that it could colour."""
    return phrase != "orange" or (bool(after) and after[0] not in {",", "and", "on", "in", "with"})


def _names_something(after: list[str]) -> bool:
    return bool(after) and (after[0] in lexicon.nouns() or " ".join(after) in lexicon.nouns())


def _add(reader: _Reader, phrase: str, match: lexicon.Match) -> None:
    filling = reader.relation == "fill"
    count = reader.count or words.MANY_IF_BARE.get(phrase) or (3 if match.plural else 1)
    if filling and not reader.count and match.noun.metres < 1:
        count = max(count, FILLED)
    subject = Subject(
        match.noun, min(count, MOST_OF_A_KIND), _unless_natural(reader.colour, phrase), reader.size
    )
    if reader.subjects and reader.relation:
        subject = replace(subject, relation=_relation(reader, subject), target=_target(reader, subject.noun))
        _put_in(reader, subject)
        if reader.subjects[-1].relation == "fill" and reader.subjects[-1].target == len(reader.subjects):
            subject = replace(subject, relation=None, target=None)
    if len(reader.subjects) < MOST_SUBJECTS:
        reader.subjects.append(subject)
        shown = f"{count} {phrase}" if count > 1 else phrase
        reader.understood.append(f"{reader.colour} {shown}" if reader.colour else shown)
    else:
        reader.skipped.append(phrase)
    reader.count = reader.colour = reader.relation = None
    reader.size = 1.0


def _put_in(reader: _Reader, vessel: Subject) -> None:
    """`roses in a vase`: what was named before goes into the vessel, and the vessel is what stands there."""
    content = reader.subjects[-1]
    fits = (
        vessel.noun.name in words.CONTAINERS.values() and not content.noun.alive and content.noun.metres < 1.3
    )
    if vessel.relation in {"in", "on"} and fits and content.relation in {None, "beside"}:
        reader.subjects[-1] = replace(
            content, relation="fill", target=len(reader.subjects), count=max(content.count, 1)
        )


def _unless_natural(colour: str | None, phrase: str) -> str | None:
    return None if colour and colour in phrase else colour


def _target(reader: _Reader, noun: Noun) -> int:
    """What is worn or held belongs to the last living thing, everything else to the last thing named."""
    last = len(reader.subjects) - 1
    if _portable(noun) and reader.relation in {"wear", "hold", "with", "beside"}:
        return next((i for i in range(last, -1, -1) if reader.subjects[i].noun.alive), last)
    return last


def _portable(noun: Noun) -> bool:
    return noun.kind in PORTABLE or noun.name in CARRIED


def _relation(reader: _Reader, subject: Subject) -> str:
    """`with` a hat is worn, `with` a guitar is held, `with` a dog is beside."""
    relation = reader.relation or "beside"
    owner = reader.subjects[_target(reader, subject.noun)]
    portable = _portable(subject.noun) and subject.count == 1
    earlier = reader.subjects[-1]
    if relation == "with" and owner.noun.alive and portable:
        return "wear" if subject.noun.kind in WEARABLE else "hold"
    if relation == "beside" and earlier.relation in {"wear", "hold"} and portable:
        return "wear" if subject.noun.kind in WEARABLE else "hold"
    if relation == "hold" and not (owner.noun.alive and portable):
        return "beside"
    if relation == "wear" and not portable:
        return "beside"
    return "beside" if relation == "with" else relation


def _take_setting(reader: _Reader, phrase: str) -> bool:
    into_lists = (reader.styles, reader.places, reader.times, reader.weather, reader.features)
    for table, into in zip(settings(), into_lists, strict=True):
        if phrase in table:
            into.append(table[phrase])
            reader.understood.append(phrase)
            reader.relation = None
            return True
    if phrase in words.PHOTO:
        reader.photo = True
    elif phrase in words.PORTRAIT:
        reader.portrait = True
    elif phrase in words.FLYING:
        reader.flying = True
    elif phrase not in filler.SILENT:
        return False
    return True


def _skip(reader: _Reader, word: str) -> None:
    if len(word) > 2 or not word.isascii():
        reader.skipped.append(word[:40])
        reader.relation = None if reader.relation not in {"wear", "hold", "ride"} else reader.relation


def _place(places: list[str]) -> str | None:
    """The ground wins over the sky above it: `a beach, blue sky` is a beach."""
    grounds = [place for place in places if place not in {"sky", "studio"}]
    if "road" in grounds:
        return "road"
    if "street" in grounds:
        return "street"
    if "snow" in grounds and {"mountains", "snowpeaks"} & set(grounds):
        return "snowpeaks"
    return (grounds or places or [None])[0]


def _unwanted(subject: Subject, names: set[str]) -> bool:
    """`people` means all of them, whatever their profession."""
    return subject.noun.name in names or ("person" in names and subject.noun.human)


def _without(scene: Scene, unwanted: Scene) -> Scene:
    names = {subject.noun.name for subject in unwanted.subjects}
    kept = [i for i, subject in enumerate(scene.subjects) if not _unwanted(subject, names)]
    moved = {old: new for new, old in enumerate(kept)}
    subjects = []
    for index in kept:
        subject = scene.subjects[index]
        target = moved.get(subject.target) if subject.target is not None else None
        subjects.append(
            replace(subject, target=target, relation=subject.relation if target is not None else None)
        )
    return replace(
        scene,
        subjects=tuple(subjects),
        place=None if scene.place == unwanted.place else scene.place,
        time=None if scene.time == unwanted.time else scene.time,
        weather=scene.weather - unwanted.weather,
        features=(scene.features - unwanted.features) | {f"no {name}" for name in unwanted.features},
        styles=tuple(style for style in scene.styles if style not in unwanted.styles),
        photo=scene.photo and not unwanted.photo,
        understood=tuple(w for w in scene.understood if w not in unwanted.understood),
    )
