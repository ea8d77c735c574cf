"""Every cluster of the fleet with all that is known of it, joined from sources that may be silent one by one.

A cluster that does not answer stays, with what was known last and since when: silence is not absence. Pure: times of
the wall (epoch seconds) come in with what was read. It judges no phase (that is `phase`'s) and decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from lib.fleet.model import ClusterObservation, MembershipObservation, RegionStatus

UNDER_WAY = frozenset({"PENDING", "RUNNING", "ABORTING"})
READABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})
NOT_LISTED = "The list of clusters has not been read yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen:
    name: str
    ready: bool
    zone: str = ""
    machine: str = ""
    accelerator: str = ""  # "" on a node without a GPU
    gpus: int = 0
    spot: bool = False
    version: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    name: str
    phase: str  # Pending, Running, Succeeded, Failed, Unknown
    status: str  # as kubectl says it: CrashLoopBackOff, Init:0/1, Terminating, ...
    ready: str = ""  # "2/2"
    restarts: int = 0
    node: str = ""
    containers: tuple[str, ...] = ()
    created_at: datetime | None = None
    message: str = ""  # the scheduler's or the kubelet's own sentence on why it does not run


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a cluster's own control plane tells of it."""

    nodes: tuple[NodeSeen, ...] = ()
    pods: tuple[PodSeen, ...] = ()  # of the platform's namespace

    @property
    def gpu_nodes(self) -> int:
        return sum(one.gpus > 0 for one in self.nodes)

    @property
    def restarts(self) -> int:
        return sum(one.restarts for one in self.pods)

    def phases(self) -> dict[str, int]:
        """Pods by phase, in the order of a pod's life."""
        order = ("Running", "Pending", "Succeeded", "Failed", "Unknown")
        known = [one.phase if one.phase in order else "Unknown" for one in self.pods]
        return {phase: known.count(phase) for phase in order if phase in known}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one control plane gave last, when, and what has kept it from answering since."""

    inside: Inside | None = None
    read_at: float | None = None
    trouble: str = ""
    since: float | None = None


class Standing(StrEnum):
    """How a control plane stands, in a word."""

    ANSWERS = "Answers"
    SILENT = "No answer"
    ASKED = "Asking"
    CREATING = "Being created"
    DELETING = "Being deleted"
    ERROR = "Error"
    UNSEEN = "Not in sight"  # the location was missing in the list, or nobody has listed yet
    FOREIGN = "Not ours"  # seen in the list of clusters, and left alone


class Role(StrEnum):
    CONFIG = "config cluster"
    WORKLOAD = "workload"
    FOREIGN = "not made by this platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    region: str
    role: Role
    standing: Standing
    cluster: ClusterObservation | None = None
    membership: MembershipObservation | None = None
    status: RegionStatus | None = None  # what the controller tells of its region
    read: Read = field(default_factory=Read)
    trouble: str = ""  # one sentence on what is not known at the moment
    since: float | None = None  # of the trouble, on the wall
    members_known: bool = True  # False: the list of memberships has not been read

    @property
    def dim(self) -> bool:
        """What is shown is the last that was known."""
        return self.standing in {Standing.SILENT, Standing.UNSEEN}


class Placed(Protocol):
    @property
    def region(self) -> str: ...


P = TypeVar("P", bound=Placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[P]):
    """What was listed last; of a location that was silent then, what was listed before."""

    items: tuple[P, ...]
    silent: Mapping[str, float]  # location -> since, on the wall


def after(before: Kept[P] | None, items: Iterable[P], unknown: Collection[str], *, at: float) -> Kept[P]:
    """The list of now, and of silent locations what was known."""
    kept = [one for one in before.items if one.region in unknown] if before else []
    silent = {place: before.silent.get(place, at) if before else at for place in sorted(unknown)}
    return Kept(items=(*items, *kept), silent=silent)


def readable(cluster: ClusterObservation, *, config_cluster: str) -> bool:
    """Whether its control plane is asked: one of ours that should answer."""
    ours = cluster.owned or cluster.name == config_cluster
    return ours and cluster.status in READABLE and bool(cluster.endpoint)


def rows(  # noqa: PLR0913 - one argument a source
    listed: Kept[ClusterObservation] | None,
    members: Kept[MembershipObservation] | None,
    regions: Iterable[RegionStatus],
    read: Mapping[str, Read],
    *,
    config_cluster: str,
    config_region: str,
    on_the_way: bool = False,
) -> tuple[Row, ...]:
    """The config cluster first, then by region. `listed` and `members` are None while they were never read;
    `on_the_way`: the first list has been asked for and nothing has gone wrong."""
    told = {one.cluster: one for one in regions if one.cluster}
    seen = {one.name: one for one in listed.items} if listed else {}
    joined = {one.cluster: one for one in members.items} if members else {}
    silent: Mapping[str, float] = listed.silent if listed else {}
    names = {name for name, one in seen.items() if one.owned or name == config_cluster or name in joined}
    # A complete list that does not name a cluster says that it is gone; a silent location says nothing.
    names |= {name for name, one in told.items() if listed is None or one.region in silent}
    if listed is None or config_region in silent:
        names.add(config_cluster)
    made = [
        _row(
            name,
            seen.get(name),
            told.get(name),
            read.get(name, Read()),
            config=name == config_cluster,
            config_region=config_region,
            silent=silent,
        )
        for name in names
    ]
    if on_the_way:
        made = [replace(one, standing=Standing.ASKED, trouble="") for one in made]
    known = [replace(one, membership=joined.get(one.name), members_known=members is not None) for one in made]
    return tuple(sorted(known, key=lambda row: (row.role is not Role.CONFIG, row.region, row.name)))


def elsewhere(listed: Kept[ClusterObservation] | None, shown: Iterable[Row]) -> int:
    """How many clusters of the project are neither ours nor members of the fleet, and so are not shown."""
    names = {row.name for row in shown}
    return sum(one.name not in names for one in listed.items) if listed else 0


def _row(  # noqa: PLR0913 - one argument a source
    name: str,
    cluster: ClusterObservation | None,
    status: RegionStatus | None,
    read: Read,
    *,
    config: bool,
    config_region: str,
    silent: Mapping[str, float],
) -> Row:
    region = cluster.region if cluster else status.region if status else config_region
    foreign = cluster is not None and not cluster.owned and not config
    role = Role.CONFIG if config else Role.FOREIGN if foreign else Role.WORKLOAD
    standing = _standing(cluster, role, read, silent=region in silent)
    missing = f"{region} is missing in the list of clusters." if region in silent else ""
    unlisted = NOT_LISTED if standing is Standing.UNSEEN else ""
    return Row(
        name=name,
        region=region,
        role=role,
        standing=standing,
        cluster=cluster,
        status=status,
        read=read,
        trouble=read.trouble or missing or unlisted,
        since=read.since or silent.get(region),
    )


_BY_STATUS = {
    "PROVISIONING": Standing.CREATING,
    "STOPPING": Standing.DELETING,
    "ERROR": Standing.ERROR,
}


def _standing(cluster: ClusterObservation | None, role: Role, read: Read, *, silent: bool) -> Standing:
    if cluster is None:
        return Standing.UNSEEN
    if found := _BY_STATUS.get(cluster.status):
        return found
    if role is Role.FOREIGN:
        return Standing.FOREIGN
    if read.trouble:
        return Standing.SILENT
    if silent:
        return Standing.UNSEEN if read.inside is None else Standing.ANSWERS
    return Standing.ANSWERS if read.inside is not None else Standing.ASKED
