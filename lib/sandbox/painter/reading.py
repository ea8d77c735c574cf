"""Reads a prompt into a scene: who is there, how many, what colour, how they relate, where, when, in which style.

Words to values. It neither draws nor chooses what the prompt leaves open (that is `staging`, with the seed).
"""

from dataclasses import dataclass, field, replace

from lib.sandbox.painter import filler, geography, lexicon, words
from lib.sandbox.painter.lexicon import Noun
from lib.sandbox.painter.phrases import LONGEST_PHRASE, parted, settings, tokens
from lib.sandbox.painter.scene import Scene, Subject, without

MOST_SUBJECTS = 8
MOST_OF_A_KIND = 12
FILLED = 4  # things that fill a bowl or a vase
WEARABLE = frozenset({"hat", "glasses", "scarf"})
PORTABLE = frozenset({"thing", "food", "hat", "glasses", "scarf"})
CARRIED = frozenset({"balloon", "kite", "flower", "rose", "tulip", "sunflower", "bouquet"})


@dataclass
class _Reader:
    """The scene so far, and the adjectives waiting for their noun."""

    subjects: list[Subject] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    weather: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
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
    return without(_read(wanted), _read([*denied, *tokens(negative_prompt)]))


def _read(given: list[str]) -> Scene:
    reader = _Reader()
    position = 0
    while position < len(given):
        for length in range(min(LONGEST_PHRASE, len(given) - position), 0, -1):
            phrase = " ".join(given[position : position + length])
            if _take(reader, phrase, given[position + length : position + length + LONGEST_PHRASE]):
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
        heard=tuple(reader.heard),
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
            reader.heard.append((f"{colour} background", colour))
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
    elif phrase in words.CONTAINERS and _names_something(_without_adjectives(after)):
        _add(reader, words.CONTAINERS[phrase], lexicon.nouns()[words.CONTAINERS[phrase]])
        reader.relation = "fill"
    else:
        return False
    return True


def _colours_something(phrase: str, after: list[str]) -> bool:
    """`orange` is a fruit when nothing follows that it could colour."""
    return phrase != "orange" or (bool(after) and after[0] not in {",", "and", "on", "in", "with"})


def _without_adjectives(after: list[str]) -> list[str]:
    return [
        word
        for word in after
        if not (word in words.NUMBERS or word in words.COLOUR_WORDS or word in words.SIZES)
    ]


def _names_something(after: list[str]) -> bool:
    return any(" ".join(after[:n]) in lexicon.nouns() for n in range(1, len(after) + 1))


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
        shown = f"{reader.colour} {phrase}" if reader.colour else phrase
        reader.heard.append((f"{count} {shown}" if count > 1 else shown, match.noun.name))
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
            reader.heard.append((phrase, table[phrase]))
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
