"""What API faults do to one call before it is looked at: it waits, it hangs, it fails.

Both kinds of API pass here; each words the failure in its own way (`verbs`, `kube.server`). Waiting is wall time,
as everything on a socket is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from lib.sandbox import faults
from lib.sandbox.store import Change, Store
from lib.sandbox.world import FAULTS, World

MOST_HANGING = 500  # calls at a time; one more is turned away, as a load balancer would
LONGEST_HANG_S = 3600.0
_PLACE = re.compile(r"(?:^|/)(?:locations|regions|zones)/([a-z]+-[a-z]+\d+)(?:-[a-z])?(?:/|:|$)")

Gone = Callable[[], Awaitable[object]]  # returns when the client has gone


def place_of(path: str) -> str:
    """The region in the path of a call or the name of a resource; "" when it is about none."""
    found = _PLACE.search(path)
    return found[1] if found else ""


async def suffer(world: World, *, gone: Gone | None = None, **subject: Any) -> str:
    """Let the faults in force act on a call; the canonical code that it fails with, "" when it may go on."""
    if latency := faults.first(world, "api-latency", **subject):
        await asyncio.sleep(latency["scope"]["ms"] / 1000)
    hang = faults.hits(world, "api-hang", **subject)
    if hang and (code := await _hang(world, hang["id"], gone)):
        return code
    if fault := faults.hits(world, "api-error", **subject):
        return str(fault["scope"].get("code") or "UNAVAILABLE")
    return ""


async def _hang(world: World, fault: str, gone: Gone | None) -> str:
    """Until the fault is over ("": the call goes on), the client has gone, or the longest time has passed."""
    hanging = _HANGING.setdefault(world.store, set())
    if len(hanging) >= MOST_HANGING:
        return "UNAVAILABLE"
    over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def changed(change: Change) -> None:
        if change.collection == FAULTS and change.key == fault and change.new is None and not over.done():
            over.set_result("")

    waiting: list[asyncio.Future[Any]] = [over]
    if gone is not None:
        waiting.append(asyncio.ensure_future(gone()))
    hanging.add(over)
    unsubscribe = world.store.subscribe(changed)
    try:
        done, _ = await asyncio.wait(waiting, timeout=LONGEST_HANG_S, return_when=asyncio.FIRST_COMPLETED)
        return over.result() if over in done else "CANCELLED" if done else "DEADLINE_EXCEEDED"
    finally:
        unsubscribe()
        hanging.discard(over)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


_HANGING: WeakKeyDictionary[Store, set[asyncio.Future[str]]] = WeakKeyDictionary()


def release(world: World) -> None:
    """End all hanging calls: the process is about to stop."""
    for over in _HANGING.get(world.store, ()):
        if not over.done():
            over.set_result("UNAVAILABLE")
