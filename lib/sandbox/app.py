"""The sandbox's one TLS port as an ASGI application: which path is whose."""

from __future__ import annotations

import importlib.util
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from lib.sandbox import admin, auth, batch, compute_routes, hub_v2, services
from lib.sandbox.errors import ApiError
from lib.sandbox.rest import Door, error_response, left
from lib.sandbox.stepping import Tick
from lib.sandbox.verbs import Verb, disturb
from lib.sandbox.world import World

_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def application(world: World, verbs: tuple[Verb, ...], ticks: tuple[Tick, ...]) -> Starlette:
    """`ticks`: what a step of the clock drives, one of each part."""
    door = Door(verbs)

    async def apis(request: Request) -> Response:
        return await (services.serve(request) if services.wants(request) else door(request))

    routes: list[BaseRoute] = [
        Route("/healthz", _healthz),
        Route("/token", _token, methods=["POST"]),
        Route(f"{admin.PREFIX}/{{rest:path}}", admin.serve, methods=_ALL),
        Route("/compute/v1/{rest:path}", compute_routes.serve, methods=_ALL),
        Route("/batch/compute/v1", _batch, methods=["POST"]),
        *_kubernetes(),
        *(
            Route(f"/{track}/{{rest:path}}", apis, methods=_ALL)
            for track in ("v1", "v1beta", "v1beta1", "v1alpha")
        ),
        *(
            Route(f"/{track}/{{rest:path}}", hub_v2.serve, methods=_ALL)
            for track in ("v2", "v2beta", "v2alpha")
        ),
    ]
    app = Starlette(routes=routes)
    app.state.world = world
    app.state.ticks = ticks
    return app


def _kubernetes() -> list[BaseRoute]:
    if importlib.util.find_spec("lib.sandbox.kube.server") is None:
        return []
    server = importlib.import_module("lib.sandbox.kube.server")
    return [Mount("/clusters/{location}/{name}", routes=server.routes())]


async def _batch(request: Request) -> Response:
    return await batch.serve(request, compute_routes.serve)


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _token(request: Request) -> Response:
    world: World = request.app.state.world
    try:
        await disturb(world, "token", gone=lambda: left(request))
    except ApiError as e:
        return error_response(e)
    status, body = auth.exchange(world, dict(parse_qsl((await request.body()).decode())))
    return JSONResponse(body, status, {"cache-control": "no-store"})
