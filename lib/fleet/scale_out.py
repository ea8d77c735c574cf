"""Where the next regions come from: pinned ones first, then the best candidates, within quota and budget.

Returns clusters to create with the decision behind each, or the refusal with its numbers. It never looks at
regions that exist: what they need next is `steps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.fleet import capacity, catalog, overrides, words
from lib.fleet.hedge import regions_to_try, rounds
from lib.fleet.judged import judged
from lib.fleet.machines import Choice, machine_usd
from lib.fleet.model import Candidate, CreateCluster, Decision, Phase, Provisioning, WhyNot
from lib.fleet.names import cluster_name
from lib.fleet.survey import TRIED, RegionSurvey, Survey

RUNNERS_UP = 3
RULED_OUT = 2


@dataclass(slots=True, kw_only=True)
class _Ledger:
    """What this one plan has already spoken for, so that two regions don't count the same dollar or GPU."""

    usd: float
    max_usd: float
    gpus_in_flight: int
    taken: set[str]
    present: set[str]
    counted: int = 0
    judged: dict[Choice, tuple[Candidate, ...]] = field(default_factory=dict[Choice, tuple[Candidate, ...]])
    creates: list[CreateCluster] = field(default_factory=list[CreateCluster])
    decisions: list[Decision] = field(default_factory=list[Decision])

    def affords(self, usd: float) -> bool:
        return self.usd + usd <= self.max_usd + 1e-9


def scale_out(look: Survey) -> tuple[list[CreateCluster], list[Decision]]:
    """Clusters to create now. Nothing while the list of clusters, or what is offered, isn't known."""
    fresh = [r for r in look.targets if r.seen.cluster is None and "cluster" not in r.seen.unknown]
    counted = [r for r in look.targets if look.counts(r) and r not in fresh]
    wanted = regions_to_try(look, counted)
    short = wanted > len(counted) or fresh
    if (not short and not _warm_wanted(look)) or "clusters" in look.seen.unknown:
        return [], []
    if not look.seen.capacity or "capacity" in look.seen.unknown:
        reason = "More regions are needed, but the Compute API doesn't tell what is offered; waiting for it."
        flip = (WhyNot(region="", reason=reason, flip="an answer of the Compute API"),)
        return [], [Decision(at=look.now, verb="Hold", region="", reason=reason, why_not=flip)]
    ledger = _ledger(look, fresh, counted)
    for region in fresh:
        _create_pinned(look, region, ledger)
    while ledger.counted < wanted and _create_best(look, ledger):
        pass
    if not short:
        _create_warm(look, ledger)
    return ledger.creates, ledger.decisions


def _ledger(look: Survey, fresh: list[RegionSurvey], counted: list[RegionSurvey]) -> _Ledger:
    """Pinned regions that aren't there yet are taken out of the sum and come back one by one."""
    blocked_names = {
        seen.region
        for seen in look.seen.regions.values()
        if seen.cluster is not None or "cluster" in seen.unknown
    }
    return _Ledger(
        usd=look.usd_per_hour - sum(r.wanted.usd_per_hour for r in fresh),
        max_usd=look.placement.spec.max_hourly_usd,
        gpus_in_flight=sum(r.exists and not r.has_node and not r.wanted.spare for r in look.targets),
        taken={*look.regions, *look.placement.spec.excluded, *blocked_names},
        present={r.region for r in look.targets if not r.wanted.spare},
        counted=len(counted),
    )


def _create_pinned(look: Survey, region: RegionSurvey, ledger: _Ledger) -> None:
    """A pinned region is tried even while it cools down: the operator asked for it by name."""
    name, choice = region.region, region.wanted.normal
    usd = machine_usd(choice, name) + catalog.CLUSTER_FEE_USD_PER_HOUR
    known = look.seen.capacity.get(name)
    gpu = catalog.short(choice[0])
    found = _candidates(look, choice, ledger, only=name) if known else ()
    quota = found[0].quota if found else None
    if not found or not found[0].zones:
        offering = [r for r, c in look.seen.capacity.items() if choice[0] in c.offered]
        reason = f"{name} is pinned but offers no {gpu}; {words.listed(sorted(offering))} do."
        _refuse(look, ledger, name, reason, flip="unpinning it, or another accelerator")
    elif quota is not None and quota.limit - quota.usage < 1:
        _refuse(look, ledger, name, f"{name} is pinned. {found[0].reasons[0]}", flip=found[0].flip)
    elif not _global_room(look, ledger):
        _refuse_global(look, ledger, name)
    elif not ledger.affords(usd):
        _refuse_budget(look, ledger, name, usd)
    else:
        reason = f"{name} is pinned by the operator; {gpu} there costs {words.usd(usd)}."
        flip = (WhyNot(region=name, reason=reason, flip=f"unpinning or contracting {name}"),)
        _create(look, ledger, name, usd, reason, flip)


def _create_best(look: Survey, ledger: _Ledger) -> bool:
    """One more region by evidence; False when there is none, with the reason told."""
    if not _global_room(look, ledger):
        _refuse_global(look, ledger, "")
        return False
    dear: Candidate | None = None
    judged: list[Candidate] = []
    for choice in _preferred(look):
        ranked = _ranked(look, choice, ledger)
        judged += ranked
        eligible = [c for c in ranked if c.eligible]
        best = next((c for c in eligible if ledger.affords(_usd(c))), None)
        if best is not None:
            why_not = tuple(_why_not(best, eligible, ranked, ledger))
            hedge = ledger.counted >= look.placement.spec.serving
            reason = _beside(look, best, ledger) if hedge else _why_here(look, best, choice, len(eligible))
            _create(look, ledger, best.region, _usd(best), reason, why_not)
            return True
        dear = dear or next(iter(eligible), None)
    if dear is not None:
        _refuse_budget(look, ledger, dear.region, _usd(dear), region="")
        return False
    why_not = tuple(_ruled_out([c for c in judged if c.zones], RUNNERS_UP + RULED_OUT))
    gpus = words.listed(catalog.short(a) for a in overrides.preferences(look.placement.spec, look.now))
    reason = f"No other region can take {gpus} now; the platform keeps looking."
    ledger.decisions.append(Decision(at=look.now, verb="Refuse", region="", reason=reason, why_not=why_not))
    return False


def _warm_wanted(look: Survey) -> bool:
    """One more cluster without a GPU is asked for, all that should serve does, and none is about to become free."""
    spec, working = look.placement.spec, [r for r in look.targets if not r.wanted.spare]
    settled = look.serving >= spec.serving and len(working) <= max(spec.serving, len(spec.pinned))
    return len(look.spares) < spec.warm and settled and not look.blind


def _create_warm(look: Survey, ledger: _Ledger) -> None:
    """At the best place for the next start, if the budget has room for its GPU too: else it could never serve."""
    for choice in _preferred(look):
        best = next(
            (c for c in _ranked(look, choice, ledger) if c.eligible and ledger.affords(_usd(c))), None
        )
        if best is not None:
            reason = (
                f"{best.region} is kept warm: the next start there takes no cluster creation. It costs "
                f"{words.usd(catalog.CLUSTER_FEE_USD_PER_HOUR)} until a GPU is needed: {figures(best)}."
            )
            _create(look, ledger, best.region, catalog.CLUSTER_FEE_USD_PER_HOUR, reason, ())
            return


def _preferred(look: Survey) -> Iterator[Choice]:
    spec = look.placement.spec
    for accelerator in overrides.preferences(spec, look.now):
        for model in spec.provisioning or (Provisioning.STANDARD,):
            yield accelerator, model


def _ranked(look: Survey, choice: Choice, ledger: _Ledger) -> list[Candidate]:
    """Judged once a plan; ranked anew for each pick, because the last pick changes the spread."""
    if choice not in ledger.judged:
        ledger.judged[choice] = _candidates(look, choice, ledger)
    free = [c for c in ledger.judged[choice] if c.region not in ledger.taken]
    present = frozenset(ledger.present)
    return sorted(free, key=lambda c: capacity.rank(c, present)) if any(c.eligible for c in free) else free


def _candidates(look: Survey, choice: Choice, ledger: _Ledger, *, only: str = "") -> tuple[Candidate, ...]:
    regions = (only,) if only else look.seen.capacity
    return judged(look, choice, regions, present=frozenset(ledger.present), everywhere=not only)


def _usd(candidate: Candidate) -> float:
    return candidate.usd_per_hour if candidate.usd_per_hour is not None else float("inf")


def _create(  # noqa: PLR0913, PLR0917 - a creation and what is noted of it
    look: Survey, ledger: _Ledger, region: str, usd: float, reason: str, why_not: tuple[WhyNot, ...]
) -> None:
    why_not = why_not or (WhyNot(region=region, reason=reason, flip="another region that can take it"),)
    ledger.creates.append(CreateCluster(region=region, cluster=cluster_name(region), reason=reason))
    ledger.decisions.append(
        Decision(at=look.now, verb="ScaleOut", region=region, reason=reason, why_not=why_not)
    )
    ledger.usd += usd
    ledger.gpus_in_flight += 1
    ledger.counted += 1
    ledger.taken.add(region)
    ledger.present.add(region)


def _why_here(look: Survey, best: Candidate, choice: Choice, eligible: int) -> str:
    lost = [r for r in look.targets if not look.counts(r) and r.phase is not Phase.WANTED]
    because = f"{words.listed(f'{r.region} is {r.phase.value}' for r in lost)}. " if lost else ""
    return (
        f"{because}{best.region} is the best of {eligible} regions that can take "
        f"{words.machine(best.accelerator, choice[1])} now: {figures(best)}."
    )


def _beside(look: Survey, best: Candidate, ledger: _Ledger) -> str:
    tried = [r.region for r in look.targets if look.counts(r) and r.phase in TRIED]
    tried += [c.region for c in ledger.creates if c.region not in tried]
    refused = rounds(look)
    return (
        f"{best.region} is tried beside {words.listed(tried)}: {refused} {'try was' if refused == 1 else 'tries were'} "
        f"refused, and whoever serves first stays. {figures(best)}."
    )


def figures(candidate: Candidate) -> str:
    odds = "odds unknown" if candidate.obtainability is None else f"odds {candidate.obtainability:.0%}"
    eta = f", about {words.duration(candidate.eta_s)}" if candidate.eta_s else ""
    return f"{odds}{eta}, {words.usd(_usd(candidate))}"


def _why_not(
    best: Candidate, eligible: list[Candidate], ranked: list[Candidate], ledger: _Ledger
) -> Iterator[WhyNot]:
    others = [c for c in eligible if c.region != best.region]
    for other in others[:RUNNERS_UP]:
        if ledger.affords(_usd(other)):
            yield WhyNot(
                region=other.region, reason=compared(other, best), flip=f"a failure in {best.region}"
            )
        else:
            yield WhyNot(
                region=other.region, reason=f"It costs {words.usd(_usd(other))}.", flip="a higher budget"
            )
    yield from _ruled_out([c for c in ranked if c.zones and not c.eligible], RULED_OUT)


def compared(other: Candidate, best: Candidate) -> str:
    if (other.obtainability or 0) < (best.obtainability or 0):
        return f"Lower odds: {figures(other)}."
    if _usd(other) > _usd(best):
        return f"Dearer: {figures(other)}."
    return f"Nearer to a region that serves already, or just as good: {figures(other)}."


def _ruled_out(found: list[Candidate], limit: int) -> Iterator[WhyNot]:
    once = list({c.region: c for c in reversed(found)}.values())[::-1]
    for candidate in once[:limit]:
        yield WhyNot(region=candidate.region, reason=candidate.reasons[0], flip=candidate.flip)


def _global_room(look: Survey, ledger: _Ledger) -> bool:
    quota = look.seen.global_quota
    return quota is None or quota.limit - quota.usage - ledger.gpus_in_flight >= 1


def _refuse_global(look: Survey, ledger: _Ledger, region: str) -> None:
    quota = look.seen.global_quota
    if quota is not None:
        reason = (
            f"One more GPU would pass the project's quota: {quota.usage:g} of {quota.limit:g} used, "
            f"{ledger.gpus_in_flight} on the way."
        )
        _refuse(
            look,
            ledger,
            region,
            reason,
            flip=f"quota for {catalog.GLOBAL_QUOTA_METRIC} above {quota.limit:g}",
        )


def _refuse_budget(
    look: Survey, ledger: _Ledger, candidate: str, usd: float, *, region: str | None = None
) -> None:
    reason = (
        f"{candidate} would cost {words.usd(usd)}; {words.usd(ledger.usd)} of the budget's "
        f"{words.usd(ledger.max_usd)} are spoken for."
    )
    flip = f"a budget of at least {words.usd(ledger.usd + usd)}"
    _refuse(look, ledger, candidate if region is None else region, reason, flip=flip)


def _refuse(look: Survey, ledger: _Ledger, region: str, reason: str, *, flip: str) -> None:
    why_not = (WhyNot(region=region, reason=reason, flip=flip),)
    ledger.decisions.append(
        Decision(at=look.now, verb="Refuse", region=region, reason=reason, why_not=why_not)
    )
