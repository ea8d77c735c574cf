"""Tells the outcome of a look: placement status, GpuRegion objects, Kubernetes Events.

Readers (dashboard, command line, kubectl) see the same few objects. Nothing is decided here, and a write
that fails is made again at the next look, from what is seen then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from lib.controller.wire import Wire
from lib.fleet import words
from lib.fleet.capacity import views
from lib.fleet.model import Decision, FleetObservation, Phase, Placement, PlacementStatus, RegionView
from lib.fleet.signals import running
from lib.gateways.errors import AtlasError, JournalError

REGIONS_EVERY_S = 2.0  # wall; evidence decays slowly, and each change is a write
DURATIONS_EVERY_S = 30.0
WARNINGS = frozenset({"Hold", "Refuse"})

log = logging.getLogger(__name__)
Durations = Mapping[Phase, tuple[float, float]]


class Publisher:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._views: tuple[RegionView, ...] = ()
        self._views_at = -1e9
        self._written = 0
        self._durations: Durations = {}
        self._durations_at = -1e9

    def durations(self) -> Durations:
        """How long each phase took here so far (median, p90), as last read."""
        if time.monotonic() - self._durations_at > DURATIONS_EVERY_S:
            self._durations_at = time.monotonic()
            try:
                self._durations = self._wire.journal.durations()
            except JournalError as e:
                log.warning("the journal can't be read", extra={"reason": str(e)})
        return self._durations

    def status(self, placement: Placement, status: PlacementStatus) -> None:
        self._told("status", lambda: self._wire.placement.publish_status(placement, status))

    def regions(self, placement: Placement, seen: FleetObservation) -> None:
        if not seen.capacity or time.monotonic() - self._views_at < REGIONS_EVERY_S:
            return
        self._views_at = time.monotonic()
        fresh = views(
            placement.spec,
            seen.capacity,
            attempts=seen.attempts,
            global_quota=seen.global_quota,
            now=seen.at,
            present=frozenset(
                r for r, found in seen.regions.items() if found.cluster and found.cluster.owned
            ),
            durations=self._durations,
            advice=seen.advice,
            pods=running(seen.regions.values()),
        )
        self._told("regions", lambda: self._wrote(self._wire.placement.publish_regions(fresh)))

    def take_written(self) -> int:
        """How many views were written since the last call."""
        written, self._written = self._written, 0
        return written

    def _wrote(self, views: int) -> None:
        self._written += views

    def events(self, decisions: Iterable[Decision], phase_changes: Iterable[str]) -> None:
        for decision in decisions:
            kind = "Warning" if decision.verb in WARNINGS else "Normal"
            self._event(decision.verb, words.about(decision.region, decision.reason), kind)
        for sentence in phase_changes:
            self._event("PhaseChanged", sentence, "Normal")

    def _event(self, reason: str, message: str, kind: str) -> None:
        self._told("event", lambda: self._wire.placement.record_event(reason, message, kind))

    def _told(self, what: str, write: Callable[[], object]) -> None:
        try:
            write()
        except AtlasError as e:
            log.warning("could not publish", extra={"what": what, "reason": str(e)})
