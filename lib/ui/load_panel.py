"""The form and the live results of the load generator."""

from __future__ import annotations

import streamlit as st

from lib.ui import auth, load, session, words
from lib.ui.load import MOST, MOST_A_SECOND, SHOWN, Report
from lib.ui.snapshot import Snapshot

PROBLEM = "load_problem"


def show(snapshot: Snapshot) -> None:
    st.header(":material/speed: Load generator", anchor=False)
    seen = load.report().value or load.generator().report
    vip = snapshot.status.vip if snapshot.status else ""
    refused = auth.viewer(session.settings()).reason or ("" if vip else "There is no global address yet.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input("Requests", 1, MOST, 60, key="load_count", width=130)
        rate = st.number_input("A second", 1, MOST_A_SECOND, 3, key="load_rate", width=110)
        st.button(
            "Start",
            key="load_start",
            icon=":material/play_arrow:",
            disabled=seen.running or bool(refused),
            help=refused
            or f"Light requests to the health path, at most {MOST_A_SECOND} a second and {MOST} in all.",
            on_click=_start,
            args=(vip, int(count), int(rate)),
        )
        st.button(
            "Stop",
            key="load_stop",
            icon=":material/stop:",
            disabled=not seen.running,
            on_click=load.generator().stop,
        )
    if problem := st.session_state.pop(PROBLEM, ""):
        st.warning(words.plain(problem), icon=":material/block:")
    if refused:
        st.caption(refused)
    _results(seen)


def _start(vip: str, count: int, rate: int) -> None:
    try:
        load.generator().start(vip, count=count, a_second=rate)
    except load.Refused as no:
        st.session_state[PROBLEM] = str(no)


def _results(seen: Report) -> None:
    if not seen.wanted:
        st.caption(
            "Sends light requests in turn from the six continents and shows who answers. No picture is drawn; "
            "it goes on when you leave the page, and only one runs at a time."
        )
        return
    done = len(seen.answers)
    state = "running" if seen.running else "stopped" if seen.stopped else "done"
    st.progress(
        min(1.0, done / seen.wanted),
        text=f"{done} of {seen.wanted} sent at {seen.a_second} a second, {state}",
    )
    slow = seen.percentile(95)
    cells = st.columns(3, gap="small")
    cells[0].metric("Answered", f"{seen.ok} of {done}")
    cells[1].metric("Lost", done - seen.ok)
    cells[2].metric("95 of 100 within", "none" if slow is None else f"{slow:.0f} ms")
    st.caption(
        "By region: " + (", ".join(f"{words.plain(name)} {n}" for name, n in seen.by_region) or "nobody yet")
    )
    marks = "".join(":green[●]" if one.ok else ":red[✕]" for one in seen.answers[-SHOWN:])
    if marks:
        st.markdown(marks)
        if done > SHOWN:
            st.caption(f"The newest {SHOWN} of {done}.")
