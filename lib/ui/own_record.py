"""What the journal keeps of own tries and capacity probes, for the Capacity page. Read by a look, never while drawing."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from lib.fleet import probe
from lib.fleet.ledger import Step, ThingKind, line_from
from lib.fleet.model import Attempt, Entry
from lib.fleet.probe import Probe
from lib.gateways.journal import READ_LIMIT, Journal
from lib.settings import Settings
from lib.ui import looks

LOOK: Final = "own-record"
EVERY_S: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    attempts: tuple[Attempt, ...]  # newest first
    probes: tuple[Probe, ...]  # that were begun, as the ledger knows them

    def of(self, region: str, accelerator: str) -> tuple[Attempt, ...]:
        return tuple(one for one in self.attempts if (one.region, one.accelerator) == (region, accelerator))


def seen() -> looks.Seen[Record]:
    return looks.look(LOOK, read, every_s=EVERY_S)


def read(settings: Settings) -> Record:
    """Raises JournalError."""
    with closing(Journal(settings.journal_url)) as journal:
        _, attempts = journal.attempts()
        ledger = journal.read(kinds=["ledger"], limit=READ_LIMIT)
    newest = tuple(sorted(attempts, key=lambda one: one.at, reverse=True))
    return Record(attempts=newest, probes=probes(ledger))


def probes(ledger: Iterable[Entry]) -> tuple[Probe, ...]:
    lines = (line_from(entry) for entry in ledger)
    begun = {
        line.thing
        for line in lines
        if line and line.thing.kind is ThingKind.PROBE and line.step is Step.INTENDED
    }
    found = (probe.probe_from(thing.name, thing.location) for thing in begun)
    return tuple(sorted((one for one in found if one), key=lambda one: one.at, reverse=True))
