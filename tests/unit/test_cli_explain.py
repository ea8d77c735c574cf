"""`explain` on the command line: from status and journal together, and from the journal alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lib.cli import main, session
from lib.controller.chronicle import Chronicle
from lib.fleet.model import Decision, Phase, PlacementStatus, RegionStatus, WhyNot
from lib.gateways.journal import Journal
from lib.settings import load
from tests.unit.fake_wire import NOW, FakeCloud, _FakePlacements, placement

CHOSEN = Decision(
    at=NOW,
    verb="ScaleOut",
    region="us-east1",
    reason="us-east1 is the best of 9 regions.",
    why_not=(WhyNot(region="us-east4", reason="Dearer.", flip="a failure in us-east1"),),
)
OLDER = Decision(at=NOW - timedelta(days=2), verb="ScaleIn", region="us-west1", reason="It isn't needed.")


class Placements(_FakePlacements):
    def list_regions(self) -> tuple[object, ...]:
        return ()


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(session, "is_down", lambda _: False)
    made = FakeCloud(settings=load())
    status = PlacementStatus(
        regions=(RegionStatus(region="us-east1", phase=Phase.SERVING, accelerator="nvidia-l4"),),
        decisions=(CHOSEN,),
    )
    made.held = replace(placement(), status=status)
    monkeypatch.setattr(session, "placements", lambda _: Placements(made))
    Chronicle(Journal(load().journal_url)).decisions([OLDER, CHOSEN])
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["explain", *words])
    told = capsys.readouterr()
    return code, told.out, told.err.strip()


def test_the_last_decisions_come_from_status_and_journal_each_once(capsys, cloud):
    code, out, _ = run(capsys, "--json")
    told = json.loads(out)
    assert (code, told["note"]) == (0, "")
    assert [d["verb"] for d in told["decisions"]] == ["ScaleOut", "ScaleIn"]
    assert told["decisions"][0]["flip"] == ["a failure in us-east1; then us-east4"]
    assert len(json.loads(run(capsys, "--json", "--limit", "1")[1])["decisions"]) == 1


def test_a_lost_config_cluster_leaves_the_journal_s_answer(capsys, cloud):
    cloud.config_up = False
    code, out, _ = run(capsys)
    assert code == 0
    assert out.startswith("From the journal alone: ")
    assert "why not us-east4: Dearer." in out


def test_a_region_is_explained_by_its_phase_and_by_what_was_decided_about_it(capsys, cloud):
    code, out, _ = run(capsys, "us-east1")
    assert code == 0
    assert out.startswith("us-east1 is Serving.")
    assert "flips with  losing the L4 there" in out
    assert "ScaleOut us-east1: us-east1 is the best of 9 regions." in out
    told = json.loads(run(capsys, "us-east4", "--accelerator", "nvidia-tesla-t4", "--json")[1])
    assert (told["serving"], told["accelerator"]) == (False, "nvidia-tesla-t4")
    assert [d["region"] for d in told["decisions"]] == ["us-east1"]


@pytest.mark.parametrize(
    ("words", "near"), [(["us-est1"], "us-east1"), (["--accelerator", "l4"], "nvidia-l4")]
)
def test_a_wrong_name_is_said_with_the_nearest_right_one(capsys, cloud, words, near):
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert near in err
