"""One state of a widget: what the world is like, how the widget is called, and the words that tell this state."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from lib.settings import Settings
from lib.ui import errands, looks, pictures, samples, session
from lib.ui.errands import Run
from lib.ui.gallery import picture_samples
from lib.ui.looks import Seen
from lib.ui.pictures import Job
from lib.ui.snapshot import Snapshot

CARD: Final = 440  # pixels, about a card of the Atlas page
Looks = Callable[[], Mapping[str, Seen[Any]]]
Jobs = Callable[[], tuple[Job, ...]]  # made when they are drawn, for they bear the time


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`says`: words on the screen by which a test, or a reviewer, knows that it is this state that is drawn."""

    says: str
    draw: Callable[[Snapshot], object]
    snapshot: Callable[[], Snapshot] = samples.CASES["fleet"]
    looks: Looks = dict
    runs: Mapping[str, Run] = field(default_factory=dict[str, Run])
    jobs: Jobs = tuple
    pictures: int = 0  # kept
    asked: Mapping[str, object] = field(
        default_factory=dict[str, object]
    )  # of the session, before it is drawn
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])  # beside those of the sandbox


Widget = Mapping[str, State]


def case(name: str) -> Callable[[], Snapshot]:
    return samples.CASES[name]


def seen(*regions: Any, **more: Any) -> Callable[[], Snapshot]:
    """A snapshot of these regions, made when it is drawn, for it bears the time."""
    return lambda: samples.snapshot(*regions, **more)


def card(draw: Callable[[Snapshot], object]) -> Callable[[Snapshot], None]:
    """In a box as wide as the card that the widget is made for."""

    def drawn(snapshot: Snapshot) -> None:
        with st.container(border=True, width=CARD):
            draw(snapshot)

    return drawn


def put(state: State) -> None:
    """Make the process see this world and no other."""
    settings = Settings(state_dir=folder(state.pictures), **state.settings)
    session.install(state.snapshot(), settings=settings)
    looks.install(state.looks())
    errands.install(state.runs)
    pictures.stop()
    pictures.install(pictures.Desk(settings, jobs=state.jobs()))


@lru_cache(maxsize=8)
def folder(kept: int) -> Path:
    """A state directory of the gallery's own: no button here reaches a real one."""
    made = Path(tempfile.mkdtemp(prefix="gpu-atlas-gallery-"))
    picture_samples.keep(made / "pictures", kept)
    return made
