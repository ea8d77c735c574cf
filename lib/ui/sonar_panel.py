"""The sonar: one sweep over all regions, asked of Google now, with its answers as they come in. Creates nothing."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from lib.fleet import catalog, sonar
from lib.fleet.model import Candidate, Provisioning
from lib.fleet.sonar import Heard, Sounding
from lib.gateways.sonar_lines import sounding_from
from lib.ui import auth, cells, errands, session, words
from lib.ui.errands import Run
from lib.ui.snapshot import Snapshot

NAME: Final = "sonar"
LOOK: Final = errands.look_name(NAME)
DEADLINES: Final = {"5 s": 5, "10 s": 10, "30 s": 30}
SHOWN: Final = 5
LATEST: Final = 3
FRESH: Final = timedelta(minutes=15)  # of the target's time: so long the grid shows what was heard
_WIDE: Final = "Wanted GPUs"
_ONE: Final = "Chosen GPU"


def soundings(run: Run | None) -> tuple[Sounding, ...]:
    return tuple(one for line in (run.lines if run else ()) if (one := sounding_from(line)))


def overlay(run: Run | None, *, now: datetime) -> cells.Told:
    """What was heard, for the grid; {} when that is long ago. What did not answer hides nothing that is published."""
    if run is None or now - _asked_at(run) > FRESH:
        return {}
    return {
        (c.region, c.accelerator, c.provisioning): c
        for c in (one.candidate for one in soundings(run) if one.heard is not Heard.NOTHING)
    }


def show(snapshot: Snapshot, *, accelerator: str, now: datetime) -> None:
    run = errands.latest(NAME)
    st.header(":material/radar: Sonar", anchor=False)
    viewer = auth.viewer(session.settings())
    running = run is not None and run.state == "running"
    wide = st.segmented_control(
        "GPUs to ask for", [_WIDE, _ONE], key="sonar_gpus", default=_WIDE, required=True, width="stretch",
        label_visibility="collapsed", disabled=running,
    )  # fmt: skip
    left, right = st.columns([1.7, 1], gap="small", vertical_alignment="bottom")
    with right:
        deadline = st.selectbox(
            "Deadline", list(DEADLINES), index=1, key="sonar_deadline", label_visibility="collapsed",
            disabled=running, help="What has not answered by then is told as unknown.",
        )  # fmt: skip
    names = cells.wanted(snapshot) if wide == _WIDE else (accelerator,)
    with left:
        if running:
            st.button(
                "Cancel", key="sonar_cancel", icon=":material/stop_circle:", width="stretch",
                on_click=errands.cancel, args=(NAME,),
            )  # fmt: skip
        else:
            st.button(
                "Ask Google now",
                key="sonar_begin",
                icon=":material/radar:",
                width="stretch",
                disabled=not viewer.may_change or not names or snapshot.launch is not None,
                help=viewer.reason
                or "Reads only: offers, quotas and Google's advice, in all regions at once.",
                on_click=_begin,
                args=(names, deadline or "10 s", viewer.name, f"ui-{uuid.uuid4().hex[:16]}"),
            )
    if told := st.session_state.pop("sonar_refused", ""):
        st.markdown(f":small[:orange[{words.plain(told)}]]")
    if run is None:
        st.caption(
            "Asks Google itself, on demand and Spot, and not the controller; it creates nothing and costs nothing."
        )
    else:
        _told(run, now)


def _begin(names: Sequence[str], deadline: str, actor: str, operation_id: str) -> None:
    """The button's callback; its operation id was made with it, so that a double click is one sweep."""
    said = [word for name in names for word in ("--accelerator", name)]
    said += [word for model in Provisioning for word in ("--provisioning", model.value)]
    about = {
        "accelerators": tuple(names),
        "deadline_s": DEADLINES.get(deadline, 10),
        "asked_at": session.current().clock.at(time.time()),
    }
    try:
        errands.begin(
            NAME, ["sonar", *said, "--deadline", f"{about['deadline_s']}s"],
            operation_id=operation_id, actor=actor, about=about,
        )  # fmt: skip
    except errands.Busy as busy:
        st.session_state["sonar_refused"] = str(busy)


def _told(run: Run, now: datetime) -> None:
    heard = soundings(run)
    asked = len(catalog.REGIONS) * len(Provisioning) * len(run.about["accelerators"])
    if run.state == "running":
        st.progress(min(1.0, len(heard) / asked), text=_progress(run, len(heard), asked))
        for one in reversed(heard[-LATEST:]):
            st.caption(_line(one))
        return
    if run.state == "failed":
        st.error(words.plain(run.problem), title="The sonar could not listen", icon=":material/sensors_off:")
        return
    _end(run, heard, asked, now)


def _progress(run: Run, heard: int, asked: int) -> str:
    if not heard:
        return "Starting to listen…"
    return f"{heard} of {asked} answers · {time.time() - run.began:.0f} s"


def _end(run: Run, heard: tuple[Sounding, ...], asked: int, now: datetime) -> None:
    count = Counter(one.heard for one in heard)
    verb = "Cancelled after" if run.state == "cancelled" else "Heard"
    lost = (
        (count[Heard.CHEAP], "without advice"),
        (count[Heard.NOTHING], "unknown"),
        (asked - len(heard) if run.state == "cancelled" else 0, "not asked any more"),
    )
    notes = "".join(f", {many} {what}" for many, what in lost if many)
    took = f"{_took_s(run):.1f} s"
    gpus = words.listed([catalog.short(one) for one in run.about["accelerators"]])
    age = now - _asked_at(run)
    st.caption(
        f"{verb} {len(heard)} of {asked} answers on {words.plain(gpus)} in {took}{notes}; asked by "
        f"{words.plain(run.actor)} {words.ago(_asked_at(run), now)}."
        + (
            " The grid shows them in bold."
            if heard and age <= FRESH
            else " That is too long ago for the grid."
        )
    )
    able = [one for one in sonar.ranked(heard) if one.candidate.eligible]
    if not able:
        st.markdown(":red[▼] No region can take any of them now.")
        return
    st.markdown("\n".join(f"{n}. {_line(one)}" for n, one in enumerate(able[:SHOWN], start=1)))
    if len(able) > SHOWN:
        st.caption(f"and {len(able) - SHOWN} more that could; {len(heard) - len(able)} can't.")


def _took_s(run: Run) -> float:
    """Of the listening alone; all of it where it did not come to its end."""
    ranking = next((line for line in reversed(run.lines) if line.get("type") == "ranking"), None)
    return float(ranking["afterSeconds"]) if ranking else (run.ended or run.began) - run.began


def _line(one: Sounding) -> str:
    c = one.candidate
    model = cells.MODEL_TITLES[c.provisioning].lower()
    why = f", {one.why}" if one.why else ""
    return f"**{words.plain(c.region)}** {words.plain(f'{catalog.short(c.accelerator)} {model}: {_likely(c)}{why}')}"


def _likely(c: Candidate) -> str:
    if not c.zones:
        return "not offered"
    if not c.eligible:
        return next(iter(c.reasons), "can't be had")
    return (
        "odds unknown"
        if c.obtainability is None
        else f"{c.obtainability:.0%}, {words.money(c.usd_per_hour)} per hour"
    )


def _asked_at(run: Run) -> datetime:
    about: Mapping[str, datetime] = run.about
    return about["asked_at"]
