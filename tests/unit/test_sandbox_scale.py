"""What the sandbox's ticks cost when the fleet grows, counted in function calls, which no load on the machine changes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lib.sandbox import autopilot, configsync, deployments, faults, gke, health, hub, mci
from lib.sandbox.kube import workqueue
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import World
from tests import big_world

PARTS = (faults, gke, hub, deployments, autopilot, configsync, mci, health)
SMALL, LARGE = 12, 48


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, World]]:
    """Fleets of two sizes, as a sandbox finds them that is started again."""
    found: dict[int, World] = {}
    for count in (SMALL, LARGE):
        folder = tmp_path_factory.mktemp(f"fleet{count}")
        made = big_world.open_world(folder)
        big_world.build(made, clusters=count, pods=5)
        made.store.close()
        found[count] = big_world.open_world(folder)
    yield found
    for world in found.values():
        world.store.close()


def ticks(world: World, count: int = 1) -> None:
    for _ in range(count):
        world.clock.step(6)
        for part in PARTS:
            part.tick(world)


def calls(action: Callable[[], None]) -> int:
    made = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return made


def test_costs_grow_no_faster_than_the_fleet_and_a_quiet_one_costs_little(worlds: dict[int, World]) -> None:
    first = {n: calls(lambda n=n: ticks(worlds[n], 6)) for n in worlds}
    quiet = {n: calls(lambda n=n: ticks(worlds[n], 6)) for n in worlds}
    ratio = LARGE / SMALL
    assert first[LARGE] <= 1.3 * ratio * first[SMALL]
    assert quiet[LARGE] <= 1.3 * ratio * quiet[SMALL]
    assert quiet[LARGE] < first[LARGE] / 5


def test_a_change_is_acted_on_by_the_next_tick_however_large_the_fleet(worlds: dict[int, World]) -> None:
    world = worlds[LARGE]
    ticks(world, 10)
    cluster = KubeCluster(world, "us-east4", "fleet-0007")
    cluster.mutate("deployments.apps", "default", "web", lambda body: body["spec"].update(replicas=6))
    ticks(world)
    assert len(cluster.list("pods")) == 6


def test_a_fault_makes_every_cluster_worth_a_look(worlds: dict[int, World]) -> None:
    world = worlds[LARGE]
    ticks(world, 10)
    faults.create(world, "stockout", {"region": "us-central1"}, ttl_s=3600)
    queue = workqueue.of(world, "autopilot")
    seen: set[str] = set()
    while len(seen) < LARGE:
        looks = {
            f"{look.cluster.location}/{look.cluster.name}" for look in queue.looks(world) if look.changed
        }
        assert 0 < len(looks) <= workqueue.SLICE + 1
        seen |= looks


def test_every_cluster_is_looked_at_after_a_while(worlds: dict[int, World]) -> None:
    world = worlds[SMALL]
    ticks(world, 10)
    queue = workqueue.of(world, "deployments")
    seen = [look.cluster.name for _ in range(SMALL) for look in queue.looks(world)]
    assert sorted(seen) == [f"fleet-{n:04d}" for n in range(SMALL)]


def test_a_look_that_failed_is_taken_again(worlds: dict[int, World]) -> None:
    world = worlds[SMALL]
    ticks(world, 10)
    cluster = KubeCluster(world, "us-central1", "fleet-0006")
    cluster.create("configmaps", {"metadata": {"name": "changed"}})
    queue = workqueue.of(world, "deployments")
    first = next(look for look in queue.looks(world) if look.cluster.name == cluster.name)  # and no further
    assert first.changed
    assert [look.changed for look in queue.looks(world) if look.cluster.name == cluster.name] == [True]


def test_no_object_has_a_thread(worlds: dict[int, World]) -> None:
    before = threading.active_count()
    ticks(worlds[LARGE], 3)
    assert threading.active_count() == before
