"""What to do about an error: one table, from the wire's errors to try again, go elsewhere, or leave it for longer.

Only the table; how long something was tried already is for who acts to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lib.fleet.model import Outcome
from lib.gateways.errors import (
    AlreadyExists,
    AtlasError,
    CapacityError,
    Conflict,
    DeliveryError,
    NotFound,
    PermissionDenied,
    QuotaError,
    Refused,
    TransientError,
    Unreachable,
)


class Then(StrEnum):
    DONE = "Done"  # the world is already as wished
    RETRY = "Retry"
    ELSEWHERE = "Elsewhere"
    GIVE_UP = "GiveUp"  # for a while: only an operator can mend it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    then: Then
    hold_s: float  # wall seconds before the same action is tried again; doubled at each failure
    outcome: Outcome | None = None


REACTIONS: Mapping[type[AtlasError], Reaction] = {
    AlreadyExists: Reaction(then=Then.DONE, hold_s=0),
    NotFound: Reaction(then=Then.RETRY, hold_s=1),
    Conflict: Reaction(then=Then.RETRY, hold_s=0.5),
    TransientError: Reaction(then=Then.RETRY, hold_s=1),
    Unreachable: Reaction(then=Then.RETRY, hold_s=2),
    DeliveryError: Reaction(then=Then.RETRY, hold_s=2),
    QuotaError: Reaction(then=Then.ELSEWHERE, hold_s=30, outcome=Outcome.QUOTA),
    CapacityError: Reaction(then=Then.ELSEWHERE, hold_s=30, outcome=Outcome.STOCK_OUT),
    Refused: Reaction(then=Then.GIVE_UP, hold_s=30),
    PermissionDenied: Reaction(then=Then.GIVE_UP, hold_s=30),
}


def reaction_to(error: AtlasError) -> Reaction:
    """The nearest entry of the table, so that an error of a new kind is at least tried again."""
    found: Callable[[type], Reaction | None] = REACTIONS.get
    return next(
        (r for kind in type(error).__mro__ if (r := found(kind))), Reaction(then=Then.RETRY, hold_s=5)
    )
