"""One region's observation as conditions, each with a reason and one sentence for the operator, and its phase.

Conditions tell facts; the phase is derived from them alone. Nothing is decided here, and what did not answer is
Unknown: it never turns into "absent" or "broken".
"""

from __future__ import annotations

from datetime import datetime

from lib.fleet import catalog, words
from lib.fleet.gpu_condition import gpu_available
from lib.fleet.look import Look, no, no_answer, unknown, yes
from lib.fleet.model import (
    BLOCKED,
    Condition,
    Phase,
)
from lib.fleet.names import cluster_name, sync_directory
from lib.fleet.patience import patience_with, stay, waited
from lib.fleet.phase import phase_of

_BROKEN_POD = {
    "ImagePullBackOff": ("ImagePullFailed", "the image can't be fetched"),
    "ErrImagePull": ("ImagePullFailed", "the image can't be fetched"),
    "CrashLoopBackOff": ("CrashLooping", "the container keeps ending"),
    "CreateContainerConfigError": ("BadConfig", "the container's configuration is wrong"),
}


def conditions_of(look: Look) -> tuple[Condition, ...]:
    """ClusterReady, Registered, Synced, GpuAvailable, WorkloadReady, InService and Progressing, in that order."""
    facts = tuple(
        tell(look) for tell in (_cluster, _registered, _synced, gpu_available, _workload_ready, _in_service)
    )
    return _dated((*facts, _progressing(look, phase_of(facts))), look)


def _cluster(look: Look) -> Condition:  # noqa: PLR0911 - a ladder of guards
    cluster, region = look.region.cluster, look.region.region
    if cluster is None and look.region.workload is not None:
        return unknown(
            "ClusterReady", "NotListed", f"{region} isn't in the list of clusters, but its cluster answers."
        )
    if cluster is None and look.blind("cluster", "clusters"):
        return unknown("ClusterReady", "Unreachable", no_answer(look, f"{region} didn't answer"))
    if cluster is None:
        return no("ClusterReady", "NotCreated", f"{region} has no cluster yet.")
    if not cluster.owned:
        return no("ClusterReady", "NotOwned", f"{cluster.name} in {region} wasn't made by this platform.")
    if cluster.status == "PROVISIONING":
        done = cluster.operation.progress if cluster.operation else None
        share = f" ({done:.0%})" if done is not None else ""
        return no("ClusterReady", "Provisioning", f"GKE is creating {cluster.name}{share}.")
    if cluster.status == "STOPPING":
        return no("ClusterReady", "Stopping", f"GKE is deleting {cluster.name}.")
    if cluster.status == "ERROR":
        why = cluster.message or "no reason given"
        return no("ClusterReady", "ClusterError", f"{cluster.name} failed: {why}")
    return yes("ClusterReady", "Running", f"{cluster.name} is {cluster.status}.")


def _registered(look: Look) -> Condition:
    member = look.region.membership
    if member is None and look.blind("membership", "memberships"):
        return unknown("Registered", "Unknown", "The fleet didn't answer.")
    if member is None:
        return no("Registered", "NotRegistered", "The cluster isn't a member of the fleet yet.")
    if member.state != "READY":
        return no("Registered", "Registering", f"The fleet membership is {member.state}.")
    return yes("Registered", "Ready", "The cluster is a member of the fleet.")


def _synced(look: Look) -> Condition:  # noqa: PLR0911 - a ladder of guards
    member = look.region.membership
    if member is None:
        return unknown("Synced", "Unknown", "Config Sync isn't set up yet.")
    if look.wanted.spare:
        return no(
            "Synced",
            "Warm",
            f"{look.region.region}'s cluster is up without a GPU; the next start there is shorter.",
        )
    if member.sync_directory != sync_directory(cluster_name(look.region.region)):
        return no("Synced", "NotConfigured", "Config Sync isn't pointed at this cluster's directory yet.")
    if member.sync_errors or member.sync_code == "ERROR":
        first = member.sync_errors[0] if member.sync_errors else None
        detail = f"{first.code} {first.message}" if first else "no detail given"
        return no("Synced", "SyncError", f"Config Sync can't apply the commit: {detail}")
    delivered = (look.fleet.delivered or {}).get(cluster_name(look.region.region))
    if member.sync_code != "SYNCED":
        said = {"NOT_INSTALLED": "is being installed", "PENDING": "is applying"}.get(
            member.sync_code, "is starting"
        )
        return no("Synced", "Pending", f"Config Sync {said}.")
    if delivered is None and look.fleet.delivered is not None:
        return no("Synced", "NothingDelivered", "Nothing is committed for this cluster yet.")
    if delivered and delivered.held_at != look.wanted.commit:
        what = f"as {look.wanted.commit[:7]} held it" if look.wanted.commit else "rendered anew"
        return no("Synced", "CommitPending", f"The commit of the workload {what} is being made.")
    if delivered and delivered.accelerator != look.wanted.accelerator:
        return no("Synced", "CommitPending", f"The commit for {look.gpu} is being made.")
    return yes("Synced", "Synced", f"Commit {member.sync_commit[:7]} is applied.")


def _workload_ready(look: Look) -> Condition:  # noqa: PLR0911 - a ladder of guards
    work, region = look.region.workload, look.region.region
    if work is None and look.blind("workload", "workloads"):
        return unknown(
            "WorkloadReady", "Unreachable", no_answer(look, f"the API of {region}'s cluster doesn't answer")
        )
    if work is None or not work.exists:
        return no("WorkloadReady", "NotDeployed", "The workload isn't in the cluster yet.")
    ready = [p for p in look.pods if p.ready]
    if ready:
        return yes(
            "WorkloadReady",
            "PodReady",
            f"{ready[0].name} is Ready with {catalog.short(ready[0].accelerator)}.",
        )
    rejected = next((e for e in work.events if e.reason == "FailedCreate"), None)
    if rejected is not None and not look.pods:
        return no("WorkloadReady", "PodRejected", f"Kubernetes refuses the pod: {rejected.message[:160]}")
    pod = look.pod
    if pod is None or not pod.node:
        return no("WorkloadReady", "NoNode", "No pod has a machine yet.")
    if pod.reason in _BROKEN_POD:
        reason, why = _BROKEN_POD[pod.reason]
        return no("WorkloadReady", reason, f"{look.region.region}: {why}. {pod.message}".strip())
    if pod.ready_at is not None:
        return no(
            "WorkloadReady", "NotAnswering", f"{pod.name} was Ready and no longer answers its health check."
        )
    return no("WorkloadReady", "Starting", f"{pod.name} is fetching its image and loading the model.")


def _in_service(look: Look) -> Condition:  # noqa: PLR0911 - a ladder of guards
    healthy = sum(b.healthy for b in look.region.backends)
    unhealthy = sum(b.unhealthy for b in look.region.backends)
    region = look.region.region
    if look.leaving:
        left = f"; {healthy} endpoint{'s' if healthy != 1 else ''} still drain" if healthy else ""
        return no("InService", "Draining", f"{region} is leaving the service{left}.")
    if look.blind("backends", "backends"):
        served = look.previous is not None and look.previous.phase is Phase.SERVING
        if served and any(p.ready for p in look.pods):
            return Condition(
                type="InService",
                status="True",
                reason="LastKnown",
                message=f"{region} served when the load balancer last answered.",
            )
        return unknown("InService", "Unknown", "The load balancer's health isn't known.")
    if healthy:
        return yes("InService", "Healthy", f"{region} serves: {healthy} HEALTHY behind the global address.")
    linked = look.fleet.attached is not None and region in look.fleet.attached
    if not linked:
        return no("InService", "NotLinked", f"{region} isn't linked to the global address yet.")
    if unhealthy:
        return no("InService", "Unhealthy", f"The load balancer's health check fails in {region}.")
    return no("InService", "Programming", f"The load balancer is being told about {region}.")


def _progressing(look: Look, raw: Phase) -> Condition:
    """False once a phase takes longer than the worst that is normal: the region counts as failed and is replaced."""
    span, patience = stay(look.previous, raw), patience_with(look.previous, raw)
    if patience and span and waited(span, look.now, look.unled) > patience:
        late, nobody = words.duration(patience.total_seconds()), span.unled + look.unled
        apart = (
            f", not counting {words.duration(nobody.total_seconds())} without a controller" if nobody else ""
        )
        return no(
            "Progressing",
            "DeadlineExceeded",
            f"{look.region.region} has been {raw.value} for more than {late}{apart}.",
        )
    if raw in BLOCKED or raw is Phase.UNREACHABLE:
        return no("Progressing", raw.value, f"{look.region.region} can't go on by itself now.")
    return yes("Progressing", raw.value, f"{look.region.region} is {raw.value}.")


def _dated(told: tuple[Condition, ...], look: Look) -> tuple[Condition, ...]:
    """As in Kubernetes, the time changes only when the status does."""
    before = {c.type: c for c in look.previous.conditions} if look.previous else {}
    return tuple(dated(c, before.get(c.type), look.now) for c in told)


def dated(condition: Condition, before: Condition | None, now: datetime) -> Condition:
    same = before is not None and before.status == condition.status and before.last_transition_at is not None
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        last_transition_at=before.last_transition_at if before is not None and same else now,
    )
