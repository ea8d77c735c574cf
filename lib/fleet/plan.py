"""What to do next for every region, decided anew at every look from what is wanted and what was seen.

Pure and idempotent: when the actions have taken effect, or are under way, the next plan doesn't repeat them; when
nothing is to be done it is empty. Decisions are told once, when they change. Acting, waiting and retrying is the
controller's; judging regions is `capacity`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from lib.fleet import catalog, overrides, words
from lib.fleet.machines import obtained
from lib.fleet.model import (
    Action,
    CommitWorkload,
    Decision,
    DetachBackend,
    ExpireOverride,
    FleetObservation,
    Placement,
    Plan,
    Rollout,
    WhyNot,
)
from lib.fleet.names import cluster_name
from lib.fleet.rollout import is_move, stopped_switches, under_way, waits_its_turn
from lib.fleet.scale_out import scale_out
from lib.fleet.steps import towards_leaving, towards_serving, was_overridden
from lib.fleet.survey import REPLACEABLE, RegionSurvey, Survey
from lib.fleet.surveyor import survey

STEADY_LIMIT = (
    5  # of Hold and Refuse in one plan, so that the bounded list in status can't be flushed by them
)
_STEADY = frozenset({"Hold", "Refuse"})


def plan(placement: Placement, seen: FleetObservation, *, now: datetime) -> Plan:
    """The next action per region, and the decisions that are new since the placement's status."""
    if "placement" in seen.unknown:
        return Plan(actions=(), decisions=())
    look = survey(placement, seen, now=now)
    stopped = list(stopped_switches(look))
    actions: list[Action] = [*_ended_overrides(look), *(action for action, _ in stopped)]
    decisions: list[Decision] = [decision for _, decision in stopped]
    for region, reason in leaving(look).items():
        step = towards_leaving(look, look.regions[region], reason)
        if step is not None:
            actions.append(step)
            decisions.append(_decided(look, "ScaleIn", region, reason, flip=f"expanding {region} again"))
    actions += _stale_links(look)
    moving = under_way(look)
    for region in _staying(look):
        step = towards_serving(look, region)
        if step is not None and not waits_its_turn(region, step, moving):
            moving = moving or (region.region if is_move(region, step) else "")
            actions.append(step)
            decisions += _switch_decision(look, region, step)
    creates, told = scale_out(look)
    actions += creates
    decisions += [*told, *_holds(look), *_refusals(look)]
    return Plan(actions=tuple(actions), decisions=_news(decisions, placement.status.decisions))


def leaving(look: Survey) -> dict[str, str]:
    """Regions on their way out, and why. The operator's come first; of what is too much, one at a time."""
    found = {
        r.region: f"{r.region} was excluded by the operator." for r in look.regions.values() if r.excluded
    }
    spare = look.surplus()
    if spare is not None:
        wanted, serving = look.placement.spec.serving, look.serving
        found[spare.region] = (
            f"{spare.region} isn't needed any more: {serving} regions serve, {wanted} "
            f"{'was' if wanted == 1 else 'were'} asked for."
        )
    return found


def _staying(look: Survey) -> Iterator[RegionSurvey]:
    spare = look.surplus()
    return (r for r in look.targets if spare is None or r.region != spare.region)


def _ended_overrides(look: Survey) -> Iterator[ExpireOverride]:
    spec = look.placement.spec
    ended = list(overrides.over(spec, look.now))
    yield from ended
    if look.usd_per_hour <= spec.max_hourly_usd + 1e-9:
        return
    for region in look.regions.values():
        override = region.wanted.override
        hard = override is not None and override.rollout is Rollout.HARD
        held = [choice for choice in obtained(region.seen) if choice[0] == region.wanted.accelerator]
        if (
            override
            and hard
            and held
            and held[0] != region.wanted.normal
            and override not in [e.override for e in ended]
        ):
            reason = (
                f"{region.region} obtained the GPU of the drill; {words.usd(look.usd_per_hour)} would pass "
                f"the budget of {words.usd(spec.max_hourly_usd)}, so the lease ends now."
            )
            ended.append(ExpireOverride(override=override, reason=reason))
            yield ended[-1]


def _stale_links(look: Survey) -> Iterator[DetachBackend]:
    """Links to clusters that are gone; none while the view is partial."""
    if look.blind or look.seen.attached is None:
        return
    for region in sorted(look.seen.attached - look.regions.keys()):
        known = look.seen.regions.get(region)
        if known is None or known.cluster is None:
            reason = f"{region} is linked to the global address but has no cluster."
            yield DetachBackend(region=region, cluster=cluster_name(region), reason=reason)


def _switch_decision(look: Survey, region: RegionSurvey, step: Action) -> Iterator[Decision]:
    if not isinstance(step, CommitWorkload):
        return
    held = (look.seen.delivered or {}).get(step.cluster)
    if (override := region.wanted.override) is not None:
        verb, what = ("RollBack", "roll back") if override.commit else ("SwitchGpu", "switch")
        yield _decided(look, verb, region.region, step.reason, flip=f"the end of that {what}")
    elif held is not None and held.held_at:
        yield _decided(look, "Restore", region.region, step.reason, flip="another roll back")
    elif held is not None and held.accelerator != step.accelerator:
        back = was_overridden(look, held) or region.runs == (step.accelerator, step.provisioning)
        verb = "Restore" if back else "SwitchGpu"
        flip = f"losing {catalog.short(step.accelerator)} there, or another order of preference"
        yield _decided(look, verb, region.region, step.reason, flip=flip)


def _holds(look: Survey) -> Iterator[Decision]:
    going = [r for r, s in look.regions.items() if s.excluded and s.exists and not s.stopping]
    if look.blind and going:
        reason = (
            f"Nothing is taken away ({words.listed(going)}) while {words.listed(look.blind)} can't be seen."
        )
        yield _decided(look, "Hold", "", reason, flip=f"an answer from {words.listed(look.blind)}")
    drilled = [r for r in look.targets if r.drilled and r.phase in REPLACEABLE]
    if drilled and drilled[0].wanted.override is not None:
        names = words.listed(r.region for r in drilled)
        verb = "isn't" if len(drilled) == 1 else "aren't"
        reason = (
            f"{names} {verb} replaced: {words.override_words(drilled[0].wanted.override)} asked for this."
        )
        where = drilled[0].region if len(drilled) == 1 else ""
        yield _decided(look, "Hold", where, reason, flip="the end of that switch (./atlas recover)")


def _refusals(look: Survey) -> Iterator[Decision]:
    for region in look.regions.values():
        cluster, override = region.seen.cluster, region.wanted.refused
        if region.pinned and cluster is not None and not cluster.owned:
            reason = f"{region.region} is pinned, but {cluster.name} there wasn't made by this platform."
            yield _decided(
                look, "Refuse", region.region, reason, flip=f"another name, or removing {cluster.name}"
            )
        if override is not None:
            passed = region.wanted.because
            reason = (
                f"{region.region} doesn't follow {words.override_words(override)}: it would pass {passed}."
            )
            flip = f"a higher {'quota' if 'quota' in passed else 'budget'}"
            yield _decided(look, "Refuse", region.region, reason, flip=flip)
        if region.wanted.commit and region.wanted.override is None:
            reason = (
                f"{region.region} keeps what {region.wanted.commit[:7]} held, although that roll back is over: "
                f"rendering it anew needs a second machine for a while and would pass {region.wanted.because}."
            )
            yield _decided(look, "Hold", region.region, reason, flip="a higher budget or quota")
        if cluster is not None and not region.wanted.affordable:
            limit = words.usd(look.placement.spec.max_hourly_usd)
            reason = f"{region.region} gets no GPU: its machine would pass the budget of {limit}."
            yield _decided(look, "Refuse", region.region, reason, flip="a higher budget")


def _decided(look: Survey, verb: str, region: str, reason: str, *, flip: str = "") -> Decision:
    why_not = (WhyNot(region=region, reason=reason, flip=flip),) if flip else ()
    return Decision(at=look.now, verb=verb, region=region, reason=reason, why_not=why_not)


def _news(decisions: Iterable[Decision], told: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Without what was told already: a Hold or Refuse while it is remembered, anything else while it is the
    region's newest."""
    steady_told = {(d.verb, d.region, d.reason) for d in told if d.verb in _STEADY}
    newest: dict[str, tuple[str, str]] = {}
    for decision in reversed([d for d in told if d.verb not in _STEADY]):  # told is newest first
        newest[decision.region] = (decision.verb, decision.reason)
    fresh = list(dict.fromkeys(decisions))
    steady = [d for d in fresh if d.verb in _STEADY][:STEADY_LIMIT]
    new = [d for d in fresh if d.verb not in _STEADY and newest.get(d.region) != (d.verb, d.reason)]
    return (*new, *(d for d in steady if (d.verb, d.region, d.reason) not in steady_told))
