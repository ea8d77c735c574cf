"""The Web UI's HTTP API, as one pod speaks it.

Answers as AUTOMATIC1111's Web UI does, so that its public clients work; the pictures come from the sandbox's painter
and every surface says so. Jobs are in `studio`, the fields of a request in `processing`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, Response

from lib.sandbox import faults, processing, studio
from lib.sandbox.easel import Drawn
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.pods import PodAddress
from lib.sandbox.processing import MODEL, MODEL_HASH, MODEL_SHA256, SAMPLERS, SCHEDULERS, WebUiError
from lib.sandbox.store import Document
from lib.sandbox.world import World

PORT = 7860
ACCELERATOR = "cloud.google.com/gke-accelerator"
OPTIONS: Mapping[str, Any] = {
    "samples_save": False, "samples_format": "png", "grid_save": False, "return_grid": False, "jpeg_quality": 80,
    "sd_model_checkpoint": MODEL, "sd_checkpoint_hash": MODEL_SHA256, "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 1, "live_previews_enable": True, "show_progress_every_n_steps": 10,
    "face_restoration": False, "face_restoration_model": "CodeFormer", "upscaler_for_img2img": None,
    "eta_noise_seed_delta": 0, "enable_pnginfo": True, "save_images_add_number": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP request that was read to its end."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One call to one pod, as the routes get it."""

    world: World
    address: PodAddress
    pod: Document
    call: Call

    @property
    def studio(self) -> studio.Studio:
        return studio.of(self.world, self.address.uid)

    @property
    def options(self) -> dict[str, Any]:
        return {**OPTIONS, **self.pod.get("_webuiOptions", {})}


def broken(world: World, address: PodAddress) -> bool:
    """Whether the replica fails its health check by decree."""
    return faults.first(world, "backend-broken", region=address.cluster[0]) is not None


Route = Callable[[Visit], Awaitable[Any]]


async def handle(world: World, address: PodAddress, pod: Document, call: Call) -> Response:
    began = time.monotonic()
    try:
        found = await _route(call)(Visit(world=world, address=address, pod=pod, call=call))
        response = found if isinstance(found, Response) else JSONResponse(found)
    except WebUiError as e:
        response = JSONResponse(e.body, e.status)
    response.headers["server"] = "uvicorn"
    response.headers["x-process-time"] = f"{time.monotonic() - began:.4f}"
    return response


def _route(call: Call) -> Route:
    found = ROUTES.get(("GET" if call.method == "HEAD" else call.method, call.path))
    if found is not None:
        return found
    known = any(path == call.path for _, path in ROUTES)
    raise WebUiError(405 if known else 404, {"detail": "Method Not Allowed" if known else "Not Found"})


async def _txt2img(visit: Visit) -> Any:
    order = processing.read(visit.call.body, visit.world.rng)
    accelerator = (visit.pod["spec"].get("nodeSelector") or {}).get(ACCELERATOR, "")
    try:
        drawn = await visit.studio.draw(visit.world, visit.address, order, accelerator)
    except BrokenProcessPool as e:
        raise processing.problem(500, error="RuntimeError", text="the painter's process died") from e
    except ValueError as e:  # the painter can't draw this
        raise processing.problem(500, error="ValueError", text=str(e)) from e
    # Encoding megabytes takes milliseconds that the event loop needs for others.
    text = await asyncio.to_thread(_written, order, drawn, visit.world.clock.now())
    return Response(text, media_type="application/json")


def _written(order: processing.Order, drawn: list[Drawn], at: datetime) -> str:
    pictures = [base64.b64encode(d.png).decode() for d in drawn] if order.parameters["send_images"] else []
    info = processing.told(order, drawn, at=at)
    return json.dumps({"images": pictures, "parameters": order.parameters, "info": info})


async def _img2img(_: Visit) -> Any:
    raise processing.problem(
        501, detail="The sandbox's painter draws from a prompt only: use /sdapi/v1/txt2img"
    )


async def _progress(visit: Visit) -> Any:
    skip = parse_qs(visit.call.query).get("skip_current_image", ["false"])[0].lower()
    return visit.studio.progress(with_image=skip not in ("true", "1", "on", "yes"))


async def _interrupt(visit: Visit) -> Any:
    visit.studio.interrupt(visit.world)
    return {}


async def _skip(visit: Visit) -> Any:
    visit.studio.skip(visit.world)


async def _options(visit: Visit) -> Any:
    return visit.options


async def _set_options(visit: Visit) -> Any:
    given = processing.decoded(visit.call.body)
    checkpoint = given.get("sd_model_checkpoint")
    if checkpoint not in (None, MODEL):
        raise processing.problem(500, error="RuntimeError", text=f"Unknown checkpoint: {checkpoint}")
    known = {k: v for k, v in given.items() if k in OPTIONS and v is not None}
    KubeCluster(visit.world, *visit.address.cluster).mutate(
        "pods",
        visit.address.namespace,
        visit.address.name,
        lambda pod: pod.update(_webuiOptions={**pod.get("_webuiOptions", {}), **known}),
    )


async def _ping(visit: Visit) -> Any:
    if broken(visit.world, visit.address):
        return Response("Internal Server Error", 500, media_type="text/plain")
    return {}


async def _memory(_: Visit) -> Any:
    """The Web UI says "unavailable" where there is no CUDA, and here there is none."""
    total = 14 * 2**30
    return {
        "ram": {"free": total - 6 * 2**30, "used": 6 * 2**30, "total": total},
        "cuda": {"error": "unavailable"},
    }


async def _home(_: Visit) -> Any:
    return HTMLResponse(
        "<!doctype html><html><head><title>Stable Diffusion</title></head><body><h1>Sandbox backend</h1>"
        f"<p>Pictures here come from {MODEL}. The API is under /sdapi/v1.</p></body></html>"
    )


def _always(body: Any) -> Route:
    async def route(_: Visit) -> Any:
        return body

    return route


_MODEL: Document = {
    "title": MODEL, "model_name": MODEL, "hash": MODEL_HASH, "sha256": MODEL_SHA256,
    "filename": "lib/sandbox/painter", "config": None,
}  # fmt: skip
_EMPTY_LISTS = (
    "sd-vae", "loras", "hypernetworks", "face-restorers", "realesrgan-models", "prompt-styles", "script-info",
    "extensions", "latent-upscale-modes",
)  # fmt: skip
_NO_EFFECT = ("refresh-checkpoints", "refresh-vae", "refresh-loras", "unload-checkpoint", "reload-checkpoint")
ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/sdapi/v1/txt2img"): _txt2img,
    ("POST", "/sdapi/v1/img2img"): _img2img,
    ("GET", "/sdapi/v1/progress"): _progress,
    ("POST", "/sdapi/v1/interrupt"): _interrupt,
    ("POST", "/sdapi/v1/skip"): _skip,
    ("GET", "/sdapi/v1/options"): _options,
    ("POST", "/sdapi/v1/options"): _set_options,
    ("GET", "/sdapi/v1/memory"): _memory,
    ("GET", "/internal/ping"): _ping,
    ("GET", "/"): _home,
    ("GET", "/sdapi/v1/samplers"): _always(
        [{"name": name, "aliases": list(aliases), "options": {}} for name, aliases in SAMPLERS.items()]
    ),
    ("GET", "/sdapi/v1/schedulers"): _always(
        [
            {"name": name, "label": label, "aliases": None, "default_rho": -1.0, "need_inner_model": False}
            for name, label in SCHEDULERS.items()
        ]
    ),
    ("GET", "/sdapi/v1/sd-models"): _always([_MODEL]),
    ("GET", "/sdapi/v1/embeddings"): _always({"loaded": {}, "skipped": {}}),
    ("GET", "/sdapi/v1/scripts"): _always({"txt2img": [], "img2img": []}),
    ("GET", "/sdapi/v1/cmd-flags"): _always({"api": True, "listen": True, "port": PORT, "nowebui": False}),
    ("GET", "/sdapi/v1/upscalers"): _always(
        [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4}]
    ),
    **{("GET", f"/sdapi/v1/{name}"): _always([]) for name in _EMPTY_LISTS},
    **{("POST", f"/sdapi/v1/{name}"): _always(None) for name in _NO_EFFECT},
}
