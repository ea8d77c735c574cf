"""Google's Python clients over every transport: the same world, the same errors, pages that lose nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.cloud import compute_v1, container_v1, gkehub_v1, monitoring_v3

from tests.contract.conftest import Sandbox
from tests.waiting import wait_until

T = TypeVar("T")
P = "gpu-atlas-sandbox"
REGION = "europe-north1"
PARENT, EVERYWHERE = f"projects/{P}/locations/{REGION}", f"projects/{P}/locations/-"
NAMES = ("clients-a", "clients-b", "clients-c")
DONE = container_v1.Operation.Status.DONE


def gke(sandbox: Sandbox, transport: str) -> container_v1.ClusterManagerClient:
    host = sandbox.endpoints[transport]
    return container_v1.ClusterManagerClient(transport=transport, client_options={"api_endpoint": host})


def hub(sandbox: Sandbox, transport: str) -> gkehub_v1.GkeHubClient:
    host = sandbox.endpoints[transport]
    return gkehub_v1.GkeHubClient(transport=transport, client_options={"api_endpoint": host})


def compute(client: Callable[..., T], sandbox: Sandbox) -> T:
    return client(client_options={"api_endpoint": sandbox.endpoints["rest"]})


def autopilot(name: str, **fields: Any) -> Any:
    return {"name": name, "autopilot": {"enabled": True}, "fleet": {"project": P}, **fields}


@pytest.fixture(scope="module")
def fleet(sandbox: Sandbox) -> tuple[str, ...]:
    """Three registered clusters of one region."""
    client = gke(sandbox, "grpc")
    for name in NAMES:
        client.create_cluster(parent=PARENT, cluster=autopilot(name, resource_labels={"for": "clients"}))
    members = hub(sandbox, "grpc")
    ready = gkehub_v1.MembershipState.Code.READY
    for name in NAMES:
        wait_until(
            lambda n=name: [m for m in members.list_memberships(parent=PARENT) if m.name.endswith(f"/{n}")
                            and m.state.code == ready],
            what=f"{name} is a member",
        )  # fmt: skip
    return NAMES


@pytest.fixture
def admin(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with sandbox.http(sandbox.token) as client:
        client.base_url = httpx.URL(sandbox.endpoints["admin"])
        yield client
        client.delete("/faults").raise_for_status()


@pytest.fixture
def paused(admin: httpx.Client) -> Iterator[None]:
    admin.put("/clock", json={"paused": True}).raise_for_status()
    yield
    admin.put("/clock", json={"paused": False}).raise_for_status()


CALLS: dict[str, Callable[[Any], Any]] = {
    "clusters": lambda c: c.list_clusters(parent=PARENT),
    "all clusters": lambda c: c.list_clusters(parent=EVERYWHERE),
    "a cluster": lambda c: c.get_cluster(name=f"{PARENT}/clusters/{NAMES[0]}"),
    "operations": lambda c: c.list_operations(parent=PARENT),
    "the server's config": lambda c: c.get_server_config(name=PARENT),
}


@pytest.mark.parametrize("call", CALLS)
def test_three_transports_tell_the_same(
    sandbox: Sandbox, fleet: tuple[str, ...], paused: None, call: str
) -> None:
    ask = CALLS[call]

    async def asynchronous() -> Any:
        host = sandbox.endpoints["grpc"]
        options = ClientOptions(api_endpoint=host)
        client = container_v1.ClusterManagerAsyncClient(client_options=options)
        try:
            return await ask(client)
        finally:
            await client.transport.close()

    told = [ask(gke(sandbox, "grpc")), ask(gke(sandbox, "rest")), asyncio.run(asynchronous())]
    assert told[0] == told[1] == told[2]
    assert any(name in str(told[0]) for name in fleet) or call == "the server's config"


def test_one_name_is_given_once_however_it_is_asked_for(sandbox: Sandbox) -> None:
    clients = [gke(sandbox, "grpc"), gke(sandbox, "rest")] * 4

    def create(client: container_v1.ClusterManagerClient) -> str:
        try:
            return client.create_cluster(parent=PARENT, cluster=autopilot("contended")).name
        except exceptions.Conflict:
            return ""

    with ThreadPoolExecutor(len(clients)) as pool:
        made = [name for name in pool.map(create, clients) if name]
    assert len(made) == 1
    for client in clients[:2]:
        running = client.get_operation(name=f"{PARENT}/operations/{made[0]}")
        assert running.target_link.endswith(f"/locations/{REGION}/clusters/contended")
        assert running.self_link.endswith(f"/operations/{made[0]}")


def test_an_operation_tells_its_times_and_the_etag_moves_with_the_cluster(sandbox: Sandbox) -> None:
    client = gke(sandbox, "rest")
    operation = client.create_cluster(parent=PARENT, cluster=autopilot("timed"))
    path, cluster = f"{PARENT}/operations/{operation.name}", f"{PARENT}/clusters/timed"
    before = client.get_cluster(name=cluster).etag
    wait_until(lambda: client.get_operation(name=path).status == DONE, what="the cluster is made")
    done = client.get_operation(name=path)
    assert "" < done.start_time < done.end_time
    assert not done.error.code
    assert client.get_cluster(name=cluster).etag not in {"", before}


def test_an_unknown_field_is_refused_by_its_name(sandbox: Sandbox) -> None:
    with sandbox.http(sandbox.token) as client:
        body = {"cluster": {**autopilot("odd"), "colour": "red"}}
        answer = client.post(f"/v1/{PARENT}/clusters", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert (
        error["message"]
        == "Invalid JSON payload received. Unknown name \"colour\" at 'cluster': Cannot find field."
    )
    assert error["details"][0]["fieldViolations"][0]["field"] == "cluster.colour"


def test_the_fleets_own_fields_survive_a_rest_write(sandbox: Sandbox, fleet: tuple[str, ...]) -> None:
    """`stopSyncing` is in the REST API and not in Google's Python types."""
    features = f"/v1/projects/{P}/locations/global/features"
    member = f"{PARENT}/memberships/{fleet[0]}"
    sync = {"enabled": True, "stopSyncing": True, "git": {"syncRepo": "file:///x"}}
    specs = {member: {"configmanagement": {"configSync": sync}}}
    with sandbox.http(sandbox.token) as client:
        client.post(features, params={"featureId": "configmanagement"}, json={}).raise_for_status()
        path = f"{features}/configmanagement"
        client.patch(
            path, params={"updateMask": "membershipSpecs"}, json={"membershipSpecs": specs}
        ).raise_for_status()
        [kept] = client.get(path).json()["membershipSpecs"].values()
        assert kept["configmanagement"]["configSync"] == sync
        client.delete(path, params={"force": "true"}).raise_for_status()
        refused = client.patch(path, params={"updateMask": "membershipSpecs"}, json={"membershipSpecs": {}})
        assert refused.json()["error"]["status"] == "ABORTED"
        wait_until(lambda: client.get(path).status_code == 404, what="the feature is gone")


# Pages


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_memberships_come_in_pages(sandbox: Sandbox, fleet: tuple[str, ...], transport: str) -> None:
    client = hub(sandbox, transport)
    text = f'name = "*/locations/{REGION}/memberships/clients-*"'
    pager = client.list_memberships(request={"parent": PARENT, "page_size": 2, "filter": text})
    pages = [[m.name.rsplit("/", 1)[-1] for m in page.resources] for page in pager.pages]
    assert pages == [["clients-a", "clients-b"], ["clients-c"]]
    for wrong in ({"page_token": "made-up"}, {"filter": "what is this"}, {"page_size": -1}):
        with pytest.raises(
            exceptions.InvalidArgument if transport == "grpc" else exceptions.BadRequest
        ) as refused:
            client.list_memberships(request={"parent": PARENT, **wrong})
        assert f"for field {next(iter(wrong))}" in str(refused.value)
    with pytest.raises(exceptions.BadRequest, match="page_token"):
        client.list_features(request={"parent": f"projects/{P}/locations/global", "page_token": "made-up"})


PAGED: dict[str, tuple[Any, Any, str]] = {
    "regions": (compute_v1.RegionsClient, compute_v1.ListRegionsRequest, "list"),
    "zones": (compute_v1.ZonesClient, compute_v1.ListZonesRequest, "list"),
    "accelerators": (
        compute_v1.AcceleratorTypesClient, compute_v1.AggregatedListAcceleratorTypesRequest, "aggregated_list"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PAGED)
def test_compute_lists_come_in_pages(sandbox: Sandbox, what: str) -> None:
    kind, request, method = PAGED[what]
    ask = getattr(compute(kind, sandbox), method)

    def names(size: int) -> list[str]:
        found = list(ask(request(project=P, max_results=size)))
        if what != "accelerators":
            return [item.name for item in found]
        return [f"{scope}/{t.name}" for scope, listed in found for t in listed.accelerator_types]

    whole = names(500)
    assert sorted(names(37)) == sorted(whole)
    assert len(whole) == len(set(whole)) > 37
    with pytest.raises(exceptions.BadRequest, match="Invalid value for field 'pageToken'"):
        ask(request(project=P, page_token="made-up"))
    with pytest.raises(exceptions.BadRequest, match="Invalid value for field 'filter'"):
        ask(request(project=P, filter="what is this"))
    with pytest.raises(exceptions.BadRequest, match="Invalid value for field 'maxResults'"):
        ask(request(project=P, max_results=501))
    with pytest.raises(exceptions.BadRequest, match="Invalid value for field 'orderBy'"):
        ask(request(project=P, order_by="colour"))


def test_compute_filters_choose(sandbox: Sandbox) -> None:
    client = compute(compute_v1.AcceleratorTypesClient, sandbox)
    text = "(name = nvidia-l4 OR name = nvidia-tesla-t4) AND zone:us-central1-a"
    request = compute_v1.AggregatedListAcceleratorTypesRequest(project=P, filter=text)
    found = [
        (scope, t.name) for scope, listed in client.aggregated_list(request) for t in listed.accelerator_types
    ]
    assert sorted(found) == [("zones/us-central1-a", "nvidia-l4"), ("zones/us-central1-a", "nvidia-tesla-t4")]


def test_addresses_are_refused_by_field_and_busy_ones_are_left_alone(sandbox: Sandbox, paused: None) -> None:
    client = compute(compute_v1.GlobalAddressesClient, sandbox)
    for field, value in {
        "name": "Bad_",
        "ip_version": "IPV6",
        "address_type": "INTERNAL",
        "address": "9.9.9.9",
    }.items():
        wanted = compute_v1.Address(**{"name": "refused", field: value})
        with pytest.raises(exceptions.BadRequest, match="Invalid value for field 'resource"):
            client.insert(project=P, address_resource=wanted)
    client.insert(project=P, address_resource=compute_v1.Address(name="clients-vip"))
    with pytest.raises(exceptions.BadRequest, match="is not ready"):
        client.delete(project=P, address="clients-vip")


def test_a_compute_operation_is_waited_for_listed_and_gone_back_to(sandbox: Sandbox) -> None:
    addresses = compute(compute_v1.GlobalAddressesClient, sandbox)
    operations = compute(compute_v1.GlobalOperationsClient, sandbox)
    started = addresses.insert(project=P, address_resource=compute_v1.Address(name="clients-op"))
    found = operations.wait(project=P, operation=started.name)  # result() of it asks Google's own address
    assert (found.status.name, found.operation_type, found.progress) == ("DONE", "insert", 100)
    assert found.target_link.endswith("/global/addresses/clients-op")
    assert found.self_link.endswith(f"/global/operations/{started.name}")
    assert found.start_time <= found.end_time
    assert found == operations.get(project=P, operation=started.name)
    listed = operations.list(
        compute_v1.ListGlobalOperationsRequest(project=P, filter=f"name = {started.name}")
    )
    assert [o.name for o in listed] == [started.name]
    gone = addresses.delete(project=P, address="clients-op").name
    assert operations.wait(project=P, operation=gone).operation_type == "delete"
    with pytest.raises(exceptions.NotFound, match="global/operations/nobody' was not found"):
        operations.get(project=P, operation="nobody")


def test_monitoring_refuses_what_it_cannot_read(sandbox: Sandbox) -> None:
    host = sandbox.endpoints["grpc"]
    client = monitoring_v3.MetricServiceClient(client_options={"api_endpoint": host})
    now = int(time.time()) + 10 * 366 * 86_400
    request: dict[str, Any] = {
        "name": f"projects/{P}",
        "filter": 'metric.type="loadbalancing.googleapis.com/https/request_count"',
        "interval": {"start_time": {"seconds": now - 3600}, "end_time": {"seconds": now}},
        "view": "FULL",
    }
    aligned = {"alignment_period": {"seconds": 60}, "per_series_aligner": "ALIGN_RATE"}
    assert list(client.list_time_series(request={**request, "aggregation": aligned})) == []
    for wrong, field in (
        ({"page_token": "made-up"}, "page_token"),
        ({"page_size": -1}, "page_size"),
        ({"filter": "what is this"}, "filter"),
        ({"aggregation": {**aligned, "alignment_period": {"seconds": 5}}}, "alignmentPeriod"),
    ):
        with pytest.raises(exceptions.InvalidArgument, match=field):
            client.list_time_series(request={**request, **wrong})


# A bad day


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_clients_own_retries_survive_an_api_that_fails_half_the_time(
    sandbox: Sandbox, admin: httpx.Client, fleet: tuple[str, ...], transport: str
) -> None:
    scope = {"api": "container", "code": "UNAVAILABLE", "rate": 0.5}
    admin.post("/faults", json={"kind": "api-error", "scope": scope}).raise_for_status()
    client = gke(sandbox, transport)
    for _ in range(5):
        assert len(client.list_clusters(parent=PARENT).clusters) >= len(fleet)


def test_too_many_requests_say_when_to_come_again(sandbox: Sandbox, admin: httpx.Client) -> None:
    scope = {"api": "compute", "code": "RESOURCE_EXHAUSTED", "rate": 1.0}
    admin.post("/faults", json={"kind": "api-error", "scope": scope}).raise_for_status()
    with sandbox.http(sandbox.token) as client:
        answer = client.get(f"/compute/v1/projects/{P}/regions")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


# Several calls in one


def batch(sandbox: Sandbox, body: str, token: str, boundary: str = "b") -> httpx.Response:
    headers = {"content-type": f'multipart/mixed; boundary="{boundary}"'}
    with sandbox.http(token) as client:
        return client.post("/batch/compute/v1", content=body, headers=headers)


def part(path: str) -> str:
    call = f"GET /compute/v1/projects/{P}{path} HTTP/1.1\n\n"
    return f"--b\r\nContent-Type: application/http\r\nContent-ID: <x+{path}>\r\n\r\n{call}\r\n"


def test_each_call_of_a_batch_is_answered_for_itself(sandbox: Sandbox) -> None:
    body = part("/zones/us-east1-b") + part("/zones/nowhere") + "--b--\r\n"
    answer = batch(sandbox, body, sandbox.token)
    assert answer.status_code == 200
    first, second = answer.text.split("Content-ID: ")[1:]
    assert first.startswith("<response-x+/zones/us-east1-b>")
    assert "HTTP/1.1 200 OK" in first
    assert "HTTP/1.1 404 Not Found" in second
    assert batch(sandbox, body, "").text.count("HTTP/1.1 401 Unauthorized") == 2


@pytest.mark.parametrize("body", ["", "no parts", "--b\r\n\r\nno request line\r\n--b--\r\n"])
def test_what_is_no_batch_is_refused(sandbox: Sandbox, body: str) -> None:
    answer = batch(sandbox, body, sandbox.token)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Failed to parse batch request")
