"""A Safe switch over several regions: one at a time, stopped and taken back at the first that fails.

What is Safe is that the old replica serves until the new one is Ready; so no two regions bet on the new GPU at once,
and a region that can't have it ends the bet for all. A Hard switch is a drill and isn't held back. It makes no commits:
`steps` finds them, this says whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from lib.fleet import catalog
from lib.fleet.machines import surging
from lib.fleet.model import Action, CommitWorkload, Decision, ExpireOverride, Override, Rollout
from lib.fleet.names import cluster_name
from lib.fleet.phase import BLOCKED_REASONS, BROKEN_REASONS
from lib.fleet.survey import RegionSurvey, Survey


def is_move(region: RegionSurvey, step: Action) -> bool:
    """A commit that changes the GPU, or the files, under a replica that serves; it stays until the new one is Ready."""
    now = region.runs
    if not isinstance(step, CommitWorkload) or step.rollout is not Rollout.SAFE or now is None:
        return False
    held = (region.look.fleet.delivered or {}).get(step.cluster)
    anew = held is not None and held.held_at != step.commit
    return anew or now != (step.accelerator, step.provisioning)


def under_way(look: Survey) -> str:
    """The region whose replica waits to be replaced by one on another GPU; "" when there is none."""
    delivered = look.seen.delivered or {}
    for region in look.targets:
        held, now = delivered.get(cluster_name(region.region)), region.runs
        if held is None or now is None or held.rollout is not Rollout.SAFE:
            continue
        if now != (held.accelerator, held.provisioning) or surging(look.seen, region.seen, look.now):
            return region.region
    return ""


def waits_its_turn(region: RegionSurvey, step: Action, moving: str) -> bool:
    """Another region's switch isn't done yet, or what runs here can't be seen."""
    if (
        isinstance(step, CommitWorkload)
        and step.rollout is Rollout.SAFE
        and "workload" in region.seen.unknown
    ):
        return True
    return is_move(region, step) and moving not in {"", region.region}


def stopped_switches(look: Survey) -> Iterator[tuple[ExpireOverride, Decision]]:
    """Safe switches that a region couldn't follow, to be taken back everywhere."""
    seen = set[int]()
    for region in look.targets:
        override = region.wanted.override
        if override is None or override.rollout is not Rollout.SAFE or id(override) in seen:
            continue
        why = _failure(region)
        if why:
            what = (
                f"roll back to {override.commit[:7]}"
                if override.commit
                else (f"Safe switch to {catalog.short(override.accelerator)}")
            )
            reason = f"The {what} is taken back: {why.rstrip('. ')}. What served before serves on."
            for one in _together(look, override):
                seen.add(id(one))
                yield (
                    ExpireOverride(override=one, reason=reason),
                    Decision(at=look.now, verb="Rollback", region=one.region or region.region, reason=reason),
                )


def _together(look: Survey, override: Override) -> Iterator[Override]:
    """A roll back has a lease for each region; they were asked for together and end together."""
    yield override
    for one in look.placement.spec.overrides:
        asked = (one.commit, one.created_at) == (override.commit, override.created_at)
        if override.commit and asked and one != override:
            yield one


def _failure(region: RegionSurvey) -> str:
    """Why the region can't have the GPU it was switched to; "" while it may."""
    told = {c.type: c for c in region.conditions}
    gpu, workload, synced, on = (told[t] for t in ("GpuAvailable", "WorkloadReady", "Synced", "Progressing"))
    if gpu.status == "False" and gpu.reason in BLOCKED_REASONS:
        return "" if region.wanted.more else gpu.message
    broken = next((c for c in (synced, workload) if c.status == "False" and c.reason in BROKEN_REASONS), None)
    if broken is not None:
        return broken.message
    return on.message if on.reason == "DeadlineExceeded" else ""
