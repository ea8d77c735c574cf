from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib.fleet.durations import learned
from lib.fleet.model import Phase
from lib.gateways.errors import JournalError
from lib.gateways.journal import Journal

NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(f"sqlite:///{tmp_path}/journal.db")
    yield opened
    opened.close()


def test_what_was_appended_is_read_back(journal: Journal) -> None:
    journal.append(
        "intent",
        at=NOON,
        region="us-east1",
        subject="expand",
        message="Serve from us-east1 too.",
        actor="ada@x.org",
        operation_id="op-1",
        body={"verb": "expand", "before": 1},
    )
    (entry,) = journal.read()

    assert (entry.at, entry.kind, entry.region, entry.actor) == (NOON, "intent", "us-east1", "ada@x.org")
    assert entry.body == {"verb": "expand", "before": 1}


def test_the_same_key_is_written_once(journal: Journal) -> None:
    assert journal.append("event", at=NOON, key="uid-1")
    assert not journal.append("event", at=NOON, key="uid-1", message="again")
    assert journal.append("event", at=NOON)
    assert journal.append("event", at=NOON)

    assert len(journal.read()) == 3


def test_reading_goes_newest_first_or_follows_from_an_id(journal: Journal) -> None:
    for n in range(5):
        journal.append("probe", at=NOON, message=str(n))
    newest = journal.read(limit=2)
    following = journal.read(after=newest[-1].id - 1, newest=False)

    assert [e.message for e in newest] == ["4", "3"]
    assert [e.message for e in following] == ["3", "4"]


def test_kinds_and_region_narrow_what_is_read(journal: Journal) -> None:
    journal.append("phase", at=NOON, region="a")
    journal.append("phase", at=NOON, region="b")
    journal.append("probe", at=NOON, region="a")

    assert [e.kind for e in journal.read(kinds=["probe"])] == ["probe"]
    assert [e.region for e in journal.read(kinds=["phase"], region="b")] == ["b"]


def test_a_kind_nobody_knows_is_a_mistake_in_the_code(journal: Journal) -> None:
    with pytest.raises(ValueError, match="no journal kind"):
        journal.append("gossip", at=NOON)


def test_durations_are_learned_from_steps_towards_serving_only(journal: Journal) -> None:
    walk = [
        ("Wanted", 0),
        ("Provisioning", 10),
        ("Registering", 400),
        ("WaitingForGpu", 430),
        ("StockedOut", 500),  # no step forward: WaitingForGpu has taught nothing
        ("WaitingForGpu", 2000),
        ("Starting", 2100),
        ("Serving", 2190),
        ("Starting", 3000),  # a restart is not a step either
    ]
    for phase, second in walk:
        journal.append("phase", at=NOON + timedelta(seconds=second), region="r", body={"phase": phase})

    assert journal.durations() == learned(
        {
            Phase.WANTED: [10],
            Phase.PROVISIONING: [390],
            Phase.REGISTERING: [30],
            Phase.WAITING_FOR_GPU: [100],
            Phase.STARTING: [90],
        }
    )


def test_only_the_newest_entries_are_kept_and_ids_are_never_given_again(journal: Journal) -> None:
    for n in range(10):
        journal.append("probe", at=NOON, message=str(n))
    last = journal.read(limit=1)[0].id

    assert journal.trim(keep=3) == 7
    assert [e.message for e in journal.read()] == ["9", "8", "7"]
    journal.trim(keep=0)
    journal.append("probe", at=NOON)
    assert journal.read()[0].id > last


def test_two_processes_may_write_at_the_same_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    journals = [Journal(url), Journal(url)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda n: journals[n % 2].append("probe", at=NOON, key=f"k{n // 2}"), range(40))
        )  # each key is tried by both

    assert len(journals[0].read()) == 20
    for journal in journals:
        journal.close()


def test_a_journal_survives_being_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    first = Journal(url)
    first.append("bootstrap", at=NOON, message="made")
    second = Journal(url)

    assert [e.message for e in second.read()] == ["made"]
    first.close()
    second.close()


def test_an_unreadable_file_is_said_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(JournalError, match=r"journal\.db can't be used .* move it away"):
        Journal(f"sqlite:///{path}").append("error", at=NOON)
    assert path.read_bytes().startswith(b"this is no database")


def test_a_journal_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    old = Journal(url)
    old.append("error", at=NOON)
    old.close()
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.execute("UPDATE schema_version SET version = 99")
    db.close()

    with pytest.raises(JournalError, match="newer version \\(schema 99"):
        Journal(url).read()


def test_a_journal_that_was_broken_is_used_again_once_it_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 100)
    journal = Journal(f"sqlite:///{path}")
    with pytest.raises(JournalError):
        journal.read()
    path.unlink()

    assert journal.append("error", at=NOON)
    assert len(journal.read()) == 1
    journal.close()


@pytest.mark.parametrize("url", ["no url", "sqlite:////nowhere/at/all/journal.db", "mysql+nodriver://x/y"])
def test_a_place_that_cannot_be_opened_is_said(url: str) -> None:
    with pytest.raises(JournalError):
        Journal(url).read()


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(JournalError, match="driver that is not installed"):
        Journal("oracle+cx_oracle://x/y")
