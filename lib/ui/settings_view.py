"""The live part of the Settings page: the placement's editor, and beside it viewer, sandbox, tools, target, versions."""

from __future__ import annotations

import streamlit as st

from lib.settings import Settings
from lib.ui import (
    about,
    browser,
    chrome,
    cluster_looks,
    confirm,
    placement_editor,
    sandbox_panel,
    session,
    tools_panel,
    viewer,
)
from lib.ui.snapshot import Snapshot


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot, settings = viewer.snapshot(), session.settings()
    chrome.banners(snapshot)
    editor, beside = st.columns([1.2, 1], gap="medium")
    with editor:
        placement_editor.show(snapshot)
        with st.container(border=True):
            tools_panel.show(settings)
        with st.container(border=True):
            about.where(snapshot, settings)
    with beside:
        watched = _beside(snapshot, settings)
    browser.follow(snapshot, cluster_looks.CLUSTERS, *watched)
    confirm.leave_fragment()


def _beside(snapshot: Snapshot, settings: Settings) -> tuple[str, ...]:
    watched: tuple[str, ...] = ()
    with st.container(border=True):
        about.who(settings)
    if settings.label:
        with st.container(border=True):
            watched = sandbox_panel.show(snapshot)
    with st.container(border=True):
        about.versions(snapshot)
    return watched
