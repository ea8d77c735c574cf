"""A tiny world in memory that obeys the plan's actions, and what must hold in it whatever happens.

Other fleet tests borrow its builders. It knows nothing of Google: a cluster gets ready by passing of time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.fleet import catalog
from lib.fleet.attempts import attempts_from
from lib.fleet.model import (
    Action,
    AttachBackend,
    Attempt,
    BackendObservation,
    ClusterObservation,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DeliveredWorkload,
    DetachBackend,
    EventObservation,
    ExpireOverride,
    FleetObservation,
    MembershipObservation,
    Override,
    Phase,
    Placement,
    PlacementSpec,
    PlacementStatus,
    Plan,
    PodObservation,
    Provisioning,
    Quota,
    RegionCapacity,
    RegionObservation,
    RemoveWorkload,
    Rollout,
    WorkloadObservation,
)
from lib.fleet.names import cluster_name, sync_directory
from lib.fleet.plan import plan
from lib.fleet.status import summarize

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
L4, T4, H100 = "nvidia-l4", "nvidia-tesla-t4", "nvidia-h100-80gb"
REGIONS = ("us-central1", "us-east4", "europe-west4", "asia-southeast1", "europe-west1")
DESTRUCTIVE = (DetachBackend, RemoveWorkload, DeleteCluster)
STOCK_OUT = (
    "Node scale up in zones {zone} associated with this pod failed: GCE out of resources. "
    "Pod is at risk of not being scheduled."
)
SOURCES = ("clusters", "memberships", "backends", "delivery", "capacity")


def placement(spec: PlacementSpec, status: PlacementStatus | None = None, generation: int = 1) -> Placement:
    return Placement(
        name="stable-diffusion",
        namespace="default",
        generation=generation,
        resource_version=str(generation),
        spec=spec,
        status=status or PlacementStatus(),
    )


def capacity_of(
    region: str, *, offers: Iterable[str] = (L4, T4), quota: float = 8, usage: float = 0, zones: int = 3
) -> RegionCapacity:
    names = tuple(f"{region}-{letter}" for letter in "abc"[:zones])
    quotas = {
        metric: Quota(limit=quota, usage=usage)
        for name in offers
        for metric in (catalog.ACCELERATORS[name].quota_metric, catalog.ACCELERATORS[name].spot_quota_metric)
        if metric
    }
    return RegionCapacity(
        region=region, zones=names, offered=dict.fromkeys(offers, names), quotas=quotas, as_of=T0
    )


@dataclass
class Cluster:
    created: datetime
    owned: bool = True
    stopping: datetime | None = None
    directory: str | None = None
    running: list[PodObservation] = field(default_factory=list[PodObservation])
    applied: DeliveredWorkload | None = None

    def age(self, now: datetime) -> float:
        return (now - self.created).total_seconds()


class World:
    """Google Cloud in a hundred lines: obeys actions, lets time pass, says what is to be seen."""

    def __init__(
        self, regions: Iterable[str] = REGIONS, *, global_quota: float = 16, quota: float = 8
    ) -> None:
        self.now = T0
        self.regions = tuple(regions)
        self.quota, self.global_limit = quota, global_quota
        self.clusters: dict[str, Cluster] = {}
        self.delivered: dict[str, DeliveredWorkload] = {}
        self.attached: set[str] = set()
        self.detached: dict[str, datetime] = {}
        self.out_of_stock: set[tuple[str, str]] = set()
        self.scarce: set[tuple[str, Provisioning]] = set()  # nowhere to be had
        self.dark: set[str] = set()  # regions whose cluster API is silent
        self.missing: set[str] = set()  # regions that the list of clusters leaves out
        self.unknown: frozenset[str] = frozenset()
        self.attempts: tuple[Attempt, ...] = ()
        self.led_since = T0
        self.commits = 0
        self.log: list[Action] = []

    # --- what actions do

    def apply(self, actions: Iterable[Action]) -> list[ExpireOverride]:
        expired: list[ExpireOverride] = []
        for action in actions:
            self.log.append(action)
            match action:
                case CreateCluster():
                    assert action.region not in self.clusters, f"a second cluster in {action.region}"
                    self.clusters[action.region] = Cluster(created=self.now)
                case ConfigureSync():
                    self.clusters[action.region].directory = sync_directory(action.cluster)
                case CommitWorkload():
                    self._commit(action)
                case AttachBackend():
                    self.attached.add(action.region)
                case DetachBackend():
                    self.attached.discard(action.region)
                    self.detached[action.region] = self.now
                case RemoveWorkload():
                    assert action.region not in self.attached, (
                        "the workload went before the region left the VIP"
                    )
                    seen = self._backends(action.region, self.clusters[action.region])
                    assert not seen, "the workload went before the region was drained"
                    self.delivered.pop(action.cluster, None)
                    self.clusters[action.region].directory = None
                case DeleteCluster():
                    self._delete(action)
                case ExpireOverride():
                    expired.append(action)
        return expired

    def _held_at(self, cluster: str) -> str:
        return self.delivered[cluster].held_at if cluster in self.delivered else ""

    def _commit(self, action: CommitWorkload) -> None:
        self.commits += 1
        self.delivered[action.cluster] = DeliveredWorkload(
            cluster=action.cluster,
            accelerator=action.accelerator,
            provisioning=action.provisioning,
            rollout=action.rollout,
            commit=f"{self.commits:040x}",
            committed_at=self.now,
            held_at=action.commit,
            released=not action.commit and bool(self._held_at(action.cluster)),
            content=action.commit or f"{action.accelerator}/{action.provisioning}/{action.rollout}",
            returns_to=action.returns_to,
        )

    def _delete(self, action: DeleteCluster) -> None:
        cluster = self.clusters[action.region]
        assert cluster.owned, f"{action.region}'s cluster isn't ours"
        assert action.region not in self.attached, "the cluster went before the region left the VIP"
        assert cluster.stopping is None, "deleted twice"
        cluster.stopping = self.now

    # --- what time does

    def step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for region, cluster in list(self.clusters.items()):
            if cluster.stopping and (self.now - cluster.stopping).total_seconds() >= 240:
                del self.clusters[region]
            else:
                self._run(region, cluster)

    def _run(self, region: str, cluster: Cluster) -> None:
        want = self.delivered.get(cluster_name(region))
        if cluster.directory is None:
            cluster.running, cluster.applied = [], None
        if cluster.directory is None or want is None or cluster.stopping:
            return
        if cluster.applied != want and (self.now - (want.committed_at or self.now)).total_seconds() >= 30:
            self._roll(cluster, want)
        cluster.running = [self._advance(region, p) for p in cluster.running]
        if any(p.ready and _asks(p, want) for p in cluster.running):
            cluster.running = [p for p in cluster.running if _asks(p, want)]

    def _roll(self, cluster: Cluster, want: DeliveredWorkload) -> None:
        cluster.applied = want
        if any(_asks(p, want) for p in cluster.running):
            cluster.running = [p for p in cluster.running if _asks(p, want)]
            return
        # A pod that isn't Ready goes first where another is, and stays beside the new one where none is.
        kept = [p for p in cluster.running if p.ready] or cluster.running[-1:]
        kept = [] if want.rollout is Rollout.HARD else kept
        pod = PodObservation(
            name=f"sd-{self.commits}@{want.held_at[:4]}",
            phase="Pending",
            ready=False,
            accelerator=want.accelerator,
            provisioning=want.provisioning,
            created_at=self.now,
        )
        cluster.running = [*kept, pod]

    def _advance(self, region: str, pod: PodObservation) -> PodObservation:
        age = (self.now - (pod.created_at or self.now)).total_seconds()
        if self._is_out(region, pod):
            return pod
        if age >= 240 and pod.node:
            return replace(pod, ready=True, phase="Running", ready_at=pod.ready_at or self.now)
        if age >= 110:
            return replace(pod, node="node", zone=f"{region}-a", scheduled_at=self.now)
        return pod

    def _is_out(self, region: str, pod: PodObservation) -> bool:
        return (region, pod.accelerator) in self.out_of_stock or (
            pod.accelerator,
            pod.provisioning,
        ) in self.scarce

    def reclaim(self, region: str, accelerator: str) -> None:
        """The stock goes, with the machines that were had."""
        self.out_of_stock.add((region, accelerator))
        cluster = self.clusters.get(region)
        if cluster is not None:
            kept = [p for p in cluster.running if p.accelerator != accelerator]
            lost = [p for p in cluster.running if p.accelerator == accelerator]
            cluster.running = kept + [
                PodObservation(
                    name=f"{p.name}x",
                    phase="Pending",
                    ready=False,
                    accelerator=p.accelerator,
                    provisioning=p.provisioning,
                    created_at=self.now,
                )
                for p in lost
            ]

    # --- what is to be seen

    def observe(self) -> FleetObservation:
        regions = {r: self._region(r) for r in {*self.clusters, *self.missing}}
        self.attempts = attempts_from(regions.values(), self.attempts, now=self.now)
        nodes = {r: sum(bool(p.node) for p in c.running) for r, c in self.clusters.items()}
        return FleetObservation(
            at=self.now,
            regions=regions,
            capacity={r: capacity_of(r, quota=self.quota, usage=nodes.get(r, 0)) for r in self.regions},
            global_quota=Quota(limit=self.global_limit, usage=sum(nodes.values())),
            attached=frozenset(self.attached),
            delivered=dict(self.delivered),
            vip="http://203.0.113.7",
            attempts=self.attempts,
            unknown=self.unknown,
            led_since=self.led_since,
        )

    def _region(self, region: str) -> RegionObservation:
        cluster = self.clusters.get(region)
        if region in self.missing or cluster is None:
            return RegionObservation(region=region, unknown=frozenset({"cluster"}))
        age = cluster.age(self.now)
        running = age >= 390 and cluster.stopping is None
        status = "STOPPING" if cluster.stopping else "RUNNING" if running else "PROVISIONING"
        silent = region in self.dark
        return RegionObservation(
            region=region,
            cluster=ClusterObservation(
                name=cluster_name(region), region=region, status=status, owned=cluster.owned
            ),
            membership=self._membership(region, cluster) if age >= 410 else None,
            workload=self._workload(region, cluster) if running and not silent else None,
            backends=self._backends(region, cluster),
            unknown=frozenset({"workload"} if silent else ()),
        )

    def _membership(self, region: str, cluster: Cluster) -> MembershipObservation:
        return MembershipObservation(
            name=f"projects/1/locations/{region}/memberships/{cluster_name(region)}",
            cluster=cluster_name(region),
            region=region,
            state="READY",
            sync_directory=cluster.directory,
            sync_code="SYNCED" if cluster.applied else "PENDING",
            sync_commit=cluster.applied.commit if cluster.applied else "",
        )

    def _workload(self, region: str, cluster: Cluster) -> WorkloadObservation:
        return WorkloadObservation(
            accelerator=cluster.applied.accelerator if cluster.applied else "",
            exists=cluster.applied is not None,
            pods=tuple(cluster.running),
            events=tuple(e for p in cluster.running if (e := self._stock_out(region, p))),
        )

    def _stock_out(self, region: str, pod: PodObservation) -> EventObservation | None:
        age = (self.now - (pod.created_at or self.now)).total_seconds()
        if not self._is_out(region, pod) or pod.node or age < 90:
            return None
        return event("FailedScaleUp", STOCK_OUT.format(zone=f"{region}-a"), pod=pod.name, at=pod.created_at)

    def _backends(self, region: str, cluster: Cluster) -> tuple[BackendObservation, ...]:
        ready = sum(p.ready for p in cluster.running)
        left = self.detached.get(region)
        draining = left is not None and (self.now - left).total_seconds() <= 90
        if not ready or (region not in self.attached and not draining):
            return ()
        return (BackendObservation(zone=f"{region}-a", neg="k8s1", healthy=1, unhealthy=0),)


def _asks(pod: PodObservation, want: DeliveredWorkload) -> bool:
    """The same GPU, and the same files: those of a roll back are others than what is rendered."""
    files = pod.name.partition("@")[2].rstrip("x")
    return (pod.accelerator, pod.provisioning, files) == (
        want.accelerator,
        want.provisioning,
        want.held_at[:4],
    )


def event(
    reason: str, message: str, *, pod: str = "sd-1", at: datetime | None = None, count: int = 1
) -> EventObservation:
    return EventObservation(
        uid=f"{reason}-{pod}",
        cluster="c",
        kind="Pod",
        name=pod,
        type="Warning",
        reason=reason,
        message=message,
        component="cluster-autoscaler",
        first_at=at or T0,
        last_at=at or T0,
        count=count,
    )


class Loop:
    """The controller's loop around `plan`, with everything it publishes kept."""

    def __init__(self, world: World, spec: PlacementSpec) -> None:
        self.world = world
        self.placement = placement(spec)
        self.last = Plan(actions=(), decisions=())
        self.seen = world.observe()
        self.decisions: list[str] = []

    def turn(self, seconds: float = 30) -> Plan:
        world, seen = self.world, self.world.observe()
        self.seen = seen
        self.last = plan(self.placement, seen, now=world.now)
        status = summarize(self.placement, seen, self.last, now=world.now)
        self.placement = replace(self.placement, status=status)
        self.decisions += [f"{d.verb} {d.region}".strip() for d in self.last.decisions]
        for expired in world.apply(self.last.actions):
            kept = tuple(o for o in self.spec.overrides if o != expired.override)
            self.want(replace(self.spec, overrides=kept))
        world.step(seconds)
        return self.last

    def run(self, minutes: float, seconds: float = 30) -> None:
        for _ in range(int(minutes * 60 / seconds)):
            self.turn(seconds)

    def until(self, condition: Callable[[], bool], minutes: float = 60) -> None:
        for _ in range(int(minutes * 2)):
            if condition():
                return
            self.turn()
        pytest.fail(f"not within {minutes} min; phases: {self.phases}")

    @property
    def spec(self) -> PlacementSpec:
        return self.placement.spec

    def want(self, spec: PlacementSpec) -> None:
        self.placement = replace(self.placement, spec=spec, generation=self.placement.generation + 1)

    @property
    def phases(self) -> dict[str, str]:
        return {r.region: r.phase.value for r in self.placement.status.regions}

    @property
    def serving(self) -> set[str]:
        return {r.region for r in self.placement.status.regions if r.phase is Phase.SERVING}


TWO = PlacementSpec(accelerators=(L4, T4), serving=2, pinned=("us-central1",))


def hard(
    accelerator: str = H100, region: str | None = None, *, now: datetime = T0, minutes: float = 10
) -> Override:
    return Override(
        region=region,
        accelerator=accelerator,
        rollout=Rollout.HARD,
        expires_at=now + timedelta(minutes=minutes),
        owner="alice",
        reason="drill/gpu-switch",
        created_at=now,
    )


# --- what must hold ------------------------------------------------------------------------------------


def served(spec: PlacementSpec = TWO, world: World | None = None) -> Loop:
    loop = Loop(world or World(), spec)
    loop.until(lambda: len(loop.serving) >= spec.serving)
    return loop


def test_a_placement_comes_to_serve_and_then_nothing_more_is_done() -> None:
    loop = served()
    assert "us-central1" in loop.serving
    loop.turn()
    for _ in range(60):
        told = loop.turn()
        assert told == Plan(actions=(), decisions=())


def test_the_same_look_gives_the_same_plan() -> None:
    loop = Loop(World(), TWO)
    loop.run(5)
    seen = loop.world.observe()
    first = plan(loop.placement, seen, now=loop.world.now)
    assert plan(loop.placement, seen, now=loop.world.now) == first


def test_regions_are_spread_over_continents() -> None:
    assert {r.partition("-")[0] for r in served().serving} == {"us", "europe"}


def test_a_region_that_lost_its_gpu_is_replaced_and_the_better_one_kept() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.until(lambda: loop.phases.get(other) == "StockedOut")
    fresh = [a for a in loop.last.actions if isinstance(a, CreateCluster)]
    assert len(fresh) == 1
    decision = next(d for d in loop.last.decisions if d.verb == "ScaleOut")
    assert f"{other} is StockedOut" in decision.reason
    assert decision.why_not
    loop.until(lambda: len(loop.serving) == 2)
    loop.until(lambda: other not in loop.world.clusters)
    assert fresh[0].region in loop.serving


def test_what_is_too_much_stays_for_ten_minutes_of_full_service() -> None:
    loop = served(replace(TWO, serving=3))
    three = loop.world.now
    loop.want(replace(loop.spec, serving=2))
    loop.until(lambda: any(isinstance(a, DetachBackend) for a in loop.last.actions))
    assert loop.world.now - three >= timedelta(minutes=10)


def test_a_pinned_region_is_never_scaled_in() -> None:
    loop = served(replace(TWO, serving=2, pinned=("us-central1", "us-east4")))
    loop.want(replace(loop.spec, serving=1))
    loop.run(40)
    assert loop.serving == {"us-central1", "us-east4"}


def test_contracting_drains_before_anything_is_deleted() -> None:
    loop = served()
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.until(lambda: "us-central1" not in loop.world.clusters)
    steps = [type(a) for a in loop.world.log if isinstance(a, DESTRUCTIVE)]
    assert steps == [DetachBackend, RemoveWorkload, DeleteCluster]


def test_a_drill_is_not_answered_by_another_region_and_the_lease_gives_it_back() -> None:
    loop = served()
    before = set(loop.world.clusters)
    loop.world.out_of_stock = {(r, H100) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now),)))
    loop.until(lambda: loop.phases["us-central1"] == "StockedOut")
    assert set(loop.world.clusters) == before
    assert any(d.startswith("Hold") for d in loop.decisions)
    loop.until(lambda: loop.phases["us-central1"] == "Serving")
    assert loop.spec.overrides == ()
    assert set(loop.world.clusters) == before
    assert "Restore us-central1" in loop.decisions
    assert loop.world.delivered["atlas-us-central1"].rollout is Rollout.SAFE


def safe(accelerator: str = T4, region: str | None = None, *, now: datetime = T0) -> Override:
    return replace(hard(accelerator, region, now=now), rollout=Rollout.SAFE, expires_at=None)


def switched(loop: Loop, accelerator: str) -> list[str]:
    """Regions whose commits asked for this GPU, in their order."""
    log = [a for a in loop.world.log if isinstance(a, CommitWorkload)]
    return [a.region for a in log if a.accelerator == accelerator]


def test_a_safe_switch_goes_from_region_to_region() -> None:
    loop = served()
    loop.want(replace(loop.spec, overrides=(safe(now=loop.world.now),)))
    loop.turn()
    assert len(switched(loop, T4)) == 1
    first = switched(loop, T4)[0]
    while len(switched(loop, T4)) == 1:
        assert len(loop.serving) == 2
        loop.turn()
    ready = {p.accelerator for p in loop.world.clusters[first].running if p.ready}
    assert ready == {T4}, "the second began before the first was done"
    loop.until(lambda: all(p.accelerator == T4 for c in loop.world.clusters.values() for p in c.running))
    assert len(loop.serving) == 2
    assert loop.spec.overrides


def test_a_safe_switch_stops_at_the_first_region_that_cant_follow_and_is_taken_back() -> None:
    loop = served()
    loop.world.out_of_stock = {(r, T4) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(safe(now=loop.world.now),)))
    for _ in range(16):
        loop.turn()
        assert len(loop.serving) == 2
    assert len(switched(loop, T4)) == 1
    assert loop.spec.overrides == ()
    (taken_back,) = [d for d in loop.placement.status.decisions if d.verb == "Rollback"]
    assert "no T4" in taken_back.reason
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {L4}
    loop.run(30)
    assert len(switched(loop, T4)) == 1, "it isn't tried again by itself"


def test_a_safe_switch_tries_spot_too_where_the_spec_allows_it() -> None:
    both = (Provisioning.STANDARD, Provisioning.SPOT)
    world = World()
    loop = served(replace(TWO, provisioning=both, serving=1), world)
    world.scarce = {(T4, Provisioning.STANDARD)}
    loop.want(replace(loop.spec, overrides=(safe(now=world.now),)))
    loop.until(lambda: [p.accelerator for p in world.clusters["us-central1"].running] == [T4], minutes=20)
    assert [p.provisioning for p in world.clusters["us-central1"].running] == [Provisioning.SPOT]
    assert loop.spec.overrides
    assert len(loop.serving) == 1


def test_a_fallback_in_place_serves_where_the_preferred_gpu_cant_be_had_anywhere_and_gives_way_to_it() -> (
    None
):
    loop = served(world=World(("us-central1", "europe-west1")))
    for region in ("us-central1", "europe-west1"):
        loop.world.reclaim(region, L4)
    loop.turn()
    loop.until(lambda: len(loop.serving) == 2, minutes=20)
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {T4}
    assert len(loop.world.clusters) == 2
    loop.world.out_of_stock.clear()
    back = loop.world.now + timedelta(hours=7)
    while loop.world.now < back:
        loop.turn(60)
        assert len(loop.serving) == 2
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running} == {L4}


def test_a_try_for_the_preferred_gpu_that_fails_leaves_the_fallback_as_it_is() -> None:
    loop = served(world=World(("us-central1", "europe-west1")))
    for region in ("us-central1", "europe-west1"):
        loop.world.reclaim(region, L4)
    loop.turn()
    loop.until(lambda: len(loop.serving) == 2, minutes=20)
    for _ in range(16 * 60):
        loop.turn(60)
        assert len(loop.serving) == 2
    assert 2 <= len(switched(loop, L4)) - 2 <= 6, "about one try a region in six hours"
    assert {p.accelerator for c in loop.world.clusters.values() for p in c.running if p.ready} == {T4}


def test_a_refused_stand_in_is_hedged_and_the_loser_is_cancelled() -> None:
    loop = served()
    (other,) = loop.serving - {"us-central1"}
    loop.world.out_of_stock = {
        (r, L4) for r in REGIONS if r not in {"us-central1", "europe-west4", "us-east4"}
    }
    loop.world.reclaim(other, L4)
    loop.want(replace(loop.spec, accelerators=(L4,)))
    loop.until(lambda: any(d.region and "beside" in d.reason for d in loop.last.decisions))
    assert "Wanted" in loop.phases.values()
    assert len(loop.serving) == 1
    loop.until(lambda: len(loop.serving) >= 2)
    served_at = loop.world.now
    loop.until(lambda: len(loop.serving) == 2 and len(loop.world.clusters) == 2)
    assert loop.world.now - served_at < timedelta(minutes=25)


def test_a_hedge_beyond_the_budget_is_not_made() -> None:
    loop = served(replace(TWO, max_hourly_usd=3.2, accelerators=(L4,)))
    (other,) = loop.serving - {"us-central1"}
    loop.world.out_of_stock = {(r, L4) for r in REGIONS}
    loop.world.reclaim(other, L4)
    for _ in range(120):
        loop.turn()
        check(loop)


def test_warm_clusters_are_kept_without_a_gpu_and_shorten_the_next_start() -> None:
    loop = served(replace(TWO, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    (warm,) = [r for r, phase in loop.phases.items() if phase == "Warm"]
    assert loop.world.clusters[warm].running == []
    assert loop.world.delivered.keys() == {f"atlas-{r}" for r in loop.serving}
    told = next(r for r in loop.placement.status.regions if r.region == warm)
    assert told.usd_per_hour == catalog.CLUSTER_FEE_USD_PER_HOUR
    loop.run(60)
    assert len(loop.world.clusters) == 3
    (other,) = loop.serving - {"us-central1"}
    loop.world.reclaim(other, L4)
    loop.until(lambda: loop.phases.get(other) == "StockedOut")
    lost = loop.world.now
    loop.until(lambda: len(loop.serving) == 2)
    assert warm in loop.serving
    assert loop.world.now - lost < timedelta(minutes=7), "a cluster's creation alone takes 6.5"
    loop.until(lambda: len(loop.world.clusters) == 3 and "Warm" in loop.phases.values())


def test_a_warm_cluster_that_isnt_asked_for_any_more_goes() -> None:
    loop = served(replace(TWO, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    loop.want(replace(loop.spec, warm=0))
    loop.until(lambda: len(loop.world.clusters) == 2, minutes=20)
    assert len(loop.serving) == 2


def test_what_is_too_much_becomes_the_warm_cluster() -> None:
    loop = served(replace(TWO, serving=3))
    three = set(loop.world.clusters)
    loop.want(replace(loop.spec, serving=2, warm=1))
    loop.until(lambda: "Warm" in loop.phases.values())
    assert set(loop.world.clusters) == three
    assert len(loop.serving) == 2
    assert not [a for a in loop.world.log if isinstance(a, DeleteCluster)]


def test_recovering_early_brings_no_stand_in() -> None:
    loop = served()
    loop.world.out_of_stock = {(r, H100) for r in REGIONS}
    loop.want(replace(loop.spec, overrides=(hard(now=loop.world.now),)))
    loop.until(lambda: set(loop.phases.values()) == {"StockedOut"})
    loop.want(replace(loop.spec, overrides=()))
    loop.until(lambda: len(loop.serving) == 2)
    assert len(loop.world.clusters) == 2


def test_a_drill_that_finds_an_expensive_gpu_ends_at_once() -> None:
    loop = served(replace(TWO, max_hourly_usd=5))
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now, minutes=600),)))
    loop.until(lambda: any(isinstance(a, ExpireOverride) for a in loop.last.actions), minutes=20)
    loop.until(lambda: len(loop.serving) == 2)
    assert loop.placement.status.usd_per_hour <= 5


def test_a_drill_that_found_its_gpu_is_undone_even_when_the_quota_has_no_room_for_a_surge() -> None:
    loop = served(world=World(global_quota=2))
    loop.want(replace(loop.spec, overrides=(hard(region="us-central1", now=loop.world.now),)))
    loop.until(
        lambda: any(p.node and p.accelerator == H100 for p in loop.world.clusters["us-central1"].running)
    )
    loop.until(lambda: [p.accelerator for p in loop.world.clusters["us-central1"].running if p.ready] == [L4])
    loop.run(5)
    assert loop.world.delivered["atlas-us-central1"].rollout is Rollout.SAFE
    assert loop.decisions.count("Restore us-central1") == 1


def test_a_silent_control_plane_is_not_replaced_while_the_vip_sees_it_healthy() -> None:
    loop = served()
    loop.world.dark.add("us-central1")
    loop.run(30)
    assert loop.phases["us-central1"] == "Unreachable"
    assert len(loop.world.clusters) == 2
    loop.world.dark.clear()
    loop.until(lambda: len(loop.serving) == 2)


# --- whatever happens ----------------------------------------------------------------------------------

moments = st.lists(
    st.one_of(
        st.tuples(st.just("reclaim"), st.sampled_from(REGIONS), st.sampled_from((L4, T4))),
        st.tuples(st.just("restock"), st.just(""), st.just("")),
        st.tuples(st.just("exclude"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("include"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("pin"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("serving"), st.sampled_from(("1", "2", "3")), st.just("")),
        st.tuples(st.just("warm"), st.sampled_from(("0", "1", "2")), st.just("")),
        st.tuples(st.just("safe"), st.sampled_from(("", *REGIONS)), st.sampled_from((H100, T4))),
        st.tuples(st.just("hold"), st.sampled_from(REGIONS), st.sampled_from((L4, T4))),
        st.tuples(st.just("recover"), st.just(""), st.just("")),
        st.tuples(st.just("budget"), st.sampled_from(("0.5", "2.5", "10")), st.just("")),
        st.tuples(st.just("restart"), st.just(""), st.just("")),
        st.tuples(st.just("drill"), st.sampled_from(REGIONS), st.sampled_from((H100, T4))),
        st.tuples(st.just("dark"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("missing"), st.sampled_from(REGIONS), st.just("")),
        st.tuples(st.just("unknown"), st.sampled_from(SOURCES), st.just("")),
        st.tuples(st.just("clear"), st.just(""), st.just("")),
    ),
    max_size=6,
)  # fmt: skip


def happen(loop: Loop, what: tuple[str, str, str]) -> None:  # noqa: C901, PLR0912 - one case per kind of luck
    verb, name, gpu = what
    world, spec = loop.world, loop.spec
    match verb:
        case "reclaim":
            world.reclaim(name, gpu)
        case "restock":
            world.out_of_stock.clear()
        case "exclude":
            loop.want(
                replace(spec, excluded=tuple({*spec.excluded, name}), pinned=tuple({*spec.pinned} - {name}))
            )
        case "include":
            loop.want(replace(spec, excluded=tuple({*spec.excluded} - {name})))
        case "pin":
            loop.want(replace(spec, pinned=tuple(sorted({*spec.pinned, name}))))
        case "serving":
            loop.want(replace(spec, serving=int(name)))
        case "warm":
            loop.want(replace(spec, warm=int(name)))
        case "safe":
            loop.want(replace(spec, overrides=(safe(gpu, name or None, now=world.now),)))
        case "hold":
            lease = replace(hard(gpu, name, now=world.now, minutes=20), rollout=Rollout.SAFE, commit="7" * 40)
            loop.want(replace(spec, overrides=(*spec.overrides, lease)))
        case "recover":
            loop.want(replace(spec, overrides=()))
        case "restart":
            loop.placement = replace(loop.placement, status=PlacementStatus())  # all that was told is lost
        case "drill":
            world.out_of_stock.add((name, gpu))
            loop.want(replace(spec, overrides=(hard(gpu, name, now=world.now),)))
        case "dark":
            world.dark.add(name)
        case "missing":
            world.missing.add(name)
        case "unknown":
            world.unknown = frozenset({name})
        case _:
            clear(world)


def clear(world: World) -> None:
    world.dark.clear()
    world.missing.clear()
    world.unknown = frozenset()


def check(loop: Loop) -> None:
    """After every turn: the promises."""
    world = loop.world
    if world.unknown or world.missing:
        assert not [a for a in loop.last.actions if isinstance(a, DESTRUCTIVE)], (
            "something was taken away blind"
        )
    creates = [a.region for a in loop.last.actions if isinstance(a, CreateCluster)]
    assert len(creates) == len(set(creates))
    busy = [a.region for a in loop.last.actions if not isinstance(a, ExpireOverride)]
    assert len(busy) == len(set(busy)), "one step per region"
    held = [p for c in world.clusters.values() for p in c.running if p.node]
    held += [p for r in loop.seen.regions.values() if r.workload for p in r.workload.pods if p.node]
    if all(p.accelerator in loop.spec.accelerators for p in held):
        # A drill that finds its GPU after all has its lease ended; there is a test of its own for that.
        assert loop.placement.status.usd_per_hour <= loop.spec.max_hourly_usd + 1e-9
        assert _spend(world) <= loop.spec.max_hourly_usd + 1e-9
    assert sum(bool(p.node) for c in world.clusters.values() for p in c.running) <= world.global_limit


def _spend(world: World) -> float:
    """Fees and machines that are really there, both of them while one takes over from the other."""
    total = 0.0
    for region, cluster in world.clusters.items():
        total += catalog.CLUSTER_FEE_USD_PER_HOUR
        held = [p for p in cluster.running if p.node]
        total += sum(catalog.usd_per_hour(p.accelerator, p.provisioning, region) or 0.0 for p in held)
    return total


@settings(max_examples=60)
@given(
    what=moments,
    budget=st.sampled_from([0.5, 1.2, 2.5, 10.0]),
    quota=st.sampled_from([0, 1, 8]),
    everywhere=st.sampled_from([0, 2, 16]),
)
def test_promises_hold_whatever_happens_and_the_world_comes_to_rest(
    what: list[tuple[str, str, str]], budget: float, quota: int, everywhere: int
) -> None:
    world = World(quota=quota, global_quota=everywhere)
    foreign = Cluster(created=T0 - timedelta(days=1), owned=False)
    world.clusters["asia-southeast1"] = foreign
    loop = Loop(world, replace(TWO, max_hourly_usd=budget))
    for moment in what:
        for _ in range(12):
            loop.turn(60)
            check(loop)
        happen(loop, moment)
    for _ in range(6):
        loop.turn(60)
        check(loop)
    clear(world)
    world.out_of_stock.clear()
    for _ in range(110):
        loop.turn(60)
        check(loop)
    assert world.clusters.get("asia-southeast1") is foreign
    for _ in range(5):
        loop.turn(60)
        assert loop.last == Plan(actions=(), decisions=()), "the world doesn't come to rest"


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_taken_away_while_a_source_is_silent(source: str) -> None:
    loop = served()
    loop.world.unknown = frozenset({source})
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.run(30)
    assert not [a for a in loop.world.log if isinstance(a, DESTRUCTIVE)]
    assert loop.decisions.count("Hold") == 1
    loop.world.unknown = frozenset()
    loop.until(lambda: "us-central1" not in loop.world.clusters)


def test_an_operator_can_remove_a_region_whose_control_plane_is_gone() -> None:
    loop = served()
    loop.world.dark.add("us-central1")
    loop.want(replace(loop.spec, serving=1, pinned=(), excluded=("us-central1",)))
    loop.until(lambda: "us-central1" not in loop.world.clusters)


def test_spot_is_used_when_on_demand_has_no_candidate() -> None:
    spec = replace(
        TWO, accelerators=(L4,), provisioning=(Provisioning.STANDARD, Provisioning.SPOT), pinned=()
    )
    world = World()
    loop = Loop(world, spec)
    seen = world.observe()
    spot_only = {
        r: replace(
            c, quotas={m: Quota(limit=0 if m == "NVIDIA_L4_GPUS" else 4, usage=0) for m in (c.quotas or {})}
        )
        for r, c in seen.capacity.items()
    }
    told = plan(loop.placement, replace(seen, capacity=spot_only), now=T0)
    reasons = [a.reason for a in told.actions if isinstance(a, CreateCluster)]
    assert len(reasons) == 2
    assert all("L4 Spot" in r for r in reasons)


def test_a_region_where_a_stranger_has_the_name_is_never_chosen() -> None:
    world = World(("us-central1", "us-east4"))
    world.clusters["us-central1"] = Cluster(created=T0 - timedelta(days=1), owned=False)
    told = plan(placement(replace(TWO, pinned=())), world.observe(), now=T0)
    assert [a.region for a in told.actions if isinstance(a, CreateCluster)] == ["us-east4"]


def test_a_pinned_region_where_a_stranger_has_the_name_is_refused_with_the_name() -> None:
    world = World()
    world.clusters["us-central1"] = Cluster(created=T0 - timedelta(days=1), owned=False)
    loop = Loop(world, TWO)
    loop.turn()
    refused = next(d for d in loop.last.decisions if d.verb == "Refuse")
    assert "atlas-us-central1" in refused.reason
    loop.until(lambda: len(loop.serving) == 2)


@pytest.mark.parametrize(
    ("spec", "quota", "everywhere", "says"),
    [
        pytest.param(replace(TWO, max_hourly_usd=1.0), 8, 16, "budget's $1.00/h are spoken for", id="budget"),
        pytest.param(TWO, 0, 16, "No other region can take L4, T4 now", id="regional quota"),
        pytest.param(TWO, 8, 1, "0 of 1 used, 1 on the way", id="global quota, counting what is on its way"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_numbers(
    spec: PlacementSpec, quota: float, everywhere: float, says: str
) -> None:
    loop = Loop(World(quota=quota, global_quota=everywhere), spec)
    loop.turn()
    assert any(says in d.reason for d in loop.last.decisions if d.verb == "Refuse"), loop.last.decisions
    assert loop.turn().decisions == (), "told once"


def test_a_plan_for_all_regions_and_twelve_types_takes_milliseconds() -> None:
    names = tuple(catalog.ACCELERATORS)[:12]
    seen = replace(World().observe(), capacity={r: capacity_of(r, offers=names) for r in catalog.REGIONS})
    wide = placement(PlacementSpec(accelerators=names, serving=3, max_hourly_usd=1000))
    took: list[float] = []
    for _ in range(40):
        start = time.perf_counter()
        plan(wide, seen, now=T0)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005


def test_a_region_that_cant_be_seen_is_ours_though_all_that_was_told_is_lost() -> None:
    loop = served(replace(TWO, max_hourly_usd=2.5))
    (other,) = loop.serving - {"us-central1"}
    loop.world.missing.add(other)
    loop.placement = replace(loop.placement, status=PlacementStatus())
    for _ in range(30):
        loop.turn()
        check(loop)
    assert set(loop.world.clusters) == {"us-central1", other}
