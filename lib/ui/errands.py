"""Verbs of the command line run beside the dashboard, in a process of their own each: their lines come in as told.

What needs Google's large clients (a sonar, a capacity probe) is done there, so that the dashboard stays small, and what
was begun is finished also when the dashboard is not there any more. One errand of a name at a time, for everybody who
looks; the same operation id again is the same errand. What the lines mean is for who asked.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from lib.ui import looks

HOME: Final = Path(__file__).resolve().parents[2]
EVERY_S: Final = 0.3  # how often a watching browser may hear of news
REMEMBERED: Final = 50  # operation ids
COMMAND: Final = (sys.executable, "-m", "lib.cli")
_REGISTRY: Final = "_gpu_atlas_errands"

State = Literal["running", "done", "failed", "cancelled"]
Line = Mapping[str, Any]


class Busy(Exception):  # noqa: N818
    """The errand of this name is under way; in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One errand as it stands. Equal when nothing new was heard, so that looking again is no news."""

    operation_id: str
    actor: str
    about: Mapping[str, Any] = field(compare=False)  # what was asked for, as who began it puts it
    state: State = "running"
    began: float = field(default_factory=time.time)  # wall
    ended: float | None = None
    problem: str = ""
    heard: int = 0
    lines: tuple[Line, ...] = field(default=(), compare=False)


def begin(
    name: str, words: Sequence[str], *, operation_id: str, actor: str, about: Mapping[str, Any]
) -> None:
    """Start `atlas <words> --json`, once per operation id. Raises Busy."""
    _errands().begin(
        name, [*COMMAND, *words, "--json"], Run(operation_id=operation_id, actor=actor, about=about)
    )


def seen(name: str) -> looks.Seen[Run | None]:
    """The newest of this errand, without waiting; a page that follows `look_name(name)` hears of its news."""
    return looks.look(look_name(name), lambda _: latest(name), every_s=EVERY_S)


def latest(name: str) -> Run | None:
    return _errands().latest(name)


def look_name(name: str) -> str:
    return f"errand/{name}"


def cancel(name: str) -> None:
    """Ask it to end; what it has made it takes back first."""
    _errands().cancel(name)


def install(runs: Mapping[str, Run]) -> None:
    """Show fixed runs: tests and the gallery."""
    stop()
    setattr(sys, _REGISTRY, Errands(_runs=dict(runs)))


def stop() -> None:
    """At the server's end: nothing is left running; a probe takes back what it made before it ends."""
    found: Errands | None = getattr(sys, _REGISTRY, None)
    if found is not None:
        for name in found.running():
            found.cancel(name)
        delattr(sys, _REGISTRY)


def _errands() -> Errands:
    found: Errands | None = getattr(sys, _REGISTRY, None)
    return found or cast("Errands", sys.__dict__.setdefault(_REGISTRY, Errands()))


@dataclass
class Errands:
    _runs: dict[str, Run] = field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)  # by operation id
    _ids: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, name: str, command: Sequence[str], run: Run) -> None:
        with self._lock:
            if run.operation_id in self._ids:
                return
            if (known := self._runs.get(name)) and known.state == "running":
                raise Busy(f"One is under way already, begun by {known.actor}; wait for its end.")
            self._ids.append(run.operation_id)
            self._runs[name] = run
        threading.Thread(
            target=self._run, args=(name, run.operation_id, command), name=f"atlas-{name}", daemon=True
        ).start()

    def latest(self, name: str) -> Run | None:
        return self._runs.get(name)

    def running(self) -> list[str]:
        return [name for name, run in self._runs.items() if run.state == "running"]

    def cancel(self, name: str) -> None:
        with self._lock:
            run = self._runs.get(name)
            if run is None or run.state != "running":
                return
            self._runs[name] = replace(run, state="cancelled", ended=time.time())
            if process := self._processes.get(run.operation_id):
                _end(process)

    def _run(self, name: str, operation_id: str, command: Sequence[str]) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module, and its words are checked there
                command, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                text=True, start_new_session=True,
            )  # fmt: skip
        except OSError as e:
            self._change(
                name, operation_id, state="failed", problem=f"It could not be started: {e.strerror}."
            )
            return
        with process:
            with self._lock:
                self._processes[operation_id] = process
                if self._runs[name].state == "cancelled":
                    _end(process)
            code, said = self._listen(name, operation_id, process)
            with self._lock:
                del self._processes[operation_id]
        problem = (said or f"It ended with code {code}.") if code else ""
        self._change(name, operation_id, state="failed" if code else "done", problem=problem)

    def _listen(self, name: str, operation_id: str, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Until it ends: its code, and what it said on stderr. Both pipes are read at once, for a full one would stop it."""
        said: list[str] = []
        listening = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        listening.start()
        rest = ""  # of an object that is told over several lines
        for text in process.stdout or ():
            line = _object(rest + text)
            rest = "" if line else rest + text
            if line:
                self._change(name, operation_id, line=line)
        code = process.wait()
        listening.join(timeout=5)
        return code, " ".join(" ".join(said).split())

    def _change(
        self,
        name: str,
        operation_id: str,
        *,
        line: Line | None = None,
        state: State = "running",
        problem: str = "",
    ) -> None:
        """Of a run that still goes on: what comes of a cancelled one, or of the one before, is left out."""
        with self._lock:
            run = self._runs[name]
            if run.operation_id != operation_id or run.state != "running":
                return
            if line:
                run = replace(run, lines=(*run.lines, line), heard=run.heard + 1)
            ended = None if state == "running" else time.time()
            self._runs[name] = replace(run, state=state, ended=ended, problem=problem)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


def _object(text: str) -> Line | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
