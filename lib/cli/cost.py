"""`cost`: what every region costs, GPU and cluster fee apart, the month so far, and what it will come to.

The controller keeps the accounts in the placement's status; read with one call. An estimate by list prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lib.cli import session
from lib.cli.output import Failed, emit, reported, settings, table, usd
from lib.fleet import spend
from lib.fleet.spend import Cost


def register(app: typer.Typer) -> None:
    app.command()(cost)


def cost(as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False) -> None:
    """What it costs by region, month to date and forecast, beside the cap."""
    with reported():
        wanted = settings()
        found = session.placement(wanted, session.placements(wanted))
        told = spend.cost(found, now=wanted.now())
        if told is None:
            raise Failed("The controller has not counted yet; it does with its next look.")
        emit(told, as_json=as_json, text=_told(told))


def _told(told: Cost) -> Iterator[str]:
    head = ("REGION", "GPU", "FEE", "GPU SO FAR", "FEE SO FAR", "BY MONTH'S END")
    rows = [
        (
            r.region,
            usd(r.gpu_per_hour),
            usd(r.fee_per_hour),
            _sum(r.gpu_usd),
            _sum(r.fee_usd),
            _sum(r.forecast_usd),
        )
        for r in told.regions
    ]
    yield from table(head, rows)
    yield (
        f"{told.month}: {_sum(told.month_usd)} so far, {_sum(told.forecast_usd)} by its end at the present "
        f"{usd(told.usd_per_hour)}."
    )
    yield (
        f"Cap {usd(told.cap_per_hour)}; {usd(told.spoken_for_per_hour)} are spoken for, "
        f"{usd(told.headroom_per_hour)} are left."
    )
    for gap in told.gaps:
        what = gap.region or "Nothing was looked at"
        until = f"{gap.since:%Y-%m-%d %H:%M} to {gap.until:%Y-%m-%d %H:%M}"
        yield f"Gap, {until}: {what}; {usd(gap.usd_per_hour)} before it."
    yield from told.notes


def _sum(amount: float) -> str:
    return f"${amount:,.2f}"
