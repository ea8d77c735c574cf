"""The pod behind the global address: the Web UI on 7860 and the proxy beside it on 8080.

Whether anybody listens, on which port, and with which headers follows from the pod's own manifest and state. What the
Web UI answers is `sdapi`'s business.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from lib.sandbox import passport, pods, sdapi, sdsettings
from lib.sandbox.pods import PodAddress, Reach
from lib.sandbox.store import Document
from lib.sandbox.world import World

REFUSED = 0  # in place of a status: nobody listens there


async def serve(
    world: World, cluster: tuple[str, str], pod: Document, request: Request, *, port: int = 8080
) -> Response:
    """Answer a request that reached `port` of the pod; ConnectionRefusedError when nobody listens there, and
    TimeoutError when its node is lost."""
    call = sdapi.Call(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers=dict(request.headers),
        body=await request.body(),
    )
    return await answer(world, pods.address_of(cluster, pod), call, port=port)


async def answer(world: World, address: PodAddress, call: sdapi.Call, *, port: int) -> Response:
    """As `serve`, for a pod that is known by its address."""
    reach, pod = pods.reach(world, address), pods.find(world, address)
    if reach is Reach.LOST:
        raise TimeoutError
    if pod is None or reach in (Reach.GONE, Reach.CLOSED):
        raise ConnectionRefusedError
    proxy = passport.of_pod(world, address.cluster, pod)
    if proxy is None or port != proxy.port:
        if port not in _web_ports(pod) or reach is not Reach.READY:
            raise ConnectionRefusedError
        return await sdapi.handle(world, address, pod, call)
    if len(call.body) > proxy.body_limit:
        response = _nginx_page(413, "Request Entity Too Large")
    elif reach is not Reach.READY or proxy.upstream not in _web_ports(pod):
        response = _nginx_page(502, "Bad Gateway")
    else:
        response = await sdapi.handle(world, address, pod, call)
    own = [header for header in response.raw_headers if header[0] != b"server"]
    response.raw_headers = [*own, (b"server", b"nginx"), *proxy.headers]
    return response


def probe(world: World, address: PodAddress, *, port: int, path: str) -> int | None:
    """The status a health check gets: REFUSED when nobody listens, None when no answer comes."""
    reach, pod = pods.reach(world, address), pods.find(world, address)
    if reach is Reach.LOST:
        return None
    if pod is None or reach is not Reach.READY:
        beside = pod is not None and reach in (Reach.STARTING, Reach.CRASHED)
        proxy = passport.of_pod(world, address.cluster, pod) if pod and beside else None
        return 502 if proxy and proxy.port == port else REFUSED
    proxy = passport.of_pod(world, address.cluster, pod)
    if port not in _web_ports(pod) and not (proxy and proxy.port == port):
        return REFUSED
    if sdapi.broken(world, address):
        return 500
    return 200 if path == "/" or ("GET", path) in sdapi.ROUTES else 404


def _web_ports(pod: Document) -> set[int]:
    """What containers other than the proxy say they listen on."""
    web = [c for c in pod["spec"]["containers"] if "nginx" not in c.get("image", "")]
    return {p["containerPort"] for c in web for p in c.get("ports") or ()} or {sdsettings.PORT}


def _nginx_page(status: int, reason: str) -> Response:
    title = f"{status} {reason}"
    return HTMLResponse(
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        status,
    )
