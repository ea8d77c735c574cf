"""Evidence: the catalogue, own attempts read from events, the odds made of them, and the words for all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import catalog, words
from lib.fleet.attempts import KEPT_PER_KIND, attempts_from
from lib.fleet.capacity import candidates, views
from lib.fleet.model import (
    Attempt,
    Candidate,
    CommitWorkload,
    EventObservation,
    Outcome,
    PlacementSpec,
    PodObservation,
    Provisioning,
    Quota,
    RegionCapacity,
    RegionObservation,
    Rollout,
    WorkloadObservation,
)
from tests.unit.fleet_world import H100, L4, T0, T4, capacity_of, event

SPEC = PlacementSpec(accelerators=(L4,))
STANDARD = Provisioning.STANDARD
SELECTOR = "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector"


def failed(what: str, zones: str = "us-central1-a, us-central1-c") -> EventObservation:
    text = f"Node scale up in zones {zones} associated with this pod failed: {what}. Pod is at risk of not being scheduled."
    return event("FailedScaleUp", text)


def pod(**facts: object) -> PodObservation:
    base = PodObservation(name="sd-1", phase="Pending", ready=False, accelerator=L4, created_at=T0)
    return replace(base, **facts)


def seen(one: PodObservation, *events: EventObservation, region: str = "us-central1") -> RegionObservation:
    return RegionObservation(
        region=region, workload=WorkloadObservation(accelerator=L4, pods=(one,), events=events)
    )


def attempt(outcome: Outcome, minutes_ago: float, *, region: str = "us-central1") -> Attempt:
    at = T0 - timedelta(minutes=minutes_ago)
    return Attempt(
        region=region, accelerator=L4, provisioning=STANDARD, outcome=outcome, at=at, zone=f"{region}-b"
    )


def judged(
    capacity: RegionCapacity,
    *attempts: Attempt,
    spec: PlacementSpec = SPEC,
    everywhere: float = 16,
    gpu: str = L4,
) -> Candidate:
    found = candidates(
        spec,
        {capacity.region: capacity},
        accelerator=gpu,
        provisioning=STANDARD,
        attempts=attempts,
        global_quota=Quota(limit=everywhere, usage=0),
        now=T0,
    )
    return next(c for c in found if c.region == capacity.region)


def test_the_catalogue_has_every_region_and_johannesburg_is_south_of_the_equator() -> None:
    assert len(catalog.REGIONS) == 43
    assert catalog.REGIONS["africa-south1"].lat < 0


@pytest.mark.parametrize(
    ("name", "standard", "spot"),
    [
        (L4, "NVIDIA_L4_GPUS", "PREEMPTIBLE_NVIDIA_L4_GPUS"),
        (T4, "NVIDIA_T4_GPUS", "PREEMPTIBLE_NVIDIA_T4_GPUS"),
        ("nvidia-a100-80gb", "NVIDIA_A100_80GB_GPUS", "PREEMPTIBLE_NVIDIA_A100_80GB_GPUS"),
        (H100, "", "PREEMPTIBLE_NVIDIA_H100_GPUS"),
        ("nvidia-h200-141gb", "", ""),
    ],
)
def test_quota_metrics_are_the_references(name: str, standard: str, spot: str) -> None:
    known = catalog.ACCELERATORS[name]
    assert (known.quota_metric, known.spot_quota_metric) == (standard, spot)


def test_prices_follow_the_region_and_an_unknown_type_has_none() -> None:
    home = catalog.usd_per_hour(L4, STANDARD, "us-central1")
    away = catalog.usd_per_hour(L4, STANDARD, "me-central2")
    assert home is not None
    assert away == pytest.approx(home * 1.6, abs=1e-3)
    assert catalog.usd_per_hour("nvidia-l5", STANDARD, "us-central1") is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("us-centrall", "us-central1"),
        ("nvidia-t4", "nvidia-tesla-t4"),
        ("nvidia-l40", "nvidia-l4"),
        ("h100", "nvidia-h100-80gb"),
    ],
)
def test_the_nearest_right_name_is_found(wrong: str, right: str) -> None:
    assert right in catalog.nearest(wrong, [*catalog.REGIONS, *catalog.ACCELERATORS])


@pytest.mark.parametrize(
    ("events", "after_s", "outcomes", "zones"),
    [
        pytest.param([failed("GCE out of resources")], 90, [Outcome.STOCK_OUT] * 2, {"us-central1-a", "us-central1-c"}, id="stock-out names its zones"),
        pytest.param([failed("GCE quota exceeded", "us-central1-a")], 90, [Outcome.QUOTA], {"us-central1-a"}, id="quota"),
        pytest.param([failed("Something never seen before", "us-central1-a")], 90, [Outcome.STOCK_OUT], {"us-central1-a"}, id="unknown words: try elsewhere"),
        pytest.param([event("NotTriggerScaleUp", SELECTOR)], 61, [Outcome.NOT_OFFERED], {""}, id="no machine carries it"),
        pytest.param([event("NotTriggerScaleUp", SELECTOR)], 59, [], set[str](), id="but not in the first minute"),
        pytest.param([event("NotTriggerScaleUp", SELECTOR), event("TriggeredScaleUp", "x")], 300, [], set[str](), id="nor when a machine was asked for"),
        pytest.param([event("NotTriggerScaleUp", "1 in backoff after failed scale-up")], 300, [], set[str](), id="backoff alone says nothing"),
        pytest.param([], 21 * 60, [Outcome.TIMED_OUT], {""}, id="silence"),
    ],
)  # fmt: skip
def test_events_become_attempts(
    events: list[EventObservation], after_s: float, outcomes: list[Outcome], zones: set[str]
) -> None:
    found = attempts_from([seen(pod(), *events)], now=T0 + timedelta(seconds=after_s))
    assert [a.outcome for a in found] == outcomes
    assert {a.zone for a in found} == zones


def test_a_ready_pod_is_an_obtained_gpu_and_is_told_once() -> None:
    ready = seen(pod(ready=True, node="n", zone="us-central1-b", ready_at=T0))
    once = attempts_from([ready], now=T0)
    assert [(a.outcome, a.zone) for a in once] == [(Outcome.OBTAINED, "us-central1-b")]
    assert attempts_from([ready], once, now=T0 + timedelta(hours=1)) == once


def test_attempts_stay_bounded_and_the_newest_are_kept() -> None:
    many = [attempt(Outcome.STOCK_OUT, minutes) for minutes in range(1, 40)]
    kept = attempts_from([], many, now=T0)
    assert len(kept) == KEPT_PER_KIND
    assert kept[0].at == T0 - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("capacity", "attempts", "eligible", "reason", "flip"),
    [
        pytest.param(capacity_of("us-central1"), (), True, "3 zones offer it (a, b, c).", "", id="nothing known against it"),
        pytest.param(capacity_of("us-central1", offers=(T4,)), (), False, "No zone of us-central1 offers L4.", "another accelerator than L4", id="not offered"),
        pytest.param(capacity_of("us-central1", quota=0), (), False, "No quota (limit 0).", "quota for NVIDIA_L4_GPUS in us-central1 above 0", id="no quota"),
        pytest.param(capacity_of("us-central1", quota=2, usage=2), (), False, "Quota used up (2 of 2).", "quota for NVIDIA_L4_GPUS in us-central1 above 2", id="quota used up"),
        pytest.param(capacity_of("us-central1"), (attempt(Outcome.STOCK_OUT, 29),), False, "Out of stock in zone b at 19:31 UTC.", "no new failure until 20:01 UTC", id="cooling down"),
        pytest.param(capacity_of("us-central1"), (attempt(Outcome.STOCK_OUT, 31),), True, "Out of stock in zone b at 19:29 UTC.", "", id="cooled down"),
        pytest.param(capacity_of("us-central1"), (attempt(Outcome.STOCK_OUT, 20), attempt(Outcome.OBTAINED, 5)), True, "Obtained in zone b at 19:55 UTC.", "", id="good news ends it at once"),
        pytest.param(capacity_of("us-central1"), (attempt(Outcome.NOT_OFFERED, 120),), False, "Not offered by the autoscaler in zone b at 18:00 UTC.", "no new failure until 00:00 UTC", id="not offered lasts longer"),
    ],
)  # fmt: skip
def test_a_candidate_says_why_and_what_would_flip_it(
    capacity: RegionCapacity, attempts: tuple[Attempt, ...], eligible: bool, reason: str, flip: str
) -> None:
    found = judged(capacity, *attempts)
    assert (found.eligible, found.reasons[0], found.flip) == (eligible, reason, flip)


def test_a_candidate_is_ruled_out_by_exclusion_the_global_quota_and_what_is_only_sold_by_eight() -> None:
    home = capacity_of("us-central1", offers=(L4, "nvidia-h200-141gb"))
    assert "excludes" in judged(home, spec=replace(SPEC, excluded=("us-central1",))).reasons[0]
    assert judged(home, everywhere=0).flip == "quota for GPUS_ALL_REGIONS above 0"
    assert "8 GPUs" in judged(home, gpu="nvidia-h200-141gb").reasons[0]


def test_quota_that_cannot_be_read_rules_nothing_out() -> None:
    assert judged(replace(capacity_of("us-central1"), quotas=None)).eligible


def chance(*attempts: Attempt, gpu: str = L4, zones: int = 3) -> float:
    found = judged(capacity_of("us-central1", offers=(gpu,), zones=zones), *attempts, gpu=gpu).obtainability
    assert found is not None
    return found


def test_the_odds_fall_with_a_stock_out_and_rise_again_over_hours() -> None:
    at = [chance(attempt(Outcome.STOCK_OUT, m)) for m in (1, 30, 120, 600)]
    assert at == sorted(at)
    assert at[0] < 0.1 < at[1] < 0.3 < at[3] < chance()
    assert chance(attempt(Outcome.OBTAINED, 5)) > 0.95


def test_plentiful_types_have_better_odds_than_scarce_ones_and_more_zones_than_one() -> None:
    odds = {gpu: chance(gpu=gpu) for gpu in (L4, T4, "nvidia-tesla-a100", H100)}
    assert min(odds[L4], odds[T4]) > odds["nvidia-tesla-a100"] > odds[H100] > 0
    assert chance(zones=1) < chance()


def test_all_regions_are_ranked_and_those_that_can_be_had_come_first() -> None:
    known = {r: capacity_of(r) for r in ("us-central1", "asia-east1")}
    known["us-east4"] = capacity_of("us-east4", quota=0)
    ranked = candidates(
        SPEC, known, accelerator=L4, provisioning=STANDARD, attempts=(), global_quota=None, now=T0
    )
    assert len(ranked) == 43
    assert [c.region for c in ranked[:3]] == ["us-central1", "asia-east1", "us-east4"]
    assert ranked[0].eta_s is not None
    warm = candidates(
        SPEC,
        known,
        accelerator=L4,
        provisioning=STANDARD,
        attempts=(),
        global_quota=None,
        now=T0,
        present=frozenset({"us-central1"}),
    )
    near = next(c for c in warm if c.region == "us-central1")
    assert near.eta_s is not None
    assert near.eta_s < ranked[0].eta_s - 300, "no cluster to wait for"


def test_views_tell_every_autopilot_type_of_every_region_and_don_t_change_by_themselves() -> None:
    known = {"us-central1": capacity_of("us-central1")}
    first = views(SPEC, known, attempts=(), global_quota=None, now=T0)
    assert len(first) == 43
    assert {c.accelerator for c in first[0].candidates} == set(catalog.AUTOPILOT)
    assert views(SPEC, known, attempts=(), global_quota=None, now=T0 + timedelta(hours=1)) == first


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (failed("GCE out of resources"), "No GPU machine in zones us-central1-a, us-central1-c: Google is out of stock there."),
        (failed("GCE quota exceeded", "us-central1-a"), "No GPU machine in zone us-central1-a: the project's GPU quota is used up."),
        (event("NotTriggerScaleUp", SELECTOR), "No new machine is being added: no machine in this region can carry the GPU that is asked for."),
        (event("TriggeredScaleUp", "pod triggered scale-up: [{https://www.googleapis.com/compute/v1/projects/p/zones/us-east1-b/instanceGroups/gk3 0->1 (max: 1000)}]"), "A GPU machine was asked for in zone us-east1-b."),
        (event("Pulled", "Successfully pulled image in 89.2s (89.2s including waiting)"), "The image is on the node after 89.2 s."),
        (event("SomethingNew", "in its own words"), "in its own words"),
    ],
)  # fmt: skip
def test_events_are_told_in_plain_words(told: EventObservation, says: str) -> None:
    assert words.explain(told) == says


def test_an_action_is_described_without_its_reason() -> None:
    commit = CommitWorkload(
        region="us-east4",
        cluster="atlas-us-east4",
        accelerator=H100,
        provisioning=STANDARD,
        rollout=Rollout.HARD,
        author="a",
        reason="r",
    )
    assert words.describe(commit) == "Commit clusters/atlas-us-east4/ with H100 80GB STANDARD, Recreate"
