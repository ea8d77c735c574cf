"""What a prompt says, as values, and how a negative prompt takes things out of it. No words are read here."""

from dataclasses import dataclass, replace

from lib.sandbox.painter.lexicon import Noun


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
    heard: tuple[tuple[str, str], ...] = ()  # words taken in, and what each was taken for
    skipped: tuple[str, ...] = ()

    @property
    def understood(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text, _ in self.heard))


def _unwanted(subject: Subject, names: set[str]) -> bool:
    """`people` means all of them, whatever their profession."""
    return subject.noun.name in names or ("person" in names and subject.noun.human)


def _heir(scene: Scene, subject: Subject, kept: dict[int, int]) -> int:
    """Without the dog, a queen and a dog on a throne is the queen on it."""
    target = -1 if subject.target is None else subject.target
    shared = subject.relation in {"on", "in", "ride"}
    while shared and target > 0 and target not in kept and scene.subjects[target].relation == "beside":
        target = scene.subjects[target].target or 0
    return target


def without(scene: Scene, unwanted: Scene) -> Scene:
    names = {subject.noun.name for subject in unwanted.subjects}
    kept = [i for i, subject in enumerate(scene.subjects) if not _unwanted(subject, names)]
    moved = {old: new for new, old in enumerate(kept)}
    gone = {meaning for _, meaning in unwanted.heard} | {
        subject.noun.name for i, subject in enumerate(scene.subjects) if i not in moved
    }
    subjects = []
    for index in kept:
        subject = scene.subjects[index]
        target = moved.get(_heir(scene, subject, moved))
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
        heard=tuple(pair for pair in scene.heard if pair[1] not in gone),
    )
