"""What the loop writes into the journal: what was seen, decided and done, each once.

The journal is history and never control: when it can't be written the loop goes on and says so in its
log. Kept in memory is only what tells a change from a repeat, read back from the journal at the start.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from lib.controller.act import Result, region_of
from lib.controller.reactions import Then
from lib.fleet.model import (
    Attempt,
    Decision,
    Entry,
    FleetObservation,
    PlacementStatus,
)
from lib.gateways.errors import JournalError
from lib.gateways.journal import Journal, attempt_key

PROBE_EVERY_S = 60.0  # of the target's time, unless something changed
PROBE_WALL_S = 10.0  # and not more often than this: fast time must not flood the journal
REMEMBERED = 2000
STILL_THE_SAME = timedelta(minutes=10)  # a decision met again within this is the one that was told
STEADY = frozenset({"Hold", "Refuse"})

log = logging.getLogger(__name__)
_NUMBERS = re.compile(r"\d+")


class Chronicle:
    def __init__(self, journal: Journal, *, wall: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._journal = journal
        self._phases: dict[str, str] = {}
        self._decisions: dict[tuple[str, str], tuple[str, datetime]] = {}  # last gist and when it was met
        self._sentences: dict[str, str] = {}  # bootstrap steps and errors, by subject
        self._events: dict[str, int] = {}
        self._attempts: set[str] = set()
        self._last_attempt = 0  # id in the journal
        self._probe: tuple[bool, str] | None = None
        self._probed: tuple[datetime, float] | None = None

    def restore(self) -> tuple[Attempt, ...]:
        """Remember what was told last, and give back the evidence that earlier looks had gathered."""
        for entry in self._read("phase"):
            self._phases[entry.region] = str(entry.body.get("phase", ""))
        for entry in self._read("decision"):
            gist = _gist(entry.subject, entry.message)
            self._decisions[_slot(entry.region, entry.subject)] = gist, entry.at
        for entry in self._read("bootstrap"):
            self._sentences[entry.subject] = entry.message
        return self.lessons()

    def lessons(self) -> tuple[Attempt, ...]:
        """Tries that the journal has since the last call and this process did not write: at first all of them,
        then those of a capacity probe."""
        try:
            self._last_attempt, found = self._journal.attempts(after=self._last_attempt)
        except JournalError as e:
            log.warning("the journal can't be read", extra={"reason": str(e)})
            return ()
        fresh = tuple(a for a in found if attempt_key(a) not in self._attempts)
        self._attempts |= {attempt_key(a) for a in fresh}
        return fresh

    def phases(self, status: PlacementStatus, *, at: datetime) -> tuple[str, ...]:
        """Journal each change of a region's phase; the sentences of the changes."""
        now = {r.region: r for r in status.regions}
        changes: list[str] = []
        for region in sorted(now.keys() | self._phases.keys()):
            phase = str(now[region].phase) if region in now else ""
            before = self._phases.get(region, "")
            if phase == before:
                continue
            message = (
                now[region].message if region in now else f"{region} is no longer part of the placement."
            )
            self._append(
                "phase", at=at, region=region, message=message, body={"phase": phase, "from": before}
            )
            self._phases[region] = phase
            changes.append(f"{region}: {phase or 'gone'}. {message}")
        return tuple(changes)

    def decisions(self, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
        """Journal what is newly decided; those. Numbers that count down make no new decision, but one that comes
        back after a while is one again, so that the journal holds every choice there was."""
        fresh: list[Decision] = []
        for decision in decisions:
            gist, slot = _gist(decision.verb, decision.reason), _slot(decision.region, decision.verb)
            known, met = self._decisions.get(slot, ("", decision.at))
            self._decisions[slot] = gist, decision.at
            if known == gist and decision.at - met < STILL_THE_SAME:
                continue
            why_not = [asdict(w) for w in decision.why_not]
            self._append(
                "decision",
                at=decision.at,
                region=decision.region,
                subject=decision.verb,
                message=decision.reason,
                body={"whyNot": why_not},
            )
            fresh.append(decision)
        return tuple(fresh)

    def actions(self, results: Iterable[Result], *, at: datetime, operation_id: str) -> None:
        for result in results:
            if not result.done.calls and not result.error:
                continue
            name, reason = type(result.action).__name__, result.action.reason
            body: dict[str, Any] = {
                "calls": list(result.done.calls),
                "result": result.error or result.done.result or "started",
                "operation": result.done.operation,
                "then": str(result.then),
            }
            region = region_of(result.action)
            self._append(
                "action",
                at=at,
                region=region,
                subject=name,
                message=result.error or reason,
                operation_id=operation_id,
                body=body,
            )
            if result.then in {Then.GIVE_UP, Then.ELSEWHERE, Then.ASK}:
                self.error(f"action/{name}/{region}", result.error, at=at)

    def events(self, seen: FleetObservation) -> None:
        """The Kubernetes Events of all clusters in their original words; a repeat when its count grew."""
        for region, observation in seen.regions.items():
            for event in observation.workload.events if observation.workload else ():
                if self._events.get(event.uid, 0) >= event.count:
                    continue
                self._events[event.uid] = event.count
                self._append(
                    "event",
                    at=event.last_at,
                    region=region,
                    subject=event.reason,
                    message=event.message,
                    actor=event.component,
                    key=f"event/{event.uid}/{event.count}",
                    body={"type": event.type, "kind": event.kind, "name": event.name, "count": event.count},
                )

    def attempts(self, attempts: Iterable[Attempt]) -> None:
        """Evidence, so that the next process starts with it."""
        now = {attempt_key(a): a for a in attempts}
        for key in now.keys() - self._attempts:
            try:
                self._journal.append_attempt(now[key])
            except JournalError as e:
                log.warning("the journal can't be written", extra={"kind": "attempt", "reason": str(e)})
        self._attempts = set(now)

    def probe(self, *, ok: bool, status: int, ms: float, region: str, at: datetime) -> None:
        """At each change of what answers, and every minute."""
        if self._probe == (ok, region) and not self._probe_is_due(at):
            return
        self._probe, self._probed = (ok, region), (at, self._wall())
        body = {"ok": ok, "status": status, "ms": round(ms, 1)}
        self._append("probe", at=at, region=region, body=body)

    def _probe_is_due(self, at: datetime) -> bool:
        if self._probed is None:
            return True
        then, wall = self._probed
        return (at - then).total_seconds() >= PROBE_EVERY_S and self._wall() - wall >= PROBE_WALL_S

    def has_told(self, step: str) -> bool:
        """Whether a step of the set-up was ever told, by this process or one before."""
        return step in self._sentences

    def bootstrap(self, name: str, message: str, *, at: datetime) -> bool:
        """True when this sentence is new."""
        if not message or self._sentences.get(name) == message:
            return False
        self._sentences[name] = message
        self._append("bootstrap", at=at, subject=name, message=message)
        return True

    def error(self, subject: str, message: str, *, at: datetime) -> bool:
        """Once for as long as it stays the same; an empty message says that it is over."""
        if self._sentences.get(f"error/{subject}", "") == message:
            return False
        self._sentences[f"error/{subject}"] = message
        if message:
            self._append("error", at=at, subject=subject, message=message)
        return bool(message)

    def _read(self, kind: str) -> Iterable[Entry]:
        """Oldest first."""
        try:
            return reversed(self._journal.read(kinds=[kind], limit=REMEMBERED))
        except JournalError as e:
            log.warning("the journal can't be read", extra={"reason": str(e)})
            return ()

    def _append(self, kind: str, **fields: Any) -> None:
        try:
            self._journal.append(kind, **fields)
        except JournalError as e:
            log.warning("the journal can't be written", extra={"kind": kind, "reason": str(e)})


def _slot(region: str, verb: str) -> tuple[str, str]:
    """A Hold beside a Refuse for the same region is no change from the one to the other."""
    return region, verb if verb in STEADY else ""


def _gist(verb: str, reason: str) -> str:
    return f"{verb}: {_NUMBERS.sub('#', reason)}"
