"""How the fleet goes on by the plan alone, in a tiny world that obeys it: from nothing to serving, loss, switch, warm,
drill, and what it refuses."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import catalog
from lib.fleet.model import (
    CommitWorkload,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    ExpireOverride,
    PlacementSpec,
    PlacementStatus,
    Plan,
    Provisioning,
    Quota,
    RemoveWorkload,
    Rollout,
)
from lib.fleet.plan import plan
from tests.unit.fleet_world import (
    DESTRUCTIVE,
    H100,
    L4,
    REGIONS,
    SOURCES,
    T0,
    T4,
    TWO,
    Cluster,
    Loop,
    World,
    capacity_of,
    check,
    hard,
    placement,
    safe,
    served,
)


def test_a_placement_comes_to_serve_and_then_nothing_more_is_done() -> None:
    loop = served()
    assert "us-central1" in loop.serving
    loop.turn()
    for _ in range(60):
        told = loop.turn()
        assert told == Plan(actions=(), decisions=())


def test_the_same_look_gives_the_same_plan() -> None:
    loop = Loop(World(), TWO)
    loop.run(5)
    seen = loop.world.observe()
    first = plan(loop.placement, seen, now=loop.world.now)
    assert plan(loop.placement, seen, now=loop.world.now) == first


def test_regions_are_spread_over_continents() -> None:
    assert {r.partition("-")[0] for r in served().serving} == {"us", "europe"}


def test_a_region_that_lost_its_gpu_is_replaced_and_the_better_one_kept() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.until(lambda: loop.phases.get(other) == "StockedOut")
    fresh = [a for a in loop.last.actions if isinstance(a, CreateCluster)]
    assert len(fresh) == 1
    decision = next(d for d in loop.last.decisions if d.verb == "ScaleOut")
    assert f"{other} is StockedOut" in decision.reason
    assert decision.why_not
    loop.until(lambda: len(loop.serving) == 2)
    loop.until(lambda: other not in loop.world.clusters)
    assert fresh[0].region in loop.serving


def test_what_is_too_much_stays_for_ten_minutes_of_full_service() -> None:
    loop = served(replace(TWO, serving=3))
    three = loop.world.now
    loop.want(replace(loop.spec, serving=2))
    loop.until(lambda: any(isinstance(a, DetachBackend) for a in loop.last.actions))
    assert loop.world.now - three >= timedelta(minutes=10)


def test_a_pinned_region_is_never_scaled_in() -> None:
    loop = served(replace(TWO, serving=2, pinned=("us-central1", "us-east4")))
    loop.want(replace(loop.spec, serving=1))
    loop.run(40)
    assert loop.serving == {"us-central1", "us-east4"}


def test_contracting_drains_before_anything_is_deleted() -> None:
    loop = served()
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.until(lambda: "us-central1" not in loop.world.clusters)
    steps = [type(a) for a in loop.world.log if isinstance(a, DESTRUCTIVE)]
    assert steps == [DetachBackend, RemoveWorkload, DeleteCluster]


def test_a_drill_is_not_answered_by_another_region_and_the_lease_gives_it_back() -> None:
    loop = served()
    before = set(loop.world.clusters)
    loop.world.out_of_stock = {(r, H100) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now),)))
    loop.until(lambda: loop.phases["us-central1"] == "StockedOut")
    assert set(loop.world.clusters) == before
    assert any(d.startswith("Hold") for d in loop.decisions)
    loop.until(lambda: loop.phases["us-central1"] == "Serving")
    assert loop.spec.overrides == ()
    assert set(loop.world.clusters) == before
    assert "Restore us-central1" in loop.decisions
    assert loop.world.delivered["atlas-us-central1"].rollout is Rollout.SAFE


def switched(loop: Loop, accelerator: str) -> list[str]:
    """Regions whose commits asked for this GPU, in their order."""
    log = [a for a in loop.world.log if isinstance(a, CommitWorkload)]
    return [a.region for a in log if a.accelerator == accelerator]


def test_a_safe_switch_goes_from_region_to_region() -> None:
    loop = served()
    loop.want(replace(loop.spec, overrides=(safe(now=loop.world.now),)))
    loop.turn()
    assert len(switched(loop, T4)) == 1
    first = switched(loop, T4)[0]
    while len(switched(loop, T4)) == 1:
        assert len(loop.serving) == 2
        loop.turn()
    ready = {p.accelerator for p in loop.world.clusters[first].running if p.ready}
    assert ready == {T4}, "the second began before the first was done"
    loop.until(lambda: all(p.accelerator == T4 for c in loop.world.clusters.values() for p in c.running))
    assert len(loop.serving) == 2
    assert loop.spec.overrides


def test_a_safe_switch_stops_at_the_first_region_that_cant_follow_and_is_taken_back() -> None:
    loop = served()
    loop.world.out_of_stock = {(r, T4) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(safe(now=loop.world.now),)))
    for _ in range(16):
        loop.turn()
        assert len(loop.serving) == 2
    assert len(switched(loop, T4)) == 1
    assert loop.spec.overrides == ()
    (taken_back,) = [d for d in loop.placement.status.decisions if d.verb == "Rollback"]
    assert "no T4" in taken_back.reason
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {L4}
    loop.run(30)
    assert len(switched(loop, T4)) == 1, "it isn't tried again by itself"


def test_a_safe_switch_tries_spot_too_where_the_spec_allows_it() -> None:
    both = (Provisioning.STANDARD, Provisioning.SPOT)
    world = World()
    loop = served(replace(TWO, provisioning=both, serving=1), world)
    world.scarce = {(T4, Provisioning.STANDARD)}
    loop.want(replace(loop.spec, overrides=(safe(now=world.now),)))
    loop.until(lambda: [p.accelerator for p in world.clusters["us-central1"].running] == [T4], minutes=20)
    assert [p.provisioning for p in world.clusters["us-central1"].running] == [Provisioning.SPOT]
    assert loop.spec.overrides
    assert len(loop.serving) == 1


def test_a_fallback_in_place_serves_where_the_preferred_gpu_cant_be_had_anywhere_and_gives_way_to_it() -> (
    None
):
    loop = served(world=World(("us-central1", "europe-west1")))
    for region in ("us-central1", "europe-west1"):
        loop.world.reclaim(region, L4)
    loop.turn()
    loop.until(lambda: len(loop.serving) == 2, minutes=20)
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {T4}
    assert len(loop.world.clusters) == 2
    loop.world.out_of_stock.clear()
    back = loop.world.now + timedelta(hours=7)
    while loop.world.now < back:
        loop.turn(60)
        assert len(loop.serving) == 2
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {L4}


def test_a_try_for_the_preferred_gpu_that_fails_leaves_the_fallback_as_it_is() -> None:
    loop = served(world=World(("us-central1", "europe-west1")))
    for region in ("us-central1", "europe-west1"):
        loop.world.reclaim(region, L4)
    loop.turn()
    loop.until(lambda: len(loop.serving) == 2, minutes=20)
    for _ in range(16 * 60):
        loop.turn(60)
        assert len(loop.serving) == 2
    assert 2 <= len(switched(loop, L4)) - 2 <= 6, "about one try a region in six hours"
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running if p.ready} == {T4}


def test_a_refused_stand_in_is_hedged_and_the_loser_is_cancelled() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.out_of_stock = {
        (r, L4) for r in REGIONS if r not in {"us-central1", "europe-west4", "us-east4"}
    }
    loop.world.reclaim(other, L4)
    loop.want(replace(loop.spec, accelerators=(L4,)))
    loop.until(lambda: any(d.region and "beside" in d.reason for d in loop.last.decisions))
    assert "Wanted" in loop.phases.values()
    assert len(loop.serving) == 1
    loop.until(lambda: len(loop.serving) >= 2)
    served_at = loop.world.now
    loop.until(lambda: len(loop.serving) == 2 and len(loop.world.clusters) == 2)
    assert loop.world.now - served_at < timedelta(minutes=25)


def test_a_hedge_beyond_the_budget_is_not_made() -> None:
    loop = served(replace(TWO, max_hourly_usd=3.2, accelerators=(L4,)))
    (other,) = loop.serving - {"us-central1"}
    loop.world.out_of_stock = {(r, L4) for r in REGIONS}
    loop.world.reclaim(other, L4)
    for _ in range(120):
        loop.turn()
        check(loop)


def test_warm_clusters_are_kept_without_a_gpu_and_shorten_the_next_start() -> None:
    loop = served(replace(TWO, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    (warm,) = [r for r, phase in loop.phases.items() if phase == "Warm"]
    assert loop.world.clusters[warm].running == []
    assert loop.world.delivered.keys() == {f"atlas-{r}" for r in loop.serving}
    told = next(r for r in loop.placement.status.regions if r.region == warm)
    assert told.usd_per_hour == catalog.CLUSTER_FEE_USD_PER_HOUR
    loop.run(60)
    assert len(loop.world.clusters) == 3
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.until(lambda: loop.phases.get(other) == "StockedOut")
    lost = loop.world.now
    loop.until(lambda: len(loop.serving) == 2)
    assert warm in loop.serving
    assert loop.world.now - lost < timedelta(minutes=7), "a cluster's creation alone takes 6.5"
    loop.until(lambda: len(loop.world.clusters) == 3 and "Warm" in loop.phases.values())


def test_a_warm_cluster_that_isnt_asked_for_any_more_goes() -> None:
    loop = served(replace(TWO, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    loop.want(replace(loop.spec, warm=0))
    loop.until(lambda: len(loop.world.clusters) == 2, minutes=20)
    assert len(loop.serving) == 2


def test_what_is_too_much_becomes_the_warm_cluster() -> None:
    loop = served(replace(TWO, serving=3))
    three = set(loop.world.clusters)
    loop.want(replace(loop.spec, serving=2, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    assert set(loop.world.clusters) == three
    assert len(loop.serving) == 2
    assert not [a for a in loop.world.log if isinstance(a, DeleteCluster)]


def test_recovering_early_brings_no_stand_in() -> None:
    loop = served()
    loop.world.out_of_stock = {(r, H100) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(hard(now=loop.world.now),)))
    loop.until(lambda: set(loop.phases.values()) == {"StockedOut"})
    loop.want(replace(loop.spec, overrides=()))
    loop.until(lambda: len(loop.serving) == 2)
    assert len(loop.world.clusters) == 2


def test_a_drill_that_finds_an_expensive_gpu_ends_at_once() -> None:
    loop = served(replace(TWO, max_hourly_usd=5))
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now, minutes=600),)))
    loop.until(lambda: any(isinstance(a, ExpireOverride) for a in loop.last.actions), minutes=20)
    loop.until(lambda: len(loop.serving) == 2)
    assert loop.placement.status.usd_per_hour <= 5


def test_a_drill_that_found_its_gpu_is_undone_even_when_the_quota_has_no_room_for_a_surge() -> None:
    loop = served(world=World(global_quota=2))
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now),)))
    loop.until(
        lambda: any(p.node and p.accelerator == H100 for p in loop.world.clusters["us-central1"].running)
    )
    loop.until(lambda: [p.accelerator for p in loop.world.clusters["us-central1"].running if p.ready] == [L4])
    loop.run(5)
    assert loop.world.delivered["atlas-us-central1"].rollout is Rollout.SAFE
    assert loop.decisions.count("Restore us-central1") == 1


def test_a_silent_control_plane_is_not_replaced_while_the_vip_sees_it_healthy() -> None:
    loop = served()
    loop.world.dark.add("us-central1")
    loop.run(30)
    assert loop.phases["us-central1"] == "Unreachable"
    assert len(loop.world.clusters) == 2
    loop.world.dark.clear()
    loop.until(lambda: len(loop.serving) == 2)


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_taken_away_while_a_source_is_silent(source: str) -> None:
    loop = served()
    loop.world.unknown = frozenset({source})
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.run(30)
    assert not [a for a in loop.world.log if isinstance(a, DESTRUCTIVE)]
    assert loop.decisions.count("Hold") == 1
    loop.world.unknown = frozenset()
    loop.until(lambda: "us-central1" not in loop.world.clusters)


def test_an_operator_can_remove_a_region_whose_control_plane_is_gone() -> None:
    loop = served()
    loop.world.dark.add("us-central1")
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.until(lambda: "us-central1" not in loop.world.clusters)


def test_spot_is_used_when_on_demand_has_no_candidate() -> None:
    spec = replace(
        TWO, accelerators=(L4,), provisioning=(Provisioning.STANDARD, Provisioning.SPOT), pinned=()
    )
    world = World()
    loop = Loop(world, spec)
    seen = world.observe()
    spot_only = {
        r: replace(
            c, quotas={m: Quota(limit=0 if m == "NVIDIA_L4_GPUS" else 4, usage=0) for m in (c.quotas or {})}
        )
        for r, c in seen.capacity.items()
    }
    told = plan(loop.placement, replace(seen, capacity=spot_only), now=T0)
    reasons = [a.reason for a in told.actions if isinstance(a, CreateCluster)]
    assert len(reasons) == 2
    assert all("L4 Spot" in r for r in reasons)


def test_a_region_where_a_stranger_has_the_name_is_never_chosen() -> None:
    world = World(("us-central1", "us-east4"))
    world.clusters["us-central1"] = Cluster(created=T0 - timedelta(days=1), owned=False)
    told = plan(placement(replace(TWO, pinned=())), world.observe(), now=T0)
    assert [a.region for a in told.actions if isinstance(a, CreateCluster)] == ["us-east4"]


def test_a_pinned_region_where_a_stranger_has_the_name_is_refused_with_the_name() -> None:
    world = World()
    world.clusters["us-central1"] = Cluster(created=T0 - timedelta(days=1), owned=False)
    loop = Loop(world, TWO)
    loop.turn()
    refused = next(d for d in loop.last.decisions if d.verb == "Refuse")
    assert "atlas-us-central1" in refused.reason
    loop.until(lambda: len(loop.serving) == 2)


@pytest.mark.parametrize(
    ("spec", "quota", "everywhere", "says"),
    [
        pytest.param(replace(TWO, max_hourly_usd=1.0), 8, 16, "budget's $1.00/h are spoken for", id="budget"),
        pytest.param(TWO, 0, 16, "No other region can take L4, T4 now", id="regional quota"),
        pytest.param(TWO, 8, 1, "0 of 1 used, 1 on the way", id="global quota, counting what is on its way"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_numbers(
    spec: PlacementSpec, quota: float, everywhere: float, says: str
) -> None:
    loop = Loop(World(quota=quota, global_quota=everywhere), spec)
    loop.turn()
    assert any(says in d.reason for d in loop.last.decisions if d.verb == "Refuse"), loop.last.decisions
    assert loop.turn().decisions == (), "told once"


def test_a_plan_for_all_regions_and_twelve_types_takes_milliseconds() -> None:
    names = tuple(catalog.ACCELERATORS)[:12]
    seen = replace(World().observe(), capacity={r: capacity_of(r, offers=names) for r in catalog.REGIONS})
    wide = placement(PlacementSpec(accelerators=names, serving=3, max_hourly_usd=1000))
    took: list[float] = []
    for _ in range(40):
        start = time.perf_counter()
        plan(wide, seen, now=T0)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005


def test_a_region_that_cant_be_seen_is_ours_though_all_that_was_told_is_lost() -> None:
    loop = served(replace(TWO, max_hourly_usd=2.5))
    (other,) = loop.serving - {"us-central1"}
    loop.world.missing.add(other)
    loop.placement = replace(loop.placement, status=PlacementStatus())
    for _ in range(30):
        loop.turn()
        check(loop)
    assert set(loop.world.clusters) == {"us-central1", other}
