"""Two controllers of one fleet, each a process of its own: the second one waits, and takes over when the first is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lib.fleet.model import Placement
from lib.gateways.errors import NotFound, Unreachable
from lib.gateways.kube import ConfigKube, resource_path
from lib.gateways.lease import NAME
from lib.gateways.placement import PlacementGateway
from lib.settings import Settings
from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

HAND_OVER_S = 15.0
LEASE = resource_path("coordination.k8s.io/v1", "leases", namespace="default", name=NAME)
WAITS = "Another controller holds the lease; this one waits."


@dataclass(kw_only=True)
class Controller:
    """One on a machine of its own, as far as it can tell: it shares the cloud with the others, not the state directory."""

    state_dir: Path
    process: subprocess.Popen[bytes]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def log(self) -> Path:
        return self.state_dir / "controller.log"

    def did(self) -> list[dict[str, Any]]:
        """What it changed, or tried to, in the cloud."""
        return [line for line in self.told if line["message"] in {"action", "set-up"}]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    arguments = ("--speed", "600", "--scenario", str(Path(__file__).with_name("plenty.yaml")))
    started = Sandbox(state_dir=tmp_path_factory.mktemp("cloud"), arguments=arguments).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def pair(cloud: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Controller]]:
    """The first one has the lease and looks after the fleet, the second has found it taken."""
    folder = tmp_path_factory.mktemp("controllers")
    first = _controller(cloud, folder / "first")
    wait_until(lambda: _holder(cloud) == "first", timeout_s=60, what="the first one has the lease")
    second = _controller(cloud, folder / "second")
    wait_until(lambda: _waits(second), timeout_s=30, what="the second one waits")
    yield (both := [first, second])
    for one in both:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


def _controller(cloud: Sandbox, state_dir: Path) -> Controller:
    state_dir.mkdir()
    (state_dir / "sandbox").symlink_to(cloud.state_dir / "sandbox")
    environment = {
        **os.environ,
        "ATLAS_STATE_DIR": str(state_dir),
        "ATLAS_DELIVERY_URL": f"file://{cloud.state_dir / 'delivery.git'}",
    }
    with (state_dir / "controller.log").open("wb") as log:
        words = [sys.executable, "-m", "lib.controller"]
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=log)
    return Controller(state_dir=state_dir, process=process)


def _lease(cloud: Sandbox) -> dict[str, Any]:
    """spec of the Lease; empty while there is none."""
    kube = ConfigKube(Settings(state_dir=cloud.state_dir))
    try:
        return kube.run(lambda one: one.get(LEASE, doing="reading the lease"))["spec"]
    except (NotFound, Unreachable):
        return {}


def _holder(cloud: Sandbox) -> str:
    """Name of the state directory of the one that holds the lease."""
    return str(_lease(cloud).get("holderIdentity", "")).rpartition("/")[2]


def _waits(controller: Controller) -> bool:
    return any(line.get("told") == WAITS for line in controller.told)


def _renewed(cloud: Sandbox, times: int) -> None:
    """Return when its holder has renewed the lease so often."""
    seen: set[str] = set()

    def renewed() -> bool:
        seen.add(_lease(cloud)["renewTime"])
        return len(seen) > times

    wait_until(renewed, timeout_s=60, what="the lease is renewed")


def _ask_for(cloud: Sandbox, serving: int) -> Placement:
    gateway = PlacementGateway(Settings(state_dir=cloud.state_dir))
    return gateway.change(
        lambda spec: replace(spec, serving=serving), operation_id=f"serve-{serving}", actor="test"
    )


def _created(cloud: Sandbox) -> list[str]:
    """Regions of our clusters, once for each request to make one."""
    with cloud.http(cloud.token) as api:
        told = api.get(f"/v1/projects/{Settings().project}/locations/-/operations").json()["operations"]
    return [
        o["location"] for o in told if o["operationType"] == "CREATE_CLUSTER" and "/atlas-" in o["targetLink"]
    ]


def test_the_second_one_does_nothing_while_the_first_one_works(
    cloud: Sandbox, pair: list[Controller]
) -> None:
    first, second = pair
    before = _lease(cloud)
    wait_until(lambda: len(_created(cloud)) == 2, timeout_s=60, what="the sample's two regions")
    _ask_for(cloud, 3)
    wait_until(lambda: len(_created(cloud)) == 3, timeout_s=60, what="a third region")
    _renewed(cloud, 3)
    assert _lease(cloud)["leaseTransitions"] == before["leaseTransitions"]
    assert first.did()
    assert second.did() == []
    assert second.process.poll() is None


def test_when_the_first_one_is_killed_the_second_one_takes_over_in_time(
    cloud: Sandbox, pair: list[Controller]
) -> None:
    first, second = pair
    os.kill(first.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    first.process.wait()
    asked = _ask_for(cloud, 4)
    wait_until(lambda: _holder(cloud) == "second", timeout_s=60, what="the second one has the lease")
    assert time.monotonic() - killed < HAND_OVER_S
    wait_until(lambda: len(_created(cloud)) == 4, timeout_s=30, what="a fourth region, by the second one")
    assert len(set(_created(cloud))) == 4, "a region was made twice"
    assert any(line.get("action") == "CreateCluster" for line in second.did())
    gateway = PlacementGateway(Settings(state_dir=cloud.state_dir))
    wait_until(
        lambda: gateway.get().status.observed_generation >= asked.generation, what="a status of the wish"
    )


def test_one_that_slept_and_lost_the_lease_does_nothing_when_it_wakes(
    cloud: Sandbox, pair: list[Controller]
) -> None:
    _, second = pair
    third = _controller(cloud, second.state_dir.parent / "third")
    pair.append(third)
    wait_until(lambda: _waits(third), timeout_s=30, what="the third one waits")
    os.kill(second.process.pid, signal.SIGSTOP)
    wait_until(lambda: _holder(cloud) == "third", timeout_s=60, what="the third one has the lease")
    did = second.did()
    os.kill(second.process.pid, signal.SIGCONT)
    wait_until(lambda: _waits(second), timeout_s=30, what="the second one waits")
    _ask_for(cloud, 5)
    wait_until(lambda: len(set(_created(cloud))) >= 5, timeout_s=30, what="a fifth region, by the third one")
    _renewed(cloud, 3)
    # Hours passed in the sandbox while nobody led, which is no reason to give up what was half made.
    assert len(_created(cloud)) == 5
    assert second.did() == did
    assert _holder(cloud) == "third"
