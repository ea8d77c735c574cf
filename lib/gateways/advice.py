"""Compute's Advice API in our types: how likely Spot machines are to be had, how long they last, what became of earlier
ones, and their list price.

Speaks of Spot only; for on-demand it is a hint. One region and one GPU a call: who asks bounds how many. Does not
retry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from google.cloud import compute_v1

from lib.fleet import catalog
from lib.fleet.evidence import SpotAdvice
from lib.gateways import connect
from lib.gateways.errors import Refused
from lib.settings import Settings

SPOT = "SPOT"


class AdviceGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project = settings.project

    def advise(
        self, region: str, accelerator: str, *, history: bool = False, timeout_s: float = connect.DEADLINE_S
    ) -> SpotAdvice:
        """What is told now; with `history` by a second call, what became of the Spot machines of the last days."""
        machine = _machine(accelerator)
        with connect.google_errors(f"asking for Spot advice on {catalog.short(accelerator)} in {region}"):
            told = self._client.capacity(
                project=self._project,
                region=region,
                capacity_advice_request_resource=_capacity_request(machine),
                retry=None,
                timeout=timeout_s,
            )
        found = _advice(region, accelerator, told.recommendations, self._settings.now())
        return self.with_history(found, timeout_s=timeout_s) if history else found

    def with_history(self, advice: SpotAdvice, *, timeout_s: float = connect.DEADLINE_S) -> SpotAdvice:
        machine = _machine(advice.accelerator)
        gpu = catalog.short(advice.accelerator)
        with connect.google_errors(f"reading the Spot history of {gpu} in {advice.region}"):
            told = self._client.capacity_history(
                project=self._project,
                region=advice.region,
                capacity_history_request_resource=_history_request(machine),
                retry=None,
                timeout=timeout_s,
            )
        rates = [h.preemption_rate for h in told.preemption_history]
        return replace(
            advice,
            preemption_rate=sum(rates) / len(rates) if rates else None,
            preemption_days=len(rates),
            usd_per_hour=_newest_price(told.price_history),
            history_at=self._settings.now(),
        )

    @cached_property
    def _client(self) -> compute_v1.AdviceClient:
        address = connect.endpoints(self._settings).compute
        return connect.rest_client(self._settings, compute_v1.AdviceClient, address)


def _machine(accelerator: str) -> catalog.Accelerator:
    found = catalog.ACCELERATORS.get(accelerator)
    if found is None:
        raise Refused(f"{accelerator} isn't in the catalogue, so no machine can be named to ask advice for.")
    return found


def _capacity_request(machine: catalog.Accelerator) -> compute_v1.CapacityAdviceRequest:
    selection = compute_v1.CapacityAdviceRequestInstanceFlexibilityPolicyInstanceSelection(
        machine_types=[machine.machine_type], guest_accelerators=_guests(machine)
    )
    properties = compute_v1.CapacityAdviceRequestInstanceProperties(
        scheduling=compute_v1.CapacityAdviceRequestInstancePropertiesScheduling(provisioning_model=SPOT)
    )
    return compute_v1.CapacityAdviceRequest(
        size=1,
        distribution_policy=compute_v1.CapacityAdviceRequestDistributionPolicy(
            target_shape="ANY_SINGLE_ZONE"
        ),
        instance_properties=properties,
        instance_flexibility_policy=compute_v1.CapacityAdviceRequestInstanceFlexibilityPolicy(
            instance_selections={"gpu": selection}
        ),
    )


def _history_request(machine: catalog.Accelerator) -> compute_v1.CapacityHistoryRequest:
    scheduling = compute_v1.CapacityHistoryRequestInstancePropertiesScheduling(provisioning_model=SPOT)
    properties = compute_v1.CapacityHistoryRequestInstanceProperties(
        machine_type=machine.machine_type, guest_accelerators=_guests(machine), scheduling=scheduling
    )
    return compute_v1.CapacityHistoryRequest(instance_properties=properties, types=["PREEMPTION", "PRICE"])


def _guests(machine: catalog.Accelerator) -> list[compute_v1.AcceleratorConfig]:
    """An N1 machine has the GPU that is attached; in the others it is part of the machine type."""
    if not machine.machine_type.startswith("n1-"):
        return []
    return [compute_v1.AcceleratorConfig(accelerator_type=machine.name, accelerator_count=1)]


def _advice(region: str, accelerator: str, recommendations: Sequence[Any], now: Any) -> SpotAdvice:
    """No recommendation is an answer, too: nothing is told."""
    if not recommendations:
        return SpotAdvice(region=region, accelerator=accelerator, at=now)
    first = recommendations[0]
    return SpotAdvice(
        region=region,
        accelerator=accelerator,
        at=now,
        obtainability=first.scores.obtainability,
        uptime_s=_seconds(first.scores.estimated_uptime),
        zone=next((s.zone.rpartition("/")[2] for s in first.shards), ""),
    )


def _seconds(text: str) -> float | None:
    """ "3600s"."""
    number = text.removesuffix("s")
    return float(number) if number.replace(".", "", 1).isdigit() else None


def _newest_price(history: Sequence[Any]) -> float | None:
    newest = max(history, key=lambda h: h.interval.start_time, default=None)
    if newest is None or newest.list_price.currency_code not in {"", "USD"}:
        return None
    return float(newest.list_price.units) + newest.list_price.nanos / 1e9
