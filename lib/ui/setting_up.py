"""The first start: what is being set up, step by step, from the journal's `bootstrap` lines."""

from __future__ import annotations

import streamlit as st

from lib.ui import moments, words
from lib.ui.snapshot import Snapshot


def show(snapshot: Snapshot) -> None:
    steps = sorted(snapshot.of_kind("bootstrap"), key=lambda one: one.id)
    st.header("Setting up the platform", anchor=False)
    st.caption(
        "The controller makes a config cluster, registers it in a fleet, turns on Multi Cluster Ingress and "
        "Config Sync, and asks for the sample placement. Nothing here needs you."
    )
    if not steps:
        st.markdown(
            ":blue[:material/hourglass_top:] Starting the processes and waiting for their first word."
        )
    for step in steps[:-1]:
        when = moments.tag(step.at, snapshot.zone)
        st.markdown(
            f":green[:material/check_circle:] {when} {words.plain(step.message)}", unsafe_allow_html=True
        )
    if steps:
        last = steps[-1]
        when = moments.tag(last.at, snapshot.zone)
        st.markdown(
            f":blue[:material/pending:] {when} **{words.plain(last.message)}**", unsafe_allow_html=True
        )
    if snapshot.hub is not None:  # no cluster to ask yet: nothing is wrong with that now
        st.caption(words.plain(snapshot.hub.sentence))
