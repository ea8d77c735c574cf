"""The command palette of every page, and what its commands do: go somewhere, open a region, ask for a change.

A change is only asked for: its dialog shows the plan and waits for a confirmation. The list is made on the server, so
that a command which can't work says why instead of failing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import streamlit as st

from lib.ui import browser, changes, confirm, projector, screens, session, words, worldmap
from lib.ui.snapshot import Snapshot

_PALETTE: Final = browser.component("palette")
_GO: Final = "palette_go"


def show() -> None:
    """The button that opens it; in a page's full run, outside of live fragments."""
    _PALETTE(
        key="palette",
        data={"commands": [asdict(one) for one in offered(session.current())]},
        on_command_change=_taken,
    )


def follow() -> None:
    """Before the page draws: go where the last command leads."""
    if goal := st.session_state.pop(_GO, None):
        name, params = goal
        st.switch_page(next(one.path for one in screens.screens() if one.name == name), query_params=params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`key`: a bare key that does it. `refused`: why it can't be done now. `deep`: shown when it was searched for."""

    id: str
    group: str
    title: str
    about: str
    key: str = ""
    refused: str = ""
    deep: bool = False


def offered(snapshot: Snapshot) -> list[Command]:
    """Screens with their digit, actions with the reason when they can't be done, then every region."""
    refused = confirm.refusal(snapshot)
    leases = snapshot.placement is not None and bool(snapshot.placement.spec.overrides)
    return [
        *_screens(),
        *_actions(refused or ("" if leases else "no switch is in force")),
        *_fleet(snapshot),
        *_regions(snapshot),
        *_changes(snapshot, refused),
    ]


def _screens() -> list[Command]:
    return [
        Command(id=f"screen:{one.name}", group="Screens", title=one.title, about=one.about, key=str(i))
        for i, one in enumerate(screens.screens(), start=1)
    ]


def _actions(no_recovery: str) -> list[Command]:
    rows = (
        ("recover", "Recover…", "undo every switch", no_recovery),
        ("switch", "Switch GPU…", "Safe, or Hard as a drill", ""),
        ("projector", "Larger type", "for a projector; again for the usual size", ""),
    )
    return [Command(id=id_, group="Actions", title=t, about=a, refused=r) for id_, t, a, r in rows]


def _fleet(snapshot: Snapshot) -> list[Command]:
    return [
        Command(
            id=f"region:{one.region}",
            group="Fleet",
            title=one.region,
            about=f"{words.place(one.region)}, {words.phase_title(one.phase)}",
        )
        for one in sorted(snapshot.regions, key=lambda one: one.region)
    ]


def _regions(snapshot: Snapshot) -> list[Command]:
    return [
        Command(id=f"region:{name}", group="Regions", title=name, about=words.place(name), deep=True)
        for name in worldmap.PLACES
        if snapshot.region_status(name) is None
    ]


def _changes(snapshot: Snapshot, refused: str) -> list[Command]:
    found: list[Command] = []
    for name in worldmap.PLACES:
        serves = snapshot.region_status(name) is not None
        verb, title = ("contract", f"Contract {name}…") if serves else ("expand", f"Expand to {name}…")
        about = "drain it, then delete its cluster" if serves else words.place(name)
        command = Command(
            id=f"{verb}:{name}", group="Changes", title=title, about=about, refused=refused, deep=True
        )
        found.append(command)
    return found


def _taken() -> None:
    """A command came from the browser; what isn't known is ignored."""
    verb, _, what = str(st.session_state["palette"].get("command") or "").partition(":")
    known = what in worldmap.PLACES
    if verb == "screen" and what in {one.name for one in screens.screens()}:
        st.session_state[_GO] = (what, {})
    elif verb == "switch":
        st.session_state[_GO] = ("drill", {})
    elif verb == "region" and known:
        st.session_state[_GO] = ("atlas", {"region": what})
    elif verb == "projector":
        projector.turn()
    elif verb == "recover":
        confirm.ask(changes.recover())
    elif verb in {"expand", "contract"} and known:
        confirm.ask(changes.expand(what) if verb == "expand" else changes.contract(what))
