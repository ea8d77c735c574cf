"""What only some pages need, read in the background while somebody watches it: logs, commits, one cluster's objects.

A page asks by name and gets at once what was read last, with its age; the reading goes on in a few threads for as
long as the name is asked for, and the pulse tells the watching browsers of news. What every page needs is the
snapshot's (lib.ui.session). Like there, the registry lies on `sys`, where no re-import of Streamlit's doubles it.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar, cast

from lib.gateways.errors import AtlasError
from lib.settings import Settings, SettingsError
from lib.ui import session
from lib.ui.snapshot import Trouble

log = logging.getLogger(__name__)

T = TypeVar("T")
EVERY_S: Final = 4.0  # of the wall, between two readings of one name
TICK_S: Final = 0.25
WATCHED_S: Final = 50.0  # a page asks at least every chrome.HEARTBEAT_S; two heartbeats may be missed
FORGOTTEN_S: Final = 600.0
THREADS: Final = 4
_REGISTRY: Final = "_gpu_atlas_looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[T]):
    """What was read last, when (wall, epoch seconds), and what has kept it from being read again since."""

    value: T | None = None
    read_at: float | None = None
    trouble: Trouble | None = None
    version: int = 0  # grows when the value or the trouble changed

    @property
    def loading(self) -> bool:
        return self.value is None and self.trouble is None


def look(name: str, read: Callable[[Settings], T], *, every_s: float = EVERY_S) -> Seen[T]:
    """The newest of `name`, without waiting. `read` runs in a thread and may raise AtlasError or SettingsError."""
    return cast("Seen[T]", _looks().ask(name, read, every_s))


def refresh(name: str) -> None:
    """Read `name` again at once, after a change of one's own."""
    _looks().hurry(name)


def versions(names: tuple[str, ...]) -> dict[str, int]:
    """How often each of these has changed; 0 for one that nobody has asked for."""
    known = watched()
    return {name: known.get(name, 0) for name in names}


def watched() -> dict[str, int]:
    """The same for every name that somebody watches."""
    return _looks().watched()


def gateway(make: Callable[[Settings], T], settings: Settings) -> T:
    """One of each kind while the settings stay the same, for its connections are worth keeping. For readers."""
    held = _GATEWAYS.get(make)
    if held is None or held[0] != settings:
        held = _GATEWAYS[make] = (settings, make(settings))
    return cast("T", held[1])


_GATEWAYS: Final[dict[Callable[[Settings], Any], tuple[Settings, Any]]] = {}


def install(seen: Mapping[str, Seen[Any]]) -> None:
    """Show fixed values instead of read ones: tests and the gallery. A name not given stays loading."""
    stop()
    setattr(sys, _REGISTRY, Looks(fixed=dict(seen)))


def stop() -> None:
    found: Looks | None = getattr(sys, _REGISTRY, None)
    if found is not None:
        found.stopping.set()
        delattr(sys, _REGISTRY)


def _looks() -> Looks:
    found: Looks | None = getattr(sys, _REGISTRY, None)
    return found or cast("Looks", sys.__dict__.setdefault(_REGISTRY, Looks()))


@dataclass
class Asked:
    """One name that is watched: how to read it, when it was last asked for, and what was seen."""

    name: str
    read: Callable[[Settings], Any]
    every_s: float
    asked_at: float
    due_at: float = 0.0
    busy: bool = False
    seen: Seen[Any] = field(default_factory=Seen)


@dataclass
class Looks:
    fixed: dict[str, Seen[Any]] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _asked: dict[str, Asked] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def ask(self, name: str, read: Callable[[Settings], Any], every_s: float) -> Seen[Any]:
        if self.fixed is not None:
            return self.fixed.get(name, Seen())
        now = time.monotonic()
        with self._lock:
            one = self._asked.setdefault(name, Asked(name=name, read=read, every_s=every_s, asked_at=now))
            one.read, one.every_s, one.asked_at = read, every_s, now
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="atlas-looks", daemon=True)
                self._thread.start()
            return one.seen

    def hurry(self, name: str) -> None:
        with self._lock:
            if name in self._asked:
                self._asked[name].due_at = 0.0

    def watched(self) -> dict[str, int]:
        now = time.monotonic()
        with self._lock:
            live = {name: one for name, one in self._asked.items() if now - one.asked_at < WATCHED_S}
            return {name: one.seen.version for name, one in live.items()}

    def _run(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="atlas-look") as pool:
            while not self.stopping.wait(TICK_S):
                for one in self._due(time.monotonic()):
                    pool.submit(self._read, one)

    def _due(self, now: float) -> list[Asked]:
        with self._lock:
            self._asked = {name: one for name, one in self._asked.items() if now - one.asked_at < FORGOTTEN_S}
            due = [
                one
                for one in self._asked.values()
                if not one.busy and one.due_at <= now and now - one.asked_at < WATCHED_S
            ]
            for one in due:
                one.busy = True
                one.due_at = now + one.every_s
        return due

    def _read(self, one: Asked) -> None:
        try:
            found = read_once(one.seen, one.read, name=one.name)
        finally:
            with self._lock:
                one.busy = False
        with self._lock:
            one.seen = found


def read_once(before: Seen[T], read: Callable[[Settings], T], *, name: str = "") -> Seen[T]:
    """The next Seen: a trouble keeps the last value and its own beginning. A fault of our own is one too: the screen says
    so, and the log has it once for as long as it lasts."""
    try:
        value = read(session.settings())
    except (AtlasError, SettingsError) as problem:
        return _troubled(before, str(problem))
    except Exception as fault:
        sentence = f"The dashboard has a fault of its own in reading this ({type(fault).__name__}); its log has the details."
        if before.trouble is None or before.trouble.sentence != sentence:
            log.exception("a reader broke", extra={"look": name})
        return _troubled(before, sentence)
    changed = before.trouble is not None or before.read_at is None or value != before.value
    return Seen(value=value, read_at=time.time(), version=before.version + changed)


def _troubled(before: Seen[T], sentence: str) -> Seen[T]:
    since = before.trouble.since if before.trouble else time.time()
    trouble = Trouble(sentence=sentence, since=since)
    return replace(before, trouble=trouble, version=before.version + (trouble != before.trouble))
