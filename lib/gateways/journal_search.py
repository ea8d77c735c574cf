"""Looking things up in the whole journal: by time, kind, region, words and who; a page at a time, with how many there are.

Following what is new is `journal.read`'s; this is for people who look for something that is long past.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from lib.fleet.model import Entry
from lib.gateways.errors import JournalError
from lib.gateways.journal import READ_LIMIT, Journal, entries_table, entry_from

PLATFORM = "gpu-atlas"  # as whom the controller acts
ESCAPE = "\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. Empty fields don't restrict; `people`: only what a person did."""

    kinds: tuple[str, ...] = ()
    region: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    people: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    entries: tuple[Entry, ...]  # newest first
    total: int  # that fit, also those of other pages


def search(url: str, wanted: Search, *, limit: int, offset: int = 0) -> Found:
    """Raises JournalError."""
    table = entries_table
    fits = sa.and_(sa.true(), *_conditions(wanted))
    page = (
        sa.select(table)
        .where(fits)
        .order_by(table.c.at.desc(), table.c.id.desc())
        .limit(min(limit, READ_LIMIT))
        .offset(max(0, offset))
    )
    with closing(Journal(url)) as journal:
        try:
            with journal.opened().connect() as connection:
                total = connection.execute(sa.select(sa.func.count()).select_from(table).where(fits)).scalar()
                rows = connection.execute(page).all()
        except DBAPIError as e:
            raise JournalError(journal.unusable(e)) from e
    return Found(entries=tuple(entry_from(row) for row in rows), total=int(total or 0))


def _conditions(wanted: Search) -> list[sa.ColumnElement[bool]]:
    columns = entries_table.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.kinds:
        found.append(columns.kind.in_(wanted.kinds))
    if wanted.region:
        found.append(columns.region == wanted.region)
    if wanted.since:
        found.append(columns.at >= wanted.since.timestamp())
    if wanted.until:
        found.append(columns.at <= wanted.until.timestamp())
    if wanted.people:
        found.append(columns.actor.not_in(("", PLATFORM)))
    words = wanted.text.split()
    found.extend(sa.or_(*(_holds(columns[name], word) for name in _SEARCHED)) for word in words)
    return found


_SEARCHED = ("message", "subject", "region", "actor", "operation_id")


def _holds(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    for sign in (ESCAPE, "%", "_"):
        word = word.replace(sign, ESCAPE + sign)
    return column.ilike(f"%{word}%", escape=ESCAPE)
