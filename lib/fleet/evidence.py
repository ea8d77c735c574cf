"""Evidence about GPUs as values: who says what about a place, when, and how much that counts now.

Weight is never kept: it is reckoned from the time by the source's half-life, so that a piece that nobody
touched never changes and need not be written again. What can't be read is a piece of its own (`MISSING`).
Where pieces come from is `signals`; what they are worth together is `odds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Source(StrEnum):
    """Who says it, the strongest first."""

    POD = "Pod"  # one of ours runs there
    ATTEMPT = "Attempt"  # an own try and its outcome
    PROBE = "Probe"  # a capacity probe, which is an own try of one minute
    ALTERNATIVE = "Alternative"  # a zone that Google named when another was out of stock
    ADVICE = "SpotAdvice"
    PREEMPTIONS = "SpotHistory"
    OFFERED = "Offered"
    QUOTA = "Quota"
    GLOBAL_QUOTA = "GlobalQuota"  # of the whole project, GPUS_ALL_REGIONS
    PRICE = "Price"


class Verdict(StrEnum):
    FOR = "For"
    AGAINST = "Against"
    NEUTRAL = "Neutral"
    MISSING = "Missing"


HALF_LIFE: dict[Source, timedelta] = {
    Source.POD: timedelta(minutes=30),  # after it was last seen
    Source.ATTEMPT: timedelta(hours=3),
    Source.PROBE: timedelta(hours=3),
    Source.ALTERNATIVE: timedelta(minutes=30),
    Source.ADVICE: timedelta(hours=1),
    Source.PREEMPTIONS: timedelta(days=3),
    Source.QUOTA: timedelta(hours=1),
    Source.GLOBAL_QUOTA: timedelta(hours=1),
    Source.OFFERED: timedelta(days=1),
    Source.PRICE: timedelta(days=30),
}
STALE = 0.25  # two half-lives: from here on a piece is told to be old
CONFLICT = 0.5  # two that disagree and both still weigh so much are told to disagree
_ON_STOCK = frozenset({Source.POD, Source.ATTEMPT, Source.PROBE, Source.ALTERNATIVE, Source.ADVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    source: Source
    verdict: Verdict
    says: str  # one sentence
    at: datetime | None = None  # None: holds now, or missing
    zone: str = ""  # "": the whole region

    def weight(self, now: datetime) -> float:
        """1 when fresh, halved each half-life; 0 for what is missing."""
        if self.verdict is Verdict.MISSING:
            return 0.0
        if self.at is None:
            return 1.0
        age = max(timedelta(), now - self.at)
        return 0.5 ** (age / HALF_LIFE[self.source])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotAdvice:
    """What the Advice API says of one region and GPU. None: not told."""

    region: str
    accelerator: str
    at: datetime
    obtainability: float | None = None  # 0..1
    uptime_s: float | None = None  # a floor for most of the machines
    zone: str = ""  # of its recommendation
    preemption_rate: float | None = (
        None  # preempted, of all Spot machines that stopped, over `preemption_days`
    )
    preemption_days: int = 0
    usd_per_hour: float | None = None  # list price of the Spot machine
    history_at: datetime | None = None


def ordered(pieces: Iterable[Evidence], now: datetime) -> tuple[Evidence, ...]:
    """Strongest first: by source, of one source the newest; what is missing last."""
    ranks = {source: n for n, source in enumerate(Source)}

    def key(piece: Evidence) -> tuple[bool, int, float]:
        age_s = (now - piece.at).total_seconds() if piece.at else 0.0
        return piece.verdict is Verdict.MISSING, ranks[piece.source], age_s

    return tuple(sorted(pieces, key=key))


def doubts(pieces: Iterable[Evidence], now: datetime) -> tuple[str, ...]:
    """What a reader should know before trusting the pieces: conflicts first, then what is old, then what is missing."""
    held = ordered(pieces, now)
    missing = (p.says for p in held if p.verdict is Verdict.MISSING)
    return (*conflicts(held, now), *old(held, now), *missing)


def conflicts(held: Iterable[Evidence], now: datetime) -> tuple[str, ...]:
    """One sentence when fresh pieces of two sources say the opposite. `held` is in order."""
    heavy = [p for p in held if p.source in _ON_STOCK and p.weight(now) >= CONFLICT]
    pro = next((p for p in heavy if p.verdict is Verdict.FOR), None)
    con = next((p for p in heavy if p.verdict is Verdict.AGAINST), None)
    if pro is None or con is None or pro.source is con.source:
        return ()
    return (f"They disagree: {_bare(con)}, but {_bare(pro)}.",)


def old(held: Iterable[Evidence], now: datetime) -> tuple[str, ...]:
    """A sentence for each source that has not been heard for two half-lives."""
    return tuple(
        dict.fromkeys(
            f"{_AGES[p.source]} is {_age(now - p.at)} old."
            for p in held
            if p.at is not None and p.source in _AGES and p.weight(now) < STALE
        )
    )


# Own attempts grow old by design, and their times are in their words: only what should be fresh is told to be old.
_AGES = {
    Source.ADVICE: "The Spot advice",
    Source.PREEMPTIONS: "The preemption history",
    Source.QUOTA: "What is known of the quota",
    Source.OFFERED: "The list of what is offered",
}


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return (
        f"{hours * 60:.0f} min"
        if hours < 1.5
        else f"{hours:.0f} h"
        if hours < 48
        else f"{hours / 24:.0f} days"
    )


def _bare(piece: Evidence) -> str:
    """A sentence inside a sentence; names keep their capitals."""
    said = piece.says.rstrip(".")
    return said if said.startswith(("Google", "GPUS")) else said[:1].lower() + said[1:]
