"""What every page has: its title, the SANDBOX mark with the clock, and a banner when something does not answer."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.ui import browser, commands, moments, words
from lib.ui.snapshot import Snapshot

HEARTBEAT_S: Final = 20.0  # live parts follow the pulse; this finds the way back after the server was away


def header(title: str, sentence: str) -> None:
    with st.container(
        key="page_header", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.title(title, anchor=False, width="content")
            st.caption(sentence, width="content")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            commands.show()
            browser.status_line()


def banners(snapshot: Snapshot) -> None:
    """Since when, what still works, what is being tried. Drawn inside the page's live part.

    Always one element, also when there is nothing to say: what follows keeps its place, and a map that keeps
    its place is patched by the browser instead of being made anew."""
    with st.container():
        _banners(snapshot)


def _banners(snapshot: Snapshot) -> None:
    if snapshot.launch is not None:
        st.error(
            f"{words.plain(snapshot.launch.sentence)} Trying again every ten seconds.",
            title="The controller or the sandbox is not up",
            icon=":material/power_off:",
        )
    if snapshot.hub is not None and not snapshot.setting_up:
        since = moments.wall(snapshot.hub.since, snapshot.zone)
        st.error(
            "What you see below is the last that was known. Pictures are still drawn as long as the global address "
            "answers. Changes are held back. Tried again every second: "
            f"{words.plain(snapshot.hub.sentence)}",
            title=f"The config cluster has not answered since {since} of your clock",
            icon=":material/cloud_off:",
        )
    if snapshot.journal is not None:
        st.warning(
            f"{words.plain(snapshot.journal.sentence)} Control goes on; only history and timelines stand still.",
            title="The journal can't be read",
            icon=":material/history_toggle_off:",
        )
