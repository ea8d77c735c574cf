"""Evidence about GPUs, turned into candidates: where can one be had, how soon, for how much, and why not elsewhere.

A candidate is made for every region and accelerator, so that "why not there" always has an answer. It neither
chooses (that is `plan`) nor keeps memory: what was seen and tried comes in (`signals`), and what it is worth is
`odds`. What is not known stays None; an unreadable quota doesn't rule a region out, because the API itself
enforces it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import catalog, evidence, odds, words
from lib.fleet.durations import DEFAULT_DURATIONS, remaining_s
from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import (
    Attempt,
    Candidate,
    Durations,
    Outcome,
    Phase,
    PlacementSpec,
    Provisioning,
    Quota,
    RegionCapacity,
    RegionView,
)
from lib.fleet.signals import (
    Advice,
    Kind,
    Pods,
    Signals,
    alternatives_of,
    gathered,
    outcome_words,
    quota_of,
    quota_words,
)

COOL_DOWN = timedelta(minutes=30)
NOT_OFFERED_COOL_DOWN = timedelta(hours=6)
RETRY_S = 1800.0  # what a failed try costs: the cool-down
USD_AS_S = 300.0  # one dollar an hour counts like five minutes of waiting
SAME_CONTINENT_S = 240.0  # losing a continent is rarer than losing a region, and users are everywhere
NO_ADVICE: Advice = {}
NO_PODS: Pods = {}

Index = Mapping[Kind, Attempt]


def latest(attempts: Iterable[Attempt]) -> dict[Kind, Attempt]:
    """The newest attempt per (region, accelerator, provisioning)."""
    index: dict[Kind, Attempt] = {}
    for attempt in attempts:
        key = (attempt.region, attempt.accelerator, attempt.provisioning)
        known = index.get(key)
        if known is None or attempt.at > known.at:
            index[key] = attempt
    return index


def cools_until(attempt: Attempt | None) -> datetime | None:
    """When a failed try may be repeated; None: nothing to wait for."""
    if attempt is None or attempt.outcome is Outcome.OBTAINED:
        return None
    wait = NOT_OFFERED_COOL_DOWN if attempt.outcome is Outcome.NOT_OFFERED else COOL_DOWN
    return attempt.at + wait


def resting(mine: Iterable[Attempt], zones: Collection[str], now: datetime) -> Attempt | None:
    """The failure that makes a region rest, if it still does. `mine`: its tries of one kind, newest first. A probe
    speaks for its zone only: a region rests once no zone is left, or by what the autoscaler met there."""
    probed: set[str] = set()
    for attempt in mine:
        until = cools_until(attempt)
        if until is None or now >= until:
            return None
        probed.add(attempt.zone)
        named = set(alternatives_of(attempt.message)) & set(zones)
        if not attempt.probe or (not named and probed >= set(zones)):
            return attempt
    return None


def candidates(  # noqa: PLR0913 - the contract's signature: each kind of evidence by name
    spec: PlacementSpec,
    capacity: Mapping[str, RegionCapacity],
    *,
    accelerator: str,
    provisioning: Provisioning,
    attempts: Iterable[Attempt],
    global_quota: Quota | None,
    now: datetime,
    present: frozenset[str] = frozenset(),
    durations: Durations | None = None,
    every_region: bool = True,
    advice: Advice = NO_ADVICE,
    pods: Pods = NO_PODS,
    told: bool = True,
) -> tuple[Candidate, ...]:
    """Every region judged for one accelerator, best first. `present`: regions where a cluster of ours is up.
    every_region=False leaves out regions of which nothing was observed; told=False gives the main reasons only,
    for who ranks many and shows few."""
    signals = gathered(capacity, global_quota, attempts, advice, pods)
    judge = _judge(spec, signals, now, present, durations)
    regions = dict.fromkeys((*catalog.REGIONS, *capacity)) if every_region else capacity
    found = [judge.candidate((r, accelerator, provisioning), told=told) for r in regions]
    return tuple(sorted(found, key=lambda c: rank(c, present)))


def views(  # noqa: PLR0913 - the contract's signature
    spec: PlacementSpec,
    capacity: Mapping[str, RegionCapacity],
    *,
    attempts: Iterable[Attempt],
    global_quota: Quota | None,
    now: datetime,
    present: frozenset[str] = frozenset(),
    durations: Durations | None = None,
    advice: Advice = NO_ADVICE,
    pods: Pods = NO_PODS,
) -> tuple[RegionView, ...]:
    """What is known of every region and every accelerator that Autopilot can run, for everybody to read, also of the
    models that nobody asked for. Evidence is told in full for the GPUs that the placement wants; of the rest the
    reasons are enough."""
    signals = gathered(capacity, global_quota, attempts, advice, pods)
    judge = _judge(spec, signals, now, present, durations)
    asked = wanted(spec)
    return tuple(_view(judge, region, asked) for region in dict.fromkeys((*catalog.REGIONS, *capacity)))


def wanted(spec: PlacementSpec) -> frozenset[str]:
    """Accelerators that the placement asks for, by itself or under a lease."""
    return frozenset((*spec.accelerators, *(o.accelerator for o in spec.overrides)))


def _view(judge: _Judge, region: str, asked: Collection[str]) -> RegionView:
    known = judge.told.capacity.get(region)
    best: list[Candidate] = []
    others: list[Candidate] = []
    for name in catalog.AUTOPILOT:
        first, *rest = _by_provisioning(judge, region, name, told=name in asked)
        best.append(first)
        others += [c for c in rest if c.zones]
    return RegionView(
        region=region,
        zones=known.zones if known else (),
        candidates=tuple(best),
        as_of=known.as_of if known else None,
        alternatives=tuple(others),
    )


def _by_provisioning(judge: _Judge, region: str, name: str, *, told: bool) -> list[Candidate]:
    """Of the models that the placement uses the first that can be had comes first, after them those it doesn't use."""
    used = judge.spec.provisioning or (Provisioning.STANDARD,)
    models = dict.fromkeys((*used, *Provisioning))
    found = [judge.candidate((region, name, model), told=told) for model in models]
    return sorted(found, key=lambda c: (c.provisioning not in used, not c.eligible))


def rank(candidate: Candidate, present: frozenset[str]) -> tuple[bool, float, str]:
    """Eligible first; then expected seconds to a serving replica, price and spread in one currency."""
    chance = 0.5 if candidate.obtainability is None else candidate.obtainability
    cost = (candidate.eta_s or 3600.0) + (1 - chance) * RETRY_S + (candidate.usd_per_hour or 100.0) * USD_AS_S
    continent = candidate.region.partition("-")[0]
    if any(r != candidate.region and r.partition("-")[0] == continent for r in present):
        cost += SAME_CONTINENT_S
    return (not candidate.eligible, cost, candidate.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """The evidence that is the same for all candidates of one look."""

    spec: PlacementSpec
    told: Signals
    levels: Mapping[odds.Family, float]
    now: datetime
    present: frozenset[str]
    fresh_s: float  # to a serving replica, cluster and all
    warm_s: float  # the same where the cluster is up

    def candidate(self, kind: Kind, *, told: bool = True) -> Candidate:
        """`told`: with its evidence."""
        region, accelerator, provisioning = kind
        known = self.told.capacity.get(region)
        zones = known.offered.get(accelerator, ()) if known else ()
        machine = catalog.usd_per_hour(accelerator, provisioning, region)
        blocker, flip = self._blocker(kind, known, zones)
        pieces = self.told.of(kind, now=self.now) if zones and told else ()
        return Candidate(
            region=region,
            accelerator=accelerator,
            zones=zones,
            obtainability=self._odds(kind, zones) if known else None,
            eta_s=(self.warm_s if region in self.present else self.fresh_s) if zones else None,
            usd_per_hour=None if machine is None else round(machine + catalog.CLUSTER_FEE_USD_PER_HOUR, 4),
            quota=quota_of(known, accelerator, provisioning),
            eligible=not blocker,
            reasons=_reasons(blocker, pieces, self.now)
            if pieces
            else self._main_reasons(blocker, kind, zones),
            flip=flip,
            provisioning=provisioning,
            evidence=pieces,
        )

    def _main_reasons(self, blocker: str, kind: Kind, zones: tuple[str, ...]) -> tuple[str, ...]:
        if not zones:
            return (blocker,)
        facts = self.told.main_facts(kind, zones)
        return (blocker, *(f for f in facts if f != blocker)) if blocker else facts

    def _odds(self, kind: Kind, zones: tuple[str, ...]) -> float:
        if not zones:
            return 0.0
        region, accelerator, provisioning = kind
        family = (accelerator, provisioning)
        first = self.levels.get(family, odds.prior(family))
        mine, holds = self.told.attempts.get(kind, ()), bool(self.told.pods.get(kind))
        opinions = [
            odds.own(first, len(zones), mine, self.now, holds=holds),
            odds.advised(self.told.advice.get((region, accelerator)), provisioning, self.now),
            odds.named(self.told.alternatives(kind), self.now),
        ]
        return round(odds.pooled(opinions), 2)

    def _blocker(  # noqa: PLR0911 - a ladder of guards over everything known
        self, kind: Kind, known: RegionCapacity | None, zones: tuple[str, ...]
    ) -> tuple[str, str]:
        """The one reason that rules the region out and what would flip it; ("", "") when nothing does."""
        region, accelerator, provisioning = kind
        gpu, quota = catalog.short(accelerator), quota_of(known, accelerator, provisioning)
        if region in self.spec.excluded:
            return f"The placement excludes {region}.", f"taking {region} out of the excluded regions"
        if known is None:
            return f"Nothing is known of {region} yet.", "an answer of the Compute API"
        if not zones:
            return f"No zone of {region} offers {gpu}.", f"another accelerator than {gpu}"
        unfit = _unfit(accelerator)
        if unfit:
            return unfit, f"another accelerator than {gpu}"
        if quota is not None and quota.limit - quota.usage < 1:
            metric = catalog.ACCELERATORS[accelerator].metric(provisioning)
            return quota_words(quota), f"quota for {metric} in {region} above {quota.limit:g}"
        everywhere = self.told.global_quota
        if everywhere is not None and everywhere.limit - everywhere.usage < 1:
            say = (
                f"The project's quota for all GPUs is used up ({everywhere.usage:g} of {everywhere.limit:g})."
            )
            return say, f"quota for {catalog.GLOBAL_QUOTA_METRIC} above {everywhere.limit:g}"
        attempt = resting(self.told.attempts.get(kind, ()), zones, self.now)
        if attempt is not None and (until := cools_until(attempt)) is not None:
            return outcome_words(region, attempt), f"no new failure until {words.at(until)}"
        return "", ""


def _judge(
    spec: PlacementSpec,
    told: Signals,
    now: datetime,
    present: frozenset[str],
    durations: Durations | None,
) -> _Judge:
    known = durations or DEFAULT_DURATIONS
    return _Judge(
        spec=spec,
        told=told,
        levels=odds.levels(told.attempts),
        now=now,
        present=present,
        fresh_s=remaining_s(Phase.WANTED, known),
        warm_s=remaining_s(Phase.SYNCING, known),
    )


def _reasons(blocker: str, pieces: tuple[Evidence, ...], now: datetime) -> tuple[str, ...]:
    """What rules it out, what is in conflict, then every piece, the strongest first, and what is old."""
    said = (p.says for p in pieces if p.source not in _TOLD_APART or p.verdict is Verdict.AGAINST)
    held = (*evidence.conflicts(pieces, now), *said, *evidence.old(pieces, now))
    return tuple(dict.fromkeys((blocker, *held) if blocker else held))


_TOLD_APART = frozenset(
    {Source.PRICE, Source.GLOBAL_QUOTA}
)  # beside every candidate, or once for all of them


def _unfit(accelerator: str) -> str:
    machine = catalog.ACCELERATORS.get(accelerator)
    if machine is None:
        return f"{accelerator} isn't in the catalogue."
    if not machine.autopilot:
        return f"GKE Autopilot doesn't run {machine.title}."
    if machine.gpus > 1:
        return f"{machine.title} is only sold with {machine.gpus} GPUs a machine; the workload asks for one."
    return "" if machine.fits else f"The workload doesn't fit {machine.machine_type}."
