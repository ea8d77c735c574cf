"""The little of Service Usage and Resource Manager that gcloud asks for on its way: everything is enabled."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.errors import ApiError
from lib.sandbox.rest import error_response, left, pattern
from lib.sandbox.store import Document
from lib.sandbox.verbs import enter, own_project
from lib.sandbox.world import World

ENABLED = (
    "compute",
    "container",
    "gkehub",
    "multiclusteringress",
    "multiclusterservicediscovery",
    "anthosconfigmanagement",
    "monitoring",
    "cloudresourcemanager",
    "serviceusage",
)
PROJECT = pattern("/v1/projects/{project}")
SERVICE = pattern("/v1/projects/{project}/services/{service}")
SERVICES = pattern("/v1/projects/{project}/services")
ENABLE = pattern("/v1/projects/{project}/services(?:/{service})?:(?:enable|batchEnable)")


def wants(request: Request) -> bool:
    path = request.url.path
    return any(p.fullmatch(path) for p in (PROJECT, SERVICE, SERVICES, ENABLE))


async def serve(request: Request) -> Response:
    world: World = request.app.state.world
    try:
        await enter(
            world,
            api="serviceusage",
            authorization=request.headers.get("authorization"),
            gone=lambda: left(request),
        )
        return JSONResponse(_answer(world, request))
    except ApiError as e:
        return error_response(e)


def _answer(world: World, request: Request) -> Document:
    path = request.url.path
    own_project(world, path.split("/")[3].partition(":")[0], "resourcemanager.projects.get")
    if ENABLE.fullmatch(path):
        return {"name": "operations/noop.DONE_OPERATION", "done": True, "response": {}}
    if SERVICES.fullmatch(path):
        return {"services": [_service(world, name) for name in ENABLED]}
    if SERVICE.fullmatch(path):
        return _service(world, path.rsplit("/", 1)[-1].removesuffix(".googleapis.com"))
    return {
        "projectId": world.project,
        "projectNumber": world.project_number,
        "name": world.project,
        "lifecycleState": "ACTIVE",
    }


def _service(world: World, name: str) -> Document:
    host = f"{name}.googleapis.com"
    state = "ENABLED" if name in ENABLED else "DISABLED"
    path = f"projects/{world.project_number}"
    return {"name": f"{path}/services/{host}", "config": {"name": host}, "state": state, "parent": path}
