"""The global address: a real HTTP proxy that serves by the load balancer's documents.

Forwarding rule -> target proxy -> URL map -> backend service -> the nearest region with a healthy endpoint, round
robin inside it. What a client sees when that fails follows Google's classic external load balancer. Timeouts are wall
seconds. Nothing is decided here about what should be behind the address: that is `mci`, `neg` and `health`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from lib.sandbox import easel, faults, load, neg, pods, ports, routing, sdapi, studio, webui
from lib.sandbox.routing import Target
from lib.sandbox.store import Change
from lib.sandbox.world import ENDPOINT_HEALTH, World

BODY_LIMIT = 64 << 20
ATTEMPTS = 2  # connection attempts; a request that reached a backend is never sent again
CONNECT_TIMEOUT_S, FLUSH_S, FORGET_S = 1.0, 1.0, 60.0
NO_BACKEND = "INVALID_BACKEND"  # the zone under which monitoring counts what reached no backend
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


async def start(world: World) -> Vip:
    """Listen on world.vip_port; returns once it is listening and serves in the background until `stop`."""
    listening = ports.listening(world.vip_port)
    world.vip_port = listening.getsockname()[1]
    front = FrontEnd(world)
    config = uvicorn.Config(
        front,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    response: Response
    zone: str = NO_BACKEND


class FrontEnd:
    """The ASGI application."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._waiting: dict[asyncio.Future[None], pods.PodAddress] = {}
        self.close = world.store.subscribe(self._changed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, request = time.monotonic(), Request(scope, receive)
        try:
            outcome = await self._outcome(request, receive)
        except ClientDisconnect:
            self._count(NO_BACKEND, 499, began)  # Google logs client_disconnected_before_any_response
            return
        self._count(outcome.zone, outcome.response.status_code, began)
        await outcome.response(scope, receive, send)

    def _count(self, zone: str, code: int, began: float) -> None:
        latency_ms = (time.monotonic() - began) * 1000
        load.count_request(self.world, zone=zone, code=code, latency_ms=latency_ms)

    async def _outcome(self, request: Request, receive: Receive) -> Outcome:
        body = await _body(request)
        if body is None:
            return Outcome(response=_page(413))
        host, path = request.headers.get("host", ""), request.url.path
        route = routing.route(self.world, host=host, path=path)
        if isinstance(route, str):
            return Outcome(response=PlainTextResponse(route, 404))
        call = sdapi.Call(
            method=request.method,
            path=path,
            query=request.url.query,
            headers=dict(request.headers),
            body=body,
        )
        tried: set[str] = set()
        place = routing.place_of(request.headers.get("x-client-region", ""))
        for _ in range(ATTEMPTS):
            target = routing.choose(self.world, route, place, besides=tried)
            if target is None:
                break
            tried.add(target.key)
            outcome = await self._attempt(target, call, receive, timeout_s=float(route["timeoutSec"]))
            if outcome is not None:
                return outcome
        return Outcome(response=_page(502))  # failed_to_pick_backend, failed_to_connect_to_backend

    async def _attempt(
        self, target: Target, call: sdapi.Call, receive: Receive, *, timeout_s: float
    ) -> Outcome | None:
        """None when no connection came about, so that another endpoint may be tried."""
        address = neg.address_of(target.endpoint)
        if pods.reach(self.world, address) is pods.Reach.LOST:
            await asyncio.sleep(CONNECT_TIMEOUT_S)  # packets vanish: only the clock says so
            return None
        answering = asyncio.create_task(self._answer(target, address, call))
        leaving = asyncio.create_task(_disconnected(receive))
        with load.in_flight(self.world, target.key), self._watch(address) as broken:
            try:
                await asyncio.wait(
                    {answering, leaving, broken}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
                )
                return self._judged(target, answering, leaving, broken)
            finally:
                await _cancelled(answering, leaving)

    async def _answer(self, target: Target, address: pods.PodAddress, call: sdapi.Call) -> Response:
        where = {"region": address.cluster[0], "zone": target.zone, "cluster": "/".join(address.cluster)}
        if faults.hits(self.world, "vip-timeout", **where):
            await asyncio.Event().wait()  # it has taken the request, and that is all it does
        return await webui.answer(self.world, address, call, port=target.endpoint["port"])

    def _judged(
        self,
        target: Target,
        answering: asyncio.Task[Response],
        leaving: asyncio.Task[None],
        broken: asyncio.Future[None],
    ) -> Outcome | None:
        if answering.done():
            if isinstance(answering.exception(), ConnectionRefusedError):
                return None
            response = answering.result()
            response.headers["via"] = "1.1 google"
            return Outcome(response=response, zone=target.zone)
        if leaving.done():
            raise ClientDisconnect
        code = 502 if broken.done() else 504  # backend_connection_closed_before_data_sent / backend_timeout
        return Outcome(response=_page(code), zone=target.zone)

    @contextmanager
    def _watch(self, address: pods.PodAddress) -> Iterator[asyncio.Future[None]]:
        """A future that is done when the pod or its node goes while a request is on it."""
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[broken] = address
        try:
            yield broken
        finally:
            del self._waiting[broken]
            broken.cancel()

    def _changed(self, change: Change) -> None:
        if not self._waiting or not change.collection.endswith(("/pods", "/nodes")):
            return
        for broken, address in self._waiting.items():
            mine = change.collection.startswith(f"kube/{address.cluster[0]}/{address.cluster[1]}/")
            if mine and not broken.done() and pods.reach(self.world, address) in _DEAD:
                broken.set_result(None)


_DEAD = (pods.Reach.LOST, pods.Reach.GONE, pods.Reach.CLOSED)


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            return None
        parts.append(part)
    return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_REASONS = {413: "Request Entity Too Large", 502: "Server Error", 504: "Server Error"}
_TEXTS = {
    413: "Your client issued a request that was too large.",
    502: "The server encountered a temporary error and could not complete your request.<p>"
    "Please try again in 30 seconds.",
    504: "The server encountered an error and could not complete your request.<p>"
    "Please try again in 30 seconds.",
}


def _page(code: int) -> Response:
    """Google's own error page."""
    return HTMLResponse(
        '<html><head>\n<meta http-equiv="content-type" content="text/html;charset=utf-8">\n'
        f"<title>{code} {_REASONS[code]}</title>\n</head>\n<body text=#000000 bgcolor=#ffffff>\n"
        f"<h1>Error: {_REASONS[code]}</h1>\n<h2>{_TEXTS[code]}</h2>\n<h2></h2>\n</body></html>\n",
        code,
        {"referrer-policy": "no-referrer"},
    )
