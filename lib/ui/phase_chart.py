"""The Gantt of phases: which region was in which phase and when, in the colours of the map. A view, no decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import streamlit as st

from lib.fleet.gantt import Lane, Span
from lib.ui import charts, moments, words

RANGES: Final = {
    "1 hour": timedelta(hours=1),
    "6 hours": timedelta(hours=6),
    "24 hours": timedelta(hours=24),
    "All kept": None,
}
ROW_PX: Final = 26
STEPS: Final = 60  # the end of the chart moves on in so many steps of its length, not with each look
LETTER_PX: Final = 7.0
WIDTH_PX: Final = 1150.0  # of the plot, to tell which words fit; a guess that only hides or shows a label


def window(since: datetime | None, lanes: Sequence[Lane], now: datetime) -> tuple[datetime, datetime]:
    """From when until when. The end is rounded up, so that an unchanged fleet is an unchanged chart."""
    starts = [span.since for lane in lanes for span in lane.spans]
    begin = since or min(starts, default=now - timedelta(hours=1))
    step = max(1.0, (now - begin).total_seconds() / STEPS)
    unit = 2.0 ** math.ceil(math.log2(step))
    return begin, datetime.fromtimestamp(math.ceil(now.timestamp() / unit) * unit, now.tzinfo)


def show(lanes: Sequence[Lane], begin: datetime, end: datetime, zone: tzinfo) -> None:
    st.plotly_chart(
        figure(lanes, begin, end, zone), key="phase_chart", theme=None, config=charts.CONFIG, width="stretch"
    )


def figure(lanes: Sequence[Lane], begin: datetime, end: datetime, zone: tzinfo) -> Any:
    import plotly.graph_objects as go

    whole = max(1.0, (end - begin).total_seconds())
    made = go.Figure()
    for lane in lanes:
        spans = [one for one in lane.spans if one.until is None or one.until > begin]
        starts = [max(one.since, begin) for one in spans]
        lengths = [((one.until or end) - at).total_seconds() for one, at in zip(spans, starts, strict=True)]
        made.add_bar(
            orientation="h",
            y=[_name(lane)] * len(spans),
            base=[moments.naive(at, zone) for at in starts],
            x=[1000 * length for length in lengths],
            text=[_label(one, length / whole) for one, length in zip(spans, lengths, strict=True)],
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            constraintext="none",
            textfont={"size": 11, "color": charts.color("text")},
            marker={
                "color": [charts.mixed(_color_name(one), 0.42) for one in spans],
                "line": {
                    "width": [2] * len(spans),
                    "color": [charts.phase_color(one.phase) for one in spans],
                },
                "cornerradius": 3,
            },
            customdata=[_told(one, zone) for one in spans],
            hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
        )
    made.update_layout(
        charts.layout(
            barmode="overlay",
            bargap=0.28,
            height=58 + ROW_PX * max(1, len(lanes)),
            xaxis={
                "type": "date",
                "range": [moments.naive(begin, zone), moments.naive(end, zone)],
                "fixedrange": True,
                "automargin": True,
                "gridcolor": charts.color("border"),
                "tickfont": {"size": 11},
                "tickformatstops": [
                    {"dtickrange": [None, 60000], "value": "%H:%M:%S"},
                    {"dtickrange": [60000, 86400000], "value": "%H:%M\n%d %b"},
                    {"dtickrange": [86400000, None], "value": "%d %b"},
                ],
                "nticks": 9,
                "title": None,
            },
            yaxis={
                "categoryorder": "array",
                "categoryarray": [_name(lane) for lane in reversed(lanes)],
                "fixedrange": True,
                "automargin": True,
                "ticksuffix": "  ",
            },
        )
    )
    return made


def _name(lane: Lane) -> str:
    return lane.region if lane.present else f"{lane.region} (gone)"


def _color_name(span: Span) -> str:
    return "yellow" if span.phase.value == "Draining" else words.phase_color(span.phase)


def _label(span: Span, share: float) -> str:
    """The phase's name where it fits into its bar; the hover says it anyway."""
    title = words.phase_title(span.phase)
    return title if share * WIDTH_PX > LETTER_PX * len(title) + 10 else ""


def _told(span: Span, zone: tzinfo) -> str:
    title = words.phase_title(span.phase)
    if span.until is None:
        return f"{title} since {moments.clock(span.since, zone)}, still<br>{moments.utc(span.since)}"
    length = words.span((span.until - span.since).total_seconds())
    local = f"{moments.clock(span.since, zone)} to {moments.clock(span.until, zone)}"
    return f"{title}: {local} ({length})<br>{moments.utc(span.since)} to {moments.clock(span.until, UTC)} UTC"
