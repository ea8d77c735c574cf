"""The sandbox's clock and scenario: how fast its time runs, what its cloud goes through by itself, and what is on now.

Through its own admin API, as `./atlas sandbox` does; drawn only where there is one. Faults by hand are fault_panel's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import streamlit as st

from lib.gateways.faults import FaultsGateway, Line, Scenario, in_words, scenario_line
from lib.settings import Settings
from lib.ui import fault_panel, freshness, looks, moments, table, words
from lib.ui.looks import Seen
from lib.ui.snapshot import Snapshot
from lib.ui.table import Column, Look, cell

NAME: Final = "settings/scenarios"
STEPS: Final = {"10 min": 600, "1 h": 3600, "6 h": 21600}
COLUMNS: Final = (
    Column(title="After"),
    Column(title="Fault", tip="What happens to the sandbox's cloud"),
    Column(title="Where"),
    Column(title="For"),
    Column(title="Now"),
)
STATES: Final[dict[str, Look]] = {"in force": "bad", "waiting": "going", "over": "quiet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    on: Scenario
    known: tuple[Scenario, ...]


def scenarios() -> Seen[Scenarios]:
    def read(settings: Settings) -> Scenarios:
        gateway = FaultsGateway(settings)
        return Scenarios(on=gateway.scenario(), known=gateway.scenarios())

    return looks.look(NAME, read)


def show(snapshot: Snapshot) -> tuple[str, ...]:
    """Returns the names that it watches."""
    st.header("Sandbox", anchor=False)
    fault_panel.problem()
    _clock(snapshot)
    seen = scenarios()
    freshness.trouble(seen, "The scenario can't be read")
    if seen.loading:
        freshness.loading("Asking the sandbox for its scenarios.")
    if seen.value is not None:
        _scenario(snapshot, seen.value)
    return (NAME,)


def _clock(snapshot: Snapshot) -> None:
    speed = snapshot.clock.speed
    st.caption(
        f"Its time runs {'as fast' if speed == 1 else f'**{speed:g} times** as fast'} as yours."
        if speed
        else "Its time **stands still**; Run lets it go on."
    )
    fault_panel.speed(snapshot)
    with st.container(horizontal=True, vertical_alignment="center"):
        if speed:
            st.button("Pause", key="clock_pause", icon=":material/pause:", on_click=_pause, args=(True,))
        else:
            st.button("Run", key="clock_run", icon=":material/play_arrow:", on_click=_pause, args=(False,))
        for title, seconds in STEPS.items():
            st.button(
                f"+{title}",
                key=f"step_{seconds}",
                on_click=_step,
                args=(seconds,),
                help="Lets so much of its time pass at once; what would have happened in it happens.",
            )


def _pause(paused: bool) -> None:
    fault_panel.act(lambda gateway: gateway.set_clock(paused=paused))


def _step(seconds: int) -> None:
    fault_panel.act(lambda gateway: gateway.step(timedelta(seconds=seconds)))


def _scenario(snapshot: Snapshot, found: Scenarios) -> None:
    began = (
        f", since {moments.tag(found.on.started_at, snapshot.zone, dated=True)} of its time"
        if found.on.started_at
        else ""
    )
    st.markdown(f"Scenario **{words.plain(found.on.name)}** is on{began}.", unsafe_allow_html=True)
    names = {one.name: one for one in (found.on, *found.known)}  # one from a file isn't among the known
    chosen = st.selectbox("Scenario", list(names), key="scenario", bind="query-params")
    shown = found.on if chosen == found.on.name else names[chosen]
    st.caption(
        f"{words.plain(shown.sentence)} Stock follows a {words.plain(shown.stock)}; GPU quotas are "
        f"{words.plain(shown.quota)}."
    )
    if shown.script:
        rows = [_row(i, line) for i, line in enumerate(shown.script)]
        table.show(snapshot, COLUMNS, rows, key="script", label=f"Script of {shown.name}")
    st.button(
        "Begin again" if shown is found.on else f"Begin {shown.name}",
        key="scenario_use",
        icon=":material/theater_comedy:",
        on_click=_use,
        args=(shown.name,),
        disabled=shown.name not in {one.name for one in found.known},
        help="It begins now; the faults of the one before end.",
    )


def _use(name: str) -> None:
    fault_panel.act(lambda gateway: gateway.use_scenario(name=name), scenario_line)
    looks.refresh(NAME)


def _row(i: int, line: Line) -> table.Row:
    state = line.state.partition(":")[0] or "not begun"
    return table.Row(
        id=str(i),
        cells=(
            cell(words.span(line.at_s)),
            cell(line.fault),
            cell(in_words(line.scope), tip=json.dumps(dict(line.scope))),
            cell(words.span(line.for_s) if line.for_s is not None else "for good"),
            cell(line.state or state, badge=True, look=STATES.get(state, "quiet")),
        ),
    )
