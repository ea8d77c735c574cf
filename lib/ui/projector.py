"""Larger type for a projector: everything on screen follows the root's font size, so one number does it."""

from __future__ import annotations

from typing import Final

import streamlit as st

PIXELS: Final = 18  # of the root; the usual size is in .streamlit/config.toml
_ON: Final = "projector"


def turn() -> None:
    st.session_state[_ON] = not st.session_state.get(_ON, False)


def show() -> None:
    """Called once before each page. `?projector=1` in the address turns it on, `?projector=0` off."""
    asked = st.query_params.get(_ON)
    if asked in {"0", "1"} and asked != st.session_state.get("projector_asked"):
        st.session_state[_ON] = asked == "1"
        st.session_state["projector_asked"] = asked
    size = f"{PIXELS}px !important" if st.session_state.get(_ON) else ""
    st.html(f"<style>html {{ {f'font-size: {size};' if size else ''} }}</style>")
