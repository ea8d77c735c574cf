"""How far a picture is, asked through the global address by our own task id; nothing is believed that is not ours.

Behind a load balancer the answer may come from another pod than the one that draws. The Web UI's per-task progress knows
only tasks by their id (force_task_id), so such a pod says that it does not draw it, which is no news at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from lib.gateways.txt2img import HEADER, is_loopback

PATH = "/internal/progress"
TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A pod that has our task: who it is, and how far. `share` None: it waits in that pod's own queue."""

    region: str
    pod: str
    share: float | None = None  # 0..1
    queue: str = ""  # "In queue: 1/2", in the pod's words

    def step(self, steps: int) -> int | None:
        return None if self.share is None else min(steps, round(self.share * steps))


class ProgressListener:
    """Of one task. Every silence, refusal and answer that can't be read is None: progress is no reason to fail."""

    def __init__(self, vip: str, task: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._task = task
        self._client = httpx.Client(
            base_url=vip, timeout=TIMEOUT_S, transport=transport, trust_env=not is_loopback(vip)
        )

    def ask(self) -> Heard | None:
        try:
            answer = self._client.post(PATH, json={"id_task": self._task, "live_preview": False})
            told = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None
        region = answer.headers.get(f"{HEADER}region", "")
        if not isinstance(told, dict) or not region:
            return None
        return _heard(told, region, answer.headers.get(f"{HEADER}pod", ""))

    def close(self) -> None:
        self._client.close()


def _heard(told: dict[str, Any], region: str, pod: str) -> Heard | None:
    share = told.get("progress")
    if told.get("active") is True and isinstance(share, int | float) and 0 <= share <= 1:
        return Heard(region=region, pod=pod, share=float(share))
    if told.get("queued") is True:
        return Heard(region=region, pod=pod, queue=str(told.get("textinfo") or "")[:60])
    return None
