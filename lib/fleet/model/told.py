"""What is told: the placement's status and the regions' views, as everybody reads them; and the placement as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet.model.decided import Candidate, Decision
from lib.fleet.model.desired import PlacementSpec
from lib.fleet.model.terms import Phase, Provisioning


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """As in Kubernetes: type, status ("True", "False", "Unknown"), reason UpperCamelCase, one sentence."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpan:
    """When the region entered a phase; the next span's start ends it."""

    phase: Phase
    since: datetime
    unled: timedelta = timedelta(
        0
    )  # of it: time in which no controller led, which counts against no deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStatus:
    region: str
    phase: Phase
    accelerator: str = ""
    provisioning: Provisioning = Provisioning.STANDARD
    cluster: str = ""
    zone: str = ""
    pod: str = ""
    commit: str = ""
    message: str = ""  # one sentence for the operator: cause, and what happens next
    since: datetime | None = None  # of this phase
    eta: datetime | None = None  # when it is expected to serve: half of all starts are sooner
    eta_late: datetime | None = None  # nine of ten starts are sooner
    late_s: float = 0.0  # how much longer than nine of ten this phase has taken
    deadline: datetime | None = None  # when this phase counts as failed
    usd_per_hour: float = 0.0
    healthy: int | None = None  # endpoints HEALTHY behind the VIP; None: unknown
    unhealthy: int | None = None
    under_override: bool = False
    override_expires_at: datetime | None = None
    as_of: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    history: tuple[PhaseSpan, ...] = ()  # oldest first, bounded to 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one region has cost this month, and its present rates in USD per hour."""

    region: str
    gpu_usd: float = 0.0
    fee_usd: float = 0.0
    gpu_rate: float = 0.0
    fee_rate: float = 0.0
    seen: bool = True  # False: the rates are the last known ones, and nothing is charged meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which nobody saw what it cost. `usd_per_hour` is what it was before; it is not in any sum."""

    region: str  # "": all of them, because the controller was down
    since: datetime
    until: datetime
    usd_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The accounts of one month (UTC), as the controller keeps them in the placement's status."""

    month: str  # "2026-11"
    since: datetime
    as_of: datetime
    accounts: tuple[Account, ...] = ()
    unseen_s: float = 0.0
    unseen_usd: float = 0.0
    gaps: tuple[Gap, ...] = ()  # newest first, bounded to 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """The controller's last whole cycle: how long it took, and how many API calls it made, by API."""

    seconds: float
    calls: Mapping[str, int]
    bound: int  # how many it may make at this size of the fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementStatus:
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()  # types: Ready, Reachable, WithinBudget
    regions: tuple[RegionStatus, ...] = ()
    decisions: tuple[Decision, ...] = ()  # newest first, bounded to 10
    vip: str = ""
    usd_per_hour: float = 0.0
    as_of: datetime | None = None
    spend: Spend | None = None
    cycle: Cycle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionView:
    """One GpuRegion object: what the platform knows of GPUs in one region, told to everybody who may read
    the config cluster. `candidates` has one entry per known accelerator that Autopilot can run, with the
    provisioning model that is preferred there; `alternatives` has the other models of what is offered, also
    those that the placement doesn't use."""

    region: str
    zones: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    as_of: datetime | None = None
    alternatives: tuple[Candidate, ...] = ()

    def all(self) -> tuple[Candidate, ...]:
        return (*self.candidates, *self.alternatives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One GpuPlacement as the config cluster holds it."""

    name: str
    namespace: str
    generation: int
    resource_version: str
    spec: PlacementSpec
    status: PlacementStatus
