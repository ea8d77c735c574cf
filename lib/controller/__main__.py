"""`python -m lib.controller [--once]`: one controller process of a state directory."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from lib.controller import collector
from lib.controller import log as log_lines
from lib.controller.loop import Controller
from lib.controller.wire import connect
from lib.gateways.errors import AtlasError
from lib.launch import owner
from lib.settings import Settings, SettingsError, load

log = logging.getLogger("lib.controller")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lib.controller", description="The loop of GPU Atlas.")
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    asked = parser.parse_args()
    log_lines.set_up()
    try:
        settings = load()
        lock = _lock(settings)
        if lock is None:
            log.error("another controller of this state directory runs already")
            return 1
        return _run(settings, once=asked.once)
    except (SettingsError, AtlasError, OSError) as e:
        log.error("the controller can't start: %s", e)  # noqa: TRY400 - a sentence for the operator, no bug
        return 1


def _run(settings: Settings, *, once: bool) -> int:
    controller = Controller(connect(settings), settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: controller.stop())
    owner.watch(settings.state_dir, controller.stop)
    collector.calm()
    log.info("the controller runs", extra={"target": settings.target, "project": settings.project})
    controller.run(once=once)
    return 0


def _lock(settings: Settings) -> int | None:
    """Held as long as this process lives; the kernel lets go of it at its end, whatever that was."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    path: Path = settings.state_dir / "controller.lock"
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return fd


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A call that hangs in the pool must not keep a finished process alive; there is nothing else to clean up.
    os._exit(code)
