"""The month's accounts and the last cycle's figures, as the status of a GpuPlacement and the journal hold them."""

from __future__ import annotations

from typing import Any

from lib.fleet.model import Account, Cycle, Gap, Spend
from lib.gateways.rfc3339 import certain, time_text

Object = dict[str, Any]


def spend_from(found: Object) -> Spend:
    return Spend(
        month=found["month"],
        since=certain(found["since"]),
        as_of=certain(found["asOf"]),
        accounts=tuple(
            Account(
                region=a["region"],
                gpu_usd=float(a.get("gpuUSD", 0)),
                fee_usd=float(a.get("feeUSD", 0)),
                gpu_rate=float(a.get("gpuPerHour", 0)),
                fee_rate=float(a.get("feePerHour", 0)),
                seen=bool(a.get("seen", True)),
            )
            for a in found.get("accounts") or ()
        ),
        unseen_s=float(found.get("unseenSeconds", 0)),
        unseen_usd=float(found.get("unseenUSD", 0)),
        gaps=tuple(
            Gap(
                region=g.get("region", ""),
                since=certain(g["since"]),
                until=certain(g["until"]),
                usd_per_hour=float(g.get("usdPerHour", 0)),
            )
            for g in found.get("gaps") or ()
        ),
    )


def spend_to(spend: Spend) -> Object:
    """Money to a billionth of a dollar: a look adds less than a cent."""
    return {
        "month": spend.month,
        "since": time_text(spend.since),
        "asOf": time_text(spend.as_of),
        "accounts": [
            {
                "region": a.region,
                "gpuUSD": round(a.gpu_usd, 9),
                "feeUSD": round(a.fee_usd, 9),
                "gpuPerHour": round(a.gpu_rate, 4),
                "feePerHour": round(a.fee_rate, 4),
                "seen": a.seen,
            }
            for a in spend.accounts
        ],
        "unseenSeconds": round(spend.unseen_s, 3),
        "unseenUSD": round(spend.unseen_usd, 9),
        "gaps": [
            {
                "region": g.region,
                "since": time_text(g.since),
                "until": time_text(g.until),
                "usdPerHour": round(g.usd_per_hour, 4),
            }
            for g in spend.gaps
        ],
    }


def cycle_from(found: Object) -> Cycle:
    return Cycle(
        seconds=float(found.get("seconds", 0)),
        calls={str(api): int(n) for api, n in (found.get("calls") or {}).items()},
        bound=int(found.get("bound", 0)),
    )


def cycle_to(cycle: Cycle) -> Object:
    return {"seconds": round(cycle.seconds, 3), "calls": dict(cycle.calls), "bound": cycle.bound}
