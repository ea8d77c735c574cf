"""One snapshot for the whole process, made by one thread about once a second; sessions only read it.

Streamlit imports modules again at will, so the thread lives in a registry on `sys`, where no reload can double it.
A page never waits for a call while it draws. Nothing here decides anything, and losing the thread loses nothing.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lib import settings as settings_module
from lib.fleet.model import Entry
from lib.gateways.errors import AtlasError, NotFound
from lib.settings import Settings, SettingsError
from lib.ui.snapshot import ClockAnchor, Snapshot, Trouble

REFRESH_S: Final = 1.0  # of the wall
KEPT_PER_KIND: Final = 200
FAULTS_EVERY: Final = 2  # looks
LAUNCH_AGAIN_S: Final = 10.0
COLLECT_S: Final = 60.0  # Streamlit's own collection after every run is off, so it is done here
_REGISTRY: Final = "_gpu_atlas_session"


def current() -> Snapshot:
    """The latest snapshot; an empty one where nobody looks (see `start`)."""
    feed = _registered()
    return feed.snapshot if feed else Snapshot(clock=_wall_anchor())


def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    feed = _registered()
    return feed.settings() if feed else settings_module.load()


def refresh(*, wait_s: float = 1.0) -> None:
    """Look again at once, after a change of one's own; returns when that look is done or `wait_s` is over."""
    if feed := _registered():
        feed.look_now(wait_s)


def start() -> None:
    """Begin looking, and start what is missing to look at; once for the process. Done by the server and by a page, never by
    a thread that only reads: one that outlives its page would bring a world up again."""
    if _registered() is None:
        mine = Feed()
        feed: Feed = sys.__dict__.setdefault(_REGISTRY, mine)  # two may come at once: the first one's is kept
        feed.start()


def stop() -> None:
    feed = _registered()
    if feed is not None:
        feed.stop()
        delattr(sys, _REGISTRY)


def install(snapshot: Snapshot, *, settings: Settings | None = None) -> None:
    """Show a fixed snapshot instead of a live one: tests and the gallery."""
    stop()
    setattr(sys, _REGISTRY, Feed(snapshot=snapshot, fixed=settings or Settings()))


def _registered() -> Feed | None:
    return getattr(sys, _REGISTRY, None)


@dataclass
class Feed:
    """The thread and what it has seen. Gateways are made in the thread, on first use."""

    # Versions begin at the time, so that a browser notices that the server is another one now.
    snapshot: Snapshot = field(
        default_factory=lambda: Snapshot(
            clock=_wall_anchor(), version=int(time.time()), fleet_version=int(time.time())
        )
    )
    fixed: Settings | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _looked: threading.Condition = field(default_factory=threading.Condition)
    _looks: int = 0
    _asked: int = 0  # looks somebody waits for
    _stopping: bool = False
    _thread: threading.Thread | None = None
    _placements: Any = None
    _journal: Any = None
    _settings: Settings | None = None
    _launched: bool = False
    _launch_at: float = 0.0
    _read_up_to: int = 0
    _kept: dict[str, deque[Entry]] = field(default_factory=dict)
    _collected: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        with self._lock:
            if self._thread is None and self.fixed is None:
                self._thread = threading.Thread(target=self._run, name="atlas-snapshot", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def settings(self) -> Settings:
        if self.fixed is not None:
            return self.fixed
        if self._settings is None:
            self._settings = settings_module.load()
        return self._settings

    def look_now(self, wait_s: float) -> None:
        if self._thread is None:
            return
        with self._looked:
            # The look under way may have begun before the change; the one after it has not.
            wanted = self._asked = self._looks + 2
            self._wake.set()
            self._looked.wait_for(lambda: self._looks >= wanted, timeout=wait_s)

    def _run(self) -> None:
        while not self._stopping:
            self._look()
            with self._looked:
                self._looks += 1
                self._looked.notify_all()
            self._wake.wait(0 if self._asked > self._looks else REFRESH_S)
            self._wake.clear()

    def _look(self) -> None:
        seen = self.snapshot
        try:
            target = self.settings()
        except SettingsError as problem:
            self.publish(replace(seen, launch=_trouble(seen.launch, problem)))
            return
        seen = replace(seen, label=target.label, clock=_anchor(target, seen.clock))
        seen = replace(seen, launch=self._launch(target, seen))
        seen = self._read_journal(target, seen)
        seen = self._read_faults(target, seen)
        self.publish(self._read_placement(target, seen))
        if time.monotonic() - self._collected > COLLECT_S:
            self._collected = time.monotonic()
            gc.collect()

    def publish(self, seen: Snapshot) -> None:
        before, after = _content(self.snapshot), _content(seen)
        fleet = replace(before, views=()) != replace(after, views=())
        self.snapshot = replace(
            seen,
            version=self.snapshot.version + (before != after),
            fleet_version=self.snapshot.fleet_version + fleet,
        )

    # --- what is read, each part on its own so that one silence does not blind the others ---------------

    def _launch(self, target: Settings, seen: Snapshot) -> Trouble | None:
        """Start what is missing, once; after a failure again every few seconds."""
        if self._launched or time.monotonic() < self._launch_at:
            return seen.launch
        from lib import launch

        self._launch_at = time.monotonic() + LAUNCH_AGAIN_S
        try:
            launch.ensure_started(target)
        except (AtlasError, SettingsError, launch.LaunchError) as problem:
            return _trouble(seen.launch, problem)
        self._launched = True
        return None

    def _read_placement(self, target: Settings, seen: Snapshot) -> Snapshot:
        from lib.gateways.placement import PlacementGateway

        try:
            self._placements = self._placements or PlacementGateway(target)
            placement = self._placements.get()
            views = self._placements.list_regions()
        except NotFound:  # the set-up has not come to the placement yet, or somebody deleted it
            return replace(seen, placement=None, views=(), hub=None, read_at=time.time())
        except (AtlasError, SettingsError) as problem:
            self._placements = None  # the address may change with a restart
            if seen.read_at is None and not self._launched:
                return seen
            return replace(seen, hub=_trouble(seen.hub, problem))
        return replace(seen, placement=placement, views=views, hub=None, read_at=time.time())

    def _read_journal(self, target: Settings, seen: Snapshot) -> Snapshot:
        from lib.gateways.journal import Journal

        try:
            self._journal = self._journal or Journal(target.journal_url)
            new = self._new_entries(self._journal)
        except AtlasError as problem:
            self._journal = None
            return replace(seen, journal=_trouble(seen.journal, problem))
        self._keep(new)
        entries = seen.entries if not new else self._newest_first()
        return replace(seen, entries=entries, journal=None)

    def _new_entries(self, journal: Any) -> list[Entry]:
        """At first the newest of each kind, so that many probes don't hide the few decisions; then what follows."""
        from lib.gateways.journal import KINDS

        if self._read_up_to == 0:
            return [one for kind in KINDS for one in journal.read(kinds=(kind,), limit=KEPT_PER_KIND)]
        return journal.read(after=self._read_up_to, limit=1000, newest=False)

    def _read_faults(self, target: Settings, seen: Snapshot) -> Snapshot:
        """What was put into the sandbox. A silence here is told by the placement's: it is the same process."""
        from lib.gateways.faults import FaultsGateway

        if target.target != "sandbox" or self._looks % FAULTS_EVERY:
            return seen
        try:
            return replace(seen, faults=tuple(FaultsGateway(target).list()))
        except (AtlasError, SettingsError):
            return seen

    def _keep(self, new: Iterable[Entry]) -> None:
        for entry in sorted(new, key=lambda one: one.id):
            self._read_up_to = max(self._read_up_to, entry.id)
            self._kept.setdefault(entry.kind, deque(maxlen=KEPT_PER_KIND)).append(entry)

    def _newest_first(self) -> tuple[Entry, ...]:
        return tuple(
            sorted(
                (one for kept in self._kept.values() for one in kept),
                key=lambda one: (one.at, one.id),
                reverse=True,
            )
        )


def _content(seen: Snapshot) -> Snapshot:
    """A snapshot without what changes when nothing happens: ages, and the probes, which drawing need not follow."""
    placement = seen.placement
    if placement is not None:
        status = replace(
            placement.status,
            as_of=None,
            spend=None,  # it grows with every look; what is drawn of it follows at the next change
            cycle=None,
            regions=tuple(replace(one, as_of=None) for one in placement.status.regions),
        )
        placement = replace(placement, resource_version="", status=status)
    return replace(
        seen,
        version=0,
        fleet_version=0,
        read_at=None,
        placement=placement,
        views=tuple(replace(one, as_of=None) for one in seen.views),
        entries=tuple(one for one in seen.entries if one.kind != "probe"),
    )


def _trouble(known: Trouble | None, problem: Exception) -> Trouble:
    """Keeps its "since" for as long as it lasts, even when the wording changes."""
    return Trouble(sentence=str(problem), since=known.since if known else time.time())


def _wall_anchor() -> ClockAnchor:
    return ClockAnchor(wall=time.time(), target=time.time())


def _anchor(target: Settings, known: ClockAnchor) -> ClockAnchor:
    """The known anchor while it predicts well, so that nothing is sent to browsers for the passing of time."""
    wall, now, speed = time.time(), target.now().timestamp(), target.speed()
    off = abs(known.at(wall).timestamp() - now)
    if known.speed == speed and off <= 0.5 * max(1.0, speed):
        return known
    return ClockAnchor(wall=wall, target=now, speed=speed)
