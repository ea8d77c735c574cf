"""What an Event looks like, and its name. Storing and forgetting them is `storage`'s."""

from __future__ import annotations

import hashlib
from typing import Any

Document = dict[str, Any]


def digest(involved: Document, said: Document, component: str) -> str:
    """The same for the same thing said of the same object by the same component."""
    parts = (involved["metadata"].get("uid"), said["type"], said["reason"], said["message"], component)
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def name(involved: Document, at: float, version: int) -> str:
    """As client-go names them, by nanoseconds: events of one object list in the order in which they were made, also
    those of one second. What the clock doesn't tell apart the store's version does (once round in a million)."""
    return f"{involved['metadata']['name']}.{int(at * 1000) * 1_000_000 + version % 1_000_000:x}"


def event(involved: Document, metadata: Document, said: Document, *, component: str, at: str) -> Document:
    """A new v1 Event about an object; `said` holds type, reason and message."""
    about = involved["metadata"]
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {**metadata, "creationTimestamp": at},
        "involvedObject": {
            "kind": involved.get("kind", ""),
            "namespace": about.get("namespace", ""),
            "name": about["name"],
            "uid": about.get("uid", ""),
            "apiVersion": involved.get("apiVersion", "v1"),
            "resourceVersion": about.get("resourceVersion", ""),
        },
        **said,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "eventTime": None,
        "count": 1,
    }


def repeated(earlier: Document, at: str) -> Document:
    return {**earlier, "lastTimestamp": at, "count": earlier.get("count", 1) + 1}
