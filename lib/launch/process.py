"""One operating-system process of a role: found by its record, started at most once, stopped for sure.

A record (<state>/<role>.pid) names a pid together with the moment that process started, so a pid that the
system gave to somebody else is not mistaken for ours. Whoever starts or stops something holds an flock on
<state>/launch.lock, which the kernel drops when its holder dies: no stale lock can block anybody.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

STOP_GRACE_S = 10.0
LOCK_WAIT_S = 30.0
_POLL_S = 0.05
_MARK = "--- started"  # parts one run from the next in a log
_ERROR = re.compile(r"[\w.]+(Error|Exception): ")


class LaunchError(Exception):
    """Why something could not be started or stopped, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    name: str  # sandbox, controller, dashboard
    command: tuple[str, ...]
    state_dir: Path
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def log(self) -> Path:
        return self.state_dir / f"{self.name}.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    pid: int
    started: str  # the system's own mark of when this pid began
    port: int = 0


_children: dict[int, subprocess.Popen[bytes]] = {}  # to reap: a dead child is a zombie until it is waited for


@contextmanager
def exclusive(state_dir: Path) -> Iterator[None]:
    """Only one process at a time may start or stop things in a state directory."""
    with _usable(state_dir):
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / "launch.lock").open("a")
    with lock:
        if not wait_for(lambda: _try_flock(lock.fileno()), timeout_s=LOCK_WAIT_S):
            raise LaunchError(
                f"Another process has been starting things in {state_dir} for {LOCK_WAIT_S:g} s."
            )
        yield


def folder(state_dir: Path) -> Path:
    """The state directory, made when it is missing. LaunchError when it can't be used."""
    with _usable(state_dir):
        state_dir.mkdir(parents=True, exist_ok=True)
    return state_dir


@contextmanager
def _usable(state_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise LaunchError(
            f"The state directory {state_dir} can't be used ({e.strerror}); set ATLAS_STATE_DIR to another, or "
            "move away what is there."
        ) from e


def _try_flock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(condition: Callable[[], bool], *, timeout_s: float, every_s: float = _POLL_S) -> bool:
    """True as soon as the condition holds; False when it does not within the time."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True


def find(state_dir: Path, name: str) -> Record | None:
    """The living process of a role; None when there is none (a stale or broken record counts as none)."""
    try:
        kept = json.loads(_record_path(state_dir, name).read_text())
        record = Record(pid=int(kept["pid"]), started=str(kept["started"]), port=int(kept.get("port", 0)))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if alive(record) else None


def alive(record: Record) -> bool:
    child = _children.get(record.pid)
    if child is not None and child.poll() is not None:
        del _children[record.pid]
    return bool(record.started) and birth(record.pid) == record.started


def birth(pid: int) -> str:
    """When the process of this pid began, as the system tells it; "" when there is none, or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _birth_by_ps(pid) if not Path("/proc/self/stat").exists() else ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else rest[18]


def _birth_by_ps(pid: int) -> str:
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)  # noqa: S603
    return told[1].strip() if len(told) == 2 and not told[0].startswith("Z") else ""


def enrol(state_dir: Path, name: str, *, pid: int, port: int = 0) -> Record:
    """Write the record of a process; replaced whole, so a reader never sees half of it."""
    record = Record(pid=pid, started=birth(pid), port=port)
    path = _record_path(state_dir, name)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(record)))
    temporary.replace(path)
    return record


def withdraw(state_dir: Path, name: str) -> None:
    _record_path(state_dir, name).unlink(missing_ok=True)


def _record_path(state_dir: Path, name: str) -> Path:
    return state_dir / f"{name}.pid"


def ensure(role: Role) -> tuple[Record, bool]:
    """The role's process and whether it was started just now. The caller holds `exclusive`."""
    found = find(role.state_dir, role.name)
    return (found, False) if found else (_spawn(role), True)


def _spawn(role: Role) -> Record:
    try:
        with role.log.open("ab") as log:
            log.write(f"{_MARK} {datetime.now(UTC).isoformat(timespec='seconds')}\n".encode())
            log.flush()
            child = subprocess.Popen(  # noqa: S603 - our own modules
                role.command,
                cwd=role.cwd,
                env={**os.environ, **role.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop our children in order
            )
    except OSError as e:
        raise LaunchError(f"The {role.name} could not be started: {e.strerror}.") from e
    _children[child.pid] = child
    return enrol(role.state_dir, role.name, pid=child.pid, port=role.port)


def stop(state_dir: Path, name: str) -> bool:
    """End the role's process, gently first; False when there was none. The caller holds `exclusive`."""
    record = find(state_dir, name)
    if record:
        end(record)
    withdraw(state_dir, name)
    return record is not None


def end(record: Record, *, grace_s: float = STOP_GRACE_S) -> None:
    """SIGTERM, and SIGKILL when that was not enough."""
    for signal_number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not alive(record):
            return
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal_number)
        if wait_for(lambda: not alive(record), timeout_s=patience_s):
            return
    raise LaunchError(f"Process {record.pid} does not end.")


def why_ended(role: Role) -> str:
    """What a process that ended gave as its reason; "" when it was killed and so could give none."""
    said = last_words(role)
    return "" if re.search(r"\bINFO\b|You can now view|URL:", said) else said


def last_words(role: Role) -> str:
    """What a process wrote last, to tell why it ended: an error if it named one, else its last line."""
    try:
        text = role.log.read_bytes()[-20_000:].decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.rpartition(_MARK)[2].splitlines()[1:] if line[:1].strip()]
    told = [line for line in lines if not line.startswith(("Traceback", "Exception ignored", "sys:"))]
    line = next((line for line in reversed(told) if _ERROR.match(line)), (told or [""])[-1])
    with suppress(ValueError, TypeError, AttributeError):
        event = json.loads(line)
        return str(event.get("message") or line)
    return line
