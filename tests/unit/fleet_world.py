"""A tiny world in memory that obeys the plan's actions, for tests of what the plan makes of it.

It knows nothing of Google: a cluster gets ready by passing of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

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


def served(spec: PlacementSpec = TWO, world: World | None = None) -> Loop:
    loop = Loop(world or World(), spec)
    loop.until(lambda: len(loop.serving) >= spec.serving)
    return loop


def safe(accelerator: str = T4, region: str | None = None, *, now: datetime = T0) -> Override:
    return replace(hard(accelerator, region, now=now), rollout=Rollout.SAFE, expires_at=None)


def spend(world: World) -> float:
    """Fees and machines that are really there, both of them while one takes over from the other."""
    total = 0.0
    for region, cluster in world.clusters.items():
        total += catalog.CLUSTER_FEE_USD_PER_HOUR
        held = [p for p in cluster.running if p.node]
        total += sum(catalog.usd_per_hour(p.accelerator, p.provisioning, region) or 0.0 for p in held)
    return total


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
        assert spend(world) <= loop.spec.max_hourly_usd + 1e-9
    assert sum(bool(p.node) for c in world.clusters.values() for p in c.running) <= world.global_limit
