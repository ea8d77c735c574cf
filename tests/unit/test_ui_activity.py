"""The Activity page: a stretch of time, a moment to link to, the audit table; and the search it reads with."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet.model import Entry
from lib.gateways.journal import Journal
from lib.gateways.journal_search import Found, Search, search
from lib.settings import Settings
from lib.ui import activity_view, audit, looks, samples, server, session, timeline
from lib.ui.snapshot import Trouble
from tests.waiting import wait_until

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A journal with 300 old decisions, one wish of a person and what came of it."""
    where = f"sqlite:///{tmp_path / 'journal.db'}"
    with closing(Journal(where)) as journal:
        for n in range(300):
            journal.append(
                "decision",
                at=NOON - timedelta(hours=10) + timedelta(seconds=n),
                region="us-east4",
                subject="Hold",
                message=f"Cooling down, look {n}.",
            )
        journal.append(
            "intent",
            at=NOON,
            region="us-west1",
            subject="expand",
            message="Serve from us-west1",
            actor="ada@example.org",
            operation_id="ui-42",
        )
        journal.append(
            "ledger",
            at=NOON + timedelta(seconds=5),
            region="us-west1",
            message="ada asked",
            actor="gpu-atlas",
            operation_id="ui-42",
            body={"kind": "Cluster", "name": "atlas-us-west1", "step": "Made"},
        )
        journal.append(
            "event", at=NOON, subject="Scheduled", message="100% of a_pod", actor="default-scheduler"
        )
    return where  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "total", "newest"),
    [
        pytest.param(Search(), 303, "ada asked", id="everything"),
        pytest.param(Search(kinds=("decision",)), 300, "Cooling down, look 299.", id="a kind"),
        pytest.param(Search(region="us-west1"), 2, "ada asked", id="a region"),
        pytest.param(Search(text="look 271."), 1, "Cooling down, look 271.", id="words of a line long past"),
        pytest.param(Search(text="UI-42"), 2, "ada asked", id="an operation id in any case"),
        pytest.param(Search(text="100%"), 1, "100% of a_pod", id="a per cent sign is no wildcard"),
        pytest.param(Search(text="a_pod"), 1, "100% of a_pod", id="an underscore is none either"),
        pytest.param(Search(since=NOON, until=NOON), 2, "", id="a stretch of time, ends included"),
        pytest.param(Search(kinds=audit.KINDS, people=True), 1, "Serve from us-west1", id="what people did"),
        pytest.param(Search(text="'; drop table entries; --"), 0, "", id="nothing"),
    ],
)  # fmt: skip
def test_a_search_finds_what_fits_and_says_how_many(
    url: str, wanted: Search, total: int, newest: str
) -> None:
    found = search(url, wanted, limit=50)
    assert found.total == total
    assert len(found.entries) == min(total, 50)
    assert not newest or found.entries[0].message == newest


def test_pages_go_through_all_lines_each_once(url: str) -> None:
    pages = [search(url, Search(), limit=80, offset=80 * n).entries for n in range(5)]
    assert [len(page) for page in pages] == [80, 80, 80, 63, 0]
    ids = [entry.id for page in pages for entry in page]
    assert len(ids) == len(set(ids)) == 303


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        pytest.param("2026-11-26T12:00:00Z", NOON, id="as links say it"),
        pytest.param("2026-11-26 12:00", NOON, id="as people write it"),
        pytest.param("2026-11-26 12:00:00 UTC", NOON, id="as the screen says it"),
        pytest.param("2026-11-26T13:00:00+01:00", NOON, id="another zone"),
        pytest.param("yesterday", None, id="words"),
        pytest.param("2026-13-45 99:00", None, id="no such day"),
    ],
)
def test_a_moment_is_read_as_people_write_it(said: str, moment: datetime | None) -> None:
    assert activity_view.moment_of(said) == moment


# --- the page --------------------------------------------------------------------------------------------


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Iterator[Settings]:
    held = Settings(state_dir=tmp_path, journal_url=url)
    session.install(samples.CASES["fleet"](), settings=held)
    yield held
    looks.stop()
    session.stop()


def opened(**query: str) -> AppTest:
    at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
    for name, value in query.items():
        at.query_params[name] = value
    return at.switch_page(str(server.HOME / "pages/activity.py")).run()


def text(at: AppTest) -> str:
    kinds = ("caption", "markdown", "info", "warning")
    return "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in at.get(kind)).replace(
        "\\", ""
    )


def settled(at: AppTest, says: str) -> str:
    """Runs again until the background has read, as a browser would on the pulse's news."""
    return wait_until(lambda: said if says in (said := text(at.run())) else "", timeout_s=20, what=says)


def test_lines_beyond_the_snapshot_are_reached_by_time_and_page(settings: Settings) -> None:
    said = settled(opened(activity_when="All", activity_view="Decisions"), "Lines 1 to 80 of 300")
    assert "newest first: decisions, all of the journal" in said
    assert "Lines 241 to 300 of 300" in settled(
        opened(activity_when="All", activity_view="Decisions", activity_page="4"), "Lines 241"
    )


def test_a_link_to_a_moment_shows_the_lines_around_it(settings: Settings) -> None:
    said = settled(opened(at="2026-11-26T12:00:00Z"), "Lines 1 to 2 of 2")
    assert "1 h before and after 26 Nov 12:00:00 UTC" in said


def test_a_moment_without_lines_and_one_that_is_none_are_said(settings: Settings) -> None:
    assert "No line of the journal fits" in settled(opened(at="2020-01-01 00:00"), "No line")
    assert "“soon” is no moment" in text(opened(at="soon"))


def test_words_are_looked_for_in_all_of_the_journal(settings: Settings) -> None:
    assert "with “look 271.”" in settled(opened(activity_text="look 271."), "Lines 1 to 1 of 1")


def test_the_audit_tells_who_did_what_under_which_operation_and_can_be_taken_along(
    settings: Settings,
) -> None:
    at = opened(activity_view="Audit")
    settled(at, "Lines 1 to 1 of 1")
    (table,) = at.dataframe
    assert list(table.value.iloc[0][["Who", "What", "Operation id"]]) == [
        "ada@example.org",
        "expand",
        "ui-42",
    ]
    at.toggle(key="activity_people").set_value(False)
    settled(at, "Lines 1 to 2 of 2")
    assert list(at.dataframe[0].value["Outcome"]) == ["Made", "asked for"]


def test_a_journal_that_can_not_be_read_is_said(settings: Settings) -> None:
    broken: looks.Seen[Found] = looks.Seen(
        trouble=Trouble(sentence="The journal is broken.", since=time.time())
    )
    asked = activity_view.Asked(view="Audit")
    looks.install({f"journal/{asked}": broken})
    assert "The journal is broken." in text(opened(activity_view="Audit"))


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@x", "plain"])
def test_an_exported_cell_is_never_a_formula(begins: str) -> None:
    entry = Entry(id=1, at=NOON, kind="intent", actor=begins, subject="expand", message=begins)
    (_, told) = csv.reader(io.StringIO(audit.exported([audit.row(entry)])))
    assert told[1] == (begins if begins == "plain" else f"'{begins}")


def test_a_decision_opens_to_what_would_flip_it_and_why_not_the_others() -> None:
    body = {"whyNot": [{"region": "us-east4", "reason": "Lower odds.", "flip": "a failure in us-west1"}]}
    entry = Entry(
        id=1, at=NOON, kind="decision", region="us-west1", subject="ScaleOut", message="The best.", body=body
    )
    told = timeline.details(entry)
    assert ("why not us-east4", "Lower odds.\nwould change it: a failure in us-west1") in told
    assert "would change it" in [name for name, _ in told]
