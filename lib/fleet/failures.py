"""What an API's error means and what to do next: one table, from HTTP or gRPC status and reason to a reaction.

The first row that fits counts; the last rows take what nobody has seen yet, so that every answer has a reaction. The
texts are those of Container, GKE Hub, Compute and Kubernetes. `docs/errors.md` is made of this. Nothing is called here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lib.fleet.model import Outcome


class Then(StrEnum):
    DONE = "Done"  # the world is already as wished
    RETRY = "Retry"
    ELSEWHERE = "Elsewhere"
    GIVE_UP = "GiveUp"  # the call itself is wrong: repeating it can't help, another wish can
    ASK = "AskOperator"  # only an operator can mend it


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`error` is the name of the class in lib.gateways.errors. `hold_s`: wall seconds before the same action is tried
    again, doubled at each failure; what the answer asks for (Retry-After) is waited for at least."""

    status: tuple[int, ...] = ()  # HTTP; a pair of the same hundreds is a range. (): any
    reasons: tuple[str, ...] = ()  # canonical code, ErrorInfo or Compute reason, Kubernetes reason. (): any
    says: str = ""  # what the message must contain, as a regular expression
    error: str
    then: Then
    hold_s: float
    what_next: str  # one sentence for the operator
    outcome: Outcome | None = None  # evidence for the next plan
    title: str = ""  # of the rows for what is unknown

    def fits(self, status: int, reasons: frozenset[str], message: str) -> bool:
        return (
            (not self.status or status in self.status)
            and (not self.reasons or bool(reasons & {plain(r) for r in self.reasons}))
            and (not self.says or re.search(self.says, message, re.IGNORECASE) is not None)
        )


STOCK_OUT = r"RESOURCE_POOL_EXHAUSTED|INSUFFICIENT_CAPACITY|out of resources|GCE_STOCKOUT"
RATE = r"quota exceeded for quota metric"  # calls a minute, and not hardware
BUSY = r"incompatible operation|operation .*(in progress|is running)|already (being|running)|not ready"

TABLE: tuple[Row, ...] = (
    Row(
        reasons=("ALREADY_EXISTS",),
        error="AlreadyExists",
        then=Then.DONE,
        hold_s=0,
        what_next="It is there already; the next look tells whether it is ours.",
    ),
    Row(
        says=STOCK_OUT,
        error="CapacityError",
        then=Then.ELSEWHERE,
        hold_s=30,
        outcome=Outcome.STOCK_OUT,
        what_next="Google has no hardware there now; another zone or region is tried, this one after its cool-down.",
    ),
    Row(
        status=(403,),
        reasons=("SERVICE_DISABLED", "accessNotConfigured"),
        error="PermissionDenied",
        then=Then.ASK,
        hold_s=60,
        what_next="Enable the API in the project: gcloud services enable, then wait a few minutes.",
    ),
    Row(
        status=(403,),
        says="has not been used in project",
        error="PermissionDenied",
        then=Then.ASK,
        hold_s=60,
        what_next="Enable the API in the project: gcloud services enable, then wait a few minutes.",
    ),
    Row(
        status=(403, 429),
        reasons=("RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"),
        error="TransientError",
        then=Then.RETRY,
        hold_s=5,
        what_next="Too many calls a minute; the next ones wait, longer each time.",
    ),
    Row(
        status=(403, 429),
        says=RATE,
        error="TransientError",
        then=Then.RETRY,
        hold_s=5,
        what_next="Too many calls a minute; the next ones wait, longer each time.",
    ),
    Row(
        status=(403, 429),
        reasons=("QUOTA_EXCEEDED", "quotaExceeded"),
        error="QuotaError",
        then=Then.ELSEWHERE,
        hold_s=30,
        outcome=Outcome.QUOTA,
        what_next="The quota there is used up; another region is tried. The operator can ask for more.",
    ),
    Row(
        status=(403, 429),
        says="quota",
        error="QuotaError",
        then=Then.ELSEWHERE,
        hold_s=30,
        outcome=Outcome.QUOTA,
        what_next="The quota there is used up; another region is tried. The operator can ask for more.",
    ),
    Row(
        status=(400,),
        reasons=("resourceInUseByAnotherResource", "resourceNotReady"),
        error="Refused",
        then=Then.RETRY,
        hold_s=10,
        what_next="Something still uses it, or it is being made; tried again when that has ended.",
    ),
    Row(
        status=(400,),
        reasons=("FAILED_PRECONDITION",),
        says=BUSY,
        error="Refused",
        then=Then.RETRY,
        hold_s=10,
        what_next="Another operation runs on it; tried again when that has ended.",
    ),
    Row(
        status=(400,),
        reasons=("FAILED_PRECONDITION",),
        error="Refused",
        then=Then.RETRY,
        hold_s=30,
        what_next="It is not in the state that the call needs; tried again from what the next look sees.",
    ),
    Row(
        status=(400,),
        error="Refused",
        then=Then.GIVE_UP,
        hold_s=30,
        what_next="The call is wrong as it is (INVALID_ARGUMENT, OUT_OF_RANGE); the field is named, change the placement.",
    ),
    Row(
        status=(401,),
        error="PermissionDenied",
        then=Then.ASK,
        hold_s=30,
        what_next="The credentials are not taken: sign in anew, or look at the clock of this machine.",
    ),
    Row(
        status=(403,),
        error="PermissionDenied",
        then=Then.ASK,
        hold_s=30,
        what_next="Grant the permission that is named; the roles are in README.md and manifests/config-cluster/rbac.yaml.",
    ),
    Row(
        status=(404,),
        error="NotFound",
        then=Then.RETRY,
        hold_s=1,
        what_next="It is not there, or not yet; the next look decides what that means.",
    ),
    Row(
        status=(408, 499, 504),
        error="Unreachable",
        then=Then.RETRY,
        hold_s=2,
        what_next="No answer in time (CANCELLED, DEADLINE_EXCEEDED): whether it happened the next look tells.",
    ),
    Row(
        status=(409, 410, 412),
        error="Conflict",
        then=Then.RETRY,
        hold_s=0.5,
        what_next="Somebody wrote in between (ABORTED, Expired); read again and repeated.",
    ),
    Row(
        status=(413, 422),
        error="Refused",
        then=Then.GIVE_UP,
        hold_s=30,
        what_next="The object is refused by its schema or its size; the field is named.",
    ),
    Row(
        status=(429,),
        error="TransientError",
        then=Then.RETRY,
        hold_s=1,
        what_next="Too many calls (RESOURCE_EXHAUSTED, TooManyRequests); after Retry-After, longer each time.",
    ),
    Row(
        status=(500,),
        reasons=("DATA_LOSS",),
        error="TransientError",
        then=Then.ASK,
        hold_s=60,
        what_next="The service has lost data; look at its status page and open a case.",
    ),
    Row(
        status=(500,),
        error="TransientError",
        then=Then.RETRY,
        hold_s=2,
        what_next="The service failed (INTERNAL, UNKNOWN); again, longer each time.",
    ),
    Row(
        status=(501,),
        error="Refused",
        then=Then.GIVE_UP,
        hold_s=60,
        what_next="The service doesn't know this call (UNIMPLEMENTED); a newer version of one of the two is needed.",
    ),
    Row(
        status=(502, 503),
        error="TransientError",
        then=Then.RETRY,
        hold_s=1,
        what_next="The service is away for a moment (UNAVAILABLE); after Retry-After, longer each time.",
    ),
    Row(
        status=(0,),
        error="Unreachable",
        then=Then.RETRY,
        hold_s=2,
        what_next="Nobody answered: nothing is known, and nothing is taken away meanwhile.",
    ),
    Row(
        status=tuple(range(400, 500)),
        title="any other 4xx",
        error="Refused",
        then=Then.GIVE_UP,
        hold_s=30,
        what_next="A refusal that this version doesn't know; the operator reads its text.",
    ),
    Row(
        status=tuple(range(500, 600)),
        title="any other 5xx",
        error="TransientError",
        then=Then.RETRY,
        hold_s=5,
        what_next="A failure that this version doesn't know; again, longer each time.",
    ),
    Row(
        title="anything else",
        error="TransientError",
        then=Then.RETRY,
        hold_s=5,
        what_next="An answer that this version doesn't know; again, longer each time.",
    ),
)

_LONGER = "Again, longer each time."


def _own(error: str, then: Then, hold_s: float, what_next: str, outcome: Outcome | None = None) -> Row:
    return Row(error=error, then=then, hold_s=hold_s, what_next=what_next, outcome=outcome)


OWN: Mapping[str, Row] = {  # errors that no API's answer led to, by the class that is nearest
    "AlreadyExists": TABLE[0],
    "NotFound": _own("NotFound", Then.RETRY, 1, "The next look decides what that means."),
    "Conflict": _own("Conflict", Then.RETRY, 0.5, "Read again and repeated."),
    "TransientError": _own("TransientError", Then.RETRY, 1, _LONGER),
    "Unreachable": _own("Unreachable", Then.RETRY, 2, "Nothing is known; the next look asks again."),
    "DeliveryError": _own("DeliveryError", Then.RETRY, 2, "Read again; if it stays damaged, restore it."),
    "QuotaError": _own("QuotaError", Then.ELSEWHERE, 30, "Another region is tried.", Outcome.QUOTA),
    "CapacityError": _own("CapacityError", Then.ELSEWHERE, 30, "It is tried elsewhere.", Outcome.STOCK_OUT),
    "Refused": _own("Refused", Then.GIVE_UP, 30, "Change what was asked for."),
    "PermissionDenied": _own("PermissionDenied", Then.ASK, 30, "Grant what is missing."),
    "JournalError": _own("JournalError", Then.RETRY, 5, "Only history is lost; move it away to start anew."),
    "AtlasError": _own("AtlasError", Then.RETRY, 5, _LONGER),
}


def row_of(status: int, reasons: Iterable[str], message: str) -> Row:
    """Never fails: the last row fits everything."""
    known = frozenset(plain(r) for r in reasons if r)
    return next(row for row in TABLE if row.fits(status, known, message))


def plain(reason: str) -> str:
    """ALREADY_EXISTS, AlreadyExists and alreadyExists are one."""
    return reason.replace("_", "").lower()
