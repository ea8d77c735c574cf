"""Since when this controller leads without a break. What that is good for, `lib.fleet.patience` says; who has the lease,
`gateways.lease`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

BREAK_S = 30.0  # longer than the slowest cycle: without the lease for that long, nobody led


class Leading:
    """`wall` goes on while the machine sleeps, as time.monotonic doesn't."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._had: float | None = None  # when the lease was last had
        self.since: datetime | None = None

    def tried(self, *, held: bool, now: datetime) -> None:
        """How a try for the lease ended. One that raised isn't told: after a while that is a break, too."""
        wall = self._wall()
        if held and (self._had is None or wall - self._had > BREAK_S):
            self.since = now
        self._had = wall if held else None
