"""The gallery's own screen: which widget and which state, one step to the next, and the state itself."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.ui import viewer
from lib.ui.gallery import state
from lib.ui.gallery.registry import ALL, WIDGETS

WIDGET, STATE = "widget", "state"
_SHOWN: Final = "gallery_shown"
Place = tuple[str, str]


def show() -> None:
    """The address names widget and state; what is none of them leads to the first."""
    place = _asked()
    _bar(place)
    one = WIDGETS[place[0]][place[1]]
    state.put(one)
    if st.session_state.get(_SHOWN) != place:
        st.session_state.update(one.asked)
        st.session_state[_SHOWN] = place
    with st.container(key="exhibit"):
        one.draw(viewer.snapshot())


def _asked() -> Place:
    widget = st.query_params.get(WIDGET, "")
    states = WIDGETS.get(widget) or WIDGETS[ALL[0][0]]
    name = st.query_params.get(STATE, "")
    return widget if widget in WIDGETS else ALL[0][0], name if name in states else next(iter(states))


def _bar(place: Place) -> None:
    at = ALL.index(place)
    widget, name = place
    st.session_state["gallery_widget"], st.session_state["gallery_state"] = place
    with st.container(horizontal=True, vertical_alignment="bottom", key="gallery_bar"):
        st.selectbox("Widget", list(WIDGETS), key="gallery_widget", width=260, on_change=_choose)
        st.selectbox("State", list(WIDGETS[widget]), key="gallery_state", width=260, on_change=_choose)
        st.button("Previous", key="gallery_previous", on_click=_go, args=(ALL[at - 1],))
        st.button("Next", key="gallery_next", on_click=_go, args=(ALL[(at + 1) % len(ALL)],))
        st.caption(f"{at + 1} of {len(ALL)}: {widget}, {name}", width="content")


def _choose() -> None:
    widget = st.session_state["gallery_widget"]
    name = st.session_state["gallery_state"]
    _go((widget, name if name in WIDGETS[widget] else next(iter(WIDGETS[widget]))))


def _go(place: Place) -> None:
    """To another state, with nothing left of this one."""
    for name in list(st.session_state):
        del st.session_state[name]
    st.query_params.from_dict({WIDGET: place[0], STATE: place[1]})
