"""The health path through the global address: one light GET that tells whether anything answers, and who.

No retry and no picture; the prober asks again anyway. Any status is an answer, silence is Unreachable.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from lib.gateways.errors import Unreachable, silence
from lib.gateways.txt2img import HEADER, is_loopback

PATH = "/internal/ping"
PLACE = "x-client-region"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    status: int
    ms: float
    region: str = ""  # that answered; "" when the load balancer itself did


def ping(vip: str, *, timeout_s: float = 2.0, place: tuple[float, float] | None = None) -> Ping:
    """Raises Unreachable when nothing answers in time. `place` (latitude, longitude) is where the client says it is:
    the sandbox's load balancer believes it, Google's knows better."""
    started = time.monotonic()
    try:
        # A new connection each time: a kept one would go on to a region that new users no longer reach.
        with httpx.Client(timeout=timeout_s, trust_env=not is_loopback(vip)) as client:
            answer = client.get(f"{vip}{PATH}", headers=_at(place))
    except httpx.HTTPError as e:
        raise Unreachable(f"The global address does not answer ({silence(e)}).") from e
    return _told(answer, started)


def _at(place: tuple[float, float] | None) -> dict[str, str]:
    return {PLACE: f"{place[0]},{place[1]}"} if place else {}


def _told(answer: httpx.Response, started: float) -> Ping:
    return Ping(
        status=answer.status_code,
        ms=round((time.monotonic() - started) * 1000, 1),
        region=answer.headers.get(f"{HEADER}region", ""),
    )
