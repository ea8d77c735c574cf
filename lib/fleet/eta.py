"""When a region is expected to serve, how late its present phase is, and when it is given up.

From learned durations; it neither learns them (`durations`) nor acts on a deadline (`conditions` does).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict

from lib.fleet.durations import late_s, remaining_late_s, remaining_s
from lib.fleet.model import Durations, PhaseSpan, RegionStatus
from lib.fleet.patience import patience_with, stay, waited


class Times(TypedDict):
    eta: datetime | None
    eta_late: datetime | None
    late_s: float
    deadline: datetime | None


def times(was: RegionStatus | None, here: PhaseSpan, now: datetime, durations: Durations | None) -> Times:
    """When the region is expected to serve, at the usual pace and at a slow one, and when it is given up. `here`: its
    stay in its present phase, with all the time in which nobody led."""
    phase, before = here.phase, stay(was, here.phase)
    begun = replace(here, since=before.since) if before else here
    patience, spent = patience_with(was, phase), waited(begun, now).total_seconds()
    if durations is None:
        return Times(eta=None, eta_late=None, late_s=0.0, deadline=None)
    left = remaining_s(phase, durations, spent_s=spent)
    slow = remaining_late_s(phase, durations, spent_s=spent)
    return Times(
        eta=now + timedelta(seconds=left) if left else None,
        eta_late=now + timedelta(seconds=slow) if left else None,
        late_s=round(late_s(phase, durations, spent)),
        deadline=begun.since + begun.unled + patience if patience else None,
    )
