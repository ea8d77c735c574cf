"""Reading in the background: at once what is there, read again while asked for, a trouble keeps the last value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lib.gateways.errors import Unreachable
from lib.settings import Settings
from lib.ui import browser, looks, samples, session
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def fixed() -> Iterator[None]:
    session.install(samples.CASES["one"]())
    yield
    looks.stop()
    session.stop()


def test_the_first_answer_is_loading_and_what_was_read_follows() -> None:
    assert looks.look("commits", lambda _: 7).loading
    wait_until(lambda: looks.look("commits", lambda _: 7).value == 7, timeout_s=10, what="the first reading")
    seen = looks.look("commits", lambda _: 7)
    assert seen.read_at is not None
    assert looks.versions(("commits", "other")) == {"commits": seen.version, "other": 0}


def test_news_reach_the_pulse_and_the_same_again_does_not() -> None:
    values = iter([1, 1, 2])
    last = [0]

    def read(_: Settings) -> int:
        last[0] = next(values, 2)
        return last[0]

    def seen() -> looks.Seen[int]:
        return looks.look("count", read, every_s=0.0)

    wait_until(lambda: seen().value == 2, timeout_s=10, what="the changed value")
    assert seen().version == 2
    assert browser.pulse(session.current())["looks"] == {"count": 2}


def test_a_trouble_keeps_the_last_value_and_its_beginning() -> None:
    def fails(_: Settings) -> int:
        raise Unreachable("atlas-us-east4 does not answer.")

    before = looks.Seen(value=5, read_at=1.0, version=1)
    first = looks.read_once(before, fails)
    assert (first.value, first.read_at, first.version) == (5, 1.0, 2)
    assert first.trouble is not None
    assert first.trouble.sentence == "atlas-us-east4 does not answer."
    assert looks.read_once(first, fails) == first
    well = looks.read_once(first, lambda _: 5)
    assert (well.value, well.trouble, well.version) == (5, None, 3)


def test_what_was_installed_is_shown_and_never_read() -> None:
    looks.install({"commits": looks.Seen(value=3)})
    assert looks.look("commits", lambda _: 1 // 0).value == 3
    assert looks.look("other", lambda _: 1 // 0).loading


def test_a_reader_that_breaks_says_so_and_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> looks.Seen[int]:
        return looks.look("broken", lambda _: 1 // 0, every_s=0.0)

    wait_until(
        lambda: broken().trouble and looks.look("sound", lambda _: 1, every_s=0.0).value == 1,
        timeout_s=10,
        what="the sound one, and the trouble of the broken one",
    )
    trouble = broken().trouble
    assert trouble is not None
    assert trouble.sentence.startswith(
        "The dashboard has a fault of its own in reading this (ZeroDivisionError)"
    )
    [told] = [one for one in caplog.records if one.name == looks.__name__]
    assert (told.getMessage(), vars(told)["look"]) == ("a reader broke", "broken")
    assert told.exc_info


def test_a_fault_that_lasts_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    first = looks.read_once(looks.Seen(value=5, version=1), lambda _: 1 // 0, name="broken")
    again = looks.read_once(first, lambda _: 1 // 0, name="broken")
    assert (again, again.value) == (first, 5)
    assert len(caplog.records) == 1
