"""The live part of the Atlas page: one fragment for map and card, so that a click on the one redraws the other."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.fleet import catalog
from lib.fleet.model import Phase
from lib.ui import (
    browser,
    chrome,
    confirm,
    glance,
    passage,
    region_card,
    session,
    setting_up,
    words,
    worldmap,
)
from lib.ui.snapshot import Snapshot

HEIGHT: Final = 530  # without page.css, which follows the screen
_REGION: Final = "region"
_GPU_BY_HAND: Final = "gpu_by_hand"


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = session.current()
    chrome.banners(snapshot)
    glance.show(snapshot)
    left, right = st.columns([2.25, 1], gap="small")
    with right:
        accelerator = _pick(snapshot)
        region = st.session_state.get(_REGION)
    with left:  # before the card: the map is what people wait for
        worldmap.show(
            snapshot,
            accelerator=accelerator,
            selected=region,
            on_select=lambda: _follow("map"),
            height=HEIGHT,
        )
    with right, st.container(border=True, height=HEIGHT - 52, key="card"):
        if region:
            region_card.show(snapshot, region, accelerator)
        elif snapshot.setting_up:
            setting_up.show(snapshot)
        else:
            region_card.empty()
    _fleet(snapshot, region)
    browser.follow(snapshot)
    confirm.leave_fragment()


def _pick(snapshot: Snapshot) -> str:
    """The two choices of the map: which GPU it is about, and which region's card is open."""
    gpu, region = st.columns([1, 1.25], gap="small")
    with gpu:
        options = accelerators(snapshot)
        if not st.session_state.get(_GPU_BY_HAND):
            st.session_state["gpu"] = options[0]  # follows the wanted one, also through a drill and back
        chosen = st.selectbox(
            "GPU",
            options,
            key="gpu",
            format_func=words.gpu,
            label_visibility="collapsed",
            on_change=_chosen_by_hand,
        )
    with region:
        st.selectbox(
            "Region",
            list(worldmap.PLACES),
            key=_REGION,
            index=None,
            placeholder="Region…",
            format_func=lambda name: f"{name} · {words.place(name)}",
            label_visibility="collapsed",
            on_change=_remember,
        )
    return chosen or snapshot.wanted


def _chosen_by_hand() -> None:
    st.session_state[_GPU_BY_HAND] = True


def begin() -> None:
    """Take the region from the address bar when the page is opened with one. In the page's full run."""
    asked = st.query_params.get(_REGION)
    if _REGION not in st.session_state and asked in catalog.REGIONS:
        st.session_state[_REGION] = asked


def _remember() -> None:
    """The address bar names the open region, so that a link or a reload leads to the same card."""
    if region := st.session_state.get(_REGION):
        st.query_params[_REGION] = region
    else:
        st.query_params.pop(_REGION, None)


def accelerators(snapshot: Snapshot) -> list[str]:
    """The wanted ones in order of preference, then all others the platform knows."""
    wanted = [snapshot.wanted] if snapshot.wanted else []
    if snapshot.placement is not None:
        wanted += snapshot.placement.spec.accelerators
    return list(dict.fromkeys([*wanted, *catalog.ACCELERATORS]))


def _follow(key: str) -> None:
    """A click on the map or a lane chooses the region, for the card, the box and the address bar alike."""
    selected = st.session_state[key].get("selected")
    if selected in catalog.REGIONS:
        st.session_state[_REGION] = selected
        _remember()


def _fleet(snapshot: Snapshot, region: str | None) -> None:
    if not snapshot.regions:
        if snapshot.placement is not None:
            st.info(
                "No region belongs to this placement yet. The controller locates one as soon as it has looked "
                "around; or pick a region on the map and expand there.",
                icon=":material/travel_explore:",
            )
        return
    ordered = sorted(snapshot.regions, key=lambda one: (one.phase is not Phase.SERVING, one.region))
    passage.lanes(snapshot, ordered, selected=region, on_select=lambda: _follow("lanes"))
