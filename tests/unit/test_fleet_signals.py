"""Pieces of evidence: who says what of a GPU in a region, how long it counts, what is in conflict, old or missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import catalog
from lib.fleet.capacity import candidates, views
from lib.fleet.evidence import HALF_LIFE, Evidence, Source, SpotAdvice, Verdict, doubts
from lib.fleet.model import (
    Attempt,
    Candidate,
    Outcome,
    PlacementSpec,
    PodObservation,
    Provisioning,
    Quota,
    RegionObservation,
    WorkloadObservation,
)
from lib.fleet.signals import Signals, alternatives_of, by_kind, naming, running
from tests.unit.fleet_world import H100, L4, T0, T4, capacity_of

SPOT, STANDARD = Provisioning.SPOT, Provisioning.STANDARD
HOME = "us-central1"
KIND = (HOME, L4, STANDARD)
DETAILS = (
    "A g2-standard-8 VM instance with 1 nvidia-l4 accelerator(s) is currently unavailable in the us-central1-a zone. "
    "Consider trying your request in the us-central1-b, us-east4-c zone(s), which currently has capacity to "
    "accommodate your request. Alternatively, you can try your request again with a different VM hardware "
    "configuration or at a later time."
)


def attempt(outcome: Outcome, minutes_ago: float, **facts: object) -> Attempt:
    base = Attempt(
        region=HOME,
        accelerator=L4,
        provisioning=STANDARD,
        outcome=outcome,
        at=T0 - timedelta(minutes=minutes_ago),
        zone="us-central1-a",
    )
    return replace(base, **facts)


def advice(score: float | None, minutes_ago: float = 0, **facts: object) -> SpotAdvice:
    base = SpotAdvice(
        region=HOME,
        accelerator=L4,
        at=T0 - timedelta(minutes=minutes_ago),
        obtainability=score,
        uptime_s=3600,
        zone="us-central1-b",
        preemption_rate=0.12,
        preemption_days=7,
        usd_per_hour=0.34,
        history_at=T0,
    )
    return replace(base, **facts)


def signals(*attempts: Attempt, told: SpotAdvice | None = None, pods: bool = False) -> Signals:
    pod = PodObservation(
        name="sd", phase="Running", ready=True, accelerator=L4, node="n", zone="us-central1-c", created_at=T0
    )
    seen = RegionObservation(region=HOME, workload=WorkloadObservation(accelerator=L4, pods=(pod,)))
    return Signals(
        capacity={HOME: capacity_of(HOME)},
        global_quota=Quota(limit=16, usage=2),
        attempts=by_kind(attempts),
        named=naming(attempts),
        advice={(HOME, L4): told} if told else {},
        pods=running([seen]) if pods else {},
    )


def judged(*attempts: Attempt, told: SpotAdvice | None = None, model: Provisioning = STANDARD) -> Candidate:
    [found] = candidates(
        PlacementSpec(accelerators=(L4,)),
        {HOME: capacity_of(HOME)},
        accelerator=L4,
        provisioning=model,
        attempts=attempts,
        global_quota=Quota(limit=16, usage=2),
        now=T0,
        every_region=False,
        advice={(HOME, L4): told} if told else {},
    )
    return found


def test_every_source_speaks_the_strongest_first() -> None:
    world = signals(
        attempt(Outcome.OBTAINED, 200),
        attempt(Outcome.STOCK_OUT, 40, message=DETAILS, provisioning=SPOT),
        attempt(Outcome.STOCK_OUT, 90, probe=True, message=DETAILS),
        told=advice(0.82),
        pods=True,
    )
    assert [(p.source, p.verdict, p.says, p.zone) for p in world.of(KIND, now=T0)] == [
        (Source.POD, Verdict.FOR, "A replica of ours holds this GPU in zone c now.", "us-central1-c"),
        (Source.ATTEMPT, Verdict.FOR, "Obtained in zone a at 16:40 UTC.", "us-central1-a"),
        (Source.PROBE, Verdict.AGAINST, "Out of stock in zone a by a capacity probe at 18:30 UTC.", "us-central1-a"),
        (Source.ALTERNATIVE, Verdict.FOR, "Google named zone b as having capacity at 18:30 UTC.", "us-central1-b"),
        (Source.ADVICE, Verdict.FOR,
         "Google's Spot advice is 0.82, high, best in zone b, machines last at least 60 min (a hint only for on-demand).",
         "us-central1-b"),
        (Source.OFFERED, Verdict.FOR, "3 zones offer it (a, b, c).", ""),
        (Source.QUOTA, Verdict.FOR, "Quota 8 of 8 free.", ""),
        (Source.GLOBAL_QUOTA, Verdict.FOR, "GPUS_ALL_REGIONS: 14 of 16 free.", ""),
        (Source.PRICE, Verdict.NEUTRAL, "The machine costs $0.85/h by the catalogue.", ""),
    ]  # fmt: skip


def test_for_spot_the_history_of_preemptions_and_the_list_price_are_told() -> None:
    says = [p.says for p in signals(told=advice(0.5, usd_per_hour=0.6)).of((HOME, L4, SPOT), now=T0)]
    assert "12% of the Spot machines that stopped in 7 days were preempted." in says
    assert "The machine costs $0.34/h by the catalogue, but $0.60/h by Google's Spot price history." in says


def test_what_is_missing_is_a_piece_of_its_own() -> None:
    silent = Signals(capacity={HOME: capacity_of(HOME, offers=(H100,))})
    missing = [p.says for p in silent.of((HOME, H100, STANDARD), now=T0) if p.verdict is Verdict.MISSING]
    assert missing == [
        "No own attempt yet.",
        "No Spot advice for it yet.",
        "Quota isn't readable for this type: its family is told by the Cloud Quotas API only.",
        "GPUS_ALL_REGIONS isn't readable.",
    ]
    assert [
        p.weight(T0) for p in silent.of((HOME, H100, STANDARD), now=T0) if p.verdict is Verdict.MISSING
    ] == [0] * 4


def test_an_unknown_region_has_nothing_but_gaps_and_a_price() -> None:
    told = Signals(capacity={}).of(("europe-west4", L4, STANDARD), now=T0)
    assert {p.source for p in told if p.verdict is not Verdict.MISSING} == {Source.PRICE}


@pytest.mark.parametrize("source", [*Source])
def test_weight_halves_with_each_half_life(source: Source) -> None:
    piece = Evidence(source=source, verdict=Verdict.FOR, says="", at=T0)
    assert [piece.weight(T0 + n * HALF_LIFE[source]) for n in (0, 1, 2)] == [1, 0.5, 0.25]
    assert piece.weight(T0 - HALF_LIFE[source]) == 1, "a clock that is behind makes nothing count more"


def test_conflict_age_and_gaps_are_told() -> None:
    world = signals(attempt(Outcome.STOCK_OUT, 10), told=advice(0.9, 20))
    pieces = world.of(KIND, now=T0)
    assert doubts(pieces, T0) == (
        "They disagree: out of stock in zone a at 19:50 UTC, but Google's Spot advice is 0.90, high, best in zone b, "
        "machines last at least 60 min (a hint only for on-demand).",
    )
    later = T0 + timedelta(hours=4)
    assert doubts(world.of(KIND, now=later), later) == (
        "The Spot advice is 4 h old.",
        "What is known of the quota is 4 h old.",
    )


@pytest.mark.parametrize(
    ("message", "zones"),
    [
        (DETAILS, ("us-central1-b", "us-east4-c")),
        (DETAILS.replace("us-central1-b, us-east4-c zone(s)", "us-central1-f zone"), ("us-central1-f",)),
        ("GCE out of resources", ()),
    ],
)
def test_the_alternatives_of_a_stock_out_are_read(message: str, zones: tuple[str, ...]) -> None:
    assert alternatives_of(message) == zones


def test_an_alternative_counts_for_the_region_it_is_in_and_for_its_kind_only() -> None:
    refused = attempt(Outcome.STOCK_OUT, 5, message=DETAILS)

    def named(kind: tuple[str, str, Provisioning]) -> list[str]:
        return [p.zone for p in signals(refused).of(kind, now=T0) if p.source is Source.ALTERNATIVE]

    assert named(("us-east4", L4, STANDARD)) == ["us-east4-c"]
    assert named(("us-east4", T4, STANDARD)) == named(("us-east4", L4, SPOT)) == []


def test_advice_moves_the_odds_of_spot_more_than_those_of_on_demand_and_less_with_age() -> None:
    def odds(told: SpotAdvice | None, model: Provisioning = SPOT) -> float:
        found = judged(told=told, model=model).obtainability
        assert found is not None
        return found

    plain = odds(None)
    low, old = odds(advice(0.1)), odds(advice(0.1, 300))
    assert low < old < plain < odds(advice(0.95))
    assert plain - low > odds(None, STANDARD) - odds(advice(0.1), STANDARD) > 0
    assert odds(advice(None)) == plain, "an answer without a score says nothing"


def test_views_tell_the_evidence_of_what_is_wanted_and_its_other_models() -> None:
    spec = PlacementSpec(accelerators=(L4,), provisioning=(STANDARD, SPOT))
    [view] = [
        v
        for v in views(spec, {HOME: capacity_of(HOME)}, attempts=(), global_quota=None, now=T0)
        if v.region == HOME
    ]
    models = [(c.accelerator, c.provisioning) for c in view.all() if c.evidence]
    assert models == [(L4, STANDARD), (L4, SPOT)]
    assert {c.accelerator for c in view.candidates if not c.evidence} == {*catalog.AUTOPILOT} - {L4}


def test_a_model_that_can_be_had_comes_before_one_that_cannot() -> None:
    spec = PlacementSpec(accelerators=(L4,), provisioning=(STANDARD, SPOT))
    found = views(
        spec,
        {HOME: capacity_of(HOME)},
        attempts=(attempt(Outcome.STOCK_OUT, 1),),
        global_quota=None,
        now=T0,
    )
    view = next(v for v in found if v.region == HOME)
    assert next(c for c in view.candidates if c.accelerator == L4).provisioning is SPOT
    assert [c.provisioning for c in view.alternatives if c.accelerator == L4] == [STANDARD]


def test_a_model_that_the_placement_does_not_use_is_told_too_and_never_comes_first() -> None:
    spec = PlacementSpec(accelerators=(L4,), provisioning=(STANDARD,))
    refused = (attempt(Outcome.STOCK_OUT, 1),)
    found = views(spec, {HOME: capacity_of(HOME)}, attempts=refused, global_quota=None, now=T0)
    view = next(v for v in found if v.region == HOME)
    first = next(c for c in view.candidates if c.accelerator == L4)
    assert (first.provisioning, first.eligible) == (STANDARD, False)
    [other] = [c for c in view.alternatives if c.accelerator == L4]
    assert (other.provisioning, other.eligible) == (SPOT, True)
    assert all(c.zones for c in view.alternatives), "what is not offered is told once"
