"""Own attempts to get a GPU and how they ended, read from pods and their events.

The strongest evidence there is about stock. Kept bounded and without repeats, so that the controller may hand in
what it knew before at every look. It judges nothing: `capacity` turns attempts into odds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import words
from lib.fleet.model import (
    Attempt,
    EventObservation,
    Outcome,
    PodObservation,
    RegionObservation,
    WorkloadObservation,
)

NOT_OFFERED_AFTER = timedelta(seconds=60)
TIMED_OUT_AFTER = timedelta(minutes=20)
KEPT_PER_KIND = 10  # newest per (region, accelerator, provisioning)
KEPT_FOR = timedelta(days=14)
_LOST = frozenset({"Preempted", "NodeNotReady", "TaintManagerEviction", "NodeShutdown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one pod's try stands. `zones` are those the autoscaler named."""

    outcome: Outcome
    at: datetime
    zones: tuple[str, ...] = ()
    message: str = ""


def attempts_from(
    regions: Iterable[RegionObservation], earlier: Iterable[Attempt] = (), *, now: datetime
) -> tuple[Attempt, ...]:
    """Earlier attempts and those seen now, newest first; each once."""
    found: dict[tuple[object, ...], Attempt] = {}
    for attempt in (*earlier, *(a for region in regions for a in _of_region(region, now))):
        if now - attempt.at <= KEPT_FOR:
            found[_identity(attempt)] = attempt
    by_kind: defaultdict[tuple[object, ...], list[Attempt]] = defaultdict(list)
    for attempt in found.values():
        by_kind[(attempt.region, attempt.accelerator, attempt.provisioning)].append(attempt)
    kept = [a for group in by_kind.values() for a in sorted(group, key=_newest_first)[:KEPT_PER_KIND]]
    return tuple(sorted(kept, key=_newest_first))


def _identity(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.region,
        attempt.accelerator,
        attempt.provisioning,
        attempt.outcome,
        attempt.zone,
        attempt.at,
    )


def _newest_first(attempt: Attempt) -> tuple[float, str, str]:
    return (-attempt.at.timestamp(), attempt.region, attempt.zone)


def _of_region(seen: RegionObservation, now: datetime) -> Iterator[Attempt]:
    if seen.workload is None:
        return
    for pod in seen.workload.pods:
        for verdict in verdicts(pod, events_of(seen.workload, pod), now=now):
            for zone in verdict.zones or ("",):
                yield Attempt(
                    region=seen.region,
                    accelerator=pod.accelerator,
                    provisioning=pod.provisioning,
                    outcome=verdict.outcome,
                    at=verdict.at,
                    zone=zone,
                    message=verdict.message,
                )


def events_of(workload: WorkloadObservation, pod: PodObservation) -> tuple[EventObservation, ...]:
    return tuple(e for e in workload.events if e.kind == "Pod" and e.name == pod.name)


def verdicts(
    pod: PodObservation, events: Iterable[EventObservation], *, now: datetime
) -> tuple[Verdict, ...]:
    """What this pod's try has shown so far, oldest first; empty while it is open."""
    told = sorted(events, key=lambda e: e.last_at)
    found = [_failure(e) for e in told if e.reason == "FailedScaleUp"]
    found += [
        Verdict(outcome=Outcome.PREEMPTED, at=e.last_at, zones=_zone(pod), message=e.message)
        for e in told
        if e.reason in _LOST
    ]
    if pod.ready and not pod.terminating:
        got = pod.ready_at or pod.scheduled_at or pod.created_at or now
        found.append(Verdict(outcome=Outcome.OBTAINED, at=got, zones=_zone(pod)))
    elif not pod.node and not found:
        found += _never_tried(pod, told, now)
    return tuple(sorted(found, key=lambda v: v.at))


def _zone(pod: PodObservation) -> tuple[str, ...]:
    return (pod.zone,) if pod.zone else ()


def _failure(event: EventObservation) -> Verdict:
    """Words first; what is not known counts as "no machine there now": try elsewhere."""
    quota = words.is_quota(event.message) and not words.is_stock_out(event.message)
    late = "failed to appear in time" in event.message
    outcome = Outcome.QUOTA if quota else Outcome.TIMED_OUT if late else Outcome.STOCK_OUT
    return Verdict(
        outcome=outcome, at=event.last_at, zones=words.zones_of(event.message), message=event.message
    )


def _never_tried(pod: PodObservation, told: list[EventObservation], now: datetime) -> list[Verdict]:
    tried = any(e.reason == "TriggeredScaleUp" for e in told)
    refusals = [e for e in told if e.reason == "NotTriggerScaleUp" and words.SELECTOR_MISMATCH in e.message]
    if refusals and not tried:
        since = pod.created_at or refusals[0].first_at
        if now - since >= NOT_OFFERED_AFTER:
            first = refusals[0]
            return [Verdict(outcome=Outcome.NOT_OFFERED, at=first.first_at, message=first.message)]
    if pod.created_at and now - pod.created_at >= TIMED_OUT_AFTER:
        at = pod.created_at + TIMED_OUT_AFTER
        return [
            Verdict(outcome=Outcome.TIMED_OUT, at=at, message="No machine and no word from the autoscaler.")
        ]
    return []
