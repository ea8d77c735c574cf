"""The picture desk: a short queue of prompts drawn in the background, and the last pictures kept on disk.

A page hands in a request and goes on; the desk sends it to the global address, keeps the file with its passport under
<state>/pictures (bounded) and notes it in the journal. A handed-in request has an id: handing it in twice draws once.
It does not choose regions: that is the load balancer's part.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

from lib.gateways.errors import AtlasError, JournalError
from lib.gateways.journal import Journal
from lib.gateways.txt2img import Passport, Picture, PictureRequest, generate
from lib.settings import Settings, SettingsError
from lib.ui import session

AT_ONCE: Final = 2
WAITING: Final = 8
KEPT_JOBS: Final = 12
KEPT_PICTURES: Final = 60
THUMBNAIL: Final = (320, 320)
FIRST_GUESS_S: Final = 3.0
_REGISTRY: Final = "_gpu_atlas_desk"

JobState = Literal["queued", "drawing", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str
    request: PictureRequest
    state: JobState = "queued"
    since: float = field(default_factory=time.time)  # wall, of this state
    problem: str = ""
    picture: str = ""  # name of the first one drawn
    attempts: int = 0  # tries that were lost
    note: str = ""  # why the last one was


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A picture on disk. `facts` are its passport and its request, as written beside it."""

    name: str
    path: Path
    thumbnail: Path
    prompt: str
    passport: Mapping[str, Any]
    request: Mapping[str, Any]
    at: str


class Full(Exception):  # noqa: N818
    """The queue is full; in one sentence."""


def desk() -> Desk:
    found: Desk | None = getattr(sys, _REGISTRY, None)
    return found or sys.__dict__.setdefault(_REGISTRY, Desk(session.settings()))


class Desk:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.state_dir / "pictures"
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atlas-picture")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._took: deque[float] = deque(maxlen=12)
        self._kept: tuple[Kept, ...] = ()
        self._journal: Journal | None = None
        self._kept = self._read_folder()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Newest first."""
        with self._lock:
            return tuple(reversed(self._jobs.values()))

    @property
    def kept(self) -> tuple[Kept, ...]:
        """Newest first."""
        return self._kept

    @property
    def expected_s(self) -> float:
        return median(self._took) if self._took else FIRST_GUESS_S

    def hand_in(self, request: PictureRequest, *, job_id: str) -> None:
        """Queue it, once per `job_id`. Raises Full."""
        with self._lock:
            if job_id in self._jobs:
                return
            waiting = sum(one.state in {"queued", "drawing"} for one in self._jobs.values())
            if waiting >= WAITING:
                raise Full(f"{waiting} prompts are waiting already; wait for one of them to be drawn.")
            self._jobs[job_id] = Job(id=job_id, request=request)
            for old in list(self._jobs)[: max(0, len(self._jobs) - KEPT_JOBS)]:
                del self._jobs[old]
        self._pool.submit(self._draw, job_id)

    def close(self) -> None:
        """Wait for what is being drawn, and take nothing more."""
        self._pool.shutdown()
        if self._journal is not None:
            self._journal.close()

    def _draw(self, job_id: str) -> None:
        job = self._set(job_id, state="drawing")
        started = time.monotonic()
        try:
            status = session.current().status
            drawn = generate(
                status.vip if status else "",
                job.request,
                now=self._settings.now,
                job_id=job_id,
                on_retry=lambda attempt, why: self._retried(job_id, attempt, why),
            )
            name = self._keep(job, drawn)
        except (AtlasError, SettingsError, OSError) as problem:
            self._set(job_id, state="failed", problem=str(problem))
            with suppress(JournalError):
                self._note(job, {"ok": False, "problem": str(problem)}, self._settings.now())
            return
        self._took.append(time.monotonic() - started)
        self._set(job_id, state="done", picture=name)

    def _set(self, job_id: str, **changed: Any) -> Job:
        with self._lock:
            job = replace(self._jobs[job_id], **{"since": time.time(), **changed})
            self._jobs[job_id] = job
            return job

    def _retried(self, job_id: str, attempt: int, why: str) -> None:
        self._set(job_id, since=self._jobs[job_id].since, attempts=attempt, note=why)

    def _keep(self, job: Job, drawn: Picture) -> str:
        """The files first, the journal after them: a line without its picture would be a lie."""
        self._folder.mkdir(parents=True, exist_ok=True)
        at = self._settings.now()
        before = str(self._kept[0].passport.get("region", "")) if self._kept else ""
        first = ""
        for i, (png, passport) in enumerate(((drawn.png, drawn.passport), *drawn.others)):
            name = f"{time.time_ns():020d}-{i}"
            facts = {
                "request": asdict(job.request),
                "passport": signed(passport, before),
                "at": at.isoformat(),
            }
            (self._folder / f"{name}.png").write_bytes(png)
            _thumbnail(png, self._folder / f"{name}.webp")
            (self._folder / f"{name}.json").write_text(json.dumps(facts, default=str))
            first = first or name
        self._forget_old()
        self._kept = self._read_folder()
        with suppress(JournalError):  # history only; the page says that the journal can't be used
            self._note(job, {"ok": True, **signed(drawn.passport, before)}, at)
        return first

    def _note(self, job: Job, passport: Mapping[str, Any], at: datetime) -> None:
        self._journal = self._journal or Journal(self._settings.journal_url)
        self._journal.append(
            "prompt",
            at=at,
            region=str(passport.get("region", "")),
            message=job.request.prompt[:300],
            operation_id=job.id,
            body=passport,
            key=f"prompt/{job.id}",
        )

    def _forget_old(self) -> None:
        for old in sorted(self._folder.glob("*.json"), reverse=True)[KEPT_PICTURES:]:
            for suffix in (".json", ".png", ".webp"):
                old.with_suffix(suffix).unlink(missing_ok=True)

    def _read_folder(self) -> tuple[Kept, ...]:
        files = sorted(self._folder.glob("*.json"), reverse=True)[:KEPT_PICTURES]
        return tuple(one for one in map(_kept, files) if one is not None)


def signed(passport: Passport, before: str) -> dict[str, Any]:
    """The passport, with the region it moved away from where no answer named it: a load balancer that lost its
    backend can't say which one that was, but the region that drew the picture before can be told."""
    facts = asdict(passport)
    if passport.attempts > 1 and not passport.moved_from and before != passport.region:
        facts["moved_from"] = before
    return facts


def _kept(file: Path) -> Kept | None:
    """None for a picture that was half written when the process died: it is left out, not shown broken."""
    picture, thumbnail = file.with_suffix(".png"), file.with_suffix(".webp")
    try:
        facts = json.loads(file.read_text())
    except (OSError, json.JSONDecodeError):
        return None
    if not picture.exists() or not thumbnail.exists():
        return None
    return Kept(
        name=file.stem,
        path=picture,
        thumbnail=thumbnail,
        prompt=str(facts["request"]["prompt"]),
        passport=facts["passport"],
        request=facts["request"],
        at=facts["at"],
    )


def _thumbnail(png: bytes, to: Path) -> None:
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        small = picture.convert("RGB")
        small.thumbnail(THUMBNAIL)
        small.save(to, "WEBP", quality=82)
