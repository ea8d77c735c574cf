"""Evidence turned into one probability: how likely a try now gets this GPU in this region.

Opinions are pooled in log-odds, each with its weight: what own tries teach (`persistence`; before any, a prior by
family and zones, and what tries of the same kind elsewhere were worth), Google's Spot advice, a zone that Google named
itself. It explains nothing in words: that is `signals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from lib.fleet import catalog, persistence
from lib.fleet.evidence import Evidence, Source, SpotAdvice, Verdict
from lib.fleet.model import Attempt, Outcome, Provisioning
from lib.fleet.persistence import Try
from lib.fleet.signals import alternatives_of

LEVEL_WEIGHT = 1.0  # of the level of a place, when nothing fresh is known
OWN_WEIGHT = 4.0  # of an own try that just ended
ADVICE_WEIGHT = 1.5  # of fresh advice for what it is made for: Spot
HINT_WEIGHT = 0.5  # the same for on-demand, which it is not made for
ALTERNATIVE, ALTERNATIVE_WEIGHT = 0.8, 1.0
LEAST, MOST = 0.02, 0.97  # nothing is certain in either direction
_ZONES = (0.0, 0.85, 0.95, 1.0)  # a region with one, two, three zones against the prior's three
_GOT = {  # what an outcome says about stock; quota and what isn't offered say nothing
    Outcome.OBTAINED: True,
    Outcome.STOCK_OUT: False,
    Outcome.TIMED_OUT: False,
    Outcome.PREEMPTED: False,
}

Opinion = tuple[float, float]  # probability, weight
Family = tuple[str, Provisioning]


def prior(family: Family) -> float:
    """Before any try, in a region with three zones: by how scarce the GPU is."""
    accelerator, provisioning = family
    known = catalog.ACCELERATORS.get(accelerator)
    if known is None:
        return 0.0
    # Plentiful types are more often there on demand; scarce ones rather as Spot leftovers.
    return known.prior * 0.9 if provisioning is Provisioning.SPOT and known.prior > 0.5 else known.prior


def tries(attempts: Iterable[Attempt]) -> tuple[Try, ...]:
    """Those that say something about a region's stock, oldest first. Where Google named another zone of the same
    region, that zone is out of stock and the region isn't."""
    telling = (a for a in attempts if a.outcome in _GOT and not _elsewhere_here(a))
    found = sorted(telling, key=lambda a: a.at)
    return tuple(Try(at_s=a.at.timestamp(), got=_GOT[a.outcome]) for a in found)


def _elsewhere_here(attempt: Attempt) -> bool:
    return any(zone.startswith(f"{attempt.region}-") for zone in alternatives_of(attempt.message))


def levels(attempts: Mapping[tuple[str, str, Provisioning], tuple[Attempt, ...]]) -> dict[Family, float]:
    """How often each family that was ever tried is to be had, learned from all regions."""
    families: dict[Family, list[tuple[Try, ...]]] = {}
    for (_, accelerator, provisioning), mine in attempts.items():
        families.setdefault((accelerator, provisioning), []).append(tries(mine))
    return {family: persistence.shared_level(prior(family), places) for family, places in families.items()}


def own(first: float, zones: int, mine: tuple[Attempt, ...], now: datetime, *, holds: bool) -> Opinion:
    """What own tries in one region teach. `first`: the family's level; `holds`: a replica of ours stands there."""
    if holds:
        return MOST, LEVEL_WEIGHT + OWN_WEIGHT
    held, at_s = tries(mine), now.timestamp()
    held = tuple(one for one in held if one.at_s <= at_s)
    fresh = persistence.kept(at_s - held[-1].at_s) if held else 0.0
    return persistence.chance(first * _ZONES[min(zones, 3)], held, at_s), LEVEL_WEIGHT + OWN_WEIGHT * fresh


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
