"""The capacity probe of one cell: what it would make and cost, one confirmed act, and what came of it.

The rules are lib.fleet.probe's; who carries it out checks them again right before (lib.cli.probe, run beside us).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import streamlit as st

from lib.fleet import catalog, probe
from lib.fleet.model import Outcome, Placement, Provisioning, Quota, RegionCapacity, RegionView
from lib.fleet.probe import Probe
from lib.ui import auth, cells, confirm, errands, own_record, session, words
from lib.ui.cells import Cell
from lib.ui.errands import Run
from lib.ui.own_record import Record
from lib.ui.snapshot import Snapshot

NAME: Final = "probe"
LOOK: Final = errands.look_name(NAME)
_ASKED: Final = "probe_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    region: str
    accelerator: str
    provisioning: Provisioning
    operation_id: str = field(default_factory=lambda: f"ui-{uuid.uuid4().hex[:16]}")


def button(snapshot: Snapshot, cell: Cell) -> None:
    run = errands.latest(NAME)
    refused = confirm.refusal(snapshot) or ("" if cell.offered else "It is not offered here.")
    running = run is not None and run.state == "running"
    question = Question(region=cell.region, accelerator=cell.accelerator, provisioning=cell.provisioning)
    st.button(
        "Probe capacity…",
        key="probe",
        icon=":material/experiment:",
        disabled=bool(refused) or running,
        help=refused
        or ("A probe is under way." if running else "One machine, given back at once: the surest answer."),
        on_click=ask,
        args=(question,),
    )
    if run is not None:
        _told(run, cell)


def ask(question: Question) -> None:
    st.session_state[_ASKED] = question
    confirm.hand_over()


def open_asked() -> None:
    """Called once by the page's body, outside of fragments, after confirm.open_asked."""
    if question := st.session_state.pop(_ASKED, None):
        st.dialog("Probe capacity", width="medium", icon=":material/experiment:")(_confirm)(question)


def _confirm(question: Question) -> None:
    seen, record = session.current(), own_record.seen().value
    now = seen.clock.at(time.time())
    if record is None:
        st.error("The journal can't be read, so the limits of probes can't be kept.", icon=":material/block:")
        return
    wanted, refused = planned(question, seen, record, now)
    if refused:
        st.error(words.plain(refused), title="Refused; nothing was made", icon=":material/block:")
        return
    what, cost, limits = probe.plan_words(wanted, record.probes)
    st.markdown(words.plain(what))
    left, right = st.columns([1, 2], border=True)
    left.metric("Cost", probe.cents(wanted.usd), "at most, once", delta_color="off", delta_arrow="off")
    right.caption("Limits")
    said = limits.removeprefix("Limits: ")
    right.markdown(words.plain(said[:1].upper() + said[1:]))
    st.caption(words.plain(cost))
    st.caption(
        ":material/undo: It is deleted whatever the answer is, also when this dashboard ends meanwhile; the outcome is "
        "evidence that the controller takes up at its next look."
    )
    _act(question, wanted)


def planned(question: Question, seen: Snapshot, record: Record, now: datetime) -> tuple[Probe, str]:
    """The probe as it would be made, and what speaks against it."""
    known = capacity_of(seen.view(question.region))
    zone = probe.best_zone(question.region, known, question.accelerator, record.probes, record.attempts)
    wanted = Probe(
        region=question.region,
        zone=zone,
        accelerator=question.accelerator,
        provisioning=question.provisioning,
        at=now,
    )
    return wanted, probe.refusal(wanted, record.probes, known, room_usd=_room(seen.placement))


def capacity_of(view: RegionView | None) -> RegionCapacity | None:
    """What the controller published of a region, as the rules read it."""
    if view is None or view.as_of is None:
        return None
    quotas: dict[str, Quota] = {}
    for one in view.all():
        machine = catalog.ACCELERATORS.get(one.accelerator)
        if machine and one.quota and (metric := machine.metric(one.provisioning)):
            quotas[metric] = one.quota
    offered = {one.accelerator: one.zones for one in view.candidates if one.zones}
    return RegionCapacity(
        region=view.region, zones=view.zones, offered=offered, quotas=quotas or None, as_of=view.as_of
    )


def _room(placement: Placement | None) -> float | None:
    return placement.spec.max_hourly_usd - placement.status.usd_per_hour if placement else None


def _act(question: Question, wanted: Probe) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        cancel = st.button("Cancel", key="dialog_cancel")
        go = st.button("Probe", key="dialog_confirm", type="primary")
    if cancel:
        st.rerun()
    if not go:
        return
    viewer = auth.viewer(session.settings())
    if not viewer.may_change:
        st.error(viewer.reason, icon=":material/block:")
        return
    try:
        _begin(question, wanted, viewer.name)
    except errands.Busy as busy:
        st.error(words.plain(str(busy)), icon=":material/hourglass_top:")
    else:
        st.rerun()


def _begin(question: Question, wanted: Probe, actor: str) -> None:
    spot = ["--spot"] if wanted.provisioning is Provisioning.SPOT else []
    errands.begin(
        NAME,
        ["probe", wanted.region, "--zone", wanted.zone, "--accelerator", wanted.accelerator, *spot, "--yes",
         "--actor", actor, "--operation-id", question.operation_id],
        operation_id=question.operation_id,
        actor=actor,
        about={"probe": wanted},
    )  # fmt: skip


def _told(run: Run, cell: Cell) -> None:
    wanted: Probe = run.about["probe"]
    if (wanted.region, wanted.accelerator) != (cell.region, cell.accelerator):
        if run.state == "running":
            st.caption(f"A probe in {words.plain(wanted.zone)} is under way.")
        return
    model = cells.MODEL_TITLES[wanted.provisioning].lower()
    what = words.plain(f"{wanted.zone}, {catalog.short(wanted.accelerator)} {model}")
    if run.state == "running":
        spent = words.span(time.time() - run.began)
        st.info(f"{what}: asked for, then given back. {spent} so far.", icon=":material/hourglass_top:")
    elif run.state == "failed":
        st.error(words.plain(run.problem), title=f"Not probed: {what}", icon=":material/block:")
    elif run.lines:
        _outcome(run.lines[-1], wanted)


def _outcome(line: Mapping[str, Any], wanted: Probe) -> None:
    outcome, took = Outcome(line["outcome"]), float(line["tookSeconds"])
    sentence = words.plain(probe.told(wanted, outcome, str(line["message"]), took))
    cost = probe.cents(float(line["costUSD"]))
    if outcome is Outcome.OBTAINED:
        st.success(sentence, title=f"It can be had; the probe cost {cost}", icon=":material/check_circle:")
    else:
        st.warning(sentence, title="It can't be had; the probe cost nothing", icon=":material/remove_circle:")
