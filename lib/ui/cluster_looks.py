"""What the Fleet page reads in the background: the lists of clusters and memberships, and each control plane apart.

A control plane that does not answer is asked less often, so that many silent ones leave the threads to the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final, Generic, TypeVar

from lib.fleet import roster
from lib.fleet.model import ClusterObservation, EventObservation, MembershipObservation
from lib.gateways.census import CensusGateway
from lib.gateways.objects import LogTail, ObjectsGateway
from lib.settings import Settings
from lib.ui import looks

CLUSTERS: Final = "fleet/clusters"
MEMBERS: Final = "fleet/memberships"
EVERY_S: Final = 4.0
EVERY_CLUSTER_S: Final = 0.2  # more for each further cluster: 43 are asked every nine seconds
SILENT_EVERY_S: Final = 15.0

P = TypeVar("P", bound=roster.Placed)


@dataclass
class _List(Generic[P]):
    """Remembers what a location held that is silent now. Losing it loses that and nothing else."""

    read_all: Callable[[Settings], tuple[Iterable[P], Collection[str]]]
    held: roster.Kept[P] | None = field(default=None)

    def read(self, settings: Settings) -> roster.Kept[P]:
        items, unknown = self.read_all(settings)
        self.held = roster.after(self.held, items, unknown, at=time.time())
        return self.held


def _clusters(settings: Settings) -> tuple[Iterable[ClusterObservation], Collection[str]]:
    found = _made(CensusGateway, settings).list_clusters()
    return found.items, found.unknown


def _members(settings: Settings) -> tuple[Iterable[MembershipObservation], Collection[str]]:
    found = _made(CensusGateway, settings).list_memberships()
    return found.items, found.unknown


_CLUSTERS: Final = _List(_clusters)
_MEMBERS: Final = _List(_members)
G = TypeVar("G")


def _made(gateway: Callable[[Settings], G], settings: Settings) -> G:
    return _gateway(gateway, settings)  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _gateway(gateway: Callable[[Settings], object], settings: Settings) -> object:
    """One of each a process: they keep their connections."""
    return gateway(settings)


def clusters() -> looks.Seen[roster.Kept[ClusterObservation]]:
    return looks.look(CLUSTERS, _CLUSTERS.read)


def members() -> looks.Seen[roster.Kept[MembershipObservation]]:
    return looks.look(MEMBERS, _MEMBERS.read)


def inside_name(cluster: str) -> str:
    return f"fleet/inside/{cluster}"


def inside(cluster: ClusterObservation, *, among: int) -> looks.Seen[roster.Inside]:
    name, every_s = inside_name(cluster.name), max(EVERY_S, EVERY_CLUSTER_S * among)
    before = looks.look(name, partial(_inside, cluster), every_s=every_s)
    if before.trouble is None:
        return before
    return looks.look(name, partial(_inside, cluster), every_s=max(every_s, SILENT_EVERY_S))


def _inside(cluster: ClusterObservation, settings: Settings) -> roster.Inside:
    return _made(ObjectsGateway, settings).inside(cluster)


def events_name(cluster: str) -> str:
    return f"fleet/events/{cluster}"


def events(cluster: ClusterObservation) -> looks.Seen[tuple[EventObservation, ...]]:
    def read(settings: Settings) -> tuple[EventObservation, ...]:
        return _made(ObjectsGateway, settings).events(cluster)

    return looks.look(events_name(cluster.name), read)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAsked:
    pod: str
    container: str
    lines: int
    previous: bool

    def name(self, cluster: str) -> str:
        which = "previous" if self.previous else "current"
        return f"fleet/log/{cluster}/{self.pod}/{self.container}/{self.lines}/{which}"


def log(cluster: ClusterObservation, asked: LogAsked) -> looks.Seen[LogTail]:
    def read(settings: Settings) -> LogTail:
        return _made(ObjectsGateway, settings).log(
            cluster, asked.pod, asked.container, lines=asked.lines, previous=asked.previous
        )

    return looks.look(asked.name(cluster.name), read)


def names_name(cluster: str, kind: str) -> str:
    return f"fleet/names/{cluster}/{kind}"


def names(cluster: ClusterObservation, kind: str) -> looks.Seen[tuple[str, ...]]:
    def read(settings: Settings) -> tuple[str, ...]:
        return _made(ObjectsGateway, settings).names(cluster, kind)

    return looks.look(names_name(cluster.name, kind), read, every_s=2 * EVERY_S)


def manifest_name(cluster: str, kind: str, name: str) -> str:
    return f"fleet/manifest/{cluster}/{kind}/{name}"


def manifest(cluster: ClusterObservation, kind: str, name: str) -> looks.Seen[str]:
    def read(settings: Settings) -> str:
        return _made(ObjectsGateway, settings).manifest(cluster, kind, name)

    return looks.look(manifest_name(cluster.name, kind, name), read)
