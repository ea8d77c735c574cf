"""How long each phase of a region's start takes: what expected times and patience are made of.

Defaults are rough medians for GKE Autopilot with an image of about 10 GB; the journal's own figures replace
them phase by phase. Not a clock, and not a promise.
"""

from __future__ import annotations

from datetime import timedelta

from lib.fleet.model import PROGRESS, Durations, Phase

DEFAULT_DURATIONS: Durations = {  # seconds: (p50, p90)
    Phase.WANTED: (10, 20),
    Phase.PROVISIONING: (390, 480),
    Phase.REGISTERING: (20, 40),
    Phase.SYNCING: (175, 260),
    Phase.WAITING_FOR_GPU: (150, 240),
    Phase.STARTING: (130, 200),
    Phase.ATTACHING: (25, 200),
}
PATIENCE: dict[Phase, timedelta] = {  # longer than the worst that is normal; then the region counts as failed
    Phase.PROVISIONING: timedelta(minutes=30),
    Phase.REGISTERING: timedelta(minutes=10),
    Phase.SYNCING: timedelta(minutes=15),
    Phase.WAITING_FOR_GPU: timedelta(minutes=25),
    Phase.STARTING: timedelta(minutes=15),
    Phase.ATTACHING: timedelta(minutes=15),
}


def typical_s(phase: Phase, durations: Durations) -> float:
    known = durations.get(phase) or DEFAULT_DURATIONS.get(phase)
    return known[0] if known else 0.0


def remaining_s(phase: Phase, durations: Durations, *, spent_s: float = 0.0) -> float:
    """Expected seconds from here to Serving. A phase that is late is expected to end shortly, not before now."""
    if phase not in PROGRESS or phase is Phase.SERVING:
        return 0.0
    here = typical_s(phase, durations)
    later = PROGRESS[PROGRESS.index(phase) + 1 :]
    return max(here - spent_s, 0.1 * here) + sum(typical_s(p, durations) for p in later)
