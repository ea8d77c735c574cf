"""Keeps Google's Spot advice for what the placement wants: asked a few at a time, beside the looks, and kept for a while.

Never in a hurry: advice that is missing or old is told to be so, and no look waits for it. When the API refuses or
is silent everybody waits, longer each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from lib.controller.fanout import Asked, FanOut
from lib.fleet.evidence import SpotAdvice
from lib.fleet.model import RegionCapacity
from lib.gateways.advice import AdviceGateway
from lib.gateways.errors import AtlasError, NotFound, Refused

ADVICE_S, ADVICE_WALL_S = 900.0, 30.0  # of the target's time, and never sooner than that
HISTORY_S, HISTORY_WALL_S = 6 * 3600.0, 300.0
BATCH = 6  # regions and GPUs at a time, one call after another
BETWEEN_S = 2.0  # between two batches
FIRST_REST_S, LONGEST_REST_S = 60.0, 3600.0

Pair = tuple[str, str]  # region, accelerator


@dataclass(slots=True, kw_only=True)
class _Known:
    advice: SpotAdvice | None = None
    asked: float = -1e9  # time.monotonic of the last answer, also of a refusal
    history: float = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    found: Mapping[Pair, SpotAdvice]
    refused: tuple[Pair, ...] = ()  # about them only
    trouble: bool = False
    calls: int = 0


@dataclass(slots=True, kw_only=True)
class Advisor:
    gateway: AdviceGateway
    fan_out: FanOut
    speed: Callable[[], float]
    calls: int = 0  # so far, to be shown
    _known: dict[Pair, _Known] = field(default_factory=dict[Pair, "_Known"])
    _flying: Asked[_Told] | None = None
    _next: float = -1e9
    _rest_s: float = 0.0

    def advice(
        self, accelerators: Collection[str], capacity: Mapping[str, RegionCapacity]
    ) -> dict[Pair, SpotAdvice]:
        """What is known now; what is due is asked for on the way out."""
        self._take()
        pairs = {(r, a) for r, known in capacity.items() for a in accelerators if known.offered.get(a)}
        self._known = {pair: self._known.get(pair, _Known()) for pair in sorted(pairs)}
        if self._flying is None and time.monotonic() >= self._next:
            self._ask()
        return {pair: known.advice for pair, known in self._known.items() if known.advice}

    def _take(self) -> None:
        if self._flying is None or not self._flying.future.done():
            return
        told = self._flying.answer(time.monotonic()).value or _Told(found={}, trouble=True)
        self._flying = None
        now = time.monotonic()
        self.calls += told.calls
        for pair in (*told.found, *told.refused):
            if known := self._known.get(pair):
                known.asked = now
                if advice := told.found.get(pair):
                    known.history = now if advice.history_at else known.history
                    known.advice = _merged(known.advice, advice)
        self._rest_s = min(max(FIRST_REST_S, 2 * self._rest_s), LONGEST_REST_S) if told.trouble else 0.0
        self._next = now + (self._rest_s or BETWEEN_S)

    def _ask(self) -> None:
        now, speed = time.monotonic(), max(self.speed(), 1.0)
        every = max(ADVICE_WALL_S, ADVICE_S / speed)
        due = [pair for pair, known in self._known.items() if now - known.asked >= every]
        batch = sorted(due, key=lambda pair: self._known[pair].asked)[:BATCH]
        if not batch:
            return
        old = max(HISTORY_WALL_S, HISTORY_S / speed)
        wanted = {pair: now - self._known[pair].history >= old for pair in batch}
        self._flying = self.fan_out.ask("advice", lambda: _read(self.gateway, wanted))


def _read(gateway: AdviceGateway, wanted: Mapping[Pair, bool]) -> _Told:
    """One after another; the first that finds nobody ends it."""
    found: dict[Pair, SpotAdvice] = {}
    refused: list[Pair] = []
    calls, trouble = 0, False
    for (region, accelerator), history in wanted.items():
        calls += 1 + history
        try:
            found[region, accelerator] = gateway.advise(region, accelerator, history=history)
        except (NotFound, Refused):
            refused.append((region, accelerator))
        except AtlasError:
            trouble = True
            break
    return _Told(found=found, refused=tuple(refused), trouble=trouble, calls=calls)


def _merged(before: SpotAdvice | None, now: SpotAdvice) -> SpotAdvice:
    """A new score with the history that is still good."""
    if before is None or now.history_at is not None:
        return now
    return replace(
        now,
        preemption_rate=before.preemption_rate,
        preemption_days=before.preemption_days,
        usd_per_hour=before.usd_per_hour,
        history_at=before.history_at,
    )
