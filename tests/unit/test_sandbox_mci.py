"""Multi Cluster Ingress: what is built from the config cluster's objects, and how endpoints come, fail and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.sandbox import faults, load
from lib.sandbox.world import (
    BACKEND_SERVICES,
    CLUSTERS,
    ENDPOINT_HEALTH,
    FEATURES,
    FORWARDING_RULES,
    HEALTH_CHECKS,
    NEGS,
    TARGET_PROXIES,
    URL_MAPS,
)
from tests.unit.dataplane import ADDRESS, INGRESSES, MCI, MCS, SERVICES, DataPlane

EU, US = "europe-west4", "us-east4"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[DataPlane]:
    found = DataPlane(tmp_path)
    yield found
    found.close()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[DataPlane]:
    """Two regions behind the address, both healthy."""
    found = DataPlane(tmp_path, programmed=True)
    found.serve(EU)
    found.serve(US)
    found.link(EU, US)
    found.run(25)
    yield found
    found.close()


def test_the_address_opens_about_three_minutes_after_the_objects_were_applied(plane: DataPlane) -> None:
    plane.apply()
    plane.run(150, step=10)
    assert not list(plane.world.store.items(FORWARDING_RULES))
    plane.run(60, step=10)
    [(name, rule)] = plane.world.store.items(FORWARDING_RULES)
    assert rule["IPAddress"] == ADDRESS
    assert rule["loadBalancingScheme"] == "EXTERNAL"
    assert rule["portRange"] == f"{plane.world.vip_port}-{plane.world.vip_port}"
    assert name.endswith("-fw-default-stable-diffusion-webui-mci")
    ingress = plane.config.get(INGRESSES, "default", MCI) or {}
    assert ingress["status"]["VIP"] == ADDRESS
    assert ingress["status"]["CloudResources"]["ForwardingRules"] == [name]
    assert ingress["metadata"]["finalizers"] == ["mci.finalizer.networking.gke.io"]
    assert plane.events("MultiClusterIngress") == [("ADD", "default/stable-diffusion-webui-mci")]


def test_backend_service_and_health_check_say_what_the_backend_config_says(serving: DataPlane) -> None:
    service = serving.backend_service
    assert service["name"].endswith("-80-default-stable-diffusion-webui-mcs")
    assert (service["timeoutSec"], service["connectionDraining"]) == (300, {"drainingTimeoutSec": 60})
    assert len(service["backends"]) == 2
    check = serving.world.store.get(HEALTH_CHECKS, service["name"]) or {}
    assert check["httpHealthCheck"]["requestPath"] == "/internal/ping"
    assert check["httpHealthCheck"]["port"] == 8080
    assert (check["checkIntervalSec"], check["unhealthyThreshold"]) == (5, 2)


def test_a_linked_cluster_gets_a_derived_service_and_its_pod_joins_in_about_15_seconds(
    plane: DataPlane,
) -> None:
    plane.apply()
    plane.serve(EU)
    plane.run(5)
    assert plane.endpoints == {}, "an empty list of clusters selects nothing"
    plane.link(EU)
    plane.run(10)
    assert plane.endpoints == {}
    plane.run(15)
    assert plane.endpoints == {f"{EU}/sd-1": "HEALTHY"}
    [(key, neg)] = plane.world.store.items(NEGS)
    assert key.startswith(f"{EU}-a/k8s1-")
    assert len(neg["name"]) <= 63
    assert neg["size"] == 1
    derived = [s["metadata"]["name"] for s in plane.cluster(EU).list("services")]
    assert [name.startswith(f"mci-{MCS}-svc-") for name in derived] == [True]
    reasons = [reason for reason, _ in plane.events("MultiClusterService")]
    assert reasons == ["ADD", "UPDATE", "SYNC"]
    text = f"Derived Service was ensured in cluster {{{EU}/atlas-{EU} atlas-{EU}}}"
    assert plane.events("MultiClusterService")[-1][1] == text


def test_only_registered_clusters_are_linked(plane: DataPlane) -> None:
    plane.apply()
    plane.serve(EU)
    plane.world.store.delete("hub.memberships", f"{EU}/atlas-{EU}")
    plane.link(EU)
    plane.run(30)
    assert plane.endpoints == {}


def test_nothing_is_written_while_nothing_changes(serving: DataPlane) -> None:
    version = serving.world.store.version
    serving.run(60, step=5)
    assert serving.world.store.version == version


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("127.0.0.9", "127.0.0.9 is not a reserved global address", id="not reserved"),
        pytest.param("", "static-ip is empty", id="no address"),
    ],
)
def test_an_address_that_is_not_reserved_is_refused_in_an_event(
    plane: DataPlane, address: str, words: str
) -> None:
    plane.apply(address)
    plane.run(300, step=10)
    assert not list(plane.world.store.items(FORWARDING_RULES))
    complaints = [message for reason, message in plane.events("MultiClusterIngress") if reason == "SYNC"]
    assert len(complaints) == 1
    assert words in complaints[0]


def test_a_missing_service_is_refused_and_mended_when_it_comes(plane: DataPlane) -> None:
    plane.apply()
    plane.config.delete(SERVICES, "default", MCS)
    plane.run(5)
    [*_, (reason, message)] = plane.events("MultiClusterIngress")
    assert (reason, "multiclusterservice default/stable-diffusion-webui-mcs does not exist" in message) == (
        "SYNC",
        True,
    )


def test_a_cluster_can_leave_even_when_the_backend_config_is_missing(serving: DataPlane) -> None:
    config = serving.config.get("backendconfigs.cloud.google.com", "default", "stable-diffusion-webui") or {}
    serving.config.delete("backendconfigs.cloud.google.com", "default", "stable-diffusion-webui")
    serving.link(US)
    serving.run(70, step=2)
    assert serving.endpoints == {f"{US}/sd-1": "HEALTHY"}
    complaint = ("SYNC", "BackendConfig default/stable-diffusion-webui does not exist")
    assert complaint in serving.events("MultiClusterService")
    serving.config.create("backendconfigs.cloud.google.com", {k: config[k] for k in ("kind", "spec")} | {
        "metadata": {"name": "stable-diffusion-webui"}})  # fmt: skip
    serving.link(EU, US)
    serving.run(25)
    assert serving.endpoints == {f"{EU}/sd-1": "HEALTHY", f"{US}/sd-1": "HEALTHY"}


def test_the_rule_follows_the_port_after_a_restart_even_without_the_config_cluster(
    serving: DataPlane,
) -> None:
    serving.world.store.put(CLUSTERS, "us-central1/config-cluster", {"status": "STOPPING"})
    serving.world.vip_port = 4711
    serving.run(1)
    [(_, rule)] = serving.world.store.items(FORWARDING_RULES)
    assert rule["portRange"] == "4711-4711"


def test_an_unlinked_cluster_drains_for_the_drain_time_and_then_goes(serving: DataPlane) -> None:
    serving.link(US)
    serving.run(1)
    assert serving.endpoints == {f"{EU}/sd-1": "DRAINING", f"{US}/sd-1": "HEALTHY"}
    serving.run(50)
    assert serving.endpoints[f"{EU}/sd-1"] == "DRAINING"
    serving.run(15)
    assert serving.endpoints == {f"{US}/sd-1": "HEALTHY"}
    assert len(serving.backend_service["backends"]) == 1
    assert [k for k, _ in serving.world.store.items(NEGS) if k.startswith(EU)] == []
    assert serving.cluster(EU).list("services") == []


def test_draining_waits_for_requests_in_flight(serving: DataPlane) -> None:
    key = next(k for k, _ in serving.world.store.items(ENDPOINT_HEALTH) if k.startswith(EU))
    with load.in_flight(serving.world, key):
        serving.link(US)
        serving.run(120, step=5)
        assert serving.endpoints[f"{EU}/sd-1"] == "DRAINING"
    serving.run(1)
    assert f"{EU}/sd-1" not in serving.endpoints


def test_a_cluster_linked_again_while_it_drains_serves_again(serving: DataPlane) -> None:
    serving.link(US)
    serving.run(20)
    serving.link(EU, US)
    serving.run(10)
    assert serving.endpoints == {f"{EU}/sd-1": "HEALTHY", f"{US}/sd-1": "HEALTHY"}


def test_a_pod_that_terminates_drains_at_once_and_goes_with_its_end(serving: DataPlane) -> None:
    serving.cluster(EU).delete("pods", "default", "sd-1")
    serving.run(1)
    assert serving.endpoints[f"{EU}/sd-1"] == "DRAINING"
    serving.cluster(EU).finish("pods", "default", "sd-1")
    serving.run(1)
    assert f"{EU}/sd-1" not in serving.endpoints


def test_a_pod_on_a_lost_node_stays_until_the_health_checks_find_out(serving: DataPlane) -> None:
    serving.lose_node(EU)
    serving.run(8)
    assert serving.endpoints[f"{EU}/sd-1"] == "HEALTHY", "two probes with a 5 s timeout each have not passed"
    serving.run(9)
    assert serving.endpoints == {f"{EU}/sd-1": "UNHEALTHY", f"{US}/sd-1": "HEALTHY"}
    serving.cluster(EU).finish("pods", "default", "sd-1")
    serving.cluster(EU).delete("nodes", "", "node-sd-1")
    serving.run(1)
    assert f"{EU}/sd-1" not in serving.endpoints


def test_node_and_pod_lost_between_two_looks_are_still_found_by_health_checks(serving: DataPlane) -> None:
    serving.cluster(EU).finish("pods", "default", "sd-1")
    serving.cluster(EU).delete("nodes", "", "node-sd-1")
    serving.run(2)
    assert serving.endpoints[f"{EU}/sd-1"] == "HEALTHY"
    serving.run(15)
    assert f"{EU}/sd-1" not in serving.endpoints


def test_a_broken_health_path_takes_the_region_out_and_back_in(serving: DataPlane) -> None:
    faults.create(serving.world, "backend-broken", {"region": EU}, ttl_s=60)
    serving.run(12)
    assert serving.endpoints == {f"{EU}/sd-1": "UNHEALTHY", f"{US}/sd-1": "HEALTHY"}
    serving.run(60)
    assert serving.endpoints[f"{EU}/sd-1"] == "HEALTHY"


def test_at_full_speed_health_follows_within_two_ticks(serving: DataPlane) -> None:
    serving.lose_node(EU)
    serving.run(120, step=60)
    assert serving.endpoints[f"{EU}/sd-1"] == "UNHEALTHY"


def test_without_the_config_cluster_the_built_goes_on_and_follows_pods(serving: DataPlane) -> None:
    serving.world.store.put(CLUSTERS, "us-central1/config-cluster", {"status": "STOPPING"})
    serving.link(EU)
    serving.cluster(EU).finish("pods", "default", "sd-1")
    serving.add_pod(EU, "sd-2")
    serving.run(30)
    assert serving.endpoints == {f"{EU}/sd-2": "HEALTHY", f"{US}/sd-1": "HEALTHY"}
    assert list(serving.world.store.items(FORWARDING_RULES))


def test_a_member_whose_api_is_down_keeps_the_endpoints_it_had(serving: DataPlane) -> None:
    faults.create(serving.world, "control-plane-down", {"cluster": f"atlas-{EU}"})
    serving.add_pod(EU, "sd-2")
    serving.run(40)
    assert serving.endpoints == {f"{EU}/sd-1": "HEALTHY", f"{US}/sd-1": "HEALTHY"}


def test_deleting_ingress_and_service_takes_the_load_balancer_down(serving: DataPlane) -> None:
    serving.config.delete(INGRESSES, "default", MCI)
    serving.config.delete(SERVICES, "default", MCS)
    serving.run(70, step=5)
    assert serving.config.get(INGRESSES, "default", MCI) is None
    assert serving.config.get(SERVICES, "default", MCS) is None
    left = [
        FORWARDING_RULES,
        TARGET_PROXIES,
        URL_MAPS,
        BACKEND_SERVICES,
        HEALTH_CHECKS,
        NEGS,
        ENDPOINT_HEALTH,
    ]
    assert {c: list(serving.world.store.items(c)) for c in left} == {c: [] for c in left}


def test_without_the_feature_nothing_is_built(plane: DataPlane) -> None:
    plane.world.store.put(
        FEATURES, "multiclusteringress", {"resourceState": {"state": "ENABLING"}, "spec": {}}
    )
    plane.apply()
    plane.run(300, step=20)
    assert not list(plane.world.store.items(BACKEND_SERVICES))


def test_a_kill_at_any_moment_changes_nothing(serving: DataPlane) -> None:
    serving.link(US)
    serving.run(20)
    serving.world.store.close()
    serving.world = serving.open()
    serving.run(50)
    assert serving.endpoints == {f"{US}/sd-1": "HEALTHY"}
