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

from lib.sandbox.store import Store
from lib.sandbox.world import DUTY, REQUESTS, World

MINUTE_S = 60


@dataclass(slots=True)
class Load:
    """Of one world. Keys of `requests` and `duty` are those of the collections they are written to."""

    in_flight: Counter[str] = field(default_factory=Counter)  # by endpoint key, as in ENDPOINT_HEALTH
    probed: dict[str, int] = field(default_factory=dict)  # endpoint key -> number of its last health check
    requests: dict[str, tuple[int, float]] = field(default_factory=dict)
    duty: dict[str, tuple[float, str]] = field(default_factory=dict)


_OF: WeakKeyDictionary[Store, Load] = WeakKeyDictionary()


def of(world: World) -> Load:
    return _OF.setdefault(world.store, Load())


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


def count_request(world: World, *, zone: str, code: int, latency_ms: float) -> None:
    requests = of(world).requests
    key = f"{_minute(world.clock.timestamp())}/{zone}/{code}"
    count, total = requests.get(key, (0, 0.0))
    requests[key] = (count + 1, total + latency_ms)


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
        for key, (count, total) in requests.items():
            old = world.store.get(REQUESTS, key) or {"count": 0, "latency_ms_sum": 0.0}
            sums = {
                "count": old["count"] + count,
                "latency_ms_sum": round(old["latency_ms_sum"] + total, 3),
            }
            world.store.put(REQUESTS, key, sums)
        for key, (busy_s, accelerator) in duty.items():
            old = world.store.get(DUTY, key) or {"busy_s": 0.0}
            sums = {"busy_s": round(min(MINUTE_S, old["busy_s"] + busy_s), 3), "accelerator": accelerator}
            world.store.put(DUTY, key, sums)


def _minute(timestamp: float) -> int:
    return int(timestamp // MINUTE_S * MINUTE_S)
