"""Widgets of the Delivery page: where each cluster stands, the commits with their rails, one commit opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from lib.fleet import catalog, syncing
from lib.fleet.syncing import ClusterSync
from lib.ui import commit_panel, delivery_graph, delivery_read
from lib.ui.delivery_samples import BAD, COMMITS, DRILL, LOOKS, MEMBERS, NEW, OLD, REPOSITORY
from lib.ui.gallery.state import State, Widget, case
from lib.ui.snapshot import Snapshot

STANDS: Final = syncing.standings(tuple(MEMBERS), COMMITS, REPOSITORY.delivered)
LONG: Final = "Run stable-diffusion with a subject that somebody wrote by hand and did not want to end " * 2
MANY: Final = tuple(
    replace(COMMITS[i % 4], sha=f"{i:040x}", subject=LONG if i % 7 == 3 else COMMITS[i % 4].subject)
    for i in range(80)
)


def _stands(count: int) -> tuple[ClusterSync, ...]:
    names = sorted(catalog.REGIONS)[:count]
    return tuple(replace(STANDS[i % 3], cluster=f"atlas-{name}", region=name) for i, name in enumerate(names))


def _clusters(*stands: ClusterSync) -> Callable[[Snapshot], None]:
    return lambda now: delivery_graph.clusters(now, stands)


def _graph(commits: Any, stands: tuple[ClusterSync, ...]) -> Callable[[Snapshot], None]:
    first = commits[0].sha
    return lambda now: delivery_graph.graph(now, commits, stands, selected=first)


def _panel(sha: str) -> Callable[[Snapshot], None]:
    def draw(now: Snapshot) -> None:
        chosen = REPOSITORY.commit(sha)
        assert chosen is not None  # noqa: S101 - it is one of the samples
        commit_panel.show(now, REPOSITORY, chosen, STANDS)

    return draw


def _unread() -> dict[str, Any]:
    return {name: one for name, one in LOOKS.items() if not name.startswith(delivery_read.held_name(""))}


def _looks() -> dict[str, Any]:
    return dict(LOOKS)


UNKNOWN: Final = replace(
    STANDS[0],
    standing=syncing.Standing.UNKNOWN,
    commit="",
    since=None,
    errors=(),
    sentence="The fleet did not answer for its location; nothing is known of it now.",
)

WIDGETS: Final[dict[str, Widget]] = {
    "delivery_graph.clusters": {
        "1 cluster": State(says="europe-west4", draw=_clusters(STANDS[0])),
        "three": State(says="us-east4", draw=_clusters(*STANDS)),
        "unreachable": State(says="nothing is known of it now", draw=_clusters(UNKNOWN, *STANDS[1:])),
        "43 clusters": State(says="us-west4", draw=_clusters(*_stands(43))),
    },
    "delivery_graph.graph": {
        "1 commit": State(says="4444444", draw=_graph(COMMITS[:1], STANDS[:1])),
        "four": State(says="no reason given", draw=_graph(COMMITS, STANDS)),
        "80 commits, 43 clusters": State(says="did not want to end", draw=_graph(MANY, _stands(43))),
    },
    "commit_panel.show": {
        "the head": State(says="This is the head", draw=_panel(NEW), looks=_looks),
        "an older one": State(says="us-central1 starts with L4", draw=_panel(OLD), looks=_looks),
        "by a stranger": State(says="Not committed by this platform", draw=_panel(BAD), looks=_looks),
        "loading": State(says="Reading what is compared", draw=_panel(DRILL), looks=_unread),
        "config cluster silent": State(
            says="the wish is kept there", draw=_panel(OLD), looks=_looks, snapshot=case("lost")
        ),
        "two clusters": State(
            says="1 file", draw=_panel(OLD), looks=_looks, asked={"compare": commit_panel.CLUSTERS}
        ),
    },
}
