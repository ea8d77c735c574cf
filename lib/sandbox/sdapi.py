"""The Web UI's HTTP API, as one pod speaks it.

Answers as AUTOMATIC1111's Web UI does, so that its public clients work; the pictures come from the sandbox's painter
and every surface says so. Jobs are in `studio`, the fields of a request in `processing`, what is told of the result in
`processed`, the lists and options in `sdsettings`, the pages in `webui_pages`.
"""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, Response

from lib.sandbox import catalog, faults, pnginfo, processed, processing, sdsettings, studio, vram, webui_pages
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.pods import PodAddress
from lib.sandbox.processing import WebUiError
from lib.sandbox.store import Document
from lib.sandbox.world import World

ACCELERATOR = "cloud.google.com/gke-accelerator"
RAM_USED, OTHER_RAM_GIB = (
    6 * 2**30,
    16,
)  # of the process with a model; of a node whose GPU is not in the catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP request that was read to its end. Names of headers are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One call to one pod, as the routes get it."""

    world: World
    address: PodAddress
    pod: Document
    call: Call

    @property
    def studio(self) -> studio.Studio:
        return studio.of(self.world, self.address)

    @property
    def accelerator(self) -> str:
        return (self.pod["spec"].get("nodeSelector") or {}).get(ACCELERATOR, "")

    def body(self) -> dict[str, Any]:
        return processing.decoded(self.call.body, self.call.content_type)


def broken(world: World, address: PodAddress) -> bool:
    """Whether the replica fails its health check by decree."""
    where = {"region": address.cluster[0], "cluster": "/".join(address.cluster)}
    return faults.first(world, "backend-broken", **where) is not None


Route = Callable[[Visit], Awaitable[Any]]


async def handle(world: World, address: PodAddress, pod: Document, call: Call) -> Response:
    began = time.monotonic()
    try:
        found = await _route(call)(Visit(world=world, address=address, pod=pod, call=call))
        response = found if isinstance(found, Response) else JSONResponse(found)
    except WebUiError as e:
        response = JSONResponse(e.body, e.status, e.headers)
    took = f"{time.monotonic() - began:.4f}"
    response.raw_headers += [(b"server", b"uvicorn"), (b"x-process-time", took.encode())]
    return response


def _route(call: Call) -> Route:
    method = "GET" if call.method == "HEAD" and call.path in webui_pages.PATHS else call.method
    found = ROUTES.get((method, call.path))
    if found is not None:
        return found
    allowed = ", ".join(m for m, path in ROUTES if path == call.path)
    if not allowed:
        raise WebUiError(404, {"detail": "Not Found"})
    raise WebUiError(405, {"detail": "Method Not Allowed"}, {"allow": allowed})


# --- pictures ---------------------------------------------------------------------------------------------


async def _txt2img(visit: Visit) -> Any:
    jobs = visit.studio
    try:
        order = processing.read(
            visit.call.body,
            visit.world.rng,
            content_type=visit.call.content_type,
            gpu_bytes=vram.card_bytes(visit.accelerator),
        )
    except WebUiError as e:
        jobs.ooms += e.body.get("error") == "OutOfMemoryError"
        raise
    options = sdsettings.overridden(sdsettings.options(visit.pod), order.parameters["override_settings"])
    try:
        done = await jobs.draw(visit.world, order, options=options, accelerator=visit.accelerator)
    except BrokenProcessPool as e:
        raise processing.problem(500, error="RuntimeError", text="the painter's process died") from e
    except ValueError as e:  # the painter can't draw this
        raise processing.problem(500, error="ValueError", text=str(e)) from e
    # Encoding megabytes takes milliseconds that the event loop needs for others.
    text = await asyncio.to_thread(processed.response, done)
    return Response(text, media_type="application/json")


def _not_here(what: str) -> Route:
    async def route(_: Visit) -> Any:
        raise processing.problem(501, detail=f"The sandbox's painter draws from a prompt only: {what}")

    return route


async def _png_info(visit: Visit) -> Any:
    given = visit.body()
    if not isinstance(given.get("image"), str):
        fault = {"loc": ["body", "image"], "msg": "field required", "type": "value_error.missing"}
        raise WebUiError(422, {"detail": [fault]})
    return await asyncio.to_thread(pnginfo.read, given["image"].strip())


# --- progress ---------------------------------------------------------------------------------------------


async def _progress(visit: Visit) -> Any:
    skip = parse_qs(visit.call.query).get("skip_current_image", ["false"])[0].lower()
    told = studio.progress(visit.studio)
    if skip not in ("true", "1", "on", "yes", "t", "y"):
        told["current_image"] = await _preview(visit)
    return told


async def _task_progress(visit: Visit) -> Any:
    """What the Web UI's own page polls."""
    asked = visit.body()
    told = studio.task_progress(visit.studio, str(asked.get("id_task", "")))
    if (
        told["active"]
        and asked.get("live_preview", True)
        and told["id_live_preview"] != asked.get("id_live_preview")
    ):
        image = await _preview(visit)
        told["live_preview"] = f"data:image/png;base64,{image}" if image else None
    return told


async def _preview(visit: Visit) -> str | None:
    """The picture as far as it is, a PNG in base64; None while nothing is drawn or nobody wants to see it."""
    job = visit.studio.job
    if job is None or job.preview is None or not sdsettings.options(visit.pod)["live_previews_enable"]:
        return None
    return await asyncio.to_thread(_as_png, job.preview)


def _as_png(preview: bytes) -> str:
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(preview)).save(out, "PNG", compress_level=1)
    return base64.b64encode(out.getvalue()).decode()


async def _pending(visit: Visit) -> Any:
    waiting = visit.studio.waiting
    return {"size": len(waiting), "tasks": waiting}


async def _interrupt(visit: Visit) -> Any:
    visit.studio.interrupt(visit.world)
    return {}


async def _skip(visit: Visit) -> Any:
    visit.studio.skip(visit.world)


# --- the process ------------------------------------------------------------------------------------------


async def _options(visit: Visit) -> Any:
    return sdsettings.options(visit.pod)


async def _set_options(visit: Visit) -> Any:
    known = sdsettings.accepted(visit.body())
    KubeCluster(visit.world, *visit.address.cluster).mutate(
        "pods",
        visit.address.namespace,
        visit.address.name,
        lambda pod: pod.update({sdsettings.KEPT: {**pod.get(sdsettings.KEPT, {}), **known}}),
    )


async def _ping(visit: Visit) -> Any:
    if broken(visit.world, visit.address):
        return Response("Internal Server Error", 500, media_type="text/plain")
    return {}


async def _memory(visit: Visit) -> Any:
    node = catalog.ACCELERATORS.get(visit.accelerator)
    total = (node.memory_gib if node else OTHER_RAM_GIB) * 2**30
    jobs = visit.studio
    cuda = vram.stats(
        vram.card_bytes(visit.accelerator),
        pixels=jobs.job.pixels if jobs.job else 0,
        peak_pixels=jobs.peak_pixels,
        ooms=jobs.ooms,
    )
    return {"ram": {"free": total - RAM_USED, "used": RAM_USED, "total": total}, "cuda": cuda}


async def _home(_: Visit) -> Any:
    return HTMLResponse(webui_pages.home())


async def _docs(_: Visit) -> Any:
    return HTMLResponse(webui_pages.docs())


async def _openapi(_: Visit) -> Any:
    return webui_pages.openapi(ROUTES)


def _always(body: Any) -> Route:
    async def route(_: Visit) -> Any:
        return body

    return route


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/sdapi/v1/txt2img"): _txt2img,
    ("POST", "/sdapi/v1/img2img"): _not_here("use /sdapi/v1/txt2img"),
    ("POST", "/sdapi/v1/png-info"): _png_info,
    ("GET", "/sdapi/v1/progress"): _progress,
    ("POST", "/sdapi/v1/interrupt"): _interrupt,
    ("POST", "/sdapi/v1/skip"): _skip,
    ("GET", "/sdapi/v1/options"): _options,
    ("POST", "/sdapi/v1/options"): _set_options,
    **{("GET", f"/sdapi/v1/{name}"): _always(body) for name, body in sdsettings.LISTS.items()},
    ("GET", "/sdapi/v1/memory"): _memory,
    ("POST", "/sdapi/v1/refresh-checkpoints"): _always(None),
    ("POST", "/sdapi/v1/refresh-vae"): _always(None),
    ("POST", "/sdapi/v1/refresh-loras"): _always(None),
    ("POST", "/sdapi/v1/unload-checkpoint"): _always({}),
    ("POST", "/sdapi/v1/reload-checkpoint"): _always({}),
    ("POST", "/sdapi/v1/extra-single-image"): _not_here("it does not enlarge pictures"),
    ("POST", "/sdapi/v1/extra-batch-images"): _not_here("it does not enlarge pictures"),
    ("POST", "/sdapi/v1/interrogate"): _not_here("it can't read pictures"),
    ("GET", "/internal/ping"): _ping,
    ("GET", "/internal/pending-tasks"): _pending,
    ("POST", "/internal/progress"): _task_progress,
    ("GET", "/"): _home,
    ("GET", "/docs"): _docs,
    ("GET", "/openapi.json"): _openapi,
}
