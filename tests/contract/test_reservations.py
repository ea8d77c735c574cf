"""Reservations and instances in the sandbox, by the real gcloud and by Google's Python client: stock, quota and faults
decide, in Compute's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import compute_v1

from tests.contract.conftest import Sandbox
from tests.contract.test_gcloud import Gcloud
from tests.contract.test_sandbox_env import Shell, program

P, ZONE, REGION = "gpu-atlas-sandbox", "us-central1-a", "us-central1"
GUESTS = f"projects/{P}/zones/{ZONE}/acceleratorTypes/nvidia-tesla-t4"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Of its own: what stands there counts in the quota."""
    found = Sandbox(
        state_dir=tmp_path_factory.mktemp("reservations"), arguments=("--speed", "600", "--scenario", "calm")
    ).start()
    yield found
    found.stop()


@pytest.fixture
def admin(cloud: Sandbox) -> Iterator[httpx.Client]:
    with cloud.http(cloud.token) as client:
        client.base_url = httpx.URL(cloud.endpoints["admin"])
        yield client
        client.delete("/faults").raise_for_status()


@pytest.fixture(scope="module")
def gcloud(cloud: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    shell = Shell(state_dir=cloud.state_dir, home=tmp_path_factory.mktemp("gcloud-home"))
    return Gcloud(binary=program("gcloud"), environment={**shell.environment(), **shell.exports()})


def client(cloud: Sandbox, kind: Any) -> Any:
    found = kind.get_transport_class("rest")(host=cloud.endpoints["rest"], credentials=cloud.credentials())
    found._session.trust_env = False
    found._session.verify = cloud.endpoints["ca_file"]
    return kind(transport=found)


def reservation(
    name: str, machine: str = "g2-standard-8", count: int = 1, **fields: Any
) -> compute_v1.Reservation:
    properties = compute_v1.AllocationSpecificSKUAllocationReservedInstanceProperties(machine_type=machine)
    if machine.startswith("n1-"):
        properties.guest_accelerators = [
            compute_v1.AcceleratorConfig(accelerator_type="nvidia-tesla-t4", accelerator_count=1)
        ]
    specific = compute_v1.AllocationSpecificSKUReservation(count=count, instance_properties=properties)
    return compute_v1.Reservation(name=name, specific_reservation=specific, **fields)


def ended(cloud: Sandbox, operation: Any) -> compute_v1.Operation:
    operations = client(cloud, compute_v1.ZoneOperationsClient)
    return operations.wait(project=P, zone=ZONE, operation=operation.name)


def used(cloud: Sandbox, metric: str) -> float:
    region = client(cloud, compute_v1.RegionsClient).get(project=P, region=REGION)
    return {q.metric: q.usage for q in region.quotas}[metric]


def test_gcloud_reserves_lists_describes_and_deletes(gcloud: Gcloud, cloud: Sandbox) -> None:
    gcloud.ok(f"compute reservations create kept --zone {ZONE} --vm-count 1 --machine-type g2-standard-8")
    listed = gcloud.ok("compute reservations list")
    assert listed.split()[:4] == ["NAME", "IN_USE_COUNT", "COUNT", "ZONE"]
    assert listed.splitlines()[1].split()[:4] == ["kept", "0", "1", ZONE]
    told = json.loads(gcloud.ok(f"compute reservations describe kept --zone {ZONE} --format json"))
    assert (told["status"], told["specificReservation"]["count"]) == ("READY", "1")
    assert used(cloud, "NVIDIA_L4_GPUS") == 1
    again = gcloud(
        f"compute reservations create kept --zone {ZONE} --vm-count 1 --machine-type g2-standard-8"
    )
    assert again.code == 1
    assert f"The resource 'projects/{P}/zones/{ZONE}/reservations/kept' already exists" in again.error
    gcloud.ok(f"compute reservations delete kept --zone {ZONE} --quiet")
    assert "kept" not in gcloud.ok("compute reservations list")
    assert used(cloud, "NVIDIA_L4_GPUS") == 0


def test_gcloud_hears_of_a_stock_out_and_of_a_wrong_machine(gcloud: Gcloud, admin: httpx.Client) -> None:
    scope = {"region": REGION, "accelerator": "nvidia-tesla-t4"}
    admin.post("/faults", json={"kind": "stockout", "scope": scope}).raise_for_status()
    refused = gcloud(
        f"compute reservations create none --zone {ZONE} --vm-count 1 --machine-type n1-standard-8 "
        "--accelerator count=1,type=nvidia-tesla-t4"
    )
    assert refused.code == 1
    assert "does not have enough resources available to fulfill the request" in " ".join(
        refused.error.split()
    )
    wrong = gcloud(
        f"compute reservations create none --zone {ZONE} --vm-count 1 --machine-type g9-standard-8"
    )
    assert wrong.code == 1
    assert "g9-standard-8" in wrong.error


def test_a_reservation_is_made_by_an_operation_and_counts_in_both_quotas(cloud: Sandbox) -> None:
    reservations = client(cloud, compute_v1.ReservationsClient)
    wanted = reservation("two", "n1-standard-8", count=2, description="ours")
    operation = reservations.insert(project=P, zone=ZONE, reservation_resource=wanted)
    done = ended(cloud, operation)
    assert (done.status, done.error.errors) == (compute_v1.Operation.Status.DONE, [])
    found = reservations.get(project=P, zone=ZONE, reservation="two")
    assert (found.status, found.description, found.specific_reservation.assured_count) == ("READY", "ours", 2)
    assert used(cloud, "NVIDIA_T4_GPUS") == 2
    everywhere = client(cloud, compute_v1.ProjectsClient).get(project=P).quotas
    assert {q.metric: q.usage for q in everywhere}["GPUS_ALL_REGIONS"] == 2
    zones = {z: s.reservations for z, s in reservations.aggregated_list(project=P) if s.reservations}
    assert list(zones) == [f"zones/{ZONE}"]
    ended(cloud, reservations.delete(project=P, zone=ZONE, reservation="two"))
    with pytest.raises(exceptions.NotFound, match="reservations/two"):
        reservations.get(project=P, zone=ZONE, reservation="two")


def test_a_refused_reservation_leaves_nothing_and_says_why_in_computes_words(
    cloud: Sandbox, admin: httpx.Client
) -> None:
    reservations = client(cloud, compute_v1.ReservationsClient)

    def refused(**scope: str) -> tuple[str, str, int]:
        admin.delete("/faults").raise_for_status()
        kind = scope.pop("kind")
        admin.post("/faults", json={"kind": kind, "scope": scope}).raise_for_status()
        operation = reservations.insert(project=P, zone=ZONE, reservation_resource=reservation("no"))
        done = ended(cloud, operation)
        [error] = done.error.errors
        with pytest.raises(exceptions.NotFound):
            reservations.get(project=P, zone=ZONE, reservation="no")
        return error.code, error.message, done.http_error_status_code

    code, message, status = refused(kind="stockout", zone=ZONE)
    assert (code, status) == ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", 503)
    assert "Consider trying your request in the us-central1-b" in message
    code, message, _ = refused(kind="stockout", region=REGION)
    assert code == "ZONE_RESOURCE_POOL_EXHAUSTED"
    assert message.startswith(
        f"The zone 'projects/{P}/zones/{ZONE}' does not have enough resources available"
    )
    code, message, status = refused(kind="quota", region=REGION, accelerator="nvidia-l4")
    assert (code, status) == ("QUOTA_EXCEEDED", 403)
    assert message == f"Quota 'NVIDIA_L4_GPUS' exceeded.  Limit: 0.0 in region {REGION}."
    code, message, _ = refused(kind="quota")
    assert code == "QUOTA_EXCEEDED"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        pytest.param(reservation("Bad_Name"), "resource.name", id="a name"),
        pytest.param(reservation("ok", "g9-standard-8"), "machineType", id="no such machine"),
        pytest.param(reservation("ok", "a2-megagpu-16g"), "does not exist in zone", id="not in this zone"),
        pytest.param(compute_v1.Reservation(name="ok"), "specificReservation", id="nothing to reserve"),
        pytest.param(reservation("ok", count=0), "count", id="none of them"),
    ],
)
def test_a_wrong_reservation_is_refused_with_its_field(
    cloud: Sandbox, wanted: compute_v1.Reservation, says: str
) -> None:
    zone = (
        "asia-east1-a" if "megagpu" in wanted.specific_reservation.instance_properties.machine_type else ZONE
    )
    with pytest.raises(exceptions.BadRequest, match=says):
        client(cloud, compute_v1.ReservationsClient).insert(project=P, zone=zone, reservation_resource=wanted)


def instance(name: str, **fields: Any) -> compute_v1.Instance:
    disk = compute_v1.AttachedDisk(
        boot=True,
        auto_delete=True,
        initialize_params=compute_v1.AttachedDiskInitializeParams(
            source_image="projects/debian-cloud/global/images/family/debian-12"
        ),
    )
    return compute_v1.Instance(
        name=name,
        machine_type=f"zones/{ZONE}/machineTypes/g2-standard-8",
        disks=[disk],
        network_interfaces=[compute_v1.NetworkInterface(network="global/networks/default")],
        scheduling=compute_v1.Scheduling(
            provisioning_model="SPOT",
            instance_termination_action="DELETE",
            max_run_duration=compute_v1.Duration(seconds=36_000),
        ),
        **fields,
    )


def test_a_spot_instance_is_made_and_goes_by_itself_at_the_end_of_its_run(
    cloud: Sandbox, admin: httpx.Client
) -> None:
    instances = client(cloud, compute_v1.InstancesClient)
    wanted = instance("spot", labels={"managed-by": "somebody"})
    done = ended(cloud, instances.insert(project=P, zone=ZONE, instance_resource=wanted))
    assert done.error.errors == []
    found = instances.get(project=P, zone=ZONE, instance="spot")
    assert (found.status, found.labels["managed-by"]) == ("RUNNING", "somebody")
    assert used(cloud, "PREEMPTIBLE_NVIDIA_L4_GPUS") == 1
    admin.post("/clock:step", json={"seconds": 40_000}).raise_for_status()
    with pytest.raises(exceptions.NotFound):
        instances.get(project=P, zone=ZONE, instance="spot")
    assert used(cloud, "PREEMPTIBLE_NVIDIA_L4_GPUS") == 0


def test_an_instance_is_deleted_also_while_it_is_being_made(cloud: Sandbox) -> None:
    instances = client(cloud, compute_v1.InstancesClient)
    instances.insert(project=P, zone=ZONE, instance_resource=instance("brief"))
    ended(cloud, instances.delete(project=P, zone=ZONE, instance="brief"))
    assert [i.name for _, s in instances.aggregated_list(project=P) for i in s.instances] == []


def test_the_viewer_reserves_nothing(cloud: Sandbox) -> None:
    body = {
        "name": "no",
        "specificReservation": {"count": "1", "instanceProperties": {"machineType": "g2-standard-8"}},
    }
    with cloud.http(str(cloud.credentials("credentials-viewer.json").token)) as api:
        answer = api.post(f"/compute/v1/projects/{P}/zones/{ZONE}/reservations", json=body)
    assert answer.status_code == 403
    assert "compute.reservations.create" in answer.json()["error"]["message"]
