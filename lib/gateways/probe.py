"""A capacity probe on the wire: one GPU machine asked of Compute Engine and given back at once.

What it makes bears our ownership mark and a time: a VM in labels, a reservation in its name and description (it has no
labels). It is deleted whatever happens; what is left when this process is killed deletes itself after a while, and is
found by `leftovers`. Whether a probe may be made is `fleet.probe`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.cloud import compute_v1

from lib.fleet import catalog
from lib.fleet.model import Provisioning
from lib.fleet.probe import Probe, probe_from
from lib.gateways import connect
from lib.gateways.errors import (
    Failure,
    NotFound,
    Refused,
    TransientError,
    Unreachable,
    translate,
)
from lib.gateways.gke import OWNER_LABEL
from lib.settings import Settings

MARK = f"{OWNER_LABEL[0]}={OWNER_LABEL[1]}"
CREATE_S, REMOVE_S = 180.0, 120.0  # wall; what takes longer is left to `leftovers`
WAIT_S = 125.0  # operations.wait answers after two minutes at the latest
AGAIN_S = 1.0
GONE_AFTER_S = {Provisioning.STANDARD: 3600, Provisioning.SPOT: 600}  # by itself, should nobody delete it
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
_WORDS = {403: "quotaExceeded", 503: "UNAVAILABLE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something of ours that a probe left behind."""

    probe: Probe
    name: str
    status: str


class ProbeGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project = settings.project
        self._clients: dict[type[Any], Any] = {}

    def ask(self, probe: Probe) -> None:
        """Ask for it and wait until it stands; nothing is deleted here. Raises CapacityError when there is none,
        QuotaError, or what says nothing about stock."""
        with connect.google_errors(f"probing {probe.zone}"):
            operation = self._insert(probe)
        self._finished(probe, operation.name)

    def remove(self, probe: Probe) -> None:
        """Delete what the probe made, and wait until it is gone. A no-op when there is nothing. Raises Refused for
        what doesn't bear our mark, Unreachable when it still stands at the end."""
        until, last = time.monotonic() + REMOVE_S, ""
        while time.monotonic() < until:
            try:
                self._finished(probe, self._delete_ours(probe))
            except NotFound:
                return
            except (TransientError, Unreachable) as e:
                last = str(e)
            except Refused as e:
                if "not ready" not in str(e):  # it is still being made, or deleted
                    raise
                last = str(e)
            time.sleep(AGAIN_S)
        raise Unreachable(
            f"{probe.name} in {probe.zone} could not be deleted yet ({last}); ./atlas probe --clean will."
        )

    def leftovers(self) -> tuple[Leftover, ...]:
        """Everything in the project that bears the mark of a probe of this platform, in any zone. Raises Unreachable
        when a zone did not answer: what is there is not known then."""
        return (*self._reserved(), *self._running())

    def _insert(self, probe: Probe) -> Any:
        if probe.provisioning is Provisioning.SPOT:
            return self._client(compute_v1.InstancesClient).insert_unary(
                project=self._project,
                zone=probe.zone,
                instance_resource=_instance(probe),
                retry=None,
                timeout=connect.DEADLINE_S,
            )
        return self._client(compute_v1.ReservationsClient).insert_unary(
            project=self._project,
            zone=probe.zone,
            reservation_resource=_reservation(probe),
            retry=None,
            timeout=connect.DEADLINE_S,
        )

    def _delete_ours(self, probe: Probe) -> str:
        """The mark is read right before. The operation's name."""
        if not self._ours(probe):
            raise Refused(f"{probe.name} in {probe.zone} was not made by this platform and is left alone.")
        with connect.google_errors(f"deleting {probe.name} in {probe.zone}"):
            return str(self._delete(probe).name)

    def _delete(self, probe: Probe) -> Any:
        named = {"project": self._project, "zone": probe.zone, "retry": None, "timeout": connect.DEADLINE_S}
        if probe.provisioning is Provisioning.SPOT:
            return self._client(compute_v1.InstancesClient).delete_unary(instance=probe.name, **named)
        return self._client(compute_v1.ReservationsClient).delete_unary(reservation=probe.name, **named)

    def _ours(self, probe: Probe) -> bool:
        """NotFound when there is nothing of that name."""
        named = {"project": self._project, "zone": probe.zone, "retry": None, "timeout": connect.DEADLINE_S}
        with connect.google_errors(f"reading {probe.name} in {probe.zone}"):
            if probe.provisioning is Provisioning.SPOT:
                found = self._client(compute_v1.InstancesClient).get(instance=probe.name, **named)
                return found.labels.get(OWNER_LABEL[0]) == OWNER_LABEL[1]
            found = self._client(compute_v1.ReservationsClient).get(reservation=probe.name, **named)
            return MARK in found.description

    def _finished(self, probe: Probe, operation: str) -> None:
        """Wait for a zonal operation; raises what it failed with."""
        until = time.monotonic() + CREATE_S
        while time.monotonic() < until:
            with connect.google_errors(f"waiting for {operation} in {probe.zone}"):
                found = self._client(compute_v1.ZoneOperationsClient).wait(
                    project=self._project, zone=probe.zone, operation=operation, retry=None, timeout=WAIT_S
                )
            if found.status == compute_v1.Operation.Status.DONE:
                _raise_error(probe, found)
                return
        raise Unreachable(f"{probe.zone} has not answered the probe yet.")

    def _reserved(self) -> Iterator[Leftover]:
        for found, zone in self._listed(compute_v1.ReservationsClient, "reservations"):
            probe = probe_from(found.name, zone)
            if probe and probe.provisioning is Provisioning.STANDARD and MARK in found.description:
                yield Leftover(probe=probe, name=found.name, status=found.status)

    def _running(self) -> Iterator[Leftover]:
        for found, zone in self._listed(compute_v1.InstancesClient, "instances"):
            probe = probe_from(found.name, zone)
            ours = found.labels.get(OWNER_LABEL[0]) == OWNER_LABEL[1]
            if probe and probe.provisioning is Provisioning.SPOT and ours:
                yield Leftover(probe=probe, name=found.name, status=found.status)

    def _listed(self, kind: type[Any], field: str) -> Iterator[tuple[Any, str]]:
        with connect.google_errors(f"listing {field}"):
            pages = self._client(kind).aggregated_list(
                project=self._project, retry=None, timeout=connect.DEADLINE_S
            )
            for page in pages.pages:
                if page.unreachables:
                    silent = ", ".join(sorted(u.rpartition("/")[2] for u in page.unreachables)[:3])
                    raise Unreachable(f"Listing {field} is not complete: no answer from {silent}.")
                for scope, held in page.items.items():
                    yield from ((found, scope.rpartition("/")[2]) for found in getattr(held, field))

    def _client(self, kind: type[Any]) -> Any:
        if kind not in self._clients:
            address = connect.endpoints(self._settings).compute
            self._clients[kind] = connect.rest_client(self._settings, kind, address)
        return self._clients[kind]


def _reservation(probe: Probe) -> compute_v1.Reservation:
    machine = catalog.ACCELERATORS[probe.accelerator]
    properties = compute_v1.AllocationSpecificSKUAllocationReservedInstanceProperties(
        machine_type=machine.machine_type, guest_accelerators=_guests(machine, probe.accelerator)
    )
    return compute_v1.Reservation(
        name=probe.name,
        description=f"{MARK}; a capacity probe of {probe.at:%Y-%m-%dT%H:%M:%SZ}, to be deleted at once.",
        specific_reservation_required=True,  # so that nobody's machine slips into it
        specific_reservation=compute_v1.AllocationSpecificSKUReservation(
            count=1, instance_properties=properties
        ),
        delete_after_duration=compute_v1.Duration(seconds=GONE_AFTER_S[Provisioning.STANDARD]),
    )


def _instance(probe: Probe) -> compute_v1.Instance:
    machine = catalog.ACCELERATORS[probe.accelerator]
    disk = compute_v1.AttachedDisk(
        boot=True,
        auto_delete=True,
        initialize_params=compute_v1.AttachedDiskInitializeParams(source_image=IMAGE, disk_size_gb=10),
    )
    return compute_v1.Instance(
        name=probe.name,
        description="A capacity probe, to be deleted at once.",
        labels={
            OWNER_LABEL[0]: OWNER_LABEL[1],
            "purpose": "capacity-probe",
            "probed-at": str(int(probe.at.timestamp())),
        },
        machine_type=f"zones/{probe.zone}/machineTypes/{machine.machine_type}",
        guest_accelerators=_guests(
            machine, f"projects/-/zones/{probe.zone}/acceleratorTypes/{probe.accelerator}"
        ),
        disks=[disk],
        network_interfaces=[
            compute_v1.NetworkInterface(network="global/networks/default")
        ],  # no public address
        scheduling=compute_v1.Scheduling(
            provisioning_model="SPOT",
            on_host_maintenance="TERMINATE",
            automatic_restart=False,
            instance_termination_action="DELETE",
            max_run_duration=compute_v1.Duration(seconds=GONE_AFTER_S[Provisioning.SPOT]),
        ),
    )


def _guests(machine: catalog.Accelerator, name: str) -> list[compute_v1.AcceleratorConfig]:
    """An N1 machine has the GPU that is attached; in the others it is part of the machine type."""
    if not machine.machine_type.startswith("n1-"):
        return []
    return [compute_v1.AcceleratorConfig(accelerator_type=name, accelerator_count=1)]


def _raise_error(probe: Probe, found: Any) -> None:
    """An operation's error with its code, as one of ours."""
    for error in found.error.errors:
        status = found.http_error_status_code or 0
        said = f"{error.code}: {error.message}"
        raise translate(
            Failure(doing=f"probing {probe.zone}", status=status, reason=_WORDS.get(status, ""), message=said)
        )
    if found.http_error_status_code:
        raise translate(
            Failure(
                doing=f"probing {probe.zone}",
                status=found.http_error_status_code,
                message=found.http_error_message,
            )
        )
