"""One cluster opened: its pods, nodes, events, logs and the YAML of what this platform keeps there.

Every part is its own look, so that a slow log never holds the pods back. Returns the names it watches.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

import streamlit as st

from lib.fleet.model import ClusterObservation, Entry, EventObservation
from lib.fleet.roster import PodSeen, Role, Row, Standing
from lib.gateways.objects import LOG_BYTES, LogTail
from lib.ui import cluster_looks, inside_tables, moments, timeline, words
from lib.ui.looks import Seen
from lib.ui.snapshot import Snapshot

VIEWS: Final = ("Pods", "Nodes", "Events", "Logs", "YAML")
LINES: Final = (100, 500, 2000)
HEIGHT: Final = 460
FITS: Final = 20  # lines without a box that scrolls
CONFIG_KINDS: Final = (
    "GpuPlacement",
    "GpuRegion",
    "MultiClusterIngress",
    "MultiClusterService",
    "BackendConfig",
    "Service",
    "Node",
    "Lease",
)
WORKLOAD_KINDS: Final = ("Deployment", "Pod", "ReplicaSet", "Service", "ConfigMap", "RootSync", "Node")
Watched = tuple[str, ...]


def choose_view() -> None:
    st.segmented_control(
        "Show", VIEWS, default="Pods", key="view", bind="query-params", required=True, width="content"
    )


def show(snapshot: Snapshot, row: Row) -> Watched:
    if row.cluster is None and row.standing is Standing.ASKED:
        inside_tables.nothing_read(row)
        return ()
    if row.cluster is None or not row.cluster.endpoint or row.role is Role.FOREIGN:
        st.info(_why_not(row), icon=":material/visibility_off:")
        return ()
    if row.dim:
        st.warning(
            f"{words.plain(row.trouble)} What is below is the last that was read.",
            icon=":material/cloud_off:",
        )
    view = st.session_state.get("view", "Pods")
    if view == "Events":
        return _events(snapshot, row, row.cluster)
    if view == "Logs":
        return _logs(snapshot, row, row.cluster)
    if view == "YAML":
        return _yaml(snapshot, row, row.cluster)
    (inside_tables.nodes if view == "Nodes" else inside_tables.pods)(snapshot, row)
    return ()


def _why_not(row: Row) -> str:
    if row.role is Role.FOREIGN:
        return f"{row.name} was not made by this platform: it is listed, and not looked into."
    if row.standing is Standing.CREATING:
        return f"{row.name} is being created; its control plane has no address yet."
    return f"{row.name} can't be asked: {words.plain(row.trouble) or 'it has no address.'}"


def _events(snapshot: Snapshot, row: Row, cluster: ClusterObservation) -> Watched:
    seen = cluster_looks.events(cluster)
    watched = (cluster_looks.events_name(row.name),)
    if not _ready(snapshot, seen, f"the events of {row.name}") or seen.value is None:
        return watched
    if not seen.value:
        st.info(
            "The cluster keeps no event now. Kubernetes forgets them after an hour; the Activity page keeps those "
            "of the workload.",
            icon=":material/event_busy:",
        )
        return watched
    rest = len(seen.value) - timeline.SHOWN
    count = words.plural(len(seen.value), "event")
    newest = f"The newest {timeline.SHOWN} of {count}" if rest > 0 else count
    st.caption(f"{newest}, in plain words; open one for the original and what it is about.")
    timeline.show(snapshot, [_entry(one, snapshot.zone) for one in seen.value], key="cluster_events")
    return watched


def _entry(event: EventObservation, zone: tzinfo) -> Entry:
    """As the journal has it, so that it is told the same way everywhere."""
    body: dict[str, object] = {
        "reason": event.reason,
        "about": f"{event.kind} {event.name}",
        "type": event.type,
        "told by": event.component,
        "times": event.count if event.count > 1 else "",
        "first seen": _first(event, zone) if event.count > 1 else "",
    }
    number = int.from_bytes(event.uid.encode()[-6:], "big")
    return Entry(
        id=number,
        kind="event",
        at=event.last_at,
        region=event.kind,
        subject=event.reason,
        message=event.message,
        body=body,
    )


def _first(event: EventObservation, zone: tzinfo) -> str:
    return f"{moments.day(event.first_at, zone)} ({moments.utc(event.first_at)})"


def _logs(snapshot: Snapshot, row: Row, cluster: ClusterObservation) -> Watched:
    inside = row.read.inside
    if inside is None:
        inside_tables.nothing_read(row)
        return ()
    if not inside.pods:
        st.info("No pod here, so there is no log.", icon=":material/receipt_long:")
        return ()
    asked = _log_asked(inside.pods)
    if asked is None:
        return ()
    name = asked.name(row.name)
    seen = cluster_looks.log(cluster, asked)
    if _ready(snapshot, seen, f"the log of {asked.container}") and seen.value is not None:
        _log(seen.value, asked, seen, snapshot.zone)
    return (name,)


def _log_asked(pods: Sequence[PodSeen]) -> cluster_looks.LogAsked | None:
    found = {one.name: one for one in pods}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pod = st.selectbox("Pod", list(found), key="pod", bind="query-params", width=380)
        containers = found[pod].containers if pod in found else ()
        container = st.selectbox("Container", containers, key="container", bind="query-params", width=170)
        lines = st.selectbox("Last lines", LINES, key="lines", bind="query-params", width=110)
        previous = st.toggle(
            "Before the last restart",
            key="previous",
            bind="query-params",
            help="The log of the container that ended",
        )
    if not pod or not container:
        return None
    return cluster_looks.LogAsked(pod=pod, container=container, lines=lines, previous=previous)


def _log(tail: LogTail, asked: cluster_looks.LogAsked, seen: Seen[LogTail], zone: tzinfo) -> None:
    count = len(tail.text.splitlines())
    bound = f"; cut at {LOG_BYTES // 1000} kB, so its newest lines may be missing" if tail.cut else ""
    full = (
        f", there may be more before them{bound}" if count >= asked.lines or tail.cut else ", all there are"
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            f"The last {words.plural(count, 'line')}{full}. Read at {moments.wall(seen.read_at or 0, zone)}, "
            "again every few seconds."
        )
    if tail.text.strip():
        _text(tail.text)
    else:
        st.info("The container has written nothing yet.", icon=":material/receipt_long:")


def _yaml(snapshot: Snapshot, row: Row, cluster: ClusterObservation) -> Watched:
    kinds = CONFIG_KINDS if row.role is Role.CONFIG else WORKLOAD_KINDS
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("Kind", kinds, key="kind", bind="query-params", width=220)
        found = cluster_looks.names(cluster, kind)
        watched: Watched = (cluster_looks.names_name(row.name, kind),)
        name = ""
        if found.value:
            name = st.selectbox("Object", found.value, key="object", bind="query-params", width=440) or ""
    if not _ready(snapshot, found, f"the objects of kind {kind}") or found.value is None:
        return watched
    if not name:
        st.info(f"There is no {kind} of this platform in {row.name}.", icon=":material/data_object:")
        return watched
    seen = cluster_looks.manifest(cluster, kind, name)
    if _ready(snapshot, seen, f"{kind} {name}") and seen.value is not None:
        st.caption(
            f"As kubectl get {kind.lower()} {words.plain(name)} -o yaml shows it; the button in the corner copies it."
        )
        _text(seen.value)
    return (*watched, cluster_looks.manifest_name(row.name, kind, name))


def _text(text: str) -> None:
    """In a box of its own that scrolls and that the keyboard reaches, for the copy button is in it. Without Streamlit's
    colours of YAML, which are too pale on white to be read."""
    long = text.count("\n") > FITS
    with st.container(height=HEIGHT if long else "content", border=False):
        st.code(text, language=None, wrap_lines=True)


def _ready(snapshot: Snapshot, seen: Seen[Any], what: str) -> bool:
    """Loading and trouble are said here; True when there is something to show."""
    if seen.loading:
        st.caption(f":material/hourglass_top: Reading {what}…")
        return False
    if seen.trouble is not None:
        last = (
            f" What you see was read at {moments.wall(seen.read_at, snapshot.zone)}." if seen.read_at else ""
        )
        st.warning(f"{words.plain(seen.trouble.sentence)}{last}", icon=":material/cloud_off:")
    return seen.value is not None
