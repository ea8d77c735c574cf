"""The live half of the Drill page: leases that run, the way back, what the drill cost in time, and its timeline."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from lib.fleet import drill
from lib.fleet.model import Override
from lib.ui import browser, changes, chrome, confirm, passage, timeline, viewer, words
from lib.ui.snapshot import Snapshot

STEPS: Final = {
    "t0": "fault",
    "t1": "users hit",
    "t2": "detected",
    "t3": "mitigation began",
    "t4": "users fine",
    "t5": "recovered",
    "t6": "fault over",
    "t7": "steady",
}
KINDS: Final = ("intent", "fault", "phase", "decision", "action", "probe", "prompt")


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    chrome.banners(snapshot)
    _leases(snapshot)
    _report(snapshot)
    browser.follow(snapshot)
    confirm.leave_fragment()


def _leases(snapshot: Snapshot) -> None:
    overrides = snapshot.placement.spec.overrides if snapshot.placement else ()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(":material/timer: Running leases", anchor=False)
            refused = confirm.refusal(snapshot) or ("" if overrides else "Nothing is switched.")
            st.button(
                "Recover",
                key="recover",
                type="primary" if overrides else "secondary",
                icon=":material/healing:",
                disabled=bool(refused),
                help=refused or "Undo every switch now.",
                on_click=confirm.ask,
                args=(changes.recover(),),
            )
        if not overrides:
            st.caption("None. Every region runs what the placement wants.")
            return
        passage.leases(snapshot, [lease_row(one) for one in overrides])


def lease_row(one: Override) -> dict[str, object]:
    return {
        "id": one.region or "every region",
        "lease": True,
        "phase": f"Held at {one.commit[:7]}"
        if one.commit
        else f"{one.rollout.value} · {words.gpu(one.accelerator)}",
        "since": one.created_at.timestamp() if one.created_at else None,
        "until": one.expires_at.timestamp() if one.expires_at else None,
        "eta": None,
        "message": f"{one.reason}, by {one.owner}",
        "meta": "",
        "steps": [],
        "ahead": [],
    }


def _report(snapshot: Snapshot) -> None:
    entries = snapshot.of_kind(*KINDS)
    report = drill.timeline(reversed(entries))
    with st.container(border=True):
        st.header(":material/timeline: What happened", anchor=False)
        if report.t0 is None:
            st.caption(
                "No drill yet. Switch the GPU, or take a region's stock away; the times appear here as they pass."
            )
        else:
            _times(report)
        timeline.show(snapshot, timeline.turning_points(entries), key="drill_timeline")


def _times(report: drill.DrillReport) -> None:
    times = {
        "Time to detect": (
            report.time_to_detect,
            "From the first impact on users to the platform seeing it.",
        ),
        "Time to mitigate": (report.time_to_mitigate, "From the first impact until users were fine again."),
        "Time to recover": (
            report.time_to_recover,
            "From the first impact until every wanted region served.",
        ),
    }
    cells = st.columns(4, gap="small")
    for cell, (name, (value, meaning)) in zip(cells, times.items(), strict=False):
        cell.metric(name, _span(value, report), border=True, help=meaning)
    prompts = f"{report.prompts_ok} ok · {report.prompts_failed} failed"
    cells[3].metric(
        "Prompts moved", report.prompts_moved, prompts, delta_color="off", delta_arrow="off", border=True
    )
    if report.t0:
        st.caption(" → ".join(f"{name} **+{words.span(after)}**" for name, after in passed(report)))


def passed(report: drill.DrillReport) -> list[tuple[str, float]]:
    """The steps that were recorded, in the order they came, with the seconds since the fault."""
    times = {name: getattr(report, key) for key, name in STEPS.items()}
    after = [(name, (at - report.t0).total_seconds()) for name, at in times.items() if at and report.t0]
    return sorted(after, key=lambda step: step[1])


def _span(value: timedelta | None, report: drill.DrillReport) -> str:
    """Nothing to measure is told from not being there yet: users may never have felt anything."""
    if value is not None:
        return words.span(value.total_seconds())
    return "no impact" if report.t1 is None else "not yet"
