"""How long each phase of a region's start takes: what expected times and patience are made of.

Defaults are rough medians for GKE Autopilot with an image of about 10 GB; the journal's own figures replace
them phase by phase. Not a clock, and not a promise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import quantiles

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


TRUST = 4.0  # recorded durations that weigh as much as the default


def learned(spent: Mapping[Phase, Sequence[float]]) -> Durations:
    """(p50, p90) from recorded seconds, leaning on the defaults while there are few, so that one start isn't a rule."""
    return {phase: _leaning(phase, values) for phase, values in spent.items() if values}


def _leaning(phase: Phase, values: Sequence[float]) -> tuple[float, float]:
    deciles = quantiles(values, n=10, method="inclusive") if len(values) > 1 else [values[0]] * 9
    usual, slow = deciles[4], deciles[8]
    if phase not in DEFAULT_DURATIONS:
        return usual, slow
    weight, (before, late) = len(values) / (len(values) + TRUST), DEFAULT_DURATIONS[phase]
    middle = weight * usual + (1 - weight) * before
    return middle, max(middle, weight * slow + (1 - weight) * late)


def remaining_s(phase: Phase, durations: Durations, *, spent_s: float = 0.0) -> float:
    """Expected seconds from here to Serving. A phase that is late is expected to end shortly, not before now."""
    return _ahead(phase, durations, spent_s)[0]


def remaining_late_s(phase: Phase, durations: Durations, *, spent_s: float = 0.0) -> float:
    """Seconds within which nine of ten starts serve. The phases' delays are taken for independent, so that theirs add
    up as spreads do, not as sums."""
    middle, spread = _ahead(phase, durations, spent_s)
    return middle + spread


def late_s(phase: Phase, durations: Durations, spent_s: float) -> float:
    """By how much this phase has taken longer than nine of ten do; 0 while it hasn't."""
    known = durations.get(phase) or DEFAULT_DURATIONS.get(phase)
    return max(0.0, spent_s - known[1]) if known else 0.0


def _ahead(phase: Phase, durations: Durations, spent_s: float) -> tuple[float, float]:
    if phase not in PROGRESS or phase is Phase.SERVING:
        return 0.0, 0.0
    here, slow = durations.get(phase) or DEFAULT_DURATIONS.get(phase) or (0.0, 0.0)
    later = [
        durations.get(p) or DEFAULT_DURATIONS[p]
        for p in PROGRESS[PROGRESS.index(phase) + 1 :]
        if p in DEFAULT_DURATIONS
    ]
    left = max(here - spent_s, 0.1 * here)
    spreads = [max(0.0, max(slow - spent_s, 0.1 * slow) - left), *(late - usual for usual, late in later)]
    return left + sum(usual for usual, _ in later), math.hypot(*spreads)
