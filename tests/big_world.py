"""A large fleet in a sandbox's state directory, for measurements and for the test of how costs grow.

One cluster in each of a few regions comes to life by the sandbox's own verbs and ticks; the others are copies of its
documents under their own names and uids, written through the store.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.sandbox import autopilot, deployments, gke, hub, scenario
from lib.sandbox.clock import Clock
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Store
from lib.sandbox.world import CLUSTERS, MEMBERSHIPS, PROJECT, World

REGIONS = ("us-central1", "us-east4", "europe-west4", "europe-west1", "asia-southeast1", "asia-northeast1")
PATTERN = "pattern"
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_COPIED = (CLUSTERS, MEMBERSHIPS)
Document = dict[str, Any]


def open_world(folder: Path) -> World:
    """The world of `<folder>/sandbox`, its clock paused; made when it isn't there."""
    state_dir = folder / "sandbox"
    state_dir.mkdir(parents=True, exist_ok=True)
    clock = Clock(state_dir / "clock.json")
    clock.pause()
    world = World(
        store=Store(state_dir / "state.db"),
        clock=clock,
        state_dir=state_dir,
        delivery_path=folder / "delivery.git",
    )
    scenario.choose(world, "calm")
    return world


def build(world: World, *, clusters: int, pods: int) -> None:
    """Fill the world with registered, running clusters named fleet-0000 and so on, each with so many ready pods."""
    regions = REGIONS[: min(clusters, len(REGIONS))]
    for region in regions:
        _create(world, region)
    _run(world, 700)
    for region in regions:
        cluster = KubeCluster(world, region, PATTERN)
        cluster.create("deployments.apps", _deployment(pods))
    _run(world, 1200)
    with world.store.transaction():
        for number in range(clusters):
            _copy(world, regions[number % len(regions)], f"fleet-{number:04d}")
        for region in regions:
            for collection, key, _ in list(_documents(world, region)):
                world.store.delete(collection, key)


def _create(world: World, region: str) -> None:
    wanted = {"name": PATTERN, "autopilot": {"enabled": True}, "fleet": {"project": PROJECT}}
    gke.create_cluster(world, {"parent": f"projects/{PROJECT}/locations/{region}", "cluster": wanted})


def _run(world: World, seconds: float, step: float = 10.0) -> None:
    for _ in range(int(seconds / step)):
        world.clock.step(step)
        for part in (gke, hub, deployments, autopilot):
            part.tick(world)


def _deployment(replicas: int) -> Document:
    labels = {"app": "web"}
    container = {"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 8080}]}
    return {
        "metadata": {"name": "web", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _documents(world: World, region: str) -> Iterator[tuple[str, str, Document]]:
    """(collection, key, document) of all that belongs to the region's pattern cluster."""
    for collection in _COPIED:
        if found := world.store.get(collection, f"{region}/{PATTERN}"):
            yield collection, f"{region}/{PATTERN}", found
    for collection in world.store.collections(f"kube/{region}/{PATTERN}/"):
        for key, found in world.store.items(collection):
            yield collection, key, found


def _copy(world: World, region: str, name: str) -> None:
    def own_uid(match: re.Match[str]) -> str:
        return str(uuid.uuid5(uuid.UUID(match[0]), f"{region}/{name}"))

    for collection, key, document in _documents(world, region):
        text = _UID.sub(own_uid, json.dumps(document)).replace(PATTERN, name)
        world.store.put(collection.replace(PATTERN, name), key.replace(PATTERN, name), json.loads(text))
