"""A list that may be partial. Not a page: gateways follow page tokens themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What was found, and the locations that did not answer: nothing is known of what they hold."""

    items: tuple[T, ...]
    unknown: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
