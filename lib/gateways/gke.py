"""Clusters: the Container API in our types. Starts operations and never waits for them.

Not idempotent by hiding: a repeated create raises AlreadyExists, a repeated delete NotFound, and who acts
decides what that means. A cluster without this platform's ownership label is never deleted, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lib.fleet.model import ClusterObservation, OperationObservation
from lib.gateways import connect
from lib.gateways.errors import AtlasError, Refused
from lib.gateways.listing import Listing
from lib.settings import Settings

if TYPE_CHECKING:
    from google.cloud.container_v1 import ClusterManagerClient

OWNER_LABEL = ("managed-by", "gpu-atlas")
CREATE_S = 20.0  # starting an operation may take longer than reading


class GkeGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parent = f"projects/{settings.project}/locations"
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="operations")

    @cached_property
    def _client(self) -> ClusterManagerClient:
        from google.cloud.container_v1 import ClusterManagerClient

        address = connect.endpoints(self._settings).container
        return connect.grpc_client(self._settings, ClusterManagerClient, address)

    def list_clusters(self) -> Listing[ClusterObservation]:
        """All clusters of the project, ours and others', each with its newest unfinished or failed operation
        as far as operations can be read. Both lists are read at the same time."""
        operations_later = self._beside.submit(self.list_operations)
        with connect.google_errors("listing clusters"):
            answer = self._client.list_clusters(
                parent=f"{self._parent}/-", retry=None, timeout=connect.DEADLINE_S
            )
        try:
            operations = newest(operations_later.result())
        except AtlasError:
            operations = {}  # None is "not observed"; the clusters themselves are known
        clusters = tuple(_cluster(c, operations.get((c.location, c.name))) for c in answer.clusters)
        return Listing(clusters, frozenset(answer.missing_zones))

    def list_operations(self) -> Listing[OperationObservation]:
        with connect.google_errors("listing cluster operations"):
            answer = self._client.list_operations(
                parent=f"{self._parent}/-", retry=None, timeout=connect.DEADLINE_S
            )
        return Listing(tuple(_operation(o) for o in answer.operations), frozenset(answer.missing_zones))

    def create_cluster(
        self, region: str, name: str, *, labels: Mapping[str, str] | None = None
    ) -> OperationObservation:
        """An Autopilot cluster, registered to the project's fleet. Raises AlreadyExists, QuotaError, ..."""
        from google.cloud import container_v1

        cluster = container_v1.Cluster(
            name=name,
            autopilot=container_v1.Autopilot(enabled=True),
            release_channel=container_v1.ReleaseChannel(channel=container_v1.ReleaseChannel.Channel.REGULAR),
            fleet=container_v1.Fleet(project=self._settings.project),
            resource_labels={OWNER_LABEL[0]: OWNER_LABEL[1], **(labels or {})},
        )
        with connect.google_errors(f"creating the cluster {name} in {region}"):
            return _operation(
                self._client.create_cluster(
                    parent=f"{self._parent}/{region}", cluster=cluster, retry=None, timeout=CREATE_S
                )
            )

    def delete_cluster(self, region: str, name: str) -> OperationObservation:
        """Raises NotFound when it is gone, Refused when it is not ours (the label is read right before)."""
        full = f"{self._parent}/{region}/clusters/{name}"
        with connect.google_errors(f"deleting the cluster {name} in {region}"):
            held = self._client.get_cluster(name=full, retry=None, timeout=connect.DEADLINE_S)
            if not _owned(held):
                raise Refused(f"{name} in {region} was not made by this platform and is left alone.")
            return _operation(self._client.delete_cluster(name=full, retry=None, timeout=CREATE_S))


def _cluster(found: Any, operation: OperationObservation | None) -> ClusterObservation:
    said = [condition.message for condition in found.conditions if condition.message]
    return ClusterObservation(
        name=found.name,
        region=found.location,
        status=found.status.name,
        owned=_owned(found),
        message=found.status_message or (said[0] if said else ""),
        version=found.current_master_version,
        created_at=_time(found.create_time),
        endpoint=found.endpoint,
        ca_certificate=found.master_auth.cluster_ca_certificate,
        labels=dict(found.resource_labels),
        operation=operation,
    )


def _owned(found: Any) -> bool:
    return found.resource_labels.get(OWNER_LABEL[0]) == OWNER_LABEL[1]


def _operation(found: Any) -> OperationObservation:
    kind = found.operation_type.name
    # A node pool's target_link goes on behind the cluster.
    target = found.target_link.partition("/clusters/")[2].partition("/")[0]
    return OperationObservation(
        name=found.name,
        kind=kind,
        status=found.status.name,
        target=target,
        region=found.location or found.zone,
        started_at=_time(found.start_time),
        ended_at=_time(found.end_time),
        progress=_progress(found),
        error=found.error.message or (found.status_message if found.status.name == "ABORTING" else ""),
    )


def _progress(found: Any) -> float | None:
    return share_done(found.status.name, {m.name: m.int_value for m in found.progress.metrics})


def share_done(status: str, metrics: Mapping[str, int]) -> float | None:
    """Sum of done over sum of totals; a create can end DONE below its totals (reference 1.5)."""
    if status == "DONE":
        return 1.0
    total = sum(value for name, value in metrics.items() if name.endswith("_TOTAL"))
    done = sum(value for name, value in metrics.items() if not name.endswith("_TOTAL"))
    return min(1.0, done / total) if total else None


def newest(operations: Iterable[OperationObservation]) -> dict[tuple[str, str], OperationObservation]:
    """By (region, cluster), of the operations that still run or that failed."""
    telling = [o for o in operations if o.status != "DONE" or o.error]
    telling.sort(key=lambda o: o.started_at.timestamp() if o.started_at else 0.0)
    return {(o.region, o.target): o for o in telling}


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
