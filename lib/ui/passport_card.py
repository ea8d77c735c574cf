"""One picture in full: itself, its passport, what is known of lost tries, and what can be done with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

import streamlit as st

from lib.gateways.txt2img import PictureRequest
from lib.ui import glance, moments, prompt_form, words
from lib.ui.kept_pictures import Kept

_FILLED: Final = "form_filled"


def show(one: Kept, zone: tzinfo) -> None:
    picture, passport = st.columns([1.35, 1], gap="medium")
    with picture:
        st.image(str(one.path), width="stretch", alt=glance.shortened(one.prompt, 120))
    with passport:
        st.markdown(f"**{words.plain(glance.shortened(one.prompt, 220))}**")
        if moved := moved_words(one.passport):
            st.markdown(f":small[:orange[:material/swap_horiz: {words.plain(moved)}]]")
        with st.container(border=True, gap="xsmall"):
            st.caption(":material/badge: PASSPORT")
            for name, value in facts(one, zone):
                label, said = st.columns([1, 2.6], gap="small")
                label.caption(name)
                said.markdown(value, unsafe_allow_html=True)
        _buttons(one)


def _buttons(one: Kept) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Draw again", key="again", icon=":material/replay:", on_click=prompt_form.draw_again,
            args=(one.again(), f"ui-{uuid.uuid4().hex[:16]}"), help="The same settings and seed, wherever it is drawn now.",
        )  # fmt: skip
        st.button(
            "Into the form",
            key="into_form",
            icon=":material/edit_note:",
            on_click=_into_form,
            args=(one.again(),),
        )
        download(one)


def _into_form(request: PictureRequest) -> None:
    """The form is outside of the live part, so the whole page is drawn anew."""
    prompt_form.fill(request)
    st.session_state[_FILLED] = True


def leave_fragment() -> None:
    """Called in the live part after its buttons: the form it filled is drawn by the page's full run."""
    if st.session_state.pop(_FILLED, False):
        st.rerun(scope="app")


def download(one: Kept) -> None:
    """Read when it is asked for; the file bears its passport and the Web UI's own settings as text."""
    st.download_button(
        "PNG",
        one.path.read_bytes,
        file_name=one.file_name,
        mime="image/png",
        key=f"download-{one.name}",
        icon=":material/download:",
        on_click="ignore",
        help="With its passport and its settings in the file.",
    )


def moved_words(passport: Mapping[str, Any]) -> str:
    """Where an attempt was lost and where it was drawn then, as far as that was heard; "" when the first one did."""
    attempts = passport.get("attempts") or 1
    if attempts <= 1:
        return ""
    moved, to = str(passport.get("moved_from") or ""), str(passport.get("region") or "another region")
    last = next(iter(reversed(passport.get("lost") or [])), None)
    if moved and moved != to:
        at = _at_step(last) if last and last.get("region") == moved else ""
        return f"Moved from {moved}{at} to {to}, same seed"
    if last and last.get("region") == to:
        return f"Lost in {to}{_at_step(last)} and drawn there again, same seed"
    return f"Drawn at try {attempts}, same seed; where the lost one was is not known"


def _at_step(lost: Mapping[str, Any]) -> str:
    step = lost.get("step")
    return "" if step is None else f" at step {step} of {lost.get('steps')}, as last heard,"


def facts(one: Kept, zone: tzinfo) -> list[tuple[str, str]]:
    """As Markdown, safe to show; the time is HTML."""
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
        ("How", f"{one.request.get('sampler_name')}, guidance {one.request.get('cfg_scale')}"),
    ]
    told = [
        (name, words.plain(str(value)).replace("|", ""))
        for name, value in rows
        if value not in (None, "", [])
    ]
    return [*told, ("Drawn", moments.tag(datetime.fromisoformat(one.at), zone, dated=True))]


def timing(passport: Mapping[str, Any]) -> str:
    names = {"queue_s": "queue", "compute_s": "compute", "network_s": "network", "total_s": "in all"}
    parts = [
        f"{passport[key]:.2f} s {word}"
        for key, word in names.items()
        if isinstance(passport.get(key), int | float)
    ]
    return ", ".join(parts)
