"""The phase of a region from its conditions alone: the one place that knows which comes first."""

from __future__ import annotations

from collections.abc import Iterable

from lib.fleet.model import Condition, Phase

BLOCKED_REASONS: dict[str, Phase] = {
    "StockedOut": Phase.STOCKED_OUT,
    "QuotaExceeded": Phase.QUOTA_EXCEEDED,
    "NotOffered": Phase.NOT_OFFERED,
    "TimedOut": Phase.FAILED,
}
BROKEN_REASONS = frozenset({"SyncError", "PodRejected", "ImagePullFailed", "CrashLooping", "BadConfig"})


def phase_of(conditions: Iterable[Condition]) -> Phase:
    """The first thing that stands between the region and serving."""
    by_type = {c.type: c for c in conditions}
    cluster = by_type["ClusterReady"]
    in_service = by_type["InService"]
    if cluster.reason == "Stopping" or in_service.reason == "Draining":
        return Phase.DRAINING
    if cluster.status == "False":
        return {"NotCreated": Phase.WANTED, "Provisioning": Phase.PROVISIONING}.get(
            cluster.reason, Phase.FAILED
        )
    if "Unreachable" in (cluster.reason, by_type["WorkloadReady"].reason):
        return Phase.UNREACHABLE
    if in_service.status == "True":
        return Phase.SERVING
    return _on_the_way(by_type)


def _on_the_way(by_type: dict[str, Condition]) -> Phase:
    gpu, workload, synced = by_type["GpuAvailable"], by_type["WorkloadReady"], by_type["Synced"]
    progressing = by_type.get("Progressing")
    if gpu.status == "False" and workload.status != "True" and gpu.reason in BLOCKED_REASONS:
        return BLOCKED_REASONS[gpu.reason]
    if {synced.reason, workload.reason} & BROKEN_REASONS and workload.status != "True":
        return Phase.FAILED
    if progressing is not None and progressing.status == "False":
        return Phase.FAILED
    steps = (
        (by_type["Registered"].status == "False", Phase.REGISTERING),
        (synced.reason == "Warm", Phase.WARM),
        (workload.status == "True", Phase.ATTACHING),
        (gpu.reason == "NoPodYet", Phase.SYNCING),
        (gpu.status != "True", Phase.WAITING_FOR_GPU),
    )
    return next((phase for there, phase in steps if there), Phase.STARTING)
