"""Watches: a stream of JSON lines fed by the store's own changes, resumable by resourceVersion.

One queue for each open watch, no thread and no polling of the store. History is what the store remembers since it
was opened; a client that asks for older gets 410 Expired and lists again, as with etcd's compaction.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from lib.sandbox.kube import errors
from lib.sandbox.store import Change
from lib.sandbox.world import World

Document = dict[str, Any]
DEFAULT_TIMEOUT_S = 1800.0
BOOKMARK_EVERY_S = 30.0
_LOOK_UP_S = 1.0  # how long a quiet watch takes to notice that the control plane went away


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one watch wants to hear of."""

    world: World
    collection: str
    namespace: str | None
    selects: Callable[[Document], bool]
    show: Callable[[Document], Document]  # how an object is written (view, table, without private keys)
    bookmark: Document  # apiVersion and kind of the objects
    alive: Callable[[], bool]
    resource_version: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    bookmarks: bool = False
    initial_events: bool = False  # sendInitialEvents: list first, then a marked bookmark


async def stream(wanted: Subscription) -> AsyncIterator[bytes]:
    """Lines until the time is over, the client goes, or the control plane does. Subscribes before it looks at the
    past, so nothing falls between."""
    queue: asyncio.Queue[Change] = asyncio.Queue()
    store = wanted.world.store
    unsubscribe = store.subscribe(
        lambda change: queue.put_nowait(change) if _concerns(wanted, change) else None, wanted.collection
    )
    try:
        past, at = _past(wanted)
        for line in past:
            yield line
        async for line in _live(wanted, queue, at):
            yield line
    finally:
        unsubscribe()


def _concerns(wanted: Subscription, change: Change) -> bool:
    if change.collection != wanted.collection:
        return False
    return wanted.namespace is None or change.key.startswith(f"{wanted.namespace}/")


def _past(wanted: Subscription) -> tuple[list[bytes], int]:
    """What happened up to now, and the version that this is."""
    store, since = wanted.world.store, wanted.resource_version
    if since in {"", "0"} or wanted.initial_events:
        everything = (
            Change(version=0, collection=wanted.collection, key=key, old=None, new=body)
            for key, body in store.items(wanted.collection)
        )
        lines = [line for c in everything if _concerns(wanted, c) and (line := _line(wanted, c))]
        if wanted.initial_events:
            lines.append(_bookmark(wanted, store.version, initial_end=True))
        return lines, store.version
    if not since.isdigit():
        raise errors.bad_request(f'invalid resource version "{since}"')
    if not store.oldest_version <= int(since) <= store.version:
        text = f"too old resource version: {since} ({store.oldest_version})"
        return [_write({"type": "ERROR", "object": errors.expired(text).body()})], -1
    changes = [c for c in store.history if c.version > int(since) and _concerns(wanted, c)]
    return [line for c in changes if (line := _line(wanted, c))], store.version


async def _live(wanted: Subscription, queue: asyncio.Queue[Change], at: int) -> AsyncIterator[bytes]:
    # Sockets live in wall time.
    ends, next_bookmark = time.monotonic() + wanted.timeout_s, time.monotonic() + BOOKMARK_EVERY_S
    while at >= 0 and (left := ends - time.monotonic()) > 0 and wanted.alive():
        try:
            change = await asyncio.wait_for(queue.get(), min(left, _LOOK_UP_S))
        except TimeoutError:
            change = None
        if change is not None and change.version > at and (line := _line(wanted, change)):
            yield line
        if wanted.bookmarks and time.monotonic() >= next_bookmark and queue.empty():
            next_bookmark = time.monotonic() + BOOKMARK_EVERY_S
            yield _bookmark(wanted, wanted.world.store.version)
    if wanted.bookmarks and at >= 0 and queue.empty() and wanted.alive():
        yield _bookmark(wanted, wanted.world.store.version)


def _line(wanted: Subscription, change: Change) -> bytes | None:
    """An object that stops matching the selectors is DELETED for this watch, one that starts to is ADDED."""
    before = change.old is not None and wanted.selects(change.old)
    after = change.new is not None and wanted.selects(change.new)
    if not before and not after:
        return None
    kind = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
    body = change.new if after or change.new is not None else change.old
    shown = wanted.show(body or {})
    if kind == "DELETED" and "metadata" in shown:
        shown = {**shown, "metadata": {**shown["metadata"], "resourceVersion": str(change.version)}}
    return _write({"type": kind, "object": shown})


def _bookmark(wanted: Subscription, version: int, *, initial_end: bool = False) -> bytes:
    metadata: Document = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return _write({"type": "BOOKMARK", "object": {**wanted.bookmark, "metadata": metadata}})


def _write(event: Document) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
