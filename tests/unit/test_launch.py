"""Processes: one of each, found again, taken over when stale, restarted when killed, stopped for sure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.launch import process, roles, supervisor
from lib.launch.process import LaunchError, Role
from lib.settings import Settings
from tests.waiting import wait_until

SLEEPER = "import time\nwhile True: time.sleep(1)"
STUBBORN = (
    f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n{SLEEPER}"
)


def role(state_dir: Path, name: str = "sleeper", code: str = SLEEPER) -> Role:
    return Role(name=name, command=(sys.executable, "-c", code), state_dir=state_dir, cwd=state_dir)


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for name in ("sleeper", "other"):
        if found := process.find(tmp_path, name):
            process.end(found, grace_s=0.1)


def start(wanted: Role) -> process.Record:
    with process.exclusive(wanted.state_dir):
        return process.ensure(wanted)[0]


def test_asking_twice_starts_one(state_dir):
    first = start(role(state_dir))
    assert start(role(state_dir)) == first


def test_many_at_once_start_one(state_dir):
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(start(role(state_dir)).pid)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_killed_process_is_not_found_any_more(state_dir):
    record = start(role(state_dir))
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: process.find(state_dir, "sleeper") is None, timeout_s=5)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('{"pid": 1', id="half written"),
        pytest.param(json.dumps({"pid": os.getpid(), "started": "1"}), id="the pid is somebody else's now"),
        pytest.param(json.dumps({"pid": 2**22 + 1, "started": "1"}), id="no such pid"),
    ],
)
def test_a_stale_record_is_taken_over(state_dir, text):
    (state_dir / "sleeper.pid").write_text(text)
    assert process.find(state_dir, "sleeper") is None
    assert process.alive(start(role(state_dir)))


def test_a_lock_is_free_again_when_its_holder_was_killed(state_dir):
    code = (
        "from lib.launch import process; from pathlib import Path; import sys, time\n"
        f"with process.exclusive(Path({str(state_dir)!r})):\n  print('held', flush=True)\n  time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert process.alive(start(role(state_dir)))


def test_stopping_ends_even_a_process_that_does_not_listen(state_dir):
    record = start(role(state_dir, code=STUBBORN))
    wait_until(lambda: "deaf" in (state_dir / "sleeper.log").read_text(), timeout_s=10)
    process.end(record, grace_s=0.2)
    assert not process.alive(record)


def test_a_killed_process_is_started_again(state_dir):
    keeper = supervisor.Supervisor(state_dir, (role(state_dir),), clock=lambda: 0.0)
    assert keeper.look() == ("sleeper",)
    record = process.find(state_dir, "sleeper")
    assert record
    os.kill(record.pid, signal.SIGKILL)
    wait_until(keeper.look, timeout_s=5)
    keeper.close()
    assert process.find(state_dir, "sleeper") is None


def test_a_process_that_keeps_dying_is_started_ever_more_rarely(state_dir):
    now = [0.0]
    keeper = supervisor.Supervisor(
        state_dir, (role(state_dir, code="raise SystemExit(1)"),), clock=lambda: now[0]
    )
    starts = 0
    for _ in range(40):
        wait_until(lambda: process.find(state_dir, "sleeper") is None, timeout_s=5)
        starts += len(keeper.look())
        now[0] += 1.0
    keeper.close()
    assert 3 <= starts <= 7


def test_a_second_supervisor_leaves_everything_to_the_first(state_dir):
    first = start(role(state_dir, name="other"))
    process.enrol(state_dir, supervisor.NAME, pid=first.pid)
    keeper = supervisor.Supervisor(state_dir, (role(state_dir),), clock=lambda: 0.0)
    assert keeper.look() == ()
    keeper.close()
    assert process.alive(first)


def test_a_state_directory_that_can_not_be_used_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="ATLAS_STATE_DIR"), process.exclusive(tmp_path / "file"):
        pass


def test_the_last_words_tell_why_a_process_ended(state_dir):
    wanted = role(state_dir, code="import sys; sys.exit('the state was written by a newer version')")
    start(wanted)
    wait_until(lambda: "newer" in process.last_words(wanted), timeout_s=5)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param("tight", "tight", id="a name"),
        pytest.param("mine.yaml", "{here}/mine.yaml", id="a file where the user stands"),
        pytest.param("drills/mine", "{here}/drills/mine", id="a file below"),
        pytest.param("/srv/mine.yaml", "/srv/mine.yaml", id="a file from the root"),
    ],
)
def test_the_sandbox_finds_the_users_scenario_from_wherever_it_is_started(
    tmp_path, monkeypatch, asked, given
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATLAS_SANDBOX_SCENARIO", asked)
    command = roles(Settings(state_dir=tmp_path, target="sandbox"))[0].command
    assert command[command.index("--scenario") + 1] == given.format(here=tmp_path)
