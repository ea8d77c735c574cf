"""What a drill cost in time and prompts, from the journal's recorded facts alone.

Words as site reliability engineers use them: t0 fault, t1 first user impact, t2 detected, t3 mitigation started,
t4 users fine, t5 redundancy restored, t6 fault removed, t7 steady. A time nobody recorded is None, never guessed;
a mean over drills is not computed here or anywhere.

Fields of an entry's body that are read: phase {phase, from}, probe {ok}, prompt {ok, attempts, moved_from},
intent {verb}, fault {cleared}. The subject serves where a body has no verb.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet.model import BLOCKED, Entry, Phase

STEADY_FOR = timedelta(minutes=5)
_STARTS = frozenset({"switch-gpu", "switch_gpu", "switchgpu"})
_UNDOES = frozenset({"recover"})
_CLEARED = ("clear", "cleared", "remove", "removed", "undo", "all faults")
_MITIGATES = frozenset({"ScaleOut", "Restore"})
_MITIGATING_ACTIONS = frozenset({"CreateCluster", "AttachBackend"})
_BAD = frozenset({*BLOCKED, Phase.UNREACHABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    t0: datetime | None = None  # fault start
    t1: datetime | None = None  # first user impact
    t2: datetime | None = None  # detected
    t3: datetime | None = None  # mitigation started
    t4: datetime | None = None  # mitigated: users fine
    t5: datetime | None = None  # fully recovered: redundancy restored
    t6: datetime | None = None  # fault removed
    t7: datetime | None = None  # steady
    time_to_detect: timedelta | None = None  # from the impact, or from the fault when users felt nothing
    time_to_mitigate: timedelta | None = None  # from the impact; None when users felt nothing
    time_to_recover: timedelta | None = None  # from the impact, or from the fault when users felt nothing
    prompts_ok: int = 0
    prompts_failed: int = 0
    prompts_moved: int = 0


def timeline(entries: Iterable[Entry]) -> DrillReport:
    """The last drill among the entries; empty when there was none."""
    told = sorted(entries, key=lambda e: (e.at, e.id))
    start = _last_start(told)
    if start is None:
        return DrillReport()
    before = [e for e in told if (e.at, e.id) < (start.at, start.id)]
    after = [e for e in told if (e.at, e.id) > (start.at, start.id)]
    t1 = _first_impact(after)
    t2 = _detected(after)
    t4 = _users_fine(after, t1)
    t5 = _recovered(before, after)
    t6 = next((e.at for e in after if _removes_fault(e)), None)
    origin = t1 or start.at
    ok, failed, moved = _prompts(after)
    return DrillReport(
        t0=start.at,
        t1=t1,
        t2=t2,
        t3=_mitigation(after, t2),
        t4=t4,
        t5=t5,
        t6=t6,
        t7=_steady(after, t4, t5, t6),
        time_to_detect=_span(t1 if t1 and t2 and t1 <= t2 else start.at, t2),
        time_to_mitigate=_span(t1, t4),
        time_to_recover=_span(origin if t5 and origin <= t5 else start.at, t5),
        prompts_ok=ok,
        prompts_failed=failed,
        prompts_moved=moved,
    )


def _last_start(told: Sequence[Entry]) -> Entry | None:
    """A fault on top of a running one belongs to the same drill, so the drill starts with the first of them."""
    found: Entry | None = None
    running = False
    for entry in told:
        if _starts_fault(entry):
            found = found if running else entry
            running = True
        elif _removes_fault(entry):
            running = False
    return found


def _starts_fault(entry: Entry) -> bool:
    return (entry.kind == "intent" and _verb(entry) in _STARTS) or (
        entry.kind == "fault" and not _clears(entry)
    )


def _removes_fault(entry: Entry) -> bool:
    if entry.kind == "action":
        return entry.subject == "ExpireOverride"
    return (entry.kind == "intent" and _verb(entry) in _UNDOES) or (entry.kind == "fault" and _clears(entry))


def _verb(entry: Entry) -> str:
    return str(entry.body.get("verb") or entry.subject).lower()


def _clears(entry: Entry) -> bool:
    said = f"{entry.subject} {entry.message}".lower().split()
    return bool(entry.body.get("cleared")) or any(w.strip(".,:;") in _CLEARED for w in said[:2])


def _failed(entry: Entry) -> bool:
    return entry.kind in {"probe", "prompt"} and entry.body.get("ok", True) is False


def _passed(entry: Entry) -> bool:
    return entry.kind in {"probe", "prompt"} and entry.body.get("ok", True) is not False


def _first_impact(after: Sequence[Entry]) -> datetime | None:
    return next((e.at for e in after if _failed(e)), None)


def _users_fine(after: Sequence[Entry], t1: datetime | None) -> datetime | None:
    """The first success after the last failure; None while it still fails."""
    failures = [e.at for e in after if _failed(e)]
    if t1 is None or not failures:
        return None
    return next((e.at for e in after if _passed(e) and e.at > failures[-1]), None)


def _detected(after: Sequence[Entry]) -> datetime | None:
    """The platform saw it: a region stopped serving, or can't go on."""
    return next((e.at for e in after if _degrades(e)), None)


def _degrades(entry: Entry) -> bool:
    if entry.kind != "phase":
        return False
    phase, was = str(entry.body.get("phase", "")), str(entry.body.get("from", ""))
    left = was == Phase.SERVING and phase != Phase.SERVING
    return left or phase in {str(p) for p in _BAD}


def _mitigation(after: Sequence[Entry], t2: datetime | None) -> datetime | None:
    """The platform's own step, or the operator's: whichever came first after it was seen."""
    if t2 is None:
        return None
    return next((e.at for e in after if e.at >= t2 and _mitigates(e)), None)


def _mitigates(entry: Entry) -> bool:
    if entry.kind == "decision":
        return entry.subject in _MITIGATES
    if entry.kind == "action":
        return entry.subject in _MITIGATING_ACTIONS or entry.subject == "ExpireOverride"
    return entry.kind == "intent" and _verb(entry) in _UNDOES


def _recovered(before: Sequence[Entry], after: Sequence[Entry]) -> datetime | None:
    """When as many regions serve as did at the start, after fewer did."""
    serving = _serving_at_start(before)
    wanted, lost = len(serving), False
    for entry in after:
        if entry.kind != "phase":
            continue
        if str(entry.body.get("from", "")) == Phase.SERVING and not lost:
            serving.add(entry.region)  # its start was before the entries that were handed in
            wanted = len(serving)
        if str(entry.body.get("phase", "")) == Phase.SERVING:
            serving.add(entry.region)
        else:
            serving.discard(entry.region)
        lost = lost or len(serving) < wanted
        if lost and len(serving) >= wanted:
            return entry.at
    return None


def _serving_at_start(before: Sequence[Entry]) -> set[str]:
    phases = {e.region: str(e.body.get("phase", "")) for e in before if e.kind == "phase"}
    return {region for region, phase in phases.items() if phase == Phase.SERVING}


def _steady(
    after: Sequence[Entry], t4: datetime | None, t5: datetime | None, t6: datetime | None
) -> datetime | None:
    """Recovered, fault gone, and nothing failed or degraded for a while; proven by a later success."""
    if t5 is None or t6 is None:
        return None
    calm = max(t for t in (t4, t5, t6) if t is not None)
    trouble = [e.at for e in after if e.at > calm and (_failed(e) or _degrades(e))]
    if trouble and trouble[0] - calm < STEADY_FOR:
        return None
    proof = next((e.at for e in after if _passed(e) and e.at >= calm + STEADY_FOR), None)
    return calm + STEADY_FOR if proof else None


def _prompts(after: Sequence[Entry]) -> tuple[int, int, int]:
    asked = [e for e in after if e.kind == "prompt"]
    failed = sum(_failed(e) for e in asked)
    moved = sum(bool(e.body.get("moved_from")) or _many(e) for e in asked if not _failed(e))
    return len(asked) - failed, failed, moved


def _many(entry: Entry) -> bool:
    tries = entry.body.get("attempts", 1)
    return isinstance(tries, int) and tries > 1


def _span(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start is not None and end is not None else None
