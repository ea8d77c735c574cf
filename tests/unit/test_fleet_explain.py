"""Why here, why not there, what would flip it: answers that hold to the record and to the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import explain
from lib.fleet.model import (
    Candidate,
    Condition,
    Decision,
    Entry,
    Phase,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionStatus,
    RegionView,
    WhyNot,
)
from lib.fleet.plan import plan
from lib.fleet.status import summarize
from tests.unit.fleet_world import L4, T0, T4, World, placement

HERE, THERE = "us-central1", "us-east4"
CHOSEN = Decision(
    at=T0,
    verb="ScaleOut",
    region=HERE,
    reason="us-central1 is the best of 3 regions.",
    why_not=(
        WhyNot(region=THERE, reason="Dearer: odds 80%.", flip="a failure in us-central1"),
        WhyNot(region="europe-west1", reason="No quota (limit 0).", flip="quota above 0"),
    ),
)
SPEC = PlacementSpec(accelerators=(L4, T4), serving=1)
ODDS = Candidate(
    region=THERE,
    accelerator=L4,
    zones=("us-east4-a", "us-east4-c"),
    obtainability=0.8,
    eta_s=900,
    usd_per_hour=0.95,
    quota=Quota(limit=8, usage=0),
    eligible=True,
    reasons=("No own attempt yet.",),
)


def view(candidate: Candidate = ODDS, *, age: timedelta = timedelta()) -> RegionView:
    return RegionView(region=candidate.region, zones=candidate.zones, candidates=(candidate,), as_of=T0 - age)


def serving(*regions: str) -> PlacementStatus:
    return PlacementStatus(
        regions=tuple(RegionStatus(region=r, phase=Phase.SERVING, accelerator=L4, since=T0) for r in regions)
    )


def ask(
    region: str,
    spec: PlacementSpec = SPEC,
    status: PlacementStatus | None = None,
    known: RegionView | None = None,
    decisions: tuple[Decision, ...] = (CHOSEN,),
) -> explain.Answer:
    return explain.of_region(
        placement(spec, status or serving(HERE)),
        region,
        accelerator=L4,
        view=known,
        decisions=decisions,
        now=T0,
    )


def test_a_choice_says_why_here_why_not_there_and_what_would_turn_it():
    told = explain.told(CHOSEN)
    assert told.why == CHOSEN.reason
    assert [w.region for w in told.why_not] == [THERE, "europe-west1"]
    assert told.flip == ("a failure in us-central1; then us-east4",)


def test_a_refusal_s_own_flip_is_no_runner_up():
    refusal = Decision(
        at=T0,
        verb="Refuse",
        region="",
        reason="Too dear.",
        why_not=(WhyNot(region="", reason="Too dear.", flip="a budget of at least $3.00/h"),),
    )
    told = explain.told(refusal)
    assert (told.why_not, told.flip) == ((), ("a budget of at least $3.00/h",))


def entry(decision: Decision, *, late: timedelta = timedelta()) -> Entry:
    body = {"whyNot": [{"region": w.region, "reason": w.reason, "flip": w.flip} for w in decision.why_not]}
    return Entry(
        id=1,
        at=decision.at + late,
        kind="decision",
        region=decision.region,
        subject=decision.verb,
        message=decision.reason,
        body=body,
    )


def test_the_journal_s_record_is_the_same_decision():
    assert explain.decision_from(entry(CHOSEN)) == CHOSEN


def test_status_and_journal_are_one_log_newest_first_and_nothing_twice():
    older = replace(CHOSEN, at=T0 - timedelta(hours=3))
    found = explain.merged([CHOSEN], [entry(CHOSEN, late=timedelta(microseconds=400)), entry(older)])
    assert found == (CHOSEN, older)


def test_a_serving_region_says_what_would_end_it_and_names_the_choice_that_led_there():
    answer = ask(HERE)
    assert answer.serving
    assert answer.blocker == ""
    assert "./atlas contract us-central1" in answer.flip[0]
    assert [d.verb for d in answer.decisions] == ["ScaleOut"]


def test_of_another_region_s_choice_only_what_it_said_of_this_one_is_told():
    (told,) = ask("europe-west1").decisions
    assert [w.region for w in told.why_not] == ["europe-west1"]


def blocked(phase: Phase, *conditions: Condition, **more: object) -> PlacementStatus:
    region = RegionStatus(region=HERE, phase=phase, accelerator=L4, since=T0, conditions=conditions)
    return PlacementStatus(regions=(replace(region, **more),))


SYNCED = Condition(type="Synced", status="True", reason="Synced", message="Synced.")
NO_GPU = Condition(type="GpuAvailable", status="False", reason="StockedOut", message="No L4 in zone b")
DARK = Condition(type="WorkloadReady", status="Unknown", reason="Unreachable", message="No answer")


@pytest.mark.parametrize(
    ("status", "blocker", "flip"),
    [
        pytest.param(blocked(Phase.STOCKED_OUT, SYNCED, NO_GPU), "No L4 in zone b (StockedOut).", "stock of L4", id="stock"),
        pytest.param(blocked(Phase.QUOTA_EXCEEDED, NO_GPU), "No L4", "more quota for L4", id="quota"),
        pytest.param(blocked(Phase.NOT_OFFERED, NO_GPU), "No L4", "another GPU than L4", id="not offered"),
        pytest.param(blocked(Phase.UNREACHABLE, NO_GPU, DARK), "No answer (Unreachable).", "an answer from us-central1", id="dark"),
        pytest.param(blocked(Phase.FAILED, NO_GPU), "No L4", "expand it anew", id="failed"),
        pytest.param(blocked(Phase.SYNCING, eta=T0 + timedelta(minutes=5), message="Config Sync is at work."), "at work", "20:05 UTC", id="on its way"),
        pytest.param(blocked(Phase.DRAINING, message="Leaving."), "Leaving", "./atlas expand us-central1", id="leaving"),
        pytest.param(blocked(Phase.STOCKED_OUT, NO_GPU, under_override=True), "No L4", "./atlas recover", id="a drill"),
    ],
)  # fmt: skip
def test_a_region_that_does_not_serve_names_its_blocker_and_its_flip(status, blocker, flip):
    answer = ask(HERE, status=status)
    assert not answer.serving
    assert blocker in answer.blocker
    assert any(flip in one for one in answer.flip)


OUT = replace(
    ODDS,
    eligible=False,
    reasons=("Out of stock at 19:50 UTC.", "2 zones offer it."),
    flip="no new failure until 20:20 UTC",
)
REFUSED = Decision(
    at=T0,
    verb="Refuse",
    region="",
    reason="us-east4 would cost $0.95/h.",
    why_not=(WhyNot(region="", reason="us-east4 would cost $0.95/h.", flip="a budget of at least $2.00/h"),),
)


@pytest.mark.parametrize(
    ("spec", "status", "known", "decisions", "blocker", "flip"),
    [
        pytest.param(replace(SPEC, excluded=(THERE,)), serving(HERE), view(), (), "took us-east4 out", "./atlas expand us-east4", id="excluded"),
        pytest.param(SPEC, serving(HERE), view(OUT), (), "Out of stock at 19:50", "no new failure until", id="ruled out"),
        pytest.param(SPEC, serving(HERE), None, (), "Nothing is known", "an answer of the Compute API", id="not looked at"),
        pytest.param(SPEC, serving(HERE), view(), (CHOSEN,), "1 were asked for. When us-central1 was judged at 20:00 UTC: Dearer", "losing one of them", id="runner-up"),
        pytest.param(SPEC, PlacementStatus(), view(), (REFUSED,), "would cost $0.95/h", "a budget of at least $2.00/h", id="no money"),
        pytest.param(SPEC, PlacementStatus(), view(), (), "hasn't chosen it", "./atlas expand us-east4", id="no record"),
    ],
)  # fmt: skip
def test_a_region_that_is_none_of_the_placement_s_says_why(  # noqa: PLR0917 - a column each
    spec, status, known, decisions, blocker, flip
):
    answer = ask(THERE, spec, status, known, decisions)
    assert answer.phase == ""
    assert blocker in answer.blocker
    assert any(flip in one for one in answer.flip)


def test_evidence_says_its_figures_and_its_age():
    fresh, old = ask(THERE, known=view()), ask(THERE, known=view(age=timedelta(hours=2)))
    assert "Odds to obtain one now: 80%; about 15 min to a serving replica." in fresh.evidence
    assert not any("Stale" in line for line in fresh.evidence)
    assert "Stale: this was seen 2.0 h ago." in old.evidence
    assert ask(THERE).evidence == ("No view of L4 here has been published yet.",)


def test_every_decision_of_a_fleet_that_is_hit_names_what_would_flip_it():
    """Scale-out, stock-out, fallback, return, scale-in and a blind look: no choice without its flip."""
    world = World()
    held = placement(replace(SPEC, serving=2, provisioning=(Provisioning.STANDARD,)))
    verbs: dict[str, list[Decision]] = {}
    for minute in range(150):
        if minute == 40:
            world.out_of_stock |= {(r, L4) for r in list(world.clusters)[:1]}
        if minute == 70:
            held = placement(replace(held.spec, serving=1), held.status, generation=2)
        if minute == 100:
            held = placement(replace(held.spec, serving=3), held.status, generation=3)
            world.unknown = frozenset({"capacity"})
        if minute == 110:
            world.unknown = frozenset()
            held = placement(replace(held.spec, max_hourly_usd=0.2), held.status, generation=4)
        seen = world.observe()
        decided = plan(held, seen, now=world.now)
        world.apply(decided.actions)
        held = replace(held, status=summarize(held, seen, decided, now=world.now))
        for decision in decided.decisions:
            verbs.setdefault(decision.verb, []).append(decision)
        world.step(60)
    assert {"ScaleOut", "ScaleIn", "Hold", "Refuse"} <= verbs.keys()
    bare = [d for found in verbs.values() for d in found if not explain.told(d).flip]
    assert bare == []
