"""GpuPlacement and GpuRegion objects to and from our types: field names, RFC 3339 times, bounds.

The shape is the CRDs' in manifests/config-cluster. Pure; the API checks what people write, so decoding trusts
an object that the API gave and only fills in what may be absent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, TypeVar

from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import (
    Candidate,
    Condition,
    Decision,
    Override,
    Phase,
    PhaseSpan,
    Placement,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionStatus,
    RegionView,
    Rollout,
    WhyNot,
)
from lib.gateways import accounts_codec as accounts
from lib.gateways.rfc3339 import certain, time_from, time_text

GROUP, VERSION = "gpuatlas.dev", "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
DRIFT = 0.03  # of odds, which nobody acts on
Object = dict[str, Any]
T = TypeVar("T")


def placement_from(found: Object) -> Placement:
    metadata = found["metadata"]
    return Placement(
        name=metadata["name"],
        namespace=metadata.get("namespace", "default"),
        generation=int(metadata.get("generation", 1)),
        resource_version=str(metadata.get("resourceVersion", "")),
        spec=spec_from(found["spec"]),
        status=status_from(found.get("status") or {}),
    )


def spec_from(spec: Object) -> PlacementSpec:
    regions, budget = spec.get("regions") or {}, spec.get("budget") or {}
    default = PlacementSpec(accelerators=())
    return PlacementSpec(
        accelerators=tuple(spec.get("accelerators") or ()),
        provisioning=tuple(Provisioning(p) for p in spec.get("provisioning") or ("STANDARD",)),
        serving=int(regions.get("serving", default.serving)),
        warm=int(regions.get("warm", default.warm)),
        hedge=int(regions.get("hedge", default.hedge)),
        pinned=tuple(regions.get("pinned") or ()),
        excluded=tuple(regions.get("excluded") or ()),
        max_hourly_usd=float(budget.get("maxHourlyUSD", default.max_hourly_usd)),
        overrides=tuple(_override_from(o) for o in spec.get("overrides") or ()),
    )


def spec_to(spec: PlacementSpec) -> Object:
    """Complete: every field is written, so that removing the last override really removes it."""
    return {
        "accelerators": list(spec.accelerators),
        "provisioning": [p.value for p in spec.provisioning],
        "regions": {
            "serving": spec.serving,
            "warm": spec.warm,
            "hedge": spec.hedge,
            "pinned": list(spec.pinned),
            "excluded": list(spec.excluded),
        },
        "budget": {"maxHourlyUSD": spec.max_hourly_usd},
        "overrides": [_override_to(o) for o in spec.overrides],
    }


def _override_from(found: Object) -> Override:
    return Override(
        region=found.get("region"),
        accelerator=found["accelerator"],
        rollout=Rollout(found.get("rollout", "Safe")),
        expires_at=time_from(found.get("expiresAt")),
        owner=found.get("owner", ""),
        reason=found.get("reason", ""),
        created_at=time_from(found.get("createdAt")),
        commit=found.get("commit", ""),
        provisioning=_maybe(Provisioning, found.get("provisioning")),
    )


def _override_to(override: Override) -> Object:
    return _given(
        region=override.region,
        accelerator=override.accelerator,
        rollout=override.rollout.value,
        expiresAt=_maybe(time_text, override.expires_at),
        owner=override.owner,
        reason=override.reason,
        createdAt=_maybe(time_text, override.created_at),
        commit=override.commit or None,
        provisioning=override.provisioning.value if override.provisioning else None,
    )


def status_from(status: Object) -> PlacementStatus:
    return PlacementStatus(
        observed_generation=int(status.get("observedGeneration", 0)),
        conditions=tuple(_condition_from(c) for c in status.get("conditions") or ()),
        regions=tuple(_region_from(r) for r in status.get("regions") or ()),
        decisions=tuple(_decision_from(d) for d in status.get("decisions") or ()),
        vip=status.get("vip", ""),
        usd_per_hour=float(status.get("usdPerHour", 0.0)),
        as_of=time_from(status.get("asOf")),
        spend=_maybe(accounts.spend_from, status.get("spend")),
        cycle=_maybe(accounts.cycle_from, status.get("cycle")),
    )


def status_to(status: PlacementStatus) -> Object:
    """Every top-level field, so that a merge patch leaves nothing old behind. `ready` is for kubectl."""
    serving = sum(1 for r in status.regions if r.phase is Phase.SERVING)
    return {
        "observedGeneration": status.observed_generation,
        "conditions": [_condition_to(c) for c in status.conditions],
        "regions": [_region_to(r) for r in status.regions],
        "decisions": [_decision_to(d) for d in status.decisions],
        "vip": status.vip,
        "usdPerHour": round(status.usd_per_hour, 4),
        "asOf": _maybe(time_text, status.as_of),
        "spend": _maybe(accounts.spend_to, status.spend),
        "cycle": _maybe(accounts.cycle_to, status.cycle),
        "ready": f"{serving}/{len(status.regions)}",
    }


def _condition_from(found: Object) -> Condition:
    return Condition(
        type=found["type"],
        status=found["status"],
        reason=found.get("reason", ""),
        message=found.get("message", ""),
        last_transition_at=time_from(found.get("lastTransitionTime")),
    )


def _condition_to(condition: Condition) -> Object:
    return _given(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        lastTransitionTime=_maybe(time_text, condition.last_transition_at),
    )


def _region_from(found: Object) -> RegionStatus:
    return RegionStatus(
        region=found["region"],
        phase=Phase(found["phase"]),
        accelerator=found.get("accelerator", ""),
        provisioning=Provisioning(found.get("provisioning", "STANDARD")),
        cluster=found.get("cluster", ""),
        zone=found.get("zone", ""),
        pod=found.get("pod", ""),
        commit=found.get("commit", ""),
        message=found.get("message", ""),
        since=time_from(found.get("since")),
        eta=time_from(found.get("eta")),
        eta_late=time_from(found.get("etaLate")),
        late_s=float(found.get("lateSeconds", 0.0)),
        deadline=time_from(found.get("deadline")),
        usd_per_hour=float(found.get("usdPerHour", 0.0)),
        healthy=found.get("healthy"),
        unhealthy=found.get("unhealthy"),
        under_override=bool(found.get("underOverride", False)),
        override_expires_at=time_from(found.get("overrideExpiresAt")),
        as_of=time_from(found.get("asOf")),
        conditions=tuple(_condition_from(c) for c in found.get("conditions") or ()),
        history=tuple(_span_from(s) for s in found.get("history") or ()),
    )


def _region_to(region: RegionStatus) -> Object:
    return _given(
        region=region.region,
        phase=region.phase.value,
        accelerator=region.accelerator,
        provisioning=region.provisioning.value,
        cluster=region.cluster,
        zone=region.zone,
        pod=region.pod,
        commit=region.commit,
        message=region.message,
        since=_maybe(time_text, region.since),
        eta=_maybe(time_text, region.eta),
        etaLate=_maybe(time_text, region.eta_late),
        lateSeconds=region.late_s or None,
        deadline=_maybe(time_text, region.deadline),
        usdPerHour=round(region.usd_per_hour, 4),
        healthy=region.healthy,
        unhealthy=region.unhealthy,
        underOverride=region.under_override,
        overrideExpiresAt=_maybe(time_text, region.override_expires_at),
        asOf=_maybe(time_text, region.as_of),
        conditions=[_condition_to(c) for c in region.conditions],
        history=[_span_to(s) for s in region.history],
    )


def _span_from(found: Object) -> PhaseSpan:
    unled = timedelta(seconds=float(found.get("unledSeconds", 0.0)))
    return PhaseSpan(phase=Phase(found["phase"]), since=certain(found["since"]), unled=unled)


def _span_to(span: PhaseSpan) -> Object:
    told = {"phase": span.phase.value, "since": time_text(span.since)}
    return told | ({"unledSeconds": span.unled.total_seconds()} if span.unled else {})


def _decision_from(found: Object) -> Decision:
    return Decision(
        at=certain(found["at"]),
        verb=found["verb"],
        region=found.get("region", ""),
        reason=found.get("reason", ""),
        why_not=tuple(
            WhyNot(region=w["region"], reason=w.get("reason", ""), flip=w.get("flip", ""))
            for w in found.get("whyNot") or ()
        ),
    )


def _decision_to(decision: Decision) -> Object:
    return {
        "at": time_text(decision.at),
        "verb": decision.verb,
        "region": decision.region,
        "reason": decision.reason,
        "whyNot": [{"region": w.region, "reason": w.reason, "flip": w.flip} for w in decision.why_not],
    }


def view_from(found: Object) -> RegionView:
    """A GpuRegion object."""
    status = found.get("status") or {}
    region, as_of = found["metadata"]["name"], time_from(status.get("asOf"))
    return RegionView(
        region=region,
        zones=tuple(status.get("zones") or ()),
        candidates=tuple(_candidate_from(region, c, as_of) for c in status.get("candidates") or ()),
        as_of=as_of,
        alternatives=tuple(_candidate_from(region, c, as_of) for c in status.get("alternatives") or ()),
    )


def view_to(view: RegionView) -> Object:
    """Its status. Numbers are rounded to what a person can tell apart, or each look would be a change."""
    return {
        "zones": list(view.zones),
        "asOf": _maybe(time_text, view.as_of),
        "candidates": [_candidate_to(c, view.as_of) for c in view.candidates],
        "alternatives": [_candidate_to(c, view.as_of) for c in view.alternatives],
    }


def worth_a_write(held: Object, wanted: Object) -> bool:
    """Whether two statuses of a GpuRegion differ by more than their time and the slow drift of the odds, which evidence
    makes by growing old."""
    return _steady(held, held) != _steady(wanted, held)


def _steady(status: Object, held: Object) -> Object:
    """Without `asOf`, and with the odds that are held where the new ones are near."""
    return {**status, "asOf": None} | {
        field: [_near(c, b) for c, b in zip_longest(status.get(field) or (), held.get(field) or ())]
        for field in ("candidates", "alternatives")
    }


def _near(candidate: Object | None, before: Object | None) -> Object | None:
    new, old = (candidate or {}).get("obtainability"), (before or {}).get("obtainability")
    if candidate is None or new is None or old is None or abs(new - old) >= DRIFT:
        return candidate
    return {**candidate, "obtainability": old}


def _candidate_from(region: str, found: Object, as_of: datetime | None) -> Candidate:
    quota = found.get("quota")
    return Candidate(
        region=region,
        accelerator=found["accelerator"],
        zones=tuple(found.get("zones") or ()),
        obtainability=_maybe(float, found.get("obtainability")),
        eta_s=_maybe(float, found.get("etaSeconds")),
        usd_per_hour=_maybe(float, found.get("usdPerHour")),
        quota=Quota(limit=float(quota["limit"]), usage=float(quota["usage"])) if quota else None,
        eligible=bool(found.get("eligible", False)),
        reasons=tuple(found.get("reasons") or ()),
        flip=found.get("flip", ""),
        provisioning=Provisioning(found.get("provisioning", "STANDARD")),
        evidence=tuple(_evidence_from(e, as_of) for e in found.get("evidence") or ()),
    )


def _candidate_to(candidate: Candidate, as_of: datetime | None) -> Object:
    quota = candidate.quota
    return _given(
        accelerator=candidate.accelerator,
        zones=list(candidate.zones),
        obtainability=_maybe(lambda v: round(v, 2), candidate.obtainability),
        etaSeconds=_maybe(lambda v: round(v / 10) * 10, candidate.eta_s),
        usdPerHour=_maybe(lambda v: round(v, 4), candidate.usd_per_hour),
        quota={"limit": quota.limit, "usage": quota.usage} if quota else None,
        eligible=candidate.eligible,
        reasons=list(candidate.reasons),
        flip=candidate.flip,
        provisioning=candidate.provisioning.value,
        evidence=[_evidence_to(e, as_of) for e in candidate.evidence] or None,
    )


_WITH_THE_VIEW = "AsOf"  # dated as the view is: its own time would make each look a change


def _evidence_from(found: Object, as_of: datetime | None) -> Evidence:
    at = found.get("at")
    return Evidence(
        source=Source(found["source"]),
        verdict=Verdict(found["verdict"]),
        says=found.get("says", ""),
        at=as_of if at == _WITH_THE_VIEW else time_from(at),
        zone=found.get("zone", ""),
    )


def _evidence_to(piece: Evidence, as_of: datetime | None) -> Object:
    with_the_view = piece.at is not None and piece.at == as_of
    return _given(
        source=piece.source.value,
        verdict=piece.verdict.value,
        says=piece.says,
        at=_WITH_THE_VIEW if with_the_view else _maybe(time_text, piece.at),
        zone=piece.zone or None,
    )


def _maybe(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _given(**fields: Any) -> Object:
    """Without what is None: in the object an absent field is what was not observed."""
    return {name: value for name, value in fields.items() if value is not None}
