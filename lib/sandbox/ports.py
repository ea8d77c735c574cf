"""Which loopback ports the sandbox listens on: chosen once, kept in the state directory, and asked for again.

Kubeconfigs and bookmarks hold them, so a restart must come back at the same place when it can. Also the lock that
keeps a second sandbox off the same state.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path

from lib.sandbox.store import StateError

NAMES = ("rest", "grpc", "vip")


def listening(port: int = 0) -> socket.socket:
    """A bound loopback socket; OSError when the port is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
    except (OSError, OverflowError):  # taken, or no port at all
        found.close()
        raise
    return found


def choose(state_dir: Path) -> dict[str, int]:
    """The kept ports where they are free, new ones elsewhere; kept for the next start."""
    path = state_dir / "ports.json"
    kept = _kept(path)
    # All are held until the last is chosen, so that two names can't get the same one.
    held = {name: _free(kept.get(name, 0)) for name in NAMES}
    chosen = {name: held[name].getsockname()[1] for name in NAMES}
    for found in held.values():
        found.close()
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(chosen))
    temporary.replace(path)
    return chosen


def _kept(path: Path) -> dict[str, int]:
    try:
        kept = json.loads(path.read_text()) if path.exists() else {}
        return {name: int(kept[name]) for name in NAMES if name in kept}
    except (ValueError, TypeError):
        return {}  # nothing that a new choice can't mend


def _free(wanted: int) -> socket.socket:
    try:
        return listening(wanted)
    except (OSError, OverflowError):
        return listening()


class Lock:
    """One sandbox a state directory. A record lock: the system drops it when the process dies, however it
    dies, and children don't inherit it, so a stale file is nothing but a file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            holder = os.read(self._file, 32).decode().strip() or "unknown"
            os.close(self._file)
            raise StateError(f"another sandbox (pid {holder}) is using {path.parent}; stop it first") from e
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)
