"""The tools of the server's printing: what a column is, paths into an object, ages. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Document = dict[str, Any]
Cell = Callable[[Document, datetime], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    cell: Cell
    type: str = "string"
    wide: bool = False  # only with -o wide


_STEP = re.compile(
    r"""\.?([\w-]+)|\['([^']+)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]"""
)


def json_path(item: Any, path: str) -> list[Any]:
    """The small part of JSONPath that printer columns use: fields, [n], [*] and [?(@.field=="value")]."""
    found = [item]
    for name, quoted, index, field, wanted in _STEP.findall(path.replace("\\.", "\0")):
        key = (name or quoted).replace("\0", ".")
        if key:
            found = [v[key] for v in found if isinstance(v, dict) and v.get(key) is not None]
        elif field:
            found = [
                i
                for v in found
                if isinstance(v, list)
                for i in v
                if str(json_path(i, field)[:1]) == f"['{wanted}']"
            ]
        elif index == "*":
            found = [
                i
                for v in found
                if isinstance(v, list | dict)
                for i in (v.values() if isinstance(v, dict) else v)
            ]
        else:
            found = [v[int(index)] for v in found if isinstance(v, list) and len(v) > int(index)]
    return found


def age(stamp: str | None, now: datetime) -> str:
    """As kubectl writes durations: 7s, 3m20s, 45m, 2h5m, 3d4h."""
    if not stamp:
        return "<unknown>"
    seconds = int((now - datetime.fromisoformat(stamp.replace("Z", "+00:00"))).total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{max(0, seconds)}s"),
        (minutes < 10, f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"),
        (hours < 48, f"{hours}h"),
        (days < 8, f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"),
    )
    return next((text for fits, text in steps if fits), f"{days}d")
