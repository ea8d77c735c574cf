"""What a sandbox says of a state directory that somebody broke, and that it leaves it alone; and of wrong YAML."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lib.sandbox import server
from lib.sandbox.store import StateError
from tests.contract.conftest import ROOT

MANIFESTS = ROOT / "manifests"


def opened(state_dir: Path) -> None:
    """Opens the state as a start does, and closes it."""
    world, lock = server._open(server._arguments(["--state-dir", str(state_dir)]))
    world.store.put("things", "a", {"kept": True})
    world.store.close()
    lock.release()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory on a path that shells and URLs dislike."""
    made = tmp_path / "with spaces, ümlauts and ☃"
    made.mkdir()
    opened(made)
    return made


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("state.db", b"no database" * 1000, "move it away and start again", id="state: garbage"),
        pytest.param("clock.json", b"garbage", "remove it to begin again from now", id="clock: garbage"),
        pytest.param("clock.json", b"", "remove it to begin again from now", id="clock: empty"),
        pytest.param("clock.json", b"[1]", "remove it to begin again from now", id="clock: no object"),
        pytest.param(
            "credentials.json", b"garbage", "remove it to have a new one", id="credentials: garbage"
        ),
        pytest.param("credentials.json", b"{}", "remove it to have a new one", id="credentials: no key"),
        pytest.param("ca.pem", b"", "remove it to have new ones", id="certificate: empty"),
        pytest.param("server.pem", b"garbage", "remove it to have new ones", id="certificate: garbage"),
    ],
)
def test_a_broken_file_is_said_with_how_to_mend_it_and_left_alone(state, name, content, told):
    path = state / "sandbox" / name
    path.write_bytes(content)
    with pytest.raises(StateError) as raised:
        opened(state)
    assert str(path) in str(raised.value)
    assert told in str(raised.value)
    assert path.read_bytes() == content
    path.unlink()  # what the sentence says
    (state / "sandbox" / "sandbox.lock").unlink()  # this very process still holds it
    opened(state)


def test_a_half_written_state_is_said_and_left_alone(state):
    path = state / "sandbox" / "state.db"
    os.truncate(path, 5000)
    with pytest.raises(StateError, match="move it away and start again"):
        opened(state)
    assert path.stat().st_size == 5000


def test_the_state_of_a_newer_version_is_not_touched(state):
    path = state / "sandbox" / "state.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StateError, match="newer version"):
        opened(state)


@pytest.mark.parametrize("name", ["sandbox", "delivery.git"])
def test_a_file_where_a_folder_should_be_is_said(state, name):
    shutil.rmtree(state / name)
    (state / name).write_text("mine")
    with pytest.raises(StateError, match="is no usable folder"):
        opened(state)
    assert (state / name).read_text() == "mine"


@pytest.mark.parametrize("content", [b"garbage", b"", b"[1]", b'{"rest": "x"}', b'{"rest": 99999999}'])
def test_ports_that_cannot_be_read_are_chosen_again(state, content):
    (state / "sandbox" / "ports.json").write_bytes(content)
    opened(state)
    assert json.loads((state / "sandbox" / "ports.json").read_text()).keys() == {"rest", "grpc", "vip"}


def test_an_empty_secret_signs_for_nobody(state):
    (state / "sandbox" / "token-secret").write_bytes(b"")
    opened(state)
    assert (state / "sandbox" / "token-secret").read_bytes()


def test_what_is_wrong_is_the_last_word_of_the_process(state):
    """`atlas up` shows the last line to the operator."""
    (state / "sandbox" / "clock.json").write_text("[]")
    command = [sys.executable, "-m", "lib.sandbox", "--state-dir", str(state)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip().endswith("remove it to begin again from now")
