"""The words that every value of the fleet is told in: phases, provisioning models, rollouts, outcomes."""

from __future__ import annotations

from enum import StrEnum


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
