"""Many calls at once in a bounded pool, each named, none waited for longer than a deadline.

A call that is still in flight from an earlier look is not started a second time: a dead region costs one
thread, not one more at every look. Errors of the wire become sentences; anything else is a bug and is
raised.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lib.gateways.errors import AtlasError, Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value, or the error that came instead of it. Without either the call is still in flight."""

    value: T | None = None
    error: AtlasError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    name: str
    future: Future[T]

    def answer(self, until: float) -> Answer[T]:
        """What came by the moment `until` (time.monotonic)."""
        try:
            return Answer(self.future.result(timeout=max(0.0, until - time.monotonic())))
        except AtlasError as e:
            return Answer(error=e)
        except NotInTime:
            if self.future.done():  # the call itself ended with a TimeoutError
                return Answer(error=Unreachable(f"{self.name} did not answer in time."))
            return Answer(error=Unreachable(f"{self.name} has not answered yet."))


class FanOut:
    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="fan-out")
        self._flying: dict[str, Future[Any]] = {}

    def ask(self, name: str, call: Callable[[], T]) -> Asked[T]:
        """Start the call, or join the one of this name that is still in flight."""
        flying = self._flying.get(name)
        if flying is None or flying.done():
            flying = self._flying[name] = self._pool.submit(call)
        return Asked(name, flying)

    def in_flight(self, name: str) -> bool:
        flying = self._flying.get(name)
        return flying is not None and not flying.done()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
