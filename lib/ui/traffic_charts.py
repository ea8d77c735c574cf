"""Requests, errors and latency by region from Cloud Monitoring, and the probes, as Plotly figures in the theme's colours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from lib.fleet.model import Entry
from lib.fleet.usage import Points, Probes, Usage, took_ms
from lib.ui import charts, moments

TALL: Final = 215
BARS: Final = 90  # of the probes: more are not told apart, and each travels at every refresh
PLAIN: Final = {"displayModeBar": False, "scrollZoom": False}
# Told apart in both themes, and by people who don't see red and green alike; a region keeps its colour in all charts.
COLORS: Final = ("#3B82F6", "#F59E0B", "#14B8A6", "#A78BFA", "#EC4899", "#84CC16", "#06B6D4", "#F97316")
GOOD, BAD = "#3B82F6", "#EF4444"


def requests(found: Usage, zone: tzinfo) -> go.Figure:
    return _lines(_filled(found.requests), found, zone, stacked=True, unit="%{y:.2f}/s")


def errors(found: Usage, zone: tzinfo) -> go.Figure:
    return _lines(_filled(found.errors, found.requests), found, zone, stacked=True, unit="%{y:.3f}/s")


def latency(found: Usage, zone: tzinfo) -> go.Figure:
    return _lines(found.latency_ms, found, zone, stacked=False, unit="%{y:.0f} ms")


def probe_bars(found: Probes, zone: tzinfo) -> go.Figure:
    """The newest, oldest left. A lost one is as tall as the tallest, and red."""
    entries = tuple(reversed(found.entries[:BARS]))
    ok = [bool(one.body.get("ok")) for one in entries]
    tallest = max((took_ms(one) for one, good in zip(entries, ok, strict=True) if good), default=100.0)
    tall = [round(took_ms(one) if good else tallest) for one, good in zip(entries, ok, strict=True)]
    said = [
        f"{moments.both(one.at, zone)}: {_answer(one) if good else 'lost'}"
        for one, good in zip(entries, ok, strict=True)
    ]
    bars = go.Bar(
        x=list(range(len(entries))),
        y=tall,
        marker={"color": [GOOD if good else BAD for good in ok], "line": {"width": 0}},
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = go.Figure(bars)
    _look(figure, height=120, legend=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(title=None, ticksuffix=" ms", nticks=3)
    figure.update_layout(bargap=0.15)
    return figure


def _answer(probe: Entry) -> str:
    return f"{took_ms(probe):.0f} ms {probe.region or probe.body.get('region') or ''}".strip()


def draw(figure: go.Figure, *, key: str) -> None:
    st.plotly_chart(figure, key=key, theme=None, config=PLAIN, width="stretch")


def _filled(points: Mapping[str, Points], beside: Mapping[str, Points] | None = None) -> dict[str, Points]:
    """A time that Monitoring leaves out had no request; without a zero there, a line would be drawn across it."""
    times = sorted({at for values in (beside or points).values() for at, _ in values})
    known = {name: dict(values) for name, values in points.items()}
    return {name: tuple((at, held.get(at, 0.0)) for at in times) for name, held in known.items()}


def _lines(
    points: Mapping[str, Points], found: Usage, zone: tzinfo, *, stacked: bool, unit: str
) -> go.Figure:
    figure = go.Figure(_told_in_utc({at for values in points.values() for at, _ in values}, zone))
    colors = {region: COLORS[i % len(COLORS)] for i, region in enumerate(found.regions)}
    for region, values in points.items():
        shape: dict[str, Any] = {"stackgroup": "all"} if stacked else {}
        figure.add_trace(
            go.Scatter(
                x=[moments.naive(at, zone) for at, _ in values],
                y=[value for _, value in values],
                name=region,
                mode="lines" if stacked else "lines+markers",
                marker={"size": 4},
                line={"color": colors.get(region, BAD), "width": 2},
                hovertemplate=f"{region} {unit}<extra></extra>",
                **shape,
            )
        )
    _look(figure, height=TALL, legend=True)
    return figure


def _told_in_utc(times: set[datetime], zone: tzinfo) -> go.Scatter:
    """Unseen, at the foot of the chart: the axis is in the viewer's time, and the box on hover begins with UTC."""
    return go.Scatter(
        x=[moments.naive(at, zone) for at in sorted(times)],
        y=[0] * len(times),
        mode="lines",
        line={"width": 0, "color": "rgba(0,0,0,0)"},
        showlegend=False,
        customdata=[f"{at.astimezone(UTC):%H:%M} UTC" for at in sorted(times)],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _look(figure: go.Figure, *, height: int, legend: bool) -> None:
    figure.update_layout(
        charts.layout(
            height=height,
            margin={"l": 4, "r": 8, "t": 6, "b": 4},
            showlegend=legend,
            legend={"orientation": "h", "y": -0.16, "x": 0, "yanchor": "top", "font": {"size": 11}},
            hovermode="x unified" if legend else "closest",
        )
    )
    figure.update_xaxes(
        showgrid=False, nticks=5, tickformat="%H:%M", automargin=True, fixedrange=True, tickfont={"size": 11}
    )
    figure.update_yaxes(
        rangemode="tozero",
        nticks=4,
        gridcolor="rgba(135,151,178,.22)",
        zeroline=False,
        automargin=True,
        fixedrange=True,
        tickfont={"size": 11},
    )
