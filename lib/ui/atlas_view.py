"""The live part of the Atlas page: one fragment for map and card, so that a click on the one redraws the other."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.fleet import catalog
from lib.fleet.model import Phase, Provisioning
from lib.ui import (
    browser,
    chrome,
    confirm,
    glance,
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
    chrome.banners(snapshot)
    glance.show(snapshot)
    left, right = st.columns([2.25, 1], gap="small")
    with right:
        accelerator, provisioning = _pick(snapshot)
        region = st.session_state.get(_REGION)
    with left:  # before the card: the map is what people wait for
        worldmap.show(
            snapshot,
            worldmap.Shown(
                accelerator=accelerator, provisioning=provisioning, selected=region, layer=_layer()
            ),
            on_select=lambda: _follow("map"),
            on_layer=_show_layer,
            height=HEIGHT,
        )
    with right, st.container(border=True, height=HEIGHT - 52, key="card"):
        if region:
            region_card.show(snapshot, region, accelerator)
        elif snapshot.setting_up:
            setting_up.show(snapshot)
        else:
            region_card.empty(snapshot, on_select=lambda: _follow(next_panel.PICKS))
    _fleet(snapshot, region)
    browser.follow(snapshot, part="all")
    confirm.leave_fragment()


def _pick(snapshot: Snapshot) -> tuple[str, Provisioning | None]:
    """The choices of the map: which GPU it is about, bought how, and which region's card is open."""
    gpu, model, region = st.columns([1.05, 0.9, 1.15], gap="small")
    with gpu:
        options = accelerators(snapshot)
        if not st.session_state.get(_GPU_BY_HAND):
            st.session_state["gpu"] = options[0]  # follows the wanted one, also through a drill and back
        chosen = st.selectbox(
            "GPU",
            options,
            key="gpu",
            format_func=lambda one: words.gpu(one).removeprefix("NVIDIA "),
            label_visibility="collapsed",
            on_change=_chosen_by_hand,
        )
    with model:
        bought = st.selectbox(
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
    return chosen or snapshot.wanted, None if bought == _PREFERRED else Provisioning(bought)


def _chosen() -> tuple[str | None, ...]:
    return tuple(st.session_state.get(name) for name in ("gpu", "provisioning", _REGION))


def _chosen_by_hand() -> None:
    if _chosen() != st.session_state.get(_SHOWN):
        st.session_state[_GPU_BY_HAND] = True
        _remember()


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


def _layer() -> str:
    asked = st.query_params.get(_LAYER, "")
    return asked if asked in worldmap.LAYERS else worldmap.LAYERS[0]


def _show_layer() -> None:
    asked = st.session_state["map"].get(_LAYER)
    if asked in worldmap.LAYERS:
        _address(_LAYER, asked if asked != worldmap.LAYERS[0] else "")


def _remember() -> None:
    """The address bar names what is chosen, so that a link or a reload leads to the same screen. What was shown
    already is no choice: on the way to another page the browser tells of the boxes once more."""
    state = st.session_state
    if _chosen() == state.get(_SHOWN):
        return
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
