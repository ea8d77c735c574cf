"""The GPU workload in one cluster: its Deployment, pods and events, straight from that cluster's API.

Reads only: what runs in a cluster comes from Git through Config Sync. Timeouts are short and each cluster has
its own connection, so a dead control plane costs its own caller and nobody else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lib.fleet.model import (
    ClusterObservation,
    EventObservation,
    PodObservation,
    Provisioning,
    Rollout,
    WorkloadObservation,
)
from lib.gateways.kube import Kubes, Object, optional, resource_path
from lib.settings import Settings

WORKLOAD = "stable-diffusion-webui"  # the Deployment, and the value of label app
ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
SPOT_LABEL = "cloud.google.com/gke-spot"
ZONE_LABEL = "topology.kubernetes.io/zone"
COMMIT_ANNOTATION = "configmanagement.gke.io/token"
RETURNS_ANNOTATION = "gpuatlas.dev/returns-to"  # accelerator/provisioning that a drill's region goes back to
EVENTS_KEPT = 50


class WorkloadGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kubes = Kubes(settings)

    def observe(self, cluster: ClusterObservation) -> WorkloadObservation:
        """Raises Unreachable when the control plane does not answer in time."""
        kube = self._kubes.of(cluster)
        where = f"of {cluster.name}"
        path = resource_path("apps/v1", "deployments", namespace=self._settings.namespace, name=WORKLOAD)
        deployment = optional(lambda: kube.get(path, doing=f"reading the Deployment {where}"))
        pods = kube.list(
            resource_path("v1", "pods", namespace=self._settings.namespace),
            doing=f"listing pods {where}",
            labelSelector=f"app={WORKLOAD}",
        )
        events = kube.list(
            resource_path("v1", "events", namespace=self._settings.namespace),
            doing=f"listing events {where}",
        )
        return workload_from(deployment, pods, events, cluster=cluster.name)


def workload_from(
    deployment: Object | None, pods: list[Object], events: list[Object], *, cluster: str
) -> WorkloadObservation:
    """The observation, from the three answers."""
    told = tuple(_pod(p) for p in pods)
    seen = tuple(_events(events, cluster))
    if deployment is None:
        return WorkloadObservation(accelerator="", pods=told, events=seen, exists=False)
    spec, status = deployment["spec"], deployment.get("status") or {}
    strategy = (spec.get("strategy") or {}).get("type")
    return WorkloadObservation(
        accelerator=_selector(spec["template"]["spec"]).get(ACCELERATOR_LABEL, ""),
        rollout=Rollout.HARD if strategy == "Recreate" else Rollout.SAFE,
        replicas=spec.get("replicas", 1),
        ready_replicas=status.get("readyReplicas") or 0,
        commit=(deployment["metadata"].get("annotations") or {}).get(COMMIT_ANNOTATION, ""),
        pods=told,
        events=seen,
    )


def _selector(spec: Object) -> dict[str, str]:
    return spec.get("nodeSelector") or {}


def _pod(pod: Object) -> PodObservation:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    ready, scheduled = conditions.get("Ready", {}), conditions.get("PodScheduled", {})
    reason, message = _trouble(status, scheduled)
    selector = _selector(spec)
    spot = selector.get(SPOT_LABEL) == "true"
    return PodObservation(
        name=metadata["name"],
        phase=status.get("phase", "Pending"),
        ready=ready.get("status") == "True",
        accelerator=selector.get(ACCELERATOR_LABEL, ""),
        provisioning=Provisioning.SPOT if spot else Provisioning.STANDARD,
        node=spec.get("nodeName") or "",
        zone=(metadata.get("labels") or {}).get(ZONE_LABEL, ""),
        created_at=parse_time(metadata.get("creationTimestamp")),
        scheduled_at=_since(scheduled),
        ready_at=_since(ready),
        terminating="deletionTimestamp" in metadata,
        reason=reason,
        message=message,
        restarts=sum(c.get("restartCount", 0) for c in status.get("containerStatuses") or []),
    )


def _since(condition: Object) -> datetime | None:
    return parse_time(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def _trouble(status: Object, scheduled: Object) -> tuple[str, str]:
    """Why the pod is not running, strongest first: its own status, the scheduler, a waiting container."""
    if status.get("reason"):
        return status["reason"], status.get("message", "")
    if scheduled.get("status") == "False":
        return scheduled.get("reason", ""), scheduled.get("message", "")
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting:
            return waiting.get("reason", ""), waiting.get("message", "")
    return "", ""


def _events(events: list[Object], cluster: str) -> list[EventObservation]:
    """Those of the workload's Deployment, ReplicaSets and pods, newest first, bounded."""
    ours = [e for e in events if e.get("involvedObject", {}).get("name", "").startswith(WORKLOAD)]
    return list(events_from(ours, cluster)[:EVENTS_KEPT])


def events_from(events: list[Object], cluster: str) -> tuple[EventObservation, ...]:
    """Newest first; one without any time is left out."""
    seen = [told for e in events if (told := _event(e, cluster)) is not None]
    return tuple(sorted(seen, key=lambda e: e.last_at, reverse=True))


def _event(event: Object, cluster: str) -> EventObservation | None:
    series: Any = event.get("series") or {}
    created = event["metadata"].get("creationTimestamp")
    first = parse_time(event.get("firstTimestamp") or event.get("eventTime") or created)
    last = parse_time(event.get("lastTimestamp") or series.get("lastObservedTime")) or first
    if first is None or last is None:
        return None
    return EventObservation(
        uid=event["metadata"].get("uid", event["metadata"]["name"]),
        cluster=cluster,
        kind=event["involvedObject"].get("kind", ""),
        name=event["involvedObject"]["name"],
        type=event.get("type", "Normal"),
        reason=event.get("reason", ""),
        message=event.get("message", ""),
        component=(event.get("source") or {}).get("component") or event.get("reportingComponent", ""),
        first_at=first,
        last_at=last,
        count=series.get("count") or event.get("count") or 1,
    )


def parse_time(text: str | None) -> datetime | None:
    """RFC 3339, as Kubernetes writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
