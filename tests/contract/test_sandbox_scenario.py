"""Scenarios over the wire and through kill -9: the admin API by its gateway, the command line, and the start option."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.cli import main
from lib.gateways.errors import Refused
from lib.gateways.faults import FaultsGateway
from lib.gateways.journal import Journal
from lib.settings import Settings
from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

Run = Callable[..., tuple[int, Any, str]]  # words -> exit code, what was told as JSON, the sentence on stderr
FILE = """
name: mine
sentence: T4 goes in us-central1.
stock: {otherwise: {standard: 0.9, spot: 0.5}}
script:
  - {at: +2m, fault: stockout, scope: {region: us-central1, accelerator: nvidia-tesla-t4}, for: 9d}
  - {at: +300d, fault: quota}
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "mine.yaml").write_text(FILE)
    started = Sandbox(
        state_dir=folder, arguments=("--speed", "600", "--scenario", str(folder / "mine.yaml"))
    ).start()
    yield started
    started.stop()


@pytest.fixture
def gateway(own: Sandbox) -> FaultsGateway:
    return FaultsGateway(Settings(state_dir=own.state_dir))


@pytest.fixture
def run(own: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def told(*words: str) -> tuple[int, Any, str]:
        monkeypatch.setenv("ATLAS_STATE_DIR", str(own.state_dir))
        code = main(["sandbox", "scenario", *words, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err.strip()

    return told


def test_a_file_given_at_the_start_plays_and_a_kill_repeats_nothing(
    own: Sandbox, gateway: FaultsGateway
) -> None:
    (fault,) = wait_until(gateway.list, what="the first line is in force")
    assert (fault.kind, fault.scope["accelerator"]) == ("stockout", "nvidia-tesla-t4")
    own.stop(kill=True)
    own.start()
    assert [f.id for f in gateway.list()] == [fault.id]
    on = gateway.scenario()
    assert (on.name, [line.state for line in on.script]) == ("mine", ["in force", "waiting"])


def test_what_is_chosen_while_it_runs_outlives_a_kill(own: Sandbox, gateway: FaultsGateway) -> None:
    assert gateway.use_scenario(name="tight").name == "tight"
    assert gateway.list() == ()
    own.stop(kill=True)
    own.start()
    assert gateway.scenario().name == "tight"
    assert [s.name for s in gateway.scenarios() if s.on] == ["tight"]


def test_the_command_line_lists_shows_tries_and_uses(own: Sandbox, gateway: FaultsGateway, run: Run) -> None:
    gateway.use_scenario(name="calm")
    _, listed, _ = run("list")
    assert [s["name"] for s in listed if s["on"]] == ["calm"]
    assert run("show", "spot-storm")[1]["script"]
    path = str(own.state_dir / "mine.yaml")
    assert run("use", path, "--dry-run")[1]["applied"] is False
    assert gateway.scenario().name == "calm"
    assert run("use", path)[1]["scenario"]["name"] == "mine"
    assert gateway.scenario().name == "mine"
    (noted,) = Journal(Settings(state_dir=own.state_dir).journal_url).read(kinds=["fault"], limit=1)
    assert (noted.subject, noted.body["scenario"], noted.body["cleared"]) == ("scenario", "mine", False)


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        pytest.param("clam", 2, "did you mean calm", id="a name"),
        pytest.param("gone.yaml", 1, "can't be read", id="a file that is not there"),
        pytest.param(
            "bad.yaml", 1, "bad.yaml: script[0].for: 9 is no duration; it must be like 30m.", id="a field"
        ),
        pytest.param("no.yaml", 1, "is not YAML", id="no YAML"),
    ],
)
def test_a_wrong_choice_is_one_sentence_and_changes_nothing(
    own: Sandbox, run: Run, asked: str, code: int, sentence: str
) -> None:
    before = run("show")[1]["started_at"]
    (own.state_dir / "bad.yaml").write_text(FILE.replace("for: 9d", "for: 9"))
    (own.state_dir / "no.yaml").write_text("name: [")
    name = str(own.state_dir / asked) if "." in asked else asked
    found, told, said = run("use", name)
    assert (found, told) == (code, None)
    assert sentence in said
    assert "\n" not in said
    assert run("show")[1]["started_at"] == before


def test_a_viewer_may_look_and_not_change(own: Sandbox) -> None:
    viewer = str(own.credentials("credentials-viewer.json").token)
    with own.http(viewer) as client:
        assert client.get("/admin/v1/scenario").status_code == 200
        assert client.put("/admin/v1/scenario", json={"name": "calm"}).status_code == 403


def test_a_bad_request_is_refused_with_its_field(gateway: FaultsGateway) -> None:
    with pytest.raises(Refused, match=r"mine: quota: \"lots\" is not known"):
        gateway.use_scenario(
            document={"name": "a", "sentence": "b", "stock": {}, "quota": "lots"}, file="mine"
        )


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("clam", 'There is no scenario "clam"'),
        ("bad.yaml", "bad.yaml: name: nothing is there; it must be a text."),
    ],
)
def test_a_sandbox_with_a_wrong_scenario_ends_at_once_with_one_sentence(
    tmp_path: Path, asked: str, sentence: str
) -> None:
    (tmp_path / "bad.yaml").write_text("stock: {}")
    name = str(tmp_path / asked) if "." in asked else asked
    done = subprocess.run(
        [sys.executable, "-m", "lib.sandbox", "--state-dir", str(tmp_path), "--scenario", name],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
