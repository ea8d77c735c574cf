"""A distribution of values as Cloud Monitoring keeps one: a count, a mean, and how many fell into which bucket.

The buckets are those of the load balancer's latencies, each 1.4 times as wide as the one before. Pure arithmetic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BUCKETS, GROWTH = 66, 1.4  # the first begins at 1; below it and above the last there is one more
_LOG = math.log(GROWTH)


@dataclass(slots=True)
class Distribution:
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value
        self.buckets[_bucket(value)] += 1

    def merge(self, other: Distribution) -> None:
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.buckets.update(other.buckets)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """By straight line inside the bucket it falls into, as Monitoring does; 0 when there is nothing."""
        wanted, seen = self.count * percent / 100, 0
        for bucket, count in sorted(self.buckets.items()):
            if count and seen + count >= wanted:
                low, high = _bounds(bucket)
                return low + (high - low) * max(0.0, wanted - seen) / count
            seen += count
        return 0.0

    def kept(self) -> dict[str, Any]:
        """As JSON; `read` is the way back."""
        return {
            "count": self.count,
            "total": round(self.total, 3),
            "squares": round(self.squares, 3),
            "buckets": {str(bucket): count for bucket, count in sorted(self.buckets.items())},
        }

    def told(self) -> dict[str, Any]:
        """google.api.Distribution as REST JSON."""
        last = max(self.buckets, default=-1)
        return {
            "count": str(self.count),
            "mean": self.mean,
            "sumOfSquaredDeviation": max(0.0, self.squares - self.count * self.mean**2),
            "bucketOptions": {
                "exponentialBuckets": {"numFiniteBuckets": BUCKETS, "growthFactor": GROWTH, "scale": 1.0}
            },
            "bucketCounts": [str(self.buckets[bucket]) for bucket in range(last + 1)],
        }


def read(kept: Mapping[str, Any]) -> Distribution:
    buckets = Counter({int(bucket): count for bucket, count in kept.get("buckets", {}).items()})
    return Distribution(kept.get("count", 0), kept.get("total", 0.0), kept.get("squares", 0.0), buckets)


def merged(parts: Iterable[Distribution]) -> Distribution:
    found = Distribution()
    for part in parts:
        found.merge(part)
    return found


def _bucket(value: float) -> int:
    return 0 if value < 1 else min(BUCKETS + 1, 1 + int(math.log(value) / _LOG))


def _bounds(bucket: int) -> tuple[float, float]:
    """The one above the last has no end: it is told by its beginning."""
    if bucket == 0:
        return 0.0, 1.0
    low = GROWTH ** (bucket - 1)
    return (low, low) if bucket > BUCKETS else (low, low * GROWTH)
