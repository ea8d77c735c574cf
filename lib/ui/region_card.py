"""All that is known of one region: where it stands and why, what is offered, what it costs, what happened there."""

from __future__ import annotations

import time
from datetime import tzinfo
from typing import Any

import streamlit as st

from lib.fleet import explain
from lib.fleet.model import Candidate, Entry, RegionStatus, WhyNot
from lib.ui import changes, confirm, moments, next_panel, passage, words
from lib.ui.snapshot import Snapshot

EVENTS = 8
DECISIONS = 3


def show(snapshot: Snapshot, region: str, accelerator: str) -> None:
    status = snapshot.region_status(region)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(region, anchor=False, width="content")
        st.caption(words.place(region), width="content")
        if status is not None:
            st.badge(words.phase_title(status.phase), color=words.phase_color(status.phase))
    if status is not None:
        if status.message:
            st.markdown(_said(snapshot, status.message), unsafe_allow_html=True)
        passage.waterfall(snapshot, status)
    _buttons(snapshot, region, status)
    _why(snapshot, region, accelerator)
    _offer(snapshot, region, accelerator)
    _events(snapshot, region)
    if status is not None and status.conditions:
        _conditions(status)


def empty(snapshot: Snapshot, *, live: dict[str, Any] | None = None) -> None:
    """Nothing is chosen: where it would be worth to look first."""
    with st.container(height="stretch", vertical_alignment="center", gap="small"):
        st.header(":material/ads_click: Pick a region", anchor=False)
        st.caption(
            "Click a marker, a row here, or choose a name above: what is offered there, what it costs and what "
            "would be created."
        )
        next_panel.short_list(snapshot, now=snapshot.clock.at(time.time()), live=live)


def _buttons(snapshot: Snapshot, region: str, status: RegionStatus | None) -> None:
    refused = confirm.refusal(snapshot)
    excluded = snapshot.placement is not None and region in snapshot.placement.spec.excluded
    pinned = snapshot.placement is not None and region in snapshot.placement.spec.pinned
    with st.container(horizontal=True):
        if status is None or not pinned:
            help_text = refused or ("Keep this region." if status else "Serve from here too.")
            st.button(
                "Keep here" if status else "Expand",
                key="expand",
                type="secondary" if status else "primary",
                icon=":material/push_pin:" if status else ":material/add_location:",
                disabled=bool(refused),
                help=help_text,
                on_click=confirm.ask,
                args=(changes.expand(region),),
            )
        if status is not None:
            st.button(
                "Contract",
                key="contract",
                icon=":material/remove_circle:",
                disabled=bool(refused),
                help=refused or "Drain this region, then delete its cluster.",
                on_click=confirm.ask,
                args=(changes.contract(region),),
            )
    if refused:
        st.caption(f":orange[{refused}]")
    elif excluded:
        st.caption(
            "Taken out by the operator: the platform does not come back here by itself. Expand undoes that."
        )


def _why(snapshot: Snapshot, region: str, accelerator: str) -> None:
    """The same answer as ./atlas explain REGION."""
    if snapshot.placement is None:
        return
    answer = explain.of_region(
        snapshot.placement,
        region,
        accelerator=accelerator,
        view=snapshot.view(region),
        decisions=explain.merged(snapshot.decisions, snapshot.of_kind("decision")),
        now=snapshot.clock.at(time.time()),
    )
    with st.expander("Why" if answer.serving else "Why not", icon=":material/help:"):
        if not answer.serving:
            st.markdown(_said(snapshot, answer.blocker or answer.sentence), unsafe_allow_html=True)
        for flip in answer.flip:
            st.caption(f":material/lightbulb: Would flip with: {words.plain(flip)}")
        for one in answer.decisions[:DECISIONS]:
            where = f" {one.region}" if one.region else ""
            st.caption(
                f"{moments.tag(one.at, snapshot.zone)} **{words.plain(one.verb + where)}** {_said(snapshot, one.why)}",
                unsafe_allow_html=True,
            )
            st.caption("\n".join(_not_there(other) for other in one.why_not))


def _said(snapshot: Snapshot, text: str) -> str:
    return moments.sentence(text, snapshot.zone, snapshot.clock.at(time.time()))


def _not_there(other: WhyNot) -> str:
    flips = f" Flips with {words.plain(other.flip)}." if other.flip else ""
    return f"- why not **{other.region}**: {words.plain(other.reason)}{flips}"


def _offer(snapshot: Snapshot, region: str, accelerator: str) -> None:
    found = snapshot.candidate(region, accelerator)
    if snapshot.view(region) is None:
        st.caption("Nothing is known of this region's GPUs yet; the controller is asking Compute Engine.")
        return
    letter = words.known_letter(found)
    color = words.KNOWN_COLORS[letter]
    chance = f" · {found.obtainability:.0%}" if found and found.obtainability is not None else ""
    st.markdown(f"**{words.gpu(accelerator)}** :{color}-badge[{words.KNOWN_WORDS[letter]}{chance}]")
    if found is None:
        st.caption("The platform has no view of this GPU here yet.")
        return
    _facts(found, letter, snapshot.region_status(region))
    reasons = "\n".join(f"- {_said(snapshot, reason)}" for reason in found.reasons)
    st.caption(reasons, unsafe_allow_html=True)
    if found.flip:
        st.caption(f":material/lightbulb: What would change this: {words.plain(found.flip)}")
    _others(snapshot, region, accelerator)


def _facts(found: Candidate, letter: str, status: RegionStatus | None) -> None:
    zones = ", ".join(zone.rsplit("-", 1)[-1] for zone in found.zones) or "none"
    quota = "not readable" if found.quota is None else f"{found.quota.usage:g} of {found.quota.limit:g} used"
    price = words.money(found.usd_per_hour).replace("$", "\\$")
    st.caption(
        f":material/dns: zones **{zones}**  ·  :material/speed: quota **{quota}**  \n"
        f":material/payments: **{price}** per hour{_hope(found, letter, status)}"
    )


def _hope(found: Candidate, letter: str, status: RegionStatus | None) -> str:
    """When it would serve: only where it can, and not where it does; how long is no promise that there is stock."""
    if found.eta_s is None or status is not None or letter not in words.HOPE:
        return ""
    after = words.span(round(found.eta_s, -1))
    return f"  ·  :material/timer: would serve in **about {after}**{words.HOPE[letter]}"


def _others(snapshot: Snapshot, region: str, accelerator: str) -> None:
    view = snapshot.view(region)
    others = [
        one for one in (view.candidates if view else ()) if one.accelerator != accelerator and one.zones
    ]
    if not others:
        return
    with st.expander(f"{words.plural(len(others), 'other GPU')} offered here"):
        rows = [
            f"| {words.gpu(one.accelerator)} | {', '.join(z.rsplit('-', 1)[-1] for z in one.zones)} "
            f"| {words.KNOWN_WORDS[words.known_letter(one)]} "
            f"| {words.money(one.usd_per_hour).replace('$', chr(92) + '$')} |"
            for one in others
        ]
        st.markdown("\n".join(["| GPU | Zones | Now | Per hour |", "|---|---|---|---|", *rows]))


def _events(snapshot: Snapshot, region: str) -> None:
    events = [one for one in snapshot.of_kind("event") if one.region == region][:EVENTS]
    if not events:
        return
    with st.expander(f"What happened here ({len(events)} latest)", expanded=False):
        for entry in events:
            event(entry, snapshot.zone)


def event(entry: Entry, zone: tzinfo) -> None:
    """In plain words, with the original beneath."""
    reason = str(entry.body.get("reason", "")) or entry.subject
    meaning = words.EVENT_WORDS.get(reason, "")
    st.markdown(f"{moments.tag(entry.at, zone)} **{words.plain(reason)}** {meaning}", unsafe_allow_html=True)
    st.code(entry.message, language=None, wrap_lines=True)


def _conditions(status: RegionStatus) -> None:
    icons = {"True": ":green[●]", "False": ":red[●]", "Unknown": ":gray[○]"}
    with st.expander("Evidence: conditions, cluster and commit"):
        facts = [("cluster", status.cluster), ("pod", status.pod), ("commit", status.commit[:10])]
        st.caption(" · ".join(f"{name} `{value}`" for name, value in facts if value))
        for one in status.conditions:
            st.caption(f"{icons.get(one.status, '')} **{one.type}** {one.reason}: {words.plain(one.message)}")
