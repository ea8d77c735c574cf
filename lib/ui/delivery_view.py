"""The live part of the Delivery page: the repository, where each cluster stands, the commits, and the chosen one's panel."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.fleet import knv, syncing
from lib.fleet.model import DeliveryCommit
from lib.fleet.syncing import SHORT, ClusterSync, Standing
from lib.ui import (
    browser,
    chrome,
    commit_panel,
    confirm,
    delivery_graph,
    delivery_read,
    freshness,
    moments,
    viewer,
    words,
)
from lib.ui.delivery_read import Repository
from lib.ui.snapshot import Snapshot

COMMIT: Final = "commit"  # in the session and in the address bar


def begin() -> None:
    """The address bar says which commit is open, also after Back. In the page's full run."""
    asked = st.query_params.get(COMMIT, "")[:40]
    if not asked:
        st.session_state.pop(COMMIT, None)
    elif not st.session_state.get(COMMIT, "").startswith(asked):
        st.session_state[COMMIT] = asked


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    browser.take(delivery_graph.GRAPH, _follow)
    chrome.banners(snapshot)
    seen, members = delivery_read.repository(), delivery_read.members()
    names = [delivery_read.REPOSITORY, delivery_read.MEMBERS]
    freshness.trouble(seen, "The delivery repository can't be read")
    freshness.trouble(members, "The fleet does not tell where Config Sync stands")
    if seen.value is None:
        if seen.loading:
            freshness.loading("Reading the delivery repository.")
    else:
        names += _repository(snapshot, seen.value, members.value)
    browser.follow(snapshot, *names)
    confirm.leave_fragment()


def _repository(snapshot: Snapshot, found: Repository, members: delivery_read.Members | None) -> list[str]:
    """Draws it; the names of what else is watched."""
    stands = syncing.standings(
        tuple(members or ()),
        found.commits,
        found.delivered,
        unknown=members.unknown if members is not None else frozenset(),
    )
    _summary(snapshot, found, stands, known=members is not None)
    if found.head is None:
        st.info(
            "Nothing is committed yet. The first commit comes when a region's cluster is a member of the fleet.",
            icon=":material/commit:",
        )
        return []
    if members is None:
        st.caption("Where Config Sync stands isn't known yet; the commits are.")
    else:
        delivery_graph.clusters(snapshot, stands)
    _errors(stands)
    chosen = _chosen(found)
    left, right = st.columns([1.3, 1], gap="small")
    with left:
        delivery_graph.graph(snapshot, found.commits, stands, selected=chosen.sha)
        st.caption(_left_out(found, stands))
    with right:
        return commit_panel.show(snapshot, found, chosen, stands)


def _summary(snapshot: Snapshot, found: Repository, stands: tuple[ClusterSync, ...], *, known: bool) -> None:
    head = found.head
    with st.container(border=True, key="delivery_summary"):
        where, newest, whole = st.columns([1.3, 1.3, 1.5], gap="medium")
        where.caption("Repository and branch")
        where.markdown(f"`{found.url}`")
        where.caption(f"branch {found.branch} · {words.plural(found.total, 'commit')}")
        newest.caption("Head")
        if head is not None:
            now = snapshot.clock.at(freshness.wall())
            newest.markdown(f"**{head.sha[:SHORT]}** {words.plain(head.subject)}")
            newest.caption(
                f"{moments.tag(head.at, snapshot.zone, dated=True)}, {words.ago(head.at, now)}, "
                f"by {words.plain(head.author)}",
                unsafe_allow_html=True,
            )
        whole.caption("Clusters")
        whole.markdown(words.plain(syncing.told(stands)) if known else "Not known yet.")
        leases = [one for one in stands if one.held_at]
        whole.caption(
            f":material/lock_clock: held by a roll back: {words.plain(words.listed([one.cluster for one in leases]))}"
            if leases
            else "No roll back is in force."
        )


def _errors(stands: tuple[ClusterSync, ...]) -> None:
    """Each error once, with its code, what it means, what to do, where it is, and its own words beneath."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in stands:
        for error in one.errors if one.standing is Standing.ERROR else ():
            found.setdefault((error.code, error.message), []).append(one.cluster)
    for (code, message), clusters in found.items():
        told = knv.advice(code)
        with st.container(border=True):
            st.markdown(
                f":red[:material/error: **{words.plain(code)}**] **{told.subject}** in {words.plain(words.listed(clusters))}"
            )
            st.markdown(told.what_to_do)
            with st.expander("Config Sync's own words"):
                st.code(message[:4000], language=None, wrap_lines=True)


def _chosen(found: Repository) -> DeliveryCommit:
    """The one asked for, else the head. A name that is none of the newest is said and passed over."""
    assert found.head is not None  # noqa: S101 - for the type checker
    asked = st.session_state.get(COMMIT)
    chosen = found.commit(asked)
    if asked and chosen is None:
        st.info(
            f"{words.plain(asked[:12])} is none of the newest {len(found.commits)} commits; the head is shown.",
            icon=":material/search_off:",
        )
    return chosen or found.head


def _follow(sha: str) -> None:
    """A click on a commit opens its panel, and the address bar names it."""
    st.session_state[COMMIT] = sha
    st.query_params[COMMIT] = sha[:SHORT]


def _left_out(found: Repository, stands: tuple[ClusterSync, ...]) -> str:
    shown = min(len(found.commits), delivery_graph.SHOWN)
    said = f"The newest {shown} of {found.total} commits." if found.total > shown else f"All {shown} commits."
    if len(stands) > delivery_graph.RAILS:
        said += f" Rails of the first {delivery_graph.RAILS} of {len(stands)} clusters; all are in the rows above."
    return said
