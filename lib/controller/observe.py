"""One look at the world: all sources and all clusters at once, with a deadline.

What did not answer is unknown, never absent: its name is in `unknown`, and the plan leaves it alone.
Nothing is decided here. Kept between looks are only the slow facts (capacity) and the evidence that
events have given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from lib.controller.advisor import Advisor
from lib.controller.fanout import Answer, Asked, FanOut
from lib.controller.wire import Wire
from lib.fleet.attempts import attempts_from
from lib.fleet.model import (
    Attempt,
    BackendObservation,
    ClusterObservation,
    DeliveredWorkload,
    FleetObservation,
    MembershipObservation,
    Quota,
    RegionCapacity,
    RegionObservation,
    WorkloadObservation,
)
from lib.fleet.names import PREFIX, cluster_name
from lib.gateways.errors import NotFound
from lib.gateways.listing import Listing

DEADLINE_S, PER_CLUSTER_S = 4.0, 0.01  # of a look: Python's clients ask about a hundred clusters a second
FIRST_CAPACITY_S = 15.0  # without any capacity nothing can be located: the first look waits longer
CAPACITY_TARGET_S, CAPACITY_WALL_S = 60.0, 10.0
READABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    regions: Mapping[str, RegionCapacity]
    global_quota: Quota | None


@dataclass(slots=True, kw_only=True)
class Memory:
    """What outlives a look."""

    capacity: Capacity | None = None
    capacity_at: float = -1e9  # time.monotonic of the last answer
    attempts: tuple[Attempt, ...] = ()
    wanted: Collection[str] = ()  # accelerators that the wish named last
    clusters: dict[str, ClusterObservation] = field(
        default_factory=dict[str, ClusterObservation]
    )  # last seen, by region


class Observer:
    def __init__(self, wire: Wire, fan_out: FanOut, *, speed: Callable[[], float]) -> None:
        self._wire = wire
        self._fan_out = fan_out
        self._speed = speed
        self.advisor = Advisor(gateway=wire.advice, fan_out=fan_out, speed=speed)
        self.memory = Memory()
        self._refreshing: Asked[Capacity] | None = None

    def observe(self, at: datetime, *, wanted: Collection[str] = ()) -> FleetObservation:
        """`wanted`: accelerators that advice is asked for; without any, those of the look before."""
        wire, began = self._wire, time.monotonic()
        until = began + self._deadline_s()
        clusters = self._ask("clusters", wire.gke.list_clusters)
        memberships = self._ask("memberships", wire.hub.list_memberships)
        backends = self._ask("backends", wire.compute.list_backends)
        attached = self._ask("ingress", wire.ingress.attached)
        delivered = self._ask("delivery", wire.delivery.read)
        vip = self._ask("vip", wire.compute.vip)
        capacity = self._capacity(until)
        listing = clusters.answer(until)
        self._remember(listing)
        until = max(until, began + self._deadline_s())
        workloads = self._workloads(until)  # first of all, while the other sources are on their way
        seen = _Seen(
            clusters=listing,
            memberships=memberships.answer(until),
            backends=backends.answer(until),
            workloads=workloads,
        )
        regions = {r.region: r for r in seen.regions(_delivered_regions(delivered.answer(until)))}
        self.memory.wanted = wanted or self.memory.wanted
        self.memory.attempts = attempts_from(regions.values(), earlier=self.memory.attempts, now=at)
        return FleetObservation(
            at=at,
            regions=regions,
            capacity=capacity.regions if capacity else {},
            global_quota=capacity.global_quota if capacity else None,
            attached=_known(attached.answer(until), absent=frozenset()),
            delivered=delivered.answer(until).value,
            vip=vip.answer(until).value or "",
            attempts=self.memory.attempts,
            advice=self.advisor.advice(self.memory.wanted, capacity.regions if capacity else {}),
            unknown=_unknown(
                clusters=listing.ok,
                memberships=seen.memberships.ok,
                backends=seen.backends.ok,
                delivery=delivered.answer(until).ok,
                capacity=capacity is not None,
            ),
        )

    def _ask(self, name: str, call: Callable[[], T]) -> Asked[T]:
        return self._fan_out.ask(name, call)

    def _deadline_s(self) -> float:
        return DEADLINE_S + PER_CLUSTER_S * len(self.memory.clusters)

    def _remember(self, listing: Answer[Listing[ClusterObservation]]) -> None:
        if listing.value is not None:
            self.memory.clusters = {c.region: c for c in _own(listing.value)} | {
                region: c for region, c in self.memory.clusters.items() if region in listing.value.unknown
            }

    def _workloads(self, until: float) -> dict[str, Answer[WorkloadObservation]]:
        """By region. When the list of clusters is unknown the last known ones are still asked: their own
        APIs may well answer."""
        asked = {
            region: self._ask(f"workload/{region}", partial(self._wire.workload.observe, cluster))
            for region, cluster in self.memory.clusters.items()
            if cluster.status in READABLE and cluster.endpoint
        }
        # Everybody gets a moment even when the list itself took all the time.
        end = max(until, time.monotonic() + DEADLINE_S / 2)
        return {region: one.answer(end) for region, one in asked.items()}

    def _capacity(self, until: float) -> Capacity | None:
        """The last known one; refreshed in the background when it is old."""
        memory = self.memory
        every_s = max(CAPACITY_WALL_S, CAPACITY_TARGET_S / max(self._speed(), 1.0))
        if time.monotonic() - memory.capacity_at < every_s:
            return memory.capacity
        asked = self._refreshing or self._ask("capacity", self._read_capacity)
        first = memory.capacity is None
        answer = asked.answer(until + FIRST_CAPACITY_S - DEADLINE_S if first else time.monotonic())
        # A refresh outlives the look that asked for it; the look that finds it finished takes its answer.
        self._refreshing = None if asked.future.done() else asked
        if answer.value is not None:
            memory.capacity, memory.capacity_at = answer.value, time.monotonic()
        return memory.capacity

    def _read_capacity(self) -> Capacity:
        regions = self._wire.compute.list_capacity()
        return Capacity(regions=regions, global_quota=self._wire.compute.global_quota())


def _own(listing: Listing[ClusterObservation]) -> Iterator[ClusterObservation]:
    """One cluster a region bears the platform's name; whether it is ours its label tells (`owned`)."""
    return (c for c in listing if c.name == cluster_name(c.region))


def _delivered_regions(delivered: Answer[dict[str, DeliveredWorkload]]) -> frozenset[str]:
    names = delivered.value or {}
    return frozenset(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))


def _known(answer: Answer[T], *, absent: T) -> T | None:
    """None is unknown; an object that is not there yet is known to be absent."""
    return absent if isinstance(answer.error, NotFound) else answer.value


def _unknown(**answered: bool) -> frozenset[str]:
    return frozenset(name for name, ok in answered.items() if not ok)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The answers of one look, on their way to become one observation a region."""

    clusters: Answer[Listing[ClusterObservation]]
    memberships: Answer[Listing[MembershipObservation]]
    backends: Answer[dict[str, tuple[BackendObservation, ...]]]
    workloads: Mapping[str, Answer[WorkloadObservation]]

    def regions(self, delivered: frozenset[str]) -> Iterator[RegionObservation]:
        clusters = {c.region: c for c in _own(self.clusters.value or Listing(()))}
        listed: Listing[MembershipObservation] = self.memberships.value or Listing(())
        members = {m.region: m for m in listed if m.cluster == cluster_name(m.region)}
        dark = self._dark(self.clusters) | self._dark(self.memberships)
        names = clusters.keys() | members.keys() | self.workloads.keys() | delivered | dark
        for region in sorted(names):
            yield self._region(region, clusters.get(region), members.get(region))

    def _region(
        self, region: str, cluster: ClusterObservation | None, membership: MembershipObservation | None
    ) -> RegionObservation:
        workload = self.workloads.get(region)
        answered = {
            "cluster": cluster is not None or self._tells(self.clusters, region),
            "membership": membership is not None or self._tells(self.memberships, region),
            "workload": workload.ok if workload else True,
            "backends": self.backends.ok,
        }
        errors = (
            self.clusters.error,
            self.memberships.error,
            workload and workload.error,
            self.backends.error,
        )
        return RegionObservation(
            region=region,
            cluster=cluster,
            membership=membership,
            workload=workload.value if workload else None,
            backends=(self.backends.value or {}).get(region, ()),
            unknown=_unknown(**answered),
            error=next((str(e) for e in errors if e), ""),
        )

    @staticmethod
    def _dark(listing: Answer[Listing[T]]) -> frozenset[str]:
        return listing.value.unknown if listing.value is not None else frozenset()

    @classmethod
    def _tells(cls, listing: Answer[Listing[T]], region: str) -> bool:
        """A complete list that does not name the region says that nothing is there."""
        return listing.ok and region not in cls._dark(listing)
