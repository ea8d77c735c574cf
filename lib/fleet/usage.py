"""Cloud Monitoring's series of the load balancer, added up by region, and the user-path probes in a few numbers. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles

from lib.fleet import catalog
from lib.fleet.model import Entry

NO_BACKEND = "no backend"  # what the load balancer answered itself
Points = tuple[tuple[datetime, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Requests and errors a second and the p95 latency in milliseconds, by region, oldest first."""

    requests: Mapping[str, Points]
    errors: Mapping[str, Points]
    latency_ms: Mapping[str, Points]

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(sorted({*self.requests, *self.latency_ms}))

    @property
    def newest(self) -> datetime | None:
        return max((points[-1][0] for points in self.requests.values() if points), default=None)


def usage(rates: Iterable[tuple[str, str, Points]], latencies: Iterable[tuple[str, Points]]) -> Usage:
    """From (zone, response code, points) and (zone, points). The latency of a region is that of its slowest zone."""
    requests: defaultdict[str, Counter[datetime]] = defaultdict(Counter)
    errors: defaultdict[str, Counter[datetime]] = defaultdict(Counter)
    for zone, code, points in rates:
        region = region_of(zone)
        for at, value in points:
            requests[region][at] += value  # type: ignore[assignment]  # a Counter of fractions
            if not code.isdigit() or int(code) >= 500 or int(code) == 0:
                errors[region][at] += value  # type: ignore[assignment]
    slowest: defaultdict[str, dict[datetime, float]] = defaultdict(dict)
    for zone, points in latencies:
        for at, value in points:
            held = slowest[region_of(zone)]
            held[at] = max(held.get(at, 0.0), value)
    return Usage(
        requests={region: _points(found) for region, found in sorted(requests.items())},
        errors={region: _points(found) for region, found in sorted(errors.items())},
        latency_ms={region: _points(found) for region, found in sorted(slowest.items())},
    )


def region_of(zone: str) -> str:
    """By the catalog's regions: a zone's name begins with its region's."""
    known = zone.rpartition("-")[0]
    return known if known in catalog.REGIONS else zone if zone in catalog.REGIONS else NO_BACKEND


def _points(found: Mapping[datetime, float]) -> Points:
    return tuple(sorted((at, float(value)) for at, value in found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The user-path probes that are remembered, newest first."""

    entries: tuple[Entry, ...]

    @property
    def ok(self) -> int:
        return sum(bool(one.body.get("ok")) for one in self.entries)

    @property
    def milliseconds(self) -> tuple[float, ...]:
        return tuple(took_ms(one) for one in self.entries if one.body.get("ok"))

    def percentile(self, percent: int) -> float | None:
        values = self.milliseconds
        if not values:
            return None
        return values[0] if len(values) == 1 else quantiles(values, n=100)[percent - 1]

    @property
    def answered_by(self) -> tuple[tuple[str, int], ...]:
        """Regions and how often, the most frequent first."""
        regions = (
            one.region or str(one.body.get("region") or "") for one in self.entries if one.body.get("ok")
        )
        named = Counter(region or "an unnamed one" for region in regions)
        return tuple(named.most_common())

    @property
    def longest_loss(self) -> int:
        """Probes in a row that were not answered well."""
        longest = now = 0
        for one in self.entries:
            now = 0 if one.body.get("ok") else now + 1
            longest = max(longest, now)
        return longest


def probes(entries: Sequence[Entry]) -> Probes:
    return Probes(entries=tuple(one for one in entries if one.kind == "probe"))


def took_ms(probe: Entry) -> float:
    found = probe.body.get("ms")
    return float(found) if isinstance(found, int | float) else 0.0
