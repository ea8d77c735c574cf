"""Regions judged for a GPU by all that one survey knows, so that whoever asks during a plan gets the same odds.

The judging is `capacity`'s; this only hands it the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable

from lib.fleet import capacity
from lib.fleet.machines import Choice
from lib.fleet.model import Candidate
from lib.fleet.signals import running
from lib.fleet.survey import Survey


def judged(
    look: Survey, choice: Choice, regions: Iterable[str], *, present: frozenset[str], everywhere: bool
) -> tuple[Candidate, ...]:
    """Best first; those of which nothing is known are left out. everywhere=False: without the project's GPU quota."""
    known = {r: look.seen.capacity[r] for r in regions if r in look.seen.capacity}
    return capacity.candidates(
        look.placement.spec,
        known,
        accelerator=choice[0],
        provisioning=choice[1],
        attempts=look.seen.attempts,
        global_quota=look.seen.global_quota if everywhere else None,
        now=look.now,
        present=present,
        every_region=False,
        advice=look.seen.advice,
        pods=running(look.seen.regions.values()),
        told=False,
    )
