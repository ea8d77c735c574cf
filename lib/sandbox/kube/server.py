"""The Kubernetes API of every cluster, behind one TLS port: /clusters/<location>/<name>/...

Finds the cluster, the user and the faults in force, then hands the call to `verbs` and `subresources`. The world
comes from `app.state.world`; server.py of the sandbox mounts `routes()`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lib.sandbox import auth, disturbance, faults
from lib.sandbox.kube import (
    access,
    call,
    discovery,
    errors,
    gnostic,
    metrics,
    openapi,
    subresources,
    verbs,
)
from lib.sandbox.kube.resources import METRICS, VERBS
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.rest import left
from lib.sandbox.world import CLUSTERS, World

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def routes() -> list[Route]:
    """To be mounted at /clusters/{location}/{name}."""
    return [Route("/", _serve, methods=_METHODS), Route("/{path:path}", _serve, methods=_METHODS)]


def usable(world: World, location: str, name: str) -> bool:
    """Whether the control plane of the cluster answers now."""
    cluster = world.store.get(CLUSTERS, f"{location}/{name}")
    if cluster is None or cluster.get("status") not in {"RUNNING", "RECONCILING"}:
        return False
    return not faults.control_plane_down(world, f"{location}/{name}")


async def _serve(request: Request) -> Response:
    try:
        return await _answer(request)
    except errors.StatusError as e:
        headers = {"Connection": "close"} if e.code == 503 else {}
        if "retryAfterSeconds" in e.details:
            headers["Retry-After"] = str(e.details["retryAfterSeconds"])
        return JSONResponse(e.body(), status_code=e.code, headers=headers)


async def _answer(request: Request) -> Response:
    world: World = request.app.state.world
    location, name = request.path_params["location"], request.path_params["name"]
    if not usable(world, location, name):
        raise errors.unavailable("the server is currently unable to handle the request")
    authorization = request.headers.get("authorization")
    user = auth.authenticate(world, authorization, skew_s=faults.token_skew_s(world))
    if user is None:
        raise errors.unauthorized()
    await _suffer(world, request, location, name)
    cluster = KubeCluster(world, location, name)
    path = request.path_params.get("path", "")
    if (document := _non_resource(cluster, path, request)) is not None:
        return document
    return _dispatch(call.read(cluster, path, request, user=user, body=await request.body()))


async def _suffer(world: World, request: Request, location: str, name: str) -> None:
    """Faults of the wire."""
    verb = "watch" if request.query_params.get("watch") in {"1", "true"} else _SAID[request.method]
    facts = {"method": verb, "cluster": f"{location}/{name}", "region": location}
    code = await disturbance.suffer(world, gone=lambda: left(request), api="kubernetes", **facts)
    if code:
        raise errors.disturbed(code)


_SAID = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def _dispatch(asked: call.Call) -> Response:
    if asked.kind.key in discovery.REVIEWS:
        if asked.verb != "create":
            raise errors.method_not_allowed()
        return subresources.review(asked)
    if asked.verb not in VERBS or (asked.verb == "create" and asked.name and not asked.subresource):
        raise errors.method_not_allowed()
    access.check(asked.user, asked.verb, asked.kind, namespace=asked.namespace, name=asked.name)
    if asked.kind in METRICS.values():
        return metrics.serve(asked)
    alive = partial(usable, asked.cluster.world, asked.cluster.location, asked.cluster.name)
    if asked.subresource:
        return subresources.serve(asked, alive=alive)
    if asked.verb == "watch":
        return verbs.watch_(asked, alive=alive)
    table: dict[str, Callable[[call.Call], Response]] = {
        "get": verbs.get, "list": verbs.list_, "create": verbs.create, "update": verbs.update,
        "patch": verbs.patch_, "delete": verbs.delete, "deletecollection": verbs.delete_collection,
    }  # fmt: skip
    with asked.cluster.world.store.transaction():
        return table[asked.verb](asked)


def _non_resource(cluster: KubeCluster, path: str, request: Request) -> Response | None:
    """Health, version, discovery and OpenAPI; None when the path is about objects."""
    parts = [p for p in path.split("/") if p]
    if not parts or parts[0] in _PLAIN:
        return _PLAIN[parts[0] if parts else ""]()
    if parts == ["version"]:
        return JSONResponse(discovery.version(cluster))
    if parts[0] == "openapi":
        return _openapi(cluster, parts[1:], request)
    if parts in (["api"], ["apis"]):
        return _groups(cluster, core=parts == ["api"], accept=request.headers.get("accept", ""))
    if parts[0] not in {"api", "apis"}:
        raise errors.no_such_path()
    return _discovery(cluster, parts)


_PATHS = ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"]
_PLAIN: dict[str, Callable[[], Response]] = {
    "": lambda: JSONResponse({"paths": _PATHS}),
    **dict.fromkeys(("healthz", "livez", "readyz"), lambda: PlainTextResponse("ok")),
}


def _discovery(cluster: KubeCluster, parts: list[str]) -> Response | None:
    """/api/v1, /apis/GROUP and /apis/GROUP/VERSION."""
    if len(parts) > (2 if parts[0] == "api" else 3):
        return None
    if parts[0] == "apis" and len(parts) == 2:
        document = discovery.group(cluster, parts[1])
    else:
        document = discovery.resource_list(cluster, *(["", parts[1]] if parts[0] == "api" else parts[1:]))
    if document is None:
        raise errors.no_such_path()
    return JSONResponse(document)


def _groups(cluster: KubeCluster, *, core: bool, accept: str) -> Response:
    if "as=APIGroupDiscoveryList" in accept and "v=v2;" in f"{accept};".replace(",", ";"):
        document = discovery.aggregated(cluster, core=core)
        return Response(JSONResponse(document).body, media_type=_AGGREGATED)
    return JSONResponse(discovery.core_versions() if core else discovery.group_list(cluster))


def _openapi(cluster: KubeCluster, parts: list[str], request: Request) -> Response:
    if parts == ["v2"]:
        document = openapi.swagger(cluster)
        if gnostic.MEDIA_TYPE in request.headers.get("accept", ""):
            return Response(gnostic.encode(document), media_type=gnostic.RETURNED)
        return JSONResponse(document)
    if parts == ["v3"]:
        root = f"/clusters/{cluster.location}/{cluster.name}"
        return JSONResponse(openapi.index(cluster, request.scope.get("root_path", "") or root))
    if parts[:1] == ["v3"] and (document := openapi.document(cluster, "/".join(parts[1:]))):
        return JSONResponse(document)
    raise errors.no_such_path()
