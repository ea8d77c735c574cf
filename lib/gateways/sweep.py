"""One sweep over all regions, in parallel and with a deadline: cheap signals first, then advice a few at a time.

Yields soundings as they come. What is offered and which quota is free are three calls for the whole world; only where
they leave a chance is advice asked for, by at most `AT_ONCE` calls at a time and none after the deadline. Nothing is
created: that is `probe`. Ranking is `fleet.sonar`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.fleet import catalog
from lib.fleet.evidence import SpotAdvice
from lib.fleet.model import Attempt, Durations, PlacementSpec, Provisioning, Quota, RegionCapacity
from lib.fleet.sonar import Heard, Pair, Sounding, Sweep, unknown
from lib.gateways.advice import AdviceGateway
from lib.gateways.compute import ComputeGateway
from lib.gateways.errors import AtlasError

AT_ONCE = 8
LEAST_S = 0.2  # a call that can't get that long is not made


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look for, and what is known without asking."""

    spec: PlacementSpec
    attempts: tuple[Attempt, ...]
    durations: Durations | None
    present: frozenset[str]
    now: datetime


def sweep(
    compute: ComputeGateway, advice: AdviceGateway, asked: Asked, *, deadline_s: float
) -> Iterator[Sounding]:
    """Each region x accelerator x model once, as soon as it is known; at the deadline what is still missing."""
    until = time.monotonic() + deadline_s
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sonar")
    try:
        yield from _Sweeping(compute=compute, advice=advice, asked=asked, until=until, pool=pool).soundings()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweeping:
    compute: ComputeGateway
    advice: AdviceGateway
    asked: Asked
    until: float
    pool: ThreadPoolExecutor

    @property
    def left_s(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def soundings(self) -> Iterator[Sounding]:
        offered, quota = self._cheap()
        if isinstance(offered, str):
            yield from self._nothing(catalog.REGIONS, offered)
            return
        look = Sweep(
            spec=self.asked.spec,
            capacity=offered,
            global_quota=quota,
            attempts=self.asked.attempts,
            now=self.asked.now,
            present=self.asked.present,
            durations=self.asked.durations,
        )
        asks = look.asks()
        yield from self._settled(look, frozenset(asks))
        yield from self._advised(look, asks)

    def _cheap(self) -> tuple[dict[str, RegionCapacity] | str, Quota | None]:
        """By region, or why there is nothing; and the project's own quota, which is no reason to wait."""
        capacity = self.pool.submit(self.compute.list_capacity, timeout_s=max(self.left_s, LEAST_S))
        quota = self.pool.submit(self.compute.global_quota, timeout_s=max(self.left_s, LEAST_S))
        both: list[Future[Any]] = [capacity, quota]
        wait(both, timeout=self.left_s)
        return _value(capacity, "The Compute API did not answer in time."), _known(quota)

    def _settled(self, look: Sweep, open_: frozenset[Pair]) -> Iterator[Sounding]:
        """What advice can't change: not offered, no quota, resting after a failure, a zone that is silent."""
        silent = frozenset(catalog.REGIONS) - look.capacity.keys()
        for candidate in look.judged({}):
            if (candidate.region, candidate.accelerator) not in open_ and candidate.region not in silent:
                yield Sounding(candidate=candidate, heard=Heard.ALL)
        yield from self._nothing(silent, "Its zones did not answer the Compute API.")

    def _advised(self, look: Sweep, asks: tuple[Pair, ...]) -> Iterator[Sounding]:
        flying: dict[Future[SpotAdvice], Pair] = {}
        waiting = list(asks)
        while waiting or flying:
            while waiting and len(flying) < AT_ONCE and self.left_s > LEAST_S:
                pair = waiting.pop(0)
                flying[self._ask(pair)] = pair
            if self.left_s <= 0 or not flying:
                break
            done, _ = wait(flying, timeout=self.left_s, return_when=FIRST_COMPLETED)
            for future in done:
                yield from _heard(look, flying.pop(future), future)
        for pair in (*flying.values(), *waiting):
            yield from _without(look, pair, "Google's advice did not come in time.")

    def _ask(self, pair: Pair) -> Future[SpotAdvice]:
        return self.pool.submit(self.advice.advise, *pair, timeout_s=max(self.left_s, LEAST_S))

    def _nothing(self, regions: Iterable[str], why: str) -> Iterator[Sounding]:
        for region in sorted(regions):
            for accelerator in self.asked.spec.accelerators:
                for model in self.asked.spec.provisioning or (Provisioning.STANDARD,):
                    yield unknown(region, accelerator, model, why)


def _heard(look: Sweep, pair: Pair, future: Future[SpotAdvice]) -> Iterator[Sounding]:
    try:
        advice = future.result()
    except AtlasError as e:
        yield from _without(look, pair, str(e))
        return
    for candidate in look.one(pair, advice):
        yield Sounding(candidate=candidate, heard=Heard.ALL)


def _without(look: Sweep, pair: Pair, why: str) -> Iterator[Sounding]:
    for candidate in look.one(pair, None):
        yield Sounding(candidate=candidate, heard=Heard.CHEAP, why=why)


def _value(future: Future[Any], late: str) -> Any:
    if not future.done():
        return late
    try:
        return future.result()
    except AtlasError as e:
        return str(e)


def _known(future: Future[Quota | None]) -> Quota | None:
    found = _value(future, "")
    return found if isinstance(found, Quota) else None
