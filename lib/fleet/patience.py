"""How long a region may stay in a phase, and how long it has been in it while somebody led.

A deadline is there because a step that takes too long is broken. Hours in which no controller worked, or none could
reach the config cluster, say nothing of the kind: a step that waits for the controller was not made in them. So they don't
count, neither against a region that is coming up nor against one that can't be seen. What happens at a deadline is
`conditions`' and `survey`'s; when the lease was had, the controller tells in `FleetObservation.led_since`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lib.fleet.durations import PATIENCE
from lib.fleet.model import FleetObservation, Phase, PhaseSpan, PlacementStatus, RegionStatus

STEADY_PATIENCE = timedelta(minutes=6)  # for a region that has served before: it is broken, not starting
NONE = timedelta(0)


def unled(before: PlacementStatus, seen: FleetObservation) -> timedelta:
    """Time in which nobody led since the last status: from then until this controller had the lease."""
    if before.as_of is None or seen.led_since is None:
        return NONE
    return max(NONE, min(seen.led_since, seen.at) - before.as_of)


def patience_with(previous: RegionStatus | None, phase: Phase) -> timedelta | None:
    """How long the region may stay in a phase before it counts as failed; None: as long as it takes."""
    served = previous is not None and any(s.phase is Phase.SERVING for s in previous.history)
    steady = served and phase in (Phase.STARTING, Phase.ATTACHING)
    return STEADY_PATIENCE if steady else PATIENCE.get(phase)


def stay(previous: RegionStatus | None, phase: Phase) -> PhaseSpan | None:
    """The stay in this phase that goes on; a Failed that came of waiting too long doesn't end the wait."""
    spans = list(previous.history) if previous else []
    if spans and spans[-1].phase is Phase.FAILED and phase is not Phase.FAILED:
        spans.pop()
    return spans[-1] if spans and spans[-1].phase is phase else None


def waited(span: PhaseSpan, now: datetime, nobody: timedelta = NONE) -> timedelta:
    """How long the stay lasts, without the time in which nobody led: what it knows of, and `nobody` since."""
    return max(NONE, now - span.since - span.unled - nobody)
