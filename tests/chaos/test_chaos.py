"""Two hundred faults and kill -9 of all three processes while an operator works: nothing acknowledged is lost, nothing is
made twice or left over, nobody else's is touched, and when the faults have gone the platform serves as it was asked.

ATLAS_CHAOS_FAULTS, ATLAS_CHAOS_KILLS and ATLAS_CHAOS_SEED make a longer or another run: `make chaos`.
"""

from __future__ import annotations

import os
import random
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from lib import cli
from lib.fleet.names import PREFIX
from lib.gateways import connect
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.errors import AtlasError
from lib.gateways.hub import HubGateway
from lib.gateways.placement import PlacementGateway
from lib.launch import process
from lib.sandbox import catalog
from lib.settings import Settings, load
from tests.chaos.intents import Operator, set_to
from tests.chaos.storm import PARTS, Storm
from tests.chaos.truth import Truth, Watch, World
from tests.e2e.stack import Stack, free_port
from tests.waiting import wait_until

FAULTS = int(os.environ.get("ATLAS_CHAOS_FAULTS", "200"))
KILLS = int(os.environ.get("ATLAS_CHAOS_KILLS", "12"))
SEED = int(os.environ.get("ATLAS_CHAOS_SEED", "4"))
WITHIN = timedelta(hours=12)  # of the sandbox's time, from the last fault to the end state
BUDGET_USD = 25.0  # of the last wish: enough for every region and GPU that can have been asked for
PLENTY = Path(__file__).with_name("plenty.yaml")
STRANGER, NAMESAKE = ("us-east1", "team-b"), ("europe-west3", "atlas-europe-west3")
GKE = "/v1/projects/gpu-atlas-sandbox/locations"
THEIRS = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: theirs}, spec: {template: {spec: {}}}}"


@dataclass(kw_only=True)
class Ground:
    """A product that serves, and what isn't its own beside it."""

    stack: Stack
    settings: Settings
    admin: httpx.Client
    truth: Truth
    watch: Watch
    placements: PlacementGateway


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    options = {
        "SANDBOX_SPEED": "600",
        "SANDBOX_SCENARIO": str(PLENTY),
        "LOOP_INTERVAL_S": "0.5",
    }
    stack = Stack(
        state_dir=tmp_path / "state",
        port=free_port(),
        options={f"ATLAS_{name}": value for name, value in options.items()},
    )
    stack.state_dir.mkdir()
    stack.start()
    for name, value in stack.environment.items():
        if name.startswith("ATLAS_"):
            monkeypatch.setenv(name, value)
    settings = load()
    try:
        wait_until(lambda: _reads(settings), timeout_s=90, every_s=0.2, what="a placement that serves")
        with _admin(settings) as admin:
            truth = Truth(settings=settings)
            yield Ground(
                stack=stack,
                settings=settings,
                admin=admin,
                truth=truth,
                watch=Watch(truth=truth, strangers=_strangers(settings, admin, truth)),
                placements=PlacementGateway(settings),
            )
    finally:
        stack.stop()


def _reads(settings: Settings) -> bool:
    try:
        return PlacementGateway(settings).get().status.regions != ()
    except AtlasError:
        return False


def _admin(settings: Settings) -> httpx.Client:
    """Faults don't touch the admin API, and its token outlives restarts."""
    return httpx.Client(
        base_url=f"https://{settings.endpoints.container_rest}",
        verify=ssl.create_default_context(cafile=str(settings.endpoints.ca_file)),
        headers={"authorization": f"Bearer {connect.token(settings)}"},
        timeout=20,
    )


def _strangers(settings: Settings, admin: httpx.Client, truth: Truth) -> dict[str, frozenset[str]]:
    """Somebody else's clusters, one of them named as ours are, their memberships, Config Sync and directory."""
    for region, name in (STRANGER, NAMESAKE):
        body = {"name": name, "autopilot": {"enabled": True}, "fleet": {"project": settings.project}}
        assert admin.post(f"{GKE}/{region}/clusters", json={"cluster": body}).is_success
    keys = frozenset("/".join(one) for one in (STRANGER, NAMESAKE))
    wait_until(lambda: keys <= set(truth.look().memberships), timeout_s=60, what="their memberships")
    DeliveryGateway(settings).commit(STRANGER[1], {"theirs.yaml": THEIRS}, subject="Theirs", author="team-b")
    member = f"projects/{settings.project}/locations/{STRANGER[0]}/memberships/{STRANGER[1]}"
    HubGateway(settings).configure_sync(member, "clusters/team-b")
    return {
        "cluster": keys,
        "membership": keys,
        "sync": frozenset({f"{STRANGER[1]} clusters/{STRANGER[1]}"}),
        "directory": frozenset({STRANGER[1]}),
    }


@pytest.mark.timeout(240 + FAULTS)
def test_after_faults_kills_and_wishes_the_platform_is_as_it_was_asked_to_be(
    ground: Ground, tmp_path: Path
) -> None:
    first = ground.watch.look()
    operator = Operator(
        rng=random.Random(f"{SEED}/operator"),
        gateway=ground.placements,
        spec=first.spec,
        generation=first.generation,
        known=set(first.operation_ids),
    )
    storm = Storm(
        stack=ground.stack, truth=ground.truth, rng=random.Random(f"{SEED}/storm"), admin=ground.admin
    )
    raging = storm.rage(FAULTS, KILLS)
    while raging.is_alive():
        world = ground.watch.look()
        operator.check(world)
        operator.act(sorted(world.regions))
        raging.join(timeout=0.3)
    assert not storm.errors, storm.errors
    storm.clear()
    cleared = ground.settings.now()
    last = set_to("the-last", max_hourly_usd=BUDGET_USD, serving=max(2, len(operator.spec.pinned)))
    wait_until(lambda: operator.ask(last), timeout_s=60, every_s=0.5, what="the last wish is acknowledged")
    try:
        wait_until(
            lambda: not _unfinished(_checked(ground, operator)) or ground.settings.now() - cleared > WITHIN,
            timeout_s=150,
            every_s=0.25,
        )
    finally:
        _tell(storm, operator, ground, cleared)
    for found in (
        _unfinished(ground.watch.look()),
        operator.lost,
        ground.watch.breaches,
        ground.watch.doubles(),
    ):
        assert not found, "\n".join(found)
    # A process of its own: gRPC in this one, after many forks, once stood still while it closed a channel.
    assert ground.stack.atlas("orphans") == {"unknown": [], "usd_per_hour": 0.0, "orphans": []}
    assert set(storm.kills) == set(PARTS)
    assert all(process.find(ground.stack.state_dir, part) for part in PARTS)
    picture = [
        "txt2img",
        "a lighthouse in a storm",
        "-o",
        str(tmp_path / "after.png"),
        "--seed",
        "1",
        "--json",
    ]
    assert cli.main(picture) == 0
    assert (tmp_path / "after.png").read_bytes().startswith(b"\x89PNG")


def _checked(ground: Ground, operator: Operator) -> World:
    world = ground.watch.look()
    operator.check(world)
    return world


def _unfinished(world: World) -> list[str]:
    """What isn't yet as it was asked for, in words."""
    spec, told = world.spec, {r["region"]: r for r in world.status.get("regions", [])}
    count = max(spec.serving, len(spec.pinned))
    wanted = {region for region, one in told.items() if one["phase"] == "Serving"}
    lasting = [o.accelerator for o in spec.overrides if o.expires_at is None]
    found = [f"{o.accelerator} in {o.region} is still on lease" for o in spec.overrides if o.expires_at]
    if len(wanted) != count:
        found.append(f"{len(wanted)} of {count} serve: { {r: one['phase'] for r, one in told.items()} }")
    found += [f"{r} is pinned" for r in spec.pinned if r not in wanted]
    found += [f"{r} is excluded" for r in spec.excluded if r in wanted]
    found += [f"{r} runs {told[r]['accelerator']}" for r in wanted
              if told[r]["accelerator"] not in (*spec.accelerators, *lasting)]  # fmt: skip
    namesakes = {"/".join(NAMESAKE)}
    places = {
        "cluster": set(world.regions),
        "membership": {
            k.partition("/")[0] for k in world.memberships if f"/{PREFIX}" in k and k not in namesakes
        },
        "Config Sync": {n.removeprefix(PREFIX) for n in world.synced if n.startswith(PREFIX)},
        "directory": {n.removeprefix(PREFIX) for n in world.delivered if n.startswith(PREFIX)},
        "link": world.linked,
        "machine": {m.region for m in world.machines},
        "NEG": {catalog.region_of(key.partition("/")[0]) for key in world.groups},
    }
    found += [
        f"{kind} in {region}, where none is wanted"
        for kind, held in places.items()
        for region in held - wanted
    ]
    found += [f"no {kind} in {region}" for kind, held in places.items() for region in wanted - held]
    if len(world.machines) != len(wanted):
        found.append(f"{len(world.machines)} machines for {len(wanted)} regions")
    return found


def _tell(storm: Storm, operator: Operator, ground: Ground, cleared: datetime) -> None:
    """For whoever reads the output of a run."""
    took = ground.settings.now() - cleared
    sys.stderr.write(
        f"chaos: {storm.faults} faults of {len(storm.kinds)} kinds, {len(storm.kills)} kills, "
        f"{len(operator.asked)} wishes, {len(operator.acknowledged)} acknowledged, {ground.watch.looks} looks, "
        f"at most ${ground.watch.most_usd:.2f}/h, settled after {took}\n"
    )
    sys.stderr.write("".join(f"  refused {one}\n" for one in operator.refused))
