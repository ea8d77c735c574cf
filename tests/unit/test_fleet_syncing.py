"""Which commit each cluster runs, and what is said of it; what differs; what to do about Config Sync's errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.fleet import knv
from lib.fleet.difference import LINES, difference, paths
from lib.fleet.model import (
    DeliveredWorkload,
    DeliveryCommit,
    MembershipObservation,
    Provisioning,
    Rollout,
    SyncError,
)
from lib.fleet.syncing import Standing, standings, told
from lib.ui import diff_view

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
US, EU = "atlas-us-east1", "atlas-europe-west4"


def commit(sha: str, *clusters: str) -> DeliveryCommit:
    return DeliveryCommit(sha=sha, author="ada", at=T0, subject="Change", clusters=clusters)


COMMITS = (commit("c3", US), commit("c2", EU), commit("c1", US, EU))  # newest first
DELIVERED = {
    name: DeliveredWorkload(
        cluster=name,
        accelerator="nvidia-l4",
        provisioning=Provisioning.STANDARD,
        rollout=Rollout.SAFE,
        commit="c3",
    )
    for name in (US, EU)
}


def member(cluster: str = EU, **facts: Any) -> MembershipObservation:
    known = MembershipObservation(
        name="m",
        cluster=cluster,
        region=cluster.removeprefix("atlas-"),
        state="READY",
        sync_directory=f"clusters/{cluster}",
        sync_code="SYNCED",
        sync_commit="c3",
        synced_at=T0,
    )
    return replace(known, **facts)


@pytest.mark.parametrize(
    ("seen", "standing", "says"),
    [
        pytest.param(member(), Standing.IN_SYNC, "what the head holds", id="at the head"),
        pytest.param(
            member(sync_commit="c2"), Standing.IN_SYNC, "what the head holds", id="later ones are others'"
        ),
        pytest.param(member(US, sync_commit="c1"), Standing.BEHIND, "1 commit of its directory", id="behind"),
        pytest.param(
            member(US, sync_commit="c2", sync_code="PENDING"),
            Standing.SYNCING,
            "being applied",
            id="applying",
        ),
        pytest.param(
            member(sync_code="ERROR", sync_errors=(SyncError(code="KNV2009", message="no"),)),
            Standing.ERROR,
            "KNV2009; what was applied before keeps running",
            id="error",
        ),
        pytest.param(
            member(sync_code="PENDING", sync_commit=""), Standing.SYNCING, "first commit", id="the first one"
        ),
        pytest.param(
            member(sync_code="NOT_INSTALLED", sync_commit=""),
            Standing.NOT_SET_UP,
            "installed",
            id="installing",
        ),
        pytest.param(member(sync_directory=None), Standing.NOT_SET_UP, "isn't set up", id="no spec"),
        pytest.param(
            member(sync_directory="clusters/other"),
            Standing.NOT_SET_UP,
            "follows clusters/other",
            id="strange",
        ),
        pytest.param(
            member(sync_commit="zz"), Standing.UNKNOWN, "isn't among the newest", id="unknown commit"
        ),
    ],
)
def test_where_a_cluster_stands_is_told_by_the_commits_of_its_own_directory(
    seen: MembershipObservation, standing: Standing, says: str
) -> None:
    (found,) = [one for one in standings([seen], COMMITS, DELIVERED) if one.cluster == seen.cluster]
    assert found.standing is standing
    assert says in found.sentence


def test_what_it_runs_and_what_it_lacks_are_named() -> None:
    held = {**DELIVERED, US: replace(DELIVERED[US], held_at="c1")}
    (found,) = [one for one in standings([member(US, sync_commit="c2")], COMMITS, held) if one.cluster == US]
    assert (found.commit, found.since, found.content, found.missing) == ("c2", T0, "c1", ("c3",))
    assert found.held_at == "c1"


def test_a_cluster_that_is_delivered_to_but_is_no_member_is_not_left_out() -> None:
    found = standings([member()], COMMITS, DELIVERED)
    assert [(one.cluster, one.standing) for one in found] == [
        (EU, Standing.IN_SYNC),
        (US, Standing.NOT_SET_UP),
    ]
    assert told(found) == (
        "1 of 2 clusters run what the head holds for them; not yet: atlas-us-east1 (not set up)."
    )
    assert told(()) == "No cluster is delivered to yet."


def test_a_cluster_whose_location_did_not_answer_is_unknown_and_not_absent() -> None:
    found = standings([member()], COMMITS, DELIVERED, unknown=frozenset({"us-east1"}))
    assert [(one.cluster, one.standing) for one in found] == [
        (EU, Standing.IN_SYNC),
        (US, Standing.UNKNOWN),
    ]


def test_a_difference_names_its_files_and_counts_its_lines() -> None:
    found = difference({"a": "one\ntwo\n", "b": "same\n"}, {"a": "one\n2\n", "b": "same\n", "c": "new\n"})
    assert (found.files, found.added, found.removed, found.left_out) == (("a", "c"), 2, 1, 0)
    assert "-two\n+2" in found.text
    assert "--- /dev/null\n+++ c" in found.text
    assert difference({"a": "x"}, {"a": "x"}).files == ()


def test_a_long_difference_says_how_much_it_leaves_out() -> None:
    found = difference({}, {"a": "\n".join(str(n) for n in range(LINES + 100))})
    assert len(found.text.splitlines()) == LINES
    assert found.left_out == found.lines - LINES == 103


def test_a_drawn_difference_names_each_file_once_and_says_what_became_of_it() -> None:
    text = difference({"a": "one\n", "gone": "x\n"}, {"a": "two\n", "new": "y\n"}).text
    told = diff_view.lines(text)
    assert [line for kind, line in told if kind == "file"] == ["a", "gone (taken away)", "new (new)"]
    assert ("removed", "-one") in told
    assert ("added", "+two") in told


def test_paths_are_whole_and_may_be_of_some_clusters_only() -> None:
    texts = {US: {"d.yaml": "1"}, EU: {"d.yaml": "2"}}
    assert paths(texts, frozenset({US})) == {f"clusters/{US}/d.yaml": "1"}
    assert set(paths(texts)) == {f"clusters/{US}/d.yaml", f"clusters/{EU}/d.yaml"}


@pytest.mark.parametrize("code", ["KNV2009", "2009"])
def test_an_error_code_has_a_meaning_and_something_to_do(code: str) -> None:
    assert knv.advice(code).subject == "The cluster refuses an object"
    assert "Roll back" in knv.advice(code).what_to_do


def test_every_known_code_says_both_in_sentences_and_an_unknown_one_says_so() -> None:
    for code, row in knv.TABLE.items():
        assert row.subject, code
        assert row.what_to_do.endswith("."), code
    assert "doesn't know" in knv.advice("KNV4711").subject
