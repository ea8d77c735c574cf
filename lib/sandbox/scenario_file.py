"""What a scenario is and how its file is read: stock by habits or by a trace, the quota base, and a script.

`scenarios/*.yaml` are shipped; a user may bring more. Reading is pure: which scenario is on, and how far its script
has come, is `scenario`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lib.sandbox import catalog, fault_kinds, trace
from lib.sandbox.checked import BadScenario, Part, bad
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document

FOLDER = Path(__file__).parent / "scenarios"
PROVISIONING = ("STANDARD", "SPOT")
NO_QUOTA = "none"
LONGEST = 1_000_000  # bytes of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Long-run share of time in stock, over all places, 0 to 1, by provisioning model."""

    standard: float
    spot: float


NEVER = Habit(standard=0.0, spot=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the script: a fault, when it begins after the scenario, and how long it lasts (None: for good)."""

    at_s: float
    fault: str
    scope: Mapping[str, Any]
    for_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    sentence: str
    habits: Mapping[str, Habit]
    otherwise: Habit
    sure: Mapping[
        tuple[str, str], float
    ]  # (region, accelerator) -> seconds for which it is in stock at first
    replay: trace.Replay | None
    quota: str  # "usual" or NO_QUOTA
    script: tuple[Entry, ...]


def shipped() -> tuple[str, ...]:
    """Names, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def find(asked: str) -> Document:
    """The document of a shipped scenario, or of the file at a path. Raises BadScenario."""
    if asked in shipped():
        return _shipped(asked)
    path = Path(asked).expanduser()
    if path.suffix in (".yaml", ".yml", ".json") or len(path.parts) > 1:
        return load(path)
    near = get_close_matches(asked, shipped(), n=1)
    hint = f"did you mean {near[0]}?" if near else "one of these or the path of a YAML file is right."
    raise BadScenario(f'There is no scenario "{asked}" beside {", ".join(shipped())}; {hint}')


@cache
def _shipped(name: str) -> Document:
    return load(FOLDER / f"{name}.yaml")


def load(path: Path) -> Document:
    """The file's document, with the trace that it names read into it, and found good. Raises BadScenario."""
    document = _parsed(path, yaml.safe_load)
    replay = document
    for name in ("stock", "replay"):
        replay = replay.get(name) if isinstance(replay, dict) else None
    if isinstance(replay, dict) and isinstance(replay.get("trace"), str):
        replay["trace"] = _parsed(path.parent / replay["trace"], json.loads)
    read(document, path.name)
    return document


def _parsed(path: Path, parse: Any) -> Any:
    try:
        if path.stat().st_size > LONGEST:
            raise bad(f"{path}", "it is too long", f"at most {LONGEST:,} bytes")
        return parse(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise BadScenario(f"{path}: it can't be read ({e.strerror}); name a file that is there.") from e
    except (UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError) as e:
        told = " ".join(str(e).split())
        raise BadScenario(
            f"{path}: it is not {'YAML' if parse is yaml.safe_load else 'JSON'} ({told})."
        ) from e


def read(document: Any, file: str = "scenario") -> Scenario:
    """A scenario from its document. Raises BadScenario naming `file`, the field and what would be right."""
    part = Part(document, f"{file}:", ("name", "sentence", "stock", "quota", "script"))
    stock = part.part("stock", "habits", "otherwise", "sure", "replay")
    return Scenario(
        name=part.text("name"),
        sentence=part.text("sentence"),
        habits=_habits(stock),
        otherwise=_habit(stock.part("otherwise", "standard", "spot")) if stock.has("otherwise") else NEVER,
        sure=dict(_sure(entry) for entry in stock.parts("sure", "region", "accelerator", "for")),
        replay=_replay(stock.part("replay", *_REPLAY)) if stock.has("replay") else None,
        quota=part.choice("quota", ("usual", NO_QUOTA), "usual"),
        script=tuple(_entry(entry) for entry in part.parts("script", "at", "fault", "scope", "for")),
    )


def _habits(stock: Part) -> dict[str, Habit]:
    if not stock.has("habits"):
        return {}
    part = stock.part("habits", *catalog.ACCELERATORS)
    return {name: _habit(part.part(name, "standard", "spot")) for name in part.found}


def _habit(part: Part) -> Habit:
    return Habit(standard=part.number("standard", low=0, high=1), spot=part.number("spot", low=0, high=1))


def _sure(part: Part) -> tuple[tuple[str, str], float]:
    place = part.choice("region", catalog.REGIONS, ""), part.choice("accelerator", catalog.ACCELERATORS, "")
    return place, part.duration("for", example="14d")


_REPLAY = ("trace", "accelerators", "provisioning", "zones", "start")


def _replay(part: Part) -> trace.Replay:
    found = trace.read(part.found.get("trace"), part.at("trace"))
    zones = {}
    if part.has("zones"):
        asked = part.part("zones", *catalog.all_zones())
        zones = {zone: asked.choice(zone, found.data, "") for zone in asked.found}
    return trace.Replay(
        trace=found,
        accelerators=part.choices("accelerators", catalog.ACCELERATORS, tuple(catalog.ACCELERATORS)),
        provisioning=part.choices("provisioning", PROVISIONING, ("SPOT",)),
        zones=zones,
        start_s=part.duration("start", example="3d") if part.has("start") else 0.0,
    )


def _entry(part: Part) -> Entry:
    at_s = part.duration("at", example="+2m")
    for_s = part.duration("for", example="30m") if part.has("for") else None
    fault, scope = part.text("fault"), dict(part.part("scope").found) if part.has("scope") else {}
    try:
        # A cluster need not be there yet: whether it is, is seen when the line is played.
        fault_kinds.check(fault, scope, for_s, clusters=[str(scope.get("cluster", ""))])
    except ApiError as e:
        raise BadScenario(f"{part.where}: {e.message}.") from e
    return Entry(at_s=at_s, fault=fault, scope=scope, for_s=for_s)
