"""Moves the sandbox's time on as if it had passed: in slices, with every part ticking in each of them.

One jump would let a chain of stages, each dated by the end of the one before, advance by one stage only. What lives in
wall time (sockets, tokens, health checks on their way) does not wait for it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from lib.sandbox.world import World

SLICE_S = 5.0  # of sandbox time; what a tick is apart at 50x
MOST_SLICES = 240  # a longer step has longer slices
Tick = Callable[[World], None]


async def step(world: World, seconds: float, ticks: Sequence[Tick]) -> None:
    for slice_s in slices(seconds):
        world.clock.step(slice_s)
        for tick in ticks:
            tick(world)
        await asyncio.sleep(0)  # requests are answered in between


def slices(seconds: float) -> list[float]:
    """Equal parts that sum up to it, of SLICE_S at most while that makes MOST_SLICES at most."""
    count = min(MOST_SLICES, math.ceil(seconds / SLICE_S))
    return [seconds / count] * count if count else []
