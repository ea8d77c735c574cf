"""The live part of the Atlas page: one fragment for map and card, so that a click on the one redraws the other."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.fleet import catalog
from lib.fleet.model import Provisioning
from lib.ui import (
    browser,
    chrome,
    confirm,
    glance,
    live,
    next_panel,
    passage,
    region_card,
    setting_up,
    viewer,
    words,
    worldmap,
)
from lib.ui.snapshot import Snapshot

HEIGHT: Final = 530  # without page.css, which follows the screen
_REGION: Final = "region"
_PREFERRED: Final = "Preferred"
_LAYER: Final = "layer"
_SHOWN: Final = "atlas_shown"
_GPU_BY_HAND: Final = "gpu_by_hand"


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    _follow()
    chrome.banners(snapshot)
    accelerator, provisioning = asked = _asked(snapshot)
    glance.show(snapshot, live=live.source("glance", snapshot, asked))
    left, right = st.columns([2.25, 1], gap="small")
    with right:
        _pick(snapshot)
        region = st.session_state.get(_REGION)
    with left:  # before the card: the map is what people wait for
        worldmap.show(
            snapshot,
            worldmap.Shown(
                accelerator=accelerator, provisioning=provisioning, selected=region, layer=_layer()
            ),
            height=HEIGHT,
            live=live.source("map", snapshot, asked),
        )
    with right, st.container(border=True, height=HEIGHT - 52, key="card"):
        if region:
            _card(region, accelerator)
        elif snapshot.setting_up:
            setting_up.show(snapshot)
        else:
            region_card.empty(snapshot, live=live.source("next", snapshot, asked))
    if snapshot.regions:
        passage.lanes(snapshot, selected=region, live=live.source("lanes", snapshot, asked))
    elif snapshot.placement is not None:
        st.info(
            "No region belongs to this placement yet. The controller locates one as soon as it has looked "
            "around; or pick a region on the map and expand there.",
            icon=":material/travel_explore:",
        )
    browser.follow(snapshot, part="all" if snapshot.setting_up else "frame")
    confirm.leave_fragment()


@st.fragment
def _card(region: str, accelerator: str) -> None:
    """A live part of its own within the page's: the rest of the page has its news from lib.ui.live."""
    snapshot = viewer.snapshot()
    region_card.show(snapshot, region, accelerator)
    browser.follow(snapshot, part="all", key="pulse_card")
    confirm.leave_fragment()


def _asked(snapshot: Snapshot) -> live.Asked:
    """Which GPU the map is about, bought how."""
    if not st.session_state.get(_GPU_BY_HAND):
        # follows the wanted one, also through a drill and back
        st.session_state["gpu"] = accelerators(snapshot)[0]
    bought = st.session_state.get("provisioning", _PREFERRED)
    return st.session_state["gpu"], None if bought == _PREFERRED else Provisioning(bought)


def _pick(snapshot: Snapshot) -> None:
    """The choices of the map: which GPU it is about, bought how, and which region's card is open."""
    gpu, model, region = st.columns([1.05, 0.9, 1.15], gap="small")
    with gpu:
        st.selectbox(
            "GPU",
            accelerators(snapshot),
            key="gpu",
            format_func=lambda one: words.gpu(one).removeprefix("NVIDIA "),
            label_visibility="collapsed",
            on_change=_remember,
        )
    with model:
        st.selectbox(
            "Provisioning",
            [_PREFERRED, *Provisioning],
            key="provisioning",
            format_func=lambda one: one if one == _PREFERRED else words.provisioning(one),
            label_visibility="collapsed",
            help="On demand, Spot, or whichever the placement prefers in each region.",
            on_change=_remember,
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
    st.session_state[_SHOWN] = _chosen()


def _chosen() -> tuple[str | None, ...]:
    return tuple(st.session_state.get(name) for name in ("gpu", "provisioning", _REGION))


def begin() -> None:
    """The address bar says what is chosen, so that a link, a reload and Back lead to the same screen. In the
    page's full run, before the widgets. What this version doesn't know is left alone."""
    asked, state = st.query_params, st.session_state
    region, gpu, bought = (asked.get(name) for name in (_REGION, "gpu", "provisioning"))
    state[_REGION] = region if region in catalog.REGIONS else None
    state[_GPU_BY_HAND] = gpu in catalog.ACCELERATORS
    if state[_GPU_BY_HAND]:
        state["gpu"] = gpu
    state["provisioning"] = bought if bought in set(Provisioning) else _PREFERRED
    state[_SHOWN] = _chosen()


def _layer() -> str:
    asked = st.query_params.get(_LAYER, "")
    return asked if asked in worldmap.LAYERS else worldmap.LAYERS[0]


def _follow() -> None:
    """What was clicked since: a region, for the card, the box and the address bar alike, and the map's layer."""
    for key in (worldmap.KEY, passage.LANES, next_panel.PICKS):
        browser.take(key, _open)
    browser.take(worldmap.KEY, _show_layer, name=_LAYER)
    _remember()  # the boxes too: their callbacks can be lost like a component's


def _open(region: str) -> None:
    if region in catalog.REGIONS:
        st.session_state[_REGION] = region
        _remember()


def _show_layer(asked: str) -> None:
    if asked in worldmap.LAYERS:
        _address(_LAYER, asked if asked != worldmap.LAYERS[0] else "")


def _remember() -> None:
    """The address bar names what is chosen, so that a link or a reload leads to the same screen. What was shown
    already is no choice: on the way to another page the browser tells of the boxes once more."""
    state = st.session_state
    chosen, shown = _chosen(), state.get(_SHOWN)
    if shown is None or chosen == shown:
        return
    if chosen[0] != shown[0]:
        state[_GPU_BY_HAND] = True
    _address(_REGION, state.get(_REGION) or "")
    _address("gpu", state["gpu"] if state.get(_GPU_BY_HAND) else "")
    bought = state.get("provisioning", _PREFERRED)
    _address("provisioning", "" if bought == _PREFERRED else bought)


def _address(name: str, value: str) -> None:
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def accelerators(snapshot: Snapshot) -> list[str]:
    """The wanted ones in order of preference, then all others the platform knows."""
    wanted = [snapshot.wanted] if snapshot.wanted else []
    if snapshot.placement is not None:
        wanted += snapshot.placement.spec.accelerators
    return list(dict.fromkeys([*wanted, *catalog.ACCELERATORS]))
