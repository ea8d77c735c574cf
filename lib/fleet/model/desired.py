"""What is wanted: the placement's spec and the leases on top of it, as operators write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lib.fleet.model.terms import Provisioning, Rollout


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
