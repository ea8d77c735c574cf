"""The live part of the Capacity page: choices, the grid, the chosen cell, what would be next, and the sonar."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from lib.fleet import catalog
from lib.fleet.model import Provisioning
from lib.ui import (
    browser,
    cell_card,
    cells,
    chrome,
    confirm,
    errands,
    heatmap,
    layers,
    next_panel,
    own_record,
    probe_panel,
    sonar_panel,
    viewer,
    words,
    worldmap,
)
from lib.ui.cells import Cell, Grid, Look
from lib.ui.looks import Seen
from lib.ui.own_record import Record
from lib.ui.snapshot import Snapshot

_MODELS: Final = {title: model for model, title in cells.MODEL_TITLES.items()}
_SIGNS: Final = "%%%QF?·-"  # of the steps of obtainability; % is told by its colour


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    now = snapshot.clock.at(time.time())
    run, record = errands.seen(sonar_panel.NAME).value, own_record.seen()
    errands.seen(probe_panel.NAME)
    chrome.banners(snapshot)
    look = _choices(snapshot)
    grid = cells.grid(snapshot, look, now=now, told=sonar_panel.overlay(run, now=now))
    region = look.region or cells.best(grid, look.accelerator)
    _grid(snapshot, grid, replace(look, region=region))
    card, coming, asking = st.columns([1.75, 1, 0.95], gap="small")
    with card, st.container(border=True):
        if region is None:
            cell_card.empty()
        else:
            if look.region is None:
                st.caption("The likeliest place for one more; pick another in the grid or above.")
            _card(snapshot, grid.cells[region, look.accelerator], record, now)
    with coming, st.container(border=True):
        next_panel.show(snapshot, now=now, on_pick=_pick)
    with asking, st.container(border=True):
        sonar_panel.show(snapshot, accelerator=look.accelerator, now=now)
    browser.follow(snapshot, sonar_panel.LOOK, probe_panel.LOOK, own_record.LOOK, part="all")
    confirm.leave_fragment()


def _choices(snapshot: Snapshot) -> Look:
    """All of them are in the address bar."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        model = st.segmented_control(
            "Provisioning", list(_MODELS), key="cap_model", default="On demand", required=True, width="content",
            bind="query-params",
        )  # fmt: skip
        layer = st.segmented_control(
            "Show", list(cells.LAYERS), key="cap_layer", default=cells.LAYERS[0], required=True, width="content",
            bind="query-params",
        )  # fmt: skip
        names = {catalog.short(name): name for name in cells.accelerators(snapshot)}
        gpu = st.selectbox("GPU", list(names), key="cap_gpu", width=180, bind="query-params")
        sort = st.selectbox(
            "Sort regions by", cells.SORTS, key="cap_sort", width=130, bind="query-params",
            help="Odds and price of the GPUs that the placement asks for.",
        )  # fmt: skip
        region = st.selectbox(
            "Region", worldmap.PLACES, key="cap_region", index=None, placeholder="Region…", width=230,
            bind="query-params",
        )  # fmt: skip
    return Look(
        model=_MODELS.get(str(model), Provisioning.STANDARD),
        layer=str(layer),
        sort=str(sort),
        accelerator=names.get(gpu) or next(iter(names.values())),
        region=region,
    )


def _grid(snapshot: Snapshot, grid: Grid, look: Look) -> None:
    if not snapshot.views:
        st.info(
            "Nothing is known of any region yet: the controller asks the Compute API as soon as it is set up.",
            icon=":material/hourglass_top:",
        )
        return
    heatmap.show(grid, layer=look.layer, framed=(look.region or "", look.accelerator), on_select=_clicked)
    _legend(grid, look.layer)


def _legend(grid: Grid, layer: str) -> None:
    used = {layers.shown(layer, cell)[0] for cell in grid.cells.values()}
    parts = [layers.LEGENDS[layer]] if layer in layers.LEGENDS else []
    if not parts:
        parts = ["numbers are odds in percent"]
        for n, step in enumerate(layers.STEPS[layer]):
            if n in used:
                sign = "■" if _SIGNS[n] == "%" else _SIGNS[n]
                parts.append(f":{step.color}[{sign}] {words.plain(step.means)}")
    parts += ["**●** serves, **○** is on its way or warm", "hatched: old or unknown"]
    parts += [f"{len(cells.LEFT_OUT)} GPU types that GKE Autopilot doesn't run are left out"]
    st.caption("  ·  ".join(parts), help=", ".join(catalog.title(one) for one in cells.LEFT_OUT))


def _clicked() -> None:
    if pair := heatmap.clicked():
        _pick(*pair)


def _pick(region: str, accelerator: str) -> None:
    """Into the boxes and so into the address bar."""
    if region in catalog.REGIONS:
        st.session_state["cap_region"] = region
    if accelerator in catalog.ACCELERATORS:
        st.session_state["cap_gpu"] = catalog.short(accelerator)


def _card(snapshot: Snapshot, cell: Cell, record: Seen[Record], now: datetime) -> None:
    cell_card.show(cell, now=now, zone=snapshot.zone)
    if not cell.offered:
        return
    probe_panel.button(snapshot, cell)
    spot = cells.published(snapshot.view(cell.region), cell.accelerator, Provisioning.SPOT)
    cell_card.history(record, cell, spot=spot, now=now)
