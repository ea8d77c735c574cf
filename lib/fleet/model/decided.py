"""What is decided: candidates, actions, and decisions with their why. Doing it is the controller's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lib.fleet.evidence import Evidence
from lib.fleet.model.desired import Override
from lib.fleet.model.seen import Quota
from lib.fleet.model.terms import Provisioning, Rollout


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
    returns_to: tuple[str, Provisioning] | None = None  # of a drill: what the region runs when its lease ends


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
