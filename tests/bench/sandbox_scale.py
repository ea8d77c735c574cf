"""What the sandbox costs as its fleet grows, and how fast its Kubernetes API lists and tells of changes.

Fleets come from tests/big_world.py. What is measured in Python runs in a process of its own, so that the heap of one
fleet is not on the bill of another; lists and watches go over the wire to a sandbox as its users start it. The
client shares the machine with it. `python -m tests.bench.sandbox_scale` measures without the rest of the product.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil

from lib.sandbox import server
from lib.sandbox.kube import workqueue
from tests import big_world
from tests.contract.conftest import Sandbox

FLEETS, PODS, LISTED_PODS = (10, 100, 1000), 20, 500
WATCHERS, SECONDS = (1, 10), 4.0
STARTS, TICKS = 3, 50
EMPTY_RESTS_S, FLEET_RESTS_S, CPU_S = 2.0, 15.0, 5.0
CLUSTER = f"/clusters/{big_world.REGIONS[0]}/fleet-0000/api/v1/namespaces/default"
Figures = dict[str, object]


def costs() -> Figures:
    """All of this module's figures; takes about 90 s."""
    with tempfile.TemporaryDirectory(prefix="atlas-bench-scale-") as folder:
        root = Path(folder)
        _apart(_build, root / "listed", 1, LISTED_PODS)
        found = wire(root / "listed", seconds=SECONDS)
        found |= fleets(root, FLEETS, PODS)
        found |= process(root / "empty", "sandbox_empty", rests_s=EMPTY_RESTS_S)
        found |= process(root / str(FLEETS[-1]), f"sandbox_{FLEETS[-1]}_clusters", rests_s=FLEET_RESTS_S)
    return found


def fleets(root: Path, sizes: tuple[int, ...], pods: int) -> Figures:
    """What one settled tick of all parts costs, by size of the fleet, and its growth from each size to the next.
    Leaves the fleets behind in folders named by their size."""
    cpu: dict[int, float] = {}
    found: Figures = {}
    for size in sizes:
        _apart(_build, root / str(size), size, pods)
        wall, cpu[size] = _apart(_settled_tick, root / str(size))
        found[f"sandbox_{size}_clusters_tick_ms"] = round(wall * 1000, 2)
        found[f"sandbox_{size}_clusters_tick_cpu_ms"] = round(cpu[size] * 1000, 2)
    for small, large in pairwise(sizes):
        found[f"sandbox_tick_growth_{small}_to_{large}"] = round(cpu[large] / cpu[small], 1)
    return found


def _apart(function: Callable[..., Any], *arguments: object) -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _build(folder: Path, clusters: int, pods: int) -> None:
    world = big_world.open_world(folder)
    big_world.build(world, clusters=clusters, pods=pods)
    world.clock.pause(paused=False)
    world.clock.save()
    world.store.close()


def _settled_tick(folder: Path) -> tuple[float, float]:
    """Median wall and CPU seconds of a tick, once every cluster was looked at."""
    world = big_world.open_world(folder)
    parts = server.every_tick()
    clusters = sum(1 for _ in world.clusters("RUNNING"))
    took: list[tuple[float, float]] = []
    for _ in range(clusters // workqueue.SLICE + 10 + TICKS):
        world.clock.step(server.TICK_S * server.DEFAULT_SPEED)
        wall, cpu = time.perf_counter(), time.process_time()
        for _, tick in parts:
            tick(world)
        took.append((time.perf_counter() - wall, time.process_time() - cpu))
    world.clock.pause(paused=False)
    world.clock.save()
    world.store.close()
    walls, cpus = zip(*took[-TICKS:], strict=True)
    return statistics.median(walls), statistics.median(cpus)


def process(
    folder: Path, name: str, *, rests_s: float, starts: int = STARTS, cpu_s: float = CPU_S
) -> Figures:
    """Start-up time until it answers (median), then its CPU and memory when it had some time to settle."""
    took: list[float] = []
    for _ in range(starts):
        began = time.perf_counter()
        with _started(folder):
            took.append(time.perf_counter() - began)
    with _started(folder) as sandbox:
        assert sandbox.process
        running = psutil.Process(sandbox.process.pid)
        time.sleep(rests_s)
        return {
            f"{name}_start_s": round(statistics.median(took), 2),
            f"{name}_cpu_percent": round(running.cpu_percent(cpu_s), 1),
            f"{name}_rss_mb": round(running.memory_info().rss / 1e6),
        }


@contextmanager
def _started(folder: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(state_dir=folder, arguments=("--speed", str(server.DEFAULT_SPEED)))
    try:
        yield sandbox.start()
    finally:
        sandbox.stop()


def wire(folder: Path, *, seconds: float) -> Figures:
    """Objects that one client lists a second, and events that reach 1 and 10 watchers a second."""
    found: Figures = {}
    with _started(folder) as sandbox:
        with sandbox.http(sandbox.token) as client:
            found["sandbox_list_objects_per_s"] = round(_listed(client, seconds))
        for watchers in WATCHERS:
            written, took = asyncio.run(_watched(sandbox, watchers, seconds))
            found[f"sandbox_watch_{watchers}_writes_per_s"] = round(written / took)
            found[f"sandbox_watch_{watchers}_events_per_s"] = round(written * watchers / took)
    return found


def _listed(client: httpx.Client, seconds: float) -> float:
    """The answers are read whole, but only the first is parsed."""
    pods = len(client.get(f"{CLUSTER}/pods").raise_for_status().json()["items"])
    began, lists = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        client.get(f"{CLUSTER}/pods").raise_for_status()
        lists += 1
    return lists * pods / (time.perf_counter() - began)


async def _watched(sandbox: Sandbox, watchers: int, seconds: float) -> tuple[int, float]:
    """How many ConfigMaps were written, one after the other, and the seconds until each watcher had heard of all."""
    prefix, written = f"bench-{watchers}", 0
    async with _client(sandbox) as client:
        listed = (await client.get(f"{CLUSTER}/configmaps")).raise_for_status().json()
        since = listed["metadata"]["resourceVersion"]
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            heard = [group.create_task(_hear(client, since, f"{prefix}-last")) for _ in range(watchers)]
            while time.perf_counter() - began < seconds:
                await _write(client, f"{prefix}-{written}")
                written += 1
            await _write(client, f"{prefix}-last")
        took = time.perf_counter() - began
    assert {task.result() for task in heard} == {written + 1}, "each watcher hears of each write once"
    return written + 1, took


def _client(sandbox: Sandbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"https://{sandbox.endpoints['rest']}",
        verify=ssl.create_default_context(cafile=sandbox.endpoints["ca_file"]),
        headers={"authorization": f"Bearer {sandbox.token}"},
        timeout=20,
    )


async def _write(client: httpx.AsyncClient, name: str) -> None:
    body = {"metadata": {"name": name}, "data": {"key": "value"}}
    (await client.post(f"{CLUSTER}/configmaps", json=body)).raise_for_status()


async def _hear(client: httpx.AsyncClient, since: str, last: str) -> int:
    """Events until the one of `last`."""
    heard = 0
    watch = {"watch": "true", "resourceVersion": since}
    async with client.stream("GET", f"{CLUSTER}/configmaps", params=watch) as answer:
        async for line in answer.raise_for_status().aiter_lines():
            event = json.loads(line)
            heard += event["type"] == "ADDED"
            if event["object"]["metadata"].get("name") == last:
                return heard
    raise AssertionError(f"the watch ended before {last}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(costs(), indent=2) + "\n")
