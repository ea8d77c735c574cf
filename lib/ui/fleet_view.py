"""The live part of the Fleet page: the Gantt, every cluster in a row, and one cluster opened beneath."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from lib.fleet import gantt, roster
from lib.fleet.model import ClusterObservation, MembershipObservation
from lib.ui import (
    browser,
    chrome,
    cluster_looks,
    cluster_panel,
    moments,
    phase_chart,
    roster_table,
    session,
    viewer,
    words,
)
from lib.ui.looks import Seen
from lib.ui.snapshot import Snapshot

CLUSTER: Final = "cluster"  # of session state and address bar: the one that is open
SHOWN: Final = 60  # rows and lanes at once


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    chrome.banners(snapshot)
    listed, members = cluster_looks.clusters(), cluster_looks.members()
    read = _read(listed.value)
    settings = session.settings()
    rows = roster.rows(
        listed.value,
        members.value,
        snapshot.regions,
        {name: _told(one) for name, one in read.items()},
        config_cluster=settings.config_cluster,
        config_region=settings.config_region,
        on_the_way=listed.loading,
    )
    _phases(snapshot)
    _clusters(snapshot, rows, listed, members)
    opened = _opened(rows)
    watched = cluster_panel.show(snapshot, opened) if opened else ()
    names = [cluster_looks.inside_name(name) for name in read]
    browser.follow(snapshot, cluster_looks.CLUSTERS, cluster_looks.MEMBERS, *names, *watched)


def _read(listed: roster.Kept[ClusterObservation] | None) -> Mapping[str, Seen[roster.Inside]]:
    """Each control plane that should answer, by its own look."""
    home = session.settings().config_cluster
    asked = [one for one in listed.items if roster.readable(one, config_cluster=home)] if listed else []
    return {one.name: cluster_looks.inside(one, among=len(asked)) for one in asked}


def _told(seen: Seen[roster.Inside]) -> roster.Read:
    trouble = seen.trouble
    return roster.Read(
        inside=seen.value,
        read_at=seen.read_at,
        trouble=trouble.sentence if trouble else "",
        since=trouble.since if trouble else None,
    )


def _phases(snapshot: Snapshot) -> None:
    now = snapshot.clock.at(time.time())
    with st.container(key="phases", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header("Phases by region", anchor=False)
            chosen = st.segmented_control(
                "Time range",
                list(phase_chart.RANGES),
                default="6 hours",
                key="range",
                bind="query-params",
                required=True,
                label_visibility="collapsed",
                width="content",
            )
        length = phase_chart.RANGES[chosen]
        since = now - length if length else None
        found = gantt.lanes(snapshot.regions, snapshot.of_kind("phase"), since=since)
        if not found:
            st.info(
                "No region has been in a phase in this time; the first one begins with the set-up.",
                icon=":material/hourglass_top:",
            )
            return
        begin, end = phase_chart.window(since, found, now)
        phase_chart.show(found[:SHOWN], begin, end, snapshot.zone)
        rest = len(found) - SHOWN
        st.caption(
            f"{'Last known, the config cluster is silent. ' if snapshot.hub else ''}"
            f"A bar that ends at the right edge lasts. Point at one for its times, in UTC too."
            f"{f' {SHOWN} of {len(found)} regions are shown.' if rest > 0 else ''}"
        )


def _clusters(
    snapshot: Snapshot,
    rows: Sequence[roster.Row],
    listed: Seen[roster.Kept[ClusterObservation]],
    members: Seen[roster.Kept[MembershipObservation]],
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("Clusters", anchor=False)
        st.caption(
            ":material/hourglass_top: asking the Container API…"
            if listed.loading
            else roster_table.summary(rows),
            width="content",
        )
    _trouble(snapshot, listed, "clusters")
    _trouble(snapshot, members, "memberships")
    if listed.value and not rows:
        st.info(
            "There is no cluster of this platform yet; the set-up makes the first one.",
            icon=":material/hourglass_top:",
        )
    if rows:
        browser.take(roster_table.KEY, _choose)
        roster_table.show(snapshot, rows, selected=st.session_state.get(CLUSTER))
    others = roster.elsewhere(listed.value, rows)
    if others:
        st.caption(
            f"{words.plural(others, 'other cluster')} of the project, neither ours nor in the fleet, not shown."
        )


def _trouble(snapshot: Snapshot, seen: Seen[Any], what: str) -> None:
    if seen.trouble is None:
        return
    last = f" What you see was listed at {moments.wall(seen.read_at, snapshot.zone)}." if seen.read_at else ""
    st.warning(
        f"{words.plain(seen.trouble.sentence)}{last} Asked again every few seconds.",
        title=f"The list of {what} has not answered since "
        f"{moments.wall(seen.trouble.since, snapshot.zone)} of your clock",
        icon=":material/cloud_off:",
    )


def _choose(name: str) -> None:
    st.session_state[CLUSTER] = name


def _opened(rows: Sequence[roster.Row]) -> roster.Row | None:
    """The row that the address bar, a click or the box names."""
    if not rows:
        return None
    found = {one.name: one for one in rows}
    with st.container(horizontal=True, vertical_alignment="top"):
        chosen = st.selectbox(
            "Look into",
            list(found),
            key=CLUSTER,
            index=None,
            bind="query-params",
            placeholder="choose a cluster, or click its row",
            width=320,
        )
        if chosen:
            cluster_panel.choose_view()
    return found.get(chosen) if chosen else None
