"""One look at the placement with everything derived that both the plan and the status need.

So the two can't disagree on a region's phase, on what it should run or on what leaves. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import overrides
from lib.fleet.capacity import Index
from lib.fleet.look import Look
from lib.fleet.machines import Choice
from lib.fleet.model import (
    BLOCKED,
    PROGRESS,
    Condition,
    FleetObservation,
    Phase,
    Placement,
    RegionObservation,
)
from lib.fleet.patience import stay, waited
from lib.fleet.wanted import Wanted

FULL_SERVICE_FOR = timedelta(minutes=10)  # before what is too much is taken away
LOSERS_FOR = timedelta(minutes=1)  # the same for a try that another one has won
UNREACHABLE_GRACE = timedelta(minutes=5)  # "I can't see it" is not "it is broken"
REPLACEABLE = BLOCKED
TRIED = frozenset(PROGRESS) - {Phase.SERVING}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSurvey:
    region: str
    seen: RegionObservation
    wanted: Wanted
    conditions: tuple[Condition, ...]
    phase: Phase
    excluded: bool
    pinned: bool
    look: Look

    @property
    def exists(self) -> bool:
        """A cluster of ours is there, or was when the region last answered."""
        cluster = self.seen.cluster
        return "cluster" in self.seen.unknown or (cluster is not None and cluster.owned)

    @property
    def stopping(self) -> bool:
        return self.seen.cluster is not None and self.seen.cluster.status == "STOPPING"

    @property
    def target(self) -> bool:
        """It should serve: asked for by name, or ours and not on its way out."""
        return not self.excluded and (self.pinned or (self.exists and not self.stopping))

    @property
    def drilled(self) -> bool:
        return overrides.is_drill(self.wanted.override)

    @property
    def has_node(self) -> bool:
        pods = self.seen.workload.pods if self.seen.workload else ()
        return any(p.node and not p.terminating for p in pods)

    @property
    def runs(self) -> Choice | None:
        """What the replica that answers now runs on."""
        ready = next((p for p in self.look.pods if p.ready), None)
        return (ready.accelerator, ready.provisioning) if ready else None

    @property
    def served(self) -> bool:
        return self.look.previous is not None and any(
            s.phase is Phase.SERVING for s in self.look.previous.history
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    placement: Placement
    seen: FleetObservation
    now: datetime
    index: Index
    regions: Mapping[str, RegionSurvey]

    @property
    def targets(self) -> Iterator[RegionSurvey]:
        return (r for r in self.regions.values() if r.target)

    @property
    def usd_per_hour(self) -> float:
        return round(sum(r.wanted.usd_per_hour for r in self.regions.values()), 4)

    @property
    def serving(self) -> int:
        return sum(r.phase is Phase.SERVING for r in self.targets)

    def counts(self, region: RegionSurvey) -> bool:
        """The region serves, is on its way to, or is left alone on purpose: nobody has to stand in for it."""
        if region.phase is Phase.UNREACHABLE:
            return not self._lost(region)
        if not region.wanted.affordable or region.wanted.spare:
            return False
        return region.phase not in REPLACEABLE or region.drilled

    def _lost(self, region: RegionSurvey) -> bool:
        """It can't be seen and the load balancer, which can be, has had no healthy endpoint there for a while."""
        dark = stay(region.look.previous, Phase.UNREACHABLE)
        if dark is None or waited(dark, self.now, region.look.unled) < UNREACHABLE_GRACE:
            return False
        if "backends" in self.seen.unknown or "backends" in region.seen.unknown:
            return False
        return sum(b.healthy for b in region.seen.backends) == 0

    @property
    def blind(self) -> tuple[str, ...]:
        """What didn't answer and is needed before anything may be taken away. A dead cluster's own API isn't
        among it: an operator must be able to remove a region whose control plane is gone."""
        sources = set(self.seen.unknown)
        if self.seen.attached is None:
            sources.add("attached")
        if self.seen.delivered is None:
            sources.add("delivery")
        parts = {
            f"{part} of {seen.region}"
            for seen in self.seen.regions.values()
            for part in seen.unknown & {"cluster", "membership", "backends"}
        }
        return (*sorted(sources), *sorted(parts))

    @property
    def silent(self) -> tuple[str, ...]:
        """Regions whose workload can't be seen: enough to keep the platform from scaling in by itself."""
        return tuple(sorted(r for r, seen in self.seen.regions.items() if "workload" in seen.unknown))

    @property
    def spares(self) -> tuple[RegionSurvey, ...]:
        """Idle clusters, the one to start from first."""
        return tuple(sorted((r for r in self.targets if r.wanted.spare), key=readiness))

    def surplus(self) -> RegionSurvey | None:
        """The region to take away next, because more serve, are tried or are kept warm than were asked for; None:
        none, or not yet."""
        if self.blind or self.silent:
            return None
        wanted = self.placement.spec.serving
        working = [r for r in self.targets if not r.wanted.spare]
        free = [r for r in working if not r.pinned and not r.drilled] if len(working) > wanted else []
        losers = [r for r in free if r.phase in TRIED and not r.served]
        if self._full_service(LOSERS_FOR) and (losers or self.spares[self.placement.spec.warm :]):
            return min(losers, key=self._loss) if losers else self.spares[-1]
        spare = [r for r in free if self.serving - (r.phase is Phase.SERVING) >= wanted]
        return min(spare, key=self._loss, default=None) if self._full_service(FULL_SERVICE_FOR) else None

    def _full_service(self, so_long: timedelta) -> bool:
        """As many as asked for serve, and have for a while; when none is asked for there is nothing to wait for."""
        wanted = self.placement.spec.serving
        ready = next((c for c in self.placement.status.conditions if c.type == "Ready"), None)
        since = ready.last_transition_at if ready and ready.status == "True" else None
        steady = since is not None and self.now - since >= so_long
        return wanted == 0 or (self.serving >= wanted and steady)

    def _loss(self, region: RegionSurvey) -> tuple[bool, bool, float, str]:
        """Cheapest to lose first: one already leaving, one that doesn't serve, then the dearest."""
        linked = region.region in (self.seen.attached or ())
        serves = region.phase is Phase.SERVING
        return (linked, serves, -region.wanted.usd_per_hour, region.region)


def readiness(region: RegionSurvey) -> tuple[bool, bool, float, str]:
    """Of idle clusters the first to start from: one that runs and is registered, then the oldest."""
    cluster, member = region.seen.cluster, region.seen.membership
    up = cluster is not None and cluster.status == "RUNNING"
    born = cluster.created_at.timestamp() if cluster is not None and cluster.created_at else 0.0
    return (not up, member is None, born, region.region)
