"""Gathers what is known of one GPU in one region as pieces of evidence, each in a sentence with its time.

It weighs nothing: that is `odds`. Every source speaks or is named as missing; a source that could not know
anything of this kind of machine (quota metrics that don't exist) is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lib.fleet import catalog, words
from lib.fleet.evidence import Evidence, Source, SpotAdvice, Verdict, ordered
from lib.fleet.model import (
    Attempt,
    Outcome,
    PodObservation,
    Provisioning,
    Quota,
    RegionCapacity,
    RegionObservation,
)

HIGH, MEDIUM = 0.7, 0.4  # the bands of Google's own documentation
MANY_PREEMPTED = 0.25
OTHER_PRICE = 0.2  # a list price that is so much off the catalogue's is worth a word
TOLD_ATTEMPTS = 3
Kind = tuple[str, str, Provisioning]  # region, accelerator, provisioning
Advice = Mapping[tuple[str, str], SpotAdvice]
Pods = Mapping[Kind, tuple[PodObservation, ...]]

_NO_ATTEMPT = "No own attempt yet."
_ALTERNATIVES = re.compile(r"in the ([a-z0-9, -]+?) zones?(?:\(s\))?,? which currently ha(?:s|ve) capacity")


def _no_advice() -> Advice:
    return {}


def _no_pods() -> Pods:
    return {}


def _no_attempts() -> Mapping[Kind, tuple[Attempt, ...]]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """All that was seen at one look that says something about GPUs."""

    capacity: Mapping[str, RegionCapacity]
    global_quota: Quota | None = None
    attempts: Mapping[Kind, tuple[Attempt, ...]] = field(default_factory=_no_attempts)  # newest first
    named: tuple[Attempt, ...] = ()  # those whose message names other zones, newest first
    advice: Advice = field(default_factory=_no_advice)
    pods: Pods = field(default_factory=_no_pods)

    def last(self, kind: Kind) -> Attempt | None:
        return next(iter(self.attempts.get(kind, ())), None)

    def alternatives(self, kind: Kind) -> tuple[Evidence, ...]:
        return tuple(_alternatives(kind, self.named))

    def main_facts(self, kind: Kind, zones: tuple[str, ...]) -> tuple[str, ...]:
        """The last own attempt, who offers it, quota: quickly told."""
        region, accelerator, provisioning = kind
        attempt = self.last(kind)
        tried = outcome_words(region, attempt) if attempt else _NO_ATTEMPT
        quota = quota_words(quota_of(self.capacity.get(region), accelerator, provisioning))
        return (tried, _zones_words(region, zones), quota)

    def of(self, kind: Kind, *, now: datetime) -> tuple[Evidence, ...]:
        """Every piece, the strongest first."""
        region, accelerator, provisioning = kind
        known = self.capacity.get(region)
        pieces = [
            *_pods(self.pods.get(kind, ()), region),
            *_own(region, self.attempts.get(kind, ())),
            *self.alternatives(kind),
            *_advised(self.advice.get((region, accelerator)), kind),
            *_offered(known, region, accelerator),
            *_quotas(known, accelerator, provisioning),
            _global(self.global_quota, known),
            _price(kind, self.advice.get((region, accelerator))),
        ]
        return ordered(pieces, now)


def gathered(
    capacity: Mapping[str, RegionCapacity],
    global_quota: Quota | None,
    attempts: Iterable[Attempt],
    advice: Advice,
    pods: Pods,
) -> Signals:
    held = tuple(attempts)
    return Signals(
        capacity=capacity,
        global_quota=global_quota,
        attempts=by_kind(held),
        named=naming(held),
        advice=advice,
        pods=pods,
    )


def by_kind(attempts: Iterable[Attempt]) -> dict[Kind, tuple[Attempt, ...]]:
    """Newest first."""
    found: dict[Kind, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda a: a.at, reverse=True):
        found.setdefault((attempt.region, attempt.accelerator, attempt.provisioning), []).append(attempt)
    return {kind: tuple(mine) for kind, mine in found.items()}


def naming(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Refusals that name zones which have capacity, newest first."""
    found = (a for a in attempts if alternatives_of(a.message))
    return tuple(sorted(found, key=lambda a: a.at, reverse=True))


def running(regions: Iterable[RegionObservation]) -> Pods:
    """Pods of ours that hold a GPU now."""
    found: dict[Kind, tuple[PodObservation, ...]] = {}
    for seen in regions:
        for pod in seen.workload.pods if seen.workload else ():
            if pod.ready and pod.node and not pod.terminating:
                kind = (seen.region, pod.accelerator, pod.provisioning)
                found[kind] = (*found.get(kind, ()), pod)
    return found


def alternatives_of(message: str) -> tuple[str, ...]:
    """Zones that a stock-out's message (ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS) names as having capacity."""
    named = _ALTERNATIVES.search(message)
    return tuple(z.strip() for z in named[1].split(",") if z.strip()) if named else ()


def outcome_words(region: str, attempt: Attempt) -> str:
    where = f" in zone {words.letters(region, (attempt.zone,))}" if attempt.zone else ""
    by = " by a capacity probe" if attempt.probe else ""
    return f"{_OUTCOMES[attempt.outcome]}{where}{by} at {words.at(attempt.at)}."


def quota_words(quota: Quota | None) -> str:
    if quota is None:
        return "Quota isn't readable for this type."
    free = quota.limit - quota.usage
    if quota.limit <= 0:
        return "No quota (limit 0)."
    if free > 0:
        return f"Quota {free:g} of {quota.limit:g} free."
    return f"Quota used up ({quota.usage:g} of {quota.limit:g})."


def quota_of(known: RegionCapacity | None, accelerator: str, provisioning: Provisioning) -> Quota | None:
    machine = catalog.ACCELERATORS.get(accelerator)
    if known is None or known.quotas is None or machine is None:
        return None
    return known.quotas.get(machine.metric(provisioning))


_OUTCOMES: dict[Outcome, str] = {
    Outcome.OBTAINED: "Obtained",
    Outcome.STOCK_OUT: "Out of stock",
    Outcome.QUOTA: "Refused for quota",
    Outcome.NOT_OFFERED: "Not offered by the autoscaler",
    Outcome.PREEMPTED: "Taken back by Google",
    Outcome.TIMED_OUT: "No machine in time",
}


def _pods(pods: tuple[PodObservation, ...], region: str) -> Iterator[Evidence]:
    if pods:
        zones = sorted({p.zone for p in pods if p.zone})
        where = f" in zone {words.letters(region, zones)}" if zones else ""
        many = "A replica of ours holds" if len(pods) == 1 else f"{len(pods)} replicas of ours hold"
        say = f"{many} this GPU{where} now."
        one = zones[0] if len(zones) == 1 else ""
        yield Evidence(source=Source.POD, verdict=Verdict.FOR, says=say, zone=one)


def _own(region: str, mine: tuple[Attempt, ...]) -> Iterator[Evidence]:
    for attempt in mine[:TOLD_ATTEMPTS]:
        verdict = Verdict.FOR if attempt.outcome is Outcome.OBTAINED else Verdict.AGAINST
        source = Source.PROBE if attempt.probe else Source.ATTEMPT
        says = outcome_words(region, attempt)
        yield Evidence(source=source, verdict=verdict, says=says, at=attempt.at, zone=attempt.zone)
    if not mine:
        yield Evidence(source=Source.ATTEMPT, verdict=Verdict.MISSING, says=_NO_ATTEMPT)


def _alternatives(kind: Kind, naming: tuple[Attempt, ...]) -> Iterator[Evidence]:
    """Zones here that Google named in a refusal of the same kind, whichever place that was for."""
    region, *same = kind
    told: set[str] = set()
    for attempt in naming:
        zones = (
            alternatives_of(attempt.message) if [attempt.accelerator, attempt.provisioning] == same else ()
        )
        for zone in zones:
            if zone.startswith(f"{region}-") and zone not in told:
                told.add(zone)
                where = f"zone {words.letters(region, (zone,))}"
                says = f"Google named {where} as having capacity at {words.at(attempt.at)}."
                yield Evidence(
                    source=Source.ALTERNATIVE, verdict=Verdict.FOR, says=says, at=attempt.at, zone=zone
                )


def _advised(advice: SpotAdvice | None, kind: Kind) -> Iterator[Evidence]:
    region, _, provisioning = kind
    if advice is None or advice.obtainability is None:
        yield Evidence(source=Source.ADVICE, verdict=Verdict.MISSING, says="No Spot advice for it yet.")
    else:
        score = advice.obtainability
        band = "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"
        where = f", best in zone {words.letters(region, (advice.zone,))}" if advice.zone else ""
        up = f", machines last at least {words.duration(advice.uptime_s)}" if advice.uptime_s else ""
        hint = "" if provisioning is Provisioning.SPOT else " (a hint only for on-demand)"
        verdict = Verdict.FOR if score >= HIGH else Verdict.AGAINST if score < MEDIUM else Verdict.NEUTRAL
        says = f"Google's Spot advice is {score:.2f}, {band}{where}{up}{hint}."
        yield Evidence(source=Source.ADVICE, verdict=verdict, says=says, at=advice.at, zone=advice.zone)
    if provisioning is Provisioning.SPOT:
        yield _preempted(advice)


def _preempted(advice: SpotAdvice | None) -> Evidence:
    if advice is None or advice.preemption_rate is None:
        return Evidence(
            source=Source.PREEMPTIONS, verdict=Verdict.MISSING, says="No preemption history for it yet."
        )
    rate, days = advice.preemption_rate, advice.preemption_days
    verdict = Verdict.AGAINST if rate >= MANY_PREEMPTED else Verdict.NEUTRAL
    says = f"{rate:.0%} of the Spot machines that stopped in {days} days were preempted."
    return Evidence(source=Source.PREEMPTIONS, verdict=verdict, says=says, at=advice.history_at)


def _offered(known: RegionCapacity | None, region: str, accelerator: str) -> Iterator[Evidence]:
    if known is None:
        yield Evidence(source=Source.OFFERED, verdict=Verdict.MISSING, says="What it offers isn't known.")
        return
    zones = known.offered.get(accelerator, ())
    says = _zones_words(region, zones) if zones else "No zone offers it."
    verdict = Verdict.FOR if zones else Verdict.AGAINST
    yield Evidence(source=Source.OFFERED, verdict=verdict, says=says, at=known.as_of)


def _zones_words(region: str, zones: tuple[str, ...]) -> str:
    count = "1 zone offers" if len(zones) == 1 else f"{len(zones)} zones offer"
    return f"{count} it ({words.letters(region, zones)})."


def _quotas(known: RegionCapacity | None, accelerator: str, provisioning: Provisioning) -> Iterator[Evidence]:
    if known is None or not known.offered.get(accelerator):
        return
    quota = quota_of(known, accelerator, provisioning)
    if quota is None:
        says = f"{quota_words(None)[:-1]}: {_unreadable(known, accelerator, provisioning)}."
        yield Evidence(source=Source.QUOTA, verdict=Verdict.MISSING, says=says)
        return
    verdict = Verdict.FOR if quota.limit - quota.usage >= 1 else Verdict.AGAINST
    yield Evidence(source=Source.QUOTA, verdict=verdict, says=quota_words(quota), at=known.as_of)


def _unreadable(known: RegionCapacity, accelerator: str, provisioning: Provisioning) -> str:
    machine = catalog.ACCELERATORS.get(accelerator)
    if machine is not None and not machine.metric(provisioning):
        return "its family is told by the Cloud Quotas API only"
    return (
        "the region did not tell its quotas"
        if known.quotas is None
        else "the region does not tell this metric"
    )


def _global(quota: Quota | None, known: RegionCapacity | None) -> Evidence:
    metric, source = catalog.GLOBAL_QUOTA_METRIC, Source.GLOBAL_QUOTA
    if quota is None:
        return Evidence(source=source, verdict=Verdict.MISSING, says=f"{metric} isn't readable.")
    free = quota.limit - quota.usage
    verdict = Verdict.FOR if free >= 1 else Verdict.AGAINST
    says = f"{metric}: {max(0.0, free):g} of {quota.limit:g} free."
    return Evidence(source=source, verdict=verdict, says=says, at=known.as_of if known else None)


def _price(kind: Kind, advice: SpotAdvice | None) -> Evidence:
    region, accelerator, provisioning = kind
    usd = catalog.usd_per_hour(accelerator, provisioning, region)
    if usd is None:
        return Evidence(
            source=Source.PRICE, verdict=Verdict.MISSING, says="Its price isn't in the catalogue."
        )
    says, at = f"The machine costs {words.usd(usd)} by the catalogue", None
    listed = advice.usd_per_hour if advice and provisioning is Provisioning.SPOT else None
    if advice and listed is not None:
        at = advice.history_at
        apart = abs(listed - usd) > OTHER_PRICE * usd
        says += f"{', but' if apart else ' and'} {words.usd(listed)} by Google's Spot price history"
    return Evidence(source=Source.PRICE, verdict=Verdict.NEUTRAL, says=f"{says}.", at=at)
