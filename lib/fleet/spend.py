"""What it costs: accounts of the month by region, GPU and cluster fee apart, and what the month will come to.

Every look charges the time since the one before at the rates that were seen then: a fee for each cluster that exists, a
machine for each GPU node that a pod of ours is on. Time in which nobody looked, or a region that couldn't be seen, is a gap:
named, with what it would have been, and never added. List prices; not a bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.model import Account, FleetObservation, Gap, Placement, RegionObservation, Spend

GAPS_KEPT = 10
MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """USD per hour at one moment. `seen` False: the region didn't tell, and this is what it last was."""

    gpu: float = 0.0
    fee: float = 0.0
    seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCost:
    region: str
    gpu_per_hour: float
    fee_per_hour: float
    gpu_usd: float
    fee_usd: float
    forecast_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The month so far and to its end at the present rate, beside the hourly cap."""

    month: str
    since: datetime
    as_of: datetime
    regions: tuple[RegionCost, ...]
    gpu_per_hour: float
    fee_per_hour: float
    month_usd: float
    forecast_usd: float
    cap_per_hour: float
    spoken_for_per_hour: float  # with what is only asked for: the cap is held against this
    headroom_per_hour: float
    unseen_s: float
    unseen_usd: float
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]

    @property
    def usd_per_hour(self) -> float:
        return round(self.gpu_per_hour + self.fee_per_hour, 4)


def rates(seen: FleetObservation, before: Spend | None = None) -> dict[str, Rate]:
    """What every region costs at this moment, by what is to be seen of it."""
    held = {a.region: a for a in before.accounts} if before else {}
    found = {region: _rate(one, seen, held.get(region)) for region, one in seen.regions.items()}
    if "clusters" in seen.unknown:
        found |= {r: _last(a) for r, a in held.items() if r not in found and a.gpu_rate + a.fee_rate}
    return {region: rate for region, rate in found.items() if rate.gpu or rate.fee or not rate.seen}


def _rate(one: RegionObservation, seen: FleetObservation, held: Account | None) -> Rate:
    cluster = one.cluster
    if cluster is None and ("cluster" in one.unknown or "clusters" in seen.unknown):
        return _last(held) if held else Rate()
    if cluster is None or not cluster.owned:
        return Rate()
    if "workload" in one.unknown:
        return _last(held) if held else Rate(fee=catalog.CLUSTER_FEE_USD_PER_HOUR, seen=False)
    nodes = {p.node: p for p in (one.workload.pods if one.workload else ()) if p.node}
    machines = sum(
        catalog.usd_per_hour(p.accelerator, p.provisioning, one.region) or 0.0 for p in nodes.values()
    )
    return Rate(gpu=round(machines, 4), fee=catalog.CLUSTER_FEE_USD_PER_HOUR)


def _last(held: Account) -> Rate:
    return Rate(gpu=held.gpu_rate, fee=held.fee_rate, seen=False)


def accrue(
    before: Spend | None, now_rates: Mapping[str, Rate], *, now: datetime, patience: timedelta
) -> tuple[Spend, ...]:
    """The account after this look, last; before it the months that were closed meanwhile. A time longer than
    `patience` without a look is a gap."""
    if before is None or before.as_of > now:
        return (_opened(now, now_rates),)
    missed = now - before.as_of > patience
    closed: list[Spend] = []
    spend = before
    while _month(spend.as_of) != _month(now):
        turn = _next_month(spend.as_of)
        spend = _charged(spend, turn, missed=missed)
        closed.append(spend)
        spend = Spend(
            month=_month(turn),
            since=turn,
            as_of=turn,
            accounts=tuple(replace(a, gpu_usd=0.0, fee_usd=0.0) for a in spend.accounts),
        )
    spend = _charged(spend, now, missed=missed)
    return (*closed, replace(spend, accounts=tuple(_at_rates(spend.accounts, now_rates))))


def _opened(now: datetime, now_rates: Mapping[str, Rate]) -> Spend:
    return Spend(month=_month(now), since=now, as_of=now, accounts=tuple(_at_rates((), now_rates)))


def _charged(spend: Spend, until: datetime, *, missed: bool) -> Spend:
    hours = (until - spend.as_of).total_seconds() / 3600
    dark = [a for a in spend.accounts if (missed or not a.seen) and a.gpu_rate + a.fee_rate]
    lost = sum(a.gpu_rate + a.fee_rate for a in dark)
    gaps = spend.gaps
    if missed:
        gaps = _with_gap(gaps, "", spend.as_of, until, lost)
    else:
        for account in dark:
            gaps = _with_gap(gaps, account.region, spend.as_of, until, account.gpu_rate + account.fee_rate)
    unseen_s = hours * 3600 if missed or dark else 0.0
    return replace(
        spend,
        as_of=until,
        accounts=tuple(a if missed or not a.seen else _plus(a, hours) for a in spend.accounts),
        unseen_s=spend.unseen_s + unseen_s,
        unseen_usd=spend.unseen_usd + lost * hours,
        gaps=gaps,
    )


def _plus(account: Account, hours: float) -> Account:
    return replace(
        account,
        gpu_usd=account.gpu_usd + account.gpu_rate * hours,
        fee_usd=account.fee_usd + account.fee_rate * hours,
    )


def _with_gap(
    gaps: tuple[Gap, ...], region: str, since: datetime, until: datetime, usd: float
) -> tuple[Gap, ...]:
    """Newest first; one that goes on grows."""
    going_on = next((g for g in gaps if g.region == region and abs(g.until - since) < MOMENT), None)
    if going_on is None:
        return (Gap(region=region, since=since, until=until, usd_per_hour=usd), *gaps)[:GAPS_KEPT]
    return tuple(replace(g, until=until) if g is going_on else g for g in gaps)


def _at_rates(accounts: Iterable[Account], now_rates: Mapping[str, Rate]) -> Iterator[Account]:
    known = {a.region: a for a in accounts}
    for region in sorted({*known, *now_rates}):
        rate = now_rates.get(region, Rate())
        account = known.get(region, Account(region=region))
        if account.gpu_usd or account.fee_usd or rate.gpu or rate.fee:
            yield replace(account, gpu_rate=rate.gpu, fee_rate=rate.fee, seen=rate.seen)


def cost(placement: Placement, *, now: datetime) -> Cost | None:
    """None while the controller has not counted yet."""
    spend = placement.status.spend
    if spend is None:
        return None
    hours_left = max(0.0, (_next_month(spend.as_of) - max(now, spend.as_of)).total_seconds() / 3600)
    regions = tuple(_region_cost(a, hours_left) for a in spend.accounts)
    cap, spoken_for = placement.spec.max_hourly_usd, placement.status.usd_per_hour
    return Cost(
        month=spend.month,
        since=spend.since,
        as_of=spend.as_of,
        regions=regions,
        gpu_per_hour=round(sum(r.gpu_per_hour for r in regions), 4),
        fee_per_hour=round(sum(r.fee_per_hour for r in regions), 4),
        month_usd=round(sum(r.gpu_usd + r.fee_usd for r in regions), 4),
        forecast_usd=round(sum(r.forecast_usd for r in regions), 4),
        cap_per_hour=cap,
        spoken_for_per_hour=spoken_for,
        headroom_per_hour=round(max(0.0, cap - spoken_for), 4),
        unseen_s=spend.unseen_s,
        unseen_usd=round(spend.unseen_usd, 4),
        gaps=spend.gaps,
        notes=tuple(_notes(spend)),
    )


def _region_cost(account: Account, hours_left: float) -> RegionCost:
    so_far = account.gpu_usd + account.fee_usd
    return RegionCost(
        region=account.region,
        gpu_per_hour=account.gpu_rate,
        fee_per_hour=account.fee_rate,
        gpu_usd=round(account.gpu_usd, 4),
        fee_usd=round(account.fee_usd, 4),
        forecast_usd=round(so_far + (account.gpu_rate + account.fee_rate) * hours_left, 4),
    )


def _notes(spend: Spend) -> Iterator[str]:
    yield (
        "An estimate from list prices, by what was seen: no discounts, traffic, load balancer or nodes without a pod, "
        "and without the config cluster's own fee."
    )
    if spend.since > _month_start(spend.as_of) + MOMENT:
        yield f"Counted since {spend.since:%Y-%m-%d %H:%M} UTC; nothing is known of the month before that."
    if spend.unseen_s >= 1:
        yield (
            f"For {words.duration(spend.unseen_s)} of it something couldn't be seen. That is not in the sum; at the rates "
            f"before it would have been ${spend.unseen_usd:.2f}."
        )


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def _month_start(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next_month(at: datetime) -> datetime:
    return _month_start(_month_start(at) + timedelta(days=32))
