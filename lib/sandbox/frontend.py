"""The global address as an application: takes a request, picks an endpoint, and tells the client how that went.

Forwarding rule -> target proxy -> URL map -> backend service -> the nearest region with a healthy endpoint, round
robin inside it. What a client sees when that fails, and what is tried again, follows Google's classic external load
balancer. Timeouts are wall seconds. Nothing is decided here about what should be behind the address: that is `mci`,
`neg` and `health`; the listening socket is `vip`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from lib.sandbox import faults, lb_answers, load, neg, pods, routing, sdapi, webui
from lib.sandbox.lb_answers import Failure
from lib.sandbox.routing import Target
from lib.sandbox.store import Change, Document
from lib.sandbox.world import World

BODY_LIMIT = 64 << 20
ATTEMPTS = 2
RETRIED = ("GET",)  # and only before any byte of an answer
HEALTHY_SHARE = 0.8  # of the endpoints, below which nothing is tried again
CONNECT_TIMEOUT_S = 1.0
NO_BACKEND = "INVALID_BACKEND"  # the zone under which monitoring counts what reached no backend
PLACE = "x-client-region"
GONE = 0  # in place of a status: client_disconnected_before_any_response
_VIA = (b"via", b"1.1 google")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    response: Response
    target: Target | None = None  # that was asked last
    asked: float = 0.0  # when it was, on the monotonic clock


class FrontEnd:
    """The ASGI application."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes = routing.Routes(world)
        self._waiting: dict[asyncio.Future[None], pods.PodAddress] = {}
        self._unsubscribe = world.store.subscribe(self._changed)

    def close(self) -> None:
        self._unsubscribe()
        self._routes.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.monotonic()
        body: bytes | None = b""
        try:
            body = await _body(receive)
            outcome = await self._outcome(scope, body, receive)
        except ClientDisconnect:
            self._count(Outcome(response=Response(status_code=GONE)), began, _bytes_in(scope, body))
            return
        self._count(outcome, began, _bytes_in(scope, body))
        await outcome.response(scope, receive, send)

    def _count(self, outcome: Outcome, began: float, bytes_in: int) -> None:
        now, target, response = time.monotonic(), outcome.target, outcome.response
        answered = load.Answered(
            zone=target.zone if target else NO_BACKEND,
            neg=target.neg if target else "",
            code=response.status_code,
            total_ms=(now - began) * 1000,
            backend_ms=(now - outcome.asked) * 1000 if target else None,
            bytes_in=bytes_in,
            bytes_out=_size(response.raw_headers) + len(response.body),
        )
        load.count_request(self.world, answered)

    async def _outcome(self, scope: Scope, body: bytes | None, receive: Receive) -> Outcome:
        if body is None:
            return Outcome(response=lb_answers.page(413))
        call = _call(scope, body)
        service = self._routes.service(host=call.headers.get("host", ""), path=call.path)
        if isinstance(service, str):
            return Outcome(response=PlainTextResponse(service, 404))
        return await self._served(service, call, receive)

    async def _served(self, service: Document, call: sdapi.Call, receive: Receive) -> Outcome:
        """By one endpoint, or by another when the first failed without a word and the request may be repeated."""
        tried: set[str] = set()
        failure, last, asked = Failure.NO_BACKEND, None, 0.0
        place = routing.place_of(call.headers.get(PLACE, ""))
        for _ in range(ATTEMPTS):
            target = self._routes.choose(service, place, besides=tried)
            if target is None:
                break
            tried.add(target.key)
            last, asked = target, time.monotonic()
            answer = await self._attempt(target, call, receive, timeout_s=float(service["timeoutSec"]))
            if isinstance(answer, Response):
                answer.raw_headers.append(_VIA)
                return Outcome(response=answer, target=target, asked=asked)
            failure = answer
            if call.method not in RETRIED or self._routes.healthy_share(service) < HEALTHY_SHARE:
                break
        scheme = str(service.get("loadBalancingScheme"))
        return Outcome(response=lb_answers.failed(failure, scheme), target=last, asked=asked)

    async def _attempt(
        self, target: Target, call: sdapi.Call, receive: Receive, *, timeout_s: float
    ) -> Response | Failure:
        address = neg.address_of(target.endpoint)
        if pods.reach(self.world, address) is pods.Reach.LOST:
            await asyncio.sleep(CONNECT_TIMEOUT_S)  # packets vanish: only the clock says so
            return Failure.NO_CONNECTION
        answering = asyncio.create_task(self._answer(target, address, call))
        with load.in_flight(self.world, target.key):
            await asyncio.sleep(0)  # most answers need nothing more
            if not answering.done():
                return await self._awaited(address, answering, receive, timeout_s)
            return _judged(answering)

    async def _answer(self, target: Target, address: pods.PodAddress, call: sdapi.Call) -> Response:
        where = {"region": address.cluster[0], "zone": target.zone, "cluster": "/".join(address.cluster)}
        if faults.hits(self.world, "vip-timeout", **where):
            await asyncio.Event().wait()  # it has taken the request, and that is all it does
        return await webui.answer(self.world, address, call, port=target.endpoint["port"])

    async def _awaited(
        self, address: pods.PodAddress, answering: asyncio.Task[Response], receive: Receive, timeout_s: float
    ) -> Response | Failure:
        """Until it answers, dies, takes too long, or nobody waits for it any more."""
        leaving = asyncio.create_task(_disconnected(receive))
        with self._watch(address) as broken:
            try:
                await asyncio.wait(
                    {answering, leaving, broken}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
                )
                if answering.done():
                    return _judged(answering)
                if leaving.done():
                    raise ClientDisconnect
                return Failure.CLOSED if broken.done() else Failure.TIMEOUT
            finally:
                await _cancelled(answering, leaving)

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


_DEAD = (pods.Reach.LOST, pods.Reach.GONE, pods.Reach.CLOSED, pods.Reach.CRASHED)


def _judged(answering: asyncio.Task[Response]) -> Response | Failure:
    error = answering.exception()
    return (
        Failure.NO_CONNECTION
        if isinstance(error, ConnectionRefusedError | TimeoutError)
        else answering.result()
    )


def _call(scope: Scope, body: bytes) -> sdapi.Call:
    return sdapi.Call(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


_LINES = 24  # "HTTP/1.1", spaces and ends of lines around what a request or an answer says itself


def _bytes_in(scope: Scope, body: bytes | None) -> int:
    line = len(scope["method"]) + len(scope["path"]) + len(scope["query_string"])
    return line + _size(scope["headers"]) + (len(body) if body is not None else BODY_LIMIT)


def _size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return _LINES + sum(len(name) + len(value) + 4 for name, value in headers)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
