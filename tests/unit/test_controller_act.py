"""Acting: started and not waited for, repeated without harm, failures turned into what to do next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.controller.act import Actor
from lib.controller.fanout import FanOut
from lib.controller.reactions import Then, reaction_to
from lib.fleet.model import (
    AttachBackend,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    ExpireOverride,
    Outcome,
    Override,
    PlacementSpec,
    Provisioning,
    RemoveWorkload,
    Rollout,
)
from lib.gateways.errors import (
    AtlasError,
    CapacityError,
    Conflict,
    Failure,
    PermissionDenied,
    QuotaError,
    Refused,
    TransientError,
    Unreachable,
    translate,
)
from lib.gateways.journal import Journal
from lib.settings import Settings
from tests.unit.fake_wire import NOW, FakeCloud, placement

EU: dict[str, Any] = {"region": "europe-west4", "cluster": "atlas-europe-west4", "reason": "wanted"}
CREATE = CreateCluster(**EU)
COMMIT = CommitWorkload(
    **EU, accelerator="nvidia-l4", provisioning=Provisioning.STANDARD, rollout=Rollout.SAFE, author=""
)


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    made = FakeCloud(settings=Settings(state_dir=tmp_path, target="sandbox"))
    made.held = placement()
    return made


@pytest.fixture
def actor(cloud: FakeCloud, tmp_path: Path) -> Actor:
    wire = cloud.wire(Journal(f"sqlite:///{tmp_path / 'journal.db'}"))
    return Actor(wire, cloud.settings, FanOut(4))


def act(actor: Actor, *actions):
    return actor.act(actions, placement(), operation_id="op-1", now=NOW)


@pytest.mark.parametrize(
    ("action", "call"),
    [
        pytest.param(CREATE, "create europe-west4/atlas-europe-west4", id="create"),
        pytest.param(ConfigureSync(**EU, membership="m"), "sync clusters/atlas-europe-west4", id="sync"),
        pytest.param(COMMIT, "commit atlas-europe-west4", id="commit"),
        pytest.param(AttachBackend(**EU), "attach europe-west4", id="attach"),
        pytest.param(DetachBackend(**EU), "detach europe-west4", id="detach"),
    ],
)
def test_each_action_is_one_call_and_says_so(actor, cloud, action, call):
    (result,) = act(actor, action)
    assert cloud.calls == [call]
    assert result.then is Then.DONE
    assert result.done.calls


def test_a_cluster_that_exists_already_is_no_failure_and_no_news(actor, cloud):
    act(actor, CREATE)
    (again,) = act(actor, CREATE)
    assert (again.then, again.done.calls, again.error) == (Then.DONE, (), "")


def test_a_cluster_that_is_gone_already_is_deleted(actor, cloud):
    (result,) = act(actor, DeleteCluster(**EU))
    assert result.then is Then.DONE
    assert result.error == ""


def test_the_sync_spec_goes_before_the_files_do(actor, cloud):
    act(actor, RemoveWorkload(**EU, membership="m"))
    assert cloud.calls == ["unsync", "remove atlas-europe-west4"]


def test_later_steps_of_a_region_wait_for_the_one_that_failed_and_other_regions_go_on(actor, cloud):
    us = CreateCluster(region="us-east1", cluster="atlas-us-east1", reason="wanted")
    cloud.failures = {"create europe-west4": TransientError("try again.")}
    act(actor, CREATE, COMMIT, us)
    assert cloud.calls == ["create us-east1/atlas-us-east1"]


def test_a_failed_action_is_held_back_for_a_while(actor, cloud):
    cloud.failures = {"create": PermissionDenied("no container.clusters.create.")}
    (result,) = act(actor, CREATE)
    assert (result.then, result.error) == (Then.ASK, "no container.clusters.create.")
    assert act(actor, CREATE) == ()


def test_what_only_an_operator_can_mend_says_how(actor, cloud):
    said = 'Required "container.clusters.create" permission(s) for "projects/p".'
    cloud.failures = {"create": translate(Failure(doing="creating it", status=403, message=said))}
    (result,) = act(actor, CREATE)
    assert result.then is Then.ASK
    assert result.error.startswith(f"Creating it failed: {said}")
    assert "Grant the permission that is named" in result.error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(QuotaError("short of CPUS."), Outcome.QUOTA, id="quota"),
        pytest.param(CapacityError("no room."), Outcome.STOCK_OUT, id="stock-out"),
    ],
)
def test_a_region_that_refuses_a_cluster_is_evidence_to_go_elsewhere(actor, cloud, error, outcome):
    cloud.failures = {"create": error}
    (result,) = act(actor, CREATE)
    assert result.then is Then.ELSEWHERE
    (lesson,) = actor.take_lessons()
    assert (lesson.region, lesson.accelerator, lesson.outcome) == ("europe-west4", "nvidia-l4", outcome)
    assert actor.take_lessons() == ()


def test_nothing_is_taken_away_for_a_wish_that_has_changed_meanwhile(actor, cloud):
    cloud.held = placement(generation=2)
    assert act(actor, DeleteCluster(**EU), DetachBackend(**EU)) == ()
    assert cloud.calls == []


def test_nothing_is_taken_away_while_the_wish_can_not_be_read(actor, cloud):
    cloud.config_up = False
    act(actor, DeleteCluster(**EU), AttachBackend(**EU))
    assert cloud.calls == ["attach europe-west4"]


def test_an_expired_override_leaves_the_spec(actor, cloud):
    override = Override(
        region=None,
        accelerator="nvidia-h100-80gb",
        rollout=Rollout.HARD,
        expires_at=NOW,
        owner="me",
        reason="drill",
    )
    kept = Override(
        region="us-east1", accelerator="nvidia-l4", rollout=Rollout.SAFE, expires_at=None, owner="", reason=""
    )
    cloud.held = placement(PlacementSpec(accelerators=("nvidia-l4",), overrides=(override, kept)))
    act(actor, ExpireOverride(override=override, reason="ran out"))
    assert cloud.held.spec.overrides == (kept,)


@pytest.mark.parametrize(
    ("error", "then"),
    [
        pytest.param(TransientError("503"), Then.RETRY, id="transient"),
        pytest.param(Unreachable("silence"), Then.RETRY, id="silence"),
        pytest.param(Conflict("raced"), Then.RETRY, id="conflict"),
        pytest.param(Refused("bad field"), Then.GIVE_UP, id="refused"),
        pytest.param(AtlasError("something new"), Then.RETRY, id="unknown errors are tried again"),
    ],
)
def test_the_error_table_knows_what_to_do(error, then):
    assert reaction_to(error).then is then


HELD_AT = "0123456789abcdef0123456789abcdef01234567"


def past(gpu: str) -> dict[str, str]:
    selector = f"{{cloud.google.com/gke-accelerator: {gpu}}}"
    return {"d.yaml": f"kind: Deployment\nspec: {{template: {{spec: {{nodeSelector: {selector}}}}}}}\n"}


def test_a_roll_back_commits_the_files_as_they_were_with_a_mark(actor, cloud):
    cloud.past_files = past("nvidia-l4")
    (result,) = act(actor, replace(COMMIT, commit=HELD_AT))
    assert result.done.calls
    assert cloud.committed["d.yaml"] == past("nvidia-l4")["d.yaml"]
    assert HELD_AT in cloud.committed["held.yaml"]


def test_a_lease_that_says_another_gpu_than_its_commit_holds_is_not_carried_out(actor, cloud):
    cloud.past_files = past("nvidia-h100-80gb")
    (result,) = act(actor, replace(COMMIT, commit=HELD_AT))
    assert result.then is Then.GIVE_UP
    assert "at 0123456 doesn't hold nvidia-l4 STANDARD" in result.error
    assert cloud.calls == []
