"""The best next region with why and why not, and the button that asks for it. The judging is lib.fleet.next_region's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from lib.fleet.model import WhyNot
from lib.fleet.next_region import NextRegion, next_region
from lib.ui import changes, confirm, words
from lib.ui.snapshot import Snapshot

SHOWN: Final = 3


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
