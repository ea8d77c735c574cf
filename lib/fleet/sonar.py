"""What a sweep over all regions has heard, ranked: where each wanted GPU can be had now, the surest first.

Pure: answers come in as values while the sweep goes on, and each changes one sounding. A place that said nothing by
the deadline stays in the ranking as unknown; it is never dropped. Who asks, and how many at once, is `gateways.sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lib.fleet import capacity, catalog
from lib.fleet.evidence import SpotAdvice
from lib.fleet.model import (
    Attempt,
    Candidate,
    Durations,
    PlacementSpec,
    Provisioning,
    Quota,
    RegionCapacity,
)

Pair = tuple[str, str]  # region, accelerator


class Heard(StrEnum):
    """How much of the answer came."""

    ALL = "All"
    CHEAP = "NoAdvice"  # offered and quota are known, Google's advice did not come
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounding:
    """One region, GPU and provisioning model as it stands now. `why`: what did not answer; "" when all did."""

    candidate: Candidate
    heard: Heard
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All that is the same for every sounding of a sweep."""

    spec: PlacementSpec  # its accelerators and models are what is looked for
    capacity: Mapping[str, RegionCapacity]
    global_quota: Quota | None
    attempts: tuple[Attempt, ...]
    now: datetime
    present: frozenset[str] = frozenset()
    durations: Durations | None = None

    def asks(self) -> tuple[Pair, ...]:
        """Regions and GPUs whose advice can still change the answer, the likeliest first: there it is soonest useful."""
        found: dict[Pair, float] = {}
        for judged in self.judged({}):
            if judged.eligible:
                pair = (judged.region, judged.accelerator)
                found[pair] = max(found.get(pair, 0.0), judged.obtainability or 0.0)
        return tuple(sorted(found, key=lambda pair: (-found[pair], pair)))

    def judged(self, advice: Mapping[Pair, SpotAdvice]) -> tuple[Candidate, ...]:
        """Every region x accelerator x model."""
        return tuple(
            candidate
            for accelerator in self.spec.accelerators
            for model in self.spec.provisioning or (Provisioning.STANDARD,)
            for candidate in self._of(accelerator, model, self.capacity, advice)
        )

    def one(self, pair: Pair, advice: SpotAdvice | None) -> tuple[Candidate, ...]:
        """The models of one region and GPU."""
        region, accelerator = pair
        here = {r: c for r, c in self.capacity.items() if r == region}
        return tuple(
            candidate
            for model in self.spec.provisioning or (Provisioning.STANDARD,)
            for candidate in self._of(accelerator, model, here, {pair: advice} if advice else {})
            if candidate.region == region
        )

    def _of(
        self,
        accelerator: str,
        model: Provisioning,
        places: Mapping[str, RegionCapacity],
        advice: Mapping[Pair, SpotAdvice],
    ) -> tuple[Candidate, ...]:
        return capacity.candidates(
            self.spec,
            places,
            accelerator=accelerator,
            provisioning=model,
            attempts=self.attempts,
            global_quota=self.global_quota,
            now=self.now,
            present=self.present,
            durations=self.durations,
            advice=advice,
        )


def unknown(region: str, accelerator: str, provisioning: Provisioning, why: str) -> Sounding:
    """A place of which nothing was heard."""
    usd = catalog.usd_per_hour(accelerator, provisioning, region)
    candidate = Candidate(
        region=region,
        accelerator=accelerator,
        zones=(),
        obtainability=None,
        eta_s=None,
        usd_per_hour=None if usd is None else round(usd + catalog.CLUSTER_FEE_USD_PER_HOUR, 4),
        quota=None,
        eligible=False,
        reasons=(why,),
        flip="an answer of the Compute API",
        provisioning=provisioning,
    )
    return Sounding(candidate=candidate, heard=Heard.NOTHING, why=why)


def ranked(soundings: Iterable[Sounding], present: frozenset[str] = frozenset()) -> tuple[Sounding, ...]:
    """What can be had first, the best place first; then what did not answer; last what is ruled out."""

    def key(sounding: Sounding) -> tuple[object, ...]:
        candidate = sounding.candidate
        group = 0 if candidate.eligible else 1 if sounding.heard is Heard.NOTHING else 2
        return group, capacity.rank(candidate, present), candidate.accelerator, candidate.provisioning

    return tuple(sorted(soundings, key=key))
