"""Times as they are told: in the viewer's zone, with UTC beside them; what leaves the screen stays in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet.model import Entry
from lib.settings import Settings
from lib.ui import activity_view, audit, delivery_samples, looks, moments, samples, server, session, viewer
from tests.unit.test_pages import text

WINTER = datetime(2026, 11, 23, 20, 15, 3, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        pytest.param(WINTER, "Europe/Berlin", "23 Nov 21:15:03 UTC+1", id="winter"),
        pytest.param(SUMMER, "Europe/Berlin", "2 Jul 00:30:00 UTC+2", id="summer, and another day there"),
        pytest.param(WINTER, "Asia/Kolkata", "24 Nov 01:45:03 UTC+5:30", id="half an hour"),
        pytest.param(WINTER, "America/Sao_Paulo", "23 Nov 17:15:03 UTC-3", id="behind UTC"),
        pytest.param(WINTER, "Asia/Kathmandu", "24 Nov 02:00:03 UTC+5:45", id="a quarter of an hour"),
        pytest.param(WINTER, "UTC", "23 Nov 20:15:03 UTC", id="UTC"),
        pytest.param(WINTER, "Mars/Olympus", "23 Nov 20:15:03 UTC", id="no such zone"),
        pytest.param(WINTER, "Europe", "23 Nov 20:15:03 UTC", id="a folder of zones"),
        pytest.param(WINTER, "../../etc/passwd", "23 Nov 20:15:03 UTC", id="no name at all"),
        pytest.param(WINTER, None, "23 Nov 20:15:03 UTC", id="not told"),
    ],
)
def test_a_moment_is_told_in_the_viewer_s_zone(at: datetime, zone: str | None, said: str) -> None:
    assert moments.day(at, moments.zone_of(zone)) == said


def test_utc_is_beside_it() -> None:
    assert moments.both(WINTER, BERLIN) == "21:15:03 (20:15:03 UTC)"
    assert moments.both(WINTER, UTC) == "20:15:03 UTC"
    assert moments.tag(WINTER, BERLIN) == (
        '<time datetime="2026-11-23T20:15:03Z" title="23 Nov 2026 20:15:03 UTC">21:15:03</time>'
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param("Obtained at 20:14 UTC.", 'title="20:14 UTC">21:14</time>.', id="past"),
        pytest.param("The lease ends at 23:30 UTC.", 'datetime="2026-11-23T23:30Z"', id="to come"),
        pytest.param("The lease ends at 23:30 UTC.", ">00:30</time>", id="on another day there"),
        pytest.param("Tried at 07:00 UTC.", 'datetime="2026-11-24T07:00Z"', id="the nearest such time"),
        pytest.param("since 2026-11-23 20:14 UTC", "23 20\\:14 UTC", id="with its date"),
        pytest.param("Seen at 29:99 UTC.", "29\\:99 UTC", id="no time"),
        pytest.param("<b>20:14 UTC</b>", "\\<b\\><time", id="tags from outside stay text"),
    ],
)
def test_the_controller_s_sentences_are_told_in_local_time(said: str, shown: str) -> None:
    assert shown in moments.sentence(said, BERLIN, WINTER)


def test_plotly_gets_the_digits_that_are_to_be_seen() -> None:
    assert moments.naive(WINTER, BERLIN) == datetime(2026, 11, 23, 21, 15, 3)  # noqa: DTZ001 - that is the point


def test_the_audit_is_shown_in_local_time_and_taken_along_in_utc() -> None:
    entry = Entry(id=1, at=WINTER, kind="intent", message="Expand")
    row = audit.row(entry)
    shown = audit.local(row, entry, BERLIN)
    assert (next(iter(shown)), shown["Time"]) == ("Time", "23 Nov 21:15:03 UTC+1")
    assert (list(shown)[-1], shown["Time (UTC)"]) == ("Time (UTC)", "2026-11-23 20:15:03")
    assert audit.exported([row]).splitlines()[1].startswith("2026-11-23 20:15:03,")


@pytest.mark.parametrize("written", ["2026-11-23 21:15:03", "2026-11-23T20:15:03Z"])
def test_a_moment_that_is_typed_is_local_unless_it_says_otherwise(written: str) -> None:
    assert activity_view.moment_of(written, BERLIN) == WINTER


# --- pages -----------------------------------------------------------------------------------------------

Open = Callable[[str, str], AppTest]


@pytest.fixture
def in_berlin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """A page over a sample, for somebody in Berlin."""
    monkeypatch.setattr(viewer, "zone", lambda: BERLIN)

    def start(page: str, case: str) -> AppTest:
        session.install(samples.CASES[case](), settings=Settings(state_dir=tmp_path))
        looks.install(delivery_samples.LOOKS)
        return AppTest.from_file(str(server.SCRIPT), default_timeout=20).run().switch_page(page).run()

    yield start
    looks.stop()
    session.stop()


def test_the_banner_has_both(in_berlin: Open) -> None:
    at = in_berlin(str(server.HOME / "pages/atlas.py"), "lost")
    trouble = session.current().hub
    assert trouble is not None
    assert moments.wall(trouble.since, BERLIN) in at.error[0].proto.title


def test_delivery_tells_when_the_head_was_committed(in_berlin: Open) -> None:
    assert "UTC+1</time>" in text(in_berlin(str(server.HOME / "pages/delivery.py"), "fleet"))


def test_a_moment_that_was_typed_is_kept_in_the_address_as_utc(in_berlin: Open) -> None:
    at = in_berlin(str(server.HOME / "pages/activity.py"), "fleet")
    at.text_input(key="at").set_value("2026-11-23 21:15:03").run()
    assert at.text_input(key="at").value == "2026-11-23T20:15:03Z"
    assert not at.exception
