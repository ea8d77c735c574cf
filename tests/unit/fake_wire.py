"""A fleet in memory behind the gateways' names, for the controller's own steps. What is on the wire the contract
tests look at; here only order, repeats and failures count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from lib.controller.wire import Wire
from lib.fleet.evidence import SpotAdvice
from lib.fleet.model import (
    ClusterObservation,
    MembershipObservation,
    OperationObservation,
    Placement,
    PlacementSpec,
    PlacementStatus,
)
from lib.gateways.errors import AlreadyExists, NotFound, Unreachable
from lib.gateways.hub import FeatureState
from lib.gateways.journal import Journal
from lib.gateways.listing import Listing
from lib.settings import Settings

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SPEC = PlacementSpec(accelerators=("nvidia-l4",), serving=1)


def placement(spec: PlacementSpec = SPEC, *, generation: int = 1) -> Placement:
    return Placement(
        name="stable-diffusion",
        namespace="default",
        generation=generation,
        resource_version="1",
        spec=spec,
        status=PlacementStatus(),
    )


@dataclass
class FakeCloud:
    """One object that answers for every gateway; `calls` is what was changed, in order."""

    settings: Settings
    clusters: dict[tuple[str, str], ClusterObservation] = field(default_factory=dict)
    memberships: tuple[MembershipObservation, ...] = ()
    dark: frozenset[str] = frozenset()
    ingress: FeatureState = field(default_factory=lambda: FeatureState(enabled=False))
    links: set[str] | None = None
    applied: list[str] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    held: Placement | None = None
    calls: list[str] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    failures: dict[str, Exception] = field(default_factory=dict)  # by the start of the call's name
    kinds: set[str] = field(default_factory=lambda: {"CustomResourceDefinition"})
    config_up: bool = True
    past_files: dict[str, str] = field(default_factory=dict)  # of every commit
    committed: dict[str, str] = field(default_factory=dict)  # last

    def wire(self, journal: Journal) -> Wire:
        everything: Any = self
        return Wire(
            gke=everything,
            hub=everything,
            compute=everything,
            advice=everything,
            workload=everything,
            placement=_FakePlacements(self),  # type: ignore[arg-type]
            ingress=everything,
            config_cluster=everything,
            delivery=everything,
            lease=everything,
            journal=journal,
        )

    def _called(self, call: str) -> None:
        for start, error in self.failures.items():
            if call.startswith(start):
                raise error
        self.calls.append(call)

    # gke
    def list_clusters(self) -> Listing[ClusterObservation]:
        return Listing(tuple(self.clusters.values()), self.dark)

    def create_cluster(self, region: str, name: str, *, labels: dict[str, str]) -> OperationObservation:
        self._called(f"create {region}/{name}")
        if (region, name) in self.clusters:
            raise AlreadyExists(f"{name} exists.")
        self.clusters[region, name] = ClusterObservation(
            name=name, region=region, status="PROVISIONING", owned=True
        )
        return OperationObservation(
            name="operation-1", kind="CREATE_CLUSTER", status="RUNNING", target=name, region=region
        )

    def delete_cluster(self, region: str, name: str) -> OperationObservation:
        self._called(f"delete {region}/{name}")
        if (region, name) not in self.clusters:
            raise NotFound(f"{name} is gone.")
        return OperationObservation(
            name="operation-2", kind="DELETE_CLUSTER", status="RUNNING", target=name, region=region
        )

    def becomes(self, region: str, name: str, status: str) -> None:
        self.clusters[region, name] = replace(
            self.clusters[region, name], status=status, endpoint="127.0.0.1:1"
        )

    # hub
    def list_memberships(self) -> Listing[MembershipObservation]:
        return Listing(self.memberships)

    def enable_config_management(self, **_: Any) -> FeatureState:
        return FeatureState(enabled=True)

    def enable_ingress(self, config_membership: str, **_: Any) -> FeatureState:
        self._called(f"ingress {config_membership}")
        return self.ingress

    def configure_sync(self, membership: str, directory: str) -> None:
        self._called(f"sync {directory}")

    def remove_sync(self, membership: str) -> None:
        self._called("unsync")

    # compute, ingress, config cluster, delivery
    def advise(self, region: str, accelerator: str, *, history: bool = False) -> SpotAdvice:
        raise NotFound("There is no advice.")

    def ensure_address(self, name: str, **_: Any) -> str:
        return "34.1.2.3"

    def attached(self) -> frozenset[str]:
        if self.links is None:
            raise NotFound("no MultiClusterService.")
        return frozenset(self.links)

    def attach(self, region: str, cluster: str) -> None:
        self._called(f"attach {region}")

    def detach(self, region: str) -> None:
        self._called(f"detach {region}")

    def apply(self, manifests: list[dict[str, Any]]) -> tuple[str, ...]:
        for manifest in manifests:
            self.documents.append(manifest)
            self._called(f"apply {manifest['kind']}")
        return ()

    def commit(self, cluster: str, files: dict[str, str] | None, **how: Any) -> str:
        self._called(f"commit {cluster}" if files else f"remove {cluster}")
        self.committed = files or {}
        return "0123456"

    def past(self, commit: str, cluster: str) -> dict[str, str]:
        return self.past_files


class _FakePlacements:
    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud

    def get(self) -> Placement:
        if not self._cloud.config_up:
            raise Unreachable("The config cluster does not answer.")
        if self._cloud.held is None:
            raise NotFound("There is no placement.")
        return self._cloud.held

    def create_default(self, spec: PlacementSpec) -> Placement:
        self._cloud._called("sample")
        self._cloud.held = placement(spec)
        return self._cloud.held

    def has_done(self, operation_id: str) -> bool:
        return operation_id in self._cloud.operations

    def change(
        self, edit: Callable[[PlacementSpec], PlacementSpec], operation_id: str = "", **_: Any
    ) -> Placement:
        self._cloud._called("change")
        self._cloud.operations.add(operation_id)
        held = cast(Placement, self._cloud.held)
        self._cloud.held = replace(held, spec=edit(held.spec), generation=held.generation + 1)
        return self._cloud.held
