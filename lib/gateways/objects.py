"""What a person looks at in one cluster: nodes, pods as `kubectl get` prints them, events, a log's end, an object's YAML.

Reads only, and only of kinds in KINDS: no Secret is ever read. Every call has the short deadlines of `kube` and each
cluster its own connection. The controller's view of the workload is `workload`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from lib.fleet.model import ClusterObservation, EventObservation
from lib.fleet.roster import Inside, NodeSeen, PodSeen
from lib.gateways.errors import NotFound
from lib.gateways.kube import Kubes, Object, Row, resource_path
from lib.gateways.workload import ACCELERATOR_LABEL, SPOT_LABEL, ZONE_LABEL, events_from, parse_time
from lib.settings import Settings

LOG_BYTES = 200_000  # of a log's end, whatever the number of lines
SYNC_NAMESPACE = "config-management-system"
GPU_RESOURCE = "nvidia.com/gpu"
MACHINE_LABEL = "node.kubernetes.io/instance-type"


@dataclass(frozen=True, slots=True)
class Kind:
    version: str
    plural: str
    namespace: str | None = ""  # "": the platform's; None: the kind has none


KINDS = {
    "Deployment": Kind("apps/v1", "deployments"),
    "ReplicaSet": Kind("apps/v1", "replicasets"),
    "Pod": Kind("v1", "pods"),
    "Service": Kind("v1", "services"),
    "ConfigMap": Kind("v1", "configmaps"),
    "Node": Kind("v1", "nodes", None),
    "RootSync": Kind("configsync.gke.io/v1beta1", "rootsyncs", SYNC_NAMESPACE),
    "GpuPlacement": Kind("gpuatlas.dev/v1alpha1", "gpuplacements"),
    "GpuRegion": Kind("gpuatlas.dev/v1alpha1", "gpuregions"),
    "MultiClusterIngress": Kind("networking.gke.io/v1", "multiclusteringresses"),
    "MultiClusterService": Kind("networking.gke.io/v1", "multiclusterservices"),
    "BackendConfig": Kind("cloud.google.com/v1", "backendconfigs"),
    "Lease": Kind("coordination.k8s.io/v1", "leases"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTail:
    text: str
    cut: bool = False  # there was more than LOG_BYTES in the lines that were asked for


class ObjectsGateway:
    def __init__(self, settings: Settings) -> None:
        self._namespace = settings.namespace
        self._kubes = Kubes(settings)

    def inside(self, cluster: ClusterObservation) -> Inside:
        """Raises Unreachable when the control plane does not answer in time."""
        kube = self._kubes.of(cluster)
        nodes = kube.list(resource_path("v1", "nodes"), doing=f"listing the nodes of {cluster.name}")
        pods = kube.table(
            resource_path("v1", "pods", namespace=self._namespace),
            doing=f"listing the pods of {cluster.name}",
            includeObject="Object",
        )
        return Inside(
            nodes=tuple(sorted(map(_node, nodes), key=lambda one: (not one.gpus, one.name))),
            pods=tuple(_pod(row) for row in pods),
        )

    def events(self, cluster: ClusterObservation) -> tuple[EventObservation, ...]:
        """Of the platform's namespace, where events of nodes are, too; newest first, all that the cluster keeps."""
        path = resource_path("v1", "events", namespace=self._namespace)
        found = self._kubes.of(cluster).list(path, doing=f"listing the events of {cluster.name}")
        return events_from(found, cluster.name)

    def log(
        self, cluster: ClusterObservation, pod: str, container: str, *, lines: int, previous: bool = False
    ) -> LogTail:
        """The last lines of a container's log, or of the container before it, which ended."""
        path = resource_path("v1", "pods", namespace=self._namespace, name=pod, subresource="log")
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(LOG_BYTES)}
        if previous:
            query["previous"] = "true"
        text = self._kubes.of(cluster).text(path, doing=f"reading the log of {pod}", query=query)
        return LogTail(text=text, cut=len(text.encode()) >= LOG_BYTES)

    def names(self, cluster: ClusterObservation, kind: str) -> tuple[str, ...]:
        """None of a kind that the cluster does not know."""
        kube, doing = self._kubes.of(cluster), f"listing the {KINDS[kind].plural} of {cluster.name}"
        try:
            rows = kube.table(self._path(kind), doing=doing, includeObject="None")
        except NotFound:
            return ()
        return tuple(str(cells["Name"]) for cells, _ in rows)

    def manifest(self, cluster: ClusterObservation, kind: str, name: str) -> str:
        """One object as `kubectl get -o yaml` shows it, without the bookkeeping of who set which field."""
        found = self._kubes.of(cluster).call(
            "GET", self._path(kind, name), doing=f"reading {kind} {name} of {cluster.name}"
        )
        (found.get("metadata") or {}).pop("managedFields", None)
        return yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=110)

    def _path(self, kind: str, name: str = "") -> str:
        known = KINDS[kind]
        namespace = None if known.namespace is None else known.namespace or self._namespace
        return resource_path(known.version, known.plural, namespace=namespace, name=name)


def _node(found: Object) -> NodeSeen:
    metadata, status = found["metadata"], found.get("status") or {}
    labels: Object = metadata.get("labels") or {}
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or []}
    gpus = str((status.get("capacity") or {}).get(GPU_RESOURCE, "0"))
    return NodeSeen(
        name=metadata["name"],
        ready=conditions.get("Ready") == "True",
        zone=labels.get(ZONE_LABEL, ""),
        machine=labels.get(MACHINE_LABEL, ""),
        accelerator=labels.get(ACCELERATOR_LABEL, ""),
        gpus=int(gpus) if gpus.isdigit() else 0,
        spot=labels.get(SPOT_LABEL) == "true",
        version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        created_at=parse_time(metadata.get("creationTimestamp")),
    )


def _pod(row: Row) -> PodSeen:
    cells, pod = row
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    return PodSeen(
        name=metadata["name"],
        phase=status.get("phase", "Unknown"),
        status=str(cells.get("Status") or status.get("phase", "Unknown")),
        ready=str(cells.get("Ready") or ""),
        restarts=sum(c.get("restartCount", 0) for c in status.get("containerStatuses") or []),
        node=spec.get("nodeName") or "",
        containers=tuple(c["name"] for c in (*(spec.get("initContainers") or []), *spec["containers"])),
        created_at=parse_time(metadata.get("creationTimestamp")),
        message=_message(status),
    )


def _message(status: Object) -> str:
    """The first sentence that says why it does not run."""
    told: list[Any] = [status.get("message")]
    told += [c.get("message") for c in status.get("conditions") or [] if c.get("status") == "False"]
    for container in status.get("containerStatuses") or []:
        told.append(((container.get("state") or {}).get("waiting") or {}).get("message"))
    return next((str(one) for one in told if one), "")
