"""The Web UI's pages: the form on `/`, the API's description on `/docs` and `/openapi.json`.

Small and whole in themselves: no file from elsewhere, so that they work on a stage without a network. Not Gradio: what a
person needs to see that the address serves, and to try a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from lib.sandbox.processed import MODEL, VERSION
from lib.sandbox.processing import SAMPLERS, schema

PATHS = ("/", "/docs", "/openapi.json")  # that also answer HEAD
_DATA = Path(__file__).parent / "data"
_PICTURES, _PROGRESS, _SETTINGS, _LISTS = "Pictures", "Progress", "Settings and state", "Lists"
_TOLD: dict[str, tuple[str, str]] = {  # path -> group, what it does
    "/sdapi/v1/txt2img": (_PICTURES, "Draws pictures from a prompt; answers when they are finished"),
    "/sdapi/v1/img2img": (_PICTURES, "Not in the sandbox: answers 501"),
    "/sdapi/v1/png-info": (_PICTURES, "Reads the settings that a picture carries"),
    "/sdapi/v1/extra-single-image": (_PICTURES, "Not in the sandbox: answers 501"),
    "/sdapi/v1/extra-batch-images": (_PICTURES, "Not in the sandbox: answers 501"),
    "/sdapi/v1/interrogate": (_PICTURES, "Not in the sandbox: answers 501"),
    "/sdapi/v1/progress": (_PROGRESS, "How far this pod's job is, with a preview"),
    "/internal/progress": (_PROGRESS, "How far one task is, by its force_task_id"),
    "/internal/pending-tasks": (_PROGRESS, "The queue of this pod"),
    "/sdapi/v1/interrupt": (_PROGRESS, "Ends the job that is drawn now; its caller gets what there is"),
    "/sdapi/v1/skip": (_PROGRESS, "Leaves the picture that is drawn now and goes on with the next"),
    "/sdapi/v1/options": (_SETTINGS, "The settings of this pod; POST changes them"),
    "/sdapi/v1/memory": (_SETTINGS, "Memory of the node and of its GPU, by a rule of thumb"),
    "/sdapi/v1/cmd-flags": (_SETTINGS, "The command line that the Web UI was started with"),
    "/internal/ping": (_SETTINGS, "The health path: 200 and an empty object"),
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "/sdapi/v1/txt2img": {"prompt": "a red boat on a lake", "steps": 20, "width": 512, "height": 512},
    "/sdapi/v1/options": {"CLIP_stop_at_last_layers": 1},
    "/sdapi/v1/png-info": {"image": ""},
    "/internal/progress": {"id_task": "task(1)"},
}


@cache
def home() -> str:
    samplers = "".join(f"<option{' selected' * (n == 'Euler')}>{escape(n)}</option>" for n in SAMPLERS)
    return _page("webui_home.html").replace("__MODEL__", escape(MODEL)).replace("__SAMPLERS__", samplers)


@cache
def docs() -> str:
    return _page("webui_docs.html")


def _page(name: str) -> str:
    css = (_DATA / "webui.css").read_text(encoding="utf-8")
    return (_DATA / name).read_text(encoding="utf-8").replace("/*css*/", css)


def openapi(routes: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """An OpenAPI 3.0 document of (method, path) pairs; pages are left out."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in routes:
        if path not in PATHS:
            paths.setdefault(path, {})[method.lower()] = _operation(method, path)
    return {
        "openapi": "3.0.2",
        "info": {
            "title": "Stable Diffusion Web UI",
            "version": VERSION,
            "description": f"The API of the Web UI, as the sandbox emulates it. Pictures come from {MODEL}.",
        },
        "paths": paths,
        "components": {"schemas": {"StableDiffusionProcessingTxt2Img": schema()}},
    }


def _operation(method: str, path: str) -> dict[str, Any]:
    name = path.rsplit("/", 1)[-1]
    group, summary = _TOLD.get(path, (_LISTS, name.replace("-", " ").capitalize()))
    operation: dict[str, Any] = {
        "tags": [group],
        "summary": summary,
        "operationId": f"{path.strip('/').replace('/', '_').replace('-', '_')}_{method.lower()}",
        "responses": {
            "200": {"description": "Successful Response", "content": {"application/json": {"schema": {}}}}
        },
    }
    if method == "POST" and path in _EXAMPLES:
        kind = {"$ref": "#/components/schemas/StableDiffusionProcessingTxt2Img"}
        body = {"schema": kind if name == "txt2img" else {"type": "object"}, "example": _EXAMPLES[path]}
        operation["requestBody"] = {"content": {"application/json": body}, "required": True}
    return operation
