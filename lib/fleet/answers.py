"""What users of the global address get, from the probes and prompts the journal keeps: how many were answered, how soon.

Pure sums over entries. It judges nothing: which share is too low is the reader's to say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lib.fleet.model import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """`p50_ms` and `p95_ms` are of the probes that were answered; a picture's time is its own work, not the path's."""

    asked: int = 0
    good: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def share(self) -> float | None:
        return self.good / self.asked if self.asked else None


def since(entries: Iterable[Entry], begin: datetime) -> Answers:
    """Of all probes and prompts from `begin` on."""
    return _summed([one for one in entries if _counts(one) and one.at >= begin])


def expected_from(entries: Iterable[Entry], begin: datetime) -> datetime:
    """From when on an answer may be expected: `begin`, but in a world that was set up since then its first good answer,
    for what nobody could give yet is no loss."""
    known = list(entries)
    if min((one.at for one in known if one.kind == "bootstrap"), default=begin) <= begin:
        return begin
    return min((one.at for one in known if _counts(one) and one.body["ok"]), default=begin)


def by_region(entries: Iterable[Entry], begin: datetime) -> Mapping[str, Answers]:
    """The same for each region that answered; what nobody answered belongs to no region and isn't here."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for one in entries:
        if _counts(one) and one.at >= begin and one.region:
            found[one.region].append(one)
    return {region: _summed(ones) for region, ones in found.items()}


def _counts(entry: Entry) -> bool:
    return entry.kind in {"probe", "prompt"} and isinstance(entry.body.get("ok"), bool)


def _summed(entries: list[Entry]) -> Answers:
    good = [one for one in entries if one.body.get("ok")]
    times = sorted(
        float(ms) for one in good if one.kind == "probe" and isinstance(ms := one.body.get("ms"), int | float)
    )
    return Answers(
        asked=len(entries), good=len(good), p50_ms=_quantile(times, 0.5), p95_ms=_quantile(times, 0.95)
    )


def _quantile(ordered: list[float], share: float) -> float | None:
    """The smallest value that `share` of all don't exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
