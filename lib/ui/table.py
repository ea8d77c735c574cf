"""A table drawn in the browser: rows that can be chosen, badges, bars and ages. Words and values only, no decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from lib.ui import browser
from lib.ui.snapshot import Snapshot

Look = Literal["", "good", "going", "bad", "leaving", "quiet"]

_TABLE: Final = browser.component("table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    title: str
    tip: str = ""
    align: Literal["", "right"] = ""
    width: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`note` is a sentence beneath; with `since` (wall, epoch seconds) it begins with "<lead> for 42 s"."""

    id: str
    cells: tuple[dict[str, Any], ...]
    dim: bool = False  # hatched: what is shown is the last that was known
    note: str = ""
    lead: str = ""
    since: float | None = None


def cell(  # noqa: PLR0913 - each is one part of a cell, and most cells have two
    text: str = "",
    sub: str = "",
    *,
    look: Look = "",
    tip: str = "",
    badge: bool = False,
    mono: bool = False,
    at: datetime | None = None,
    bar: float | None = None,
    chips: Sequence[tuple[str, Look]] = (),
) -> dict[str, Any]:
    """`at` shows a ticking age instead of a text."""
    found: dict[str, Any] = {
        "text": text,
        "sub": sub,
        "look": look,
        "tip": tip,
        "badge": badge,
        "mono": mono,
        "at": at.timestamp() if at else None,
        "bar": bar,
        "chips": [{"text": said, "look": how} for said, how in chips],
    }
    return {name: value for name, value in found.items() if value not in ("", None, False, [])}


def show(  # noqa: PLR0913 - a table has that many parts
    snapshot: Snapshot,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    key: str,
    label: str,
    selected: str | None = None,
    chooses: bool = False,
    caption: str = "",
    live: dict[str, Any] | None = None,
) -> None:
    """With `chooses` rows can be clicked; browser.take(key, …) has the one that was. `live`: where the table asks for
    news by itself (lib.ui.live); then payload() is what the answer holds of it."""
    data = payload(snapshot, rows, caption=caption) | {
        "label": label,
        "columns": [
            {name: value for name in ("title", "tip", "align", "width") if (value := getattr(one, name))}
            for one in columns
        ],
        "selected": selected,
        "chooses": chooses,
        "heard": browser.heard(key),
        "live": live,
    }
    _TABLE(key=key, data=data, on_selected_change=lambda: None)


def payload(snapshot: Snapshot, rows: Sequence[Row], *, caption: str = "") -> dict[str, Any]:
    return {
        "clock": browser.clock(snapshot.clock),
        "caption": caption,
        "rows": [_row(one) for one in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"id": row.id, "cells": list(row.cells)}
    if row.dim:
        found["dim"] = True
    if row.note:
        found["note"] = {"text": row.note, "lead": row.lead, "since": row.since}
    return found
