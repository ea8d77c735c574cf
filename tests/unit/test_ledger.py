"""The ledger: a line before each call and one after it, for everything that is made; a lost journal stops nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.controller.act import Actor
from lib.controller.bootstrap import Bootstrap
from lib.controller.fanout import FanOut
from lib.fleet.ledger import Step, Thing, ThingKind, made_by, newest, removed_by
from lib.fleet.model import (
    Action,
    AttachBackend,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    Provisioning,
    RemoveWorkload,
    Rollout,
)
from lib.gateways.errors import AlreadyExists, AtlasError, NotFound, QuotaError, Unreachable
from lib.gateways.journal import Journal
from lib.gateways.ledger import Because, Ledger
from lib.settings import Settings
from tests.unit.fake_wire import NOW, FakeCloud, placement

EU: dict[str, Any] = {
    "region": "europe-west4",
    "cluster": "atlas-europe-west4",
    "reason": "europe-west4 is the best.",
}
COMMIT = CommitWorkload(
    **EU, accelerator="nvidia-l4", provisioning=Provisioning.STANDARD, rollout=Rollout.SAFE, author="ada"
)
CLUSTER = Thing(kind=ThingKind.CLUSTER, name="atlas-europe-west4", location="europe-west4")
MEMBERSHIP = Thing(kind=ThingKind.MEMBERSHIP, name="atlas-europe-west4", location="europe-west4")
WHY = Because(why="wanted", actor="ada", operation_id="op-1")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(f"sqlite:///{tmp_path / 'journal.db'}")


@pytest.fixture
def ledger(journal: Journal) -> Ledger:
    return Ledger(journal, lambda: NOW)


def steps(journal: Journal) -> list[tuple[str, str]]:
    return [(e.subject, str(e.body["step"])) for e in reversed(journal.read(kinds=["ledger"]))]


def test_the_intent_is_written_before_the_call_and_completed_after_it(ledger, journal):
    with ledger.making(CLUSTER, because=WHY) as receipt:
        assert steps(journal) == [(CLUSTER.key, "Intended")]
        receipt.operation = "operation-7"
    line = ledger.stands()[CLUSTER]
    assert (line.step, line.operation, line.actor, line.operation_id, line.why, line.at) == (
        Step.MADE,
        "operation-7",
        "ada",
        "op-1",
        "wanted",
        NOW,
    )


@pytest.mark.parametrize(
    ("error", "step", "stands"),
    [
        pytest.param(QuotaError("no room."), "Failed", False, id="refused: nothing was made"),
        pytest.param(Unreachable("silence."), "Unanswered", True, id="no answer: it may be there"),
        pytest.param(AlreadyExists("is there."), "Found", False, id="there already, by whatever hand"),
    ],
)
def test_how_a_creation_ended_is_said_and_the_error_goes_on(ledger, journal, error, step, stands):
    with pytest.raises(type(error)), ledger.making(CLUSTER, because=WHY):
        raise error
    assert [s for _, s in steps(journal)] == ["Intended", step]
    assert ledger.holds(CLUSTER) is stands


def test_a_process_that_dies_in_the_call_leaves_the_question_and_no_gap(ledger):
    with pytest.raises(KeyboardInterrupt), ledger.making(CLUSTER, because=WHY):
        raise KeyboardInterrupt
    assert ledger.stands()[CLUSTER].step is Step.INTENDED


def test_a_refused_removal_leaves_the_thing_as_it_stood(ledger):
    with ledger.making(CLUSTER, because=WHY):
        pass
    with pytest.raises(AtlasError), ledger.removing(CLUSTER, because=WHY):
        raise AtlasError("an operation is under way.")
    assert ledger.stands()[CLUSTER].step is Step.MADE


def test_what_was_gone_already_is_removed(ledger):
    with pytest.raises(NotFound), ledger.removing(CLUSTER, because=WHY):
        raise NotFound("gone.")
    assert ledger.stands()[CLUSTER].step is Step.REMOVED


def test_a_line_of_another_version_is_passed_over(ledger, journal):
    journal.append("ledger", at=NOW, subject="?", body={"kind": "Teapot", "step": "Made"})
    assert ledger.stands() == {}


@pytest.mark.parametrize(
    ("action", "made", "removed"),
    [
        pytest.param(
            CreateCluster(**EU), ["Cluster", "Membership"], [], id="a cluster brings its membership"
        ),
        pytest.param(COMMIT, ["Directory"], [], id="a commit"),
        pytest.param(ConfigureSync(**EU, membership="m"), ["SyncSetting"], [], id="Config Sync"),
        pytest.param(AttachBackend(**EU), ["Link"], [], id="a link"),
        pytest.param(DetachBackend(**EU), [], ["Link"], id="unlinking"),
        pytest.param(RemoveWorkload(**EU, membership="m"), [], ["Directory", "SyncSetting"], id="dropping"),
        pytest.param(DeleteCluster(**EU), [], ["Cluster", "Membership"], id="deleting"),
    ],
)
def test_every_action_that_makes_or_takes_away_says_what(action: Action, made: list[str], removed: list[str]):
    assert [t.kind for t in made_by(action)] == made
    assert [t.kind for t in removed_by(action)] == removed


def test_what_is_removed_is_what_was_made(ledger):
    """The keys agree, or nothing would ever be crossed out."""
    for action in (CreateCluster(**EU), COMMIT, ConfigureSync(**EU, membership="m"), AttachBackend(**EU)):
        with ledger.making(*made_by(action), because=WHY):
            pass
    for action in (DetachBackend(**EU), RemoveWorkload(**EU, membership="m"), DeleteCluster(**EU)):
        with ledger.removing(*removed_by(action), because=WHY):
            pass
    assert {line.step for line in ledger.stands().values()} == {Step.REMOVED}


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    made = FakeCloud(settings=Settings(state_dir=tmp_path, target="sandbox"))
    made.held = placement()
    return made


def test_the_loop_s_actions_are_in_the_ledger_with_reason_and_operation(cloud, journal):
    actor = Actor(cloud.wire(journal), cloud.settings, FanOut(2))
    actor.act((CreateCluster(**EU), COMMIT), placement(), operation_id="op-9", now=NOW)
    lines = newest(journal.read(kinds=["ledger"]))
    assert lines[CLUSTER].step is lines[MEMBERSHIP].step is Step.MADE
    assert (lines[CLUSTER].operation, lines[CLUSTER].operation_id) == ("operation-1", "op-9")
    assert lines[Thing(kind=ThingKind.DIRECTORY, name="atlas-europe-west4")].actor == "ada"


def test_a_broken_journal_stops_no_action(cloud, tmp_path):
    broken = Journal(f"sqlite:///{tmp_path / 'nowhere' / 'journal.db'}")
    actor = Actor(cloud.wire(broken), cloud.settings, FanOut(2))
    (result,) = actor.act((CreateCluster(**EU),), placement(), operation_id="op-9", now=NOW)
    assert (result.error, cloud.calls) == ("", ["create europe-west4/atlas-europe-west4"])


def test_the_set_up_is_in_the_ledger_once_whatever_process_repeats_it(cloud, journal):
    for _ in range(2):
        steps_taken = Bootstrap(cloud.wire(journal), cloud.settings)
        steps_taken.advance()
        cloud.becomes("us-central1", "config-cluster", "RUNNING")
        steps_taken.advance()
    keys = [key for key, step in steps(journal) if step == "Made"]
    assert "Cluster/us-central1/config-cluster" in keys
    assert any(key.startswith("Manifest//CustomResourceDefinition/") for key in keys)
    assert len(keys) == len(set(keys))


def test_the_newest_line_counts_whatever_the_order_of_reading(ledger, journal):
    for _ in range(2):
        with ledger.making(CLUSTER, because=WHY):
            pass
    with ledger.removing(CLUSTER, because=WHY):
        pass
    entries = journal.read(kinds=["ledger"])
    assert newest(entries) == newest(reversed(entries))
    assert newest(entries)[CLUSTER].at <= NOW + timedelta()
