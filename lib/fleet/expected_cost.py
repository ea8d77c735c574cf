"""What a change is expected to cost an hour where the platform itself will choose: which region, or which machine.

An estimate from what is known now, told as one. Where the change names its regions, `preview` has their prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lib.fleet import capacity, catalog, words
from lib.fleet.machines import Choice, choices
from lib.fleet.model import (
    Candidate,
    Phase,
    PlacementSpec,
    PlacementStatus,
    RegionStatus,
    RegionView,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    usd: float = 0.0  # change in USD per hour
    note: str = ""  # on what it rests; "" where nothing is estimated


def expected(
    before: PlacementSpec, after: PlacementSpec, *, status: PlacementStatus, views: Sequence[RegionView]
) -> Expected:
    if after.serving > before.serving:
        return _more(after, after.serving - before.serving, status, views)
    if after.serving < before.serving:
        return _fewer(after, status)
    if choices(after) != choices(before):
        return _another_machine(after, status, views)
    if after.max_hourly_usd < min(before.max_hourly_usd, status.usd_per_hour):
        cap = words.usd(after.max_hourly_usd)
        return Expected(note=f"What runs goes on; nothing more is asked for until it costs less than {cap}.")
    return Expected()


def _more(spec: PlacementSpec, count: int, status: PlacementStatus, views: Sequence[RegionView]) -> Expected:
    """The likeliest regions by the order that the platform takes, as far as the budget goes."""
    cap, room = words.usd(spec.max_hourly_usd), max(0.0, spec.max_hourly_usd - status.usd_per_hour)
    able = _next(spec, status, views)
    if not able:
        return Expected(
            note=f"No region can take a wanted GPU now; it will cost what it does then, never over {cap}."
        )
    found: list[Candidate] = []
    for one in able[:count]:
        if sum(_usd(c) for c in (*found, one)) <= room + 1e-9:
            found.append(one)
    if not found:
        return Expected(
            note=f"{_priced(able[0])} is likeliest; the budget leaves {words.usd(room)}, so it waits."
        )
    rest = count - len(found)
    more = f" {rest} more can't be had now, or not within the budget." if rest else ""
    places = words.listed(map(_priced, found))
    return Expected(
        usd=sum(map(_usd, found)),
        note=f"Expected, by where it is likeliest now: {places}; never over {cap}.{more}",
    )


def _priced(one: Candidate) -> str:
    return f"{one.region} ({catalog.short(one.accelerator)}, {words.usd(_usd(one))})"


def _usd(one: Candidate) -> float:
    return one.usd_per_hour or 0.0


def _next(spec: PlacementSpec, status: PlacementStatus, views: Iterable[RegionView]) -> list[Candidate]:
    taken = {r.region for r in status.regions} | set(spec.excluded)
    present = frozenset(r.region for r in status.regions if r.phase is not Phase.WARM)
    known = [c for view in views for c in view.all() if c.eligible and c.region not in taken]
    for choice in choices(spec):
        fits = [c for c in known if (c.accelerator, c.provisioning) == choice and c.usd_per_hour is not None]
        if fits:
            return sorted(fits, key=lambda c: capacity.rank(c, present))
    return []


def _fewer(spec: PlacementSpec, status: PlacementStatus) -> Expected:
    """Which ones go is chosen when the time comes; those that are pinned stay."""
    free = sorted(r.usd_per_hour for r in _held(status) if r.region not in spec.pinned)
    held = len(_held(status))
    count = min(len(free), max(0, held - max(spec.serving, len(spec.pinned))))
    if not count:
        return Expected()
    least, most = sum(free[:count]), sum(free[-count:])
    range_ = words.usd(least) if most - least < 0.005 else f"between {words.usd(least)} and {words.usd(most)}"
    return Expected(
        usd=-least, note=f"Expected: {range_} less; which region goes is chosen when the time comes."
    )


def _another_machine(spec: PlacementSpec, status: PlacementStatus, views: Sequence[RegionView]) -> Expected:
    """A region goes to the first machine of the order that it can get, so it may also stay as it is."""
    moves = [(r, best) for r in _held(status) if (best := _best_there(r, spec, views))]
    changed = [(r, best) for r, best in moves if _choice(best) != _choice(r)]
    if not changed:
        return Expected(note="No region would run another GPU by what is known now.")
    usd, room = (
        sum(_usd(best) - r.usd_per_hour for r, best in changed),
        spec.max_hourly_usd - status.usd_per_hour,
    )
    told = words.listed(f"{r.region} on {words.machine(*_choice(best))}" for r, best in changed)
    budget = f", and only as far as the budget of {words.usd(spec.max_hourly_usd)} goes" if usd > room else ""
    return Expected(
        usd=min(usd, max(0.0, room)),
        note=f"Expected once it is had: {told}; unchanged where it can't be{budget}.",
    )


def _choice(one: Candidate | RegionStatus) -> Choice:
    return one.accelerator, one.provisioning


def _best_there(region: RegionStatus, spec: PlacementSpec, views: Iterable[RegionView]) -> Candidate | None:
    here = (c for v in views if v.region == region.region for c in v.all())
    known = {_choice(c): c for c in here if c.zones and c.usd_per_hour is not None}
    able = (known[c] for c in choices(spec) if c in known and (known[c].eligible or c == _choice(region)))
    return next(able, None)


def _held(status: PlacementStatus) -> list[RegionStatus]:
    """Regions with a machine, or with one on its way."""
    return [r for r in status.regions if r.usd_per_hour > 0 and r.phase not in {Phase.WARM, Phase.DRAINING}]
