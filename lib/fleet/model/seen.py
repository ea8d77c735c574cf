"""What was seen: one look at the clouds, as gateways fill it from the wire. None means unknown, never "absent"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lib.fleet.evidence import SpotAdvice
from lib.fleet.model.terms import Outcome, Provisioning, Rollout


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
    returns_to: tuple[str, Provisioning] | None = None  # of a drill: what the region runs when its lease ends


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
