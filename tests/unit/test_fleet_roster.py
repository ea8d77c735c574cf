"""The clusters of the fleet joined from sources that may be silent: nothing is dropped for silence, and all of it said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from lib.fleet import gantt, roster
from lib.fleet.model import ClusterObservation, Entry, MembershipObservation, Phase, RegionStatus
from lib.fleet.roster import Inside, Kept, Read, Role, Row, Standing
from lib.ui import fleet_samples as made
from lib.ui import samples
from lib.ui.samples import NOW

rows_of = partial(roster.rows, config_cluster="config-cluster", config_region="us-central1")
EU = made.cluster("atlas-europe-west4", "europe-west4")
STATUS = samples.SERVING
ANSWERED = Read(inside=made.SERVING, read_at=100.0)
SILENT = Read(inside=made.SERVING, read_at=100.0, trouble="It does not answer.", since=104.0)


def joined(
    *clusters: ClusterObservation,
    silent: dict[str, float] | None = None,
    members: tuple[MembershipObservation, ...] = (),
    regions: tuple[RegionStatus, ...] = (),
    read: dict[str, Read] | None = None,
) -> tuple[Row, ...]:
    return rows_of(
        Kept(items=clusters, silent=silent or {}), Kept(items=members, silent={}), regions, read or {}
    )


@pytest.mark.parametrize(
    ("cluster", "read", "standing", "dim"),
    [
        pytest.param(EU, ANSWERED, Standing.ANSWERS, False, id="answers"),
        pytest.param(EU, Read(), Standing.ASKED, False, id="not answered yet"),
        pytest.param(EU, SILENT, Standing.SILENT, True, id="silent: what was known last, hatched"),
        pytest.param(
            replace(EU, status="PROVISIONING"), Read(), Standing.CREATING, False, id="being created"
        ),
        pytest.param(replace(EU, status="STOPPING"), SILENT, Standing.DELETING, False, id="being deleted"),
        pytest.param(replace(EU, status="ERROR"), Read(), Standing.ERROR, False, id="broken"),
        pytest.param(replace(EU, status="DEGRADED"), ANSWERED, Standing.ANSWERS, False, id="degraded"),
    ],
)
def test_how_a_control_plane_stands(
    cluster: ClusterObservation, read: Read, standing: Standing, dim: bool
) -> None:
    [row] = joined(cluster, read={cluster.name: read})
    assert (row.standing, row.dim, row.role) == (standing, dim, Role.WORKLOAD)
    assert row.read.inside is read.inside


def test_a_silent_one_says_since_when_and_keeps_what_was_read() -> None:
    [row] = joined(EU, read={EU.name: SILENT}, regions=(STATUS,))
    assert (row.trouble, row.since, row.read.read_at) == ("It does not answer.", 104.0, 100.0)
    assert row.status is STATUS


def test_a_cluster_of_a_silent_location_stays_as_it_was_and_says_so() -> None:
    before = roster.after(None, (EU,), (), at=10.0)
    now = roster.after(before, (), {"europe-west4"}, at=20.0)
    later = roster.after(now, (), {"europe-west4"}, at=30.0)
    assert (later.items, later.silent) == ((EU,), {"europe-west4": 20.0})
    [row] = joined(*later.items, silent=dict(later.silent), read={EU.name: ANSWERED})
    assert row.standing is Standing.ANSWERS, "its own API may well answer"
    assert row.trouble == "europe-west4 is missing in the list of clusters."


def test_a_cluster_that_was_never_listed_is_shown_where_its_location_is_silent_and_gone_where_it_is_not() -> (
    None
):
    [row] = joined(silent={"europe-west4": 20.0}, regions=(STATUS,))
    assert (row.name, row.standing, row.dim, row.since) == (EU.name, Standing.UNSEEN, True, 20.0)
    assert joined(regions=(STATUS,)) == ()
    assert roster.after(Kept(items=(EU,), silent={}), (), (), at=20.0).items == ()


def test_before_the_first_list_the_regions_and_the_config_cluster_are_there() -> None:
    rows = rows_of(None, None, (STATUS,), {})
    assert [(r.name, r.standing, r.members_known) for r in rows] == [
        ("config-cluster", Standing.UNSEEN, False),
        (EU.name, Standing.UNSEEN, False),
    ]
    waiting = rows_of(None, None, (STATUS,), {}, on_the_way=True)
    assert {(r.standing, r.dim) for r in waiting} == {(Standing.ASKED, False)}


def test_the_config_cluster_comes_first_and_strangers_only_as_members_of_the_fleet() -> None:
    config, stranger = made.CLUSTERS[0], made.CLUSTERS[-1]
    rows = joined(EU, stranger, config)
    assert [r.name for r in rows] == ["config-cluster", EU.name]
    assert roster.elsewhere(Kept(items=(EU, stranger, config), silent={}), rows) == 1
    rows = joined(EU, stranger, config, members=(made.member(stranger),))
    assert [(r.name, r.role, r.standing) for r in rows][1] == (stranger.name, Role.FOREIGN, Standing.FOREIGN)
    assert not roster.readable(stranger, config_cluster="config-cluster")


def test_pods_are_counted_by_phase_and_one_nobody_knows_is_unknown() -> None:
    inside = Inside(pods=(made.pod(), made.pod(restarts=3), made.pod(phase="Pending"), made.pod(phase="New")))
    assert inside.phases() == {"Running": 2, "Pending": 1, "Unknown": 1}
    assert inside.restarts == 3


def phase(minutes: float, name: str, region: str = "us-east4") -> Entry:
    body: dict[str, object] = {"phase": name, "from": ""}
    return Entry(id=1, kind="phase", at=NOW - timedelta(minutes=minutes), region=region, body=body)


def test_the_journal_tells_of_regions_that_have_gone_and_when() -> None:
    [lane] = gantt.lanes((), [phase(2, ""), phase(9, "Draining"), phase(30, "Serving")])
    assert (lane.region, lane.present) == ("us-east4", False)
    assert [(s.phase, s.until) for s in lane.spans] == [
        (Phase.SERVING, NOW - timedelta(minutes=9)),
        (Phase.DRAINING, NOW - timedelta(minutes=2)),
    ]


def test_status_and_journal_tell_of_one_phase_once() -> None:
    status = samples.region("us-east4", Phase.SERVING, "", minutes=20)
    [lane] = gantt.lanes((status,), [phase(20, "Serving"), phase(19.99, "Serving"), phase(60, "Moonwalk")])
    assert [s.phase for s in lane.spans] == [s.phase for s in status.history]
    assert lane.spans[-1].until is None
    assert lane.present


def test_what_was_over_before_the_range_is_not_drawn_and_what_reaches_into_it_is() -> None:
    entries = [phase(50, "Serving"), phase(40, "Draining"), phase(35, "")]
    assert gantt.lanes((), entries, since=NOW - timedelta(minutes=30)) == ()
    [lane] = gantt.lanes((), entries, since=NOW - timedelta(minutes=38))
    assert [s.phase for s in lane.spans] == [Phase.DRAINING]
