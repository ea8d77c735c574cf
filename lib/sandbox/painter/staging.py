"""Decides with the seed what the prompt leaves open: place, hour, framing. Scene in, stage out; no pixels."""

from dataclasses import dataclass

from lib.sandbox.painter.pixels import Rng
from lib.sandbox.painter.scene import Scene

INDOOR = frozenset({"room", "library", "table", "studio"})
LANDMARKS = frozenset({"beast", "vehicle", "building", "boat", "plant"})
_HOURS = {
    "city": ("day", "sunset", "dusk", "night"),
    "street": ("day", "sunset", "dusk", "night"),
    "sea": ("day", "day", "sunset", "dawn"),
    "beach": ("day", "day", "sunset"),
    "desert": ("day", "sunset", "dusk"),
    "savanna": ("day", "sunset", "sunset"),
    "snowpeaks": ("day", "dawn", "sunset", "dusk"),
    "sky": ("day", "day", "sunset", "dawn"),
    "mars": ("sunset", "dawn"),
}
_COMMON_HOURS = ("day", "day", "day", "sunset", "dawn")
_EMPTY_PLACES = (
    "mountains",
    "snowpeaks",
    "lake",
    "sea",
    "hills",
    "forest",
    "beach",
    "meadow",
    "desert",
    "space",
)


@dataclass(frozen=True, slots=True)
class Stage:
    place: str
    beyond: str | None
    time: str
    weather: frozenset[str]
    features: frozenset[str]
    backdrop_colour: str | None
    neon: bool
    portrait: bool
    zoom: float
    shift: float  # where the main subject leans to, -1..1


def set_stage(scene: Scene, rng: Rng) -> Stage:
    place = scene.place or _open_place(scene, rng)
    if place == "table" and any(subject.noun.metres >= 1 for subject in scene.subjects):
        place = "room"  # a cook in the kitchen stands before the table, not on it
    time = _time(scene, place, rng)
    return Stage(
        place=place,
        beyond=scene.beyond,
        time=time,
        weather=scene.weather,
        features=scene.features,
        backdrop_colour=scene.backdrop_colour,
        neon=place in {"city", "street"}
        and time in {"night", "dusk"}
        and bool({"neon"} & {*scene.styles, *scene.features}),
        portrait=scene.portrait,
        zoom=0.88 + 0.24 * rng.random(),
        shift=float(rng.choice((-1.0, 0.0, 0.0, 1.0))),
    )


def _open_place(scene: Scene, rng: Rng) -> str:
    if scene.backdrop_colour or (scene.portrait and scene.subjects and not (scene.time or scene.weather)):
        return "studio"
    if not scene.subjects:
        nightly = ("snowpeaks", "lake", "city", "desert", "sea")
        choices = nightly if scene.time == "night" or "aurora" in scene.features else _EMPTY_PLACES
        return choices[int(rng.integers(len(choices)))]
    if "snow" in scene.weather:
        return "snow"
    choices = _home(scene)
    if scene.time in {"night", "dusk"} or scene.features:  # the sky is wanted, and trees hide it
        choices = tuple(place for place in choices if place != "forest")
    if scene.time or scene.weather or scene.features:
        choices = tuple(place for place in choices if place not in INDOOR) or ("meadow", "hills")
    return choices[int(rng.integers(len(choices)))]


def _home(scene: Scene) -> tuple[str, ...]:
    """Where the main subject belongs; a rider goes where the mount goes, a musician to a stage."""
    main = scene.subjects[0]
    for subject in scene.subjects[1:]:
        if subject.relation == "ride" or (
            subject.relation in {"on", "above", "front", "under"} and subject.noun.kind in LANDMARKS
        ):
            main = subject
        if subject.noun.kind == "thing" and subject.noun.metres >= 0.9 and subject.relation != "hold":
            return (
                ("room",) if "room" in subject.noun.places else subject.noun.places
            )  # furniture stays where it is
        if subject.relation == "hold" and "stage" in subject.noun.places and main.noun.alive:
            return ("stage", "room", "meadow")
    if main.noun.kind == "flyer" and main.noun.metres >= 7 and not scene.flying:
        return ("space",) if main.noun.name not in {"airplane", "helicopter"} else ("sky", "mountains")
    return tuple("meadow" if place == "night" else place for place in main.noun.places)


def _time(scene: Scene, place: str, rng: Rng) -> str:
    fixed = {"space": "space", "moon": "space", "underwater": "underwater", "stage": "stage"}
    if place in fixed:
        return fixed[place]
    if place in INDOOR:
        return "night" if scene.time == "night" and place != "studio" else "indoor"
    if "storm" in scene.weather and scene.time not in {"night", "sunset"}:
        return "storm"
    return scene.time or _likely_time(scene, place, rng)


def _likely_time(scene: Scene, place: str, rng: Rng) -> str:
    if {"aurora", "fireworks", "moon", "fireflies"} & scene.features:
        return "night"
    if scene.weather:
        return "overcast"
    if place in {"city", "street"} and "neon" in {*scene.styles, *scene.features}:
        return "night"
    hours = _HOURS.get(place, _COMMON_HOURS)
    return hours[int(rng.integers(len(hours)))]
