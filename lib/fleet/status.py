"""What is told of the placement: each region's phase, reasons and expected time, and three conditions of the whole.

Derived from the same survey as the plan, so that the screen never contradicts what is done. Sentences say the cause
and what happens next. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from lib.fleet import words
from lib.fleet.conditions import conditions_of, dated
from lib.fleet.durations import DEFAULT_DURATIONS, remaining_s
from lib.fleet.eta import times
from lib.fleet.model import (
    BLOCKED,
    Condition,
    CreateCluster,
    Decision,
    Durations,
    FleetObservation,
    Phase,
    PhaseSpan,
    Placement,
    PlacementStatus,
    Plan,
    PodObservation,
    RegionStatus,
)
from lib.fleet.names import cluster_name
from lib.fleet.phase import phase_of
from lib.fleet.plan import leaving
from lib.fleet.survey import RegionSurvey, Survey
from lib.fleet.surveyor import survey

__all__ = ["DEFAULT_DURATIONS", "phase_of", "region_status", "summarize"]

HISTORY = 20
DECISIONS = 10
_TELLS: dict[Phase, str] = {  # which condition's sentence explains a phase
    Phase.WANTED: "ClusterReady",
    Phase.PROVISIONING: "ClusterReady",
    Phase.REGISTERING: "Registered",
    Phase.SYNCING: "Synced",
    Phase.WAITING_FOR_GPU: "GpuAvailable",
    Phase.STARTING: "WorkloadReady",
    Phase.ATTACHING: "InService",
    Phase.SERVING: "InService",
    Phase.STOCKED_OUT: "GpuAvailable",
    Phase.QUOTA_EXCEEDED: "GpuAvailable",
    Phase.NOT_OFFERED: "GpuAvailable",
    Phase.DRAINING: "InService",
    Phase.WARM: "Synced",
}


def summarize(
    placement: Placement,
    seen: FleetObservation,
    plan: Plan,
    *,
    now: datetime,
    durations: Durations | None = None,
) -> PlacementStatus:
    """The status to publish after this look. Without the placement's own facts nothing new is claimed."""
    look = survey(placement, seen, now=now)
    regions = _regions(look, plan, durations or DEFAULT_DURATIONS)
    before = {c.type: c for c in placement.status.conditions}
    told = (_ready(look, regions), _reachable(look, regions), _within_budget(look))
    return PlacementStatus(
        observed_generation=placement.generation,
        conditions=tuple(dated(c, before.get(c.type), now) for c in told),
        regions=regions,
        decisions=_decisions(plan.decisions, placement.status.decisions),
        vip=seen.vip or placement.status.vip,
        usd_per_hour=look.usd_per_hour,
        as_of=seen.at,
    )


def region_status(  # noqa: PLR0913 - the contract's signature
    placement: Placement,
    region: str,
    seen: FleetObservation,
    plan: Plan,
    *,
    now: datetime,
    durations: Durations | None = None,
) -> RegionStatus | None:
    """One region of `summarize`; None when it is none of the placement's."""
    look = survey(placement, seen, now=now)
    told = _regions(look, plan, durations or DEFAULT_DURATIONS)
    return next((r for r in told if r.region == region), None)


def _regions(look: Survey, plan: Plan, durations: Durations) -> tuple[RegionStatus, ...]:
    going = leaving(look)
    known = [_region(look, r, plan, durations, going.get(name, "")) for name, r in look.regions.items()]
    asked = [
        _asked_for(look, action)
        for action in plan.actions
        if isinstance(action, CreateCluster) and action.region not in look.regions
    ]
    shown = [r for r in known if r is not None]
    return tuple(sorted((*shown, *asked), key=lambda r: r.region))


def _asked_for(look: Survey, action: CreateCluster) -> RegionStatus:
    return RegionStatus(
        region=action.region,
        phase=Phase.WANTED,
        accelerator=look.placement.spec.accelerators[0],
        cluster=action.cluster,
        message=action.reason,
        since=look.now,
        eta=look.now + timedelta(seconds=remaining_s(Phase.WANTED, DEFAULT_DURATIONS)),
        as_of=look.seen.at,
        history=(PhaseSpan(phase=Phase.WANTED, since=look.now),),
    )


def _region(
    look: Survey, region: RegionSurvey, plan: Plan, durations: Durations, leaving_because: str
) -> RegionStatus | None:
    if region.excluded and not region.exists:
        return None
    conditions = region.conditions
    if leaving_because and not region.excluded:
        conditions = conditions_of(region.look.but(leaving=True))
    phase = phase_of(conditions)
    was = region.look.previous
    lost = phase is Phase.UNREACHABLE and was is not None
    history = _history(was, phase, look.now, region.look.unled)
    since = history[-1].since
    pod = _shown_pod(region)
    override = region.wanted.override
    unknown_backends = "backends" in look.seen.unknown or "backends" in region.seen.unknown
    member = region.seen.membership
    refused = _refused(look, region, plan) if phase is Phase.WANTED else ""
    return RegionStatus(
        region=region.region,
        phase=phase,
        accelerator=region.wanted.accelerator,
        provisioning=region.wanted.provisioning,
        cluster=cluster_name(region.region) if region.exists else "",
        zone=pod.zone if pod else (was.zone if lost and was else ""),
        pod=pod.name if pod else (was.pod if lost and was else ""),
        commit=member.sync_commit if member else (was.commit if was and region.exists else ""),
        message=refused or _message(look, region, plan, phase, conditions, leaving_because),
        since=since,
        **times(was, history[-1], look.now, None if refused else durations),
        usd_per_hour=region.wanted.usd_per_hour,
        healthy=None if unknown_backends else sum(b.healthy for b in region.seen.backends),
        unhealthy=None if unknown_backends else sum(b.unhealthy for b in region.seen.backends),
        under_override=override is not None,
        override_expires_at=override.expires_at if override else None,
        as_of=was.as_of if lost and was else look.seen.at,
        conditions=conditions,
        history=history,
    )


def _refused(look: Survey, region: RegionSurvey, plan: Plan) -> str:
    """Why a region that was asked for isn't made."""
    if any(isinstance(a, CreateCluster) and a.region == region.region for a in plan.actions):
        return ""
    told = (*plan.decisions, *look.placement.status.decisions)
    return next((d.reason for d in told if d.verb == "Refuse" and d.region == region.region), "")


def _shown_pod(region: RegionSurvey) -> PodObservation | None:
    """The one that serves, else the one that is awaited."""
    ready = next((p for p in region.look.pods if p.ready), None)
    return ready or region.look.pod


def _history(
    was: RegionStatus | None, phase: Phase, now: datetime, unled: timedelta
) -> tuple[PhaseSpan, ...]:
    spans = was.history if was else ()
    if spans and spans[-1].phase is phase:
        return (*spans[:-1], replace(spans[-1], unled=spans[-1].unled + unled)) if unled else spans
    return (*spans, PhaseSpan(phase=phase, since=now))[-HISTORY:]


def _message(  # noqa: PLR0913, PLR0917 - one sentence from everything that is known of a region
    look: Survey,
    region: RegionSurvey,
    plan: Plan,
    phase: Phase,
    conditions: tuple[Condition, ...],
    leaving_because: str,
) -> str:
    by_type = {c.type: c for c in conditions}
    if phase is Phase.DRAINING:
        cluster = by_type["ClusterReady"]
        if cluster.reason == "Stopping":
            return cluster.message
        return f"{by_type['InService'].message} {leaving_because}".strip()
    if phase in BLOCKED:
        cause = _blocked_because(phase, by_type).rstrip(". ")
        return f"{cause}; {_what_next(look, region, plan)}."
    if phase is Phase.UNREACHABLE:
        silent = (
            by_type["WorkloadReady"] if by_type["ClusterReady"].status == "True" else by_type["ClusterReady"]
        )
        return silent.message
    gpu = by_type["GpuAvailable"]
    if phase is Phase.SERVING and region.wanted.override and gpu.status == "False":
        return f"{by_type['InService'].message} The old replica keeps serving. {gpu.message.rstrip('. ')}."
    return by_type[_TELLS[phase]].message


def _blocked_because(phase: Phase, by_type: dict[str, Condition]) -> str:
    if phase is not Phase.FAILED:
        return by_type[_TELLS[phase]].message
    order = ("ClusterReady", "GpuAvailable", "Synced", "WorkloadReady", "Progressing")
    serious = {"NotOwned", "ClusterError", "TimedOut", "SyncError", "PodRejected", "ImagePullFailed"}
    serious |= {"CrashLooping", "BadConfig", "DeadlineExceeded"}
    return next(
        (by_type[t].message for t in order if by_type[t].reason in serious), by_type["Progressing"].message
    )


def _what_next(look: Survey, region: RegionSurvey, plan: Plan) -> str:
    """What the platform does about a region that can't go on."""
    override = region.wanted.override
    if region.drilled and override is not None and override.expires_at is not None:
        return f"it isn't replaced, because {words.override_words(override)} asked for this"
    coming = [a.region for a in plan.actions if isinstance(a, CreateCluster)]
    coming += [
        r.region for r in look.targets if r.region != region.region and look.counts(r) and _on_its_way(r)
    ]
    if coming:
        return f"the platform is bringing up {words.listed(dict.fromkeys(coming))} instead"
    if look.serving >= look.placement.spec.serving:
        return "enough other regions serve"
    refused = [d for d in (*plan.decisions, *look.placement.status.decisions) if d.verb == "Refuse"]
    return (
        f"no other region was asked: {refused[0].reason.rstrip('.')}"
        if refused
        else "the platform keeps trying"
    )


def _on_its_way(region: RegionSurvey) -> bool:
    return region.phase not in BLOCKED and region.phase not in (
        Phase.SERVING,
        Phase.UNREACHABLE,
        Phase.DRAINING,
    )


def _ready(look: Survey, regions: Iterable[RegionStatus]) -> Condition:
    wanted = look.placement.spec.serving
    serving = [r.region for r in regions if r.phase is Phase.SERVING]
    named = f" ({words.listed(serving)})" if serving else ""
    message = f"{len(serving)} of {wanted} regions serve{named}."
    if len(serving) >= wanted:
        return Condition(type="Ready", status="True", reason="AllServing", message=message)
    reason = "Degraded" if serving else "NothingServes"
    return Condition(type="Ready", status="False", reason=reason, message=message)


def _reachable(look: Survey, regions: Iterable[RegionStatus]) -> Condition:
    silent = [
        f"{r.region} (since {words.at(r.since)})" for r in regions if r.phase is Phase.UNREACHABLE and r.since
    ]
    missing = [*look.blind, *silent]
    if not missing:
        return Condition(
            type="Reachable", status="True", reason="AllAnswered", message="Everything answered."
        )
    message = f"No answer: {words.listed(missing)}. What can't be seen is left alone."
    return Condition(type="Reachable", status="False", reason="PartialView", message=message)


def _within_budget(look: Survey) -> Condition:
    spent, limit = look.usd_per_hour, look.placement.spec.max_hourly_usd
    message = f"{words.usd(spent)} of {words.usd(limit)} are spoken for."
    if spent <= limit + 1e-9:
        return Condition(type="WithinBudget", status="True", reason="WithinBudget", message=message)
    message += " No region is added; contract one or raise the budget."
    return Condition(type="WithinBudget", status="False", reason="OverBudget", message=message)


def _decisions(fresh: tuple[Decision, ...], told: tuple[Decision, ...]) -> tuple[Decision, ...]:
    return (*fresh, *told)[:DECISIONS]
