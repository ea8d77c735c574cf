"""Strangers at the global address: the public `webuiapi` package and plain curl, as their users use them."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlparse

import pytest
import webuiapi
from PIL import Image

from tests.contract.demo import CONFIG, Demo, serving
from tests.waiting import wait_until

Api = Any  # webuiapi.WebUIApi, whose annotations let every answer be an asyncio task
SMALL: dict[str, Any] = {"width": 128, "height": 128, "steps": 4}
LONG: dict[str, Any] = {
    "prompt": "a castle on a hill",
    "width": 512,
    "height": 512,
    "steps": 40,
    "n_iter": 40,
}
BACKEND_CONFIG = "/apis/cloud.google.com/v1/namespaces/default/backendconfigs/stable-diffusion-webui"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with serving(tmp_path_factory.mktemp("webui")) as found:
        yield found


@pytest.fixture(scope="module")
def api(demo: Demo) -> Iterator[Api]:
    place = urlparse(demo.vip())
    found = webuiapi.WebUIApi(host=str(place.hostname), port=place.port or 80)
    found.session.trust_env = False
    yield found
    found.session.close()


@pytest.fixture
def jobs() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=4) as found:
        yield found


def drawing(api: Api) -> dict[str, Any]:
    """The progress of a job that has drawn its first steps."""

    def seen() -> dict[str, Any]:
        found = api.get_progress()
        return found if found["state"]["sampling_step"] > 0 else {}

    return wait_until(seen, what="something is drawn")


# --- webuiapi -----------------------------------------------------------------------------------------------


def test_a_prompt_comes_back_as_a_picture_with_its_settings(api: Api) -> None:
    result = api.txt2img(
        prompt="a red boat, a lake",
        negative_prompt="people",
        seed=5,
        cfg_scale=7,
        sampler_name="DPM++ 2M",
        **SMALL,
    )
    assert result.image.size == (128, 128)
    assert result.info["seed"] == result.info["all_seeds"][0] == 5
    assert result.info["subseed"] >= 0, "-1 is resolved"
    assert (result.info["sampler_name"], result.info["cfg_scale"], result.info["clip_skip"]) == (
        "DPM++ 2M",
        7.0,
        1,
    )
    assert result.parameters["prompt"] == "a red boat, a lake"
    assert result.parameters["subseed"] == -1, "the request is echoed as it was"
    text = result.image.info["parameters"]
    assert text == result.info["infotexts"][0]
    first, negative, settings = text.split("\n")
    assert (first, negative) == ("a red boat, a lake", "Negative prompt: people")
    assert settings.startswith(
        "Steps: 4, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7.0, Seed: 5, Size: 128x128, Model hash: "
    )


def test_a_picture_can_be_read_back(api: Api) -> None:
    image = api.txt2img(prompt="ein Schloß am 海", seed=9, **SMALL).image
    read = api.png_info(image)
    assert read.info == image.info["parameters"]
    assert read.parameters["Prompt"] == "ein Schloß am 海"
    assert (read.parameters["Seed"], read.parameters["Size-1"], read.parameters["Clip skip"]) == (
        "9",
        "128",
        "1",
    )


def test_a_batch_has_seeds_in_a_row_and_one_picture_for_each(api: Api) -> None:
    result = api.txt2img(prompt="a cat", seed=20, batch_size=2, n_iter=2, **SMALL)
    assert len(result.images) == 4
    assert result.info["all_seeds"] == [20, 21, 22, 23]
    assert [i.info["parameters"] for i in result.images] == result.info["infotexts"]
    assert len({i.tobytes() for i in result.images}) == 4


def test_hires_gives_the_larger_picture(api: Api) -> None:
    result = api.txt2img(prompt="a cat", enable_hr=True, hr_scale=2, seed=1, **SMALL)
    assert result.image.size == (256, 256)
    assert "Denoising strength: 0.7" in result.info["infotexts"][0]


def test_everything_a_txt2img_user_may_ask_for_has_an_answer(api: Api) -> None:
    assert "Euler a" in api.util_get_sampler_names()
    assert "karras" in api.util_get_scheduler_names()
    assert api.util_get_model_names() == [api.util_get_current_model()]
    lists = (
        api.get_samplers, api.get_schedulers, api.get_sd_models, api.get_sd_vae, api.get_upscalers, api.get_loras,
        api.get_latent_upscale_modes, api.get_hypernetworks, api.get_face_restorers, api.get_realesrgan_models,
        api.get_prompt_styles,
    )  # fmt: skip
    assert all(isinstance(ask(), list) for ask in lists)
    assert {m["name"] for m in api.get_latent_upscale_modes()} >= {webuiapi.HiResUpscaler.Latent.value}
    assert api.get_scripts() == {"txt2img": [], "img2img": []}
    assert set(api.get_embeddings()) == {"loaded", "skipped"}
    assert api.get_cmd_flags()["api"] is True
    assert api.refresh_checkpoints() is None
    api.util_wait_for_ready()


def test_memory_is_that_of_the_pods_gpu(api: Api) -> None:
    memory = api.get_memory()
    assert memory["ram"]["free"] + memory["ram"]["used"] == memory["ram"]["total"]
    cuda = memory["cuda"]
    assert cuda["system"]["total"] == 24_000_000_000, "an L4"
    assert set(cuda) == {"system", "active", "allocated", "reserved", "inactive", "events"}
    assert cuda["system"]["free"] + cuda["system"]["used"] == cuda["system"]["total"]
    with pytest.raises(RuntimeError, match=r"OutOfMemoryError.*CUDA out of memory"):
        api.txt2img(prompt="x", width=2048, height=2048, batch_size=2)
    assert api.get_memory()["cuda"]["events"]["oom"] == cuda["events"]["oom"] + 1


def test_options_change_what_is_drawn_until_they_are_set_back(api: Api) -> None:
    assert api.set_options({"samples_format": "jpg", "CLIP_stop_at_last_layers": 2}) is None
    try:
        result = api.txt2img(prompt="a cat", seed=1, **SMALL)
        assert (result.image.format, result.info["clip_skip"]) == ("JPEG", 2)
        assert "Clip skip: 2" in result.info["infotexts"][0]
        once = api.txt2img(prompt="a cat", seed=1, override_settings={"samples_format": "png"}, **SMALL)
        assert once.image.format == "PNG"
        assert api.get_options()["samples_format"] == "jpg", "an override is for one job"
    finally:
        api.set_options({"samples_format": "png", "CLIP_stop_at_last_layers": 1})
    api.util_set_model(api.util_get_model_names()[0])
    assert api.set_options({"sd_model_checkpoint": "v1-5"})["errors"] == "model 'v1-5' not found"


def test_what_the_painter_cannot_do_is_refused_in_words(api: Api) -> None:
    picture = Image.new("RGB", (64, 64))
    for ask in (
        lambda: api.img2img(images=[picture], prompt="a cat"),
        lambda: api.interrogate(picture),
        lambda: api.extra_single_image(picture),
    ):
        with pytest.raises(RuntimeError, match=r"501.*draws from a prompt only"):
            ask()


def test_progress_shows_the_picture_as_it_grows(api: Api, jobs: ThreadPoolExecutor) -> None:
    job = jobs.submit(api.txt2img, prompt="a lighthouse", seed=3, width=512, height=512, steps=60, n_iter=2)
    seen = list(_polled(api, job))
    shares = [s["progress"] for s in seen]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    images = [s["current_image"] for s in seen if s["current_image"]]
    assert len(set(images)) >= 3
    assert {Image.open(io.BytesIO(base64.b64decode(i))).format for i in images} == {"PNG"}
    assert any(s["eta_relative"] > 0 for s in seen)
    states = [s["state"] for s in seen]
    assert {s["job"] for s in states} <= {"Batch 1 out of 2", "Batch 2 out of 2"}
    assert {(s["job_count"], s["sampling_steps"]) for s in states} == {(2, 60)}
    assert len({s["sampling_step"] for s in states}) >= 3
    assert len(job.result().images) == 2
    idle = api.get_progress()
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0, 0, None)


def _polled(api: Api, job: Future[Any]) -> Iterator[dict[str, Any]]:
    drawing(api)
    while not job.done():
        found = api.get_progress()
        if found["state"]["job_count"]:
            yield found


def test_interrupt_ends_the_job_and_gives_what_there_is(api: Api, jobs: ThreadPoolExecutor) -> None:
    job = jobs.submit(api.txt2img, seed=3, **LONG)
    drawing(api)
    assert api.interrupt() == {}
    result = job.result(timeout=20)
    assert 1 <= len(result.images) < LONG["n_iter"]
    assert api.get_progress()["state"]["interrupted"] is True
    assert len(api.txt2img(prompt="a cat", seed=1, **SMALL).images) == 1, "the next job is not interrupted"


def test_two_requests_at_once_are_drawn_one_after_the_other(api: Api, jobs: ThreadPoolExecutor) -> None:
    first = jobs.submit(api.txt2img, seed=3, **LONG)
    drawing(api)
    second = jobs.submit(api.txt2img, prompt="a cat", seed=1, **SMALL)
    wait_until(
        lambda: api.custom_get("internal/pending-tasks")["size"] == 1,
        what="the second waits behind the first",
    )
    assert not second.done()
    api.interrupt()
    assert len(first.result(timeout=20).images) < LONG["n_iter"]
    assert second.result(timeout=20).info["seed"] == 1


# --- curl ---------------------------------------------------------------------------------------------------


def curl(demo: Demo, path: str, *arguments: str) -> tuple[int, str, str]:
    """Status, body, content type."""
    binary = shutil.which("curl")
    assert binary, "curl is not installed"
    command = [binary, "-s", "--noproxy", "*", "-m", "30", "-w", "\n%{http_code} %{content_type}"]
    done = subprocess.run(
        [*command, *arguments, f"{demo.vip()}{path}"], capture_output=True, text=True, check=True
    )
    body, _, last = done.stdout.rpartition("\n")
    code, _, kind = last.partition(" ")
    return int(code), body, kind


JSON = ("-H", "Content-Type: application/json", "-d")
CALLS = [
    pytest.param("/internal/ping", (), 200, "{}", id="ping"),
    pytest.param("/sdapi/v1/interrupt", ("-X", "POST"), 200, "{}", id="interrupt"),
    pytest.param("/sdapi/v1/skip", ("-X", "POST"), 200, "null", id="skip"),
    pytest.param("/sdapi/v1/options", (*JSON, "{}"), 200, "null", id="options, nothing to set"),
    pytest.param("/sdapi/v1/nothing", (), 404, '{"detail":"Not Found"}', id="no such path"),
    pytest.param("/sdapi/v1/txt2img", (), 405, '{"detail":"Method Not Allowed"}', id="GET where POST is due"),
    pytest.param("/sdapi/v1/options", ("-I",), 405, "", id="HEAD is no GET for FastAPI"),
    pytest.param(
        "/sdapi/v1/txt2img", ("-d", "{}"), 422,
        '{"detail":[{"loc":["body"],"msg":"value is not a valid dict","type":"type_error.dict"}]}',
        id="curl -d without a content type",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", ("-X", "POST"), 422,
        '{"detail":[{"loc":["body"],"msg":"field required","type":"value_error.missing"}]}', id="no body",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, "{"), 422,
        '{"detail":[{"loc":["body",1],"msg":"Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",'
        '"type":"value_error.jsondecode","ctx":{"msg":"Expecting property name enclosed in double quotes","doc":"{",'
        '"pos":1,"lineno":1,"colno":2}}]}', id="no JSON",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, '{"steps":"many"}'), 422,
        '{"detail":[{"loc":["body","steps"],"msg":"value is not a valid integer","type":"type_error.integer"}]}',
        id="no number",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, '{"send_images":null}'), 422,
        '{"detail":[{"loc":["body","send_images"],"msg":"none is not an allowed value",'
        '"type":"type_error.none.not_allowed"}]}', id="null where none is allowed",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, '{"sampler_name":"Eulr"}'), 404,
        '{"error":"HTTPException","detail":"Sampler not found","body":"","errors":""}', id="unknown sampler",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, '{"alwayson_scripts":{"ADetailer":{"args":[]}}}'), 422,
        '{"error":"HTTPException","detail":"Script \'ADetailer\' not found","body":"","errors":""}',
        id="unknown script",
    ),
    pytest.param(
        "/sdapi/v1/txt2img", (*JSON, '{"hr_scale":Infinity}'), 500,
        '{"error":"ValueError","detail":"","body":"","errors":"Out of range float values are not JSON compliant"}',
        id="a number that is none",
    ),
    pytest.param(
        "/sdapi/v1/png-info", (*JSON, '{"image":"bm9uZQ=="}'), 500,
        '{"error":"HTTPException","detail":"Invalid encoded image","body":"","errors":""}', id="no picture",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "arguments", "status", "body"), CALLS)
def test_curl_gets_the_web_uis_own_answer(
    demo: Demo, path: str, arguments: tuple[str, ...], status: int, body: str
) -> None:
    found = curl(demo, path, *arguments)
    assert (found[0], found[1] if "-I" not in arguments else "") == (status, body)
    assert found[2].startswith("application/json")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_curl_gets_a_page_that_needs_nothing_from_elsewhere(demo: Demo, path: str) -> None:
    status, page, kind = curl(demo, path)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "SANDBOX" in page
    assert not [mark for mark in ("http:", "https:", '"//') if mark in page]
    assert curl(demo, path, "-I")[0] == 200


def test_the_api_describes_each_path_that_answers(demo: Demo) -> None:
    described = json.loads(curl(demo, "/openapi.json")[1])["paths"]
    assert {"/sdapi/v1/txt2img", "/sdapi/v1/progress", "/internal/ping", "/sdapi/v1/memory"} <= set(described)
    for path, verbs in described.items():
        if "get" in verbs:
            assert curl(demo, path)[0] == 200, path


def test_a_queue_longer_than_the_backend_timeout_is_a_504(demo: Demo, jobs: ThreadPoolExecutor) -> None:
    name = next(iter(_services(demo)))
    _set_timeout(demo, 2)
    try:
        wait_until(lambda: _services(demo)[name] == 2, what="the load balancer has the new timeout")
        body = json.dumps(LONG)
        began = time.monotonic()
        sent = [jobs.submit(curl, demo, "/sdapi/v1/txt2img", *JSON, body) for _ in range(2)]
        answers = [s.result(timeout=30) for s in sent]
        assert 2 <= time.monotonic() - began < 10
        for status, page, kind in answers:
            assert (status, kind) == (504, "text/html; charset=utf-8"), page
            assert "<title>504 Server Error</title>" in page
        assert json.loads(curl(demo, "/internal/pending-tasks")[1]) == {"size": 0, "tasks": []}
    finally:
        _set_timeout(demo, 300)
        wait_until(lambda: _services(demo)[name] == 300)


def _services(demo: Demo) -> dict[str, int]:
    found = demo.api.get("/compute/v1/projects/gpu-atlas-sandbox/global/backendServices").json()["items"]
    return {s["name"]: s["timeoutSec"] for s in found}


def _set_timeout(demo: Demo, seconds: int) -> None:
    answer = demo.api.patch(
        f"{demo.kube(CONFIG)}{BACKEND_CONFIG}",
        content=json.dumps({"spec": {"timeoutSec": seconds}}),
        headers={"content-type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text
