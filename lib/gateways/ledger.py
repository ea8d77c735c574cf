"""Writes the ledger into the journal: a line before each call that makes or takes away something, one after it.

That the journal can't be written is logged and stops nothing: the ledger explains, ownership labels decide. Whoever
creates something in the cloud does so inside `making`, and takes it away inside `removing`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from lib.fleet.ledger import STANDS, Line, Step, Thing, newest
from lib.gateways.errors import AlreadyExists, AtlasError, JournalError, NotFound, TransientError, Unreachable
from lib.gateways.journal import READ_LIMIT, Journal

log = logging.getLogger(__name__)
Creating = Callable[[], AbstractContextManager[object]]
"""Entered by a gateway right before it creates something that it found missing."""


@dataclass(slots=True)
class Receipt:
    """What came of the call, to be filled in by who makes it."""

    operation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    why: str
    actor: str = "gpu-atlas"
    operation_id: str = ""


class Ledger:
    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now

    @contextmanager
    def making(self, *things: Thing, because: Because) -> Iterator[Receipt]:
        with self._noted(things, because, Step.INTENDED, Step.MADE) as receipt:
            yield receipt

    @contextmanager
    def removing(self, *things: Thing, because: Because) -> Iterator[Receipt]:
        with self._noted(things, because, Step.REMOVING, Step.REMOVED) as receipt:
            yield receipt

    def stands(self) -> dict[Thing, Line]:
        """The newest line of each thing. Raises JournalError."""
        return newest(self._journal.read(kinds=["ledger"], limit=READ_LIMIT))

    def holds(self, thing: Thing) -> bool:
        """Whether it was made, as far as the ledger knows."""
        try:
            line = self.stands().get(thing)
        except JournalError:
            return False
        return line is not None and line.step in STANDS

    @contextmanager
    def _noted(
        self, things: tuple[Thing, ...], because: Because, before: Step, after: Step
    ) -> Iterator[Receipt]:
        receipt = Receipt()
        self._write(things, before, because, receipt)
        try:
            yield receipt
        except AtlasError as e:
            self._write(things, _ended(e, before), because, receipt, error=str(e))
            raise
        self._write(things, after, because, receipt)

    def _write(
        self, things: tuple[Thing, ...], step: Step, because: Because, receipt: Receipt, *, error: str = ""
    ) -> None:
        for thing in things:
            body = {
                "kind": thing.kind.value,
                "name": thing.name,
                "location": thing.location,
                "step": step.value,
                "operation": receipt.operation,
                **({"error": error} if error else {}),
            }
            try:
                self._journal.append(
                    "ledger",
                    at=self._now(),
                    region=thing.location,
                    subject=thing.key,
                    message=because.why,
                    actor=because.actor,
                    operation_id=because.operation_id,
                    body=body,
                )
            except JournalError as e:
                log.warning("the ledger can't be written", extra={"thing": thing.key, "reason": str(e)})


def _ended(error: AtlasError, before: Step) -> Step:
    if isinstance(error, AlreadyExists):
        return Step.FOUND
    if isinstance(error, NotFound) and before is Step.REMOVING:
        return Step.REMOVED
    if isinstance(error, Unreachable | TransientError):
        return Step.UNANSWERED
    return Step.FAILED
