"""Starts the sandbox and the controller when they are wanted and not up, keeps them up, and stops them.

Called by the dashboard and by the command line. Both are processes of their own, started through their
command lines and never imported: the dashboard re-imports modules at will, and a thread in it would be
doubled.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lib.launch import owner, process, supervisor
from lib.launch.process import LaunchError, Role
from lib.settings import HOME, Settings

__all__ = [
    "LaunchError",
    "Started",
    "dashboard_role",
    "ensure_started",
    "roles",
    "running",
    "stop",
    "wait_ready",
]

READY_TIMEOUT_S = 30.0
ROLES = ("dashboard", "controller", "sandbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The processes that now run. `sandbox_pid` is None when the target is a real project."""

    controller_pid: int
    sandbox_pid: int | None = None
    started: tuple[str, ...] = ()  # those that were missing


def ensure_started(
    settings: Settings, *, supervise: bool = True, timeout_s: float = READY_TIMEOUT_S
) -> Started:
    """Start what is missing and return when the target can be talked to. With `supervise` this process also
    restarts them when they die, and stops them when it ends; asking again changes nothing."""
    wanted = roles(settings)
    with process.exclusive(settings.state_dir):
        ensured = {role.name: process.ensure(role) for role in wanted}
        if supervise and process.find(settings.state_dir, "dashboard") is None:
            # So that `down` and a later `up` find a dashboard that was started by hand.
            process.enrol(settings.state_dir, "dashboard", pid=os.getpid(), port=settings.port)
    if supervise and not supervisor.runs_here(settings.state_dir):
        keeper = supervisor.make(settings.state_dir, wanted)
        keeper.start()
        atexit.register(keeper.close)
    wait_ready(settings, timeout_s=timeout_s)
    sandbox = ensured.get("sandbox")
    return Started(
        controller_pid=ensured["controller"][0].pid,
        sandbox_pid=sandbox[0].pid if sandbox else None,
        started=tuple(name for name, (_, fresh) in ensured.items() if fresh),
    )


def stop(settings: Settings) -> tuple[str, ...]:
    """Stop everything of the state directory; the names of what ran. Whoever supervises ends first, or it
    would start the others again."""
    state_dir = settings.state_dir
    found = running(settings)
    keeper = process.find(state_dir, supervisor.NAME)
    if keeper and keeper.pid != os.getpid():
        process.end(keeper, grace_s=30.0)
    for record in found.values():
        if record.pid != os.getpid():
            process.end(record)
    if state_dir.is_dir():
        with process.exclusive(state_dir):
            for name in (supervisor.NAME, *ROLES):
                if process.find(state_dir, name) is None:
                    process.withdraw(state_dir, name)
    return tuple(found)


def running(settings: Settings) -> dict[str, process.Record]:
    """The living processes of the state directory, by role, in the order in which they are stopped."""
    return {name: record for name in ROLES if (record := process.find(settings.state_dir, name))}


def roles(settings: Settings) -> tuple[Role, ...]:
    """What must run beside a dashboard, in the order in which it is started."""
    controller = _role(settings, "controller", "lib.controller")
    if settings.target == "cloud":
        return (controller,)
    options = ["--state-dir", str(settings.state_dir)]
    for option in ("speed", "seed", "scenario"):
        if value := os.environ.get(f"ATLAS_SANDBOX_{option.upper()}"):
            options += [f"--{option}", _from_here(value) if option == "scenario" else value]
    return (_role(settings, "sandbox", "lib.sandbox", *options), controller)


def _from_here(scenario: str) -> str:
    """A path is meant from where the user stands, and the sandbox starts elsewhere; a name stays one."""
    path = Path(scenario).expanduser()
    return str(path.absolute()) if path.suffix or len(path.parts) > 1 else scenario


def dashboard_role(settings: Settings, port: int) -> Role:
    words = ("run", "streamlit_app.py", "--server.port", str(port), "--server.headless", "true")
    return _role(settings, "dashboard", "streamlit", *words, port=port)


def _role(settings: Settings, name: str, module: str, *words: str, port: int = 0) -> Role:
    paths = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return Role(
        name=name,
        command=(sys.executable, "-m", module, *words),
        state_dir=settings.state_dir,
        cwd=HOME,
        environment={
            "ATLAS_STATE_DIR": str(settings.state_dir),
            owner.OWNED: "1",
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        },
        port=port,
    )


def wait_ready(settings: Settings, *, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Return when the sandbox listens; LaunchError with its own last words when it gave up. One that was
    killed said nothing: whoever supervises starts it again, and waiting goes on."""
    if settings.target == "cloud":
        return
    sandbox = roles(settings)[0]
    path = settings.sandbox_dir / "endpoints.json"

    def settled() -> bool:
        record = process.find(settings.state_dir, sandbox.name)
        return bool(process.why_ended(sandbox)) if record is None else _told_pid(path) == record.pid

    in_time = process.wait_for(settled, timeout_s=timeout_s)
    if process.find(settings.state_dir, sandbox.name) is None:
        said = process.why_ended(sandbox) or "it said nothing"
        raise LaunchError(f"The sandbox ended at once: {said.rstrip('.')} (see {sandbox.log}).")
    if not in_time:
        raise LaunchError(f"The sandbox did not come up within {timeout_s:g} s; see {sandbox.log}.")


def _told_pid(path: Path) -> int:
    try:
        return int(json.loads(path.read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
