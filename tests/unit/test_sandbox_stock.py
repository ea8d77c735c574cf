"""GPU stock, quota and faults of the sandbox, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.sandbox import catalog, faults, quota, scenario, stock
from lib.sandbox.clock import Clock
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Store
from lib.sandbox.world import CLUSTERS, World

DAY_S = 86_400.0
START = datetime(
    2026, 1, 5, 9, tzinfo=UTC
)  # a set time: what is drawn by name and date is drawn alike each run


def new_world(folder: Path, *, seed: int = 7, name: str = "calm") -> World:
    clock = Clock(folder / "clock.json", start=START)
    clock.pause()
    world = World(
        store=Store(folder / "state.db"), clock=clock, state_dir=folder, delivery_path=folder, seed=seed
    )
    scenario.choose(world, name)
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return new_world(tmp_path)


def share(world: World, accelerator: str, provisioning: str = "STANDARD") -> float:
    zones = catalog.ACCELERATORS[accelerator].zones
    found = [stock.room(world, zone=z, accelerator=accelerator, provisioning=provisioning) for z in zones]
    return sum(found) / len(found)


def over_days(world: World, accelerator: str, days: int = 30) -> float:
    total = 0.0
    for _ in range(days * 4):
        total += share(world, accelerator)
        world.clock.step(DAY_S / 4)
    return total / (days * 4)


def add_node(world: World, region: str, accelerator: str, number: int, *, spot: bool = False) -> None:
    world.store.put(CLUSTERS, f"{region}/c", {"name": "c"})
    labels = {"cloud.google.com/gke-accelerator": accelerator}
    if spot:
        labels["cloud.google.com/gke-spot"] = "true"
    node = {"metadata": {"labels": labels}, "status": {"capacity": {"nvidia.com/gpu": "1"}}}
    world.store.put(f"kube/{region}/c/nodes", f"/n{number}", node)


def test_the_catalog_has_the_regions_and_zones_of_the_reference() -> None:
    assert len(catalog.REGIONS) == 43
    assert catalog.zones("us-central1") == (
        "us-central1-a",
        "us-central1-b",
        "us-central1-c",
        "us-central1-f",
    )
    assert catalog.zones("nowhere") == ()
    assert catalog.offering("nvidia-l4", "europe-west1") == ("europe-west1-b", "europe-west1-c")
    assert catalog.offering("nvidia-l4", "africa-south1") == ()
    for accelerator in catalog.ACCELERATORS.values():
        assert all(catalog.region_of(zone) in catalog.REGIONS for zone in accelerator.zones)


@pytest.mark.parametrize(
    ("accelerator", "low", "high"),
    [("nvidia-l4", 0.75, 0.95), ("nvidia-tesla-t4", 0.75, 0.95), ("nvidia-tesla-a100", 0.1, 0.4),
     ("nvidia-h100-80gb", 0, 0), ("nvidia-h200-141gb", 0, 0), ("nvidia-b200", 0, 0)],
)  # fmt: skip
def test_calm_stock_is_plenty_of_small_gpus_and_none_of_the_great(
    world: World, accelerator: str, low: float, high: float
) -> None:
    assert low <= over_days(world, accelerator) <= high


def test_tight_stock_is_scarcer_than_calm(tmp_path: Path) -> None:
    worlds = {}
    for name in ("calm", "tight"):
        (tmp_path / name).mkdir()
        worlds[name] = over_days(new_world(tmp_path / name, name=name), "nvidia-l4")
    assert worlds["tight"] < worlds["calm"] / 1.5


@pytest.mark.parametrize("region", ["us-central1", "europe-west4", "asia-southeast1"])
def test_three_regions_always_begin_with_l4(tmp_path: Path, region: str) -> None:
    for seed in range(5):
        (tmp_path / str(seed)).mkdir()
        world = new_world(tmp_path / str(seed), seed=seed)
        for zone in catalog.offering("nvidia-l4", region):
            assert stock.room(world, zone=zone, accelerator="nvidia-l4", provisioning="STANDARD")


def test_stock_is_the_same_after_a_restart(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    zones = catalog.ACCELERATORS["nvidia-tesla-t4"].zones
    world.clock.step(20 * DAY_S)
    ask: dict[str, Any] = {"accelerator": "nvidia-tesla-t4", "provisioning": "SPOT"}
    before = [stock.room(world, zone=z, **ask) for z in zones]
    world.store.close()
    again = new_world(tmp_path)
    assert [stock.room(again, zone=z, **ask) for z in zones] == before


def test_a_gpu_that_is_not_offered_is_never_in_stock(world: World) -> None:
    assert not stock.room(world, zone="us-central1-f", accelerator="nvidia-l4", provisioning="STANDARD")


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        pytest.param({}, True, id="everywhere"),
        pytest.param({"region": "us-central1"}, True, id="its region"),
        pytest.param({"zone": "us-central1-a"}, True, id="its zone"),
        pytest.param({"zone": "us-central1-b"}, False, id="another zone"),
        pytest.param({"region": "us-central1", "accelerator": "nvidia-tesla-t4"}, False, id="another GPU"),
        pytest.param({"accelerator": "nvidia-l4", "provisioning": "SPOT"}, False, id="Spot only"),
    ],
)
def test_a_stock_out_takes_what_is_in_its_scope(world: World, scope: dict[str, Any], gone: bool) -> None:
    ask: dict[str, Any] = {"zone": "us-central1-a", "accelerator": "nvidia-l4", "provisioning": "STANDARD"}
    assert stock.room(world, **ask)
    faults.create(world, "stockout", scope, ttl_s=600)
    assert stock.room(world, **ask) is not gone
    world.clock.step(601)
    assert stock.room(world, **ask)


def test_a_cluster_is_meant_with_and_without_its_location(world: World) -> None:
    world.store.put(CLUSTERS, "us-east1/atlas-us-east1", {"name": "atlas-us-east1", "status": "RUNNING"})
    faults.create(world, "control-plane-down", {"cluster": "atlas-us-east1"})
    assert faults.first(world, "control-plane-down", cluster="us-east1/atlas-us-east1")
    assert not faults.first(world, "control-plane-down", cluster="us-east1/other")


def test_a_fault_needs_its_scope_to_be_a_fact(world: World) -> None:
    faults.create(world, "stockout", {"accelerator": "nvidia-l4"})
    assert not faults.first(world, "stockout", region="us-central1")
    assert faults.first(world, "stockout", region="us-central1", accelerator="nvidia-l4")


def test_an_unknown_fault_is_refused(world: World) -> None:
    with pytest.raises(ApiError, match="unknown fault"):
        faults.create(world, "rain")


@pytest.mark.parametrize(
    ("nodes", "accelerator", "provisioning", "room"),
    [
        pytest.param(0, "nvidia-l4", "STANDARD", True, id="nothing used"),
        pytest.param(7, "nvidia-l4", "STANDARD", True, id="one left"),
        pytest.param(8, "nvidia-l4", "STANDARD", False, id="regional limit"),
        pytest.param(8, "nvidia-l4", "SPOT", True, id="Spot has its own metric"),
        pytest.param(8, "nvidia-tesla-t4", "STANDARD", True, id="another GPU has its own metric"),
        pytest.param(8, "nvidia-h100-80gb", "STANDARD", True, id="by GPU family"),
    ],
)
def test_regional_quota_counts_the_nodes_of_all_clusters(
    world: World, nodes: int, accelerator: str, provisioning: str, room: bool
) -> None:
    for number in range(nodes):
        add_node(world, "us-central1", "nvidia-l4", number)
    assert quota.room(world, region="us-central1", accelerator=accelerator, provisioning=provisioning) is room


def test_all_regions_together_have_a_limit(world: World) -> None:
    for region in ("us-central1", "europe-west4"):
        for number in range(8):
            add_node(world, region, "nvidia-l4", number)
    assert not quota.room(world, region="asia-southeast1", accelerator="nvidia-l4", provisioning="STANDARD")
    used = {q["metric"]: q["usage"] for q in quota.project_wide(world)}
    assert used["GPUS_ALL_REGIONS"] == 16
    regional = {q["metric"]: q["usage"] for q in quota.regional(world, "us-central1")}
    assert (regional["NVIDIA_L4_GPUS"], regional["CPUS"]) == (8, 64)


def test_a_quota_fault_is_as_wide_as_its_scope(world: World) -> None:
    faults.create(world, "quota", {"accelerator": "nvidia-l4"})
    assert not quota.room(world, region="us-central1", accelerator="nvidia-l4", provisioning="STANDARD")
    assert quota.room(world, region="us-central1", accelerator="nvidia-tesla-t4", provisioning="STANDARD")
    assert quota.global_limit(world) == quota.GPUS_ALL_REGIONS
    faults.create(world, "quota")
    assert quota.global_limit(world) == 0
