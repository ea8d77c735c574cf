"""The Web UI process of one pod: its one job at a time, the queue behind it, progress and interruption.

Lives in memory, as it does in a pod: a restart forgets jobs, not settings (those are kept with the pod). The HTTP
side is `sdapi`; the drawing happens in `easel`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from lib.sandbox import easel, load, pods
from lib.sandbox.easel import Drawn
from lib.sandbox.processed import Processed
from lib.sandbox.processing import Order
from lib.sandbox.store import Store
from lib.sandbox.world import World

REMEMBERED = 16  # finished tasks
LOGGED = 1000  # lines


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    order: Order
    task: str  # the client's id for it, or one of ours
    timestamp: str  # YYYYMMDDhhmmss
    began: float = field(default_factory=time.monotonic)
    done: int = 0  # pictures
    step: int = 0  # of the picture that is being drawn
    steps: int = 0
    preview: bytes | None = None
    previews: int = 0  # how many there have been
    interrupted: bool = False
    skipped: bool = False

    def watch(self, step: int, steps: int, preview: bytes | None) -> None:
        """Hears of every step from the painter."""
        self.step, self.steps = step, steps
        if preview is not None:
            self.preview, self.previews = preview, self.previews + 1

    @property
    def sampling_step(self) -> int:
        """Of the batch: its pictures go through the steps together."""
        within = self.done % self.order.batch_size + (self.step / self.steps if self.steps else 0.0)
        return int(self.order.steps * within / self.order.batch_size)

    @property
    def share(self) -> float:
        """How much of it is done, 0.01 to 1, as the Web UI reckons."""
        batches = self.done // self.order.batch_size + self.sampling_step / self.order.steps
        return min(1.0, 0.01 + batches / self.order.n_iter)

    @property
    def eta_s(self) -> float:
        elapsed = time.monotonic() - self.began
        return max(0.0, elapsed / self.share - elapsed)

    @property
    def pixels(self) -> int:
        return self.order.width * self.order.height * self.order.batch_size


class Studio:
    """Of one pod."""

    def __init__(self, address: pods.PodAddress) -> None:
        self.address = address
        self._lock = asyncio.Lock()
        self._numbers = count(1)
        self.job: Job | None = None
        self.last: Job | None = None  # that ended
        self.waiting: list[str] = []  # tasks in the queue, in order
        self.finished: deque[str] = deque(maxlen=REMEMBERED)
        self.said: deque[tuple[float, str]] = deque(maxlen=LOGGED)  # (time, line) of its log
        self.peak_pixels = 0
        self.ooms = 0

    @property
    def idle(self) -> bool:
        return self.job is None and not self.waiting

    async def draw(
        self, world: World, order: Order, *, options: Mapping[str, Any], accelerator: str
    ) -> Processed:
        """Wait for the jobs before, then draw; cancelling drops the job at whatever point it is."""
        task = order.parameters["force_task_id"] or f"task(txt2img-{next(self._numbers):015d})"
        self.waiting.append(task)
        try:
            await self._lock.acquire()
        finally:
            self.waiting.remove(task)
        self.job = job = Job(order=order, task=task, timestamp=world.clock.now().strftime("%Y%m%d%H%M%S"))
        self.peak_pixels = max(self.peak_pixels, job.pixels)
        began = world.clock.timestamp()
        try:
            pictures = await self._pictures(world, job)
            return Processed(order=order, pictures=pictures, timestamp=job.timestamp, options=options)
        finally:
            self.job, self.last = None, job
            self.finished.append(task)
            self._lock.release()
            ended = world.clock.timestamp()
            self.said.append((ended, _progress_line(job)))
            load.count_busy(world, pod=self.address.key, accelerator=accelerator, began=began, ended=ended)

    def interrupt(self, world: World) -> None:
        if self.job is not None:
            self.job.interrupted = True
            easel.of(world).interrupt(self.job.watch)

    def skip(self, world: World) -> None:
        """Leave the picture that is being drawn and go on with the next."""
        if self.job is not None:
            self.job.skipped = True
            easel.of(world).interrupt(self.job.watch)

    async def _pictures(self, world: World, job: Job) -> list[Drawn]:
        drawn: list[Drawn] = []
        for index in range(job.order.n_iter * job.order.batch_size):
            if job.interrupted:
                break
            job.skipped, job.step = False, 0
            drawn += await easel.of(world).draw(job.order.picture(index), job.watch)
            job.done += 1
        return drawn


def _progress_line(job: Job) -> str:
    """What tqdm leaves in the Web UI's log for a job."""
    steps = job.order.steps * job.order.n_iter
    done = min(steps, round(job.share * steps)) if job.interrupted else steps
    took = max(time.monotonic() - job.began, 0.001)
    minutes, seconds = divmod(int(took), 60)
    bar = "█" * (10 * done // steps)
    return (
        f"Total progress: {100 * done // steps}%|{bar:<10}| {done}/{steps} "
        f"[{minutes:02d}:{seconds:02d}<00:00, {done / took:.2f}it/s]"
    )


def progress(studio: Studio) -> dict[str, Any]:
    """/sdapi/v1/progress without its image; all zero while nothing is drawn."""
    job = studio.job
    return {
        "progress": job.share if job else 0.0,
        "eta_relative": job.eta_s if job else 0.0,
        "state": _state(studio),
        "current_image": None,
        "textinfo": None,
    }


def _state(studio: Studio) -> dict[str, Any]:
    """Of what is drawn now; after that the last job's, as the Web UI leaves it."""
    job, running = studio.job or studio.last, studio.job is not None
    name = f"Batch {job.done // job.order.batch_size + 1} out of {job.order.n_iter}" if job else ""
    return {
        "skipped": job.skipped if job else False,
        "interrupted": job.interrupted if job else False,
        "stopping_generation": False,
        "job": (name if job and job.order.n_iter > 1 else "scripts_txt2img") if running else "",
        "job_count": job.order.n_iter if job and running else 0,
        "job_timestamp": job.timestamp if job else "0",
        "job_no": job.done // job.order.batch_size if job else 0,
        "sampling_step": job.sampling_step if job and running else 0,
        "sampling_steps": job.order.steps if job else 0,
    }


def task_progress(studio: Studio, task: str) -> dict[str, Any]:
    """/internal/progress without its image: of one task, by the id its client gave it."""
    job = studio.job if studio.job is not None and studio.job.task == task else None
    place = studio.waiting.index(task) + 1 if task in studio.waiting else 0
    waits = f"In queue: {place}/{len(studio.waiting)}" if place else "Waiting..."
    return {
        "active": job is not None,
        "queued": bool(place),
        "completed": task in studio.finished,
        "progress": job.share if job else None,
        "eta": job.eta_s if job else None,
        "live_preview": None,
        "id_live_preview": job.previews if job else -1,
        "textinfo": None if job else waits,
    }


_OF: WeakKeyDictionary[Store, dict[str, Studio]] = WeakKeyDictionary()


def of(world: World, address: pods.PodAddress) -> Studio:
    studios = _OF.setdefault(world.store, {})
    if address.uid not in studios:
        studios[address.uid] = Studio(address)
    return studios[address.uid]


def forget_gone(world: World) -> None:
    """Drop what is kept for pods that are no more."""
    studios = _OF.get(world.store, {})
    for uid, studio in list(studios.items()):
        if studio.idle and pods.find(world, studio.address) is None:
            del studios[uid]
