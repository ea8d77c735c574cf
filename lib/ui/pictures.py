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
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from statistics import median
from typing import Any, Final, Literal

from lib.gateways.errors import AtlasError, JournalError
from lib.gateways.journal import Journal
from lib.gateways.picture_progress import Heard, ProgressListener
from lib.gateways.txt2img import Passport, Picture, PictureRequest, generate
from lib.settings import Settings, SettingsError
from lib.ui import kept_pictures, looks, session
from lib.ui.kept_pictures import Kept

AT_ONCE: Final = 2
WAITING: Final = 8
KEPT_JOBS: Final = 12
KEPT_PICTURES: Final = 60
FIRST_GUESS_S: Final = 3.0
LISTEN_S: Final = 0.4  # wall, between two questions how far a picture is
LOOK: Final = "pictures"
_REGISTRY: Final = "_gpu_atlas_desk"

JobState = Literal["queued", "drawing", "done", "failed", "withdrawn"]


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
    heard: Heard | None = None  # of the try that is under way, from a pod that knows this job by its id
    lost: tuple[
        Mapping[str, Any], ...
    ] = ()  # what was heard last of each try that was lost, where anything was

    @property
    def open(self) -> bool:
        return self.state in {"queued", "drawing"}


class Full(Exception):  # noqa: N818
    """The queue is full; in one sentence."""


def desk() -> Desk:
    found: Desk | None = getattr(sys, _REGISTRY, None)
    return found or sys.__dict__.setdefault(_REGISTRY, Desk(session.settings()))


def install(held: Desk) -> None:
    """Show this desk instead of the one of the settings: tests and the gallery."""
    setattr(sys, _REGISTRY, held)


def stop() -> None:
    """Take nothing more; what is being drawn is drawn to its end."""
    found: Desk | None = getattr(sys, _REGISTRY, None)
    if found is not None:
        delattr(sys, _REGISTRY)
        found.close()


def news() -> looks.Seen[object]:
    """For a page to follow `LOOK`: something happened at the desk, or time goes on while something is drawn."""
    held = desk()

    def state(_: Settings) -> object:
        ticking = int(time.time()) if any(job.open for job in held.jobs) else 0
        return held.jobs, tuple(one.name for one in held.kept), ticking

    return looks.look(LOOK, state, every_s=LISTEN_S)


class Desk:
    def __init__(self, settings: Settings, *, jobs: tuple[Job, ...] = ()) -> None:
        """`jobs` that it has from the beginning, newest first: samples."""
        self._settings = settings
        self._folder = settings.state_dir / "pictures"
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atlas-picture")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {job.id: job for job in reversed(jobs)}
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
            waiting = sum(one.open for one in self._jobs.values())
            if waiting >= WAITING:
                raise Full(f"{waiting} prompts are waiting already; wait for one of them to be drawn.")
            self._jobs[job_id] = Job(id=job_id, request=request)
            closed = [one.id for one in self._jobs.values() if not one.open]
            for old in closed[: max(0, len(self._jobs) - KEPT_JOBS)]:
                del self._jobs[old]
        self._pool.submit(self._draw, job_id)

    def withdraw(self, job_id: str) -> None:
        """Take back what has not been sent yet; what is being drawn is drawn to its end."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is not None and job.state == "queued":
                self._jobs[job_id] = replace(job, state="withdrawn", since=time.time())

    def close(self) -> None:
        """Wait for what is being drawn, and take nothing more."""
        self._pool.shutdown()
        if self._journal is not None:
            self._journal.close()

    def _draw(self, job_id: str) -> None:
        job = self._set(job_id, state="drawing")
        if job.state == "withdrawn":
            return
        started = time.monotonic()
        try:
            with self._listening(job_id) as vip:
                drawn = generate(
                    vip,
                    job.request,
                    now=self._settings.now,
                    job_id=job_id,
                    on_retry=lambda attempt, why: self._retried(job_id, attempt, why),
                )
            name = self._keep(self._jobs[job_id], drawn)
        except (AtlasError, SettingsError, OSError) as problem:
            self._set(job_id, state="failed", problem=str(problem))
            with suppress(JournalError):
                self._note(job, {"ok": False, "problem": str(problem)}, self._settings.now())
            return
        self._took.append(time.monotonic() - started)
        self._set(job_id, state="done", picture=name)

    @contextmanager
    def _listening(self, job_id: str) -> Iterator[str]:
        """The global address; meanwhile it is asked how far the picture is."""
        status = session.current().status
        vip, over = status.vip if status else "", threading.Event()
        if not vip:
            yield vip
            return
        listener = threading.Thread(
            target=self._listen, args=(job_id, vip, over), name="atlas-progress", daemon=True
        )
        listener.start()
        try:
            yield vip
        finally:
            over.set()

    def _listen(self, job_id: str, vip: str, over: threading.Event) -> None:
        with closing(ProgressListener(vip, job_id)) as listener:
            while not over.wait(LISTEN_S):
                attempt = self._jobs[job_id].attempts
                if heard := listener.ask():
                    self._hear(job_id, attempt, heard)

    def _hear(self, job_id: str, attempt: int, heard: Heard) -> None:
        """An answer that comes when its try is lost already says nothing of the next one."""
        with self._lock:
            job = self._jobs[job_id]
            if job.state == "drawing" and job.attempts == attempt:
                self._jobs[job_id] = replace(job, heard=heard)

    def _set(self, job_id: str, **changed: Any) -> Job:
        with self._lock:
            job = self._jobs[job_id]
            if job.state != "withdrawn":
                job = self._jobs[job_id] = replace(job, **{"since": time.time(), **changed})
            return job

    def _retried(self, job_id: str, attempt: int, why: str) -> None:
        with self._lock:
            job = self._jobs[job_id]
            lost = (*job.lost, lost_try(job.heard, job.request)) if job.heard else job.lost
            self._jobs[job_id] = replace(job, attempts=attempt, note=why, heard=None, lost=lost)

    def _keep(self, job: Job, drawn: Picture) -> str:
        """The files first, the journal after them: a line without its picture would be a lie."""
        self._folder.mkdir(parents=True, exist_ok=True)
        at = self._settings.now()
        first = ""
        for i, (png, passport) in enumerate(((drawn.png, drawn.passport), *drawn.others)):
            name = f"{time.time_ns():020d}-{i}"
            facts = {
                "request": asdict(job.request),
                "passport": signed(passport, job.lost),
                "at": at.isoformat(),
            }
            (self._folder / f"{name}.png").write_bytes(png)
            kept_pictures.thumbnail(png, self._folder / f"{name}.webp")
            (self._folder / f"{name}.json").write_text(json.dumps(facts, default=str))
            first = first or name
        self._forget_old()
        self._kept = self._read_folder()
        with suppress(JournalError):  # history only; the page says that the journal can't be used
            self._note(job, {"ok": True, **signed(drawn.passport, job.lost)}, at)
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
        return tuple(one for one in map(kept_pictures.read, files) if one is not None)


def lost_try(heard: Heard, request: PictureRequest) -> dict[str, Any]:
    """What was heard last of a try. The step is known for a single picture: the share of a batch is of all of it."""
    step = heard.step(request.steps) if request.batch_size == 1 else None
    return {"region": heard.region, "pod": heard.pod, "step": step, "steps": request.steps}


def signed(passport: Passport, lost: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """The passport with the tries that were lost, as far as they were heard of: a load balancer that lost its backend
    can't say which one that was, but the pod itself told before how far it was."""
    facts = asdict(passport) | {"lost": [dict(one) for one in lost]}
    if lost and not passport.moved_from and lost[-1]["region"] != passport.region:
        facts["moved_from"] = lost[-1]["region"]
    return facts
