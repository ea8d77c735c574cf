"""Which set of replicas is worth its money: its price against the deficits it is expected to have.

A set is a sorted tuple of zones, one name for each replica, and a number of safe ones that can't be lost. The search
is a climb from a few sensible sets by one addition, removal or move at a time; it is no proof of the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Set = tuple[str, ...]
CLIMB = 12  # moves of one search
PAIRED = 4  # zones, the safest first, of which pairs are tried


@dataclass(slots=True, kw_only=True)
class Portfolio:
    """`price` and `hazard` (losses a second) by zone; `together(a, b)`: how likely b is lost with a; `outage`: what one
    deficit is worth, in seconds of the money `price` is in; `recovery_s`: how long a loss takes to make good."""

    target: int
    price: Mapping[str, float]
    hazard: Mapping[str, float]
    together: Callable[[str, str], float]
    outage: float
    recovery_s: float
    _known: dict[tuple[Set, int], float] = field(default_factory=dict[tuple[Set, int], float])

    def deficits(self, chosen: Set, safe: int = 0) -> float:
        """A second: losses that leave fewer than the target. 1 when there are too few already."""
        spare = len(chosen) + safe - self.target
        if spare < 0:
            return 1.0
        key = (chosen, safe)
        if key not in self._known:
            held = Counter(chosen)
            self._known[key] = sum(self.hazard[zone] * self._too_many(zone, held, spare) for zone in held)
        return self._known[key]

    def _too_many(self, first: str, held: Counter[str], spare: int) -> float:
        """How likely the loss of `first` takes more replicas than can be spared, itself and what goes with it."""
        left = spare - held[first]
        if left < 0:
            return 1.0
        odds = [1.0]  # of 0, 1, 2, ... further replicas lost
        for zone, count in held.items():
            if zone != first:
                odds = self._with(odds, self._joint(first, zone), count)
        return sum(odds[left + 1 :])

    def _joint(self, first: str, other: str) -> float:
        """Lost with it, which is no likelier than being lost at all, or lost before it is made good."""
        at_once = self.together(first, other) * min(1.0, self.hazard[other] / self.hazard[first])
        return at_once + (1 - at_once) * min(1.0, self.hazard[other] * self.recovery_s)

    @staticmethod
    def _with(odds: list[float], lost: float, count: int) -> list[float]:
        more = [0.0] * (len(odds) + count)
        for i, p in enumerate(odds):
            more[i] += p * (1 - lost)
            more[i + count] += p * lost
        return more

    def worth(self, chosen: Set) -> float:
        """What a set costs all in all, an hour; less is better."""
        return sum(self.price[z] for z in chosen) + self.outage * self.deficits(chosen)

    def best(self, held: Set, within: tuple[str, ...]) -> Set:
        """The best set found over the zones `within`, from what is held on."""
        best = min((s for s in self._starts(held, within)), key=self._order)
        for _ in range(CLIMB):
            near = min(self._near(best, within), key=self._order, default=best)
            if self.worth(near) >= self.worth(best) - 1e-9:
                return best
            best = near
        return best

    def _order(self, chosen: Set) -> tuple[float, Set]:
        return self.worth(chosen), chosen

    def _starts(self, held: Set, within: tuple[str, ...]) -> Iterator[Set]:
        yield held
        safest = sorted(within, key=lambda z: (self.hazard[z], z))
        for size in (self.target, self.target + 1):
            for width in range(1, min(len(safest), size) + 1):
                yield tuple(sorted(safest[i % width] for i in range(size)))
        for width in range(2, min(len(safest), self.target + 1) + 1):  # so wide that any one zone may be lost
            size = self.target + -(-self.target // (width - 1))
            yield tuple(sorted(safest[i % width] for i in range(size)))
        for one in safest[:PAIRED]:
            for other in safest[:PAIRED]:
                if one != other:
                    for spares in range(1, self.target + 1):
                        yield tuple(sorted((one,) * self.target + (other,) * spares))

    def _near(self, chosen: Set, within: tuple[str, ...]) -> Iterator[Set]:
        """One more, one fewer, one moved; never fewer than the target nor more than twice as many."""
        if len(chosen) < 2 * self.target:
            yield from (tuple(sorted((*chosen, z))) for z in within)
        for zone in dict.fromkeys(chosen):
            i = chosen.index(zone)
            rest = chosen[:i] + chosen[i + 1 :]
            if len(rest) >= self.target:
                yield rest
            yield from (tuple(sorted((*rest, z))) for z in within if z != zone)
