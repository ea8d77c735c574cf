"""The fleet at a glance: does it serve, how well, from how many regions, at what cost, and what is being done and why."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from lib.fleet import answers, explain
from lib.fleet.model import BLOCKED, PROGRESS, Condition, Decision, Phase, Placement
from lib.fleet.spend import cost
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot

NOTHING: Final = "\u2013"  # a dash where a number will stand
HALF_A_DAY: Final = timedelta(hours=12)  # an older time needs its day
WINDOW: Final = timedelta(hours=1)
GOOD: Final = 0.999  # of requests answered: three nines are the least that is called well
FAIR: Final = 0.95
Color = Literal["green", "blue", "red", "orange", "gray", ""]
_GLANCE: Final = browser.component("glance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """`value` is large and in `color`, with `rest` behind it; `marked` begins the first note."""

    title: str
    value: str = NOTHING
    color: Color = ""
    rest: str = ""
    marked: str = ""
    mark_color: Color = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    word: str
    color: Color
    sentence: str


def show(snapshot: Snapshot, *, live: dict[str, Any] | None = None) -> None:
    """Five cards in one component, also before there is a placement: the map below them must not move when it comes.

    `live`: where it asks for news by itself (lib.ui.live)."""
    _GLANCE(key="glance", data=payload(snapshot) | {"live": live})


def payload(snapshot: Snapshot) -> dict[str, Any]:
    known = ", last known" if snapshot.hub is not None else ""
    unknown = "comes with the set-up" if snapshot.setting_up else "not known at the moment"
    placement = snapshot.placement
    cards = (
        _regions(placement, known) if placement else Card(title="Regions serving", notes=(unknown,)),
        _endpoint(placement, known) if placement else Card(title="Global address", notes=(unknown,)),
        _answers(snapshot, placement) if placement else Card(title="Answered", notes=(unknown,)),
        _money(placement) if placement else Card(title="Spend per hour", notes=(unknown,)),
    )
    return {
        "clock": browser.clock(snapshot.clock),
        "cards": [asdict(one) for one in cards],
        "decision": _controller(snapshot),
    }


def _regions(placement: Placement, known: str) -> Card:
    regions, wanted = placement.status.regions, placement.spec.serving
    serving = sum(one.phase is Phase.SERVING for one in regions)
    blocked = sum(one.phase in BLOCKED for one in regions)
    lost = sum(one.phase is Phase.UNREACHABLE for one in regions)
    coming = sum(one.phase in PROGRESS and one.phase is not Phase.SERVING for one in regions)
    warm = sum(one.phase is Phase.WARM for one in regions)
    counts = ((coming, "on the way"), (lost, "not answering"), (blocked, "blocked"), (warm, "warm"))
    note = ", ".join(f"{count} {what}" for count, what in counts if count)
    color: Color = "green" if serving >= wanted else "orange" if serving else "red"
    if first_time(placement):
        color = "blue"
    note = note or ("nothing is missing" if serving >= wanted else "nothing on the way yet")
    return Card(
        title=f"Regions serving{known}", value=str(serving), color=color, rest=f" / {wanted}", notes=(note,)
    )


def _endpoint(placement: Placement, known: str) -> Card:
    verdict = vip_verdict(placement)
    return Card(
        title=f"Global address{known}",
        value=verdict.word,
        color=verdict.color,
        notes=(verdict.sentence,),
    )


def _answers(snapshot: Snapshot, placement: Placement) -> Card:
    """Of the last hour: what the prober and the prompt box got through the global address."""
    begin = snapshot.clock.at(time.time()) - WINDOW
    told = answers.since(snapshot.entries, answers.expected_from(snapshot.entries, begin))
    if not told.good and first_time(placement):
        return Card(title="Answered", notes=("nothing has served yet",))
    if told.share is None:
        return Card(title="Answered", notes=("nothing was asked in the last hour",))
    color: Color = "green" if told.share >= GOOD else "orange" if told.share >= FAIR else "red"
    slow = "" if told.p95_ms is None else f"95 % within {told.p95_ms:.0f} ms"
    return Card(
        title="Answered",
        value=share_words(told.share),
        color=color,
        notes=(slow, f"of {told.asked} in the last hour"),
    )


def share_words(share: float) -> str:
    """ "100 %" only when none was lost."""
    return "100 %" if share == 1 else f"{min(99.9, 100 * share):.1f} %"


def _money(placement: Placement) -> Card:
    spend, budget = placement.status.usd_per_hour, placement.spec.max_hourly_usd
    share = spend / budget if budget > 0 else 1.0
    color: Color = "red" if share > 1 else "orange" if share > 0.85 else "green"
    return Card(
        title="Spend per hour",
        value=words.money(spend),
        marked=f"{share:.0%}",
        mark_color=color,
        notes=(f" of the ${budget:g} budget", _month(placement)),
    )


def _month(placement: Placement) -> str:
    """The month so far (a "+" says that there are gaps) and to its end, in one short line of its own."""
    told = cost(placement, now=placement.status.as_of) if placement.status.as_of else None
    if told is None:
        return ""
    more = "+" if told.unseen_s >= 1 else ""
    return f"month ${told.month_usd:,.0f}{more} of about ${told.forecast_usd:,.0f}"


def _controller(snapshot: Snapshot) -> dict[str, Any]:
    """The latest decision; without one a sentence why there is none."""
    decision = latest(snapshot)
    if decision is None:
        return {"said": _undecided(snapshot)}
    told = explain.told(decision)
    more = ""
    if told.why_not:
        first = told.why_not[0]
        rest = f" (and {len(told.why_not) - 1} more)" if len(told.why_not) > 1 else ""
        more = f"Why not {first.region}{rest}: {first.reason}"
    elif told.flip:
        more = f"What would flip it: {told.flip[0]}"
    return {
        "at": decision.at.timestamp(),
        "dated": snapshot.clock.at(time.time()) - decision.at > HALF_A_DAY,
        "what": decision.verb + (f" · {decision.region}" if decision.region else ""),
        "said": shortened(decision.reason, 240),
        "more": more,
    }


def _undecided(snapshot: Snapshot) -> str:
    if snapshot.setting_up:
        return "Setting up the platform; the steps are beside the map."
    if snapshot.placement is None:
        return "Nothing is known of it at the moment."
    if _served(snapshot.placement):
        return "Nothing to decide: the fleet is as it was asked for."
    return "No decision yet: the controller looks around first."


def _served(placement: Placement) -> bool:
    serving = sum(one.phase is Phase.SERVING for one in placement.status.regions)
    return serving >= placement.spec.serving


def latest(snapshot: Snapshot) -> Decision | None:
    return snapshot.decisions[0] if snapshot.decisions else None


def vip_verdict(placement: Placement) -> Verdict:
    """What a user of the address gets at this moment, from the load balancer's own health."""
    status = placement.status
    reachable = condition(placement, "Reachable")
    healthy = [one for one in status.regions if one.healthy]
    names = words.listed([one.region for one in healthy], most=2)
    if healthy:
        return Verdict(word="Serving", color="green", sentence=f"answers from {names}")
    if not status.vip:
        return Verdict(word="No address yet", color="gray", sentence="made when the first region joins")
    if reachable is not None and reachable.status == "Unknown":
        return Verdict(word="Unknown", color="gray", sentence=shortened(reachable.message, 60))
    if first_time(placement):
        return Verdict(word="Not yet", color="blue", sentence="answers as soon as a region serves")
    return Verdict(word="Down", color="red", sentence="no healthy endpoint behind it")


def first_time(placement: Placement) -> bool:
    """Everything is on its way and nothing has served yet: silence is no failure then."""
    regions = placement.status.regions
    phases = {past.phase for one in regions for past in one.history} | {one.phase for one in regions}
    return bool(regions) and phases <= set(PROGRESS) - {Phase.SERVING}


def condition(placement: Placement, kind: str) -> Condition | None:
    return next((one for one in placement.status.conditions if one.type == kind), None)


def shortened(text: str, most: int = 170) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"
