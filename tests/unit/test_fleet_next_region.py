"""What would be tried next by what is published: the same place that the plan then takes, with why not for all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.fleet.capacity import views
from lib.fleet.model import CreateCluster, PlacementSpec, Provisioning
from lib.fleet.next_region import NextRegion, next_region
from tests.unit.fleet_world import L4, T0, T4, World, placement, served

SPEC = PlacementSpec(accelerators=(L4, T4), provisioning=(Provisioning.STANDARD,), serving=2)


def asked(spec: PlacementSpec, world: World | None = None) -> NextRegion:
    loop = served(spec, world)
    return at(loop.placement.spec, loop)


def at(spec: PlacementSpec, loop) -> NextRegion:
    seen = loop.world.observe()
    here = frozenset(r.region for r in loop.placement.status.regions)
    published = views(
        spec, seen.capacity, attempts=seen.attempts, global_quota=None, now=loop.world.now, present=here
    )
    return next_region(replace(loop.placement, spec=spec), published, now=loop.world.now)


def test_it_is_the_region_that_the_plan_takes_when_one_more_is_wanted() -> None:
    loop = served(SPEC)
    more = replace(SPEC, serving=3)
    told = at(more, loop)
    loop.want(more)
    created = [a for a in loop.turn().actions if isinstance(a, CreateCluster)]
    assert told.best is not None
    assert [a.region for a in created] == [told.best.region]
    assert told.why.startswith(f"{told.best.region} is the best of ")


def test_every_other_region_that_offers_it_is_told_once_with_its_reason_and_flip() -> None:
    told = asked(SPEC)
    assert told.best is not None
    names = [one.region for one in told.why_not]
    assert len(names) == len(set(names)) > 0
    assert told.best.region not in names
    assert all(one.reason and one.flip for one in told.why_not)


@pytest.mark.parametrize(
    ("spec", "says", "flip"),
    [
        pytest.param(replace(SPEC, max_hourly_usd=2.2), "the budget leaves", "a budget of more than $2.20/h", id="no money left"),
        pytest.param(replace(SPEC, accelerators=("nvidia-gb300",)), "No other region can take GB300 now.", "", id="offered nowhere"),
    ],
)  # fmt: skip
def test_that_nothing_is_next_is_said_with_what_stands_against_it(
    spec: PlacementSpec, says: str, flip: str
) -> None:
    loop = served(SPEC)
    told = at(spec, loop)
    assert told.best is None
    assert says in told.why
    assert {one.flip for one in told.why_not} >= ({flip} if flip else set())


def test_it_is_judged_for_the_gpu_that_the_placement_prefers() -> None:
    published = views(SPEC, World().observe().capacity, attempts=(), global_quota=None, now=T0)
    told = next_region(placement(replace(SPEC, accelerators=(T4,))), published, now=T0)
    assert told.best is not None
    assert told.best.accelerator == T4
    assert "T4" in told.why
