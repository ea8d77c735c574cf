"""Who did what, when, under which operation id: the journal's changes as a table to read and to take along."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

import streamlit as st

from lib.fleet.model import Entry
from lib.ui import moments, timeline

KINDS: Final = (
    "intent",
    "fault",
    "ledger",
)  # wishes, faults that were put in, and what was made or removed for them
SHOWN: Final = 200  # a page
HERE: Final = "Time"
WHEN: Final = "Time (UTC)"  # what is taken along stays in UTC
COLUMNS: Final = (WHEN, "Who", "What", "Where", "Sentence", "Outcome", "Operation id")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def show(entries: Sequence[Entry], zone: tzinfo) -> None:
    rows = [row(entry) for entry in entries]
    st.dataframe(
        [local(one, entry, zone) for one, entry in zip(rows, entries, strict=True)],
        key="audit_table",
        hide_index=True,
        height=min(620, 36 * (len(rows) + 1) + 2),
        column_config={
            HERE: st.column_config.TextColumn(
                width=165, help="Your own time; the last column has it in UTC."
            ),
            "Sentence": st.column_config.TextColumn(width="large"),
        },
    )
    st.download_button(
        "Download this page as CSV",
        exported(rows),
        file_name="gpu-atlas-audit.csv",
        mime="text/csv",
        key="audit_export",
        icon=":material/download:",
        help="Times in the file are UTC.",
        on_click="ignore",
    )


def local(row: Mapping[str, str], entry: Entry, zone: tzinfo) -> dict[str, str]:
    """As it is shown: the viewer's time first, UTC last."""
    return {HERE: moments.day(entry.at, zone)} | {name: row[name] for name in (*COLUMNS[1:], WHEN)}


def row(entry: Entry) -> dict[str, str]:
    ledger = entry.kind == "ledger"
    what = f"{entry.body.get('kind', '')} {entry.body.get('name', '')}".strip() if ledger else entry.subject
    return dict(
        zip(
            COLUMNS,
            (
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                entry.actor or "not told",
                what or timeline.title(entry),
                entry.region,
                entry.message,
                _outcome(entry.body) if ledger else "asked for",
                entry.operation_id,
            ),
            strict=True,
        )
    )


def _outcome(body: Mapping[str, Any]) -> str:
    error = f": {body['error']}" if body.get("error") else ""
    return f"{body.get('step', '')}{error}"


def exported(rows: Iterable[Mapping[str, str]]) -> str:
    """A text that begins like a formula is quoted: a spreadsheet would carry it out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in rows:
        cells = (one[name] for name in COLUMNS)
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()
