"""The global address: the listening socket, and the housekeeping beside it.

What happens to a request is `frontend`'s; here it is only listened for and written down.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from lib.sandbox import easel, load, ports, studio
from lib.sandbox.frontend import FrontEnd
from lib.sandbox.world import ENDPOINT_HEALTH, World

FLUSH_S, FORGET_S = 1.0, 60.0
log = logging.getLogger("sandbox.vip")


class Vip:
    """The running front end; `stop` ends it."""

    def __init__(self, front: FrontEnd, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        self._front, self._world, self._server, self._serving = front, front.world, server, serving
        self._background = asyncio.create_task(_keep_house(front.world), name="vip")

    async def stop(self) -> None:
        self._background.cancel()
        self._server.should_exit = True
        await asyncio.gather(self._background, self._serving, return_exceptions=True)
        self._front.close()
        load.flush(self._world)
        easel.close(self._world)


class _Server(uvicorn.Server):
    """Signals are the sandbox's: uvicorn would take them from it."""

    def capture_signals(self) -> Any:
        return nullcontext()


class _Corked:
    """A transport that sends what was written in one turn of the loop at once: head and body of an answer together.
    System calls are what a small answer costs most."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._loop = transport, asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()


class _Protocol(AutoHTTPProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(_Corked(transport))  # type: ignore[arg-type]  # all but its class is a transport's


async def start(world: World) -> Vip:
    """Listen on world.vip_port; returns once it is listening and serves in the background until `stop`."""
    listening = ports.listening(world.vip_port)
    world.vip_port = listening.getsockname()[1]
    front = FrontEnd(world)
    config = uvicorn.Config(
        front,
        http=_Protocol,
        proxy_headers=False,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="vip server")
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.01)
    return Vip(front, server, serving)


async def _keep_house(world: World) -> None:
    """Write metrics, forget pods without work, and have the painter ready once somebody could ask."""
    warmed, forgotten = False, time.monotonic()
    while True:
        await asyncio.sleep(FLUSH_S)
        load.flush(world)
        if time.monotonic() - forgotten > FORGET_S:
            studio.forget_gone(world)
            forgotten = time.monotonic()
        if not warmed and any(h["state"] == "HEALTHY" for _, h in world.store.items(ENDPOINT_HEALTH)):
            warmed = True
            await _warm(world)


async def _warm(world: World) -> None:
    try:
        await easel.of(world).warm()
    except (BrokenProcessPool, ImportError, OSError) as e:  # the next prompt tries again and is told
        log.warning("the painter did not start", exc_info=e)
