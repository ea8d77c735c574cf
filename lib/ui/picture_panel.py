"""What came of the prompts: the one being drawn, the one being looked at with its passport, and the last ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from lib.ui import chrome, glance, pictures, session, words
from lib.ui.pictures import Job, Kept
from lib.ui.snapshot import Snapshot

GALLERY: Final = 12


@st.fragment(run_every=1.0)
def show() -> None:
    snapshot = session.current()
    chrome.banners(snapshot)
    _endpoint(snapshot)
    desk = pictures.desk()
    for job in desk.jobs:
        if job.state in {"queued", "drawing"} or (job.state == "failed" and time.time() - job.since < 60):
            _job(job, desk.expected_s)
    kept = desk.kept
    if not kept:
        if not desk.jobs:
            _empty()
        return
    chosen = st.session_state.get("shown_picture")
    shown = next((one for one in kept if one.name == chosen), kept[0])
    _large(shown)
    _gallery(kept, shown)


def _empty() -> None:
    with st.container(
        border=True, key="result_empty", vertical_alignment="center", horizontal_alignment="center"
    ):
        st.markdown("#### :material/image: No picture yet", text_alignment="center")
        st.caption(
            "Take an example and press Generate. The picture comes with a passport: region, zone, pod, GPU and time.",
            text_alignment="center",
        )


def _endpoint(snapshot: Snapshot) -> None:
    """Plain words when no region serves; nothing when all is well."""
    if snapshot.placement is None:
        st.info(
            "The platform is still being set up; there is no address to draw at yet.",
            icon=":material/hourglass_top:",
        )
        return
    verdict = glance.vip_verdict(snapshot.placement)
    if verdict.color == "green":
        st.caption(f":green[●] The global address {verdict.sentence}.")
        return
    if verdict.color == "blue":
        st.info(
            "The first regions are on their way; the lanes on the Atlas page say how long it takes.",
            title="No region serves yet",
            icon=":material/hourglass_top:",
        )
        return
    coming = [one for one in snapshot.regions if one.eta is not None]
    soonest = min(coming, key=lambda one: one.eta, default=None)  # type: ignore[arg-type, return-value]
    hope = f" Soonest back: {soonest.region}, {words.phase_title(soonest.phase)}." if soonest else ""
    blocked = [_with_region(one.region, one.message) for one in snapshot.regions if one.message][:3]
    st.error(
        "  \n".join(
            [
                f"A prompt would find {verdict.sentence}.{hope} It is tried all the same.",
                *map(words.plain, blocked),
            ]
        ),
        title="No region serves",
        icon=":material/cloud_off:",
    )


def _with_region(region: str, message: str) -> str:
    return message if message.startswith(region) else f"{region}: {message}"


def _job(job: Job, expected_s: float) -> None:
    prompt = words.plain(glance.shortened(job.request.prompt, 90))
    if job.state == "failed":
        st.error(f"{words.plain(job.problem)}", title=f"Not drawn: {prompt}", icon=":material/broken_image:")
        return
    spent = time.time() - job.since
    if job.state == "queued":
        st.progress(0.0, text=f"Waiting for its turn · {prompt}")
        return
    share = min(0.95, spent / max(0.5, expected_s))
    note = f" · try {job.attempts + 1}, same seed: {words.plain(job.note)}" if job.note else ""
    st.progress(share, text=f"Drawing for {words.span(spent)}{note} · {prompt}")


def _large(one: Kept) -> None:
    picture, passport = st.columns([1.35, 1], gap="medium")
    with picture:
        st.image(str(one.path), width="stretch", alt=glance.shortened(one.prompt, 120))
    with passport:
        st.markdown(f"**{words.plain(glance.shortened(one.prompt, 220))}**")
        if moved := moved_words(one.passport):
            st.badge(moved, icon=":material/swap_horiz:", color="orange")
        with st.container(border=True, gap="xsmall"):
            st.caption(":material/badge: PASSPORT")
            for name, value in facts(one):
                label, said = st.columns([1, 2.6], gap="small")
                label.caption(name)
                said.markdown(value)


def _gallery(kept: tuple[Kept, ...], shown: Kept) -> None:
    st.caption(f"The last {min(len(kept), GALLERY)} of {len(kept)} kept pictures")
    grid = st.grid(6, min_column_width=110, gap="small")
    for one in kept[:GALLERY]:
        with grid.cell():
            st.image(str(one.thumbnail), width="stretch", alt=glance.shortened(one.prompt, 80))
            st.button(
                str(one.passport.get("region") or "somewhere"),
                key=f"open-{one.name}",
                type="tertiary",
                disabled=one.name == shown.name,
                on_click=_open,
                args=(one.name,),
            )


def _open(name: str) -> None:
    st.session_state["shown_picture"] = name


def moved_words(passport: Mapping[str, Any]) -> str:
    """ "moved from A to B" when an attempt was lost and another region drew it; "" when the first one did."""
    lost, to = str(passport.get("moved_from") or ""), str(passport.get("region") or "another region")
    attempts = passport.get("attempts") or 1
    if lost and lost != to:
        return f"moved from {lost} to {to}"
    return f"drawn at try {attempts}" if attempts > 1 else ""


def facts(one: Kept) -> list[tuple[str, str]]:
    passport = one.passport
    rows = [
        ("Region", passport.get("region")),
        ("Zone", passport.get("zone")),
        ("GPU", words.gpu(str(passport.get("accelerator") or ""))),
        ("Cluster", passport.get("cluster")),
        ("Pod", passport.get("pod")),
        ("Attempts", passport.get("attempts")),
        ("Time", timing(passport)),
        ("Model", passport.get("model")),
        ("Seed", passport.get("seed", one.request.get("seed"))),
        (
            "Size",
            f"{one.request.get('width')} x {one.request.get('height')}, {one.request.get('steps')} steps",
        ),
        ("Drawn", one.at[:19].replace("T", " ") + " UTC"),
    ]
    return [
        (name, words.plain(str(value)).replace("|", ""))
        for name, value in rows
        if value not in (None, "", [])
    ]


def timing(passport: Mapping[str, Any]) -> str:
    names = {"queue_s": "queue", "compute_s": "compute", "network_s": "network", "total_s": "in all"}
    parts = [
        f"{passport[key]:.2f} s {word}"
        for key, word in names.items()
        if isinstance(passport.get(key), int | float)
    ]
    return ", ".join(parts)
