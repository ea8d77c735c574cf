"""So that nothing is left behind: without anybody who supervises, what was started ends by itself after a
while.

`atlas up` and the dashboard stop what they started, but kill -9 or a bare SIGTERM gives them no chance
to. Runs in the controller, and only in one that was started by this package: one that runs in a cluster
has other owners.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lib.launch import process, supervisor
from lib.launch.process import LaunchError

OWNED = "ATLAS_OWNED"  # in the environment of what this package starts
PATIENCE_S = 30.0  # long enough to start the dashboard again and find everything running
EVERY_S = 2.0


def watch(state_dir: Path, end: Callable[[], None]) -> threading.Thread | None:
    """In a thread of its own; None when somebody else started this process."""
    if OWNED not in os.environ:
        return None
    thread = threading.Thread(target=_watch, args=(state_dir, end), name="owner", daemon=True)
    thread.start()
    return thread


def _watch(state_dir: Path, end: Callable[[], None]) -> None:
    seen_at = time.monotonic()
    while time.monotonic() - seen_at < PATIENCE_S:
        if process.find(state_dir, supervisor.NAME):
            seen_at = time.monotonic()
        time.sleep(EVERY_S)
    with suppress(LaunchError), process.exclusive(state_dir):
        if process.find(state_dir, supervisor.NAME) is None:
            process.stop(state_dir, "sandbox")
            process.withdraw(state_dir, "controller")
            end()
            return
    _watch(state_dir, end)
