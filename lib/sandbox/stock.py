"""Whether a GPU can be had now, zone by zone: the part of a cloud that nobody can see and everybody feels.

A seeded scenario gives every (region, accelerator, provisioning) and every zone in it an endless row of in-stock
and out-of-stock runs of hours. A zone has room when neither is out, so the zones of a region fail together more
often than zones of different regions. Truth is three values in the store (scenario, seed, start): the same world
has the same stock after a restart. Stock-out faults come on top. Quota is `quota`'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from lib.sandbox import catalog, faults
from lib.sandbox.store import Store
from lib.sandbox.world import World

SCENARIO = "stock.scenario"  # key "current": {"name", "seed", "start"}
HOUR_S = 3600.0
SPOT_SHARE, SPOT_RUN = 0.95, 0.5  # Spot is a little scarcer than on-demand, and its runs are shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Long-run share of time in stock, and the mean length of one out-of-stock run."""

    share: float
    out_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    habits: Mapping[str, Habit]
    otherwise: Habit
    sure: frozenset[tuple[str, str]]  # (region, accelerator) in stock for the first `sure_days`
    sure_days: float = 14.0


NEVER = Habit(share=0.0, out_h=24.0)
_SURE = frozenset((region, "nvidia-l4") for region in ("us-central1", "europe-west4", "asia-southeast1"))
SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario(
        name="calm",
        habits={
            "nvidia-l4": Habit(share=0.85, out_h=3.0),
            "nvidia-tesla-t4": Habit(share=0.85, out_h=3.0),
            "nvidia-tesla-p4": Habit(share=0.8, out_h=4.0),
            "nvidia-tesla-p100": Habit(share=0.7, out_h=6.0),
            "nvidia-tesla-v100": Habit(share=0.5, out_h=8.0),
            "nvidia-tesla-a100": Habit(share=0.25, out_h=10.0),
            "nvidia-a100-80gb": Habit(share=0.15, out_h=14.0),
            "nvidia-rtx-pro-6000": Habit(share=0.2, out_h=12.0),
        },
        otherwise=NEVER,
        sure=_SURE,
    ),
    "tight": Scenario(
        name="tight",
        habits={
            "nvidia-l4": Habit(share=0.35, out_h=6.0),
            "nvidia-tesla-t4": Habit(share=0.5, out_h=5.0),
            "nvidia-tesla-a100": Habit(share=0.05, out_h=20.0),
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
    if habit.share <= 0:
        return False
    spot = provisioning == "SPOT"
    # Region and zone must both be up: the square root of the share each.
    share = (habit.share * (SPOT_SHARE if spot else 1.0)) ** 0.5
    out_s = habit.out_h * HOUR_S * (SPOT_RUN if spot else 1.0)
    name = f"{kept['seed']}/{kept['name']}/{kept['start']}/{accelerator}/{provisioning}"
    rows = _ROWS.setdefault(world.store, {})
    return all(
        rows.setdefault(f"{name}/{place}", _Row(f"{name}/{place}", share, out_s)).up(elapsed)
        for place in (region, zone)
    )


@dataclass(slots=True)
class _Row:
    """Alternating runs made by a seed; remembers only where it stands, which can always be found again."""

    name: str
    share: float
    out_s: float
    _rng: random.Random = field(init=False)
    _state: bool = field(init=False)
    _begin: float = field(init=False)
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._rewind()

    def _rewind(self) -> None:
        self._rng = random.Random(self.name)
        self._state = self._rng.random() < self.share
        self._begin, self._end = 0.0, self._run()

    def _run(self) -> float:
        mean = self.out_s * self.share / (1 - self.share) if self._state else self.out_s
        return max(600.0, self._rng.expovariate(1 / mean))

    def up(self, elapsed: float) -> bool:
        if elapsed < self._begin:
            self._rewind()
        while elapsed >= self._end:
            self._state = not self._state
            self._begin, self._end = self._end, self._end + self._run()
        return self._state


_ROWS: WeakKeyDictionary[Store, dict[str, _Row]] = WeakKeyDictionary()
