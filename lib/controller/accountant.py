"""Keeps the month's accounts from look to look. They live in the placement's status; the journal has a copy.

What a look costs and what a gap is, `lib.fleet.spend` says. Here is only the memory: the newer of the status and of what
this process knows; when the status has none (a new placement), the newest copy of the journal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from lib.fleet import spend as spending
from lib.fleet.model import FleetObservation, Placement, Spend
from lib.gateways import accounts_codec as codec
from lib.gateways.errors import JournalError
from lib.gateways.journal import Journal

COPY_EVERY = timedelta(hours=1)
PATIENCE_S = 30.0  # wall: longer than the slowest cycle; a longer silence is a gap

log = logging.getLogger(__name__)


class Accountant:
    def __init__(self, journal: Journal, placement: str, *, speed: Callable[[], float]) -> None:
        self._journal = journal
        self._name = placement
        self._speed = speed
        self._kept: Spend | None = None
        self._copied: datetime | None = None

    def account(self, placement: Placement, seen: FleetObservation) -> Spend:
        before = self._newest(placement)
        patience = timedelta(seconds=PATIENCE_S * max(1.0, self._speed()))
        found = spending.accrue(before, spending.rates(seen, before), now=seen.at, patience=patience)
        for closed in found[:-1]:
            self._copy(closed, f"{closed.month} is closed")
        self._kept = spend = found[-1]
        gaps = before.gaps if before else ()
        new_gap = bool(spend.gaps) and {(g.region, g.since) for g in spend.gaps} != {
            (g.region, g.since) for g in gaps
        }
        if new_gap or self._copied is None or seen.at - self._copied >= COPY_EVERY:
            told = "Something couldn't be seen; it is in no sum" if new_gap else "The month so far"
            self._copy(spend, told)
            self._copied = seen.at
        return spend

    def _newest(self, placement: Placement) -> Spend | None:
        known = [s for s in (placement.status.spend, self._kept) if s is not None]
        return max(known, key=lambda s: s.as_of) if known else self._from_journal()

    def _from_journal(self) -> Spend | None:
        try:
            copies = self._journal.read(kinds=["spend"], limit=50)
            copy = next((e for e in copies if e.subject == self._name), None)
            return codec.spend_from(dict(copy.body)) if copy else None
        except (JournalError, KeyError, ValueError, TypeError):
            return None

    def _copy(self, spend: Spend, told: str) -> None:
        total = sum(a.gpu_usd + a.fee_usd for a in spend.accounts)
        try:
            self._journal.append(
                "spend",
                at=spend.as_of,
                subject=self._name,
                message=f"{told}: ${total:.2f} since {spend.since:%Y-%m-%d %H:%M} UTC, by list prices.",
                body=codec.spend_to(spend),
            )
        except JournalError as e:
            log.warning("the accounts can't be copied", extra={"reason": str(e)})
