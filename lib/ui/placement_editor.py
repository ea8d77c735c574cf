"""The placement as YAML: written here, checked by the API itself, shown as a difference, applied through the one dialog.

What was written is kept until it is applied or given up: through errors, other pages, and others' changes.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

import streamlit as st

from lib.fleet import changed
from lib.fleet.model import Placement, PlacementSpec
from lib.gateways import placement_text
from lib.gateways.errors import AtlasError, Refused
from lib.gateways.placement import PlacementGateway
from lib.gateways.placement_codec import spec_to
from lib.settings import SettingsError
from lib.ui import changes, confirm, diff_view, session, words
from lib.ui.snapshot import Snapshot

TEXT: Final = "placement_text"
_BASE: Final = "placement_base"
_PROBLEM: Final = "placement_problem"
_ASKED: Final = "placement_asked"  # the text that was last sent to the confirmation, and its spec
HEIGHT: Final = 430


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The placement that the text began as."""

    generation: int
    spec: PlacementSpec
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the text can't be applied, and the field, where one is named."""

    sentence: str
    field: str = ""


def begin() -> None:
    """In the page's full run: a text that nobody has touched follows the placement. The live part below never sets
    it, for somebody may be typing."""
    placement = session.current().placement
    if placement is None:
        return
    base: Base | None = st.session_state.get(_BASE)
    if base is None or (st.session_state.get(TEXT, base.text) == base.text and base.spec != placement.spec):
        base = _take(placement)
        st.session_state[TEXT] = base.text
    st.session_state.setdefault(TEXT, base.text)


def show(snapshot: Snapshot) -> None:
    """Inside the page's live part."""
    if _BASE not in st.session_state:  # the placement came after the page: nobody can be typing yet
        begin()
    base: Base | None = st.session_state.get(_BASE)
    if snapshot.placement is None or base is None:
        st.info(confirm.refusal(snapshot) or "The placement is being read.", icon=":material/hourglass_top:")
    else:
        _editor(snapshot, snapshot.placement, base)


def _editor(snapshot: Snapshot, placement: Placement, base: Base) -> None:
    st.text_area(
        "The placement as YAML",
        key=TEXT,
        height=HEIGHT,
        persist_state="session",
        on_change=_forget_problem,
        help="Only the spec counts; the controller writes the status. Ctrl+Enter takes over what you wrote.",
    )
    written = st.session_state.get(TEXT, base.text)
    base = _applied(placement, base, written)
    if problem := st.session_state.get(_PROBLEM):
        _problem(problem)
    moved = base.spec != placement.spec
    if moved:
        _moved(base, placement, touched=written != base.text)
    _buttons(snapshot, base, written, moved=moved)
    _difference(base, written)


def _applied(placement: Placement, base: Base, written: str) -> Base:
    """Once the text is the placement, it is what the next change begins with."""
    if base.spec == placement.spec or st.session_state.get(_ASKED) != (written, placement.spec):
        return base
    made = Base(generation=placement.generation, spec=placement.spec, text=written)
    st.session_state[_BASE] = made
    return made


def _take(placement: Placement) -> Base:
    base = Base(generation=placement.generation, spec=placement.spec, text=placement_text.text_of(placement))
    st.session_state[_BASE] = base
    return base


def _problem(problem: Problem) -> None:
    st.error(
        words.plain(problem.sentence),
        title=f"Not valid at {problem.field}" if problem.field else "Not valid",
        icon=":material/error:",
    )


def _moved(base: Base, now: Placement, *, touched: bool) -> None:
    told = "\n".join(f"- {words.plain(one)}" for one in changed.fields(spec_to(base.spec), spec_to(now.spec)))
    kept = (
        "Your text is kept, and can't be applied as it is." if touched else "The text is the one of before."
    )
    st.warning(
        f"{kept} What changed meanwhile:\n{told}",
        title=f"The placement is now at generation {now.generation}; you began with {base.generation}",
        icon=":material/call_split:",
    )


def _buttons(snapshot: Snapshot, base: Base, written: str, *, moved: bool) -> None:
    refused = confirm.refusal(snapshot)
    same = written == base.text
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Check and preview",
            key="placement_apply",
            type="primary",
            icon=":material/rule:",
            disabled=bool(refused) or same or moved,
            help=refused or "The API checks it; then the plan is shown before anything is changed.",
            on_click=_ask,
        )
        if moved and not same:
            st.button(
                "Put my text on top of it",
                key="placement_rebase",
                icon=":material/merge:",
                help="What you wrote stays; the difference is shown against the placement as it is now.",
                on_click=_rebase,
            )
        if not same:
            st.button("Give up my changes", key="placement_reset", icon=":material/undo:", on_click=_reset)
        st.caption(_standing(refused, base, same=same))


def _standing(refused: str, base: Base, *, same: bool) -> str:
    if refused:
        return f":orange[{words.plain(refused)}]"
    return f"As it is now, generation {base.generation}." if same else "Changed here, not applied."


def _difference(base: Base, written: str) -> None:
    if told := difference(base.text, written):
        st.caption("What differs from the placement you began with")
        diff_view.show(told, key="placement_diff")


def difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "the placement", "your text", lineterm="", n=2
    )
    return "\n".join(lines)


# --- callbacks: each runs before the page is drawn again ------------------------------------------------


def _ask() -> None:
    """Have the API check the text, then ask for the confirmation. What is wrong is shown at the editor."""
    base: Base = st.session_state[_BASE]
    written: str = st.session_state[TEXT]
    settings = session.settings()
    try:
        given = placement_text.spec_in(written, name=settings.placement, namespace=settings.namespace)
        PlacementGateway(settings).check(given)
        after = placement_text.spec_of(given)
    except Refused as no:
        st.session_state[_PROBLEM] = Problem(sentence=str(no), field=no.field)
        return
    except (AtlasError, SettingsError) as e:
        st.session_state[_PROBLEM] = Problem(sentence=f"It could not be checked: {e}")
        return
    st.session_state.pop(_PROBLEM, None)
    st.session_state[_ASKED] = written, after
    told = difference(base.text, written)
    asked = changes.apply_spec(base.spec, after, diff=told, doubts=tuple(placement_text.doubts(after)))
    confirm.ask(asked)


def _forget_problem() -> None:
    st.session_state.pop(_PROBLEM, None)


def _rebase() -> None:
    if (placement := session.current().placement) is not None:
        _take(placement)


def _reset() -> None:
    st.session_state.pop(_PROBLEM, None)
    if (placement := session.current().placement) is not None:
        st.session_state[TEXT] = _take(placement).text
