"""The hourly cap while one machine takes over from another: both are paid for, and both have to fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.fleet import catalog
from lib.fleet.model import CommitWorkload, Override, Provisioning, Rollout
from tests.unit.fleet_world import L4, T4, TWO, Loop, World, hard, served, spend

A100 = "nvidia-tesla-a100"


def switch(accelerator: str, loop: Loop, *, region: str | None = None) -> None:
    """A Safe one that is meant to stay."""
    asked = Override(
        region=region,
        accelerator=accelerator,
        rollout=Rollout.SAFE,
        expires_at=None,
        owner="alice",
        reason="switch-gpu",
        created_at=loop.world.now,
    )
    loop.want(replace(loop.spec, overrides=(asked,)))


def price(accelerator: str, region: str) -> float:
    return catalog.usd_per_hour(accelerator, Provisioning.STANDARD, region) or 0.0


def held(world: World) -> set[str]:
    return {p.accelerator for c in world.clusters.values() for p in c.running if p.ready}


def run_under(loop: Loop, cap: float, minutes: int = 60) -> float:
    """The most that was spent at any turn."""
    loop.want(replace(loop.spec, max_hourly_usd=cap))
    most = 0.0
    for _ in range(minutes * 2):
        loop.turn()
        most = max(most, spend(loop.world))
        assert loop.placement.status.usd_per_hour <= cap + 1e-9
    return most


def test_with_room_for_one_more_machine_regions_switch_one_after_the_other() -> None:
    loop = served()
    cap = spend(loop.world) + max(price(T4, r) for r in loop.serving) + 0.01
    switch(T4, loop)
    assert run_under(loop, cap) <= cap
    assert held(loop.world) == {T4}


def test_without_room_for_the_second_machine_a_safe_switch_is_refused_and_what_serves_goes_on() -> None:
    loop = served()
    cap = spend(loop.world) + 0.5
    switch(T4, loop)
    assert run_under(loop, cap) <= cap
    assert held(loop.world) == {L4}
    assert len(loop.serving) == 2
    assert any(d.startswith("Refuse") for d in loop.decisions)


def test_a_region_moves_to_the_preferred_gpu_only_when_both_machines_fit() -> None:
    world = World()
    world.out_of_stock = {(r, L4) for r in world.regions}
    loop = served(replace(TWO, accelerators=(T4,)), world)
    world.out_of_stock.clear()
    loop.want(replace(loop.spec, accelerators=(L4, T4)))
    spent = spend(world)
    assert run_under(loop, spent + 0.5) <= spent + 0.5
    assert held(world) == {T4}
    loop.want(replace(loop.spec, max_hourly_usd=10.0))
    loop.until(lambda: held(world) == {L4})


@pytest.mark.parametrize(
    ("room", "rollouts"),
    [
        pytest.param(10.0, [Rollout.SAFE], id="room for both: it serves all the while"),
        pytest.param(0.3, [Rollout.HARD, Rollout.SAFE], id="no room: the dear one goes first"),
    ],
)
def test_the_way_back_from_a_dearer_gpu_fits_the_budget_too(room: float, rollouts: list[Rollout]) -> None:
    loop = served()
    switch(A100, loop, region="us-central1")
    loop.until(lambda: A100 in held(loop.world))
    cap = spend(loop.world) + room
    before = len(loop.world.log)
    loop.want(replace(loop.spec, overrides=()))
    assert run_under(loop, cap) <= cap
    assert held(loop.world) == {L4}
    commits = [a for a in loop.world.log[before:] if isinstance(a, CommitWorkload)]
    assert [a.rollout for a in commits] == rollouts


def test_a_dear_machine_that_still_runs_is_paid_for_before_another_region_is_added() -> None:
    loop = served()
    switch(A100, loop, region="us-central1")
    loop.until(lambda: A100 in held(loop.world))
    cap = spend(loop.world) + 0.2
    loop.want(replace(loop.spec, overrides=(), serving=3))
    assert run_under(loop, cap) <= cap
    assert len(loop.serving) == 3


def test_a_drill_keeps_its_price_until_it_gets_what_it_asked_for() -> None:
    loop = served()
    spent = loop.placement.status.usd_per_hour
    loop.world.out_of_stock = {(r, A100) for r in loop.world.regions}
    loop.want(replace(loop.spec, overrides=(hard(A100, "us-central1", now=loop.world.now),)))
    loop.run(5)
    assert loop.placement.status.usd_per_hour == spent


def drilled(order: tuple[str, str], gpu: str, minutes: float = 600) -> Loop:
    """A fleet whose us-central1 got the GPU of a drill, which is one of the placement's own."""
    loop = served(replace(TWO, accelerators=order))
    asked = hard(gpu, "us-central1", now=loop.world.now, minutes=minutes)
    loop.want(replace(loop.spec, overrides=(asked,)))
    loop.until(lambda: gpu in held(loop.world))
    loop.run(5)
    return loop


def test_a_drill_on_an_own_gpu_gives_no_claim_to_it_when_the_cap_was_lowered() -> None:
    loop = drilled((T4, L4), L4)
    cap = loop.placement.status.usd_per_hour - 0.1
    loop.want(replace(loop.spec, max_hourly_usd=cap))
    loop.run(15)
    assert loop.spec.overrides == (), "the lease ends when its GPU would pass the cap"
    assert spend(loop.world) <= cap
    assert len(loop.serving) == 2
    told = loop.world.delivered["atlas-us-central1"]
    assert (told.accelerator, told.rollout, told.returns_to) == (T4, Rollout.SAFE, None)


def test_nor_when_it_came_just_as_the_drill_ended_and_the_old_gpu_can_not_be_had() -> None:
    loop = served(replace(TWO, accelerators=(T4, L4)))
    loop.world.out_of_stock = {("us-central1", T4), ("us-central1", L4)}
    asked = hard(L4, "us-central1", now=loop.world.now, minutes=10)
    loop.want(replace(loop.spec, overrides=(asked,), pinned=("us-central1",)))
    loop.run(30)  # the lease is over and the old GPU was refused
    loop.want(replace(loop.spec, overrides=(hard(L4, "us-central1", now=loop.world.now, minutes=60),)))
    loop.run(15)
    loop.world.out_of_stock = {("us-central1", T4)}
    while L4 not in held(loop.world):
        loop.world.step(10)
    cap = spend(loop.world) - 0.3
    loop.want(replace(loop.spec, max_hourly_usd=cap, overrides=()))
    loop.run(15)
    assert L4 not in held(loop.world)
    assert spend(loop.world) <= cap


def test_its_way_back_takes_the_dear_gpu_first_where_both_would_pass_the_cap() -> None:
    loop = drilled((T4, L4), L4)
    before = len(loop.world.log)
    loop.want(replace(loop.spec, max_hourly_usd=loop.placement.status.usd_per_hour - 0.1))
    loop.run(15)
    rollouts = [a.rollout for a in loop.world.log[before:] if isinstance(a, CommitWorkload)]
    assert rollouts == [Rollout.HARD, Rollout.SAFE]


def test_a_drill_on_an_own_gpu_that_fits_is_over_without_a_second_outage() -> None:
    loop = drilled((L4, T4), T4, minutes=20)
    loop.world.out_of_stock = {(r, L4) for r in loop.world.regions}
    loop.run(60)
    assert loop.spec.overrides == ()
    assert len(loop.serving) == 2
    assert loop.world.delivered["atlas-us-central1"].returns_to is None


def test_a_drill_on_an_own_gpu_ends_in_the_preferred_one_when_the_budget_allows() -> None:
    loop = drilled((L4, T4), T4, minutes=10)
    loop.until(lambda: held(loop.world) == {L4} and len(loop.serving) == 2)
    assert loop.spec.overrides == ()


@pytest.mark.parametrize("look_s", [30, 90, 120, 150, 240])
def test_a_dear_gpu_that_comes_while_its_drill_ends_is_never_paid_for_beside_the_old_one(look_s: int) -> None:
    """However long it is from one look to the next: both may come in between."""
    loop = served()
    cap = spend(loop.world) + price(A100, "us-central1") - price(L4, "us-central1") + 0.1
    asked = hard(A100, "us-central1", now=loop.world.now, minutes=look_s / 60)
    loop.want(replace(loop.spec, max_hourly_usd=cap, overrides=(asked,)))
    for _ in range(20):
        loop.turn(10)
        for _ in range(look_s // 10):
            loop.world.step(10)
            assert spend(loop.world) <= cap
    assert held(loop.world) == {L4}
    assert len(loop.serving) == 2


@pytest.mark.parametrize("look_s", [30, 90, 120, 150, 240])
def test_a_gpu_that_comes_just_when_its_region_falls_back_is_not_paid_for_beside_the_other(
    look_s: int,
) -> None:
    world = World()
    world.out_of_stock = {(r, L4) for r in world.regions}
    loop = Loop(world, replace(TWO, serving=1, max_hourly_usd=price(L4, "us-central1") + 0.3))
    for turn in range(80):
        loop.turn(10)
        told = world.delivered.get("atlas-us-central1")
        if told is not None and told.accelerator == T4:
            world.out_of_stock.clear()
        for _ in range(look_s // 10):
            world.step(10)
            assert spend(world) <= loop.spec.max_hourly_usd, turn
    assert len(loop.serving) == 1


def test_a_drill_that_ends_while_its_pods_cannot_be_seen_lets_them_go_first() -> None:
    loop = served()
    loop.want(replace(loop.spec, overrides=(hard(A100, "us-central1", now=loop.world.now, minutes=20),)))
    loop.until(lambda: A100 in held(loop.world))
    before = len(loop.world.log)
    loop.world.dark.add("us-central1")
    loop.run(30)
    rollouts = [a.rollout for a in loop.world.log[before:] if isinstance(a, CommitWorkload)]
    assert rollouts == [Rollout.HARD], "Safe comes back once it is seen that they are gone"
    loop.world.dark.clear()
    loop.run(5)
    assert loop.world.delivered["atlas-us-central1"].rollout is Rollout.SAFE
