"""Whether a GPU can be had now, zone by zone: the part of a cloud that nobody can see and everybody feels.

The scenario says which share of time each GPU type is in stock; `pressure` says when, or a `trace` is replayed. Spot
and on-demand machines of a zone feel the same pressure and Spot gives way first, so whenever Spot can be had,
on-demand can. Truth is what `scenario` keeps (document, seed, start): the same world has the same stock after a
restart, and the same seed the same course from a scenario's start. Stock-out faults come on top. Quota is `quota`'s.
"""

from __future__ import annotations

import random
from weakref import WeakKeyDictionary

from lib.sandbox import catalog, faults, scenario
from lib.sandbox.pressure import Pressure, level_over_places
from lib.sandbox.store import Store
from lib.sandbox.world import World

HOUR_S = 3600.0


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


def _in_stock(world: World, zone: str, accelerator: str, provisioning: str) -> bool:
    on, elapsed = scenario.current(world), scenario.elapsed(world)
    region = catalog.region_of(zone)
    if elapsed < on.sure.get((region, accelerator), 0.0):
        return True
    if on.replay and on.replay.follows(zone=zone, accelerator=accelerator, provisioning=provisioning):
        return on.replay.room(elapsed, zone=zone)
    habit = on.habits.get(accelerator, on.otherwise)
    share = habit.spot if provisioning == "SPOT" else habit.standard
    if share <= 0:
        return False
    pressure = _pressure(world.store, scenario.seed(world))
    place = {"accelerator": accelerator, "region": region, "zone": zone}
    return pressure.at(elapsed, **place) + pressure.standing(**place) < level_over_places(share)


def _pressure(store: Store, seed: str) -> Pressure:
    found = _PRESSURES.get(store)
    if found is None or found.seed != seed:
        found = _PRESSURES[store] = Pressure(seed)
    return found


_PRESSURES: WeakKeyDictionary[Store, Pressure] = WeakKeyDictionary()
