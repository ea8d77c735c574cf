"""What a panel says when its look is still going on, or has been failing: never blank, never a raw error."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from lib.ui import words
from lib.ui.looks import Seen


def wall() -> float:
    return time.time()


def loading(sentence: str) -> None:
    st.info(sentence, icon=":material/hourglass_top:")


def trouble(seen: Seen[Any], title: str) -> None:
    """Since when it does not answer, and how old what is shown is."""
    if seen.trouble is None:
        return
    since = words.span(wall() - seen.trouble.since)
    shown = f" What is shown was read {words.span(wall() - seen.read_at)} ago." if seen.read_at else ""
    st.warning(
        f"{words.plain(seen.trouble.sentence)} For {since} now; tried again every few seconds.{shown}",
        title=title,
        icon=":material/cloud_off:",
    )
