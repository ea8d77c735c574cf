"""The Delivery page's picture as data for the browser: clusters as rows, commits down with the clusters as rails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lib.fleet.model import DeliveryCommit
from lib.fleet.syncing import SHORT, ClusterSync, Standing
from lib.ui import browser
from lib.ui.snapshot import Snapshot

SHOWN: Final = 60  # commits, the newest
RAILS: Final = 16  # clusters across; all of them are in the rows above
LOOKS: Final = {
    Standing.IN_SYNC: "good",
    Standing.BEHIND: "late",
    Standing.SYNCING: "going",
    Standing.ERROR: "bad",
    Standing.NOT_SET_UP: "unknown",
    Standing.UNKNOWN: "unknown",
}
PREFIX: Final = "atlas-"

GRAPH: Final = "delivery_graph"
_DELIVERY: Final = browser.component("delivery")


def clusters(snapshot: Snapshot, stands: Sequence[ClusterSync]) -> None:
    data = {
        "mode": "clusters",
        "clock": browser.clock(snapshot.clock),
        "clusters": [cluster(one) for one in stands],
    }
    _DELIVERY(key="delivery_clusters", data=data, on_selected_change=lambda: None)


def graph(
    snapshot: Snapshot,
    commits: Sequence[DeliveryCommit],
    stands: Sequence[ClusterSync],
    *,
    selected: str,
) -> None:
    """browser.take(GRAPH, …) has the commit that was clicked (a whole sha)."""
    data = payload(commits, stands) | {
        "clock": browser.clock(snapshot.clock),
        "selected": selected,
        "heard": browser.heard(GRAPH),
    }
    _DELIVERY(key=GRAPH, data=data, on_selected_change=lambda: None)


def payload(commits: Sequence[DeliveryCommit], stands: Sequence[ClusterSync]) -> dict[str, Any]:
    shown, rails = commits[:SHOWN], stands[:RAILS]
    names = [one.cluster for one in rails]
    order = [one.sha for one in shown]
    return {
        "mode": "graph",
        "clusters": [rail(one, shown, order) for one in rails],
        "rows": [row(one, names) for one in shown],
    }


def cluster(one: ClusterSync) -> dict[str, Any]:
    return {
        "id": one.cluster,
        "name": one.cluster.removeprefix(PREFIX),
        "look": LOOKS[one.standing],
        "standing": one.standing.value,
        "commit": one.commit[:SHORT],
        "since": one.since.timestamp() if one.since else None,
        "held": one.held_at[:SHORT],
        "sentence": one.sentence,
    }


def rail(one: ClusterSync, shown: Sequence[DeliveryCommit], order: Sequence[str]) -> dict[str, Any]:
    """`place` is the row that it runs (-1: above or below what is shown), `first` to `last` where its line goes."""
    touched = [i for i, commit in enumerate(shown) if one.cluster in commit.clusters]
    place = order.index(one.commit) if one.commit in order else -1
    reached = [*touched, *([place] if place >= 0 else [])]
    kept = cluster(one)
    return {name: kept[name] for name in ("id", "name", "look", "standing")} | {
        "place": place,
        "first": min(reached, default=len(shown)),
        "last": max(reached, default=-1),
    }


def row(commit: DeliveryCommit, names: Sequence[str]) -> dict[str, Any]:
    why = commit.trailers.get("Reason", "")
    return {
        "sha": commit.sha,
        "short": commit.sha[:SHORT],
        "at": commit.at.timestamp(),
        "subject": commit.subject,
        "why": why or "no reason given",
        "by": commit.author,
        "drill": "drill/" in why,
        "touched": [names.index(one) for one in commit.clusters if one in names],
    }
