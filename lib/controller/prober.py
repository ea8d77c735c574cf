"""Asks the global address for its health path, as a user far away would: is anything answering, and who?

One light GET a look, never more than one in flight. It draws no picture and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lib.controller.fanout import Asked, FanOut
from lib.gateways.errors import AtlasError
from lib.gateways.ping import Ping, ping

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    ok: bool
    status: int = 0
    ms: float = 0.0
    region: str = ""


class Prober:
    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._asked: Asked[Probe] | None = None

    def probe(self, vip: str) -> Probe | None:
        """What came back since the last look, None when nothing did; starts the next one."""
        if self._asked and not self._asked.future.done():
            return None
        back = self._asked.answer(0.0).value if self._asked else None
        self._asked = self._fan_out.ask("probe", partial(_probe, vip)) if vip else None
        return back


def _probe(vip: str) -> Probe:
    try:
        answer: Ping = ping(vip, timeout_s=TIMEOUT_S)
    except AtlasError:
        return Probe(ok=False)
    return Probe(ok=answer.status == 200, status=answer.status, ms=answer.ms, region=answer.region)
