"""Evidence about GPUs, turned into odds: where can one be had, how soon, for how much, and why not elsewhere.

A candidate is made for every region and accelerator, so that "why not there" always has an answer. It neither
chooses (that is `plan`) nor keeps memory: own attempts come in and lose weight with age. What is not known
stays None; an unreadable quota doesn't rule a region out, because the API itself enforces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.durations import DEFAULT_DURATIONS, remaining_s
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

COOL_DOWN = timedelta(minutes=30)
NOT_OFFERED_COOL_DOWN = timedelta(hours=6)
RECOVERY_HALF_LIFE_H = 2.0  # how fast the odds rise again after a cool-down
OBTAINED_HALF_LIFE_H = 6.0  # how fast a success loses its weight
RETRY_S = 1800.0  # what a failed try costs: the cool-down
USD_AS_S = 300.0  # one dollar an hour counts like five minutes of waiting
SAME_CONTINENT_S = 240.0  # losing a continent is rarer than losing a region, and users are everywhere

Key = tuple[str, str, Provisioning]
Index = Mapping[Key, Attempt]


def latest(attempts: Iterable[Attempt]) -> dict[Key, Attempt]:
    """The newest attempt per (region, accelerator, provisioning)."""
    index: dict[Key, Attempt] = {}
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
) -> tuple[Candidate, ...]:
    """Every region judged for one accelerator, best first. `present`: regions where a cluster of ours is up.
    every_region=False leaves out regions of which nothing was observed."""
    judge = _judge(spec, attempts, global_quota, now, present, durations)
    regions = dict.fromkeys((*catalog.REGIONS, *capacity)) if every_region else capacity
    found = [judge.candidate(r, capacity.get(r), accelerator, provisioning) for r in regions]
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
) -> tuple[RegionView, ...]:
    """What is known of every region and every accelerator that Autopilot can run, for everybody to read."""
    judge = _judge(spec, attempts, global_quota, now, present, durations)
    return tuple(
        _view(judge, region, capacity.get(region)) for region in dict.fromkeys((*catalog.REGIONS, *capacity))
    )


def _view(judge: _Judge, region: str, known: RegionCapacity | None) -> RegionView:
    found = tuple(_best_provisioning(judge, region, known, name) for name in catalog.AUTOPILOT)
    return RegionView(
        region=region,
        zones=known.zones if known else (),
        candidates=found,
        as_of=known.as_of if known else None,
    )


def _best_provisioning(judge: _Judge, region: str, known: RegionCapacity | None, name: str) -> Candidate:
    models = judge.spec.provisioning or (Provisioning.STANDARD,)
    found = [judge.candidate(region, known, name, model) for model in models]
    return next((c for c in found if c.eligible), found[0])


def rank(candidate: Candidate, present: frozenset[str]) -> tuple[bool, float, str]:
    """Eligible first; then expected seconds to a serving replica, price and spread in one currency."""
    odds = 0.5 if candidate.obtainability is None else candidate.obtainability
    cost = (candidate.eta_s or 3600.0) + (1 - odds) * RETRY_S + (candidate.usd_per_hour or 100.0) * USD_AS_S
    continent = candidate.region.partition("-")[0]
    if any(r != candidate.region and r.partition("-")[0] == continent for r in present):
        cost += SAME_CONTINENT_S
    return (not candidate.eligible, cost, candidate.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """The evidence that is the same for all candidates of one look."""

    spec: PlacementSpec
    index: Index
    global_quota: Quota | None
    now: datetime
    present: frozenset[str]
    fresh_s: float  # to a serving replica, cluster and all
    warm_s: float  # the same where the cluster is up

    def candidate(
        self, region: str, known: RegionCapacity | None, accelerator: str, provisioning: Provisioning
    ) -> Candidate:
        zones = known.offered.get(accelerator, ()) if known else ()
        attempt = self.index.get((region, accelerator, provisioning))
        quota = _quota(known, accelerator, provisioning)
        machine = catalog.usd_per_hour(accelerator, provisioning, region)
        blocker, flip = self._blocker(region, known, accelerator, provisioning, zones, quota, attempt)
        facts = _facts(region, zones, quota, attempt)
        return Candidate(
            region=region,
            accelerator=accelerator,
            zones=zones,
            obtainability=odds(accelerator, provisioning, len(zones), attempt, self.now) if known else None,
            eta_s=(self.warm_s if region in self.present else self.fresh_s) if zones else None,
            usd_per_hour=None if machine is None else round(machine + catalog.CLUSTER_FEE_USD_PER_HOUR, 4),
            quota=quota,
            eligible=not blocker,
            reasons=(blocker, *(f for f in facts if f != blocker)) if blocker else facts,
            flip=flip,
        )

    def _blocker(  # noqa: PLR0911, PLR0913, PLR0917 - a ladder of guards over everything known
        self,
        region: str,
        known: RegionCapacity | None,
        accelerator: str,
        provisioning: Provisioning,
        zones: tuple[str, ...],
        quota: Quota | None,
        attempt: Attempt | None,
    ) -> tuple[str, str]:
        """The one reason that rules the region out and what would flip it; ("", "") when nothing does."""
        gpu = catalog.short(accelerator)
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
            return _quota_words(quota), f"quota for {metric} in {region} above {quota.limit:g}"
        everywhere = self.global_quota
        if everywhere is not None and everywhere.limit - everywhere.usage < 1:
            say = (
                f"The project's quota for all GPUs is used up ({everywhere.usage:g} of {everywhere.limit:g})."
            )
            return say, f"quota for {catalog.GLOBAL_QUOTA_METRIC} above {everywhere.limit:g}"
        until = cools_until(attempt)
        if attempt is not None and until is not None and self.now < until:
            return _attempt_words(region, attempt), f"no new failure until {words.at(until)}"
        return "", ""


def _judge(  # noqa: PLR0913, PLR0917 - gathers the evidence of both public functions
    spec: PlacementSpec,
    attempts: Iterable[Attempt],
    global_quota: Quota | None,
    now: datetime,
    present: frozenset[str],
    durations: Durations | None,
) -> _Judge:
    known = durations or DEFAULT_DURATIONS
    return _Judge(
        spec=spec,
        index=latest(attempts),
        global_quota=global_quota,
        now=now,
        present=present,
        fresh_s=remaining_s(Phase.WANTED, known),
        warm_s=remaining_s(Phase.SYNCING, known),
    )


def odds(
    accelerator: str, provisioning: Provisioning, zones: int, attempt: Attempt | None, now: datetime
) -> float:
    """Chance that a try now gets the GPU: a prior by family and zones, bent by the last own attempt."""
    known = catalog.ACCELERATORS.get(accelerator)
    if zones == 0 or known is None:
        return 0.0
    prior = known.prior * (0.85, 0.95, 1.0)[min(zones, 3) - 1]
    if provisioning is Provisioning.SPOT and prior > 0.5:
        prior *= 0.9  # plentiful types are more often there on demand; scarce ones rather as Spot leftovers
    if attempt is None:
        return round(prior, 2)
    age_h = max(0.0, (now - attempt.at).total_seconds() / 3600)
    if attempt.outcome is Outcome.OBTAINED:
        return round(prior + (0.97 - prior) * 0.5 ** (age_h / OBTAINED_HALF_LIFE_H), 2)
    until = cools_until(attempt)
    if until is not None and now < until:
        return 0.02
    rested_h = max(0.0, (now - (until or attempt.at)).total_seconds() / 3600)
    return round(prior * (1 - 0.8 * 0.5 ** (rested_h / RECOVERY_HALF_LIFE_H)), 2)


def _quota(known: RegionCapacity | None, accelerator: str, provisioning: Provisioning) -> Quota | None:
    machine = catalog.ACCELERATORS.get(accelerator)
    if known is None or known.quotas is None or machine is None:
        return None
    return known.quotas.get(machine.metric(provisioning))


def _unfit(accelerator: str) -> str:
    machine = catalog.ACCELERATORS.get(accelerator)
    if machine is None:
        return f"{accelerator} isn't in the catalogue."
    if not machine.autopilot:
        return f"GKE Autopilot doesn't run {machine.title}."
    if machine.gpus > 1:
        return f"{machine.title} is only sold with {machine.gpus} GPUs a machine; the workload asks for one."
    return "" if machine.fits else f"The workload doesn't fit {machine.machine_type}."


def _facts(
    region: str, zones: tuple[str, ...], quota: Quota | None, attempt: Attempt | None
) -> tuple[str, ...]:
    if not zones:
        return ()
    tried = _attempt_words(region, attempt) if attempt else "No own attempt yet."
    count = "1 zone offers" if len(zones) == 1 else f"{len(zones)} zones offer"
    return (tried, f"{count} it ({words.letters(region, zones)}).", _quota_words(quota))


def _quota_words(quota: Quota | None) -> str:
    if quota is None:
        return "Quota isn't readable for this type."
    free = quota.limit - quota.usage
    if quota.limit <= 0:
        return "No quota (limit 0)."
    return (
        f"Quota {free:g} of {quota.limit:g} free."
        if free > 0
        else f"Quota used up ({quota.usage:g} of {quota.limit:g})."
    )


_OUTCOMES: dict[Outcome, str] = {
    Outcome.OBTAINED: "Obtained",
    Outcome.STOCK_OUT: "Out of stock",
    Outcome.QUOTA: "Refused for quota",
    Outcome.NOT_OFFERED: "Not offered by the autoscaler",
    Outcome.PREEMPTED: "Taken back by Google",
    Outcome.TIMED_OUT: "No machine in time",
}


def _attempt_words(region: str, attempt: Attempt) -> str:
    where = f" in zone {words.letters(region, (attempt.zone,))}" if attempt.zone else ""
    return f"{_OUTCOMES[attempt.outcome]}{where} at {words.at(attempt.at)}."
