"""Compute's Advice API in the sandbox: how likely Spot machines are to be had, and what became of earlier ones.

A best-effort view of `stock`, as the real one is of Google's: near the truth, never the truth.
"""

from __future__ import annotations

import random

from lib.sandbox import catalog, stock
from lib.sandbox.compute import invalid, url
from lib.sandbox.store import Document
from lib.sandbox.verbs import rfc3339
from lib.sandbox.world import World

FAMILIES = {
    "g2": "nvidia-l4",
    "a2-highgpu": "nvidia-tesla-a100",
    "a2-megagpu": "nvidia-tesla-a100",
    "a2-ultragpu": "nvidia-a100-80gb",
    "a3-highgpu": "nvidia-h100-80gb",
    "a3-edgegpu": "nvidia-h100-80gb",
    "a3-megagpu": "nvidia-h100-mega-80gb",
    "a3-ultragpu": "nvidia-h200-141gb",
    "a4": "nvidia-b200",
    "g4": "nvidia-rtx-pro-6000",
}
DAY_S = 86_400.0


def capacity(world: World, region: str, body: Document) -> Document:
    properties = body.get("instanceProperties") or {}
    model = (properties.get("scheduling") or {}).get("provisioningModel", "")
    if model not in ("SPOT", "STANDARD", "FLEX_START"):
        raise invalid(
            "Invalid value for field 'resource.instanceProperties.scheduling.provisioningModel': "
            f"'{model}'. Must be SPOT."
        )
    machine, accelerator = _wanted(body)
    zones = [z["zone"].rsplit("/", 1)[-1] for z in (body.get("distributionPolicy") or {}).get("zones", [])]
    offered = [z for z in catalog.offering(accelerator, region) if not zones or z in zones]
    if not offered:
        return {"recommendations": []}
    provisioning = "SPOT" if model == "SPOT" else "STANDARD"
    scores = {
        z: stock.obtainability(world, zone=z, accelerator=accelerator, provisioning=provisioning)
        for z in offered
    }
    best = max(scores, key=lambda z: scores[z])
    shard = {
        "zone": url(world, f"zones/{best}"),
        "machineType": machine,
        "provisioningModel": model,
        "instanceCount": int(body.get("size") or 1),
    }
    uptime = "3600s" if scores[best] >= 0.4 else "600s"
    return {
        "recommendations": [
            {"scores": {"obtainability": scores[best], "estimatedUptime": uptime}, "shards": [shard]}
        ]
    }


def capacity_history(world: World, region: str, body: Document) -> Document:
    properties = body.get("instanceProperties") or {}
    machine = properties.get("machineType", "")
    accelerator = accelerator_of(machine, properties.get("guestAccelerators") or [])
    found = catalog.ACCELERATORS[accelerator]
    location = (body.get("locationPolicy") or {}).get("location") or f"regions/{region}"
    types = body.get("types") or ["PREEMPTION", "PRICE"]
    answer: Document = {"location": location, "machineType": machine}
    today = world.clock.timestamp() // DAY_S * DAY_S
    days = [today - DAY_S * n for n in range(7, 0, -1)]
    if "PREEMPTION" in types:
        answer["preemptionHistory"] = [
            {"interval": _interval(day), "preemptionRate": _rate(world, location, accelerator, day)}
            for day in days
        ]
    if "PRICE" in types:
        usd = found.spot_gpu_usd_per_hour * found.gpus + found.spot_host_usd_per_hour
        money = {"currencyCode": "USD", "units": str(int(usd)), "nanos": int(usd % 1 * 1e9)}
        answer["priceHistory"] = [{"interval": _interval(days[0]), "listPrice": money}]
    return answer


def _wanted(body: Document) -> tuple[str, str]:
    selections = (body.get("instanceFlexibilityPolicy") or {}).get("instanceSelections") or {}
    for selection in selections.values():
        for machine in selection.get("machineTypes") or []:
            return machine, accelerator_of(machine, selection.get("guestAccelerators") or [])
    raise invalid("Invalid value for field 'resource.instanceFlexibilityPolicy.instanceSelections': '{}'.")


def accelerator_of(machine: str, guests: list[Document]) -> str:
    for guest in guests:
        name = guest.get("acceleratorType", "").rsplit("/", 1)[-1]
        if name in catalog.ACCELERATORS:
            return name
    for family, name in FAMILIES.items():
        if machine.startswith(f"{family}-"):
            return name
    raise invalid(f"Invalid value for field 'machineType': '{machine}'. It has no GPU.")


def _interval(day: float) -> Document:
    return {"startTime": rfc3339(day), "endTime": rfc3339(day + DAY_S)}


def _rate(world: World, location: str, accelerator: str, day: float) -> float:
    return round(
        random.Random(f"{world.seed}/preemption/{location}/{accelerator}/{day}").betavariate(1.5, 8), 4
    )
