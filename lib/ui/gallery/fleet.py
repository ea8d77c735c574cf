"""Widgets of the Fleet page: the Gantt, the table of clusters, and one cluster opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from lib.fleet import catalog, gantt, roster
from lib.fleet.model import RegionStatus
from lib.fleet.roster import Inside, Row
from lib.gateways.objects import LogTail
from lib.ui import cluster_looks as names
from lib.ui import cluster_panel, inside_tables, phase_chart, roster_table
from lib.ui import fleet_samples as given
from lib.ui.gallery.state import State, Widget, case, seen
from lib.ui.looks import Seen
from lib.ui.samples import ENTRIES, NOW
from lib.ui.snapshot import Snapshot, Trouble

US_EAST: Final = "atlas-us-east4"
EUROPE: Final = "atlas-europe-west4"
LATE: Final = Trouble(sentence="It does not answer (no answer in time).", since=0.0)
ASKED: Final = names.LogAsked(pod=given.POD, container="sd", lines=100, previous=False)
LONG_LOG: Final = "\n".join(f"step {i} of 2000: {'=' * (i % 90)}>" for i in range(2000))


STRANGER: Final = given.CLUSTERS[-1]
Looks = Mapping[str, Seen[Any]]


def looks() -> Looks:
    """Those of the samples, and the cluster that isn't ours is a member of the fleet."""
    members = (*given.MEMBERS, given.member(STRANGER))
    return {**given.looks(), names.MEMBERS: given.seen(roster.Kept(items=members, silent={}))}


def rows(regions: tuple[RegionStatus, ...] = (), held: Looks | None = None) -> tuple[Row, ...]:
    held = looks() if held is None else held
    listed: Seen[Any] = held.get(names.CLUSTERS, Seen())
    members: Seen[Any] = held.get(names.MEMBERS, Seen())
    read = {
        one.name: _read(held.get(names.inside_name(one.name), Seen()))
        for one in (listed.value.items if listed.value else ())
    }
    return roster.rows(
        listed.value,
        members.value,
        regions,
        read,
        config_cluster="config-cluster",
        config_region="us-central1",
        on_the_way=listed.loading,
    )


def _read(one: Seen[Any]) -> roster.Read:
    trouble = one.trouble
    return roster.Read(
        inside=one.value,
        read_at=one.read_at,
        trouble=trouble.sentence if trouble else "",
        since=trouble.since if trouble else None,
    )


def _row(name: str) -> Row:
    return next(one for one in rows() if one.name == name)


def _roster(read: Callable[[], Looks] | None = None) -> Callable[[Snapshot], None]:
    def draw(now: Snapshot) -> None:
        found = rows(now.regions, read() if read else None)
        roster_table.show(now, found, selected=US_EAST)

    return draw


def many() -> Looks:
    """A cluster in each region; every fifth is silent."""
    found = tuple(given.cluster(f"atlas-{name}", name) for name in sorted(catalog.REGIONS))
    silent = {
        "read_at": time.time() - 47,
        "trouble": Trouble(sentence="It does not answer (no answer in time).", since=time.time() - 42),
    }
    inside = {
        names.inside_name(one.name): given.seen(given.SERVING, **(silent if i % 5 == 4 else {}))
        for i, one in enumerate(found)
    }
    members = tuple(map(given.member, found))
    return {
        names.CLUSTERS: given.seen(roster.Kept(items=found, silent={})),
        names.MEMBERS: given.seen(roster.Kept(items=members, silent={})),
        **inside,
    }


def _panel(name: str, view: str, says: str, also: Looks = MappingProxyType({})) -> State:
    return State(
        says=says,
        draw=lambda now: _opened(now, name),
        looks=lambda: {**looks(), **also},
        asked={"view": view},
    )


def _opened(now: Snapshot, name: str) -> None:
    cluster_panel.choose_view()
    cluster_panel.show(now, _row(name))


def _inside(draw: Callable[[Snapshot, Row], None], inside: Inside | None) -> Callable[[Snapshot], None]:
    row = replace(_row(EUROPE), read=roster.Read(inside=inside, read_at=time.time()))
    return lambda now: draw(now, row)


def _chart(hours: float) -> Callable[[Snapshot], None]:
    def draw(now: Snapshot) -> None:
        since = NOW - timedelta(hours=hours)
        found = gantt.lanes(now.regions, now.of_kind("phase"), since=since)
        phase_chart.show(found, *phase_chart.window(since, found, NOW), now.zone)

    return draw


NODE: Final = "gk3-nap-g2-standard-8-gpu1-a-long-node-name"
BUSY: Final = Inside(
    nodes=tuple(given.node(f"{NODE}-{i:04d}", given.L4, spot=i % 2 == 0) for i in range(30)),
    pods=tuple(given.pod(name=f"{given.POD}-{i:04d}") for i in range(43)),
)
CUT: Final = {ASKED.name(EUROPE): given.seen(LogTail(text=LONG_LOG, cut=True))}
EMPTY_LOG: Final = {ASKED.name(EUROPE): given.seen(LogTail(text=""))}
NO_LOG: Final = {ASKED.name(EUROPE): Seen(trouble=LATE)}
NO_EVENTS: Final = {names.events_name(US_EAST): given.seen(())}

WIDGETS: Final[dict[str, Widget]] = {
    "roster_table.show": {
        "mixed": State(says="strangers-cluster-with-a-rather-long-name", draw=_roster()),
        "loading": State(says="Control plane", draw=_roster(dict)),
        "43 clusters, some silent": State(says="atlas-us-west4", draw=_roster(many), snapshot=case("all")),
    },
    "phase_chart.show": {
        "1 region": State(says="europe-west4", draw=_chart(1), snapshot=case("one")),
        "mixed, 6 hours": State(says="us-east4", draw=_chart(6)),
        "43 regions": State(says="us-west4", draw=_chart(1), snapshot=case("all")),
        "gone": State(says="(gone)", draw=_chart(1), snapshot=seen(entries=ENTRIES)),
    },
    "cluster_panel.choose_view": {"usual": State(says="YAML", draw=lambda _: cluster_panel.choose_view())},
    "cluster_panel.show": {
        "pods": _panel(US_EAST, "Pods", "CrashLoopBackOff"),
        "nodes": _panel(US_EAST, "Nodes", "Not ready"),
        "events": _panel(US_EAST, "Events", "1 event, in plain words"),
        "no events": _panel(US_EAST, "Events", "keeps no event now", NO_EVENTS),
        "log": _panel(EUROPE, "Logs", "Model loaded"),
        "long log": _panel(EUROPE, "Logs", "may be missing", CUT),
        "empty log": _panel(EUROPE, "Logs", "has written nothing yet", EMPTY_LOG),
        "log error": _panel(EUROPE, "Logs", "It does not answer", NO_LOG),
        "YAML": _panel(EUROPE, "YAML", "kind: Deployment"),
        "YAML loading": _panel(US_EAST, "YAML", "Reading the objects"),
        "silent": _panel("atlas-us-central1", "Pods", "is the last that was read"),
        "being created": _panel("atlas-asia-east1", "Pods", "is being created"),
        "not ours": _panel(
            "strangers-cluster-with-a-rather-long-name-0123456789", "Pods", "not made by this platform"
        ),
    },
    "inside_tables.pods": {
        "none": State(says="No pod in the platform's namespace", draw=_inside(inside_tables.pods, Inside())),
        "one": State(says="2/2", draw=_inside(inside_tables.pods, given.SERVING)),
        "in trouble": State(
            says="Insufficient nvidia.com/gpu", draw=_inside(inside_tables.pods, given.CRASHING)
        ),
        "43 pods": State(says="0042", draw=_inside(inside_tables.pods, BUSY)),
    },
    "inside_tables.nodes": {
        "none": State(says="Autopilot makes one", draw=_inside(inside_tables.nodes, Inside())),
        "two": State(says="gk3-pool-2-a", draw=_inside(inside_tables.nodes, given.SERVING)),
        "30 nodes": State(says="0029", draw=_inside(inside_tables.nodes, BUSY)),
    },
    "inside_tables.nothing_read": {
        "unknown": State(
            says="Nothing was read", draw=_inside(lambda _, row: inside_tables.nothing_read(row), None)
        ),
    },
}
