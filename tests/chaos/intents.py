"""An operator who asks for things while the world breaks, and who writes down what was acknowledged.

Wishes go the command line's way (`lib.cli.main`, in this process) or, where it has no verb, through the placement
gateway, as the dashboard's do. A wish without an acknowledgement may have been written or not, wholly: the operation
ids on the object tell. Every other change of the spec must carry the controller's own operation id.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

from lib import cli
from lib.fleet.model import Override, PlacementSpec, Rollout
from lib.gateways.errors import AtlasError
from lib.gateways.placement import PlacementGateway
from tests.chaos.truth import World

REGIONS = (
    "us-central1",
    "us-east4",
    "us-west1",
    "europe-west4",
    "europe-west1",
    "asia-southeast1",
    "asia-northeast1",
)
GPUS = ("nvidia-l4", "nvidia-tesla-t4", "nvidia-tesla-a100")
MOST_SERVING, BUDGETS = 4, (2.5, 4.0, 6.0, 10.0)
CONTROLLERS = ("expire/",)  # how the controller's own operation ids begin

Results = Callable[[PlacementSpec], list[PlacementSpec]]
Edit = Callable[[PlacementSpec], PlacementSpec]


@dataclass(kw_only=True)
class Wish:
    """`results(spec)`: what the spec may be with this wish in it."""

    operation_id: str
    text: str
    results: Results
    words: tuple[str, ...] = ()  # of the command line, or
    edit: Edit | None = None  # for the gateway
    generation: int = 0  # that was acknowledged


@dataclass(kw_only=True)
class Operator:
    rng: random.Random
    gateway: PlacementGateway
    spec: PlacementSpec  # as it must be
    generation: int
    known: set[str] = field(default_factory=set)  # operation ids that were accounted for
    acknowledged: dict[str, Wish] = field(default_factory=dict)
    asked: dict[str, Wish] = field(default_factory=dict)  # every wish, by operation id
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def act(self, serving: list[str]) -> None:
        """Ask for one thing, and keep the answer. `serving`: the regions there are, to have something to give up."""
        wish = self._wish(serving)
        self.ask(wish)

    def ask(self, wish: Wish) -> bool:
        """True when it was acknowledged."""
        self.asked[wish.operation_id] = wish
        wish.generation = self._by_command(wish) if wish.words else self._by_gateway(wish)
        if wish.generation:
            self.acknowledged[wish.operation_id] = wish
        return bool(wish.generation)

    def _by_command(self, wish: Wish) -> int:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main([*wish.words, "--operation-id", wish.operation_id, "--json"])
        if code == 0:
            return int(json.loads(out.getvalue())["generation"])
        self.refused.append(f"{wish.text}: {err.getvalue().strip()}")
        return 0

    def _by_gateway(self, wish: Wish) -> int:
        assert wish.edit
        try:
            changed = self.gateway.change(wish.edit, operation_id=wish.operation_id, actor="chaos@example")
        except AtlasError as e:
            self.refused.append(f"{wish.text}: {e}")
            return 0
        return changed.generation

    def check(self, world: World) -> None:
        """Account for everything that changed since the last check; what can't be is a lost or a strange wish."""
        fresh = [one for one in world.operation_ids if one not in self.known]
        self.known |= set(fresh)
        mine = [self.asked[one] for one in fresh if one in self.asked]
        strange = [one for one in fresh if one not in self.asked and not one.startswith(CONTROLLERS)]
        self.lost += [f"the spec was changed by {one}" for one in strange]
        missing = [w.text for one, w in self.acknowledged.items() if one not in self.known]
        self.lost += [f"{text} was acknowledged and is not there" for text in missing]
        may = [self.spec]
        for wish in mine:
            may = [result for spec in may for result in wish.results(spec)]
        if not any(_is(world.spec, one, fresh) for one in may):
            self.lost.append(f"after {[w.text for w in mine]} {self.spec} became {world.spec}")
        newest = max((w.generation for w in self.acknowledged.values()), default=0)
        if world.generation < max(newest, self.generation):
            self.lost.append(f"generation {newest or self.generation} was told and it is {world.generation}")
        self.spec, self.generation = world.spec, world.generation

    def _wish(self, serving: list[str]) -> Wish:
        name = f"chaos-{len(self.asked):03d}"
        makers = [_expand, _contract, _switch, _switch, _recover, _exclude, _budget]
        weights = [
            4 if self.spec.serving < MOST_SERVING else 0,
            3 if self.spec.serving > 1 else 0,
            2,
            2,
            1,
            1,
            1,
        ]
        [make] = self.rng.choices(makers, weights)
        return make(name, self.rng, self.spec, serving)


def _expand(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    region = rng.choice([r for r in REGIONS if r not in spec.pinned or r in spec.excluded] or REGIONS)

    def results(was: PlacementSpec) -> list[PlacementSpec]:
        pinned = (*(r for r in was.pinned if r != region), region)
        excluded = tuple(r for r in was.excluded if r != region)
        # A region that serves already is pinned only.
        return [replace(was, pinned=pinned, excluded=excluded, serving=was.serving + more) for more in (0, 1)]

    return Wish(operation_id=name, text=f"expand {region}", results=results, words=("expand", region))


def _contract(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    region = rng.choice([r for r in (*serving, *spec.pinned) if r not in spec.excluded] or REGIONS)

    def results(was: PlacementSpec) -> list[PlacementSpec]:
        pinned = tuple(r for r in was.pinned if r != region)
        return [
            replace(was, pinned=pinned, excluded=(*was.excluded, region), serving=max(0, was.serving - 1))
        ]

    return Wish(operation_id=name, text=f"contract {region}", results=results, words=("contract", region))


def _switch(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    gpu, region = rng.choice(GPUS), rng.choice([None, *serving])
    hard, minutes = rng.random() < 0.5, rng.randint(10, 40)
    words = ["switch-gpu", gpu, *(["--region", region] if region else []), *(["--hard"] if hard else [])]
    if hard or rng.random() < 0.5:
        words += ["--ttl", f"{minutes}m"]
    rollout = Rollout.HARD if hard else Rollout.SAFE
    made = Override(region=region, accelerator=gpu, rollout=rollout, expires_at=None, owner="", reason="")

    def results(was: PlacementSpec) -> list[PlacementSpec]:
        kept = tuple(o for o in was.overrides if region is not None and o.region != region)
        return [replace(was, overrides=(*kept, made))]

    return Wish(operation_id=name, text=" ".join(words), results=results, words=tuple(words))


def _recover(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    return Wish(
        operation_id=name,
        text="recover",
        results=lambda was: [replace(was, overrides=())],
        words=("recover",),
    )


def _exclude(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    """Other regions than the pinned ones: what isn't needed is let go, what was let go may come back."""
    excluded = tuple(r for r in spec.excluded if rng.random() < 0.5)
    extra = rng.choice(REGIONS)
    return set_to(name, excluded=excluded if extra in (*spec.pinned, *excluded) else (*excluded, extra))


def _budget(name: str, rng: random.Random, spec: PlacementSpec, serving: list[str]) -> Wish:
    return set_to(name, max_hourly_usd=rng.choice(BUDGETS))


def set_to(name: str, **fields: Any) -> Wish:
    """Fields of the spec for which the command line has no verb."""

    def edit(spec: PlacementSpec) -> PlacementSpec:
        return replace(spec, **fields)

    return Wish(operation_id=name, text=f"set {fields}", results=lambda was: [edit(was)], edit=edit)


def _is(found: PlacementSpec, wanted: PlacementSpec, operation_ids: list[str]) -> bool:
    """The same, but for leases that the controller has ended, each by an operation id that says so."""
    held, asked = _leases(found), _leases(wanted)
    ended = all(any(one.startswith(f"expire/{o}/") for one in operation_ids) for o in asked - held)
    return replace(found, overrides=()) == replace(wanted, overrides=()) and held <= asked and ended


def _leases(spec: PlacementSpec) -> set[str]:
    return {f"{o.region or 'all'}/{o.accelerator}" for o in spec.overrides}
