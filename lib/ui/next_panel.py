"""The best next region with why and why not, and the button that asks for it. The judging is lib.fleet.next_region's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import streamlit as st

from lib.fleet.model import Candidate, Provisioning, WhyNot
from lib.fleet.next_region import NextRegion, next_region
from lib.ui import changes, confirm, table, words
from lib.ui.snapshot import Snapshot
from lib.ui.table import Column, Look, Row, cell

SHOWN: Final = 3
PICKED: Final = 4
PICKS: Final = "next_regions"
PICK_COLUMNS: Final = (
    Column(title="Region"),
    Column(title="Odds", align="right", tip="How likely the GPU can be had there now"),
    Column(title="Serves in", align="right", tip="From the click to a serving replica, if there is stock"),
    Column(title="Per hour", align="right", tip="List price with the cluster's fee"),
)


def show(snapshot: Snapshot, *, now: datetime, on_pick: Callable[[str, str], None]) -> None:
    st.header("Best next region", anchor=False)
    if snapshot.placement is None or not any(view.as_of for view in snapshot.views):
        st.caption("Told as soon as the controller has looked around.")
        return
    told = next_region(snapshot.placement, snapshot.views, now=now)
    if told.best is None:
        st.markdown(f":red[▼] {words.plain(told.why)}")
    else:
        st.markdown(f":green[▲] {words.plain(told.why)}")
        _buttons(snapshot, told, on_pick)
    _why_not(told)
    st.caption("By what is published now; when the controller needs a region it looks and judges again.")


def short_list(snapshot: Snapshot, *, now: datetime, live: dict[str, Any] | None = None) -> None:
    """The best few to look at, one click each: browser.take(PICKS, …) has its region."""
    if snapshot.placement is None:
        return
    rows, caption = _best(snapshot, now)
    table.show(
        snapshot,
        PICK_COLUMNS,
        rows,
        key=PICKS,
        label="Best next regions",
        chooses=True,
        caption=caption,
        live=live,
    )


def payload(snapshot: Snapshot, *, now: datetime) -> dict[str, Any]:
    """What the short list's table shows."""
    rows, caption = _best(snapshot, now)
    return table.payload(snapshot, rows, caption=caption)


def _best(snapshot: Snapshot, now: datetime) -> tuple[list[Row], str]:
    if snapshot.placement is None:
        return [], ""
    told = next_region(snapshot.placement, snapshot.views, now=now)
    if told.best is None:
        return [], told.why
    able = (told.best, *told.others)
    spot = " Spot" if told.best.provisioning is Provisioning.SPOT else ""
    gpu, count = words.gpu(told.best.accelerator), words.plural(len(able), "region")
    return [_pick(one) for one in able[:PICKED]], f"Best next for {gpu}{spot}, of {count} that can take it"


def _pick(one: Candidate) -> Row:
    odds, wait = one.obtainability, one.eta_s
    look: Look = "good" if words.known_letter(one) == "L" else ""
    return Row(
        id=one.region,
        cells=(
            cell(one.region, words.place(one.region)),
            cell("unknown" if odds is None else f"{odds:.0%}", look=look),
            cell("unknown" if wait is None else words.span(round(wait, -1))),
            cell(words.money(one.usd_per_hour)),
        ),
    )


def _buttons(snapshot: Snapshot, told: NextRegion, on_pick: Callable[[str, str], None]) -> None:
    best = told.best
    assert best is not None  # noqa: S101 - for the type checker
    refused = confirm.refusal(snapshot)
    with st.container(horizontal=True):
        st.button(
            "Expand",
            key="next_expand",
            icon=":material/add_location:",
            disabled=bool(refused),
            help=refused or f"Serve from {best.region} too; the plan is shown first.",
            on_click=confirm.ask,
            args=(changes.expand(best.region),),
        )
        st.button(
            "Show its evidence",
            key="next_show",
            type="tertiary",
            on_click=on_pick,
            args=(best.region, best.accelerator),
        )


def _why_not(told: NextRegion) -> None:
    if not told.why_not:
        return
    st.caption("Why not elsewhere")
    st.markdown("\n".join(_line(one) for one in told.why_not[:SHOWN]))
    rest = told.why_not[SHOWN:]
    if rest:
        with st.expander(f"{words.plural(len(rest), 'more region')} that can't, or come later"):
            st.markdown("\n".join(_line(one) for one in rest))


def _line(one: WhyNot) -> str:
    flips = f" Flips with {words.plain(one.flip.rstrip('.'))}." if one.flip else ""
    return f"- **{words.plain(one.region)}** {words.plain(one.reason)}{flips}"
