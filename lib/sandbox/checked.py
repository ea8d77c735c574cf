"""Reads what a user wrote, field by field: what is wrong is said once, with its place and what would be right.

For scenario and trace files. Requests of the Google APIs are checked where they are answered, in those APIs' words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class BadScenario(ValueError):  # noqa: N818 - it is a file, and the text says what is bad in it
    """One sentence: file, field, what is wrong, what would be right."""


def bad(where: str, wrong: str, right: str) -> BadScenario:
    return BadScenario(f"{where.rstrip(':')}: {wrong}; it must be {right}.")


@dataclass(frozen=True, slots=True)
class Part:
    """One mapping of a file. `where` is its place as complaints name it: "calm.yaml:" for the whole, then
    "calm.yaml: stock.habits". With `fields` no other name is allowed in it."""

    found: Any
    where: str
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.found, Mapping):
            fields = f" of {', '.join(self.fields)}" if self.fields else ""
            raise bad(self.where, f"{_shown(self.found)} is no mapping", f"a mapping{fields}")
        for name in self.found:
            if self.fields and name not in self.fields:
                raise bad(self.at(str(name)), "there is no such field", f"one of {', '.join(self.fields)}")

    def at(self, name: str) -> str:
        return f"{self.where}{' ' if self.where.endswith(':') else '.'}{name}"

    def has(self, name: str) -> bool:
        return self.found.get(name) is not None

    def text(self, name: str) -> str:
        value = self.found.get(name)
        if not isinstance(value, str) or not value.strip():
            raise bad(self.at(name), _shown(value), "a text")
        return value.strip()

    def choice(self, name: str, allowed: Iterable[str], default: str) -> str:
        return chosen(self.found.get(name, default), self.at(name), tuple(allowed))

    def choices(self, name: str, allowed: Iterable[str], default: tuple[str, ...]) -> tuple[str, ...]:
        """One of the allowed words, or a list of them."""
        value = self.found.get(name, list(default))
        values = value if isinstance(value, list) else [value]
        return tuple(chosen(v, self.at(name), tuple(allowed)) for v in values)

    def number(self, name: str, *, low: float, high: float) -> float:
        value = self.found.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise bad(self.at(name), _shown(value), f"a number from {low:g} to {high:g}")
        return float(value)

    def duration(self, name: str, *, example: str) -> float:
        """Seconds: "90s", "30m", "1h30m", with or without a plus before it."""
        text = str(self.found.get(name, "")).removeprefix("+")
        parts = _DURATION.findall(text)
        if not parts or "".join(f"{n}{u}" for n, u in parts) != text:
            raise bad(self.at(name), f"{_shown(self.found.get(name))} is no duration", f"like {example}")
        return sum(float(n) * _UNITS[u] for n, u in parts)

    def part(self, name: str, *fields: str) -> Part:
        return Part(self.found.get(name), self.at(name), fields)

    def parts(self, name: str, *fields: str) -> list[Part]:
        """The mappings of a list; none when the field is not there."""
        value = self.found.get(name)
        if value is not None and not isinstance(value, list):
            raise bad(self.at(name), f"{_shown(value)} is no list", "a list")
        return [Part(v, f"{self.at(name)}[{n}]", fields) for n, v in enumerate(value or [])]


def chosen(value: Any, where: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        shown = ", ".join(allowed[:12]) + (", ..." if len(allowed) > 12 else "")
        raise bad(where, f"{_shown(value)} is not known", f"one of {shown}")
    return str(value)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing is there"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
