"""`up` and `down`: the three processes of a state directory as one thing.

`up` supervises them from its own process until Ctrl-C. It starts nothing that runs already and stops what
it supervised; a second `up` says where the first one is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Annotated

import typer

from lib import launch
from lib.cli import session
from lib.cli.output import Failed, Usage, emit, reported, settings
from lib.launch import LaunchError, process, supervisor
from lib.settings import HOME, Settings

FIRST_PORT, PORTS = 8501, 100
DASHBOARD_TIMEOUT_S = 60.0
SERVING_TIMEOUT_S = 900.0


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it runs.")] = False,
    wait: Annotated[
        str, typer.Option(help="With --detach: 'serving' returns when every region serves.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be started.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Start sandbox, controller and dashboard; print one address; run until Ctrl-C."""
    with reported():
        if wait not in {"", "serving"} or (wait and not detach):
            raise Usage("--wait knows only 'serving', and needs --detach.")
        wanted = settings()
        if dry_run:
            _tell_plan(wanted, as_json=as_json)
            return
        if running := process.find(wanted.state_dir, "dashboard"):
            _tell(wanted, running.port, as_json=as_json, already=True)
        elif detach:
            _tell(wanted, _start_detached(wanted), as_json=as_json)
        else:
            _run(wanted, as_json=as_json)
        if wait:
            _wait_serving(wanted)


def _tell_plan(wanted: Settings, *, as_json: bool) -> None:
    names = (*(role.name for role in launch.roles(wanted)), "dashboard")
    missing = tuple(name for name in names if process.find(wanted.state_dir, name) is None)
    told = f"Would start in {wanted.state_dir}: {', '.join(missing) or 'nothing, all of it runs'}."
    emit({"start": missing, "stateDir": wanted.state_dir, "applied": False}, as_json=as_json, text=[told])


def down(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Stop everything of this state directory; what it knows is kept."""
    with reported():
        wanted = settings()
        if dry_run:
            names = tuple(launch.running(wanted))
            told = f"Would stop: {', '.join(names) or 'nothing'}."
            emit({"stop": names, "applied": False}, as_json=as_json, text=[told])
            return
        stopped = launch.stop(wanted)
        told = f"Stopped: {', '.join(stopped)}." if stopped else f"Nothing runs on {wanted.state_dir}."
        emit({"stopped": stopped}, as_json=as_json, text=[told])


def _run(wanted: Settings, *, as_json: bool) -> None:
    port = _port(wanted)
    roles = (*launch.roles(wanted), launch.dashboard_role(wanted, port))
    keeper = supervisor.make(wanted.state_dir, roles)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: keeper.end())
    try:
        keeper.look()
        keeper.start()
        launch.wait_ready(wanted)
        running = _dashboard(wanted, roles[-1])
        _tell(wanted, running.port, as_json=as_json, already=running.port != port)
        if running.port == port:
            keeper.wait()
    finally:
        keeper.close()


def _dashboard(wanted: Settings, role: process.Role) -> process.Record:
    """The dashboard's process, once it answers."""

    def settled() -> bool:
        record = process.find(wanted.state_dir, role.name)
        return bool(process.why_ended(role)) if record is None else answers(record.port)

    in_time = process.wait_for(settled, timeout_s=DASHBOARD_TIMEOUT_S)
    running = process.find(wanted.state_dir, role.name)
    if running is None:
        other = process.find(wanted.state_dir, supervisor.NAME)
        if other and other.pid != os.getpid():
            raise LaunchError(f"Process {other.pid} already looks after {wanted.state_dir}; stop it first.")
        raise LaunchError(f"The dashboard ended at once: {process.last_words(role)} (see {role.log}).")
    if not in_time:
        raise LaunchError(f"The dashboard did not answer in {DASHBOARD_TIMEOUT_S:g} s; see {role.log}.")
    return running


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _start_detached(wanted: Settings) -> int:
    """A process of its own that does what `up` does; the port of its dashboard."""
    log = process.folder(wanted.state_dir) / "up.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "lib.cli", "up"],
            cwd=HOME,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    found: list[int] = []

    def settled() -> bool:
        record = process.find(wanted.state_dir, "dashboard")
        found[:] = [record.port] if record and answers(record.port) else []
        return bool(found) or child.poll() is not None

    process.wait_for(settled, timeout_s=DASHBOARD_TIMEOUT_S + launch.READY_TIMEOUT_S, every_s=0.1)
    child.poll()
    if not found:
        said = log.read_text(errors="replace").strip().splitlines()
        raise Failed(said[-1] if said else f"It did not start; see {log}.")
    child.returncode = child.returncode or 0  # it goes on without us: that is no leak to be warned of
    return found[0]


def _port(wanted: Settings) -> int:
    """The asked one, or the first free one."""
    if "port" in wanted.model_fields_set and wanted.port:
        if not _free(wanted.port):
            raise Failed(f"Port {wanted.port} is in use by another program; set ATLAS_PORT to a free one.")
        return wanted.port
    free = next((port for port in range(FIRST_PORT, FIRST_PORT + PORTS) if _free(port)), None)
    if free is None:
        raise Failed(f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free; set ATLAS_PORT.")
    return free


def _free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _tell(wanted: Settings, port: int, *, as_json: bool, already: bool = False) -> None:
    url = f"http://127.0.0.1:{port}"
    told = f"GPU Atlas already runs on {wanted.state_dir}: {url}" if already else f"GPU Atlas: {url}"
    value = {"url": url, "stateDir": wanted.state_dir, "alreadyRunning": already}
    emit(value, as_json=as_json, text=[told])
    sys.stdout.flush()
    if trouble := _journal_trouble(wanted):
        typer.echo(f"{trouble.rstrip('.')}; everything else works without it.", err=True)


def _journal_trouble(wanted: Settings) -> str:
    """Why history is not written; "" when it is. Asked of a process of its own, because `up` lives long and would
    keep a database library that it never needs again."""
    command = [sys.executable, "-m", "lib.cli", "events", "--limit", "1", "--json"]
    environment = {**os.environ, "ATLAS_STATE_DIR": str(wanted.state_dir)}
    asked = subprocess.run(  # noqa: S603 - our own module
        command, cwd=HOME, env=environment, capture_output=True, text=True, check=False
    )
    return asked.stderr.strip() if asked.returncode else ""


def _wait_serving(wanted: Settings) -> None:
    from lib.fleet.model import Phase
    from lib.gateways.errors import AtlasError

    gateway, began = session.placements(wanted), wanted.now()

    def serving() -> bool:
        try:
            placement = gateway.get()
        except AtlasError:  # it is being set up
            return False
        if placement.status.as_of is None or placement.status.as_of < began:
            return False  # told by the run before
        count = sum(r.phase is Phase.SERVING for r in placement.status.regions)
        return count >= placement.spec.serving

    if not process.wait_for(serving, timeout_s=SERVING_TIMEOUT_S, every_s=0.5):
        raise Failed(f"Not every region serves after {SERVING_TIMEOUT_S:g} s; see atlas status.")
