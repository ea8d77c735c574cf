"""The journal's writer: each thing once, also over a restart, and never in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lib.controller.act import Done, Result
from lib.controller.chronicle import Chronicle
from lib.controller.reactions import Then
from lib.fleet.model import (
    Attempt,
    CreateCluster,
    Decision,
    EventObservation,
    FleetObservation,
    Outcome,
    Phase,
    PlacementStatus,
    Provisioning,
    RegionObservation,
    RegionStatus,
    WorkloadObservation,
)
from lib.gateways.journal import Journal
from tests.unit.fake_wire import NOW

EVENT = EventObservation(
    uid="e1",
    cluster="atlas-us-east1",
    kind="Pod",
    name="p",
    type="Warning",
    reason="FailedScaleUp",
    message="GCE out of resources",
    component="cluster-autoscaler",
    first_at=NOW,
    last_at=NOW,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(f"sqlite:///{tmp_path / 'journal.db'}")


def status(phase: Phase) -> PlacementStatus:
    return PlacementStatus(regions=(RegionStatus(region="us-east1", phase=phase, message="so it is."),))


def told(journal: Journal, kind: str) -> list[str]:
    entries = reversed(journal.read(kinds=[kind]))
    return [f"{e.region} {e.body.get('from', '')}>{e.body.get('phase', '')}".strip() for e in entries]


def test_a_phase_is_told_when_it_changes_and_not_at_every_look(journal):
    chronicle = Chronicle(journal)
    for phase in (Phase.WANTED, Phase.WANTED, Phase.PROVISIONING):
        chronicle.phases(status(phase), at=NOW)
    assert told(journal, "phase") == ["us-east1 >Wanted", "us-east1 Wanted>Provisioning"]


def test_a_restart_does_not_tell_the_same_phase_again(journal):
    Chronicle(journal).phases(status(Phase.SERVING), at=NOW)
    again = Chronicle(journal)
    again.restore()
    assert again.phases(status(Phase.SERVING), at=NOW) == ()
    assert len(journal.read(kinds=["phase"])) == 1


def test_a_region_that_left_is_told_once(journal):
    chronicle = Chronicle(journal)
    chronicle.phases(status(Phase.DRAINING), at=NOW)
    chronicle.phases(PlacementStatus(), at=NOW)
    chronicle.phases(PlacementStatus(), at=NOW)
    assert told(journal, "phase") == ["us-east1 >Draining", "us-east1 Draining>"]


def test_a_number_that_counts_down_makes_no_new_decision(journal):
    chronicle = Chronicle(journal)
    hold = Decision(at=NOW, verb="Hold", region="us-east1", reason="the drill ends in 9 min")
    assert chronicle.decisions([hold]) == (hold,)
    assert chronicle.decisions([replace(hold, reason="the drill ends in 8 min")]) == ()
    assert len(chronicle.decisions([replace(hold, verb="Restore")])) == 1


def test_an_event_is_told_again_only_when_it_happened_again(journal):
    chronicle = Chronicle(journal)
    for count in (1, 1, 3):
        chronicle.events(seen(replace(EVENT, count=count)))
    restarted = Chronicle(journal)
    restarted.restore()
    restarted.events(seen(replace(EVENT, count=3)))
    assert [e.body["count"] for e in journal.read(kinds=["event"])] == [3, 1]


def seen(event: EventObservation) -> FleetObservation:
    workload = WorkloadObservation(accelerator="nvidia-l4", events=(event,))
    return FleetObservation(
        at=NOW, regions={"us-east1": RegionObservation(region="us-east1", workload=workload)}
    )


def test_evidence_survives_a_restart(journal):
    attempt = Attempt(
        region="us-east1",
        accelerator="nvidia-l4",
        provisioning=Provisioning.SPOT,
        outcome=Outcome.STOCK_OUT,
        at=NOW,
        zone="us-east1-b",
    )
    Chronicle(journal).attempts([attempt])
    assert Chronicle(journal).restore() == (attempt,)


def test_an_action_that_changed_nothing_is_no_news(journal):
    action = CreateCluster(region="us-east1", cluster="atlas-us-east1", reason="wanted")
    chronicle = Chronicle(journal)
    started = Result(action=action, done=Done(calls=("clusters.create",), operation="operation-1"))
    chronicle.actions([Result(action=action), started], at=NOW, operation_id="op")
    (entry,) = journal.read(kinds=["action"])
    assert (entry.subject, entry.operation_id, entry.body["operation"]) == (
        "CreateCluster",
        "op",
        "operation-1",
    )


def test_a_failure_that_lasts_is_an_error_once(journal):
    action = CreateCluster(region="us-east1", cluster="atlas-us-east1", reason="wanted")
    failed = Result(action=action, then=Then.GIVE_UP, error="not allowed.")
    chronicle = Chronicle(journal)
    chronicle.actions([failed], at=NOW, operation_id="op")
    chronicle.actions([failed], at=NOW, operation_id="op")
    assert [e.message for e in journal.read(kinds=["error"])] == ["not allowed."]


def test_a_probe_is_told_at_a_change_and_every_minute(journal):
    wall = [0.0]
    chronicle = Chronicle(journal, wall=lambda: wall[0])
    for second, ok in ((0, True), (10, True), (20, False), (25, False), (90, False)):
        at, wall[0] = NOW + timedelta(seconds=second), float(second)
        chronicle.probe(ok=ok, status=200 if ok else 502, ms=3.0, region="us-east1" if ok else "", at=at)
    assert [e.body["ok"] for e in reversed(journal.read(kinds=["probe"]))] == [True, False, False]
