from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from PIL import Image

from lib.gateways import png
from lib.gateways.errors import AtlasError, PermissionDenied, Refused, TransientError, Unreachable
from lib.gateways.picture_request import MAX_SEED
from lib.gateways.txt2img import NoRegionServes, PictureRequest, generate, passport_of, problems

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASKED = PictureRequest(prompt="a lighthouse")
HEADERS = {
    "x-gpu-atlas-region": "us-east1",
    "x-gpu-atlas-zone": "us-east1-b",
    "x-gpu-atlas-cluster": "atlas-us-east1",
    "x-gpu-atlas-pod": "sd-1",
    "x-gpu-atlas-accelerator": "nvidia-l4",
    "x-process-time": "0.25",
}
Answer = Callable[[dict[str, Any]], httpx.Response]


def picture(shade: int = 0) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(held, "PNG")
    return held.getvalue()


def drawn(body: dict[str, Any], *, grid: bool = False) -> httpx.Response:
    count = body["batch_size"]
    images = [base64.b64encode(picture(n)).decode() for n in range(count + grid)]
    info = {
        "seed": body["seed"],
        "all_seeds": [body["seed"] + n for n in range(count)],
        "sd_model_name": "painter",
        "index_of_first_image": int(grid),
    }
    return httpx.Response(200, headers=HEADERS, json={"images": images, "info": json.dumps(info)})


class Backends:
    """Stands behind the address: gives the answers one after the other and keeps what it was asked."""

    def __init__(self, *answers: Answer | int | Exception) -> None:
        self._answers: Iterator[Answer | int | Exception] = iter(answers)
        self.asked: list[dict[str, Any]] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else answer(self.asked[-1])

    def generate(self, request: PictureRequest = ASKED, **options: Any) -> Any:
        return generate(
            "http://203.0.113.9",
            request,
            now=lambda: AT,
            transport=httpx.MockTransport(self),
            pause=self.pauses.append,
            **options,
        )


def test_the_passport_tells_who_drew_it() -> None:
    passport = Backends(drawn).generate(job_id="job-1").passport

    assert (passport.region, passport.zone, passport.cluster) == (
        "us-east1",
        "us-east1-b",
        "atlas-us-east1",
    )
    assert (passport.accelerator, passport.attempts, passport.moved_from) == ("nvidia-l4", 1, "")
    assert (passport.job_id, passport.compute_s, passport.model) == ("job-1", 0.25, "painter")
    assert passport.at == "2026-11-23T12:00:00.000Z"


def test_the_passport_is_kept_in_the_picture_and_no_pixel_changes() -> None:
    got = Backends(drawn).generate()

    assert passport_of(got.png) == got.passport
    opened = Image.open(io.BytesIO(got.png))
    assert json.loads(str(opened.info["gpu-atlas-passport"]))["region"] == "us-east1"
    assert opened.tobytes() == Image.open(io.BytesIO(picture())).tobytes()


def test_a_seed_left_open_is_fixed_before_the_first_try_and_kept() -> None:
    backends = Backends(502, httpx.ReadError("gone"), drawn)
    got = backends.generate()
    seeds = {body["seed"] for body in backends.asked}

    assert len(seeds) == 1
    assert 0 <= got.passport.seed <= MAX_SEED
    assert got.passport.attempts == 3


def test_every_try_carries_the_same_job() -> None:
    backends = Backends(502, drawn)
    backends.generate(job_id="job-7")

    assert [body["force_task_id"] for body in backends.asked] == ["job-7", "job-7"]


@pytest.mark.parametrize(
    "loss",
    [
        502,
        503,
        504,
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_a_lost_backend_is_tried_again(loss: int | Exception) -> None:
    backends = Backends(loss, drawn)
    heard: list[tuple[int, str]] = []
    got = backends.generate(on_retry=lambda attempt, sentence: heard.append((attempt, sentence)))

    assert got.passport.attempts == 2
    assert backends.pauses == [0.25]
    assert heard[0][0] == 1
    assert heard[0][1].endswith(".")


def test_the_region_that_failed_before_is_named_when_it_said_who_it_was() -> None:
    def broken(_: dict[str, Any]) -> httpx.Response:
        return httpx.Response(502, headers={"x-gpu-atlas-region": "us-west1"})

    assert Backends(broken, drawn).generate().passport.moved_from == "us-west1"


@pytest.mark.parametrize(
    ("answers", "kind", "sentence"),
    [
        ([502, 502], NoRegionServes, "No region serves: the load balancer answers 502"),
        ([503, 503], NoRegionServes, "No region serves: the load balancer answers 503"),
        ([httpx.ConnectError("x")] * 2, NoRegionServes, "does not accept connections"),
        ([httpx.ReadTimeout("x")] * 2, Unreachable, "No answer from the global address"),
        ([504, 504], TransientError, "took longer than the load balancer waits"),
    ],
)
def test_when_tries_run_out_the_cause_is_said(
    answers: list[Any], kind: type[AtlasError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        Backends(*answers).generate(tries=2)


def test_no_try_starts_that_the_deadline_would_cut() -> None:
    backends = Backends(502)
    with pytest.raises(NoRegionServes):
        backends.generate(deadline_s=0.1)

    assert backends.pauses == []


def answering(status: int, body: Any) -> Answer:
    return lambda _: httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (404, NoRegionServes, "still being programmed"),
        (401, PermissionDenied, "asks for credentials"),
        (
            answering(422, {"detail": [{"loc": ["body", "steps"], "msg": "too many"}]}),
            Refused,
            "The Web UI refused steps: too many",
        ),
        (answering(422, {"detail": "Script 'x' not found"}), Refused, "Script 'x' not found"),
        (answering(500, {"error": "OutOfMemoryError"}), TransientError, "500: OutOfMemoryError"),
        (answering(200, {"images": []}), TransientError, "holds no picture"),
        (answering(200, {"images": ["%%"], "info": "{}"}), TransientError, "holds no picture"),
        (answering(200, {"images": [], "info": "{}"}), TransientError, "without a picture"),
        (lambda _: httpx.Response(200, text="<html>"), TransientError, "holds no picture"),
    ],
)
def test_an_answer_that_another_try_would_not_change_is_final(
    answer: Answer | int, kind: type[AtlasError], sentence: str
) -> None:
    backends = Backends(answer)
    with pytest.raises(kind, match=sentence):
        backends.generate()

    assert len(backends.asked) == 1


def test_a_batch_gives_each_picture_its_own_seed_and_leaves_the_grid_out() -> None:
    backends = Backends(lambda body: drawn(body, grid=True))
    got = backends.generate(replace(ASKED, batch_size=3, seed=10))

    assert [got.passport.seed, *(passport.seed for _, passport in got.others)] == [10, 11, 12]
    assert Image.open(io.BytesIO(got.png)).getpixel((0, 0)) == (1, 0, 0)


def test_without_an_address_nothing_is_sent() -> None:
    with pytest.raises(NoRegionServes, match="still being built"):
        generate("", ASKED, now=lambda: AT)


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"prompt": "  \n"}, "prompt", "Write a prompt: it is empty."),
        ({"prompt": "x" * 10_000}, "prompt", "At most 2,000 characters; this has 10,000."),
        ({"negative_prompt": "x" * 2001}, "negative_prompt", "At most 2,000 characters; this has 2,001."),
        ({"width": 56}, "width", "From 64 to 1,024; 56 is out of range."),
        ({"height": 100}, "height", "A multiple of 8; 100 is not one."),
        ({"height": 512.5}, "height", "A whole number from 64 to 1,024; 512.5 is not one."),
        ({"steps": 61}, "steps", "From 1 to 60; 61 is out of range."),
        ({"seed": "lucky"}, "seed", "A whole number from -1 to 4,294,967,295; 'lucky' is not one."),
        ({"seed": 2**32}, "seed", "From -1 to 4,294,967,295; 4,294,967,296 is out of range."),
        ({"seed": True}, "seed", "A whole number from -1 to 4,294,967,295; True is not one."),
        ({"cfg_scale": 0.5}, "cfg_scale", "From 1 to 30; 0.5 is out of range."),
        ({"cfg_scale": float("nan")}, "cfg_scale", "From 1 to 30; nan is out of range."),
        ({"batch_size": 5}, "batch_size", "From 1 to 4; 5 is out of range."),
    ],
)
def test_a_wrong_field_is_said_at_the_field_and_nothing_is_sent(
    change: dict[str, Any], field: str, sentence: str
) -> None:
    request = replace(ASKED, **change)
    backends = Backends()

    assert problems(request) == {field: sentence}
    with pytest.raises(Refused) as raised:
        backends.generate(request)
    assert raised.value.field == field
    assert backends.asked == []


@pytest.mark.parametrize(
    "change", [{"prompt": "x" * 2000}, {"width": 64, "height": 1024}, {"seed": MAX_SEED}]
)
def test_the_limits_themselves_are_fine(change: dict[str, Any]) -> None:
    assert problems(replace(ASKED, **change)) == {}


@pytest.mark.parametrize(
    "picture_bytes", [b"", b"GIF89a", picture(), png.with_text(picture(), "gpu-atlas-passport", "{")]
)
def test_a_picture_without_a_readable_passport_has_none(picture_bytes: bytes) -> None:
    assert passport_of(picture_bytes) is None
