"""What passes through the global address right now, and what of it is kept as metrics.

Requests in flight live in memory only: they die with the process, and so must the knowledge of them. Finished
ones are summed up and written once a second. Nothing here decides where a request goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from lib.sandbox import distribution
from lib.sandbox.distribution import Distribution
from lib.sandbox.store import Document, Store
from lib.sandbox.world import DUTY, REQUESTS, World

MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One request that has ended. `backend_ms` is what of the time its last endpoint took; None when it reached none."""

    zone: str
    neg: str
    code: int
    total_ms: float
    backend_ms: float | None
    bytes_in: int
    bytes_out: int


@dataclass(slots=True)
class Tally:
    """Of the requests of one minute, zone, response code and NEG."""

    total_ms: Distribution = field(default_factory=Distribution)
    backend_ms: Distribution = field(default_factory=Distribution)
    bytes_in: int = 0
    bytes_out: int = 0

    def kept(self) -> Document:
        return {
            "total_ms": self.total_ms.kept(),
            "backend_ms": self.backend_ms.kept(),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


def tally(kept: Document) -> Tally:
    """What `kept` has written."""
    return Tally(
        total_ms=distribution.read(kept.get("total_ms", {})),
        backend_ms=distribution.read(kept.get("backend_ms", {})),
        bytes_in=kept.get("bytes_in", 0),
        bytes_out=kept.get("bytes_out", 0),
    )


@dataclass(slots=True)
class Load:
    """Of one world. Keys of `requests` and `duty` are those of the collections they are written to."""

    in_flight: Counter[str] = field(default_factory=Counter)  # by endpoint key, as in ENDPOINT_HEALTH
    probed: dict[str, int] = field(default_factory=dict)  # endpoint key -> number of its last health check
    requests: dict[str, Tally] = field(default_factory=dict)
    duty: dict[str, tuple[float, str]] = field(default_factory=dict)


_OF: WeakKeyDictionary[Store, Load] = WeakKeyDictionary()


def of(world: World) -> Load:
    found = _OF.get(world.store)
    if found is None:
        found = _OF[world.store] = Load()
    return found


@contextmanager
def in_flight(world: World, endpoint: str) -> Iterator[None]:
    """While a request is being answered by this endpoint: draining waits for it."""
    counts = of(world).in_flight
    counts[endpoint] += 1
    try:
        yield
    finally:
        counts[endpoint] -= 1
        if not counts[endpoint]:
            del counts[endpoint]


def count_request(world: World, answered: Answered) -> None:
    key = f"{_minute(world.clock.timestamp())}/{answered.zone}/{answered.code}/{answered.neg}"
    found = of(world).requests.setdefault(key, Tally())
    found.total_ms.add(answered.total_ms)
    if answered.backend_ms is not None:
        found.backend_ms.add(answered.backend_ms)
    found.bytes_in += answered.bytes_in
    found.bytes_out += answered.bytes_out


def count_busy(world: World, *, pod: str, accelerator: str, began: float, ended: float) -> None:
    """The pod ("<location>/<cluster>/<namespace>/<pod>") drew from `began` to `ended`, sandbox time. At
    high speed that is longer than a minute: it is spread over the minutes it covers."""
    duty = of(world).duty
    while began < ended:
        minute = _minute(began)
        until = min(ended, minute + MINUTE_S)
        key = f"{minute}/{pod}"
        duty[key] = (duty.get(key, (0.0, ""))[0] + until - began, accelerator)
        began = until


def flush(world: World) -> None:
    """Add what was summed up since the last time to the stored metrics."""
    load = of(world)
    requests, duty = load.requests, load.duty
    if not requests and not duty:
        return
    load.requests, load.duty = {}, {}
    with world.store.transaction():
        for key, found in requests.items():
            old = tally(world.store.get(REQUESTS, key) or {})
            found.total_ms.merge(old.total_ms)
            found.backend_ms.merge(old.backend_ms)
            found.bytes_in += old.bytes_in
            found.bytes_out += old.bytes_out
            world.store.put(REQUESTS, key, found.kept())
        for key, (busy_s, accelerator) in duty.items():
            old = world.store.get(DUTY, key) or {"busy_s": 0.0}
            sums = {"busy_s": round(min(MINUTE_S, old["busy_s"] + busy_s), 3), "accelerator": accelerator}
            world.store.put(DUTY, key, sums)


def _minute(timestamp: float) -> int:
    return int(timestamp // MINUTE_S * MINUTE_S)
