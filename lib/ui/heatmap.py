"""The grid of regions and GPUs as a Plotly heat map. A click tells which cell; what is drawn is lib.ui.cells'.

Streamlit's frontend mounts a figure from scratch when anything in it differs, so nothing in it changes with time alone, nor
by a click: the browser frames the clicked cell by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from lib.fleet import catalog
from lib.ui import cells, layers, palette, words
from lib.ui.cells import Grid
from lib.ui.palette import Palette

KEY: Final = "capacity_grid"
ROW_PX: Final = 27
HEAD_PX: Final = 124  # the regions' names, slanted
FONT: Final = "Inter, sans-serif"
_DRAWN: Final = "_capacity_drawn"
_CLICKED: Final = "_capacity_clicked"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is on this viewer's screen, and which cell is framed in it."""

    framed: Pair
    figure: dict[str, Any]


def show(grid: Grid, *, layer: str, framed: Pair, on_select: Callable[[], None]) -> None:
    drawn = _drawn(grid, layer, palette.current(), framed)
    st.session_state[_DRAWN] = drawn
    st.plotly_chart(
        drawn.figure,
        key=KEY,
        theme=None,
        on_select=on_select,
        selection_mode="points",
        config={"displayModeBar": False, "scrollZoom": False, "doubleClick": False},
    )


def clicked() -> Pair | None:
    """The cell that was clicked last; for `on_select`."""
    points = (st.session_state.get(KEY) or {}).get("selection", {}).get("points", [])
    data = points[0].get("customdata") if points else None
    if not data or len(data) < 2:
        return None
    pair = st.session_state[_CLICKED] = (str(data[0]), str(data[1]))
    return pair


def _drawn(grid: Grid, layer: str, theme: Palette, framed: Pair) -> Drawn:
    """A clicked cell is framed by the browser itself; the next figure that differs anyhow has the frame in it."""
    before: Drawn | None = st.session_state.get(_DRAWN)
    if before is not None and framed == st.session_state.get(_CLICKED):
        same = figure(grid, layer=layer, theme=theme, framed=before.framed)
        if same == before.figure:
            return before
    st.session_state.pop(_CLICKED, None)
    return Drawn(framed=framed, figure=figure(grid, layer=layer, theme=theme, framed=framed))


def figure(grid: Grid, *, layer: str, theme: Palette, framed: Pair) -> dict[str, Any]:
    return {
        "data": [
            _tiles(grid, layer, theme),
            _stale(grid, theme),
            _targets(grid, theme, framed),
        ],
        "layout": _layout(grid, theme),
    }


def _tiles(grid: Grid, layer: str, theme: Palette) -> dict[str, Any]:
    rows = [[layers.shown(layer, grid.cells[r, a]) for r in grid.regions] for a in grid.accelerators]
    colors = [theme.tint(step.color, step.share) for step in layers.STEPS[layer]]
    scale = [
        [edge, color] for n, color in enumerate(colors) for edge in (n / len(colors), (n + 1) / len(colors))
    ]
    return {
        "type": "heatmap",
        "x": list(range(len(grid.regions))),
        "y": list(range(len(grid.accelerators))),
        "z": [[step for step, _ in row] for row in rows],
        "text": [[_marked(text, grid.cells[r, a]) for (_, text), r in zip(row, grid.regions, strict=True)]
                 for row, a in zip(rows, grid.accelerators, strict=True)],
        "texttemplate": "%{text}",
        "textfont": {"size": 10.5, "color": theme.ink, "family": FONT},
        "colorscale": scale,
        "zmin": -0.5,
        "zmax": len(colors) - 0.5,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hoverinfo": "skip",
    }  # fmt: skip


def _marked(text: str, cell: cells.Cell) -> str:
    return f"<b>{text}</b>" if cell.heard else text


def _stale(grid: Grid, theme: Palette) -> dict[str, Any]:
    """Hatched: what was seen too long ago, and what nobody has looked at."""
    found = [
        (x, y)
        for y, accelerator in enumerate(grid.accelerators)
        for x, region in enumerate(grid.regions)
        if (cell := grid.cells[region, accelerator]).stale or cell.candidate is None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in found],
        "y": [y for _, y in found],
        "marker": {
            "symbol": "line-ne-open",
            "size": 15,
            "opacity": 0.55,
            "color": theme["gray"],
            "line": {"width": 1.5, "color": theme["gray"]},
        },
        "hoverinfo": "skip",
    }


def _targets(grid: Grid, theme: Palette, framed: Pair) -> dict[str, Any]:
    """Unseen squares over the tiles: they take hover and click, and the chosen one shows as a frame."""
    spots = [(x, y, r, a) for y, a in enumerate(grid.accelerators) for x, r in enumerate(grid.regions)]
    chosen = [n for n, (_, _, r, a) in enumerate(spots) if (r, a) == framed]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _, _, _ in spots],
        "y": [y for _, y, _, _ in spots],
        "customdata": [[r, a] for _, _, r, a in spots],
        "text": [_hover(grid, r, a) for _, _, r, a in spots],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "square-open", "size": 23, "color": theme.primary,
                   "line": {"width": 3, "color": theme.primary}},
        "selectedpoints": chosen,
        "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 0}},
    }  # fmt: skip


def _hover(grid: Grid, region: str, accelerator: str) -> str:
    lines = cells.hover(grid.cells[region, accelerator], grid.zone)
    return "<br>".join([f"<b>{_title(region)}</b>", *map(_safe, lines)])


def _layout(grid: Grid, theme: Palette) -> dict[str, Any]:
    quiet = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": "", "showline": False}
    font = {"family": FONT, "size": 11.5, "color": theme.ink}
    return {
        "height": HEAD_PX + 12 + ROW_PX * len(grid.accelerators),
        "margin": {"l": 112, "r": 74, "t": HEAD_PX, "b": 12, "pad": 4},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "clickmode": "event+select",
        "font": font,
        "hoverlabel": {
            "bgcolor": theme.panel,
            "bordercolor": theme.line,
            "font": {**font, "size": 12.5},
            "align": "left",
        },
        "xaxis": {
            **quiet,
            "side": "top",
            "tickangle": -52,
            "tickvals": list(range(len(grid.regions))),
            "ticktext": [_region(grid, region) for region in grid.regions],
            "range": [-0.55, len(grid.regions) - 0.45],
        },
        "yaxis": {
            **quiet,
            "tickvals": list(range(len(grid.accelerators))),
            "ticktext": [_gpu(grid, one) for one in grid.accelerators],
            "range": [len(grid.accelerators) - 0.5, -0.5],
        },
    }


def _region(grid: Grid, region: str) -> str:
    if region in grid.serving:
        return f"<b>● {_safe(region)}</b>"
    return f"<b>○ {_safe(region)}</b>" if region in grid.ours else _safe(region)


def _gpu(grid: Grid, accelerator: str) -> str:
    name = _safe(catalog.short(accelerator))
    return f"<b>{name}</b>" if accelerator in grid.wanted else name


def _title(region: str) -> str:
    place = words.place(region)
    return _safe(f"{region} · {place}" if place else region)


def _safe(text: str) -> str:
    """Plotly reads a few tags in texts; a name from outside must not bring any."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
