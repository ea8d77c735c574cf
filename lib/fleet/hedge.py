"""How many regions to try at once while too few serve: more than lack when the odds are bad, so that one refusal
doesn't cost a whole start.

The rule is the one that the policy is judged by on traces (`policy.parallel`): the odds of what is tried must add up to
what is missing, twice as much after each refused round. But before anything was refused nothing is hedged, since a try
here is a whole cluster's start. What is tried beyond need is cancelled by `Survey.surplus` once enough serve.
"""

from __future__ import annotations

from collections.abc import Sequence

from lib.fleet.judged import judged
from lib.fleet.model import Outcome
from lib.fleet.policy.parallel import sought
from lib.fleet.survey import REPLACEABLE, TRIED, RegionSurvey, Survey

REFUSED = frozenset({Outcome.STOCK_OUT, Outcome.TIMED_OUT, Outcome.QUOTA, Outcome.NOT_OFFERED})
UNKNOWN_ODDS = 0.5
LEAST_ODDS = 0.3  # of a region that is still being tried: one zone may have refused, others are left


def regions_to_try(look: Survey, counted: Sequence[RegionSurvey]) -> int:
    """How many regions should serve or be on their way, given those that do: one more than `counted` at most."""
    spec = look.placement.spec
    waiting = [r for r in counted if r.phase in TRIED and not r.has_node and not r.drilled]
    missing = spec.serving - (len(counted) - len(waiting))
    extra = max(0, len(counted) - spec.serving)
    if missing <= 0 or not waiting or len(counted) < spec.serving:
        return spec.serving
    refused = rounds(look)
    likely = not refused or sum(odds(look, r) for r in waiting) >= sought(missing, refused)
    return spec.serving + (extra if likely else min(spec.hedge, extra + 1))


def rounds(look: Survey) -> int:
    """Regions that were tried and refused since the service fell short, and one more when nothing serves any longer
    because a region that did was refused a machine."""
    ready = next((c for c in look.placement.status.conditions if c.type == "Ready"), None)
    since = ready.last_transition_at if ready is not None and ready.status == "False" else None
    served = {r.region for r in look.regions.values() if r.served}
    refused = {
        a.region
        for a in look.seen.attempts
        if a.outcome in REFUSED and since is not None and a.at >= since and a.region not in served
    }
    lost = any(r.phase in REPLACEABLE and r.served and not r.drilled for r in look.targets)
    return len(refused) + (lost and look.serving == 0)


def odds(look: Survey, region: RegionSurvey) -> float:
    choice = (region.wanted.accelerator, region.wanted.provisioning)
    found = judged(look, choice, (region.region,), present=frozenset(), everywhere=False)
    likely = found[0].obtainability if found else None
    return max(LEAST_ODDS, UNKNOWN_ODDS if likely is None else likely)
