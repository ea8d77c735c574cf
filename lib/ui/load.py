"""A small load on the global address: light requests, a few a second, bounded, one run at a time, stopped at any moment.

It asks the health path, so no GPU draws for it. It lives on `sys`, outlasts every rerun and every browser, and its limits
are checked here and not in the form. Not a benchmark: it shows who answers, and that nobody is lost.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, cast

from lib.fleet.traffic import CLIENTS, Client
from lib.gateways.errors import Unreachable
from lib.gateways.ping import Ping, ping
from lib.settings import Settings
from lib.ui import looks
from lib.ui.looks import Seen

NAME: Final = "traffic/load"
MOST_A_SECOND: Final = 5
MOST: Final = 300
TIMEOUT_S: Final = 5.0
SHOWN: Final = 60  # newest answers that are drawn
_REGISTRY: Final = "_gpu_atlas_load"
Ask = Callable[[str, Client], Ping]


class Refused(Exception):  # noqa: N818
    """Why it isn't started, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    client: str  # city
    ok: bool
    ms: float = 0.0
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    running: bool = False
    wanted: int = 0
    a_second: int = 0
    answers: tuple[Answer, ...] = ()  # oldest first
    stopped: bool = False

    @property
    def ok(self) -> int:
        return sum(one.ok for one in self.answers)

    @property
    def by_region(self) -> tuple[tuple[str, int], ...]:
        return tuple(Counter(one.region or "no region" for one in self.answers).most_common())

    def percentile(self, percent: int) -> float | None:
        values = sorted(one.ms for one in self.answers if one.ok)
        return values[min(len(values) - 1, len(values) * percent // 100)] if values else None


def generator() -> Generator:
    found: Generator | None = getattr(sys, _REGISTRY, None)
    return found or cast("Generator", sys.__dict__.setdefault(_REGISTRY, Generator()))


def report() -> Seen[Report]:
    """Live: the look's versions tell the browsers of news."""
    return looks.look(NAME, _read, every_s=0.5)


def _read(_: Settings) -> Report:
    return generator().report


def _ask(vip: str, client: Client) -> Ping:
    return ping(vip, timeout_s=TIMEOUT_S, place=client.place)


@dataclass
class Generator:
    ask: Ask = _ask
    report: Report = field(default_factory=Report)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _halt: threading.Event = field(default_factory=threading.Event)

    def start(self, vip: str, *, count: int, a_second: int) -> None:
        """Begin a run. Raises Refused while another one goes on, without an address, and beyond the limits."""
        if not vip:
            raise Refused("There is no global address yet.")
        if not 1 <= a_second <= MOST_A_SECOND:
            raise Refused(
                f"From 1 to {MOST_A_SECOND} requests a second are allowed; {a_second} were asked for."
            )
        if not 1 <= count <= MOST:
            raise Refused(f"From 1 to {MOST} requests are allowed; {count} were asked for.")
        with self._lock:
            if self.report.running:
                raise Refused("A load is running already; stop it first.")
            self._halt = threading.Event()
            self.report = Report(running=True, wanted=count, a_second=a_second)
        run = threading.Thread(target=self._run, args=(vip, self._halt), name="atlas-load", daemon=True)
        run.start()

    def stop(self) -> None:
        self._halt.set()

    def _run(self, vip: str, halt: threading.Event) -> None:
        began, wanted, a_second = time.monotonic(), self.report.wanted, self.report.a_second
        try:
            for turn in range(wanted):
                if halt.wait(max(0.0, began + turn / a_second - time.monotonic())):
                    break
                answer = self._one(vip, CLIENTS[turn % len(CLIENTS)])
                self.report = replace(self.report, answers=(*self.report.answers, answer))
        finally:
            self.report = replace(self.report, running=False, stopped=halt.is_set())

    def _one(self, vip: str, client: Client) -> Answer:
        """One after the other: a slow address is asked less, never more."""
        try:
            found = self.ask(vip, client)
        except Unreachable:
            return Answer(client=client.city, ok=False)
        return Answer(client=client.city, ok=found.status == 200, ms=found.ms, region=found.region)
