"""The journal's writer: each thing once, also over a restart, and never in the way."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lib.controller.act import Done, Result
from lib.controller.chronicle import Chronicle
from lib.controller.reactions import Then
from lib.fleet import explain
from lib.fleet.model import (
    Attempt,
    CreateCluster,
    Decision,
    EventObservation,
    FleetObservation,
    Outcome,
    Phase,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    RegionObservation,
    RegionStatus,
    WorkloadObservation,
)
from lib.fleet.plan import plan
from lib.fleet.status import summarize
from lib.gateways.journal import Journal
from tests.unit.fake_wire import NOW
from tests.unit.fleet_world import World
from tests.unit.fleet_world import placement as world_placement

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


def test_a_decision_that_comes_back_later_is_one_again_also_over_a_restart(journal):
    chronicle = Chronicle(journal)
    choice = Decision(at=NOW, verb="ScaleOut", region="us-east1", reason="the best: odds 80%")
    again = replace(choice, at=NOW + timedelta(minutes=9), reason="the best: odds 78%")
    later = replace(choice, at=NOW + timedelta(minutes=30))
    assert chronicle.decisions([choice, again]) == (choice,)
    assert chronicle.decisions([later]) == (later,)
    restarted = Chronicle(journal)
    restarted.restore()
    assert restarted.decisions([replace(later, at=later.at + timedelta(seconds=5))]) == ()
    assert len(restarted.decisions([replace(later, at=later.at + timedelta(hours=1))])) == 1


def test_a_hold_beside_a_refusal_does_not_take_turns_with_it(journal):
    chronicle = Chronicle(journal)
    for second in range(5):
        at = NOW + timedelta(seconds=second)
        chronicle.decisions(Decision(at=at, verb=v, region="", reason=f"{v} it.") for v in ("Hold", "Refuse"))
    assert [e.subject for e in journal.read(kinds=["decision"])] == ["Refuse", "Hold"]


def test_the_log_is_bounded_in_the_status_and_complete_in_the_journal(journal):
    """Two days of stock that comes and goes: every decision that was ever told is in the journal."""
    world, chronicle = World(), Chronicle(journal)
    held = world_placement(PlacementSpec(accelerators=("nvidia-l4", "nvidia-tesla-t4"), serving=2))
    rng, told, longest = random.Random(4), [], 0
    for _ in range(576):
        world.step(300)
        if rng.random() < 0.1:
            world.reclaim(rng.choice(world.regions), rng.choice(("nvidia-l4", "nvidia-tesla-t4")))
        if rng.random() < 0.1 and world.out_of_stock:
            world.out_of_stock.discard(rng.choice(sorted(world.out_of_stock)))
        world.unknown = frozenset({"capacity"}) if rng.random() < 0.05 else frozenset()
        look = world.observe()
        decided = plan(held, look, now=world.now)
        world.apply(decided.actions)
        chronicle.decisions(decided.decisions)
        held = replace(held, status=summarize(held, look, decided, now=world.now))
        told += decided.decisions
        longest = max(longest, len(held.status.decisions))
        assert all(len(d.why_not) <= 64 for d in held.status.decisions)
    kept = [explain.decision_from(e) for e in journal.read(kinds=["decision"], limit=2000)]
    assert longest == 10
    assert len(kept) > 20
    # met again within ten minutes, only with other numbers: the one that was told
    lost = [d for d in told if not any(_is_told_by(k, d) for k in kept)]
    assert lost == []


def _is_told_by(kept: Decision, decision: Decision) -> bool:
    same = (kept.verb, kept.region) == (decision.verb, decision.region)
    return same and timedelta() <= decision.at - kept.at < timedelta(minutes=10)


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
