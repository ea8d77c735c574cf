"""The loop: hold the lease, set up, observe, plan, act, publish; every few seconds, for ever.

Crash-only: nothing here must survive the process. Whatever a cycle left half done, the next look finds in
the world and goes on from there. One controller acts at a time; a second one waits for the lease.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from dataclasses import replace
from datetime import datetime

from lib.controller.accountant import Accountant
from lib.controller.act import Actor, Result, region_of
from lib.controller.bootstrap import LAST_STEP, Bootstrap, Step
from lib.controller.chronicle import Chronicle
from lib.controller.cycle import Meter, Work, seen_by
from lib.controller.fanout import Asked, FanOut
from lib.controller.leading import Leading
from lib.controller.observe import Observer
from lib.controller.prober import Prober
from lib.controller.publish import Publisher
from lib.controller.wire import Wire
from lib.fleet.capacity import wanted
from lib.fleet.model import Cycle, FleetObservation, Placement
from lib.fleet.plan import plan
from lib.fleet.status import summarize
from lib.gateways import placement_codec as codec
from lib.gateways.errors import AtlasError
from lib.gateways.placement import OPERATIONS_ANNOTATION
from lib.settings import Settings

WORKERS = 64
SET_UP_S = 10.0
CYCLE_LOG_S = 60.0
LEASE_TRUST_S = 8.0  # shorter than the lease: after a look that took longer it is renewed before acting

log = logging.getLogger(__name__)


class Controller:
    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._fan_out = FanOut(WORKERS)
        self._bootstrap = Bootstrap(wire, settings)
        self._observer = Observer(wire, self._fan_out, speed=settings.speed)
        self._actor = Actor(wire, settings, self._fan_out)
        self._publisher = Publisher(wire)
        self._prober = Prober(self._fan_out)
        self._chronicle = Chronicle(wire.journal)
        self._accountant = Accountant(wire.journal, settings.placement, speed=settings.speed)
        # The process's lock sees to it that there is one of this name; after kill -9 the next one goes on.
        self._identity = f"{socket.gethostname()}{settings.state_dir}"
        self._held_until = 0.0
        self._leading = Leading()
        self._setting_up: Asked[tuple[Step, ...]] | None = None
        self._vip = ""
        self._cycle: Cycle | None = None  # the last whole one
        self._cycle_logged = -1e9
        self._stop = threading.Event()
        self._observer.memory.attempts = self._chronicle.restore()

    def run(self, *, once: bool = False) -> None:
        """Until `stop`, or one turn."""
        while not self._stop.is_set():
            started = time.monotonic()
            self.cycle()
            if once:
                break
            spent = time.monotonic() - started
            self._stop.wait(max(0.05, self._settings.loop_interval_s - spent))
        self._release()
        self._fan_out.close()

    def stop(self) -> None:
        self._stop.set()

    def cycle(self) -> bool:
        """One turn; True when a placement was looked after."""
        now, meter = self._settings.now(), Meter()
        try:
            if not self._may_act(now):
                return False
            placement = self._wire.placement.get()
        except AtlasError as e:
            self._without_wish(e, now)
            return False
        self._told("placement", "", now)
        self._observer.memory.attempts += self._chronicle.lessons()
        seen = self._observer.observe(now, wanted=wanted(placement.spec))
        seen = replace(seen, led_since=self._leading.since)
        news, actions = self._reconcile(placement, seen)
        self._metered(meter, seen, news, actions)
        return True

    def _metered(self, meter: Meter, seen: FleetObservation, news: int, actions: int) -> None:
        """The figure goes out with the next status: this cycle's own last calls are in it."""
        clusters, backends = seen_by(seen)
        work = Work(
            clusters=clusters,
            backends=backends,
            views=self._publisher.take_written(),
            news=news,
            actions=actions,
            setting_up=self._setting_up is not None or not self._bootstrap.finished,
        )
        self._cycle = cycle = meter.read(work)
        total = sum(cycle.calls.values())
        if total > cycle.bound:
            log.warning("too many calls in a cycle", extra={"calls": cycle.calls, "bound": cycle.bound})
        if time.monotonic() - self._cycle_logged > CYCLE_LOG_S:
            self._cycle_logged = time.monotonic()
            fields = {"seconds": round(cycle.seconds, 3), "calls": cycle.calls, "bound": cycle.bound}
            log.info("cycle", extra=fields)

    def _may_act(self, now: datetime) -> bool:
        """True with the lease. The lease lives in the config cluster, so whoever finds none may make that: a
        create that comes second is refused by the API itself."""
        try:
            held = self._wire.lease.try_hold(self._identity)
        except AtlasError:
            self._set_up(now)
            raise
        self._held_until = time.monotonic() + LEASE_TRUST_S if held else 0.0
        self._leading.tried(held=held, now=now)
        self._told("lease", "" if held else "Another controller holds the lease; this one waits.", now)
        if held:
            self._set_up(now)
        return held

    def _still_holds(self) -> bool:
        """After a look that took long the lease is renewed before anything is changed, or somebody else has it."""
        if time.monotonic() < self._held_until:
            return True
        try:
            held = self._wire.lease.try_hold(self._identity)
        except AtlasError:
            return False
        self._held_until = time.monotonic() + LEASE_TRUST_S if held else 0.0
        return held

    def _without_wish(self, error: AtlasError, now: datetime) -> None:
        """Without the config cluster nothing is decided, but what happens is still seen and told. Before the
        set-up is finished this is the normal course of things."""
        if not self._chronicle.has_told(LAST_STEP):
            return
        self._told("placement", f"Nothing is changed while the wish can't be read: {error}", now)
        self._witness(self._observer.observe(now))

    def _set_up(self, now: datetime) -> None:
        """Goes on beside the looks, so that a slow API delays nothing else."""
        if self._setting_up is None and not self._bootstrap.due():
            return
        asked = self._setting_up or self._fan_out.ask("set-up", self._bootstrap.advance)
        patience_s = 0.0 if self._bootstrap.finished else SET_UP_S
        steps = asked.answer(time.monotonic() + patience_s).value or ()
        self._setting_up = None if asked.future.done() else asked
        for step in steps:
            if self._chronicle.bootstrap(step.name, step.message, at=now):
                log.info("set-up", extra={"step": step.name, "done": step.done, "told": step.message})

    def _reconcile(self, placement: Placement, seen: FleetObservation) -> tuple[int, int]:
        """How much was told as news, and how many actions were taken."""
        now = seen.at
        planned = plan(placement, seen, now=now)
        if not self._still_holds():
            self._witness(seen)
            return 0, 0
        actions = planned.actions
        operation_id = self._operation_id(placement) if actions else ""
        results = self._actor.act(actions, placement, operation_id=operation_id, now=now)
        self._observer.memory.attempts += tuple(self._actor.take_lessons())
        for result in results:
            log.info("action", extra=_fields(result))
        durations = self._publisher.durations()
        status = summarize(placement, seen, planned, now=now, durations=durations)
        status = replace(status, spend=self._accountant.account(placement, seen), cycle=self._cycle)
        fresh = self._chronicle.decisions(planned.decisions)
        changes = self._chronicle.phases(status, at=now)
        self._publisher.status(placement, status)
        self._publisher.regions(placement, seen)
        self._publisher.events(fresh, changes)
        self._chronicle.actions(results, at=now, operation_id=operation_id)
        self._witness(seen)
        return len(fresh) + len(changes), len(actions)

    def _operation_id(self, placement: Placement) -> str:
        """The operation that led to this wish, as the object tells it: commits and journal carry it on."""
        try:
            found = self._wire.config_cluster.get("GpuPlacement", codec.API_VERSION, placement.name)
        except AtlasError:
            found = None
        kept = (found or {}).get("metadata", {}).get("annotations", {}).get(OPERATIONS_ANNOTATION)
        operations: list[str] = json.loads(kept) if kept else []
        return operations[-1] if operations else f"{placement.name}/{placement.generation}"

    def _witness(self, seen: FleetObservation) -> None:
        """Journal what was seen, whatever was decided."""
        self._vip = seen.vip or self._vip
        self._chronicle.events(seen)
        self._chronicle.attempts(self._observer.memory.attempts)
        self._told("observe", _dark(seen), seen.at)
        if probe := self._prober.probe(self._vip):
            self._chronicle.probe(
                ok=probe.ok, status=probe.status, ms=probe.ms, region=probe.region, at=seen.at
            )

    def _told(self, subject: str, message: str, now: datetime) -> None:
        if self._chronicle.error(subject, message, at=now):
            log.warning("trouble", extra={"subject": subject, "told": message})

    def _release(self) -> None:
        try:
            self._wire.lease.release()
        except AtlasError as e:
            log.info("the lease could not be released", extra={"reason": str(e)})


def _fields(result: Result) -> dict[str, object]:
    return {
        "action": type(result.action).__name__,
        "region": region_of(result.action),
        "calls": result.done.calls,
        "then": str(result.then),
        "error": result.error,
    }


def _dark(seen: FleetObservation) -> str:
    """One sentence on what did not answer; "" when everything did."""
    regions = sorted(r.region for r in seen.regions.values() if r.unknown)
    names = [*sorted(seen.unknown), *regions[:5]]
    more = f" and {len(regions) - 5} more" if len(regions) > 5 else ""
    return f"No answer from {', '.join(names)}{more}; nothing is shrunk until they answer." if names else ""
