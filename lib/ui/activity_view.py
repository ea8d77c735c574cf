"""The live part of the Activity page: which stretch of time, what of it, as a timeline or as an audit table.

The newest lines are the snapshot's. Whatever lies beyond them, by time, words or page, is looked up in the whole journal
in the background (lib.gateways.journal_search).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import streamlit as st

from lib.gateways.journal import KINDS
from lib.gateways.journal_search import Found, Search, search
from lib.settings import Settings
from lib.ui import audit, browser, chrome, looks, moments, paging, timeline, viewer, words, worldmap
from lib.ui.looks import Seen
from lib.ui.snapshot import Snapshot

AUDIT: Final = "Audit"
VIEWS: Final = (*timeline.VIEWS, AUDIT)
NEWEST: Final = "Newest"
TIMES: Final[dict[str, timedelta | None]] = {
    NEWEST: None,
    "Last 15 min": timedelta(minutes=15),
    "Last hour": timedelta(hours=1),
    "Last 6 h": timedelta(hours=6),
    "Last day": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "All": timedelta(days=36500),
}
AROUND: Final = {
    "10 min around it": timedelta(minutes=10),
    "1 h around it": timedelta(hours=1),
    "6 h around it": timedelta(hours=6),
}
EVERY_S: Final = 3.0
PAGE: Final = "activity_page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address bar asks for."""

    view: str = "Everything"
    region: str = ""
    text: str = ""
    last: timedelta | None = None  # None: the newest
    at: datetime | None = None
    around: timedelta = timedelta(hours=1)
    people: bool = True
    page: int = 1

    @property
    def newest(self) -> bool:
        """Whether the snapshot's newest lines can answer, if perhaps not all of it."""
        return self.view != AUDIT and self.page == 1 and self.last is None and self.at is None

    @property
    def live(self) -> bool:
        """Whether they are all it takes."""
        return self.newest and not self.text

    @property
    def search(self) -> Search:
        kinds = (
            audit.KINDS
            if self.view == AUDIT
            else timeline.VIEWS[self.view] or tuple(sorted(KINDS - timeline.QUIET))
        )
        return Search(
            kinds=kinds,
            region=self.region,
            text=self.text,
            since=self.at - self.around if self.at else None,
            until=self.at + self.around if self.at else None,
            people=self.view == AUDIT and self.people,
        )  # fmt: skip


@st.fragment(run_every=chrome.HEARTBEAT_S)
def show() -> None:
    snapshot = viewer.snapshot()
    chrome.banners(snapshot)
    asked = _choices()
    if asked is None:
        browser.follow(snapshot)
        return
    name = f"journal/{asked}"
    seen: Seen[Found] = Seen()
    if not asked.live:
        seen = looks.look(name, lambda settings: _read(settings, asked), every_s=EVERY_S)
    if asked.live or (asked.newest and seen.value is None):
        _newest(snapshot, asked)  # at once, while the rest of the journal is being looked through
    else:
        _looked_up(snapshot, asked, seen)
    browser.follow(snapshot, name)


def _choices() -> Asked | None:
    """All of them are in the address bar; None for a moment that is none, which is told."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control(
            "Show", VIEWS, key="activity_view", default="Everything", required=True, width="content",
            bind="query-params", on_change=_first_page,
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        when = around = None
        if not (st.session_state["at"] if "at" in st.session_state else st.query_params.get("at")):
            when = st.selectbox(
                "Time", list(TIMES), key="activity_when", width=140, bind="query-params", on_change=_first_page,
                help="In the time of the target, which is the sandbox's there.",
            )  # fmt: skip
        moment = st.text_input(
            "Moment", key="at", placeholder="2026-11-26 18:05", width=190, bind="query-params", on_change=_typed,
            help="In your own time where it doesn't say; the address keeps it in UTC.",
        )  # fmt: skip
        if moment:
            around = st.selectbox(
                "Stretch", list(AROUND), key="activity_around", index=1, width=160, bind="query-params",
                on_change=_first_page,
            )  # fmt: skip
        region = st.selectbox(
            "Region", worldmap.PLACES, key="activity_region", index=None, placeholder="every region", width=190,
            bind="query-params", on_change=_first_page,
        )  # fmt: skip
        text = st.text_input(
            "Search", key="activity_text", placeholder="words, a name, an operation id", width=250,
            icon=":material/search:", bind="query-params", on_change=_first_page,
        )  # fmt: skip
        people = (
            st.toggle("People only", key="activity_people", value=True, bind="query-params")
            if view == AUDIT
            else True
        )
    at = moment_of(moment)
    if moment and at is None:
        st.warning(
            f"“{words.plain(moment[:40])}” is no moment; write it as 2026-11-26 18:05 or 2026-11-26T18:05:00Z.",
            icon=":material/schedule:",
        )
        return None
    return Asked(
        view=str(view),
        region=region or "",
        text=text.strip(),
        last=TIMES.get(str(when)),
        at=at,
        around=AROUND.get(str(around), timedelta(hours=1)),
        people=people,
        page=paging.asked(PAGE),
    )


def _first_page() -> None:
    paging.back_to_first(PAGE)


def _typed() -> None:
    """Into the address as UTC, so that a link means the same moment to everybody."""
    _first_page()
    at = moment_of(st.session_state["at"], viewer.zone())
    if at is not None:
        st.session_state["at"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"


def moment_of(text: str, zone: tzinfo = UTC) -> datetime | None:
    """A moment as people write it, taken as of this zone where it doesn't say."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" UTC", "Z"))
    except ValueError:
        return None
    return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)


def _read(settings: Settings, asked: Asked) -> Found:
    """Raises JournalError."""
    wanted, size = asked.search, audit.SHOWN if asked.view == AUDIT else timeline.SHOWN
    if asked.last is not None and asked.at is None:
        wanted = replace(wanted, since=settings.now() - asked.last)
    return search(settings.journal_url, wanted, limit=size, offset=(asked.page - 1) * size)


def _newest(snapshot: Snapshot, asked: Asked) -> None:
    found = timeline.chosen(
        snapshot.entries,
        timeline.Wanted(kinds=timeline.VIEWS[asked.view], region=asked.region, text=asked.text),
    )
    if not snapshot.entries:
        st.info(
            "Nothing has been written yet; the first lines come with the set-up.",
            icon=":material/hourglass_top:",
        )
    elif not found:
        latest = words.plural(len(snapshot.entries), "latest line")
        rest = "looking through the journal…" if asked.text else "a range of time looks in the whole journal."
        st.info(f"None of the {latest} fits these filters; {rest}")
    else:
        shown = min(len(found), timeline.SHOWN)
        st.caption(f"The newest {shown} lines, live; a range of time reaches those before them")
        timeline.show(snapshot, found, key="timeline", opened=asked.view == "Decisions")


def _looked_up(snapshot: Snapshot, asked: Asked, seen: Seen[Found]) -> None:
    if seen.trouble is not None and snapshot.journal is None:
        st.warning(words.plain(seen.trouble.sentence), icon=":material/history_toggle_off:")
    if seen.value is None:
        if seen.trouble is None:
            st.caption("Looking in the journal…")
        return
    found, size = seen.value, audit.SHOWN if asked.view == AUDIT else timeline.SHOWN
    pages = max(1, -(-found.total // size))
    read = f" · read {words.span(time.time() - seen.read_at)} ago" if seen.read_at and seen.trouble else ""
    if not found.total:
        st.info(f"No line of the journal fits: {words.plain(_told(asked, snapshot.zone))}.")
        if asked.at is not None:
            timeline.show(snapshot, (), key="timeline", mark=asked.at)
        return
    first = (asked.page - 1) * size + 1
    last = first + len(found.entries) - 1
    st.caption(
        f"Lines {first:,} to {last:,} of {found.total:,}, newest first: {words.plain(_told(asked, snapshot.zone))}{read}"
    )
    if asked.view == AUDIT:
        audit.show(found.entries, snapshot.zone)
    else:
        timeline.show(
            snapshot, found.entries, key="timeline", mark=asked.at, opened=asked.view == "Decisions"
        )
    paging.control(PAGE, asked.page, pages)


def _told(asked: Asked, zone: tzinfo) -> str:
    """The filters in words."""
    if asked.at is not None:
        span = f"{words.span(asked.around.total_seconds())} before and after {moments.day(asked.at, zone)}"
    else:
        span = next(name for name, last in TIMES.items() if last == asked.last).lower()
        span = "all of the journal" if asked.last in {None, TIMES["All"]} else f"the {span}"
    parts = [asked.view.lower(), span, asked.region, f"with “{asked.text[:60]}”" if asked.text else ""]
    if asked.view == AUDIT and asked.people:
        parts.append("what people did")
    return ", ".join(part for part in parts if part)
