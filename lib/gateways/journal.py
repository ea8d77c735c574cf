"""What was seen, decided and done, in order: for timelines, drill reports and learned ETAs.

It decides nothing: losing it loses history, never control. SQLite file by default, any server database by
URL. Several processes append and read at the same time. Appending with a `key` twice writes once. Reads are
bounded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from lib.fleet.durations import learned
from lib.fleet.model import PROGRESS, Attempt, Durations, Entry, Outcome, Phase, Provisioning
from lib.gateways.errors import JournalError

SCHEMA_VERSION = 1
KINDS = frozenset(
    {
        "phase",
        "decision",
        "action",
        "event",
        "attempt",
        "probe",
        "prompt",
        "intent",
        "fault",
        "bootstrap",
        "error",
        "ledger",
        "spend",
    }
)
READ_LIMIT = 2_000
KEEP_ENTRIES = 200_000
TRIM_EVERY = 500  # appends of one process
BUSY_S = 5.0

_metadata = sa.MetaData()
entries_table = sa.Table(
    "entries",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(200), unique=True, nullable=True),
    sa.Column("at", sa.Float, nullable=False),  # seconds since the epoch, in the target's time
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("region", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("operation_id", sa.String(80), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("entries_by_kind", "kind", "id"),
    sqlite_autoincrement=True,  # a trimmed id is never given again: readers remember the last they saw
)
_version = sa.Table("schema_version", _metadata, sa.Column("version", sa.Integer, primary_key=True))


class Journal:
    """Opened at its first use, when missing tables are made, so that a process whose journal is broken can run
    without one. Every use of a broken one raises JournalError with one sentence; a wrong URL does so here."""

    def __init__(self, url: str) -> None:
        self._appended = 0
        self._is_open = False
        self._lock = threading.Lock()
        try:
            self._where = make_url(url).render_as_string(hide_password=True)
            self._engine = _engine(url)
        except ArgumentError as e:
            raise JournalError("ATLAS_JOURNAL_URL is not a database URL.") from e
        except ImportError as e:
            raise JournalError(f"ATLAS_JOURNAL_URL needs a driver that is not installed ({e.name}).") from e

    def append(  # noqa: PLR0913 - an entry has that many columns
        self,
        kind: str,
        *,
        at: datetime,
        region: str = "",
        subject: str = "",
        message: str = "",
        actor: str = "",
        operation_id: str = "",
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> bool:
        """False when an entry with this key is there already."""
        if kind not in KINDS:
            raise ValueError(f"no journal kind {kind!r}")
        row = {
            "key": key,
            "at": at.timestamp(),
            "kind": kind,
            "region": region,
            "subject": subject[:200],
            "message": message,
            "actor": actor,
            "operation_id": operation_id,
            "body": json.dumps(body or {}, default=str),
        }
        try:
            with self.opened().begin() as connection:
                connection.execute(sa.insert(entries_table).values(row))
        except IntegrityError:
            return False
        except DBAPIError as e:
            raise JournalError(self.unusable(e)) from e
        self._trim_now_and_then()
        return True

    def read(
        self,
        after: int = 0,
        kinds: Iterable[str] | None = None,
        limit: int = 200,
        *,
        newest: bool = True,
        region: str | None = None,
    ) -> list[Entry]:
        """Entries with an id above `after`: newest first, or oldest first to follow the journal."""
        query = sa.select(entries_table).where(entries_table.c.id > after)
        if kinds is not None:
            query = query.where(entries_table.c.kind.in_(tuple(kinds)))
        if region is not None:
            query = query.where(entries_table.c.region == region)
        order = entries_table.c.id.desc() if newest else entries_table.c.id.asc()
        return [entry_from(row) for row in self._rows(query.order_by(order).limit(min(limit, READ_LIMIT)))]

    def durations(self) -> Durations:
        """Seconds that regions spent in each phase on their way to serving, as `durations.learned` takes them."""
        rows = self.read(kinds=("phase",), limit=READ_LIMIT, newest=True)
        spent: dict[Phase, list[float]] = {}
        since: dict[str, tuple[Phase, datetime]] = {}
        for entry in reversed(rows):
            phase = _phase(entry.body.get("phase"))
            if phase is None:
                continue
            before = since.get(entry.region)
            if before and _forward(before[0], phase):
                spent.setdefault(before[0], []).append((entry.at - before[1]).total_seconds())
            since[entry.region] = (phase, entry.at)
        return learned(spent)

    def attempts(self, after: int = 0) -> tuple[int, tuple[Attempt, ...]]:
        """Own tries for GPUs with an id above `after`, of whichever process, and the last id read. What another
        version wrote in a way that can't be read is left out."""
        rows = self.read(after=after, kinds=("attempt",), limit=READ_LIMIT, newest=True)
        found = tuple(a for row in reversed(rows) if (a := _attempt(row.body)))
        return max((row.id for row in rows), default=after), found

    def append_attempt(self, attempt: Attempt) -> bool:
        """False when it is there already."""
        body = {**asdict(attempt), "at": attempt.at.isoformat()}
        return self.append(
            "attempt",
            at=attempt.at,
            region=attempt.region,
            message=attempt.message,
            key=attempt_key(attempt),
            body=body,
        )

    def trim(self, keep: int = KEEP_ENTRIES) -> int:
        """Drop all but the newest `keep` entries; returns how many went."""
        try:
            with self.opened().begin() as connection:
                newest = connection.execute(sa.select(sa.func.max(entries_table.c.id))).scalar() or 0
                gone = connection.execute(sa.delete(entries_table).where(entries_table.c.id <= newest - keep))
                return gone.rowcount
        except DBAPIError as e:
            raise JournalError(self.unusable(e)) from e

    def close(self) -> None:
        self._engine.dispose()

    def opened(self) -> sa.Engine:
        with self._lock:
            if not self._is_open:
                try:
                    self._prepare_beside_others()
                except (DBAPIError, OSError) as e:
                    raise JournalError(self.unusable(e)) from e
                self._is_open = True
        return self._engine

    def _prepare_beside_others(self) -> None:
        """Another process may make the tables at the same moment. Each clash means that one more of them, or the
        version's row, is there now, so looking again ends."""
        for _ in range(len(_metadata.tables) + 1):
            try:
                return self._prepare()
            except DBAPIError:
                continue
        return self._prepare()

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            if not sa.inspect(connection).has_table(_version.name):
                _metadata.create_all(connection, checkfirst=True)
            found = connection.execute(sa.select(sa.func.max(_version.c.version))).scalar()
            if found is None:
                connection.execute(sa.insert(_version).values(version=SCHEMA_VERSION))
        if found is not None and found > SCHEMA_VERSION:
            raise JournalError(
                f"The journal {self._where} was written by a newer version (schema {found}, this one knows "
                f"{SCHEMA_VERSION}); use that version, or set another ATLAS_JOURNAL_URL."
            )

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        try:
            with self.opened().connect() as connection:
                return list(connection.execute(query))
        except DBAPIError as e:
            raise JournalError(self.unusable(e)) from e

    def unusable(self, e: Exception) -> str:
        cause = str(getattr(e, "orig", None) or e).rstrip(".")
        return (
            f"The journal {self._where} can't be used ({cause}); move it away to start a new one: "
            "only history is lost."
        )

    def _trim_now_and_then(self) -> None:
        with self._lock:
            self._appended += 1
            due = self._appended % TRIM_EVERY == 0
        if due:
            self.trim()


def attempt_key(a: Attempt) -> str:
    """A GPU that was obtained by a pod stays obtained; each failure, and each probe, is told again."""
    when = "" if a.outcome is Outcome.OBTAINED and not a.probe else f"{a.at:%Y%m%dT%H%M%S}"
    return f"attempt/{a.region}/{a.zone}/{a.accelerator}/{a.provisioning}/{a.outcome}/{when}"


def _attempt(body: Mapping[str, Any]) -> Attempt | None:
    try:
        return Attempt(
            region=str(body["region"]),
            accelerator=str(body["accelerator"]),
            provisioning=Provisioning(body["provisioning"]),
            outcome=Outcome(body["outcome"]),
            at=datetime.fromisoformat(body["at"]),
            zone=str(body.get("zone", "")),
            message=str(body.get("message", "")),
            probe=bool(body.get("probe", False)),
        )
    except (KeyError, ValueError):
        return None


def _engine(url: str) -> sa.Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        # WAL: the dashboard reads while the controller writes. NORMAL: a power cut may lose the last entries.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def entry_from(row: Any) -> Entry:
    return Entry(
        id=row.id,
        at=datetime.fromtimestamp(0, UTC) + timedelta(seconds=row.at),
        kind=row.kind,
        region=row.region,
        subject=row.subject,
        message=row.message,
        actor=row.actor,
        operation_id=row.operation_id,
        body=json.loads(row.body),
    )


def _phase(name: object) -> Phase | None:
    try:
        return Phase(str(name))
    except ValueError:
        return None


def _forward(before: Phase, after: Phase) -> bool:
    """Only a step towards serving tells how long a phase takes; a stock-out in between does not."""
    return before in PROGRESS and after in PROGRESS and PROGRESS.index(after) > PROGRESS.index(before)
