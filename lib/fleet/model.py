"""The values that decisions are made of: what is wanted, what was seen, what is to be done.

Everything here is frozen and plain: gateways fill these from the wire, `plan` and `status` read them, the
dashboard draws them. No Google or Kubernetes type, no I/O, no clock. Times are aware UTC datetimes, prices are
USD per hour, and a field that is None was not observed (unknown), which never means "absent".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from lib.fleet.evidence import Evidence, SpotAdvice


class Phase(StrEnum):
    """Where a region stands on its way to serving; derived from conditions by `status.phase_of`."""

    WANTED = "Wanted"
    PROVISIONING = "Provisioning"
    REGISTERING = "Registering"
    SYNCING = "Syncing"
    WAITING_FOR_GPU = "WaitingForGpu"
    STARTING = "Starting"
    ATTACHING = "Attaching"
    SERVING = "Serving"
    STOCKED_OUT = "StockedOut"
    QUOTA_EXCEEDED = "QuotaExceeded"
    NOT_OFFERED = "NotOffered"
    FAILED = "Failed"
    UNREACHABLE = "Unreachable"
    DRAINING = "Draining"
    WARM = "Warm"  # a cluster without a workload, kept so that the next start is shorter


PROGRESS: tuple[Phase, ...] = (
    Phase.WANTED,
    Phase.PROVISIONING,
    Phase.REGISTERING,
    Phase.SYNCING,
    Phase.WAITING_FOR_GPU,
    Phase.STARTING,
    Phase.ATTACHING,
    Phase.SERVING,
)
BLOCKED = frozenset({Phase.STOCKED_OUT, Phase.QUOTA_EXCEEDED, Phase.NOT_OFFERED, Phase.FAILED})


class Provisioning(StrEnum):
    STANDARD = "STANDARD"
    SPOT = "SPOT"


class Rollout(StrEnum):
    """Safe: RollingUpdate, the old pod serves until the new one is Ready. Hard: Recreate, it goes first."""

    SAFE = "Safe"
    HARD = "Hard"


class Outcome(StrEnum):
    """How an attempt to get a GPU ended."""

    OBTAINED = "Obtained"
    STOCK_OUT = "StockOut"
    QUOTA = "Quota"
    NOT_OFFERED = "NotOffered"
    PREEMPTED = "Preempted"
    TIMED_OUT = "TimedOut"


# --- what is wanted -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A fault or trial on top of the spec: a lease that undoes itself at `expires_at`."""

    region: str | None  # None: every region of the placement
    accelerator: str
    rollout: Rollout
    expires_at: datetime | None  # None only for a Safe switch that is meant to stay
    owner: str
    reason: str  # "drill/gpu-switch", ...
    created_at: datetime | None = None
    commit: str = ""  # a roll back: the region runs its directory as this commit held it, byte for byte
    provisioning: Provisioning | None = None  # of that commit; None: the region's own


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSpec:
    accelerators: tuple[str, ...]  # in order of preference
    provisioning: tuple[Provisioning, ...] = (Provisioning.STANDARD,)
    serving: int = 1  # how many regions must serve
    warm: int = 0  # clusters without a GPU, kept beside them
    hedge: int = 1  # regions that may be tried at once beyond those that lack
    pinned: tuple[str, ...] = ()  # regions the operator asked for by name
    excluded: tuple[str, ...] = ()
    max_hourly_usd: float = 10.0
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One GpuPlacement as the config cluster holds it."""

    name: str
    namespace: str
    generation: int
    resource_version: str
    spec: PlacementSpec
    status: PlacementStatus


# --- what was seen ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationObservation:
    """A Container API operation (reference 1.5)."""

    name: str
    kind: str  # CREATE_CLUSTER, DELETE_CLUSTER, ...
    status: str  # PENDING, RUNNING, DONE, ABORTING
    target: str  # cluster name
    region: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: float | None = None  # 0..1
    error: str = ""


def _no_labels() -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObservation:
    name: str
    region: str
    status: str  # PROVISIONING, RUNNING, RECONCILING, STOPPING, ERROR, DEGRADED
    owned: bool  # carries this platform's ownership label
    message: str = ""
    version: str = ""
    created_at: datetime | None = None
    endpoint: str = ""
    ca_certificate: str = ""  # base64 PEM, as Cluster.masterAuth gives it
    labels: Mapping[str, str] = field(default_factory=_no_labels)
    operation: OperationObservation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncError:
    code: str  # "KNV2009"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipObservation:
    """A fleet membership with its Config Sync state (reference 2.2, 2.3)."""

    name: str  # full: projects/N/locations/L/memberships/M
    cluster: str
    region: str
    state: str  # CREATING, READY, DELETING, ...
    owned: bool = False  # carries this platform's ownership label; one that GKE registered carries none
    sync_directory: str | None = None  # configSync.git.policyDir of the applied spec; None: no spec
    sync_code: str = ""  # SYNCED, PENDING, ERROR, NOT_INSTALLED, ...
    sync_commit: str = ""  # syncToken, the commit that is applied
    sync_errors: tuple[SyncError, ...] = ()
    synced_at: datetime | None = None  # when that commit was applied


@dataclass(frozen=True, slots=True, kw_only=True)
class PodObservation:
    name: str
    phase: str  # Pending, Running, Failed, Succeeded
    ready: bool
    accelerator: str  # nodeSelector cloud.google.com/gke-accelerator
    provisioning: Provisioning = Provisioning.STANDARD
    node: str = ""
    zone: str = ""
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    ready_at: datetime | None = None
    terminating: bool = False
    reason: str = ""  # Unschedulable, ImagePullBackOff, CrashLoopBackOff, ...
    message: str = ""
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventObservation:
    """A Kubernetes Event in its original words."""

    uid: str
    cluster: str
    kind: str  # kind of the involved object
    name: str  # its name
    type: str  # Normal, Warning
    reason: str  # FailedScheduling, TriggeredScaleUp, FailedScaleUp, NotTriggerScaleUp, ...
    message: str
    component: str
    first_at: datetime
    last_at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadObservation:
    """The Deployment of the GPU workload in one cluster, its pods and their events."""

    accelerator: str  # "" when the Deployment does not exist
    rollout: Rollout = Rollout.SAFE
    replicas: int = 0
    ready_replicas: int = 0
    commit: str = ""  # annotation configmanagement.gke.io/token
    pods: tuple[PodObservation, ...] = ()
    events: tuple[EventObservation, ...] = ()  # newest first
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendObservation:
    """Endpoints of one zonal NEG as the load balancer's getHealth sees them."""

    zone: str
    neg: str
    healthy: int
    unhealthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionObservation:
    """All that was seen of one region. A part that did not answer is None and its name is in `unknown`."""

    region: str
    cluster: ClusterObservation | None = None
    membership: MembershipObservation | None = None
    workload: WorkloadObservation | None = None
    backends: tuple[BackendObservation, ...] = ()
    unknown: frozenset[str] = frozenset()  # of: "cluster", "membership", "workload", "backends"
    error: str = ""  # one sentence on what did not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    limit: float
    usage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCapacity:
    """What Compute says of one region. `quotas` is keyed by metric (reference 3.5); None: not readable."""

    region: str
    zones: tuple[str, ...]
    offered: Mapping[str, tuple[str, ...]]  # accelerator -> zones that list it
    quotas: Mapping[str, Quota] | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One own try for a GPU and how it ended: the strongest evidence there is, decaying with age."""

    region: str
    accelerator: str
    provisioning: Provisioning
    outcome: Outcome
    at: datetime
    zone: str = ""
    message: str = ""
    probe: bool = False  # made by a capacity probe, and given back at once


def _no_advice() -> dict[tuple[str, str], SpotAdvice]:
    return {}


def _no_capacity() -> dict[str, RegionCapacity]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetObservation:
    """One look at the world. `unknown` names whole sources that did not answer: clusters, memberships,
    capacity, backends, delivery, placement. With any of them unknown nothing is shrunk or deleted."""

    at: datetime
    regions: Mapping[str, RegionObservation]  # only regions where something of ours, or a membership, is
    capacity: Mapping[str, RegionCapacity] = field(default_factory=_no_capacity)  # all regions
    global_quota: Quota | None = None  # GPUS_ALL_REGIONS
    attached: frozenset[str] | None = None  # regions linked in the MultiClusterService; None: unknown
    delivered: Mapping[str, DeliveredWorkload] | None = None  # by cluster, from the delivery repository
    vip: str = ""  # http://ADDRESS[:PORT] from the forwarding rule; "" while there is none
    attempts: tuple[Attempt, ...] = ()
    advice: Mapping[tuple[str, str], SpotAdvice] = field(default_factory=_no_advice)  # by region, accelerator
    unknown: frozenset[str] = frozenset()
    led_since: datetime | None = None  # since when the controller that looks has had the lease


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredWorkload:
    """What the delivery repository's head holds for one cluster."""

    cluster: str
    accelerator: str
    provisioning: Provisioning
    rollout: Rollout
    commit: str  # last commit that touched clusters/<cluster>/
    committed_at: datetime | None = None
    held_at: str = ""  # the commit that a roll back holds the directory at; "": it is rendered
    released: bool = False  # that commit ended a roll back
    content: str = ""  # names what the files say, whoever committed them


def _no_trailers() -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCommit:
    """One commit of the delivery repository's branch."""

    sha: str
    author: str
    at: datetime
    subject: str
    trailers: Mapping[str, str] = field(default_factory=_no_trailers)
    clusters: tuple[str, ...] = ()  # whose directory it changed


# --- what is decided ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A region judged as the next place for an accelerator. `reasons` are sentences, strongest first."""

    region: str
    accelerator: str
    zones: tuple[str, ...]  # that list the accelerator
    obtainability: float | None  # 0..1; None: nothing is known
    eta_s: float | None  # expected seconds to a serving replica
    usd_per_hour: float | None  # GPU machine plus cluster fee
    quota: Quota | None
    eligible: bool
    reasons: tuple[str, ...]  # why (not)
    flip: str = ""  # what would change the answer
    provisioning: Provisioning = Provisioning.STANDARD
    evidence: tuple[Evidence, ...] = ()  # what it was judged by, the strongest first; () where nobody asked


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCluster:
    region: str
    cluster: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureSync:
    """Point the membership's Config Sync at clusters/<cluster>/ of the delivery repository."""

    region: str
    cluster: str
    membership: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitWorkload:
    region: str
    cluster: str
    accelerator: str
    provisioning: Provisioning
    rollout: Rollout
    author: str
    reason: str
    commit: str = ""  # take the files as this commit held them, instead of rendering them


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachBackend:
    region: str
    cluster: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachBackend:
    """Leave the MultiClusterService, so that the load balancer drains the region."""

    region: str
    cluster: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveWorkload:
    """Drop clusters/<cluster>/ from the delivery repository and its Config Sync spec from the fleet."""

    region: str
    cluster: str
    membership: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCluster:
    region: str
    cluster: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOverride:
    """Take a lease that ran out (or that is void) out of the spec."""

    override: Override
    reason: str


Action = (
    CreateCluster
    | ConfigureSync
    | CommitWorkload
    | AttachBackend
    | DetachBackend
    | RemoveWorkload
    | DeleteCluster
    | ExpireOverride
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    region: str
    reason: str
    flip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing decided, with its why and why not; kept in status (bounded) and in the journal (all)."""

    at: datetime
    verb: str  # ScaleOut, ScaleIn, SwitchGpu, Restore, RollBack, Rollback (a switch is taken back), Hold, Refuse
    region: str
    reason: str
    why_not: tuple[WhyNot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    actions: tuple[Action, ...]
    decisions: tuple[Decision, ...]


# --- what is told -------------------------------------------------------------------------------------


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


# --- what is remembered -------------------------------------------------------------------------------

Durations = Mapping[Phase, tuple[float, float]]
"""Learned seconds a region stays in a phase: (p50, p90)."""


def _empty_body() -> dict[str, object]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal. Kinds: phase, decision, action, event, probe, prompt, intent, fault,
    bootstrap, error, ledger, spend; `body` holds what the kind needs (see `drill` for the fields that reports read)."""

    id: int
    at: datetime
    kind: str
    region: str = ""
    subject: str = ""
    message: str = ""
    actor: str = ""
    operation_id: str = ""
    body: Mapping[str, object] = field(default_factory=_empty_body)
