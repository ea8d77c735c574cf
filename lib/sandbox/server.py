"""The sandbox process: opens the state, listens, lets time pass, and says where it is.

    python -m lib.sandbox --state-dir DIR [--speed N] [--seed N] [--scenario NAME|FILE]

Everything runs on one event loop in one thread, so that every API tells the same story without locks. kill -9 is a
way to stop it: truth is in the store, and what is written here can be written again. Not a place for behaviour.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import logging
import os
import random
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import uvicorn

from lib.sandbox import auth, disturbance, ports, scenario
from lib.sandbox.checked import BadScenario
from lib.sandbox.clock import MAX_SPEED, MIN_SPEED, Clock
from lib.sandbox.store import StateError, Store
from lib.sandbox.world import SETTINGS, World

DEFAULT_SPEED = 60.0
TICK_S, SAVE_S, RESTART_S, STOP_S = 0.1, 1.0, 1.0, 2
PARTS = (
    "scenario", "faults", "gke", "hub", "addresses", "monitoring", "deployments", "autopilot", "configsync", "mci",
    "health", "webui", "reservations", "instances", "zone_operations",
)  # fmt: skip
log = logging.getLogger("sandbox")


def main(arguments: list[str] | None = None) -> int:
    asked = _arguments(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    os.umask(0o077)
    try:
        world, lock = _open(asked)
    except StateError as e:
        sys.stderr.write(f"{e}\n")
        return 1
    try:
        asyncio.run(_serve(world))
    finally:
        world.clock.save(stopped=True)
        world.store.close()
        lock.release()
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lib.sandbox", description="A small Google Cloud on loopback."
    )
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--speed", type=float, help="sandbox seconds a second; kept when it isn't given")
    parser.add_argument("--seed", type=int, help="of stock and jitter; kept when it isn't given")
    parser.add_argument("--scenario", help="a shipped one's name, or the path of a YAML file")
    parser.add_argument(
        "--load-balancer",
        choices=("EXTERNAL", "EXTERNAL_MANAGED"),
        help="scheme of what Multi Cluster Ingress makes: classic (the default) or Envoy-based; kept when it isn't given",
    )
    asked = parser.parse_args(arguments)
    if asked.speed is not None and not MIN_SPEED <= asked.speed <= MAX_SPEED:
        parser.error(f"--speed must be from {MIN_SPEED:g} to {MAX_SPEED:g}")
    return asked


def _open(asked: argparse.Namespace) -> tuple[World, ports.Lock]:
    """The world as it was left, or a new one. StateError when it can't be used."""
    state_dir = asked.state_dir.resolve() / "sandbox"
    _folder(state_dir)
    lock = ports.Lock(state_dir / "sandbox.lock")
    store = Store(state_dir / "state.db")
    clock = _clock(state_dir / "clock.json", asked.speed)
    chosen = ports.choose(state_dir)
    kept = store.get(scenario.SCENARIO, "current") or {}
    seed = asked.seed if asked.seed is not None else int(kept.get("seed", 7))
    world = World(
        store=store,
        clock=clock,
        state_dir=state_dir,
        delivery_path=asked.state_dir.resolve() / "delivery.git",
        seed=seed,
        api_address=f"127.0.0.1:{chosen['rest']}",
        grpc_address=f"127.0.0.1:{chosen['grpc']}",
        vip_port=chosen["vip"],
        rng=random.Random(),  # names of operations and the like; they must differ from those before a restart
    )
    world.ca_pem = auth.prepare(state_dir, token_uri=f"https://{world.api_address}/token")
    _choose(world, asked.scenario)
    _choose_load_balancer(world, asked.load_balancer)
    _delivery_repository(world.delivery_path)
    return world, lock


def _choose_load_balancer(world: World, asked: str | None) -> None:
    kept = world.store.get(SETTINGS, "load-balancer") or {}
    world.lb_scheme = asked or kept.get("scheme", world.lb_scheme)
    if asked:
        world.store.put(SETTINGS, "load-balancer", {"scheme": asked})


def _choose(world: World, asked: str | None) -> None:
    try:
        scenario.choose(world, asked)
    except BadScenario as e:
        raise StateError(str(e)) from e


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StateError(f"{path} is no usable folder ({e.strerror}); move it away and start again") from e


def _clock(path: Path, speed: float | None) -> Clock:
    try:
        clock = Clock(path, speed=speed or DEFAULT_SPEED)
    except (ValueError, KeyError, TypeError, OverflowError) as e:
        raise StateError(f"{path} does not tell the time; remove it to begin again from now") from e
    if speed is not None:
        clock.set_speed(speed)
    return clock


def _delivery_repository(path: Path) -> None:
    if (path / "HEAD").exists():
        return
    from dulwich.refs import HEADREF, Ref
    from dulwich.repo import Repo

    _folder(path)
    repository = Repo.init_bare(str(path))
    repository.refs.set_symbolic_ref(HEADREF, Ref(b"refs/heads/main"))
    repository.close()


async def _serve(world: World) -> None:
    from lib.sandbox import methods, rpc
    from lib.sandbox.app import application

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    verbs, ticks = methods.all_verbs(), every_tick()
    grpc_server = await rpc.start(world, verbs, state_dir=world.state_dir, port=_port(world.grpc_address))
    http, http_task = await _listen(world, application(world, verbs, tuple(tick for _, tick in ticks)))
    tasks = [asyncio.create_task(_run(part, tick, world), name=part) for part, tick in ticks]
    tasks.append(asyncio.create_task(_save(world), name="clock"))
    vip = await _start_vip(world)
    _announce(world)
    log.info("ready: REST %s, gRPC %s, VIP %s", world.api_address, world.grpc_address, world.vip_port)
    await _until(stop, http_task)
    disturbance.release(world)
    for task in tasks:
        task.cancel()
    http.should_exit = True
    await asyncio.gather(*tasks, return_exceptions=True)
    if vip is not None:
        await vip.stop()
    await grpc_server.stop(grace=1)
    await http_task


class _Stoppable(Protocol):
    async def stop(self) -> None: ...


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after its shutdown."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _listen(world: World, app: object) -> tuple[uvicorn.Server, asyncio.Task[None]]:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        ssl_certfile=str(world.state_dir / "server.pem"),
        ssl_keyfile=str(world.state_dir / "server-key.pem"),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_S,
        server_header=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[ports.listening(_port(world.api_address))]), name="rest")
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    return server, task


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])


async def _until(stop: asyncio.Event, http_task: asyncio.Task[None]) -> None:
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, http_task}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()


def every_tick() -> list[tuple[str, Callable[[World], None]]]:
    found: list[tuple[str, Callable[[World], None]]] = []
    for part in PARTS:
        name = f"lib.sandbox.{part}"
        if importlib.util.find_spec(name) is None:
            log.warning("part is missing", extra={"part": part})
            continue
        module = importlib.import_module(name)
        if hasattr(module, "tick"):
            found.append((part, module.tick))
    return found


async def _run(part: str, tick: Callable[[World], None], world: World) -> None:
    """Tick one part for ever. A part that fails is told with its traceback and begins again a second later: the
    other parts of a cloud go on when one of its services has a bug."""
    while True:
        task = asyncio.create_task(_repeat(tick, world), name=part)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        error = None if task.cancelled() else task.exception()
        if error is None or not isinstance(error, Exception):
            return
        log.error("tick of %s failed", part, exc_info=error)
        await asyncio.sleep(RESTART_S)


async def _repeat(tick: Callable[[World], None], world: World) -> None:
    while True:
        tick(world)
        await asyncio.sleep(TICK_S)


async def _save(world: World) -> None:
    while True:
        world.clock.save()
        await asyncio.sleep(SAVE_S)


async def _start_vip(world: World) -> _Stoppable | None:
    if importlib.util.find_spec("lib.sandbox.vip") is None:
        log.warning("part is missing: vip")
        return None
    return await importlib.import_module("lib.sandbox.vip").start(world)


def _announce(world: World) -> None:
    """Only now, when everything answers: who finds this file may call."""
    state_dir = world.state_dir
    endpoints = {
        "pid": os.getpid(),
        "rest": world.api_address,
        "grpc": world.grpc_address,
        "vip_port": world.vip_port,
        "admin": f"https://{world.api_address}/admin/v1",
        "project": world.project,
        "project_number": world.project_number,
        "ca_file": str(state_dir / "ca.pem"),
        "credentials_file": str(state_dir / auth.KEY_FILES[auth.OPERATOR]),
        "delivery_url": f"file://{world.delivery_path}",
        "clock_file": str(state_dir / "clock.json"),
    }
    temporary = state_dir / "endpoints.tmp"
    temporary.write_text(json.dumps(endpoints, indent=2))
    temporary.replace(state_dir / "endpoints.json")
