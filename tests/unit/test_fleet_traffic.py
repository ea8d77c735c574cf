"""Where requests go, why a backend isn't asked, what Monitoring counted, and what the probes tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.fleet import catalog
from lib.fleet.model import Condition, Entry, Phase, RegionStatus
from lib.fleet.traffic import (
    CLIENTS,
    BackendService,
    Endpoint,
    Group,
    HealthCheck,
    LoadBalancer,
    distance_km,
    routes,
    why,
)
from lib.fleet.usage import NO_BACKEND, probes, region_of, usage
from lib.sandbox import routing

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
CHECK = HealthCheck(
    name="hc",
    type="HTTP",
    path="/internal/ping",
    port="8080",
    interval_s=5,
    timeout_s=5,
    healthy_after=1,
    unhealthy_after=2,
)
STARTING = RegionStatus(
    region="us-east1",
    phase=Phase.STARTING,
    conditions=(
        Condition(type="WorkloadReady", status="False", reason="Starting", message="sd-1 is loading."),
    ),
)


def group(*states: str, zone: str = "us-east1-b") -> Group:
    ends = tuple(Endpoint(address=f"10.0.0.{i}:8080", state=state) for i, state in enumerate(states))
    return Group(name="k8s1-x", zone=zone, region="us-east1", endpoints=ends)


@given(st.sets(st.sampled_from(sorted(catalog.REGIONS)), min_size=1))
def test_every_client_goes_where_the_sandboxs_address_sends_it(healthy: set[str]) -> None:
    for route in routes(healthy):
        nearest = sorted(
            healthy,
            key=lambda name: (
                routing.distance_km(
                    route.client.place, (catalog.REGIONS[name].lat, catalog.REGIONS[name].lon)
                ),
                name,
            ),
        )
        assert route.region == nearest[0]
        assert route.instead == (nearest[1] if len(nearest) > 1 else "")


def test_there_is_one_client_on_each_continent_and_nobody_is_reached_when_nobody_is_healthy() -> None:
    assert len({client.continent for client in CLIENTS}) == 6
    assert {route.region for route in routes(())} == {""}
    assert routes(("nowhere9",))[0].region == ""


def test_distances_are_along_the_great_circle() -> None:
    paris, tokyo = CLIENTS[0].place, CLIENTS[4].place
    assert distance_km(paris, tokyo) == pytest.approx(9712, abs=20)
    assert distance_km(paris, paris) == 0


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        pytest.param(group("HEALTHY"), "It answers HTTP /internal/ping with 200.", id="healthy"),
        pytest.param(
            group("UNHEALTHY"),
            "Its endpoint doesn't answer HTTP /internal/ping with 200. The pod: sd-1 is loading.",
            id="unhealthy",
        ),
        pytest.param(group("UNHEALTHY", "UNHEALTHY", "HEALTHY"), "2 of 3 endpoints don't answer", id="some"),
        pytest.param(group("DRAINING"), "It is being drained", id="draining"),
        pytest.param(group("UNKNOWN"), "hasn't asked it often enough", id="new"),
        pytest.param(group("HEALTHY", "DRAINING"), "1 of 2 endpoints answer", id="one leaves"),
        pytest.param(group(), "No pod of this workload runs in us-east1-b", id="empty"),
        pytest.param(
            Group(name="x", zone="us-east1-b", region="us-east1"), "did not tell its health", id="silent"
        ),
    ],
)
def test_a_backend_says_why_it_is_as_it_is(seen: Group, says: str) -> None:
    assert says in why(seen, CHECK, STARTING)


def test_the_health_check_is_told_in_words_with_what_it_means() -> None:
    assert "GET /internal/ping at port 8080 every 5 s" in CHECK.sentence
    assert CHECK.detection == "A backend that stops answering is out of the rotation after 5 to 15 s."
    assert why(group("HEALTHY"), None, None) == "It answers the health check with 200."


def test_the_healthy_regions_are_those_with_a_healthy_endpoint() -> None:
    groups = (group("HEALTHY"), group("UNHEALTHY"), Group(name="x", zone="z", region="asia-east1"))
    service = BackendService(
        name="s", scheme="EXTERNAL", timeout_s=300, draining_s=60, check=CHECK, groups=groups
    )
    assert LoadBalancer(services=(service,)).healthy_regions == ("us-east1",)
    assert LoadBalancer().groups == ()


def test_series_are_added_up_by_region_and_errors_apart() -> None:
    later = T0 + timedelta(minutes=1)
    found = usage(
        [
            ("us-east1-b", "200", ((T0, 1.0), (later, 2.0))),
            ("us-east1-c", "200", ((T0, 0.5),)),
            ("us-east1-b", "502", ((later, 0.25),)),
            ("INVALID_BACKEND", "503", ((T0, 1.0),)),
        ],
        [("us-east1-b", ((T0, 40.0),)), ("us-east1-c", ((T0, 90.0),))],
    )
    assert found.requests["us-east1"] == ((T0, 1.5), (later, 2.25))
    assert found.errors == {NO_BACKEND: ((T0, 1.0),), "us-east1": ((later, 0.25),)}
    assert found.latency_ms == {"us-east1": ((T0, 90.0),)}
    assert found.newest == later
    assert found.regions == (NO_BACKEND, "us-east1")


@pytest.mark.parametrize(
    ("zone", "region"),
    [("us-east1-b", "us-east1"), ("us-east1", "us-east1"), ("INVALID_BACKEND", NO_BACKEND), ("", NO_BACKEND)],
)
def test_a_zone_belongs_to_its_region(zone: str, region: str) -> None:
    assert region_of(zone) == region


def probe(i: int, *, ok: bool, ms: float = 50.0, region: str = "us-east1") -> Entry:
    body = {"ok": ok, "ms": ms, "region": region if ok else ""}
    return Entry(id=i, at=T0 + timedelta(seconds=i), kind="probe", region=region if ok else "", body=body)


def test_probes_are_told_in_a_few_numbers() -> None:
    entries = [
        probe(9, ok=True, ms=100),
        probe(8, ok=False),
        probe(7, ok=False),
        probe(6, ok=True, region="asia-east1"),
        probe(5, ok=True),
        Entry(id=4, at=T0, kind="phase"),
    ]
    found = probes(entries)
    assert (len(found.entries), found.ok, found.longest_loss) == (5, 3, 2)
    assert found.answered_by == (("us-east1", 2), ("asia-east1", 1))
    assert found.percentile(50) == 50
    assert probes([]).percentile(50) is None
    assert probes(entries[:1]).percentile(95) == 100
