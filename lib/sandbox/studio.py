"""The Web UI process of one pod: its one job at a time, the queue behind it, progress and interruption.

Lives in memory, as it does in a pod: a restart forgets jobs, not settings (those are kept with the pod). The HTTP
side is `webui`; the drawing happens in `easel`.
"""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from lib.sandbox import easel, load, pods
from lib.sandbox.easel import Drawn
from lib.sandbox.processing import Order
from lib.sandbox.store import Store
from lib.sandbox.world import World


@dataclass(slots=True)
class Job:
    order: Order
    timestamp: str  # YYYYMMDDhhmmss
    began: float = field(default_factory=time.monotonic)
    done: int = 0  # pictures
    step: int = 0  # of the picture that is being drawn
    steps: int = 0
    preview: bytes | None = None
    interrupted: bool = False
    skipped: bool = False


class Studio:
    """Of one pod."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.job: Job | None = None
        self.jobs = 0  # with those that wait

    async def draw(
        self, world: World, address: pods.PodAddress, order: Order, accelerator: str
    ) -> list[Drawn]:
        """Wait for the jobs before, then draw; cancelling drops the job at whatever point it is."""
        self.jobs += 1
        try:
            async with self._lock:
                self.job = Job(order, world.clock.now().strftime("%Y%m%d%H%M%S"))
                began = world.clock.timestamp()
                try:
                    return await self._pictures(world, self.job)
                finally:
                    self.job = None
                    ended = world.clock.timestamp()
                    load.count_busy(world, pod=address.key, accelerator=accelerator, began=began, ended=ended)
        finally:
            self.jobs -= 1

    def interrupt(self, world: World) -> None:
        if self.job is not None:
            self.job.interrupted = True
            easel.of(world).interrupt()

    def skip(self, world: World) -> None:
        """Leave the picture that is being drawn and go on with the next."""
        if self.job is not None:
            self.job.skipped = True
            easel.of(world).interrupt()

    def progress(self, *, with_image: bool) -> dict[str, Any]:
        """In the API's form; all zero while nothing is drawn."""
        job = self.job
        if job is None:
            return {"progress": 0.0, "eta_relative": 0.0, "state": _state(None), "current_image": None,
                    "textinfo": None}  # fmt: skip
        count = job.order.n_iter * job.order.batch_size
        share = min(1.0, (job.done + (job.step / job.steps if job.steps else 0.0)) / count) or 0.01
        elapsed = time.monotonic() - job.began
        image = base64.b64encode(job.preview).decode() if with_image and job.preview else None
        return {"progress": share, "eta_relative": max(0.0, elapsed / share - elapsed), "state": _state(job),
                "current_image": image, "textinfo": None}  # fmt: skip

    async def _pictures(self, world: World, job: Job) -> list[Drawn]:
        drawn: list[Drawn] = []

        def watch(step: int, steps: int, preview: bytes | None) -> None:
            job.step, job.steps, job.preview = step, steps, preview or job.preview

        for index in range(job.order.n_iter * job.order.batch_size):
            if job.interrupted:
                break
            job.skipped, job.step = False, 0
            drawn += await easel.of(world).draw(job.order.picture(index), watch)
            job.done += 1
        return drawn


def _state(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"skipped": False, "interrupted": False, "stopping_generation": False, "job": "", "job_count": 0,
                "job_timestamp": "0", "job_no": 0, "sampling_step": 0, "sampling_steps": 0}  # fmt: skip
    batches, rest = divmod(job.done, job.order.batch_size)
    within = rest + (job.step / job.steps if job.steps else 0.0)
    return {
        "skipped": job.skipped,
        "interrupted": job.interrupted,
        "stopping_generation": False,
        "job": f"Batch {batches + 1} out of {job.order.n_iter}"
        if job.order.n_iter > 1
        else "scripts_txt2img",
        "job_count": job.order.n_iter,
        "job_timestamp": job.timestamp,
        "job_no": batches,
        "sampling_step": int(job.order.steps * within / job.order.batch_size),
        "sampling_steps": job.order.steps,
    }


_OF: WeakKeyDictionary[Store, dict[str, Studio]] = WeakKeyDictionary()


def of(world: World, uid: str) -> Studio:
    return _OF.setdefault(world.store, {}).setdefault(uid, Studio())


def forget_idle(world: World) -> None:
    """Drop what is kept for pods without a job; most of them are gone."""
    studios = _OF.get(world.store, {})
    for uid in [uid for uid, studio in studios.items() if not studio.jobs]:
        del studios[uid]
