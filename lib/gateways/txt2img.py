"""A prompt through the global address, as any user's browser would send it, and its picture with a passport.

Lost backends are survived: the seed is fixed before the first try, so another region draws the same picture.
The job id is ours and travels along; who shows pictures shows each job once. Knows nothing of clusters.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

import httpx

from lib.gateways import png
from lib.gateways.errors import AtlasError, PermissionDenied, Refused, TransientError, Unreachable, silence
from lib.gateways.picture_request import MAX_SEED, PictureRequest, problems

KEYWORD = "gpu-atlas-passport"  # of the PNG's text chunk
HEADER = "x-gpu-atlas-"
DEADLINE_S = 120.0
TRIES = 12
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
CONNECT_S = 3.0
_RETRIED = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """Who drew it, where, and how long it took. Empty strings: the backend did not say."""

    region: str
    zone: str
    cluster: str
    pod: str
    accelerator: str
    attempts: int
    moved_from: str  # region that failed it before, if it said so
    job_id: str
    seed: int
    queue_s: float  # until the try that succeeded was sent
    compute_s: float | None  # X-Process-Time
    network_s: float | None
    total_s: float
    at: str  # RFC 3339, in the target's time
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    png: bytes
    passport: Passport
    info: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[tuple[bytes, Passport], ...] = ()  # the rest of a batch


class NoRegionServes(Unreachable):
    """The load balancer has no healthy backend, or is not there."""


def generate(  # noqa: PLR0913 - what a caller may bound
    vip: str,
    request: PictureRequest,
    *,
    now: Callable[[], datetime],
    deadline_s: float = DEADLINE_S,
    tries: int = TRIES,
    job_id: str = "",
    on_retry: Callable[[int, str], None] | None = None,
    transport: httpx.BaseTransport | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Picture:
    """Send the prompt to the global address and wait for the picture, at most `deadline_s` (wall time).

    Raises Refused (with the field), NoRegionServes, TransientError, PermissionDenied. `on_retry(attempt,
    sentence)` hears of each failed try that is followed by another."""
    if wrong := problems(request):
        name, sentence = next(iter(wrong.items()))
        raise Refused(sentence, field=name)
    if not vip:
        raise NoRegionServes("There is no global address yet: the load balancer is still being built.")
    job = _Job(
        request=replace(request, seed=random.randint(0, MAX_SEED)) if request.seed == -1 else request,
        job_id=job_id or uuid.uuid4().hex,
        started=time.monotonic(),
        deadline_s=deadline_s,
    )
    trust_env = not is_loopback(vip)
    with httpx.Client(base_url=vip, transport=transport, trust_env=trust_env) as client:
        while True:
            outcome = _try(client, job)
            if isinstance(outcome, httpx.Response):
                return _picture(outcome, job, now())
            wait = BACKOFF_S[min(job.attempts - 1, len(BACKOFF_S) - 1)]
            if job.attempts >= tries or job.left_s <= wait:
                raise outcome
            if on_retry:
                on_retry(job.attempts, str(outcome))
            pause(wait)


def passport_of(picture: bytes) -> Passport | None:
    """The passport kept in a PNG; None when it has none that can be read."""
    text = png.text_of(picture, KEYWORD) if png.is_png(picture) else None
    if text is None:
        return None
    try:
        return Passport(**json.loads(text))
    except (ValueError, TypeError):
        return None


@dataclass(slots=True, kw_only=True)
class _Job:
    request: PictureRequest
    job_id: str
    started: float
    deadline_s: float
    attempts: int = 0
    sent: float = 0.0
    moved_from: str = ""

    @property
    def left_s(self) -> float:
        return self.started + self.deadline_s - time.monotonic()


def _try(client: httpx.Client, job: _Job) -> httpx.Response | AtlasError:
    """The answer, or the error of a try that may be repeated. Raises what must not be repeated."""
    job.attempts += 1
    job.sent = time.monotonic()
    timeout = httpx.Timeout(max(1.0, job.left_s), connect=min(CONNECT_S, max(0.5, job.left_s)))
    body = {**asdict(job.request), "force_task_id": job.job_id}
    try:
        answer = client.post(
            "/sdapi/v1/txt2img", json=body, timeout=timeout, headers={f"{HEADER}job": job.job_id}
        )
    except httpx.ConnectError:
        return NoRegionServes("The global address does not accept connections: the load balancer is not up.")
    except httpx.TimeoutException:
        return Unreachable(f"No answer from the global address in {time.monotonic() - job.sent:.0f} s.")
    except httpx.TransportError as e:
        return TransientError(f"The global address gave no answer: {silence(e)}.")
    if answer.status_code in _RETRIED:
        job.moved_from = answer.headers.get(f"{HEADER}region", job.moved_from)
        return _unavailable(answer)
    if answer.status_code != 200:
        raise _refusal(answer)
    return answer


def _unavailable(answer: httpx.Response) -> AtlasError:
    region = answer.headers.get(f"{HEADER}region")
    if region:  # the backend itself said so: its proxy runs, its Web UI does not
        return TransientError(f"{region} is not ready to draw: its backend answers {answer.status_code}.")
    if answer.status_code == 504:
        return TransientError("The backend took longer than the load balancer waits (504).")
    return NoRegionServes(
        f"No region serves: the load balancer answers {answer.status_code} because no backend is healthy or "
        "the one that drew was lost."
    )


def _refusal(answer: httpx.Response) -> AtlasError:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if answer.status_code == 404 and not said:
        return NoRegionServes("The load balancer has no route yet (404): it is still being programmed.")
    if answer.status_code in {401, 403}:
        return PermissionDenied("The Web UI asks for credentials that this platform does not have.")
    if answer.status_code == 422:
        first = _first(said.get("detail"))
        name = str((first.get("loc") or [""])[-1])
        return Refused(
            f"The Web UI refused {name or 'the request'}: {first.get('msg', 'invalid')}.", field=name
        )
    cause = said.get("error") or said.get("detail") or answer.reason_phrase
    return TransientError(f"The Web UI failed with {answer.status_code}: {cause}.")


def _first(detail: object) -> dict[str, Any]:
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return detail[0]
    return {"msg": detail} if isinstance(detail, str) else {}


def _picture(answer: httpx.Response, job: _Job, at: datetime) -> Picture:
    try:
        said = answer.json()
        info = json.loads(said["info"])
        drawn = [base64.b64decode(image, validate=True) for image in said["images"]]
    except (ValueError, KeyError, TypeError, binascii.Error) as e:
        raise TransientError("The backend's answer is not a Web UI's: it holds no picture.") from e
    drawn = drawn[int(info.get("index_of_first_image") or 0) :]  # before it comes the grid of a batch
    if not drawn:
        raise TransientError("The backend answered without a picture.")
    passport = _passport(answer, job, info, at)
    seeds = info.get("all_seeds") or []
    stamped = [
        _stamped(picture, replace(passport, seed=int(seeds[i])) if i < len(seeds) else passport)
        for i, picture in enumerate(drawn)
    ]
    return Picture(png=stamped[0][0], passport=stamped[0][1], info=info, others=tuple(stamped[1:]))


def _stamped(picture: bytes, passport: Passport) -> tuple[bytes, Passport]:
    if not png.is_png(picture):
        return picture, passport
    return png.with_text(picture, KEYWORD, json.dumps(asdict(passport))), passport


def _passport(answer: httpx.Response, job: _Job, info: Mapping[str, Any], at: datetime) -> Passport:
    done = time.monotonic()
    told = {
        name: answer.headers.get(HEADER + name, "")
        for name in ("region", "zone", "cluster", "pod", "accelerator")
    }
    compute = _seconds(answer.headers.get("x-process-time"))
    moved = job.moved_from if job.moved_from != told["region"] else ""
    return Passport(
        **told,
        attempts=job.attempts,
        moved_from=moved,
        job_id=job.job_id,
        seed=int(info.get("seed", job.request.seed)),
        queue_s=round(job.sent - job.started, 3),
        compute_s=compute,
        network_s=None if compute is None else round(max(0.0, done - job.sent - compute), 3),
        total_s=round(done - job.started, 3),
        at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        model=str(info.get("sd_model_name", "")),
    )


def _seconds(text: str | None) -> float | None:
    try:
        return round(float(text), 3) if text else None
    except ValueError:
        return None


def is_loopback(vip: str) -> bool:
    """Whether the address is on this machine, where no proxy may get in between."""
    try:
        return ipaddress.ip_address(urlparse(vip).hostname or "").is_loopback
    except ValueError:
        return urlparse(vip).hostname == "localhost"
