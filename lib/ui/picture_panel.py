"""What came of the prompts: the one being drawn, the one being looked at with its passport, and the last ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from lib.ui import (
    browser,
    chrome,
    glance,
    passport_card,
    picture_gallery,
    pictures,
    shown_pictures,
    viewer,
    words,
)
from lib.ui.pictures import Job
from lib.ui.snapshot import Snapshot

FAILED_S: Final = 60.0  # wall: so long a failure stays on the screen


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    chrome.banners(snapshot)
    _endpoint(snapshot)
    pictures.news()
    desk = pictures.desk()
    waiting = [job for job in desk.jobs if job.state == "queued"]
    for job in desk.jobs:
        if job.open or (job.state == "failed" and time.time() - job.since < FAILED_S):
            _job(job, desk.expected_s, place=len(waiting) - waiting.index(job) if job in waiting else 0)
    kept = desk.kept
    if kept:
        shown, beside, gone = shown_pictures.chosen(kept)
        if gone:
            st.info(
                "A picture of that link is not kept any more; the newest is shown.",
                icon=":material/image_not_supported:",
            )
        if beside is not None and beside.name != shown.name:
            picture_gallery.compare(shown, beside, snapshot.zone)
        else:
            passport_card.show(shown, snapshot.zone)
        picture_gallery.show(kept, shown, beside)
    elif not desk.jobs:
        _empty()
    browser.follow(snapshot, pictures.LOOK)
    passport_card.leave_fragment()


def _empty() -> None:
    with st.container(
        border=True, key="result_empty", vertical_alignment="center", horizontal_alignment="center"
    ):
        st.header(":material/image: No picture yet", anchor=False, text_alignment="center")
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
    if verdict.color == "gray":
        st.warning(
            f"{verdict.word}: {words.plain(verdict.sentence)}. A prompt is tried all the same.",
            title="It is not known whether a region serves"
            if snapshot.placement.status.vip
            else "No region serves yet",
            icon=":material/help:",
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


def _job(job: Job, expected_s: float, *, place: int) -> None:
    prompt = words.plain(glance.shortened(job.request.prompt, 90))
    if job.state == "failed":
        st.error(f"{words.plain(job.problem)}", title=f"Not drawn: {prompt}", icon=":material/broken_image:")
        return
    if job.state == "queued":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/hourglass_top: Place {place} in the queue here · {prompt}", width="stretch"
            )
            st.button(
                "Withdraw",
                key=f"withdraw-{job.id}",
                type="tertiary",
                on_click=pictures.desk().withdraw,
                args=(job.id,),
            )
        return
    share, said = progress(job, time.time() - job.since, expected_s)
    st.progress(share, text=f"{said} · {prompt}")
    if job.attempts:
        st.markdown(f":small[:orange[:material/swap_horiz: {words.plain(retried_words(job))}]]")


def progress(job: Job, spent_s: float, expected_s: float) -> tuple[float, str]:
    """How far, and in words whether that was heard from the pod itself or is only reckoned from earlier pictures."""
    heard = job.heard
    if heard is None:
        share = min(0.95, max(0.0, spent_s) / max(0.5, expected_s))  # a wall clock may be set back
        return share, f"Drawing for {words.span(spent_s)}, by the time of earlier pictures {share:.0%}"
    if heard.share is None:
        return 0.0, f"Waiting in {words.plain(heard.region)}: {words.plain(heard.queue or 'in its queue')}"
    step = heard.step(job.request.steps) if job.request.batch_size == 1 else None
    how = f"step {step} of {job.request.steps}" if step is not None else f"{heard.share:.0%}"
    return heard.share, f"{words.plain(heard.region)} draws: {how}"


def retried_words(job: Job) -> str:
    """What is known of the tries before this one, and no more."""
    last = f" {_lost_words(job.lost[-1])}." if job.lost else " Which region that was is not known."
    return f"Try {job.attempts + 1}, same seed. {job.note}{last}"


def _lost_words(lost: Mapping[str, Any]) -> str:
    step = f", at step {lost['step']} of {lost['steps']}" if lost.get("step") is not None else ""
    return f"The lost try was last heard of in {lost['region']}{step}"
