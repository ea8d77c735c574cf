"""How many API calls the loop makes: counted in the transports, bounded by the size of the fleet, told in the status.

The controller's own cycles against a started sandbox, from nothing to regions that serve.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lib.controller.loop import Controller
from lib.controller.wire import connect
from lib.fleet.model import Cycle, Phase
from lib.gateways import calls
from lib.gateways.compute import ComputeGateway
from lib.gateways.errors import AtlasError
from lib.gateways.gke import GkeGateway
from lib.gateways.placement import PlacementGateway
from lib.settings import Settings
from tests.contract.conftest import Sandbox
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    started = Sandbox(
        state_dir=tmp_path_factory.mktemp("calls"), arguments=("--speed", "600", "--scenario", "calm")
    ).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def settings(own_sandbox: Sandbox) -> Settings:
    return Settings(state_dir=own_sandbox.state_dir)


def test_each_call_counts_where_it_goes_over_the_wire(settings):
    gke, compute = GkeGateway(settings), ComputeGateway(settings)
    before = calls.made()
    gke.list_clusters()  # with their operations
    compute.vip()
    assert dict(calls.made() - before) == {"container": 2, "compute": 1}


def test_no_cycle_makes_more_calls_than_its_fleet_allows_and_the_status_tells_how_many(settings):
    controller = Controller(connect(settings), settings)
    gateway = PlacementGateway(settings)
    cycles: list[Cycle] = []

    def serving() -> bool:
        controller.cycle()
        if controller._cycle is not None:
            cycles.append(controller._cycle)
        try:
            regions = gateway.get().status.regions
        except AtlasError:
            return False
        return sum(r.phase is Phase.SERVING for r in regions) >= 2

    try:
        wait_until(serving, timeout_s=150, every_s=0.2, what="two regions serve")
        for _ in range(10):  # and then nothing happens any more
            serving()
        told = gateway.get().status
    finally:
        controller._release()
        controller._fan_out.close()
    over = [c for c in cycles if sum(c.calls.values()) > c.bound]
    assert over == []
    steady = sorted(sum(c.calls.values()) for c in cycles[-10:])
    assert 10 <= steady[5] <= 40
    assert told.cycle is not None
    assert {"container", "compute", "gkehub", "kubernetes"} <= told.cycle.calls.keys()
    assert told.cycle.bound >= sum(told.cycle.calls.values())
    assert told.spend is not None
    assert {a.region for a in told.spend.accounts} == {r.region for r in told.regions}
