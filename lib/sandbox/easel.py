"""The worker process that draws, so that drawing never holds up the cloud.

One process for all pods: the machine's CPU is one, however many GPUs the sandbox claims. Started when it is first
wanted, started again when it dies, gone when the sandbox is (even by kill -9). Only the worker imports the painter.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from typing import Any
from weakref import WeakKeyDictionary

from lib.sandbox.store import Store
from lib.sandbox.world import World

ATTEMPTS = 2  # a drawing whose worker died is begun once more
NOBODY, EVERYBODY = 0, -1
NICENESS = 5  # the event loop goes first


@dataclass(frozen=True, slots=True)
class Drawn:
    """One finished picture; `understood` and `skipped` are what the painter made of the prompt."""

    png: bytes
    seed: int
    infotext: str
    understood: tuple[str, ...]
    skipped: tuple[str, ...]


Watch = Callable[[int, int, bytes | None], None]  # step, steps, preview


class Easel:
    """Draws one order at a time."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop: Any = self._context.RawValue("q", NOBODY)  # number of the order that is to be interrupted
        self._executor: ProcessPoolExecutor | None = None
        self._turn = asyncio.Lock()
        self._numbers = count(1)
        self._watches: dict[int, Watch] = {}
        self._current = NOBODY
        self._interrupted: set[int] = set()  # that wait for their turn

    async def warm(self) -> None:
        """Start the worker, so that the first picture needn't wait for it."""
        async with self._turn:
            if self._executor is None:
                await self._call(_import_painter)

    async def draw(self, order: Mapping[str, Any], watch: Watch) -> list[Drawn]:
        """`order` has the painter's field names. Cancelling stops the worker at its next step."""
        number = next(self._numbers)
        self._watches[number] = watch
        try:
            async with self._turn:
                self._current = number
                if number in self._interrupted:
                    self._stop.value = number
                return await self._call(_draw, number, dict(order))
        except asyncio.CancelledError:
            self._stop_if_drawn(number)
            raise
        finally:
            del self._watches[number]
            self._interrupted.discard(number)

    def interrupt(self, watch: Watch) -> None:
        """End the drawing that tells `watch`; what there is of it is returned. One that waits ends at its first step."""
        for number, told in self._watches.items():
            if told == watch:
                self._interrupted.add(number)
                self._stop_if_drawn(number)

    def _stop_if_drawn(self, number: int) -> None:
        if number == self._current:
            self._stop.value = number

    def close(self) -> None:
        self._stop.value = EVERYBODY
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            if self._executor is None:
                self._executor = self._opened(asyncio.get_running_loop())
            try:
                submitted = await asyncio.to_thread(self._executor.submit, function, *arguments)
                return await asyncio.wrap_future(submitted)
            except BrokenProcessPool:
                self._executor = None
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _opened(self, loop: asyncio.AbstractEventLoop) -> ProcessPoolExecutor:
        reader, writer = self._context.Pipe(duplex=False)
        listener = threading.Thread(target=self._listen, args=(reader, loop), name="easel", daemon=True)
        listener.start()
        return ProcessPoolExecutor(
            max_workers=1, mp_context=self._context, initializer=_begin, initargs=(writer, self._stop)
        )

    def _listen(self, reader: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own, for reading from a pipe may wait."""
        while True:
            try:
                number, step, steps, preview = reader.recv()
                loop.call_soon_threadsafe(self._progressed, number, step, steps, preview)
            except (EOFError, OSError, RuntimeError):  # worker or loop is gone
                return

    def _progressed(self, number: int, step: int, steps: int, preview: bytes | None) -> None:
        if watch := self._watches.get(number):
            watch(step, steps, preview)


_OF: WeakKeyDictionary[Store, Easel] = WeakKeyDictionary()


def of(world: World) -> Easel:
    if world.store not in _OF:
        _OF[world.store] = Easel()
    return _OF[world.store]


def close(world: World) -> None:
    if easel := _OF.pop(world.store, None):
        easel.close()


# --- in the worker ----------------------------------------------------------------------------------------

_pipe: Connection | None = None
_interrupted: Any = None


def _begin(pipe: Connection, interrupted: Any) -> None:
    global _pipe, _interrupted  # a worker process has no other place for what it was given
    _pipe, _interrupted = pipe, interrupted
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the sandbox, which then ends us
    os.nice(NICENESS)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(0)


def _import_painter() -> None:
    import lib.sandbox.painter  # noqa: F401


def _draw(number: int, order: dict[str, Any]) -> list[Drawn]:
    from lib.sandbox.painter import DrawRequest, draw

    def progressed(step: int, steps: int, preview: bytes | None) -> bool:
        if _pipe is not None:
            _pipe.send((number, step, steps, preview))
        return _interrupted.value not in (number, EVERYBODY)

    pictures = draw(DrawRequest(**order), progressed)
    return [Drawn(p.png, p.seed, p.infotext, tuple(p.understood), tuple(p.skipped)) for p in pictures]
