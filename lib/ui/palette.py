"""The theme's colours as values, for charts that can't read CSS variables. Follows the viewer's light or dark mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

FALLBACK: Final = "#808080"
_NAMES: Final = ("green", "yellow", "orange", "red", "violet", "blue", "gray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    name: str  # dark, light
    ink: str
    paper: str
    panel: str
    line: str
    primary: str
    colors: tuple[tuple[str, str], ...]

    def __getitem__(self, color: str) -> str:
        return dict(self.colors).get(color, FALLBACK)

    def tint(self, color: str, share: float) -> str:
        """The colour, mixed into the paper: quiet enough to bear the theme's ink on it."""
        return mix(self.paper, color if color.startswith("#") else self[color], share)


def current() -> Palette:
    """Of the viewer's mode; dark where that is not told, as in tests."""
    return of(st.context.theme.type or "dark")


def of(name: str) -> Palette:
    def option(key: str) -> str:
        return str(st.get_option(f"theme.{name}.{key}") or st.get_option(f"theme.{key}") or FALLBACK)

    return Palette(
        name=name,
        ink=option("textColor"),
        paper=option("backgroundColor"),
        panel=option("secondaryBackgroundColor"),
        line=option("borderColor"),
        primary=option("primaryColor"),
        colors=tuple((one, option(f"{one}Color")) for one in _NAMES),
    )


def mix(paper: str, color: str, share: float) -> str:
    pairs = zip(_rgb(paper), _rgb(color), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _rgb(text: str) -> tuple[int, int, int]:
    plain = text.lstrip("#")
    return int(plain[0:2], 16), int(plain[2:4], 16), int(plain[4:6], 16)
