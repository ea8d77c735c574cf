"""What must hold in the tiny world whatever happens: money, quota, strangers, a partial view, and rest at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.fleet.model import (
    PlacementStatus,
    Plan,
    Rollout,
)
from tests.unit.fleet_world import (
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
    check,
    hard,
    safe,
)

moments = st.lists(
    st.one_of(
        st.tuples(st.just("reclaim"), st.sampled_from(REGIONS), st.sampled_from((L4, T4))),
        st.tuples(st.just("restock"), st.just(""), st.just("")),
        st.tuples(st.just("exclude"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("include"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("pin"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("serving"), st.sampled_from(("1", "2", "3")), st.just("")),
        st.tuples(st.just("warm"), st.sampled_from(("0", "1", "2")), st.just("")),
        st.tuples(st.just("safe"), st.sampled_from(("", *REGIONS)), st.sampled_from((H100, T4))),
        st.tuples(st.just("hold"), st.sampled_from(REGIONS), st.sampled_from((L4, T4))),
        st.tuples(st.just("recover"), st.just(""), st.just("")),
        st.tuples(st.just("budget"), st.sampled_from(("0.5", "2.5", "10")), st.just("")),
        st.tuples(st.just("restart"), st.just(""), st.just("")),
        st.tuples(st.just("drill"), st.sampled_from(REGIONS), st.sampled_from((H100, T4))),
        st.tuples(st.just("dark"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("missing"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("unknown"), st.sampled_from(SOURCES), st.just("")),
        st.tuples(st.just("clear"), st.just(""), st.just("")),
    ),
    max_size=6,
)  # fmt: skip


def happen(loop: Loop, what: tuple[str, str, str]) -> None:  # noqa: C901, PLR0912 - one case per kind of luck
    verb, name, gpu = what
    world, spec = loop.world, loop.spec
    match verb:
        case "reclaim":
            world.reclaim(name, gpu)
        case "restock":
            world.out_of_stock.clear()
        case "exclude":
            loop.want(
                replace(spec, excluded=tuple({*spec.excluded, name}), pinned=tuple({*spec.pinned} - {name}))
            )
        case "include":
            loop.want(replace(spec, excluded=tuple({*spec.excluded} - {name})))
        case "pin":
            loop.want(replace(spec, pinned=tuple(sorted({*spec.pinned, name}))))
        case "serving":
            loop.want(replace(spec, serving=int(name)))
        case "warm":
            loop.want(replace(spec, warm=int(name)))
        case "safe":
            loop.want(replace(spec, overrides=(safe(gpu, name or None, now=world.now),)))
        case "hold":
            lease = replace(hard(gpu, name, now=world.now, minutes=20), rollout=Rollout.SAFE, commit="7" * 40)
            loop.want(replace(spec, overrides=(*spec.overrides, lease)))
        case "recover":
            loop.want(replace(spec, overrides=()))
        case "restart":
            loop.placement = replace(loop.placement, status=PlacementStatus())  # all that was told is lost
        case "drill":
            world.out_of_stock.add((name, gpu))
            loop.want(replace(spec, overrides=(hard(gpu, name, now=world.now),)))
        case "dark":
            world.dark.add(name)
        case "missing":
            world.missing.add(name)
        case "unknown":
            world.unknown = frozenset({name})
        case _:
            clear(world)


def clear(world: World) -> None:
    world.dark.clear()
    world.missing.clear()
    world.unknown = frozenset()


@settings(max_examples=60)
@given(
    what=moments,
    budget=st.sampled_from([0.5, 1.2, 2.5, 10.0]),
    quota=st.sampled_from([0, 1, 8]),
    everywhere=st.sampled_from([0, 2, 16]),
)
def test_promises_hold_whatever_happens_and_the_world_comes_to_rest(
    what: list[tuple[str, str, str]], budget: float, quota: int, everywhere: int
) -> None:
    world = World(quota=quota, global_quota=everywhere)
    foreign = Cluster(created=T0 - timedelta(days=1), owned=False)
    world.clusters["asia-southeast1"] = foreign
    loop = Loop(world, replace(TWO, max_hourly_usd=budget))
    for moment in what:
        for _ in range(12):
            loop.turn(60)
            check(loop)
        happen(loop, moment)
    for _ in range(6):
        loop.turn(60)
        check(loop)
    clear(world)
    world.out_of_stock.clear()
    for _ in range(110):
        loop.turn(60)
        check(loop)
    assert world.clusters.get("asia-southeast1") is foreign
    for _ in range(5):
        loop.turn(60)
        assert loop.last == Plan(actions=(), decisions=()), "the world doesn't come to rest"
