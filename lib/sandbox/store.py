"""Where the sandbox keeps every object: one SQLite table, of which the collections in use are held in memory.

A write is in the database (WAL, one commit) before `put` or `delete` returns, so an answer that a client got survives
kill -9 of this process. It need not survive a power loss: commits are not synced to the disk one by one. Values
are JSON documents; callers must treat what they get as read-only and put a new document to change it. Versions grow
over the whole store and serve as Kubernetes resourceVersions. Used from one thread (the server's event loop).
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.sandbox import store_table
from lib.sandbox.store_table import Document, StateError

__all__ = ["Change", "Document", "StateError", "Store"]
HISTORY = 5_000
EVERYTHING = ""  # the collection that a listener of all changes names


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
        try:
            self._db = store_table.opened(path)
            self._table = store_table.Table(self._db)
            row = self._db.execute("SELECT value FROM counters WHERE name='version'").fetchone()
        except (sqlite3.DatabaseError, ValueError) as e:
            raise StateError(
                f"{path} is not a readable sandbox state ({e}); move it away and start again"
            ) from e
        self.version: int = row[0] if row else 0
        self._listeners: dict[str, list[Callable[[Change], None]]] = {}
        self.history: deque[Change] = deque(maxlen=HISTORY)  # of Kubernetes objects, for watches that resume
        self.oldest_version = self.version  # a watch from before this is too old (410)
        self._batch: list[Change] | None = None

    def get(self, collection: str, key: str) -> Document | None:
        return self._table.documents(collection).get(key)

    def version_of(self, collection: str, key: str) -> int:
        return self._table.collection(collection).versions.get(key, 0)

    def items(self, collection: str) -> Iterator[tuple[str, Document]]:
        """In key order; a copy, so the collection may be changed while iterating."""
        return iter(sorted(self._table.documents(collection).items()))

    def starting(self, collection: str, start: str) -> Iterator[Document]:
        """Documents whose keys start so, in no order; not to be changed while iterating."""
        return (d for key, d in self._table.documents(collection).items() if key.startswith(start))

    def count(self, collection: str) -> int:
        """How many objects there are, without looking at them."""
        return self._table.count(collection)

    def collections(self, prefix: str) -> list[str]:
        """Names of the collections that hold at least one object."""
        return self._table.names(prefix)

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
        with self._written():
            self._table.put(collection, key, version, body)
        self._publish(Change(version=version, collection=collection, key=key, old=old, new=body))
        return version

    def delete(self, collection: str, key: str) -> Document | None:
        """Remove and return the object; None when there is none."""
        old = self.get(collection, key)
        if old is None:
            return None
        version = self._next_version()
        with self._written():
            self._table.delete(collection, key)
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

    def subscribe(
        self, listener: Callable[[Change], None], collection: str = EVERYTHING
    ) -> Callable[[], None]:
        """Call `listener` after each committed change of the collection; returns the way to stop."""
        self._listeners.setdefault(collection, []).append(listener)

        def stop() -> None:
            left = self._listeners.get(collection, [])
            if listener in left:
                left.remove(listener)
            if not left:
                self._listeners.pop(collection, None)

        return stop

    def close(self) -> None:
        self._db.close()

    def _next_version(self) -> int:
        self.version += 1
        return self.version

    @contextmanager
    def _written(self) -> Iterator[None]:
        """One write and the counter of versions, in the transaction that is open or in one of its own."""
        alone = self._batch is None
        if alone:
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if alone:
                self._db.execute("ROLLBACK")
            raise
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
        for listener in [*self._listeners.get(change.collection, ()), *self._listeners.get(EVERYTHING, ())]:
            listener(change)
