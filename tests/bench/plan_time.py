"""Prints the median time of plan() and views() for 43 regions x 12 GPUs in milliseconds."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.fleet import catalog
from lib.fleet.model import (
    FleetObservation,
    Placement,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionCapacity,
)
from lib.fleet.plan import plan

NOW = datetime(2026, 11, 23, tzinfo=UTC)
GPUS = tuple(catalog.ACCELERATORS)[:12]


def capacity(region: str) -> RegionCapacity:
    zones = tuple(f"{region}-{letter}" for letter in "abc")
    quotas = {m: Quota(limit=8, usage=0) for g in GPUS for m in (catalog.ACCELERATORS[g].quota_metric,) if m}
    return RegionCapacity(
        region=region, zones=zones, offered=dict.fromkeys(GPUS, zones), quotas=quotas, as_of=NOW
    )


def median_ms(call: Callable[[], object]) -> float:
    took: list[float] = []
    for _ in range(50):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(took), 2)


seen = FleetObservation(
    at=NOW,
    regions={},
    capacity={name: capacity(name) for name in catalog.REGIONS},
    global_quota=Quota(limit=64, usage=0),
    attached=frozenset(),
    delivered={},
)
wish = Placement(
    name="p",
    namespace="default",
    generation=1,
    resource_version="1",
    spec=PlacementSpec(accelerators=GPUS, provisioning=tuple(Provisioning), serving=12, max_hourly_usd=1000),
    status=PlacementStatus(),
)
sys.stdout.write(f"{median_ms(lambda: plan(wish, seen, now=NOW))}\n")
