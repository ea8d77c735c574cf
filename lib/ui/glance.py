"""The fleet at a glance: does it serve, how well, from how many regions, at what cost, and what is being done and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import streamlit as st

from lib.fleet import answers, explain
from lib.fleet.model import BLOCKED, PROGRESS, Condition, Decision, Phase, Placement
from lib.fleet.spend import cost
from lib.ui import moments, words
from lib.ui.snapshot import Snapshot

NOTHING = ":gray[\u2013]"  # a dash where a number will stand
HALF_A_DAY: Final = timedelta(hours=12)  # an older time needs its day
WINDOW: Final = timedelta(hours=1)
GOOD: Final = 0.999  # of requests answered: three nines are the least that is called well
FAIR: Final = 0.95
Color = Literal["green", "blue", "red", "orange", "gray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    word: str
    color: Color
    sentence: str


def show(snapshot: Snapshot) -> None:
    """Five cards, also before there is a placement: the map below them must not move when it comes."""
    with st.container(key="glance"):
        cells = st.columns([1, 1.25, 1, 1, 2.3], gap="small")
        known = ", last known" if snapshot.hub is not None else ""
        unknown = "comes with the set-up" if snapshot.setting_up else "not known at the moment"
        with cells[0]:
            _regions(snapshot.placement, unknown, known)
        with cells[1]:
            _endpoint(snapshot.placement, unknown, known)
        with cells[2]:
            _answers(snapshot, unknown)
        with cells[3]:
            _money(snapshot.placement, unknown)
        with cells[4]:
            _controller(snapshot)


def _regions(placement: Placement | None, unknown: str, known: str) -> None:
    if placement is None:
        _card("regions", "Regions serving", NOTHING, unknown)
        return
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
    _card("regions", f"Regions serving{known}", f":{color}[{serving}] / {wanted}", note)


def _endpoint(placement: Placement | None, unknown: str, known: str) -> None:
    if placement is None:
        _card("address", "Global address", NOTHING, unknown)
        return
    verdict = vip_verdict(placement)
    _card(
        "address",
        f"Global address{known}",
        f":{verdict.color}[{verdict.word}]",
        words.plain(verdict.sentence),
    )


def _answers(snapshot: Snapshot, unknown: str) -> None:
    """Of the last hour: what the prober and the prompt box got through the global address."""
    if snapshot.placement is None:
        _card("answers", "Answered", NOTHING, unknown)
        return
    told = answers.since(snapshot.entries, snapshot.clock.at(time.time()) - WINDOW)
    if told.share is None:
        _card("answers", "Answered", NOTHING, "nothing was asked in the last hour")
        return
    color: Color = "green" if told.share >= GOOD else "orange" if told.share >= FAIR else "red"
    slow = "" if told.p95_ms is None else f"95 % within {told.p95_ms:.0f} ms"
    _card(
        "answers",
        "Answered",
        f":{color}[{share_words(told.share)}]",
        f"{slow}  \nof {told.asked} in the last hour",
    )


def share_words(share: float) -> str:
    """ "100 %" only when none was lost."""
    return "100 %" if share == 1 else f"{min(99.9, 100 * share):.1f} %"


def _money(placement: Placement | None, unknown: str) -> None:
    if placement is None:
        _card("money", "Spend per hour", NOTHING, unknown)
        return
    spend, budget = placement.status.usd_per_hour, placement.spec.max_hourly_usd
    share = spend / budget if budget > 0 else 1.0
    color = "red" if share > 1 else "orange" if share > 0.85 else "green"
    _card(
        "money",
        "Spend per hour",
        words.money(spend).replace("$", "\\$"),
        f":{color}[{share:.0%}] of the \\${budget:g} budget{_month(placement)}",
    )


def _month(placement: Placement) -> str:
    """The month so far (a "+" says that there are gaps) and to its end, in one short line of its own."""
    told = cost(placement, now=placement.status.as_of) if placement.status.as_of else None
    if told is None:
        return ""
    more = "+" if told.unseen_s >= 1 else ""
    return f"  \nmonth \\${told.month_usd:,.0f}{more} of about \\${told.forecast_usd:,.0f}"


def _controller(snapshot: Snapshot) -> None:
    decision = latest(snapshot)
    with st.container(border=True, height="stretch", gap=None, key="glance_decision"):
        if decision is None:
            st.caption("What the controller is doing")
            st.markdown(
                "Setting up the platform; the steps are beside the map."
                if snapshot.setting_up
                else "Nothing is known of it at the moment."
                if snapshot.placement is None
                else "Nothing to decide: the fleet is as it was asked for."
                if _served(snapshot.placement)
                else "No decision yet: the controller looks around first."
            )
            return
        region = f" · {decision.region}" if decision.region else ""
        now = snapshot.clock.at(time.time())
        when = moments.tag(decision.at, snapshot.zone, dated=now - decision.at > HALF_A_DAY)
        st.caption(
            f"Latest decision · {when} · **{words.plain(decision.verb + region)}**", unsafe_allow_html=True
        )
        said = moments.sentence(shortened(decision.reason, 240), snapshot.zone, now)
        st.markdown(said, unsafe_allow_html=True)
        told = explain.told(decision)
        if told.why_not:
            first = told.why_not[0]
            rest = f" (and {len(told.why_not) - 1} more)" if len(told.why_not) > 1 else ""
            st.caption(f"Why not {first.region}{rest}: {words.plain(first.reason)}")
        elif told.flip:
            st.caption(f"What would flip it: {words.plain(told.flip[0])}")


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


def _card(name: str, title: str, value: str, note: str) -> None:
    with st.container(border=True, height="stretch", gap=None, key=f"glance_{name}"):
        st.caption(title)
        st.markdown(f"**{value}**")
        st.caption(note)
