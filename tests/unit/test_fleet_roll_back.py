"""Going back to what a commit held: what is refused, what is told beforehand, and that the loop holds it and lets go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import words
from lib.fleet.capacity import views
from lib.fleet.intent import Refused, preview, recover
from lib.fleet.model import (
    CommitWorkload,
    DeliveredWorkload,
    ExpireOverride,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Rollout,
)
from lib.fleet.names import cluster_name
from lib.fleet.overrides import effective, void_reason
from lib.fleet.roll_back import TTL, Past, roll_back
from tests.unit.fleet_world import H100, L4, T0, T4, TWO, Loop, hard, served
from tests.unit.test_fleet_intent import NOW, Config, known, status

OLD = "0123456789abcdef0123456789abcdef01234567"


def held(
    region: str, gpu: str = L4, *, content: str = "old", rollout: Rollout = Rollout.SAFE
) -> DeliveredWorkload:
    return DeliveredWorkload(
        cluster=cluster_name(region),
        accelerator=gpu,
        provisioning=Provisioning.STANDARD,
        rollout=rollout,
        commit=OLD,
        content=content,
    )


def past(*then: DeliveredWorkload, now: str = "new") -> Past:
    found = {one.cluster: one for one in then}
    return Past(commit=OLD, then=found, now={name: replace(one, content=now) for name, one in found.items()})


def rolled(
    what: Past,
    region: str | None = None,
    *,
    spec: PlacementSpec = TWO,
    ttl: timedelta = TTL,
    told: PlacementStatus = NOW,
) -> PlacementSpec:
    return roll_back(spec, what, region=region, ttl=ttl, owner="ada", now=T0, views=known(), status=told)


BOTH = past(held("us-central1"), held("us-east4"))


def test_every_region_that_differs_is_held_under_one_lease_each() -> None:
    mixed = Past(commit=OLD, then=BOTH.then, now={**BOTH.now, **past(held("us-east4"), now="old").now})
    after = rolled(BOTH).overrides
    assert [(o.region, o.commit, o.expires_at, o.rollout) for o in after] == [
        ("us-central1", OLD, T0 + TTL, Rollout.SAFE),
        ("us-east4", OLD, T0 + TTL, Rollout.SAFE),
    ]
    assert [o.region for o in rolled(mixed).overrides] == ["us-central1"]
    assert [void_reason(o) for o in after] == ["", ""]


def test_a_second_roll_back_takes_the_place_of_the_first() -> None:
    again = rolled(BOTH, "us-east4", spec=rolled(BOTH), ttl=timedelta(minutes=5))
    assert [(o.region, o.expires_at) for o in again.overrides] == [
        ("us-central1", T0 + TTL),
        ("us-east4", T0 + timedelta(minutes=5)),
    ]


def test_a_switch_stays_beneath_it_for_the_time_after() -> None:
    switched = replace(TWO, overrides=(hard(T4, "us-east4", now=T0 - timedelta(minutes=1)),))
    after = rolled(BOTH, "us-east4", spec=switched)
    assert [o.commit for o in after.overrides] == ["", OLD]
    now = effective(after, "us-east4", T0)
    assert now is not None
    assert now.commit == OLD
    later = replace(after, overrides=after.overrides[:1])
    assert effective(later, "us-east4", T0) == switched.overrides[0]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        pytest.param(
            lambda: rolled(past(held("us-east4"), now="old")), "Nothing to roll back", id="no change"
        ),
        pytest.param(lambda: rolled(BOTH, "us-west1"), "isn't one of this placement's", id="not ours"),
        pytest.param(lambda: rolled(BOTH, "us-east9"), "There is no region", id="no such region"),
        pytest.param(
            lambda: rolled(past(held("us-central1")), "us-east4"),
            "nothing was delivered",
            id="not there then",
        ),
        pytest.param(
            lambda: rolled(past(held("us-east4"), now="old"), "us-east4"), "the same files now", id="the same"
        ),
        pytest.param(
            lambda: rolled(past(held("us-east4", H100, rollout=Rollout.HARD))), "in a drill", id="a drill"
        ),
        pytest.param(
            lambda: rolled(past(held("us-east4", H100))), "not offered in us-east4", id="not offered"
        ),
        pytest.param(
            lambda: rolled(past(held("us-east4", "nvidia-x1"))), "There is no GPU type", id="unknown GPU"
        ),
        pytest.param(
            lambda: rolled(past(held("us-west1")), told=status("us-west1")),
            "Quota in us-west1",
            id="no quota",
        ),
        pytest.param(lambda: rolled(BOTH, ttl=timedelta(days=2)), "1 minute to 24 hours", id="too long"),
        pytest.param(
            lambda: rolled(BOTH, spec=replace(TWO, max_hourly_usd=2.5)), "passes the budget", id="no money"
        ),
    ],
)
def test_what_can_not_be_held_is_refused_in_one_sentence(ask: Callable[[], PlacementSpec], says: str) -> None:
    with pytest.raises(Refused, match=says):
        ask()


def test_where_nothing_runs_yet_no_second_machine_is_counted() -> None:
    tight = replace(TWO, max_hourly_usd=2.8)
    pinned = replace(tight, pinned=("europe-west4",))
    assert rolled(past(held("europe-west4")), "europe-west4", spec=pinned).overrides


def test_the_preview_names_the_commit_what_it_held_and_both_ways_back() -> None:
    told = preview(TWO, rolled(BOTH), status=NOW, views=known(), config=Config())
    assert told.sentence == (
        "us-central1: again what 0123456 held (L4), under a lease. us-east4: again what 0123456 held (L4), under a lease."
    )
    assert told.commits == (
        "clusters/atlas-us-central1/ with L4, as 0123456 held it",
        "clusters/atlas-us-east4/ with L4, as 0123456 held it",
    )
    assert told.undo == "Recover; or by itself at 21:00 UTC."
    assert "No region that serves is interrupted" in told.blast_radius
    back = preview(rolled(BOTH), recover(rolled(BOTH)), status=NOW, views=known(), config=Config())
    assert "rendered anew, no longer as 0123456 held it" in back.sentence
    assert back.undo == "Roll back again."


def test_a_lease_without_an_end_or_a_region_does_not_count() -> None:
    (one, _) = rolled(BOTH).overrides
    for wrong in (
        replace(one, expires_at=None),
        replace(one, region=None),
        replace(one, rollout=Rollout.HARD),
    ):
        assert void_reason(wrong)


# --- in the loop ---------------------------------------------------------------------------------------


def with_past(loop: Loop, region: str, gpu: str = L4) -> Past:
    now = loop.world.delivered
    return Past(commit=OLD, then={cluster_name(region): held(region, gpu)}, now=now)


def asked(loop: Loop, what: Past, *, ttl: timedelta = TTL) -> PlacementSpec:
    seen = loop.seen
    return roll_back(
        loop.spec,
        what,
        region=None,
        ttl=ttl,
        owner="ada",
        now=loop.world.now,
        views=views(loop.spec, seen.capacity, attempts=(), global_quota=seen.global_quota, now=T0),
        status=loop.placement.status,
    )


def hold(loop: Loop, region: str, gpu: str = L4, *, ttl: timedelta = TTL) -> None:
    loop.want(asked(loop, with_past(loop, region, gpu), ttl=ttl))


def commits(loop: Loop, region: str) -> list[str]:
    return [a.commit for a in loop.world.log if isinstance(a, CommitWorkload) and a.region == region]


def test_a_region_is_held_at_the_commit_and_rendered_anew_when_the_lease_is_over() -> None:
    loop = served()
    before = len(commits(loop, "us-central1"))
    hold(loop, "us-central1", ttl=timedelta(minutes=20))
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == OLD)
    loop.run(3)
    assert commits(loop, "us-central1")[before:] == [OLD]
    loop.until(lambda: not loop.placement.spec.overrides)
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == "")
    loop.run(10)
    assert commits(loop, "us-central1")[before:] == [OLD, ""]
    assert "us-central1" in loop.serving
    verbs = [d.verb for d in loop.placement.status.decisions if d.region == "us-central1"]
    assert verbs[:2] == ["Restore", "RollBack"]


def test_the_gpu_of_the_commit_is_followed_and_the_old_replica_serves_meanwhile() -> None:
    loop = served()
    hold(loop, "us-central1", T4)
    for _ in range(40):
        loop.turn()
        assert "us-central1" in loop.serving
    (pod,) = loop.world.clusters["us-central1"].running
    assert (pod.accelerator, loop.world.delivered["atlas-us-central1"].held_at) == (T4, OLD)


def test_recover_ends_it_at_once() -> None:
    loop = served()
    hold(loop, "us-central1")
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == OLD)
    loop.want(recover(loop.placement.spec))
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == "")
    loop.turn()
    assert "the roll back to 0123456 is over" in loop.placement.status.decisions[0].reason


def test_where_the_gpu_of_the_commit_can_not_be_had_it_is_taken_back() -> None:
    loop = served()
    loop.world.out_of_stock.add(("us-central1", T4))
    hold(loop, "us-central1", T4)
    loop.until(lambda: not loop.placement.spec.overrides)
    ended = [a for a in loop.world.log if isinstance(a, ExpireOverride)]
    assert "The roll back to 0123456 is taken back" in ended[-1].reason
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == "")
    assert "us-central1" in loop.serving


def test_without_money_for_a_second_machine_the_files_stay_as_they_are_and_it_is_said() -> None:
    loop = served()
    hold(loop, "us-central1")
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == OLD)
    loop.run(10)  # until its second machine is not reserved any more
    spent = loop.placement.status.usd_per_hour
    loop.want(replace(recover(loop.placement.spec), max_hourly_usd=spent + 0.1))
    loop.run(5)
    assert loop.world.delivered["atlas-us-central1"].held_at == OLD
    assert any("keeps what 0123456 held" in d.reason for d in loop.placement.status.decisions)
    loop.want(replace(loop.placement.spec, max_hourly_usd=10))
    loop.until(lambda: loop.world.delivered["atlas-us-central1"].held_at == "")


def test_a_roll_back_that_has_no_money_when_its_turn_comes_is_refused_and_said() -> None:
    loop = served()
    hold(loop, "us-central1")
    loop.placement = replace(
        loop.placement,
        spec=replace(loop.placement.spec, max_hourly_usd=loop.placement.status.usd_per_hour + 0.1),
    )
    loop.run(5)
    assert commits(loop, "us-central1")[-1] == ""
    assert any("doesn't follow the roll back to 0123456" in d.reason for d in loop.placement.status.decisions)


def test_leases_of_one_roll_back_end_together() -> None:
    loop = served()
    one, two = sorted(loop.serving)
    both = Past(commit=OLD, then={cluster_name(r): held(r, T4) for r in (one, two)}, now=loop.world.delivered)
    loop.want(asked(loop, both))
    loop.world.out_of_stock.add((two, T4))
    loop.until(lambda: not loop.placement.spec.overrides)
    loop.until(lambda: all(held.held_at == "" for held in loop.world.delivered.values()))
    assert loop.serving == {one, two}


def test_a_commit_tells_what_it_takes_and_from_where() -> None:
    action = CommitWorkload(
        region="us-east4",
        cluster="atlas-us-east4",
        accelerator=L4,
        provisioning=Provisioning.STANDARD,
        rollout=Rollout.SAFE,
        author="ada",
        reason="",
        commit=OLD,
    )
    assert words.describe(action) == (
        "Commit clusters/atlas-us-east4/ as 0123456 held it with L4 STANDARD, RollingUpdate"
    )
