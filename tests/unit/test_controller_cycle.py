"""The bound of a cycle's calls, and the names that calls are counted under."""

from __future__ import annotations

import pytest

from lib.controller.cycle import Meter, Work, bound, seen_by
from lib.fleet.model import BackendObservation, ClusterObservation, FleetObservation, RegionObservation
from lib.gateways import calls
from tests.unit.fake_wire import NOW


def test_the_bound_grows_with_the_fleet_and_by_three_calls_a_cluster():
    assert bound(Work(clusters=44)) - bound(Work(clusters=43)) == 3
    assert bound(Work(clusters=43, backends=43)) < 250


def test_a_cluster_counts_where_it_is_and_where_only_its_own_api_answered():
    cluster = ClusterObservation(name="atlas-a", region="a", status="RUNNING", owned=True)
    backend = BackendObservation(zone="a-b", neg="n", healthy=1, unhealthy=0)
    regions = {
        "a": RegionObservation(region="a", cluster=cluster, backends=(backend, backend)),
        "b": RegionObservation(region="b"),
    }
    assert seen_by(FleetObservation(at=NOW, regions=regions)) == (1, 2)


def test_a_meter_tells_only_what_was_called_since_it_began():
    calls.count("compute")
    meter = Meter()
    for _ in range(3):
        calls.count("kubernetes")
    assert meter.read(Work()).calls == {"kubernetes": 3}


@pytest.mark.parametrize(
    ("method", "api"),
    [
        ("/google.container.v1.ClusterManager/ListClusters", "container"),
        (b"/google.cloud.gkehub.v1.GkeHub/ListMemberships", "gkehub"),
        ("/google.monitoring.v3.MetricService/ListTimeSeries", "monitoring"),
    ],
)
def test_a_grpc_call_counts_for_its_service(method, api):
    assert calls._service(method) == api
