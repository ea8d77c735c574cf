"""The table of documents on disk, and the collections of it that are held decoded in memory.

A collection is read whole when it is first asked for and forgotten when others have been used more lately, so memory
and start-up follow what is used and not what there is. Not a place for versions, listeners or transactions: those
are `store`'s.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
ROOM = 10_000  # documents held in memory; a pod takes about 8 kB there
Document = dict[str, Any]
# Walks from name to name by the primary key: the documents themselves are not read.
_NAMES = """
    WITH RECURSIVE found(name) AS (
        SELECT min(collection) FROM objects
        UNION ALL
        SELECT (SELECT min(collection) FROM objects WHERE collection > name) FROM found WHERE name IS NOT NULL
    ) SELECT name FROM found WHERE name IS NOT NULL"""


class StateError(Exception):
    """The state file can't be used; the text says what is wrong and how to mend it."""


@dataclass(slots=True)
class Collection:
    """One collection in memory, whole."""

    documents: dict[str, Document] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)


class Table:
    """Documents by (collection, key). Writes need an open transaction of `db`."""

    def __init__(self, db: sqlite3.Connection, *, room: int = ROOM) -> None:
        self._db, self._room = db, room
        self._names = [name for (name,) in db.execute(_NAMES)]
        self._held: OrderedDict[str, Collection] = OrderedDict()  # the most lately used one last
        self._size = 0

    def names(self, prefix: str) -> list[str]:
        """Collections that hold at least one document, in order."""
        begin = end = bisect_left(self._names, prefix)
        while end < len(self._names) and self._names[end].startswith(prefix):
            end += 1
        return self._names[begin:end]

    def collection(self, name: str) -> Collection:
        """To be read only, and not kept: the next call may read it anew."""
        held = self._held.get(name)
        if held is None:
            return self._read(name)
        self._held.move_to_end(name)
        return held

    def documents(self, name: str) -> Mapping[str, Document]:
        return self.collection(name).documents

    def count(self, name: str) -> int:
        """How many documents a collection has, without reading them."""
        if held := self._held.get(name):
            return len(held.documents)
        return int(self._db.execute("SELECT count(*) FROM objects WHERE collection=?", (name,)).fetchone()[0])

    def put(self, name: str, key: str, version: int, body: Document) -> None:
        held, row = self.collection(name), (name, key, version, json.dumps(body))
        self._db.execute("INSERT OR REPLACE INTO objects VALUES (?,?,?,?)", row)
        if not held.documents:
            insort(self._names, name)
            self._held[name] = held
        self._size += key not in held.documents
        held.documents[key], held.versions[key] = body, version

    def delete(self, name: str, key: str) -> None:
        """The document must be there."""
        held = self.collection(name)
        self._db.execute("DELETE FROM objects WHERE collection=? AND key=?", (name, key))
        del held.documents[key], held.versions[key]
        self._size -= 1
        if not held.documents:
            del self._names[bisect_left(self._names, name)]
            del self._held[name]

    def _read(self, name: str) -> Collection:
        held = Collection()
        index = bisect_left(self._names, name)
        if index == len(self._names) or self._names[index] != name:
            return held
        rows = self._db.execute("SELECT key, version, body FROM objects WHERE collection=?", (name,))
        for key, version, body in rows:
            held.documents[key], held.versions[key] = json.loads(body), version
        self._hold(name, held)
        return held

    def _hold(self, name: str, held: Collection) -> None:
        self._held[name] = held
        self._size += len(held.documents)
        while self._size > self._room and len(self._held) > 1:
            _, forgotten = self._held.popitem(last=False)
            self._size -= len(forgotten.documents)


def opened(path: Path) -> sqlite3.Connection:
    """The database with its table; sqlite3.DatabaseError or StateError when it can't be used."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > SCHEMA_VERSION:
        raise StateError(
            f"{path} was written by a newer version (schema {found}, this one knows {SCHEMA_VERSION}); "
            "use that version, or another ATLAS_STATE_DIR"
        )
    damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(damage.splitlines()[-1])
    db.execute(
        "CREATE TABLE IF NOT EXISTS objects (collection TEXT, key TEXT, version INTEGER, body TEXT,"
        " PRIMARY KEY (collection, key)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER)")
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return db
