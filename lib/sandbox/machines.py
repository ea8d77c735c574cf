"""GPU machines that are asked of Compute Engine directly: which GPU a machine type has, and whether one can be had.

Stock and quota decide when the operation ends, not when the call comes in, as in the real one; the words are Google's.
What is reserved or run is kept by `reservations` and `instances`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lib.sandbox import advice, catalog, compute, quota, stock
from lib.sandbox.compute import invalid, not_found
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.world import World

NAME = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
_COUNTS = {"g2-standard-24": 2, "g2-standard-48": 4, "g2-standard-96": 8}
_DETAILS = (
    "A {machine} VM instance with {count} {accelerator} accelerator(s) is currently unavailable in the {zone} zone. "
    "Consider trying your request in the {others} zone(s), which currently has capacity to accommodate your request. "
    "Alternatively, you can try your request again with a different VM hardware configuration or at a later time. "
    "For more information, see the troubleshooting documentation."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    zone: str
    machine_type: str
    accelerator: str
    gpus: int  # of one machine
    provisioning: str  # STANDARD or SPOT
    count: int = 1  # machines

    @property
    def region(self) -> str:
        return catalog.region_of(self.zone)

    def document(self) -> Document:
        """What quota reads of a machine that stands."""
        return {
            "region": self.region,
            "accelerator": self.accelerator,
            "spot": self.provisioning == "SPOT",
            "gpus": self.gpus * self.count,
            "machines": self.count,
        }


def wish(  # noqa: PLR0913 - what a machine is told by
    world: World, zone: str, properties: Document, *, field: str, spot: bool = False, count: int = 1
) -> Wish:
    """From a resource's machineType and guestAccelerators. Raises ApiError with the field."""
    compute.zone(world, zone)
    machine = str(properties.get("machineType") or "").rpartition("/")[2]
    if not machine:
        raise invalid(
            f"Invalid value for field '{field}.machineType': ''. The resource is missing machineType."
        )
    guests: list[Document] = properties.get("guestAccelerators") or []
    for guest in guests:
        name = str(guest.get("acceleratorType", "")).rpartition("/")[2]
        if not offers(name, zone):
            raise not_found(world, f"zones/{zone}/acceleratorTypes/{name}")
    accelerator = _accelerator(machine, guests, field)
    if not offers(accelerator, zone):
        raise invalid(
            f"Invalid value for field '{field}.machineType': '{machine}'. Machine type with name '{machine}' does not "
            f"exist in zone '{zone}'."
        )
    return Wish(
        zone=zone,
        machine_type=machine,
        accelerator=accelerator,
        gpus=_gpus(machine, guests),
        provisioning="SPOT" if spot else "STANDARD",
        count=count,
    )


def offers(accelerator: str, zone: str) -> bool:
    return accelerator in catalog.ACCELERATORS and zone in catalog.ACCELERATORS[accelerator].zones


def _accelerator(machine: str, guests: list[Document], field: str) -> str:
    try:
        return advice.accelerator_of(machine, guests)
    except ApiError as e:
        raise invalid(
            f"Invalid value for field '{field}.machineType': '{machine}'. Only machines with a GPU are had here."
        ) from e


def _gpus(machine: str, guests: list[Document]) -> int:
    if guests:
        return max(1, int(guests[0].get("acceleratorCount") or 1))
    numbered = re.search(r"-(\d+)g(?:-|$)", machine)
    return int(numbered[1]) if numbered else _COUNTS.get(machine, 1)


def checked_name(world: World, wanted: Document, taken: Any, path: str) -> str:
    """The name of a new resource; `taken`: whether there is one already, by name."""
    name = wanted.get("name") or ""
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise invalid(f"Invalid value for field 'resource.name': '{name}'. Must be a match of regex '{NAME}'")
    if taken(name):
        full = f"projects/{world.project}/{path}/{name}"
        raise ApiError("ALREADY_EXISTS", f"The resource '{full}' already exists", reason="alreadyExists")
    return name


def refusal(world: World, wanted: Wish) -> Document | None:
    """How the operation ends that asks for it now: fields of a failed operation, None when it can be had."""
    return _quota(world, wanted) or _stock(world, wanted)


def _quota(world: World, wanted: Wish) -> Document | None:
    known = catalog.ACCELERATORS[wanted.accelerator]
    if quota.fits(
        world,
        wanted.count,
        region=wanted.region,
        accelerator=wanted.accelerator,
        provisioning=wanted.provisioning,
    ):
        return None
    spot = wanted.provisioning == "SPOT"
    metric = known.preemptible_quota_metric if spot else known.quota_metric
    limit = quota.limit(world, wanted.region, metric) if metric else 0.0
    if metric and limit >= known.gpus and not quota.full(world, wanted.region, metric):
        metric, limit, where = "GPUS_ALL_REGIONS", quota.global_limit(world), "globally"
    elif metric:
        where = f"in region {wanted.region}"
    else:
        metric, limit = "GPUS_PER_GPU_FAMILY", float(quota.FAMILY_LIMIT)
        where = f"in region {wanted.region}"
    return _failed("QUOTA_EXCEEDED", f"Quota '{metric}' exceeded.  Limit: {limit} {where}.", 403, "FORBIDDEN")


def _stock(world: World, wanted: Wish) -> Document | None:
    kind = {"accelerator": wanted.accelerator, "provisioning": wanted.provisioning}
    if stock.room(world, zone=wanted.zone, **kind):
        return None
    others = [
        z
        for z in catalog.offering(wanted.accelerator, wanted.region)
        if z != wanted.zone and stock.room(world, zone=z, **kind)
    ]
    if others:
        text = _DETAILS.format(
            machine=wanted.machine_type,
            count=wanted.gpus,
            accelerator=wanted.accelerator,
            zone=wanted.zone,
            others=", ".join(others),
        )
        return _failed("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", text, 503, "SERVICE UNAVAILABLE")
    text = (
        f"The zone 'projects/{world.project}/zones/{wanted.zone}' does not have enough resources available to fulfill "
        "the request.  Try a different zone, or try again later."
    )
    return _failed("ZONE_RESOURCE_POOL_EXHAUSTED", text, 503, "SERVICE UNAVAILABLE")


def _failed(code: str, message: str, status: int, words: str) -> Document:
    return {
        "error": {"errors": [{"code": code, "message": message}]},
        "httpErrorStatusCode": status,
        "httpErrorMessage": words,
    }
