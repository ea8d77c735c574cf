"""One commit of the delivery repository: who, why, which operation; the way back to it; and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import streamlit as st

from lib.fleet.difference import Difference, difference, paths
from lib.fleet.model import DeliveryCommit
from lib.fleet.roll_back import Past
from lib.fleet.syncing import SHORT, ClusterSync
from lib.ui import changes, confirm, delivery_read, diff_view, freshness, moments, words
from lib.ui.delivery_read import Held, Repository
from lib.ui.snapshot import Snapshot

BEFORE, HEAD = "the commit before it", "the head"
COMMITS, CLUSTERS = "Two commits", "Two clusters"
LEASES: Final = {"15 min": timedelta(minutes=15), "1 h": timedelta(hours=1), "8 h": timedelta(hours=8)}
EVERYWHERE: Final = "every region that differs"


def show(
    snapshot: Snapshot, found: Repository, chosen: DeliveryCommit, stands: tuple[ClusterSync, ...]
) -> list[str]:
    """Draws the panel; the names of what it watches."""
    with st.container(border=True):
        _facts(snapshot, chosen, stands)
        watched = _roll_back(snapshot, found, chosen)
    with st.container(border=True):
        return [*watched, *_differences(found, chosen)]


def _facts(snapshot: Snapshot, chosen: DeliveryCommit, stands: tuple[ClusterSync, ...]) -> None:
    now = snapshot.clock.at(freshness.wall())
    st.header(words.plain(chosen.subject), anchor=False)
    st.caption(
        f"{chosen.sha[:12]} · {words.plain(chosen.author)} · "
        f"{moments.tag(chosen.at, snapshot.zone, dated=True)}, {words.ago(chosen.at, now)}",
        unsafe_allow_html=True,
    )
    st.markdown(f"**Why** {words.plain(chosen.trailers.get('Reason', '') or 'no reason given')}")
    operation = chosen.trailers.get("Operation-Id", "")
    generation = chosen.trailers.get("Placement-Generation", "")
    runs = [one.cluster for one in stands if one.commit == chosen.sha]
    made = f"operation {words.plain(operation)}" if operation else "not committed by this platform"
    wish = f" · generation {words.plain(generation)} of the placement" if generation else ""
    changed = words.plain(words.listed(chosen.clusters)) if chosen.clusters else "no cluster's directory"
    st.caption(
        f"{made[0].upper()}{made[1:]}{wish}  \nChanges {changed} · run now by "
        f"{words.plain(words.listed(runs)) if runs else 'no cluster'}"
    )


def _roll_back(snapshot: Snapshot, found: Repository, chosen: DeliveryCommit) -> list[str]:
    seen = delivery_read.held(chosen.sha)
    past = Past(commit=chosen.sha, then=seen.value.delivered if seen.value else {}, now=found.delivered)
    regions = [one.region for one in snapshot.regions if past.changed(one.region)]
    is_head = found.head is not None and chosen.sha == found.head.sha
    refused = confirm.refusal(snapshot) or _nothing_to_do(
        is_head=is_head, known=seen.value is not None, differ=regions
    )
    _keep("roll_back_where", [EVERYWHERE, *regions])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        where = st.selectbox("Roll back", [EVERYWHERE, *regions], key="roll_back_where", width=210)
        lease = st.selectbox("for", list(LEASES), index=1, key="roll_back_for", width=95)
        st.button(
            "Roll back to it",
            key="roll_back",
            icon=":material/history:",
            disabled=bool(refused),
            help=refused or "Run again what this commit held, under a lease. The plan is shown first.",
            on_click=_ask,
            args=(past, None if where == EVERYWHERE else where, LEASES[lease or "1 h"], found, seen.value),
        )
    if refused:
        st.caption(refused)
    return [delivery_read.held_name(chosen.sha)]


def _nothing_to_do(*, is_head: bool, known: bool, differ: list[str]) -> str:
    if is_head:
        return "This is the head; choose an older commit to go back to."
    if not known:
        return "What it held is being read."
    return "" if differ else "No region of ours had other files then than it has now."


def _ask(past: Past, region: str | None, ttl: timedelta, found: Repository, held: Held | None) -> None:
    head = delivery_read.held(found.head.sha).value if found.head else None
    diff = ""
    if held is not None and head is not None:
        names = frozenset({f"atlas-{region}"}) if region else frozenset(held.texts)
        diff = difference(paths(head.texts, names), paths(held.texts, names)).text
    confirm.ask(changes.roll_back(past, region=region, ttl=ttl, diff=diff))


def _differences(found: Repository, chosen: DeliveryCommit) -> list[str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control(
            "Compare",
            [COMMITS, CLUSTERS],
            key="compare",
            default=COMMITS,
            required=True,
            width="content",
            bind="query-params",
        )
        told, watched = (_of_clusters if what == CLUSTERS else _of_commits)(found, chosen)
    if told is None:
        freshness.loading("Reading what is compared.")
    else:
        _draw(told)
    return watched


def _of_commits(found: Repository, chosen: DeliveryCommit) -> tuple[Difference | None, list[str]]:
    named = {one.sha: one for one in found.commits if one.sha != chosen.sha}
    options = [BEFORE, HEAD, *named]
    _keep("compare_with", options)
    other = st.selectbox(
        f"What differs in {chosen.sha[:SHORT]} from",
        options,
        key="compare_with",
        bind="query-params",
        format_func=lambda one: f"{one[:SHORT]} · {named[one].subject}" if one in named else one,
    )
    before = found.before(chosen) if other == BEFORE else found.head if other == HEAD else named.get(other)
    watched = [delivery_read.held_name(one.sha) for one in (chosen, before, found.head) if one]
    new = delivery_read.held(chosen.sha).value
    old = delivery_read.held(before.sha).value if before else None
    if new is None or (before is not None and old is None):
        return None, watched
    return difference(paths(old.texts) if old else {}, paths(new.texts)), watched


def _of_clusters(_: Repository, chosen: DeliveryCommit) -> tuple[Difference | None, list[str]]:
    watched = [delivery_read.held_name(chosen.sha)]
    held = delivery_read.held(chosen.sha).value
    if held is None:
        return None, watched
    options = sorted(held.texts)
    _keep("cluster_a", options)
    _keep("cluster_b", options)
    second = min(1, max(0, len(options) - 1))
    one = st.selectbox(
        f"At {chosen.sha[:SHORT]}, from", options, key="cluster_a", width=165, bind="query-params"
    )
    two = st.selectbox("to", options, key="cluster_b", index=second, width=165, bind="query-params")
    return difference(_files(held.texts, one), _files(held.texts, two)), watched


def _files(texts: delivery_read.Texts, cluster: str | None) -> Mapping[str, str]:
    return texts.get(cluster or "", {})


def _keep(key: str, options: list[str]) -> None:
    """A choice that isn't there any more is dropped instead of being an error."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]


def _draw(found: Difference) -> None:
    if not found.files:
        st.caption(":material/check: Nothing differs.")
        return
    said = f"{words.plural(len(found.files), 'file')}, :green[+{found.added}] :red[-{found.removed}]"
    st.caption(
        f"{said}. The first {found.lines - found.left_out} of {found.lines} lines."
        if found.left_out
        else f"{said}."
    )
    diff_view.show(found.text, key="commit_diff")
