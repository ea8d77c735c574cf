"""Why here, why not there, and what would flip it: answers from the decision record and the evidence beside it.

Pure: the placement, what is known of the regions and the decisions come in, sentences go out, so that command line and
dashboard give the same answer. It judges nothing anew: a reason that no record holds is not made up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from lib.fleet import catalog, words
from lib.fleet.model import (
    BLOCKED,
    PROGRESS,
    Candidate,
    Decision,
    Entry,
    Phase,
    Placement,
    PlacementSpec,
    RegionStatus,
    RegionView,
    WhyNot,
)

SAME_MOMENT = timedelta(seconds=1)  # status keeps milliseconds, the journal more
ORDER = ("ClusterReady", "Registered", "Synced", "GpuAvailable", "WorkloadReady", "InService", "Progressing")
STALE_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One decision, taken apart: its why, why not elsewhere, and what would have turned it."""

    at: datetime
    verb: str
    region: str
    why: str
    why_not: tuple[WhyNot, ...]
    flip: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a region does, or does not, serve now."""

    region: str
    accelerator: str
    phase: str  # "" when the region isn't one of the placement's
    serving: bool
    sentence: str
    blocker: str  # what stands between it and serving; "" when nothing does
    flip: tuple[str, ...]
    evidence: tuple[str, ...]
    decisions: tuple[Told, ...]  # that name the region, newest first


def told(decision: Decision) -> Told:
    """A record names its own flip as a "why not" of its own region and reason; the others are runners-up."""
    own = tuple(w for w in decision.why_not if _is_own(w, decision))
    others = tuple(w for w in decision.why_not if not _is_own(w, decision))
    flips = [w.flip for w in own if w.flip]
    flips += [f"{w.flip}; then {w.region}" for w in others[:1] if w.flip and not flips]
    return Told(
        at=decision.at,
        verb=decision.verb,
        region=decision.region,
        why=decision.reason,
        why_not=others,
        flip=tuple(flips),
    )


def _is_own(one: WhyNot, decision: Decision) -> bool:
    return one.reason == decision.reason


def decision_from(entry: Entry) -> Decision:
    """As the journal keeps it."""
    kept = entry.body.get("whyNot")
    listed = cast("Sequence[object]", kept) if isinstance(kept, list | tuple) else ()
    return Decision(
        at=entry.at,
        verb=entry.subject,
        region=entry.region,
        reason=entry.message,
        why_not=tuple(
            _why_not(cast("Mapping[str, object]", one)) for one in listed if isinstance(one, Mapping)
        ),
    )


def _why_not(one: Mapping[str, object]) -> WhyNot:
    return WhyNot(
        region=str(one.get("region", "")), reason=str(one.get("reason", "")), flip=str(one.get("flip", ""))
    )


def merged(status: Iterable[Decision], journal: Iterable[Entry]) -> tuple[Decision, ...]:
    """What the status still holds and what only the journal does, newest first, each once."""
    found = list(status)
    for entry in journal:
        one = decision_from(entry)
        if not any(_same(one, known) for known in found):
            found.append(one)
    return tuple(sorted(found, key=lambda d: d.at, reverse=True))


def _same(one: Decision, other: Decision) -> bool:
    alike = (one.verb, one.region, one.reason) == (other.verb, other.region, other.reason)
    return alike and abs(one.at - other.at) < SAME_MOMENT


def of_region(  # noqa: PLR0913 - each kind of evidence by name
    placement: Placement,
    region: str,
    *,
    accelerator: str,
    view: RegionView | None,
    decisions: Sequence[Decision],
    now: datetime,
) -> Answer:
    """`decisions` newest first. The phase and its conditions win over the candidate, and that over the record."""
    status = next((r for r in placement.status.regions if r.region == region), None)
    candidate = _candidate(view, accelerator)
    named = tuple(d for d in decisions if d.region == region or any(w.region == region for w in d.why_not))
    if status is not None:
        blocker, flips = _blocker(status), _flips(placement.spec, status, candidate)
        sentence = _stands(status)
    else:
        blocker, flips = _absent(placement, region, candidate, named, decisions)
        sentence = f"{region} doesn't serve. {blocker}"
    return Answer(
        region=region,
        accelerator=accelerator,
        phase=status.phase.value if status else "",
        serving=status is not None and status.phase is Phase.SERVING,
        sentence=sentence,
        blocker=blocker,
        flip=tuple(dict.fromkeys(f for f in flips if f)),
        evidence=tuple(_evidence(view, candidate, accelerator, now)),
        decisions=tuple(_about(region, told(d)) for d in named),
    )


def _about(region: str, one: Told) -> Told:
    """Of another region's choice, only what it said of this one."""
    if one.region == region:
        return one
    return replace(one, why_not=tuple(w for w in one.why_not if w.region == region), flip=())


def _candidate(view: RegionView | None, accelerator: str) -> Candidate | None:
    return next((c for c in view.candidates if c.accelerator == accelerator), None) if view else None


def _stands(status: RegionStatus) -> str:
    since = f" since {words.at(status.since)}" if status.since else ""
    return f"{status.region} is {status.phase.value}{since}. {status.message}".strip()


def _blocker(status: RegionStatus) -> str:
    """The first condition that isn't true, which is what the phase is derived from."""
    if status.phase is Phase.SERVING:
        return ""
    by_type = {c.type: c for c in status.conditions}
    serious = [by_type[t] for t in ORDER if t in by_type and by_type[t].status == "False"]
    unsure = [by_type[t] for t in ORDER if t in by_type and by_type[t].status == "Unknown"]
    if status.phase is Phase.UNREACHABLE:
        serious, unsure = unsure, serious
    first = next(iter((*serious, *unsure)), None)
    return f"{first.message.rstrip('.')} ({first.reason})." if first else status.message


def _flips(spec: PlacementSpec, status: RegionStatus, candidate: Candidate | None) -> Iterator[str]:
    region, gpu = status.region, catalog.short(status.accelerator)
    if status.under_override:
        ends = f" (at {words.at(status.override_expires_at)})" if status.override_expires_at else ""
        held = any(o.commit and o.region == region for o in spec.overrides)
        yield f"the end of the {'roll back' if held else 'switch'}{ends}, or ./atlas recover"
    if candidate is not None and not candidate.eligible and candidate.flip:
        yield candidate.flip
    if status.phase in BLOCKED:
        yield _unblocks(status.phase, region, gpu)
    elif status.phase is Phase.SERVING:
        yield f"losing the {gpu} there, or ./atlas contract {region}"
        if region not in spec.pinned:
            yield "more regions serving than were asked for, when it is the cheapest to lose"
    elif status.phase is Phase.UNREACHABLE:
        yield f"an answer from {region}"
    elif status.phase is Phase.DRAINING:
        yield f"./atlas expand {region}"
    elif status.phase in PROGRESS:
        eta = f", expected to serve at {words.at(status.eta)}" if status.eta else ""
        yield f"time: it is on its way{eta}"


def _unblocks(phase: Phase, region: str, gpu: str) -> str:
    return {
        Phase.STOCKED_OUT: f"stock of {gpu} in {region}, or another GPU in spec.accelerators",
        Phase.QUOTA_EXCEEDED: f"more quota for {gpu} in {region}",
        Phase.NOT_OFFERED: f"another GPU than {gpu} there",
    }.get(phase, f"mending what the condition names, or ./atlas contract {region} and expand it anew")


def _absent(
    placement: Placement,
    region: str,
    candidate: Candidate | None,
    named: Sequence[Decision],
    decisions: Sequence[Decision],
) -> tuple[str, tuple[str, ...]]:
    """Why a region that is none of the placement's isn't: the strongest reason that is known, and its flips."""
    spec = placement.spec
    by_hand = f"./atlas expand {region}"
    if region in spec.excluded:
        return f"The operator took {region} out of the placement.", (by_hand,)
    if candidate is not None and not candidate.eligible:
        return candidate.reasons[0] if candidate.reasons else "It can't be had there.", (candidate.flip,)
    if candidate is None:
        return f"Nothing is known of this GPU in {region} yet.", ("an answer of the Compute API", by_hand)
    ours = [r.region for r in placement.status.regions if r.phase is not Phase.DRAINING]
    if len(ours) >= spec.serving:
        many = f"{len(ours)} regions serve or are on their way ({words.listed(ours)})"
        reason = _passed_over(region, named)
        return f"{many}; {spec.serving} were asked for.{reason}", (f"losing one of them, or {by_hand}",)
    refused = next((d for d in decisions if d.verb in {"Refuse", "Hold"} and d.region in {"", region}), None)
    if refused is not None:
        return refused.reason, told(refused).flip
    return f"It can be had, and the controller hasn't chosen it.{_passed_over(region, named)}", (by_hand,)


def _passed_over(region: str, named: Sequence[Decision]) -> str:
    """What the newest choice of another region said of this one."""
    for decision in named:
        for one in decision.why_not:
            if one.region == region and decision.region != region:
                return f" When {decision.region or 'another'} was judged at {words.at(decision.at)}: {one.reason}"
    return ""


def _evidence(
    view: RegionView | None, candidate: Candidate | None, accelerator: str, now: datetime
) -> Iterator[str]:
    gpu = catalog.short(accelerator)
    if view is None or candidate is None:
        yield f"No view of {gpu} here has been published yet."
        return
    if candidate.obtainability is not None and candidate.zones:
        eta = f"; about {words.duration(candidate.eta_s)} to a serving replica" if candidate.eta_s else ""
        yield f"Odds to obtain one now: {candidate.obtainability:.0%}{eta}."
    if candidate.usd_per_hour is not None:
        yield f"It costs {words.usd(candidate.usd_per_hour)}, cluster fee and all (list price)."
    yield from candidate.reasons
    if view.as_of is None:
        yield "When this was seen isn't known."
    elif now - view.as_of > STALE_AFTER:
        yield f"Stale: this was seen {words.duration((now - view.as_of).total_seconds())} ago."
