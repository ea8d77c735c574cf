"""Which region would be tried next, by what is published now: the best one, why it, and why not each of the others.

The same order as `scale_out` takes: preferred GPU and model first, then expected time, odds, price and spread. It starts
nothing, and what the controller sees when it acts may be newer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lib.fleet import capacity, catalog, overrides, words
from lib.fleet.model import Candidate, Phase, Placement, Provisioning, RegionView, WhyNot
from lib.fleet.scale_out import compared, figures


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRegion:
    best: Candidate | None
    why: str
    others: tuple[Candidate, ...]  # that could take it too, the best first
    why_not: tuple[WhyNot, ...]  # one a region that was judged and not taken, in that order

    @property
    def runners_up(self) -> int:
        return len(self.others)


def next_region(placement: Placement, views: Iterable[RegionView], *, now: datetime) -> NextRegion:
    held = tuple(views)
    judged = tuple(_choices(placement, held, now))
    for (accelerator, model), ranked in judged:
        able = [c for c in ranked if c.eligible]
        best = next((c for c in able if _affords(placement, c)), None)
        if best is not None:
            others = tuple(c for c in able if c.region != best.region)
            return NextRegion(
                best=best,
                why=_why(best, accelerator, model, len(able)),
                others=others,
                why_not=tuple(_why_not(placement, best, ranked)),
            )
    every = [c for _, ranked in judged for c in ranked]
    return NextRegion(
        best=None, why=_none(placement, every), others=(), why_not=tuple(_ruled_out(placement, every))
    )


def _choices(
    placement: Placement, views: tuple[RegionView, ...], now: datetime
) -> Iterator[tuple[tuple[str, Provisioning], list[Candidate]]]:
    """Each wanted GPU and model with the regions that are free for it, the best first."""
    spec = placement.spec
    taken = {r.region for r in placement.status.regions} | set(spec.excluded)
    present = frozenset(r.region for r in placement.status.regions if r.phase is not Phase.WARM)
    for accelerator in overrides.preferences(spec, now):
        for model in spec.provisioning or (Provisioning.STANDARD,):
            found = [
                c
                for view in views
                for c in view.all()
                if (c.accelerator, c.provisioning) == (accelerator, model)
                and c.region not in taken
                and c.zones
            ]
            yield (accelerator, model), sorted(found, key=lambda c: capacity.rank(c, present))


def _affords(placement: Placement, candidate: Candidate) -> bool:
    usd = candidate.usd_per_hour
    return usd is not None and placement.status.usd_per_hour + usd <= placement.spec.max_hourly_usd + 1e-9


def _why(best: Candidate, accelerator: str, model: Provisioning, able: int) -> str:
    regions = "the only region" if able == 1 else f"the best of {able} regions"
    return (
        f"{best.region} is {regions} that can take {words.machine(accelerator, model)} now: {figures(best)}."
    )


def _none(placement: Placement, judged: list[Candidate]) -> str:
    gpus = words.listed(catalog.short(a) for a in placement.spec.accelerators)
    dear = next((c for c in judged if c.eligible and c.usd_per_hour is not None), None)
    if dear is not None and dear.usd_per_hour is not None:
        left = max(0.0, placement.spec.max_hourly_usd - placement.status.usd_per_hour)
        return f"{dear.region} would cost {words.usd(dear.usd_per_hour)}, and the budget leaves {words.usd(left)}."
    return f"No other region can take {gpus} now."


def _why_not(placement: Placement, best: Candidate, ranked: list[Candidate]) -> Iterator[WhyNot]:
    for other in ranked:
        if other.region == best.region or not other.eligible:
            continue
        if _affords(placement, other):
            reason, flip = compared(other, best), f"a failure in {best.region}"
        else:
            reason, flip = f"It costs {words.usd(other.usd_per_hour or 0.0)}.", "a higher budget"
        yield WhyNot(region=other.region, reason=reason, flip=flip)
    yield from _ruled_out(placement, [c for c in ranked if not c.eligible])


def _ruled_out(placement: Placement, found: list[Candidate]) -> Iterator[WhyNot]:
    """Each region once; one that only the budget rules out says so."""
    for candidate in {c.region: c for c in reversed(found)}.values():
        if candidate.eligible:
            yield WhyNot(
                region=candidate.region,
                reason=f"It costs {words.usd(candidate.usd_per_hour or 0.0)}.",
                flip=f"a budget of more than {words.usd(placement.spec.max_hourly_usd)}",
            )
        else:
            yield WhyNot(
                region=candidate.region, reason=next(iter(candidate.reasons), ""), flip=candidate.flip
            )
