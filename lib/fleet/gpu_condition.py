"""Whether the region's newest pod has its GPU, and if not, why: the autoscaler's answer as a condition."""

from __future__ import annotations

from datetime import timedelta

from lib.fleet import attempts, words
from lib.fleet.look import Look, no, unknown, yes
from lib.fleet.model import Condition, Outcome, PodObservation

QUIET_AFTER = timedelta(minutes=3)
_SCALE_UP = frozenset({"TriggeredScaleUp", "FailedScaleUp", "NotTriggerScaleUp"})
_OUTCOME_REASONS = {
    Outcome.STOCK_OUT: "StockedOut",
    Outcome.PREEMPTED: "Waiting",
    Outcome.QUOTA: "QuotaExceeded",
    Outcome.NOT_OFFERED: "NotOffered",
    Outcome.TIMED_OUT: "TimedOut",
}


def gpu_available(look: Look) -> Condition:
    pod, gpu = look.pod, look.gpu
    if look.wanted.spare:
        return unknown("GpuAvailable", "NotWanted", "No GPU is asked for here.")
    if pod is None:
        return unknown("GpuAvailable", "NoPodYet", f"No pod asks for {gpu} yet.")
    if pod.node:
        return yes("GpuAvailable", "Obtained", f"{gpu} obtained in {pod.zone or look.region.region}.")
    reason, zones = _refusal(look, pod)
    return no("GpuAvailable", reason, _gpu_words(look, reason, zones))


def _refusal(look: Look, pod: PodObservation) -> tuple[str, tuple[str, ...]]:
    """Why the pod has no machine. Events live an hour; own attempts remember longer."""
    events = attempts.events_of(look.region.workload, pod) if look.region.workload else ()
    bad = [v for v in attempts.verdicts(pod, events, now=look.now) if v.outcome in _OUTCOME_REASONS]
    if bad and not _has_zones_left(look, pod, bad):
        zones = dict.fromkeys(z for v in bad if v.outcome is bad[-1].outcome for z in v.zones)
        return _OUTCOME_REASONS[bad[-1].outcome], tuple(zones)
    if bad:
        return "Waiting", ()
    last = look.index.get((look.region.region, pod.accelerator, pod.provisioning))
    fresh = last is not None and pod.created_at is not None and last.at >= pod.created_at
    if last is not None and fresh and last.outcome in _OUTCOME_REASONS:
        return _OUTCOME_REASONS[last.outcome], (last.zone,) if last.zone else ()
    return "Waiting", ()


def _has_zones_left(look: Look, pod: PodObservation, bad: list[attempts.Verdict]) -> bool:
    """The autoscaler tries one zone after the other; a region is out of stock when it has no zone left to try,
    says that it backs off, or has gone quiet."""
    if any(v.outcome is not Outcome.STOCK_OUT or not v.zones for v in bad) or look.region.workload is None:
        return False
    capacity = look.fleet.capacity.get(look.region.region)
    offered = set(capacity.offered.get(pod.accelerator, ())) if capacity else set[str]()
    if not offered - {zone for v in bad for zone in v.zones}:
        return False
    told = [e for e in attempts.events_of(look.region.workload, pod) if e.reason in _SCALE_UP]
    newest = max(told, key=lambda e: e.last_at)
    return newest.reason != "NotTriggerScaleUp" and look.now - newest.last_at < QUIET_AFTER


def _gpu_words(look: Look, reason: str, zones: tuple[str, ...]) -> str:
    region, gpu = look.region.region, look.gpu
    where = f" in zone{'s' if len(zones) > 1 else ''} {words.letters(region, zones)}" if zones else ""
    if reason == "StockedOut":
        return f"{region}: no {gpu}{where}; the autoscaler retries in about {_backoff(look)} min"
    if reason == "QuotaExceeded":
        return f"{region}: the project's quota for {gpu} is used up{where}"
    if reason == "NotOffered":
        return f"{region}: no machine in this region carries {gpu}, so the pod waits for ever"
    if reason == "TimedOut":
        return f"{region}: no machine with {gpu} came in time"
    told = attempts.events_of(look.region.workload, look.pod) if look.region.workload and look.pod else ()
    return (
        f"{region}: waiting for {gpu}. {words.explain(told[0])}" if told else f"{region}: waiting for {gpu}."
    )


def _backoff(look: Look) -> int:
    """The autoscaler waits 5 minutes after the first failure and doubles up to 30."""
    told = attempts.events_of(look.region.workload, look.pod) if look.region.workload and look.pod else ()
    failures = sum(e.count for e in told if e.reason == "FailedScaleUp")
    return min(30, 5 * 2 ** max(0, min(failures, 4) - 1))
