"""Colours and bearing of Plotly charts, from the theme in .streamlit/config.toml: one look in dark and in light."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from lib.fleet.model import Phase
from lib.ui import words

CONFIG: Final = {"displayModeBar": False, "scrollZoom": False, "responsive": True}


def base() -> str:
    """ "dark" or "light", as the browser shows it; dark until it has said so."""
    return "light" if st.context.theme.type == "light" else "dark"


def color(name: str) -> str:
    """A colour of the theme: green, red, orange, yellow, blue, violet, gray, text, border, background."""
    return str(st.get_option(f"theme.{base()}.{name}Color"))


def mixed(name: str, share: float, ground: str = "background") -> str:
    """So much of a colour on the ground, as a solid colour: text on it has a known contrast."""
    parts = zip(_rgb(color(name)), _rgb(color(ground)), strict=True)
    return "#" + "".join(f"{round(share * front + (1 - share) * back):02x}" for front, back in parts)


def phase_color(phase: Phase) -> str:
    """As the map and the lanes show it."""
    return color("yellow" if phase is Phase.DRAINING else words.phase_color(phase))


def layout(**more: Any) -> dict[str, Any]:
    """No frame, no drag: a chart in a page that scrolls."""
    font = {"family": "Inter, sans-serif", "size": 12, "color": color("text")}
    return {
        "template": "none",  # Plotly's own is 7 kB that would be sent with each figure
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": font,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {
            "bgcolor": color("secondaryBackground"),
            "bordercolor": color("border"),
            "font": font,
        },
        **more,
    }


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
