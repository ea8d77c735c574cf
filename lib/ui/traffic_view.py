"""The live part of the Traffic page: the way of a request, what Monitoring counted, the probes and the load generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from lib.fleet.usage import Points, Usage, probes
from lib.ui import (
    browser,
    chrome,
    freshness,
    load,
    load_panel,
    moments,
    traffic_charts,
    traffic_picture,
    traffic_read,
    viewer,
    words,
)
from lib.ui.looks import Seen
from lib.ui.snapshot import Snapshot

RANGE: Final = "range"


def show() -> None:
    """Each part follows only what it draws: Monitoring's minutes, probes and requests under way come at other times,
    and none of them sends the whole page again."""
    _heartbeat()
    _way()
    _got()
    left, right = st.columns([1, 1.25], gap="small")
    with left:
        _probes()
    with right:
        _load()
    _objects()


@st.fragment(run_every=chrome.HEARTBEAT_S)
def _heartbeat() -> None:
    """Draws nothing but what is wrong: it keeps the readers at work, and finds the way back after the server was away."""
    snapshot = viewer.snapshot()
    chrome.banners(snapshot)
    browser.follow(snapshot, key="pulse_fleet")
    traffic_read.keep(_chosen(), asks=bool(snapshot.label))


@st.fragment
def _way() -> None:
    snapshot = viewer.snapshot()
    _picture(snapshot)
    browser.follow(snapshot, traffic_read.BALANCER, traffic_read.ANSWERS, key="pulse_way")


@st.fragment
def _got() -> None:
    chosen = _head()
    snapshot, series = viewer.snapshot(), traffic_read.series(chosen)
    freshness.trouble(series, "Cloud Monitoring does not answer")
    _charts(snapshot, series, chosen)
    browser.follow(snapshot, traffic_read.series_name(chosen), part="", key="pulse_got")


@st.fragment
def _probes() -> None:
    snapshot = viewer.snapshot()
    with st.container(border=True):
        _probed(snapshot)
        browser.follow(snapshot, part="probes", key="pulse_probes")


@st.fragment
def _load() -> None:
    snapshot = viewer.snapshot()
    with st.container(border=True):
        load_panel.show(snapshot)
        browser.follow(snapshot, load.NAME, key="pulse_load")


def _picture(snapshot: Snapshot) -> None:
    found = traffic_read.balancer()
    freshness.trouble(found, "The load balancer can't be read")
    if found.value is None:
        if found.loading:
            freshness.loading(
                "Reading the load balancer: forwarding rule, proxy, URL map, backend service, groups."
            )
        return
    # Elsewhere the load balancer goes by where a request really comes from: asking would tell nothing of the others.
    answers = traffic_read.answers().value if snapshot.label else None
    traffic_picture.show(snapshot, found.value, answers)


def _head() -> str:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("What users got", anchor=False)
        st.segmented_control(
            "Time range",
            list(traffic_read.RANGES),
            key=RANGE,
            default="1 h",
            required=True,
            width="content",
            label_visibility="collapsed",
            bind="query-params",
        )
    return _chosen()


def _chosen() -> str:
    chosen = st.session_state.get(RANGE)
    return chosen if chosen in traffic_read.RANGES else "1 h"


def _charts(snapshot: Snapshot, series: Seen[Usage], chosen: str) -> None:
    found = series.value
    if found is None:
        if series.loading:
            freshness.loading("Reading Cloud Monitoring.")
        return
    if not found.regions:
        st.info(
            f"Cloud Monitoring has counted no request in the last {chosen}. It tells them one to four minutes late.",
            icon=":material/show_chart:",
        )
        return
    cells = st.columns(3, gap="small")
    figures = (
        ("Requests a second", traffic_charts.requests(found, snapshot.zone), "traffic_requests"),
        ("Errors a second (5xx and lost)", traffic_charts.errors(found, snapshot.zone), "traffic_errors"),
        ("Latency, 95 of 100 faster (ms)", traffic_charts.latency(found, snapshot.zone), "traffic_latency"),
    )
    for cell, (title, figure, key) in zip(cells, figures, strict=True):
        with cell, st.container(border=True):
            st.markdown(f"**{title}**")
            if key == "traffic_errors" and not _any(found.errors):
                _no_errors(chosen)
            else:
                traffic_charts.draw(figure, key=key)
    newest = f" up to {moments.clock(found.newest, snapshot.zone)}" if found.newest else ""
    st.caption(
        f"From Cloud Monitoring, by region{newest}; it tells one to four minutes late. The probes below are live.",
        help=f"Up to {moments.utc(found.newest)}." if found.newest else None,
    )


def _any(points: Mapping[str, Points]) -> bool:
    return any(value for values in points.values() for _, value in values)


def _no_errors(chosen: str) -> None:
    with st.container(height=traffic_charts.TALL, border=False, vertical_alignment="center"):
        st.markdown(
            f":green[:material/check_circle:] No request failed in the last {chosen}.",
            text_alignment="center",
        )


def _probed(snapshot: Snapshot) -> None:
    found = probes(snapshot.entries)
    st.header(":material/network_ping: User-path probes", anchor=False)
    if not found.entries:
        st.caption(
            "None yet: the controller asks the global address's health path at each look, once there is one."
        )
        return
    middle, slow = found.percentile(50), found.percentile(95)
    cells = st.columns(3, gap="small")
    cells[0].metric(
        "Answered",
        f"{100 * found.ok / len(found.entries):.1f} %",
        help=f"{found.ok} of the last {len(found.entries)} probes.",
    )
    cells[1].metric(
        "Median", "none" if middle is None else f"{middle:.0f} ms", help="Of those that were answered."
    )
    cells[2].metric("95 of 100 within", "none" if slow is None else f"{slow:.0f} ms")
    traffic_charts.draw(traffic_charts.probe_bars(found, snapshot.zone), key="traffic_probes")
    regions = ", ".join(f"{words.plain(name)} {count}" for name, count in found.answered_by[:5])
    lost = (
        f"longest loss {words.plural(found.longest_loss, 'probe')} in a row"
        if found.longest_loss
        else "none was lost"
    )
    total = len(found.entries)
    drawn = f", the newest {traffic_charts.BARS} drawn" if total > traffic_charts.BARS else ""
    st.caption(f"The last {total}{drawn}, oldest left; {lost}. Answered by: {regions}.")


@st.fragment
def _objects() -> None:
    seen = traffic_read.objects()
    with st.expander(
        "MultiClusterIngress, MultiClusterService and BackendConfig as the config cluster holds them"
    ):
        freshness.trouble(seen, "The config cluster does not answer")
        if seen.value is None:
            if seen.loading:
                freshness.loading("Reading the three objects.")
        else:
            _texts(seen.value)
        browser.follow(viewer.snapshot(), traffic_read.OBJECTS, part="", key="pulse_objects")


def _texts(found: traffic_read.Objects) -> None:
    for tab, (kind, text) in zip(st.tabs(list(found)), found.items(), strict=True):
        with tab:
            if text:
                st.code(text, language="yaml", wrap_lines=True)
            else:
                st.caption(f"There is no {kind} yet; the set-up makes it.")
