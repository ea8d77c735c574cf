"""Who did what, when, under which operation id: the journal's changes as a table to read and to take along."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from lib.fleet.model import Entry
from lib.ui import timeline

KINDS: Final = (
    "intent",
    "fault",
    "ledger",
)  # wishes, faults that were put in, and what was made or removed for them
SHOWN: Final = 200  # a page
COLUMNS: Final = ("Time (UTC)", "Who", "What", "Where", "Sentence", "Outcome", "Operation id")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def show(entries: Sequence[Entry]) -> None:
    rows = [row(entry) for entry in entries]
    st.dataframe(
        rows,
        key="audit_table",
        hide_index=True,
        height=min(620, 36 * (len(rows) + 1) + 2),
        column_config={
            "Time (UTC)": st.column_config.TextColumn(width=150),
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
        on_click="ignore",
    )


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
