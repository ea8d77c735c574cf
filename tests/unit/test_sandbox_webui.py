"""The pod behind the address: the Web UI's API in its own words, and the proxy beside it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.responses import Response

from lib.sandbox import (
    easel,
    faults,
    frontend,
    passport,
    pnginfo,
    pods,
    processed,
    processing,
    sdapi,
    sdsettings,
    webui,
)
from tests.unit.dataplane import DataPlane
from tests.waiting import wait_until

EU = "europe-west4"
CLUSTER = (EU, f"atlas-{EU}")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[DataPlane]:
    found = DataPlane(tmp_path, programmed=True)
    found.serve(EU)
    found.link(EU)
    found.run(25)
    yield found
    easel.close(found.world)
    found.close()


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(frontend.FrontEnd(plane.world))
    async with httpx.AsyncClient(transport=transport, base_url="http://vip", timeout=60) as found:
        yield found


async def call(plane: DataPlane, *, port: int, path: str = "/internal/ping", body: bytes = b"") -> Response:
    pod = plane.cluster(EU).get("pods", "default", "sd-1")
    assert pod is not None
    asked = sdapi.Call(method="POST" if body else "GET", path=path, body=body)
    return await webui.answer(plane.world, pods.address_of(CLUSTER, pod), asked, port=port)


def read(body: bytes) -> processing.Order:
    return processing.read(body, random.Random(1), content_type="application/json", gpu_bytes=24e9)


async def test_a_prompt_becomes_pictures_with_their_texts(client: httpx.AsyncClient) -> None:
    asked = {"prompt": "a red boat", "seed": 5, "width": 128, "height": 64, "steps": 2, "n_iter": 2}
    answer = await client.post("/sdapi/v1/txt2img", json=asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    pictures = [Image.open(io.BytesIO(base64.b64decode(image))) for image in body["images"]]
    assert [p.size for p in pictures] == [(128, 64), (128, 64)]
    info = json.loads(body["info"])
    assert (info["seed"], info["all_seeds"], info["index_of_first_image"]) == (5, [5, 6], 0)
    assert "not Stable Diffusion" in info["sd_model_name"]
    assert body["parameters"]["steps"] == 2
    assert body["parameters"]["sampler_index"] == "Euler"
    assert float(answer.headers["x-process-time"]) > 0
    assert answer.headers["server"] == "nginx"


async def test_the_same_seed_draws_the_same_picture_and_minus_one_another(client: httpx.AsyncClient) -> None:
    asked = {"prompt": "a red boat", "width": 64, "height": 64, "steps": 1}

    async def drawn(seed: int) -> tuple[int, list[str]]:
        body = (await client.post("/sdapi/v1/txt2img", json={**asked, "seed": seed})).json()
        return json.loads(body["info"])["seed"], body["images"]

    assert await drawn(7) == await drawn(7)
    first, second = await drawn(-1), await drawn(-1)
    assert first[0] != second[0]


async def test_a_dead_worker_is_replaced(plane: DataPlane, client: httpx.AsyncClient) -> None:
    asked = {"prompt": "a red boat", "width": 64, "height": 64, "steps": 1, "send_images": False}
    assert (await client.post("/sdapi/v1/txt2img", json=asked)).status_code == 200
    executor = easel.of(plane.world)._executor
    assert executor is not None
    [worker] = executor._processes
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not executor._processes or executor._broken, what="the worker is gone")
    answer = await client.post("/sdapi/v1/txt2img", json=asked)
    assert (answer.status_code, answer.json()["images"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b'{"width": "wide"}', 422, "value is not a valid integer", id="no number"),
        pytest.param(b'{"alwayson_scripts": []}', 422, "value is not a valid dict", id="no object"),
        pytest.param(b"{", 422, "value_error.jsondecode", id="no JSON"),
        pytest.param(b"[]", 422, "value is not a valid dict", id="a list"),
        pytest.param(b'{"sampler_name": "Eulr"}', 404, "Sampler not found", id="unknown sampler"),
        pytest.param(b'{"script_name": "xyz"}', 422, "Script 'xyz' not found", id="unknown script"),
        pytest.param(b'{"width": 8192, "height": 8192}', 500, "OutOfMemoryError", id="too large"),
        pytest.param(b'{"steps": 0}', 500, "steps must be at least 1", id="no steps"),
        pytest.param(b'{"batch_size": 0}', 500, "batch_size must be at least 1", id="no pictures"),
        pytest.param(b'{"width": 8}', 500, "too small", id="too small"),
        pytest.param(b'{"seed": 99999999999999999999999}', 500, "Overflow", id="seed too long"),
    ],
)
async def test_a_request_that_cant_be_drawn_is_refused_in_the_apis_words(
    client: httpx.AsyncClient, body: bytes, status: int, words: str
) -> None:
    answer = await client.post("/sdapi/v1/txt2img", content=body)
    assert answer.status_code == status
    assert words in answer.text


def test_a_validation_error_names_the_field() -> None:
    with pytest.raises(processing.WebUiError) as caught:
        read(b'{"steps": "many", "cfg_scale": {}}')
    assert [d["loc"] for d in caught.value.body["detail"]] == [["body", "steps"], ["body", "cfg_scale"]]
    assert [d["type"] for d in caught.value.body["detail"]] == ["type_error.integer", "type_error.float"]


@pytest.mark.parametrize(
    ("given", "sampler"),
    [
        pytest.param({}, "Euler", id="default"),
        pytest.param({"sampler_name": "k_euler_a"}, "Euler a", id="alias"),
        pytest.param(
            {"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M", id="with a scheduler, as older clients"
        ),
        pytest.param({"sampler_index": "ddim"}, "DDIM", id="other case, older field"),
    ],
)
def test_samplers_are_known_by_their_names(given: dict[str, Any], sampler: str) -> None:
    order = read(json.dumps(given).encode())
    assert order.sampler == sampler


def test_hires_and_odd_sizes_give_the_size_the_model_would() -> None:
    given = {"seed": 1, "width": 100, "height": 100, "enable_hr": True, "hr_scale": 2}
    order = read(json.dumps(given).encode())
    assert (order.width, order.height) == (200, 200)
    odd = read(b'{"width": 519}')
    assert odd.width == 512


@pytest.mark.parametrize(
    ("gigabytes", "side", "fits"),
    [
        pytest.param(16, 512, True, id="T4, small"),
        pytest.param(16, 2048, False, id="T4, large"),
        pytest.param(24, 2048, True, id="L4, large"),
    ],
)
def test_what_fits_depends_on_the_card(gigabytes: int, side: int, fits: bool) -> None:
    body = json.dumps({"width": side, "height": side}).encode()

    def asked() -> processing.Order:
        return processing.read(
            body, random.Random(1), content_type="application/json", gpu_bytes=gigabytes * 1e9
        )

    if fits:
        assert asked().width == side
        return
    with pytest.raises(processing.WebUiError) as caught:
        asked()
    assert caught.value.body["error"] == "OutOfMemoryError"
    assert f"{gigabytes * 1e9 / 2**30:.2f} GiB total capacity" in caught.value.body["errors"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            "a, b\nNegative prompt: c\nd\nSteps: 4, Size: 64x32, Words: \"x, y: z\", Clip skip: 2",
            {"Prompt": "a, b", "Negative prompt": "c\nd", "Steps": "4", "Size-1": "64", "Size-2": "32",
             "Words": "x, y: z", "Clip skip": "2"},
            id="all of it",
        ),
        pytest.param(
            "only: a prompt", {"Prompt": "only: a prompt", "Negative prompt": "", "Clip skip": "1"}, id="no settings"
        ),
        pytest.param("", {"Prompt": "", "Negative prompt": "", "Clip skip": "1"}, id="nothing"),
    ],
)  # fmt: skip
def test_settings_are_read_back_out_of_a_text(text: str, found: dict[str, str]) -> None:
    assert pnginfo.parsed(text) == found


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_other_files_carry_the_text_in_their_exif(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    file = processed.written(out.getvalue(), "a bo\u00e4t", {**sdsettings.OPTIONS, "samples_format": kind})
    comment = Image.open(io.BytesIO(file)).getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\0" + "a bo\u00e4t".encode("utf-16-be")


def test_a_picture_has_one_text_and_the_same_pixels() -> None:
    out, image = io.BytesIO(), Image.effect_noise((64, 64), 50)
    image.save(out, "PNG")
    twice = processed.with_text(processed.with_text(out.getvalue(), "old"), "new \u6d77 \0 \ud800")
    found = Image.open(io.BytesIO(twice))
    assert found.tobytes() == image.tobytes()
    assert found.info == {"parameters": "new \u6d77  ?"}
    assert not Image.open(io.BytesIO(processed.with_text(twice, None))).info


async def test_interrupting_one_job_leaves_those_of_other_pods_alone(plane: DataPlane) -> None:
    found = easel.of(plane.world)
    order = {"prompt": "a boat", "seed": 1, "width": 64, "height": 64, "steps": 50}
    steps: dict[str, int] = {}
    begun = asyncio.Event()

    def mine(step: int, of: int, preview: bytes | None) -> None:
        steps["mine"] = step
        begun.set()

    def others(step: int, of: int, preview: bytes | None) -> None:
        steps["others"] = step

    first = asyncio.create_task(found.draw(order, mine))
    second = asyncio.create_task(found.draw(order, others))
    await begun.wait()
    found.interrupt(others)
    assert (len(await first), len(await second)) == (1, 1)
    assert steps["others"] == 1
    assert steps["mine"] > 40  # the last ones may come with the picture


async def test_img2img_says_that_it_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sdapi/v1/img2img", json={})
    assert answer.status_code == 501
    assert "txt2img" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["samplers", "schedulers", "sd-models", "upscalers", "sd-vae", "loras", "prompt-styles", "script-info"],
)
async def test_the_lists_that_clients_ask_for_are_lists(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/sdapi/v1/{path}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), list)


async def test_the_model_says_what_it_is_not(client: httpx.AsyncClient) -> None:
    [model] = (await client.get("/sdapi/v1/sd-models")).json()
    assert model["title"] == "sandbox-scene-painter (not Stable Diffusion)"
    assert (await client.get("/sdapi/v1/options")).json()["sd_model_checkpoint"] == model["title"]


async def test_options_are_kept_with_the_pod(plane: DataPlane, client: httpx.AsyncClient) -> None:
    answer = await client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 2, "unknown": 1})
    assert (answer.status_code, answer.json()) == (200, None)
    options = (await client.get("/sdapi/v1/options")).json()
    assert (options["CLIP_stop_at_last_layers"], "unknown" in options) == (2, False)
    wrong = await client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "v1-5"})
    assert (wrong.status_code, wrong.json()["errors"]) == (500, "model 'v1-5' not found")


async def test_unknown_paths_and_methods_answer_as_fastapi_does(client: httpx.AsyncClient) -> None:
    missing, wrong = await client.get("/sdapi/v1/nothing"), await client.get("/sdapi/v1/txt2img")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


async def test_only_the_proxy_stamps_answers(plane: DataPlane) -> None:
    through, direct = await call(plane, port=8080), await call(plane, port=7860)
    assert through.headers["x-gpu-atlas-region"] == EU
    assert not [name for name in direct.headers if name.startswith("x-gpu-atlas")]
    with pytest.raises(ConnectionRefusedError):
        await call(plane, port=9999)


async def test_headers_come_from_the_manifest_also_when_it_is_wrong(plane: DataPlane) -> None:
    template = 'server {\n listen 8080;\n add_header x-gpu-atlas-region "${REGION}/${NOBODY}" always;\n'
    data = {"default.conf.template": template + " proxy_pass http://127.0.0.1:7860;\n}"}
    plane.cluster(EU).mutate("configmaps", "default", "passport", lambda body: body.update(data=data))
    answer = await call(plane, port=8080)
    stamped = {k: v for k, v in answer.headers.items() if k.startswith("x-gpu-atlas")}
    assert stamped == {"x-gpu-atlas-region": f"{EU}/${{NOBODY}}"}


async def test_without_its_configuration_the_proxy_does_not_listen(plane: DataPlane) -> None:
    plane.cluster(EU).delete("configmaps", "default", "passport")
    with pytest.raises(ConnectionRefusedError):
        await call(plane, port=8080)


async def test_the_proxy_refuses_bodies_beyond_its_limit(plane: DataPlane) -> None:
    def lower(body: dict[str, Any]) -> None:
        text = body["data"]["default.conf.template"]
        body["data"]["default.conf.template"] = text.replace(
            "client_max_body_size 64m", "client_max_body_size 1k"
        )

    plane.cluster(EU).mutate("configmaps", "default", "passport", lower)
    answer = await call(plane, port=8080, path="/sdapi/v1/txt2img", body=b"x" * 1025)
    assert answer.status_code == 413
    assert answer.headers["x-gpu-atlas-region"] == EU, "`always` stamps errors, too"


async def test_while_the_model_loads_the_proxy_says_bad_gateway(plane: DataPlane) -> None:
    def unready(body: dict[str, Any]) -> None:
        body["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        body["status"]["containerStatuses"][0]["ready"] = False

    plane.cluster(EU).mutate("pods", "default", "sd-1", unready)
    assert (await call(plane, port=8080)).status_code == 502
    with pytest.raises(ConnectionRefusedError):
        await call(plane, port=7860)


async def test_a_broken_backend_fails_its_health_path_and_nothing_else(plane: DataPlane) -> None:
    faults.create(plane.world, "backend-broken", {"region": EU})
    assert (await call(plane, port=8080)).status_code == 500
    assert (await call(plane, port=8080, path="/sdapi/v1/samplers")).status_code == 200


def test_a_pod_without_a_proxy_has_no_passport(plane: DataPlane) -> None:
    pod = plane.cluster(EU).get("pods", "default", "sd-1") or {}
    bare = {**pod, "spec": {**pod["spec"], "containers": pod["spec"]["containers"][:1]}}
    assert passport.of_pod(plane.world, CLUSTER, bare) is None
