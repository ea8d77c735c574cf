"""What an operator may ask for, how it is refused in one sentence, and what the dialog promises beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from lib.fleet.amend import amend
from lib.fleet.capacity import views
from lib.fleet.intent import Refused, contract, expand, preview, recover, switch_gpu
from lib.fleet.model import (
    Attempt,
    Outcome,
    Phase,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionStatus,
    RegionView,
    Rollout,
)
from lib.fleet.preview import number_changes
from tests.unit.fleet_world import H100, L4, T0, T4, TWO, capacity_of, hard

A100, H200, P100 = "nvidia-tesla-a100", "nvidia-h200-141gb", "nvidia-tesla-p100"


@dataclass(frozen=True)
class Config:
    project: str = "p"
    config_region: str = "us-central1"
    config_cluster: str = "config-cluster"
    placement: str = "stable-diffusion"
    namespace: str = "default"


def known(*, everywhere: float = 16) -> tuple[RegionView, ...]:
    everything = (L4, T4, A100, H200)
    found = {r: capacity_of(r, offers=everything) for r in ("us-central1", "us-east4", "europe-west4")}
    found["europe-central2"] = capacity_of("europe-central2", offers=(T4,))
    found["us-west1"] = capacity_of("us-west1", offers=(L4,), quota=1, usage=1)
    found["africa-south1"] = capacity_of("africa-south1", offers=())
    return views(TWO, found, attempts=(), global_quota=Quota(limit=everywhere, usage=0), now=T0)


def status(*regions: str, phase: Phase = Phase.SERVING) -> PlacementStatus:
    told = tuple(RegionStatus(region=r, phase=phase, accelerator=L4, usd_per_hour=0.95) for r in regions)
    return PlacementStatus(regions=told, usd_per_hour=0.95 * len(regions))


NOW = status("us-central1", "us-east4")


def expanded(region: str, spec: PlacementSpec = TWO, **facts: object) -> PlacementSpec:
    return expand(spec, region, **({"views": known(), "status": NOW} | facts))  # type: ignore[arg-type]


def switched(accelerator: str, *, spec: PlacementSpec = TWO, **facts: object) -> PlacementSpec:
    asked = {
        "region": "us-central1",
        "rollout": Rollout.SAFE,
        "ttl": None,
        "owner": "alice",
        "reason": "test",
        "now": T0,
        "views": known(),
        "status": NOW,
    }
    return switch_gpu(spec, accelerator, **(asked | facts))  # type: ignore[arg-type]


def test_expanding_pins_the_region_and_serves_from_one_more() -> None:
    after = expanded("europe-west4", replace(TWO, excluded=("europe-west4",)))
    assert (after.serving, after.pinned, after.excluded) == (3, ("us-central1", "europe-west4"), ())


def test_expanding_into_a_region_that_serves_already_only_pins_it() -> None:
    after = expanded("us-east4")
    assert (after.serving, after.pinned) == (2, ("us-central1", "us-east4"))


def test_a_region_that_only_has_the_second_choice_can_be_expanded_into() -> None:
    assert "europe-central2" in expanded("europe-central2").pinned


def test_contracting_unpins_excludes_and_serves_from_one_fewer() -> None:
    after = contract(TWO, "us-central1", status=NOW)
    assert (after.serving, after.pinned, after.excluded) == (1, (), ("us-central1",))
    assert contract(replace(TWO, serving=0), "us-east4", status=NOW).serving == 0


def test_a_hard_switch_is_a_lease_of_ten_minutes_unless_told_otherwise() -> None:
    (lease,) = switched(H100, rollout=Rollout.HARD).overrides
    assert lease.expires_at == T0 + timedelta(minutes=10)
    (longer,) = switched(H100, rollout=Rollout.HARD, ttl=timedelta(hours=1)).overrides
    assert longer.expires_at == T0 + timedelta(hours=1)


def test_a_safe_switch_stays_unless_it_has_an_end() -> None:
    (stays,) = switched(T4).overrides
    assert stays.expires_at is None


def test_a_new_switch_takes_the_place_of_the_one_before() -> None:
    once = switched(T4)
    assert len(switched(A100, spec=once).overrides) == 1
    assert len(switched(A100, spec=once, region="us-east4").overrides) == 2
    assert len(switched(T4, spec=switched(A100, spec=once, region="us-east4"), region=None).overrides) == 1


def test_recovering_drops_every_switch() -> None:
    assert recover(replace(TWO, overrides=(hard(), hard(region="us-east4")))).overrides == ()


TIGHT = replace(TWO, max_hourly_usd=2.5)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        pytest.param(lambda: expanded("europe-west44"), "There is no region 'europe-west44'; did you mean europe-west4", id="unknown region"),
        pytest.param(lambda: expanded("us-central1"), "us-central1 is pinned already; nothing to expand.", id="already"),
        pytest.param(lambda: expanded("africa-south1"), "L4 or T4 are not offered in africa-south1; offered in europe-central2, europe-west4, us-central1, us-east4, us-west1.", id="not offered"),
        pytest.param(lambda: expanded("us-west1"), "Quota in us-west1 doesn't allow another L4: 1 of 1 used; it needs quota for NVIDIA_L4_GPUS in us-west1 above 1.", id="quota"),
        pytest.param(lambda: expanded("europe-west4", views=known(everywhere=0)), "it needs quota for GPUS_ALL_REGIONS above 0.", id="global quota"),
        pytest.param(lambda: expanded("europe-west4", TIGHT), "europe-west4 would cost $1.00/h more; with $1.90/h spoken for that passes the budget of $2.50/h.", id="budget"),
        pytest.param(lambda: expanded("europe-west4", views=()), "What europe-west4 offers isn't known yet; try again in a moment.", id="too early"),
        pytest.param(lambda: contract(TWO, "asia-east1", status=NOW), "asia-east1 isn't one of this placement's regions; those are: us-central1, us-east4.", id="not ours"),
        pytest.param(lambda: contract(replace(TWO, excluded=("us-east4",)), "us-east4", status=NOW), "us-east4 is excluded already", id="contracted twice"),
        pytest.param(lambda: switched("nvidia-t4"), "There is no GPU type 'nvidia-t4'; did you mean nvidia-tesla-t4", id="unknown GPU"),
        pytest.param(lambda: switched(P100, rollout=Rollout.HARD), "GKE Autopilot doesn't run NVIDIA P100; it runs nvidia-l4", id="not on Autopilot, not even as a drill"),
        pytest.param(lambda: switched(H100), "H100 80GB is not offered in us-central1; offered in none.", id="safe, but not offered"),
        pytest.param(lambda: switched(T4, views=known(everywhere=0)), "us-central1 can't take one more GPU", id="safe, but no room for a second GPU"),
        pytest.param(lambda: switched(H200), "NVIDIA H200 is only sold as a machine with 8 GPUs", id="safe, but doesn't fit"),
        pytest.param(lambda: switched(A100, spec=TIGHT), "With A100 40GB the placement would cost $4.72/h, which passes the budget of $2.50/h; now it is $1.90/h.", id="safe, but too dear"),
        pytest.param(lambda: switched(T4, spec=TIGHT), "While T4 takes over, both machines of a region are paid for: $2.63/h passes the budget of $2.50/h; now it is $1.90/h.", id="safe, but no money for two machines at once"),
        pytest.param(lambda: switched(T4, region="asia-east1"), "asia-east1 isn't one of this placement's regions", id="not ours to switch"),
        pytest.param(lambda: switched(T4, region=None, status=PlacementStatus(), spec=replace(TWO, pinned=())), "nothing to switch", id="nothing to switch"),
        pytest.param(lambda: switched(H100, rollout=Rollout.HARD, ttl=timedelta(seconds=30)), "A switch may last from 1 minute to 24 hours; 30 s was asked for.", id="too short"),
        pytest.param(lambda: switched(H100, rollout=Rollout.HARD, ttl=timedelta(hours=25)), "25.0 h was asked for", id="too long"),
        pytest.param(lambda: recover(TWO), "Nothing to recover: no GPU switch and no roll back is active.", id="nothing to recover"),
    ],
)  # fmt: skip
def test_it_is_refused_in_one_sentence(ask: Callable[[], PlacementSpec], says: str) -> None:
    with pytest.raises(Refused) as refused:
        ask()
    assert says in str(refused.value)
    assert str(refused.value).endswith(".") or "did you mean" in str(refused.value)


def test_the_preview_of_an_expansion_names_every_call_and_the_cost() -> None:
    told = preview(TWO, expanded("europe-west4"), status=NOW, views=known(), config=Config())
    assert "europe-west4 gets a cluster" in told.sentence
    assert (
        told.calls[1]
        == "container.CreateCluster projects/p/locations/europe-west4/clusters/atlas-europe-west4"
    )
    assert told.calls[-1].endswith("add europe-west4/atlas-europe-west4")
    assert told.commits == ("clusters/atlas-europe-west4/ with L4, RollingUpdate",)
    assert told.usd_per_hour_after == pytest.approx(1.90 + 0.9963, abs=0.01)
    assert told.blast_radius == "No region that serves is interrupted."
    assert told.undo == "Contract europe-west4."


def test_the_preview_of_a_contraction_names_what_goes_and_what_goes_on() -> None:
    after = contract(TWO, "us-central1", status=NOW)
    told = preview(TWO, after, status=NOW, views=known(), config=Config())
    assert [c.split()[0] for c in told.calls] == [
        "PATCH",
        "PATCH",
        "gkehub.UpdateFeature",
        "container.DeleteCluster",
    ]
    assert told.usd_per_hour_after == pytest.approx(0.95)
    assert told.blast_radius == "us-central1: 1 of 2 serving regions; us-east4 goes on."
    assert told.undo == "Expand us-central1."


def test_the_preview_of_a_drill_warns_of_what_will_break() -> None:
    after = switched(H100, rollout=Rollout.HARD, region=None, spec=replace(TWO, max_hourly_usd=5))
    told = preview(replace(TWO, max_hourly_usd=5), after, status=NOW, views=known(), config=Config())
    assert "it will be NotOffered" in told.sentence
    assert "the drill ends at once" in told.sentence
    assert "all that serves" in told.blast_radius
    assert told.commits[0] == "clusters/atlas-us-central1/ with H100 80GB, Recreate"
    assert told.undo == "Recover; or by itself at 20:10 UTC."
    assert told.usd_per_hour_after == told.usd_per_hour_before
    assert told.cost_note.startswith("Unchanged until a H100 80GB is found, which costs up to $")


def test_the_preview_of_a_safe_switch_says_that_nothing_stops() -> None:
    told = preview(TWO, switched(A100), status=NOW, views=known(), config=Config())
    assert "old replica serves until the new one is Ready" in told.blast_radius
    assert told.usd_per_hour_after > told.usd_per_hour_before


def test_the_preview_of_recovering_leads_back_to_the_placements_own_gpu() -> None:
    drilled = replace(TWO, overrides=(hard(),))
    told = preview(drilled, recover(drilled), status=NOW, views=known(), config=Config())
    assert "back to the placement's own GPU" in told.sentence
    assert told.commits[0] == "clusters/atlas-us-central1/ with L4, RollingUpdate"


@pytest.mark.parametrize(
    ("spec", "after", "serving", "last", "radius"),
    [
        pytest.param(
            TWO, {"serving": 1}, ("a", "b"), (), "1 of 2 serving regions, the cheapest", id="one of two"
        ),
        pytest.param(TWO, {"serving": 0}, ("a", "b"), ("a", "b"), "a, b: all that serves", id="none wanted"),
        pytest.param(
            TWO, {"serving": 1}, ("a",), (), "No region that serves", id="one that was missing anyhow"
        ),
        pytest.param(TWO, {"excluded": ("a",)}, ("a",), ("a",), "a: all that serves", id="the last excluded"),
        pytest.param(TWO, {"serving": 3}, ("a",), (), "No region that serves", id="more"),
        pytest.param(TWO, {"serving": 0}, (), (), "No region that serves", id="nothing serves anyhow"),
    ],
)
def test_the_preview_knows_when_no_region_would_be_left(
    spec: PlacementSpec, after: dict[str, Any], serving: tuple[str, ...], last: tuple[str, ...], radius: str
) -> None:
    spec = replace(spec, pinned=())
    told = preview(spec, replace(spec, **after), status=status(*serving), views=known(), config=Config())
    assert told.last == last
    assert told.blast_radius.startswith(radius)


def test_a_preview_of_no_change_says_so() -> None:
    told = preview(TWO, TWO, status=NOW, views=known(), config=Config())
    assert told.sentence == "Nothing changes."


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"serving": 44}, "Regions that serve must be from 0 to 43; 44 was asked for."),
        ({"warm": -1}, "Warm clusters must be from 0 to 10"),
        ({"hedge": 9}, "from 0 to 5"),
        ({"max_hourly_usd": float("nan")}, "must be from 0 to 10000"),
        ({"serving": 2}, "Nothing to change"),
        ({"serving": 0}, "us-central1 are pinned"),
    ],
)
def test_numbers_out_of_bounds_are_refused_in_one_sentence(given: dict[str, Any], says: str) -> None:
    spec = PlacementSpec(accelerators=(L4,), serving=2, pinned=("us-central1",))
    with pytest.raises(Refused) as refused:
        amend(spec, **given)
    assert says in str(refused.value)


def test_numbers_are_changed_and_told() -> None:
    spec = PlacementSpec(accelerators=(L4,), serving=2)
    after = amend(spec, warm=1, max_hourly_usd=5)
    assert (after.serving, after.warm, after.max_hourly_usd) == (2, 1, 5)
    told = " ".join(number_changes(spec, after))
    assert "1 instead of 0 clusters are kept warm" in told
    assert "$5.00/h" in told


def test_a_safe_switch_to_what_just_failed_is_refused_with_what_would_flip_it() -> None:
    failed = Attempt(
        region="us-central1",
        accelerator=A100,
        provisioning=Provisioning.STANDARD,
        outcome=Outcome.STOCK_OUT,
        at=T0,
    )
    seen = views(
        TWO,
        {"us-central1": capacity_of("us-central1", offers=(L4, A100))},
        attempts=(failed,),
        global_quota=None,
        now=T0 + timedelta(minutes=5),
    )
    with pytest.raises(Refused) as refused:
        switch_gpu(
            replace(TWO, max_hourly_usd=100),
            A100,
            region="us-central1",
            rollout=Rollout.SAFE,
            ttl=None,
            owner="alice",
            reason="",
            now=T0,
            views=seen,
            status=status("us-central1"),
        )
    said = str(refused.value)
    assert "isn't likely to get A100" in said
    assert "Out of stock" in said
    assert "no new failure until" in said
