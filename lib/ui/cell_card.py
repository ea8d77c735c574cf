"""One cell of the grid in full: can it be had, by what evidence and how old that is, quota, price, and its history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

import streamlit as st

from lib.fleet import catalog, evidence
from lib.fleet import words as fleet_words
from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import Attempt, Candidate, Outcome
from lib.ui import cells, moments, words
from lib.ui.cells import Cell
from lib.ui.looks import Seen
from lib.ui.own_record import Record

TRIES: Final = 6
SOURCES: Final[dict[Source, str]] = {
    Source.POD: "Our pods",
    Source.ATTEMPT: "Own try",
    Source.PROBE: "Capacity probe",
    Source.ALTERNATIVE: "Named by Google",
    Source.ADVICE: "Spot advice",
    Source.PREEMPTIONS: "Spot history",
    Source.OFFERED: "Offer",
    Source.QUOTA: "Regional quota",
    Source.GLOBAL_QUOTA: "Project quota",
    Source.PRICE: "Price list",
}
VERDICTS: Final[dict[Verdict, str]] = {
    Verdict.FOR: ":green[▲ for]",
    Verdict.AGAINST: ":red[▼ against]",
    Verdict.NEUTRAL: ":gray[● neutral]",
    Verdict.MISSING: ":orange[? missing]",
}
OUTCOMES: Final[dict[Outcome, str]] = {
    Outcome.OBTAINED: ":green[▲ obtained]",
    Outcome.STOCK_OUT: ":red[▼ out of stock]",
    Outcome.QUOTA: ":violet[▼ refused for quota]",
    Outcome.NOT_OFFERED: ":gray[▼ not offered]",
    Outcome.PREEMPTED: ":orange[▼ taken back (preempted)]",
    Outcome.TIMED_OUT: ":red[▼ no machine in time]",
}


def empty() -> None:
    st.header(":material/ads_click: Pick a cell", anchor=False)
    st.caption(
        "Click the grid, or choose a region above: what is known of that GPU there, who says so and how old it is, "
        "what it costs, and what was tried."
    )


def show(cell: Cell, *, now: datetime, zone: tzinfo) -> None:
    """Head, figures and evidence. Buttons and history are the page's."""
    _head(cell)
    found = cell.candidate
    if found is None:
        st.info(
            "Nothing is known of this region yet: the Compute API has not answered for it, or the controller has not "
            "looked. The sonar asks at once.",
            icon=":material/help:",
        )
        return
    if cell.stale:
        st.warning(
            f"This was seen {words.ago(cell.as_of, now)}; it may be otherwise now.",
            icon=":material/schedule:",
        )
    if found.zones:
        _figures(cell)
    if not found.eligible:
        refused = next(iter(found.reasons), "It can not be had here.")
        st.markdown(f":red[▼] {moments.sentence(refused, zone, now)}", unsafe_allow_html=True)
    if found.flip:
        flip = moments.sentence(found.flip, zone, now)
        st.caption(f":material/lightbulb: What would change this: {flip}", unsafe_allow_html=True)
    for doubt in _doubts(found.evidence, now):
        st.markdown(f":small[:orange[:material/warning: {words.plain(doubt)}]]")
    if found.evidence:
        st.markdown(table(found.evidence, now, zone), unsafe_allow_html=True)
    elif found.zones:
        reasons = "\n".join(f"- {moments.sentence(one, zone, now)}" for one in found.reasons)
        st.caption(reasons, unsafe_allow_html=True)
        st.caption(
            "The controller keeps evidence piece by piece for the GPUs that the placement asks for; the sonar brings "
            "it for any other."
        )


def _head(cell: Cell) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(words.plain(cell.region), anchor=False, width="content")
        st.caption(words.place(cell.region), width="content")
        st.badge(
            cells.odds_words(cell),
            color=cells.LETTER_COLORS[cell.letter],  # type: ignore[arg-type] - Streamlit's own names of colours
        )
        if cell.heard:
            st.badge("by the sonar", icon=":material/radar:", color="blue")


def _figures(cell: Cell) -> None:
    found = cell.candidate
    assert found is not None  # noqa: S101 - for the type checker
    machine = catalog.ACCELERATORS.get(cell.accelerator)
    price, quota = cells.money_and_quota(found)
    model = cells.MODEL_TITLES[cell.provisioning].lower()
    wait = "unknown" if found.eta_s is None else f"about {fleet_words.duration(found.eta_s)}"
    facts = (
        ("GPU", f"{words.gpu(cell.accelerator)}, {model}", machine.machine_type if machine else ""),
        ("Price", price.replace(" per hour", " / h"), "list price, with cluster fee"),
        ("Quota", quota.removeprefix("Quota "), "in the region"),
        ("To serving", wait, "if it is had at once"),
        ("Zones", ", ".join(zone.removeprefix(f"{cell.region}-") for zone in found.zones), "that list it"),
    )
    for column, (name, value, note) in zip(st.columns([1.5, 1, 1, 1, 0.8], gap="small"), facts, strict=True):
        with column, st.container(gap=None):
            st.caption(name)
            st.markdown(f"**{words.plain(value)}**")
            st.caption(words.plain(note))


def _doubts(pieces: tuple[Evidence, ...], now: datetime) -> Iterator[str]:
    """Conflicts and what has grown old; what is missing has its own line in the table."""
    yield from evidence.conflicts(pieces, now)
    yield from evidence.old(pieces, now)


def table(pieces: tuple[Evidence, ...], now: datetime, zone: tzinfo) -> str:
    rows = [f"| {' | '.join(_row(piece, now, zone))} |" for piece in pieces]
    return "\n".join(
        ["| Who says it | Verdict | What it says | When | Counts now |", "|---|---|---|---|---|", *rows]
    )


def _row(piece: Evidence, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    weight = piece.weight(now)
    old = piece.at is not None and weight < evidence.STALE
    when = "now" if piece.at is None else words.ago(piece.at, now)
    missing = piece.verdict is Verdict.MISSING
    return (
        SOURCES[piece.source],
        _together(":orange[◌ old]" if old else VERDICTS[piece.verdict]),
        moments.sentence(piece.says, zone, now),
        "-" if missing else when,
        "-" if missing else _together(f"{_bar(weight)} {weight:.0%}"),
    )


def _together(text: str) -> str:
    """On one line."""
    return text.replace(" ", "\u00a0")


def _bar(weight: float) -> str:
    full = round(5 * weight)
    return "▰" * full + "▱" * (5 - full)


def history(record: Seen[Record], cell: Cell, *, spot: Candidate | None, now: datetime) -> None:
    """Own tries here, and what became of Spot machines."""
    st.markdown("**History**")
    st.caption(words.plain(_preempted(spot)))
    if record.trouble is not None:
        st.markdown(f":small[:orange[:material/history_toggle_off: {words.plain(record.trouble.sentence)}]]")
    if record.value is None:
        if record.trouble is None:
            st.caption("Reading the journal…")
        return
    mine = record.value.of(cell.region, cell.accelerator)
    if not mine:
        st.caption("No own try here is on record.")
        return
    taken = sum(one.outcome is Outcome.PREEMPTED for one in mine)
    lost = f", {taken} taken back by Google" if taken else ""
    rest = f"; the newest {TRIES}" if len(mine) > TRIES else ""
    count = "1 own try" if len(mine) == 1 else f"{len(mine)} own tries"
    st.caption(f"{count} on record{lost}{rest}:")
    st.markdown("\n".join(f"- {_try(one, now)}" for one in mine[:TRIES]))


def _preempted(spot: Candidate | None) -> str:
    pieces = spot.evidence if spot else ()
    told = next((one for one in pieces if one.source is Source.PREEMPTIONS), None)
    if told is None or told.verdict is Verdict.MISSING:
        return "Google has told no preemption history of this GPU here yet."
    return told.says


def _try(one: Attempt, now: datetime) -> str:
    where = f" in {one.zone}" if one.zone else ""
    by = " by a capacity probe" if one.probe else ""
    model = cells.MODEL_TITLES[one.provisioning].lower()
    return f"{OUTCOMES[one.outcome]} {words.plain(f'{model}{where}{by}, {words.ago(one.at, now)}')}"
