"""Whether a GPU can be had now, zone by zone: the part of a cloud that nobody can see and everybody feels.

A scenario says which share of time each GPU type is in stock; `pressure` says when. Spot and on-demand machines of
a zone feel the same pressure and Spot gives way first, so whenever Spot can be had, on-demand can. Truth is three
values in the store (scenario, seed, start): the same world has the same stock after a restart, and the same seed the
same course from its start. Stock-out faults come on top. Quota is `quota`'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from lib.sandbox import catalog, faults
from lib.sandbox.pressure import Pressure, level_over_places
from lib.sandbox.store import Store
from lib.sandbox.world import World

SCENARIO = "stock.scenario"  # key "current": {"name", "seed", "start"}
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Long-run share of time in stock, over all places, by provisioning model."""

    standard: float
    spot: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    habits: Mapping[str, Habit]
    otherwise: Habit
    sure: frozenset[tuple[str, str]]  # (region, accelerator) in stock for the first `sure_days`
    sure_days: float = 14.0


NEVER = Habit(standard=0.0, spot=0.0)
_SURE = frozenset((region, "nvidia-l4") for region in ("us-central1", "europe-west4", "asia-southeast1"))
SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario(
        name="calm",
        habits={
            "nvidia-l4": Habit(standard=0.85, spot=0.68),
            "nvidia-tesla-t4": Habit(standard=0.85, spot=0.68),
            "nvidia-tesla-p4": Habit(standard=0.8, spot=0.6),
            "nvidia-tesla-p100": Habit(standard=0.7, spot=0.5),
            "nvidia-tesla-v100": Habit(standard=0.5, spot=0.4),
            "nvidia-tesla-a100": Habit(standard=0.25, spot=0.2),
            "nvidia-a100-80gb": Habit(standard=0.15, spot=0.12),
            "nvidia-rtx-pro-6000": Habit(standard=0.2, spot=0.15),
        },
        otherwise=NEVER,
        sure=_SURE,
    ),
    "tight": Scenario(
        name="tight",
        habits={
            "nvidia-l4": Habit(standard=0.35, spot=0.2),
            "nvidia-tesla-t4": Habit(standard=0.5, spot=0.3),
            "nvidia-tesla-a100": Habit(standard=0.05, spot=0.02),
        },
        otherwise=NEVER,
        sure=frozenset(),
    ),
}


def room(world: World, *, zone: str, accelerator: str, provisioning: str) -> bool:
    """Whether one more machine with this GPU can be had in the zone now. `provisioning`: STANDARD or SPOT."""
    region = catalog.region_of(zone)
    if zone not in catalog.offering(accelerator, region):
        return False
    subject = {"region": region, "zone": zone, "accelerator": accelerator, "provisioning": provisioning}
    return faults.first(world, "stockout", **subject) is None and _in_stock(
        world, zone, accelerator, provisioning
    )


def obtainability(world: World, *, zone: str, accelerator: str, provisioning: str) -> float:
    """What the Advice API says, 0 to 1: near the truth, not the truth."""
    now = room(world, zone=zone, accelerator=accelerator, provisioning=provisioning)
    bucket = int(world.clock.timestamp() // HOUR_S)
    noise = random.Random(f"{world.seed}/advice/{zone}/{accelerator}/{provisioning}/{bucket}").random()
    return round(0.7 + 0.25 * noise if now else 0.05 + 0.3 * noise, 2)


def choose(world: World, scenario: str | None) -> str:
    """Make sure that a scenario is on; a name given changes it from now on. Returns the name."""
    kept = world.store.get(SCENARIO, "current")
    if kept is None or (scenario is not None and kept["name"] != scenario):
        kept = {"name": scenario or "calm", "seed": world.seed, "start": world.clock.timestamp()}
        world.store.put(SCENARIO, "current", kept)
    return str(kept["name"])


def _in_stock(world: World, zone: str, accelerator: str, provisioning: str) -> bool:
    kept = world.store.get(SCENARIO, "current")
    if kept is None:
        choose(world, None)
        kept = world.store.get(SCENARIO, "current") or {}
    scenario = SCENARIOS[kept["name"]]
    region, elapsed = catalog.region_of(zone), world.clock.timestamp() - kept["start"]
    if (region, accelerator) in scenario.sure and elapsed < scenario.sure_days * 24 * HOUR_S:
        return True
    habit = scenario.habits.get(accelerator, scenario.otherwise)
    share = habit.spot if provisioning == "SPOT" else habit.standard
    if share <= 0:
        return False
    pressure = _pressure(world.store, f"{kept['seed']}")
    place = {"accelerator": accelerator, "region": region, "zone": zone}
    return pressure.at(elapsed, **place) + pressure.standing(**place) < level_over_places(share)


def _pressure(store: Store, seed: str) -> Pressure:
    found = _PRESSURES.get(store)
    if found is None or found.seed != seed:
        found = _PRESSURES[store] = Pressure(seed)
    return found


_PRESSURES: WeakKeyDictionary[Store, Pressure] = WeakKeyDictionary()
