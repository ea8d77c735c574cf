"""Keeps the processes of one state directory running: looks every second and starts what is missing.

Level-triggered: it compares what runs with what should run and knows nothing of how it came to be. There
may be several candidates (`atlas up`, its dashboard, one started by hand): the first living one
supervises, the others wait to take over. It judges nothing but "runs or not".
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lib.launch import process
from lib.launch.process import LaunchError, Role

NAME = "supervisor"
EVERY_S = 1.0
BACKOFF_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_S = 60.0  # a process that lived this long starts with a clean slate

log = logging.getLogger(__name__)


class Supervisor:
    """Owns what it started: `close` stops that, and only when this process was the one that supervised."""

    def __init__(self, state_dir: Path, roles: tuple[Role, ...], *, clock: Callable[[], float]) -> None:
        self._state_dir = state_dir
        self._roles = roles
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look every second in a thread of its own until `close`."""
        self._thread = threading.Thread(target=self.run, name=thread_name(self._state_dir), daemon=True)
        self._thread.start()

    def run(self) -> None:
        while not self._wake.is_set():
            try:
                self.look()
            except LaunchError as e:
                log.warning("could not look after the processes", extra={"reason": str(e)})
            self._wake.wait(EVERY_S)

    def look(self) -> tuple[str, ...]:
        """One look: the names of the roles that were started."""
        if self._wake.is_set() or self._is_another_s() or self._all_run():
            return ()
        with process.exclusive(self._state_dir):
            if self._wake.is_set() or not self._is_mine():
                return ()
            return tuple(role.name for role in self._roles if self._keep(role))

    def wait(self) -> None:
        """Return when looking has ended."""
        while self._thread and self._thread.is_alive():
            self._thread.join(timeout=1)

    def end(self) -> None:
        """Stop looking; the thread (or `run`) returns at its next turn."""
        self._wake.set()

    def close(self, *, stop: bool = True) -> None:
        """Stop looking, then stop the roles, last started first, unless somebody else looks after them."""
        self.end()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)
        if self._is_another_s():  # that one may hold the lock while it waits for us to end
            return
        with suppress(LaunchError), process.exclusive(self._state_dir):
            if not self._is_mine():
                return
            for role in reversed(self._roles if stop else ()):
                process.stop(self._state_dir, role.name)
            process.withdraw(self._state_dir, NAME)

    def _is_another_s(self) -> bool:
        found = process.find(self._state_dir, NAME)
        return found is not None and found.pid != os.getpid()

    def _all_run(self) -> bool:
        """Without the lock: the usual case costs a few small reads a second."""
        present = all(process.find(self._state_dir, role.name) for role in self._roles)
        return present and process.find(self._state_dir, NAME) is not None

    def _is_mine(self) -> bool:
        found = process.find(self._state_dir, NAME)
        if found is None:
            process.enrol(self._state_dir, NAME, pid=os.getpid())
            return True
        return found.pid == os.getpid()

    def _keep(self, role: Role) -> bool:
        now = self._clock()
        last = self._started_at.get(role.name)
        if process.find(self._state_dir, role.name):
            if last is not None and now - last > STEADY_S:
                self._failures[role.name] = 0
            return False
        failures = self._failures.get(role.name, 0)
        if last is not None and now - last < BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]:
            return False
        if last is not None:
            log.warning(
                "a process ended and is started again", extra={"role": role.name, "failures": failures}
            )
        process.ensure(role)
        self._failures[role.name] = failures + 1 if last is not None else 0
        self._started_at[role.name] = now
        return True


def thread_name(state_dir: Path) -> str:
    """Says in the list of threads that this process already has a supervisor for the directory: unlike a
    module variable this survives Streamlit importing a module again."""
    return f"atlas-supervisor:{state_dir}"


def runs_here(state_dir: Path) -> bool:
    return any(thread.name == thread_name(state_dir) for thread in threading.enumerate())


def make(state_dir: Path, roles: tuple[Role, ...]) -> Supervisor:
    return Supervisor(state_dir, roles, clock=time.monotonic)
