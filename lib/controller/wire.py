"""The gateways that the loop uses, in one value, so that a cycle says in its signature what it may touch."""

from __future__ import annotations

from dataclasses import dataclass

from lib.gateways.advice import AdviceGateway
from lib.gateways.compute import ComputeGateway
from lib.gateways.config_cluster import ConfigClusterGateway
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.gke import GkeGateway
from lib.gateways.hub import HubGateway
from lib.gateways.ingress import IngressGateway
from lib.gateways.journal import Journal
from lib.gateways.lease import Lease
from lib.gateways.placement import PlacementGateway
from lib.gateways.workload import WorkloadGateway
from lib.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    gke: GkeGateway
    hub: HubGateway
    compute: ComputeGateway
    advice: AdviceGateway
    workload: WorkloadGateway
    placement: PlacementGateway
    ingress: IngressGateway
    config_cluster: ConfigClusterGateway
    delivery: DeliveryGateway
    lease: Lease
    journal: Journal


def connect(settings: Settings) -> Wire:
    """Opens nothing yet: each gateway connects at its first call."""
    return Wire(
        gke=GkeGateway(settings),
        hub=HubGateway(settings),
        compute=ComputeGateway(settings),
        advice=AdviceGateway(settings),
        workload=WorkloadGateway(settings),
        placement=PlacementGateway(settings),
        ingress=IngressGateway(settings),
        config_cluster=ConfigClusterGateway(settings),
        delivery=DeliveryGateway(settings),
        lease=Lease(settings),
        journal=Journal(settings.journal_url),
    )
