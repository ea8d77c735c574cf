"""How many API calls a cycle may make, by what it looks at and what it does, so that rate limits are far away by design.

The gateways count; here is the bound and the figure that is published. A cycle above its bound is a bug, and is told as one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lib.fleet.model import Cycle, FleetObservation
from lib.gateways import calls

# Lease, placement, lists with pages, features, ingress, address, capacity, status, views, and the set-up seen again.
BASE = 40
PER_CLUSTER = 3  # Deployment, pods, events
PER_BACKEND = 1  # getHealth
PER_VIEW = 2  # a GpuRegion that changed: create, then status
PER_NEWS = 3  # a Kubernetes Event: create, or read and count up
PER_ACTION = 12  # read, write, and again when somebody was faster
ADVICE = 18  # Spot advice and its history, a few regions at a time
SET_UP = 80  # while the platform is being made


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a cycle had to do."""

    clusters: int = 0
    backends: int = 0
    views: int = 0
    news: int = 0
    actions: int = 0
    setting_up: bool = False


def bound(work: Work) -> int:
    return (
        BASE
        + ADVICE
        + PER_CLUSTER * work.clusters
        + PER_BACKEND * work.backends
        + PER_VIEW * work.views
        + PER_NEWS * work.news
        + PER_ACTION * work.actions
        + (SET_UP if work.setting_up else 0)
    )


def seen_by(seen: FleetObservation) -> tuple[int, int]:
    """Clusters that were asked, and backends."""
    clusters = sum(one.cluster is not None or one.workload is not None for one in seen.regions.values())
    return clusters, sum(len(one.backends) for one in seen.regions.values())


class Meter:
    """One cycle from its start to its end."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before: Counter[str] = calls.made()

    def read(self, work: Work) -> Cycle:
        made: Mapping[str, int] = {api: n for api, n in sorted((calls.made() - self._before).items()) if n}
        return Cycle(seconds=time.monotonic() - self._began, calls=made, bound=bound(work))
