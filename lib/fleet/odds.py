"""Evidence turned into one probability: how likely a try now gets this GPU in this region.

Opinions are pooled in log-odds, each with its weight: what own tries teach (or, before any, a prior by family and
zones), Google's Spot advice, a zone that Google named itself. It explains nothing in words: that is `signals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from lib.fleet import catalog
from lib.fleet.evidence import Evidence, Source, SpotAdvice, Verdict
from lib.fleet.model import Attempt, Outcome, Provisioning

PRIOR_WEIGHT = 1.0  # of what is known before any try
ADVICE_WEIGHT = 1.5  # of fresh advice for what it is made for: Spot
HINT_WEIGHT = 0.5  # the same for on-demand, which it is not made for
ALTERNATIVE, ALTERNATIVE_WEIGHT = 0.8, 1.0
OWN_WEIGHT = 4.0  # of an own try that just ended
RECOVERY_HALF_LIFE_H = 2.0  # how fast the odds rise again after a cool-down
OBTAINED_HALF_LIFE_H = 6.0  # how fast a success loses its weight
LEAST, MOST = 0.02, 0.97  # nothing is certain in either direction


def prior(accelerator: str, provisioning: Provisioning, zones: int) -> float:
    """Before any try: by how scarce the family is, and how many zones offer it."""
    known = catalog.ACCELERATORS.get(accelerator)
    if zones == 0 or known is None:
        return 0.0
    chance = known.prior * (0.85, 0.95, 1.0)[min(zones, 3) - 1]
    # Plentiful types are more often there on demand; scarce ones rather as Spot leftovers.
    return chance * 0.9 if provisioning is Provisioning.SPOT and chance > 0.5 else chance


def own(first: float, attempt: Attempt | None, until: datetime | None, now: datetime) -> tuple[float, float]:
    """What the last own try teaches, and its weight; before any, the prior."""
    if attempt is None:
        return first, PRIOR_WEIGHT
    if attempt.outcome is Outcome.OBTAINED:
        fresh = 0.5 ** (max(0.0, (now - attempt.at).total_seconds() / 3600) / OBTAINED_HALF_LIFE_H)
        return first + (MOST - first) * fresh, PRIOR_WEIGHT + OWN_WEIGHT * fresh
    rested_h = max(0.0, (now - (until or attempt.at)).total_seconds() / 3600)
    fresh = 0.5 ** (rested_h / RECOVERY_HALF_LIFE_H)
    return first * (1 - 0.8 * fresh), PRIOR_WEIGHT + OWN_WEIGHT * fresh


def pooled(opinions: Iterable[tuple[float, float]]) -> float:
    """(probability, weight) of each, as one probability."""
    held = [(min(max(p, LEAST), MOST), weight) for p, weight in opinions if weight > 0]
    total = sum(weight for _, weight in held)
    if not total:
        return 0.0
    logit = sum(weight * math.log(p / (1 - p)) for p, weight in held) / total
    return 1 / (1 + math.exp(-logit))


def advised(advice: SpotAdvice | None, provisioning: Provisioning, now: datetime) -> tuple[float, float]:
    """Google's opinion and its weight; weight 0 where there is none."""
    if advice is None or advice.obtainability is None:
        return 0.5, 0.0
    piece = Evidence(source=Source.ADVICE, verdict=Verdict.NEUTRAL, says="", at=advice.at)
    full = ADVICE_WEIGHT if provisioning is Provisioning.SPOT else HINT_WEIGHT
    return advice.obtainability, full * piece.weight(now)


def named(pieces: Iterable[Evidence], now: datetime) -> tuple[float, float]:
    """A zone that Google named when another was out of stock."""
    weights = [p.weight(now) for p in pieces if p.source is Source.ALTERNATIVE]
    return ALTERNATIVE, ALTERNATIVE_WEIGHT * max(weights, default=0.0)
