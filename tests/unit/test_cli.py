"""The command line: exit codes, sentences, nearest names; what is changed, and what a dry run leaves alone."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dulwich.repo import Repo

from lib.cli import main, output, sandbox, session, stack
from lib.controller.render import Variant, read_sources, render
from lib.fleet import drill
from lib.fleet.capacity import views
from lib.fleet.model import Entry, Phase, PhaseSpan, Placement, PlacementStatus, RegionStatus
from lib.gateways import txt2img
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.errors import Unreachable
from lib.gateways.faults import FaultKind
from lib.gateways.journal import Journal
from lib.settings import load
from tests.unit.fake_wire import NOW, FakeCloud, _FakePlacements
from tests.unit.fleet_world import capacity_of


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ATLAS_TARGET", "ATLAS_PORT", "ATLAS_JOURNAL_URL", "ATLAS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    told = capsys.readouterr()
    return code, told.out, told.err.strip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["expnd", "us-east1"], "Did you mean 'expand'", id="a verb"),
        pytest.param(["expand", "us-est1"], "us-east1", id="a region"),
        pytest.param(["locate", "--accelerator", "nvidia-l44"], "nvidia-l4", id="a GPU"),
        pytest.param(["switch-gpu", "l4"], "nvidia-l4", id="a GPU by its short name"),
        pytest.param(["switch-gpu", "nvidia-l4", "--ttl", "ten"], "write 90s, 10m or 1h30m", id="a duration"),
        pytest.param(["events", "--kind", "phases"], "there are action", id="a kind"),
        pytest.param(["sandbox", "speed", "1000"], "from 1 to 600", id="a speed"),
        pytest.param(["commits", "--limit", "0"], "From 1 to 500", id="a number of commits"),
        pytest.param(["rollback", "abcd", "--region", "us-est1"], "us-east1", id="a region to roll back"),
        pytest.param(["status", "--jsn"], "--jsn", id="an option"),
        pytest.param(["expand"], "Missing argument", id="nothing"),
        pytest.param(["txt2img", ""], "prompt", id="an empty prompt"),
        pytest.param(["up", "--wait", "serving"], "--detach", id="waiting in the foreground"),
    ],
)
def test_wrong_usage_is_one_sentence_with_the_nearest_right_words(capsys, words, sentence):
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "\n" not in err


@pytest.mark.parametrize("words", [["status"], ["regions", "--json"], ["expand", "us-east1"], ["recover"]])
def test_when_nothing_runs_it_says_how_to_start(capsys, words):
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert "start it with ./atlas up" in err


def test_stopping_what_does_not_run_is_done(capsys, state_dir):
    code, out, _ = run(capsys, "down", "--json")
    assert (code, json.loads(out)) == (0, {"stopped": []})
    assert not state_dir.exists()


def test_a_taken_port_is_said_in_one_sentence_and_starts_nothing(capsys, monkeypatch, state_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("ATLAS_PORT", str(taken.getsockname()[1]))
        code, _, err = run(capsys, "up")
    assert code == 1
    assert "is in use by another program" in err
    assert not list(state_dir.glob("*.pid"))


def test_a_wrong_setting_names_its_variable(capsys, monkeypatch):
    monkeypatch.setenv("ATLAS_PORT", "many")
    code, _, err = run(capsys, "status")
    assert code == 1
    assert "ATLAS_PORT" in err


def test_the_sandbox_verbs_refuse_a_real_project(capsys, monkeypatch):
    monkeypatch.setenv("ATLAS_TARGET", "cloud")
    monkeypatch.setenv("ATLAS_PROJECT", "p")
    monkeypatch.setenv("ATLAS_DELIVERY_URL", "https://example.invalid/r.git")
    code, _, err = run(capsys, "sandbox", "env")
    assert code == 1
    assert "real project" in err


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", timedelta(seconds=90)), ("1h30m", timedelta(hours=1.5)), ("0.5h", timedelta(minutes=30))],
)
def test_durations_are_read_as_people_write_them(text, length):
    assert session.duration(text) == length


def test_scope_values_are_numbers_and_truths_where_they_look_like_it():
    assert dict(map(sandbox._pair, ["region=us-east1", "reclaim=false", "ms=200"])) == {
        "region": "us-east1",
        "reclaim": False,
        "ms": 200,
    }


def test_events_come_oldest_first_as_json(capsys, state_dir):
    state_dir.mkdir()
    journal = Journal(load().journal_url)
    for minute in range(3):
        journal.append("phase", at=NOW + timedelta(minutes=minute), region="us-east1", message=str(minute))
    code, out, _ = run(capsys, "events", "--json", "--limit", "2")
    assert code == 0
    assert [e["message"] for e in json.loads(out)] == ["1", "2"]


def test_an_attempt_is_told_in_words_and_where_it_happened(capsys, state_dir):
    state_dir.mkdir()
    journal = Journal(load().journal_url)
    journal.append("phase", at=NOW + timedelta(minutes=2), region="us-east1", message="Serves.")
    tried = {"accelerator": "nvidia-l4", "provisioning": "SPOT", "outcome": "StockOut", "zone": "us-east1-b"}
    journal.append("attempt", at=NOW, region="us-east1", body=tried)
    _, out, _ = run(capsys, "events")
    lines = out.splitlines()
    assert lines[1].endswith("L4 SPOT: StockOut in us-east1-b")
    assert lines[2].endswith("Serves.")


def test_probes_are_told_only_when_they_are_asked_for(capsys, state_dir):
    state_dir.mkdir()
    journal = Journal(load().journal_url)
    for kind in ("phase", "probe", "probe"):
        journal.append(kind, at=NOW)
    told = {words: run(capsys, "events", "--json", *words)[1] for words in ((), ("--kind", "probe"))}
    assert [e["kind"] for e in json.loads(told[()])] == ["phase"]
    assert [e["kind"] for e in json.loads(told["--kind", "probe"])] == ["probe", "probe"]


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"], ["events"]])
@pytest.mark.parametrize("below", ["", "sub"])
def test_a_file_where_the_state_directory_should_be_is_said(capsys, monkeypatch, tmp_path, words, below):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path / "file" / below))
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert "can't be used" in err
    assert "set ATLAS_STATE_DIR to another" in err
    assert "\n" not in err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_journal_that_cannot_be_used_is_said_by_up_and_left_alone(state_dir):
    state_dir.mkdir()
    assert stack._journal_trouble(load()) == ""
    (state_dir / "journal.db").write_bytes(b"no database" * 100)
    assert "move it away" in stack._journal_trouble(load())
    assert (state_dir / "journal.db").read_bytes().startswith(b"no database")


def test_the_sandbox_verbs_say_what_is_wrong_with_a_scope_and_send_nothing(monkeypatch, capsys):
    kinds = (FaultKind(kind="stockout", sentence="", scope={"region": "", "accelerator": ""}),)
    monkeypatch.setattr(session, "sandbox", lambda _: SimpleNamespace(kinds=lambda: kinds))
    said = [
        run(capsys, "sandbox", "fault", "add", "stockout", pair)
        for pair in ("region=us-est1", "regin=us-east1", "accelerator=nvidia-l44")
    ]
    assert [code for code, _, _ in said] == [2, 2, 2]
    assert "us-east1" in said[0][2]
    assert "did you mean region?" in said[1][2]
    assert "nvidia-l4" in said[2][2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("clusters: [", "is no kubeconfig", id="no YAML"),
        pytest.param("just words", "is no kubeconfig", id="no mapping"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_left_alone(tmp_path, text, told):
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(output.Failed, match=told):
        sandbox._held(tmp_path / "kubeconfig")


def test_plain_makes_json_of_our_values():
    region = RegionStatus(region="us-east1", phase=Phase.SERVING, since=NOW)
    told = json.loads(json.dumps(output.plain(region)))
    assert (told["phase"], told["since"]) == ("Serving", "2026-11-01T12:00:00+00:00")


# --- verbs that change something, against a placement in memory ---------------------------------------


class Placements(_FakePlacements):
    def list_regions(self) -> tuple[Any, ...]:
        return ()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> FakeCloud:
    from tests.unit.fake_wire import placement

    state_dir.mkdir()
    made = FakeCloud(settings=load())
    status = PlacementStatus(regions=(RegionStatus(region="us-east1", phase=Phase.SERVING),))
    made.held = replace(placement(), status=status)
    monkeypatch.setattr(session, "placements", lambda _: Placements(made))
    return made


def held(cloud: FakeCloud) -> Placement:
    assert cloud.held
    return cloud.held


def test_a_dry_run_shows_calls_cost_and_undo_and_changes_nothing(capsys, cloud):
    code, out, _ = run(capsys, "contract", "us-east1", "--dry-run", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["applied"] is False
    assert {"sentence", "calls", "commits", "usd_per_hour_after", "blast_radius", "undo"} <= told[
        "preview"
    ].keys()
    assert cloud.calls == []
    assert Journal(load().journal_url).read() == []


def test_a_change_is_written_and_journalled_with_its_operation_id(capsys, cloud):
    code, out, _ = run(capsys, "contract", "us-east1", "--operation-id", "op-7", "--json")
    assert code == 0
    assert json.loads(out)["operationId"] == "op-7"
    assert "us-east1" in held(cloud).spec.excluded
    (entry,) = Journal(load().journal_url).read(kinds=["intent"])
    assert (entry.operation_id, entry.body["verb"]) == ("op-7", "contract")


def test_a_repeat_with_the_same_operation_id_is_done_and_changes_nothing(capsys, cloud):
    for applied in (True, False):
        code, out, _ = run(capsys, "contract", "us-east1", "--operation-id", "op-7", "--json")
        assert (code, json.loads(out)["applied"]) == (0, applied)
    assert cloud.calls == ["change"]


@pytest.fixture
def two_commits(cloud: FakeCloud) -> tuple[str, str]:
    """Of us-east1's directory: L4 first, T4 now."""
    Repo.init_bare(str(load().state_dir / "delivery.git"), mkdir=True, default_branch=b"main").close()
    git = DeliveryGateway(load())
    first, second = (
        git.commit("atlas-us-east1", render(read_sources(), variant(gpu)), subject=f"Run {gpu}", author="ada")
        for gpu in ("nvidia-l4", "nvidia-tesla-t4")
    )
    return first, second


def variant(gpu: str) -> Variant:
    return Variant(cluster="atlas-us-east1", region="us-east1", accelerator=gpu)


def test_commits_are_told_newest_first_with_who(capsys, two_commits):
    code, out, _ = run(capsys, "commits", "--json")
    told = json.loads(out)
    assert (code, [one["sha"] for one in told]) == (0, list(reversed(two_commits)))
    assert (told[0]["author"], told[0]["clusters"]) == ("ada", ["atlas-us-east1"])
    code, out, _ = run(capsys, "commits", "--limit", "1")
    assert two_commits[1][:7] in out
    assert two_commits[0][:7] not in out


def test_a_roll_back_holds_the_region_at_the_commit(capsys, cloud, two_commits, monkeypatch):
    offers = views(
        held(cloud).spec, {"us-east1": capacity_of("us-east1")}, attempts=(), global_quota=None, now=NOW
    )
    monkeypatch.setattr(Placements, "list_regions", lambda _: offers)
    code, _, err = run(capsys, "rollback", two_commits[0][:8], "--ttl", "30m", "--json")
    assert code == 0, err
    (lease,) = held(cloud).spec.overrides
    assert (lease.region, lease.commit, lease.accelerator) == ("us-east1", two_commits[0], "nvidia-l4")
    (entry,) = Journal(load().journal_url).read(kinds=["intent"])
    assert entry.body["verb"] == "rollback"


@pytest.mark.parametrize(
    ("commit", "says"),
    [
        pytest.param("0000000", "There is no commit 0000000", id="none of that name"),
        pytest.param("main", "is no commit", id="no name of one"),
        pytest.param("head", "Nothing to roll back", id="what it is now"),
    ],
)
def test_a_roll_back_that_makes_no_sense_is_a_failure_in_one_sentence(
    capsys, cloud, two_commits, commit, says
):
    code, _, err = run(capsys, "rollback", two_commits[1] if commit == "head" else commit)
    assert code == 1
    assert says in err
    assert cloud.calls == []


def test_what_the_intent_refuses_is_a_failure_in_one_sentence(capsys, cloud):
    code, _, err = run(capsys, "contract", "europe-west4")
    assert code == 1
    assert "europe-west4" in err
    assert cloud.calls == []


def test_when_the_config_cluster_is_lost_it_says_what_still_works(capsys, cloud, monkeypatch):
    monkeypatch.setattr(session, "is_down", lambda _: False)
    cloud.config_up = False
    journal = Journal(load().journal_url)
    journal.append("bootstrap", at=NOW, message="The global endpoint is declared.")
    assert "does not answer yet: The global endpoint is declared." in run(capsys, "status")[2]
    journal.append("phase", at=NOW, region="us-east1", body={"phase": "Serving"})
    code, _, err = run(capsys, "expand", "us-east1")
    assert code == 1
    assert err.startswith("The config cluster does not answer; what serves goes on")


PASSPORT = txt2img.Passport(
    **dict.fromkeys(("zone", "cluster", "pod", "accelerator", "moved_from", "job_id", "at", "model"), ""),
    **dict.fromkeys(("queue_s", "compute_s", "network_s", "total_s"), 0.0),
    region="us-east1",
    attempts=1,
    seed=7,
)


def test_a_prompt_is_journalled_whether_it_was_drawn_or_not(capsys, cloud, monkeypatch, tmp_path):
    """Drill reports count what users lost."""
    status = replace(held(cloud).status, vip="http://127.0.0.1:1")
    cloud.held = replace(held(cloud), status=status)
    drawn = txt2img.Picture(png=b"png", passport=PASSPORT)
    monkeypatch.setattr(txt2img, "generate", lambda *_, **__: drawn)
    assert run(capsys, "txt2img", "a fox", "-o", str(tmp_path / "fox.png"))[0] == 0
    monkeypatch.setattr(txt2img, "generate", _no_region)
    assert run(capsys, "txt2img", "an owl", "-o", str(tmp_path / "owl.png"))[0] == 1

    failed, good = Journal(load().journal_url).read(kinds=["prompt"])
    assert (good.message, good.region, good.body["ok"]) == ("a fox", "us-east1", True)
    assert (failed.message, failed.body["ok"]) == ("an owl", False)
    report = drill.timeline([Entry(id=0, at=NOW, kind="fault"), good, failed])
    assert (report.prompts_ok, report.prompts_failed) == (1, 1)


def _no_region(*_: object, **__: object) -> txt2img.Picture:
    raise Unreachable("No region serves.")


def test_a_picture_that_cannot_be_kept_is_refused_before_it_is_drawn(capsys, cloud, tmp_path):
    code, _, err = run(capsys, "txt2img", "a fox", "-o", str(tmp_path))
    assert code == 1
    assert "is a folder" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["up", "--dry-run"], "Would start in", id="up"),
        pytest.param(["down", "--dry-run"], "Would stop: nothing", id="down"),
        pytest.param(["txt2img", "a fox", "--dry-run"], "Would send one prompt", id="txt2img"),
    ],
)
def test_a_dry_run_of_any_verb_needs_nothing_running_and_leaves_nothing_behind(
    capsys, state_dir, words, told
):
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert told in out
    assert not state_dir.exists()


def test_a_phase_that_nobody_led_for_a_while_is_told_in_json(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    span = PhaseSpan(
        phase=Phase.SYNCING, since=datetime(2026, 11, 23, tzinfo=UTC), unled=timedelta(minutes=2)
    )
    region = RegionStatus(region="us-east1", phase=Phase.SYNCING, history=(span,))
    cloud.held = replace(held(cloud), status=PlacementStatus(regions=(region,)))
    code, out, _ = run(capsys, "status", "--json")
    assert code == 0
    assert json.loads(out)["regions"][0]["history"][0]["unled"] == 120.0
