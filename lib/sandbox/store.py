"""Where the sandbox keeps every object: one SQLite table behind an in-memory copy.

A write is on disk (WAL, one commit) before `put` or `delete` returns, so an answer that a client got survives
kill -9. Reads come from memory. Values are JSON documents; callers must treat what they get as read-only and
put a new document to change it. Versions grow over the whole store and serve as Kubernetes resourceVersions.
Used from one thread (the server's event loop).
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
HISTORY = 5_000
Document = dict[str, Any]


class StateError(Exception):
    """The state file can't be used; the text says what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one object; `old` is None for a creation, `new` is None for a deletion."""

    version: int
    collection: str
    key: str
    old: Document | None
    new: Document | None


class Store:
    """Collections of JSON documents by key.

    Collection names: "gke.clusters", "gke.operations", "hub.memberships", ..., and for Kubernetes
    "kube/<cluster id>/<group>/<plural>" with keys "<namespace>/<name>" (namespace "" when cluster-scoped).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._memory: dict[str, dict[str, Document]] = {}
        self._versions: dict[tuple[str, str], int] = {}
        try:
            self._db = _opened(path)
            self.version = self._load()
        except (sqlite3.DatabaseError, ValueError) as e:
            raise StateError(
                f"{path} is not a readable sandbox state ({e}); move it away and start again"
            ) from e
        self._listeners: list[Callable[[Change], None]] = []
        self.history: deque[Change] = deque(maxlen=HISTORY)  # of Kubernetes objects, for watches that resume
        self.oldest_version = self.version  # a watch from before this is too old (410)
        self._batch: list[Change] | None = None

    def _load(self) -> int:
        for collection, key, version, body in self._db.execute("SELECT * FROM objects"):
            self._memory.setdefault(collection, {})[key] = json.loads(body)
            self._versions[collection, key] = version
        row = self._db.execute("SELECT value FROM counters WHERE name='version'").fetchone()
        return max(row[0] if row else 0, max(self._versions.values(), default=0))

    def get(self, collection: str, key: str) -> Document | None:
        return self._memory.get(collection, {}).get(key)

    def version_of(self, collection: str, key: str) -> int:
        return self._versions.get((collection, key), 0)

    def items(self, collection: str) -> Iterator[tuple[str, Document]]:
        """In key order; a copy, so the collection may be changed while iterating."""
        return iter(sorted(self._memory.get(collection, {}).items()))

    def collections(self, prefix: str) -> list[str]:
        """Names of the collections that hold at least one object."""
        return sorted(c for c, objects in self._memory.items() if objects and c.startswith(prefix))

    def put(
        self,
        collection: str,
        key: str,
        body: Document,
        *,
        stamp: Callable[[Document, int], None] | None = None,
    ) -> int:
        """Write one object and return its version. `stamp(body, version)` may write the version into the
        body (Kubernetes' metadata.resourceVersion) before it is stored."""
        version = self._next_version()
        if stamp:
            stamp(body, version)
        old = self.get(collection, key)
        self._write(
            "INSERT OR REPLACE INTO objects VALUES (?,?,?,?)", (collection, key, version, json.dumps(body))
        )
        self._memory.setdefault(collection, {})[key] = body
        self._versions[collection, key] = version
        self._publish(Change(version=version, collection=collection, key=key, old=old, new=body))
        return version

    def delete(self, collection: str, key: str) -> Document | None:
        """Remove and return the object; None when there is none."""
        old = self.get(collection, key)
        if old is None:
            return None
        version = self._next_version()
        self._write("DELETE FROM objects WHERE collection=? AND key=?", (collection, key))
        del self._memory[collection][key]
        self._versions.pop((collection, key), None)
        self._publish(Change(version=version, collection=collection, key=key, old=old, new=None))
        return old

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A crash inside leaves all of the writes on disk or none. Do not await inside. An exception does not
        undo the writes before it: verbs check first and write then."""
        if self._batch is not None:
            yield
            return
        self._batch = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            # Memory already holds the writes, so the disk must follow even if a later one failed.
            self._db.execute("COMMIT")
            batch, self._batch = self._batch, None
            for change in batch:
                self._tell(change)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` after each committed change; returns the way to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def close(self) -> None:
        self._db.close()

    def _next_version(self) -> int:
        self.version += 1
        return self.version

    def _write(self, sql: str, arguments: tuple[Any, ...]) -> None:
        alone = self._batch is None
        if alone:
            self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(sql, arguments)
        self._db.execute("INSERT OR REPLACE INTO counters VALUES ('version', ?)", (self.version,))
        if alone:
            self._db.execute("COMMIT")

    def _publish(self, change: Change) -> None:
        if self._batch is not None:
            self._batch.append(change)
        else:
            self._tell(change)

    def _tell(self, change: Change) -> None:
        if change.collection.startswith("kube/"):
            if len(self.history) == self.history.maxlen:
                self.oldest_version = self.history[0].version
            # Others are not watched, and each change kept keeps two documents alive.
            self.history.append(change)
        for listener in list(self._listeners):
            listener(change)


def _opened(path: Path) -> sqlite3.Connection:
    """The database with its tables; sqlite3.DatabaseError or StateError when it can't be used."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > SCHEMA_VERSION:
        raise StateError(
            f"{path} was written by a newer version (schema {found}, this one knows {SCHEMA_VERSION}); "
            "use that version, or another ATLAS_STATE_DIR"
        )
    db.execute(
        "CREATE TABLE IF NOT EXISTS objects (collection TEXT, key TEXT, version INTEGER, body TEXT,"
        " PRIMARY KEY (collection, key)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER)")
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return db
