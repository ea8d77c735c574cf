"""What the sandbox's cloud has: regions, zones, and which GPU is offered in which zone.

Facts from `data/*.json`, read once. "Offered" is what acceleratorTypes lists; whether one can be had now is
`stock`, whether the project may have it is `quota`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    name: str
    place: str
    lat: float
    lon: float
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One GPU type and the machine that Autopilot takes for one pod of it."""

    name: str
    title: str
    machine_type: str
    vcpus: int
    memory_gib: int
    gpus: int  # on that machine
    max_cards: int
    autopilot: bool
    quota_metric: str  # "" when regions.get doesn't carry it
    preemptible_quota_metric: str
    gpu_family: str  # Cloud Quotas dimension of the newer types
    gpu_usd_per_hour: float
    spot_gpu_usd_per_hour: float
    host_usd_per_hour: float
    spot_host_usd_per_hour: float
    zones: tuple[str, ...]


def _read(name: str) -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = json.loads((_DATA / name).read_text(encoding="utf-8"))
    return {key: {**values, "name": key, "zones": tuple(values["zones"])} for key, values in facts.items()}


REGIONS = MappingProxyType({name: Region(**facts) for name, facts in _read("regions.json").items()})
ACCELERATORS = MappingProxyType(
    {name: Accelerator(**facts) for name, facts in _read("accelerators.json").items()}
)
_REGION_OF = {zone: region.name for region in REGIONS.values() for zone in region.zones}
_ALL_ZONES = tuple(sorted(_REGION_OF))
_OFFERED = {(a.name, zone) for a in ACCELERATORS.values() for zone in a.zones}


def zones(region: str) -> tuple[str, ...]:
    """Empty for a region that doesn't exist."""
    found = REGIONS.get(region)
    return found.zones if found else ()


def region_of(zone: str) -> str:
    """KeyError for a zone that doesn't exist. Never by splitting the name: "us-central1-ai1a" is a zone."""
    return _REGION_OF[zone]


def offering(accelerator: str, region: str) -> tuple[str, ...]:
    """Zones of the region in which the type is listed; empty when it is not offered there."""
    return tuple(zone for zone in zones(region) if (accelerator, zone) in _OFFERED)


def all_zones() -> tuple[str, ...]:
    return _ALL_ZONES
