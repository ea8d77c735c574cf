"""What operators are told: phases from conditions, sentences with a cause and what comes next, expected times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet.model import (
    BackendObservation,
    ClusterObservation,
    DeliveredWorkload,
    FleetObservation,
    MembershipObservation,
    Phase,
    PhaseSpan,
    PlacementStatus,
    Plan,
    PodObservation,
    Provisioning,
    RegionObservation,
    RegionStatus,
    Rollout,
    SyncError,
    WorkloadObservation,
)
from lib.fleet.plan import plan
from lib.fleet.status import phase_of, region_status, summarize
from tests.unit.fleet_world import (
    L4,
    T0,
    TWO,
    Loop,
    World,
    capacity_of,
    event,
    hard,
    placement,
    served,
)

HERE = "europe-west4"
NOTHING = Plan(actions=(), decisions=())
ONE = replace(TWO, serving=1, pinned=(HERE,))
POD = PodObservation(name="sd-1", phase="Pending", ready=False, accelerator=L4, created_at=T0)
STARTING = replace(POD, node="n", zone=f"{HERE}-b", scheduled_at=T0)
READY = replace(STARTING, ready=True, phase="Running", ready_at=T0)
CLUSTER = ClusterObservation(name=f"atlas-{HERE}", region=HERE, status="RUNNING", owned=True)
MEMBER = MembershipObservation(
    name="m",
    cluster=CLUSTER.name,
    region=HERE,
    state="READY",
    sync_directory=f"clusters/atlas-{HERE}",
    sync_code="SYNCED",
    sync_commit="abcdef1234",
)
NO_STOCK = event(
    "FailedScaleUp",
    f"Node scale up in zones {HERE}-a, {HERE}-b, {HERE}-c associated with this pod failed: GCE out of resources.",
)
ONE_ZONE = event(
    "FailedScaleUp", f"Node scale up in zones {HERE}-b associated with this pod failed: GCE out of resources."
)
IN_BACKOFF = event("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 in backoff after failed scale-up")
NO_QUOTA = event(
    "FailedScaleUp", f"Node scale up in zones {HERE}-b associated with this pod failed: GCE quota exceeded."
)
NO_TYPE = event(
    "NotTriggerScaleUp", "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector"
)


def region(*pods: PodObservation, **facts: object) -> RegionObservation:
    events = tuple(facts.pop("events", ()))  # type: ignore[arg-type]
    base = RegionObservation(
        region=HERE,
        cluster=CLUSTER,
        membership=MEMBER,
        workload=WorkloadObservation(accelerator=L4, pods=pods, events=events),
    )
    return replace(base, **facts)


def looked(one: RegionObservation, *, attached: bool = False, minutes: float = 2) -> FleetObservation:
    held = DeliveredWorkload(
        cluster=CLUSTER.name,
        accelerator=L4,
        provisioning=Provisioning.STANDARD,
        rollout=Rollout.SAFE,
        commit="abc",
    )
    return FleetObservation(
        at=T0 + timedelta(minutes=minutes),
        regions={HERE: one},
        capacity={r: capacity_of(r) for r in (HERE, "us-east4")},
        attached=frozenset({HERE} if attached else ()),
        delivered={CLUSTER.name: held},
    )


def told(seen: FleetObservation, previous: RegionStatus | None = None) -> RegionStatus:
    before = PlacementStatus(regions=(previous,) if previous else ())
    found = region_status(placement(ONE, before), HERE, seen, NOTHING, now=seen.at)
    assert found is not None
    return found


HEALTHY = (BackendObservation(zone=f"{HERE}-b", neg="k8s1", healthy=1, unhealthy=0),)
SICK = (BackendObservation(zone=f"{HERE}-b", neg="k8s1", healthy=0, unhealthy=1),)
GONE = RegionObservation(region=HERE)


@pytest.mark.parametrize(
    ("seen", "phase", "says"),
    [
        pytest.param(looked(GONE), Phase.WANTED, "no cluster yet", id="nothing there"),
        pytest.param(looked(region(cluster=replace(CLUSTER, status="PROVISIONING"))), Phase.PROVISIONING, "GKE is creating", id="creating"),
        pytest.param(looked(region(cluster=replace(CLUSTER, status="ERROR", message="GCE_STOCKOUT"))), Phase.FAILED, "GCE_STOCKOUT", id="the cluster failed"),
        pytest.param(looked(region(cluster=replace(CLUSTER, status="STOPPING"))), Phase.DRAINING, "is deleting", id="deleting"),
        pytest.param(looked(region(membership=None)), Phase.REGISTERING, "member of the fleet", id="registering"),
        pytest.param(looked(region(membership=replace(MEMBER, sync_code="NOT_INSTALLED"))), Phase.SYNCING, "being installed", id="syncing"),
        pytest.param(looked(region(membership=replace(MEMBER, sync_code="ERROR", sync_errors=(SyncError(code="KNV2009", message="denied"),)))), Phase.FAILED, "KNV2009 denied", id="sync error"),
        pytest.param(looked(region(POD)), Phase.WAITING_FOR_GPU, "waiting for L4", id="pending"),
        pytest.param(looked(region(POD, events=(NO_STOCK,))), Phase.STOCKED_OUT, "europe-west4: no L4 in zones a, b, c; the autoscaler retries in about 5 min; ", id="stock-out"),
        pytest.param(looked(region(POD, events=(ONE_ZONE,))), Phase.WAITING_FOR_GPU, "waiting for L4", id="zones left to try"),
        pytest.param(looked(region(POD, events=(replace(IN_BACKOFF, last_at=T0 + timedelta(seconds=90)), ONE_ZONE))), Phase.STOCKED_OUT, "no L4 in zone b", id="it backs off with zones left"),
        pytest.param(looked(region(POD, events=(ONE_ZONE,)), minutes=6), Phase.STOCKED_OUT, "no L4 in zone b", id="it went quiet with zones left"),
        pytest.param(looked(region(POD, events=(NO_QUOTA,))), Phase.QUOTA_EXCEEDED, "quota for L4 is used up in zone b", id="quota"),
        pytest.param(looked(region(POD, events=(NO_TYPE,))), Phase.NOT_OFFERED, "no machine in this region carries L4", id="not offered"),
        pytest.param(looked(region(STARTING)), Phase.STARTING, "fetching its image", id="starting"),
        pytest.param(looked(region(replace(STARTING, reason="CrashLoopBackOff"))), Phase.FAILED, "keeps ending", id="crashing"),
        pytest.param(looked(region(READY)), Phase.ATTACHING, "isn't linked", id="not linked"),
        pytest.param(looked(region(READY), attached=True), Phase.ATTACHING, "is being told", id="being programmed"),
        pytest.param(looked(region(READY, backends=SICK), attached=True), Phase.ATTACHING, "health check fails", id="unhealthy"),
        pytest.param(looked(region(READY, backends=HEALTHY), attached=True), Phase.SERVING, "1 HEALTHY behind", id="serving"),
        pytest.param(looked(region(workload=None, unknown=frozenset({"workload"}))), Phase.UNREACHABLE, "doesn't answer since", id="control plane silent"),
    ],
)  # fmt: skip
def test_a_phase_is_what_stands_between_the_region_and_serving(
    seen: FleetObservation, phase: Phase, says: str
) -> None:
    status = told(seen)
    assert status.phase is phase
    assert says in status.message
    assert status.message.count("..") == 0
    assert phase_of(status.conditions) is phase
    assert (status.eta is not None) == (phase.value in {"Wanted", "Provisioning", "Registering", "Syncing", "WaitingForGpu", "Starting", "Attaching"})  # fmt: skip


def test_an_unreachable_region_keeps_its_last_facts_and_says_since_when() -> None:
    serving = told(looked(region(READY, backends=HEALTHY), attached=True))
    silent = region(workload=None, unknown=frozenset({"workload"}), backends=HEALTHY)
    first = told(looked(silent, attached=True, minutes=5), serving)
    later = told(looked(silent, attached=True, minutes=9), first)
    assert (later.pod, later.zone, later.commit) == (serving.pod, serving.zone, serving.commit)
    assert "since 20:05 UTC" in later.message
    assert later.as_of == serving.as_of


def test_a_silent_load_balancer_does_not_make_a_serving_region_look_broken() -> None:
    serving = told(looked(region(READY, backends=HEALTHY), attached=True))
    dark = replace(looked(region(READY), attached=True), unknown=frozenset({"backends"}))
    status = told(dark, serving)
    assert (status.phase, status.healthy) == (Phase.SERVING, None)


def test_a_cluster_that_answers_is_not_unreachable_because_the_list_is_silent() -> None:
    serving = told(looked(region(READY, backends=HEALTHY), attached=True))
    unlisted = region(READY, backends=HEALTHY, cluster=None, unknown=frozenset({"cluster"}))
    dark = replace(looked(unlisted, attached=True), unknown=frozenset({"clusters"}))
    assert told(dark, serving).phase is Phase.SERVING


def test_a_pinned_region_that_is_refused_says_why_and_expects_nothing() -> None:
    loop = Loop(World(quota=0), replace(TWO, serving=1))
    loop.run(2)
    (asked,) = loop.placement.status.regions
    assert asked.phase is Phase.WANTED
    assert asked.message == "us-central1 is pinned. No quota (limit 0)."
    assert asked.eta is None


def test_a_new_wish_is_not_mistaken_for_the_old_stock_out() -> None:
    stuck = replace(POD, accelerator="nvidia-h100-80gb")
    assert told(looked(region(stuck, events=(NO_STOCK,)))).phase is Phase.SYNCING


def test_a_phase_that_takes_too_long_counts_as_failed_and_stays_so() -> None:
    first = told(looked(region(STARTING)))
    late = told(looked(region(STARTING), minutes=20), first)
    later = told(looked(region(STARTING), minutes=21), late)
    assert (late.phase, later.phase) == (Phase.FAILED, Phase.FAILED)
    assert "Starting for more than 15 min" in later.message


def test_a_region_that_served_and_stops_answering_is_given_up_sooner() -> None:
    serving = told(looked(region(READY, backends=HEALTHY), attached=True))
    broken = region(replace(READY, ready=False), backends=SICK)
    first = told(looked(broken, attached=True, minutes=5), serving)
    assert first.phase is Phase.STARTING
    assert "no longer answers" in first.message
    assert told(looked(broken, attached=True, minutes=12), first).phase is Phase.FAILED


def test_the_expected_time_shrinks_as_time_passes_and_uses_what_was_learned() -> None:
    first = told(looked(region(POD), minutes=0))
    later = told(looked(region(POD), minutes=2), first)
    assert first.eta is not None
    assert later.eta == first.eta
    learned = region_status(
        placement(ONE),
        HERE,
        looked(region(POD), minutes=0),
        NOTHING,
        now=T0,
        durations={Phase.WAITING_FOR_GPU: (1000, 2000)},
    )
    assert learned is not None
    assert learned.eta is not None
    assert learned.eta > first.eta + timedelta(minutes=10)


def test_history_grows_by_one_span_a_phase_and_stays_bounded() -> None:
    spans = tuple(PhaseSpan(phase=Phase.SYNCING, since=T0) for _ in range(20))
    was = RegionStatus(region=HERE, phase=Phase.SYNCING, history=spans)
    now = told(looked(region(POD)), was)
    assert len(now.history) == 20
    assert now.history[-1] == PhaseSpan(phase=Phase.WAITING_FOR_GPU, since=T0 + timedelta(minutes=2))
    assert told(looked(region(POD), minutes=3), now).history == now.history


def test_conditions_keep_the_time_of_their_last_change() -> None:
    first = told(looked(region(POD)))
    later = told(looked(region(POD), minutes=9), first)
    assert [c.last_transition_at for c in later.conditions] == [
        c.last_transition_at for c in first.conditions
    ]


def test_the_sentence_names_who_stands_in() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.until(lambda: loop.phases.get(other) == "StockedOut")
    loop.turn()
    message = next(r.message for r in loop.placement.status.regions if r.region == other)
    assert "the platform is bringing up" in message
    assert "instead." in message


def test_the_sentence_of_a_drill_says_that_it_was_asked_for() -> None:
    loop = served()
    loop.world.out_of_stock = {("us-central1", "nvidia-h100-80gb")}
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now),)))
    loop.until(lambda: loop.phases["us-central1"] == "StockedOut")
    status = next(r for r in loop.placement.status.regions if r.region == "us-central1")
    assert "started by alice asked for this" in status.message
    assert status.under_override
    assert status.override_expires_at is not None


def test_the_whole_is_told_in_three_conditions() -> None:
    loop = served()
    by_type = {c.type: c for c in loop.placement.status.conditions}
    assert {t: c.status for t, c in by_type.items()} == {
        "Ready": "True",
        "Reachable": "True",
        "WithinBudget": "True",
    }
    loop.world.unknown = frozenset({"memberships"})
    loop.want(replace(loop.spec, max_hourly_usd=0.5))
    loop.turn()
    by_type = {c.type: c for c in loop.placement.status.conditions}
    assert "memberships" in by_type["Reachable"].message
    assert by_type["WithinBudget"].reason == "OverBudget"


def test_decisions_are_kept_newest_first_and_bounded() -> None:
    loop = Loop(World(), TWO)
    for number in range(30):
        loop.want(replace(loop.spec, serving=number % 3, max_hourly_usd=1 + number / 10))
        loop.turn()
    decisions = loop.placement.status.decisions
    assert len(decisions) <= 10
    assert list(decisions) == sorted(decisions, key=lambda d: d.at, reverse=True)


def test_status_and_plan_agree_on_a_region_that_is_just_being_asked_for() -> None:
    world = World()
    seen = world.observe()
    wish = placement(replace(TWO, pinned=()))
    first = plan(wish, seen, now=T0)
    status = summarize(wish, seen, first, now=T0)
    assert [r.phase for r in status.regions] == [Phase.WANTED, Phase.WANTED]
    assert status.observed_generation == wish.generation
