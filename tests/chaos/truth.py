"""What the sandbox's cloud really holds, read from its database and from the delivery repository beside every API.

No fault hides anything from here, and reading disturbs nothing. It judges what must hold at every moment; what must
hold at the end is the test's.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from lib.fleet import catalog
from lib.fleet.model import PlacementSpec, Provisioning, Rollout
from lib.fleet.names import PREFIX
from lib.gateways import placement_codec as codec
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.gke import OWNER_LABEL
from lib.gateways.placement import OPERATIONS_ANNOTATION
from lib.gateways.workload import ACCELERATOR_LABEL, SPOT_LABEL
from lib.settings import Settings

CONFIG = "kube/us-central1/config-cluster"
PLACEMENT = (f"{CONFIG}/gpuplacements.gpuatlas.dev", "default/stable-diffusion")
SERVICE = (f"{CONFIG}/multiclusterservices.networking.gke.io", "default/stable-diffusion-webui-mcs")
CENT = 0.01
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A GPU machine that runs and is paid for."""

    region: str
    accelerator: str
    provisioning: Provisioning
    busy: bool  # a pod is on it, and stays

    @property
    def usd(self) -> float:
        return _usd(self.accelerator, self.provisioning, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One moment."""

    now: datetime
    clusters: Mapping[str, Document]  # location/name -> Cluster
    memberships: Mapping[str, Document]
    synced: Mapping[str, str]  # membership -> directory that Config Sync was told to follow
    operations: Mapping[str, Document]
    machines: tuple[Machine, ...]
    linked: frozenset[str]  # regions in the MultiClusterService
    groups: Mapping[str, Document]  # zone/name -> network endpoint group
    delivered: Mapping[str, Any]  # cluster -> DeliveredWorkload
    spec: PlacementSpec
    status: Document
    generation: int
    operation_ids: tuple[str, ...]  # that changed the spec, newest last

    @property
    def regions(self) -> dict[str, str]:
        """Status of our cluster, by region."""
        return {
            key.partition("/")[0]: c["status"]
            for key, c in self.clusters.items()
            if owned(c) and key.partition("/")[2].startswith(PREFIX)
        }

    @property
    def usd_running(self) -> float:
        """Fees of the clusters that are there, and the machines that run."""
        return len(self.regions) * catalog.CLUSTER_FEE_USD_PER_HOUR + sum(m.usd for m in self.machines)


def _usd(accelerator: str, provisioning: Provisioning, region: str) -> float:
    return catalog.usd_per_hour(accelerator, provisioning, region) or 0.0


def _planned(world: World) -> float:
    """Fees of the clusters that are there, and the machine that each was told to have. A drill asks for what it may not
    get: what counts is the machine to which its region returns."""
    usd = 0.0
    for region in (r for r, status in world.regions.items() if status != "STOPPING"):
        usd += catalog.CLUSTER_FEE_USD_PER_HOUR
        told = world.delivered.get(f"{PREFIX}{region}")
        if told is not None:
            gpu, model = told.returns_to or (told.accelerator, told.provisioning)
            usd += _usd(gpu, model, region)
    return usd


def _told(world: World | None) -> list[str]:
    """What each cluster was told to run, and in a drill what it returns to."""
    delivered = world.delivered if world else {}
    return [
        f"{cluster.removeprefix(PREFIX)}: {d.accelerator} {d.provisioning.value} {d.rollout.value}"
        + (f" from {d.returns_to[0]} {d.returns_to[1].value}" if d.returns_to else "")
        for cluster, d in sorted(delivered.items())
        if d.accelerator
    ]


def owned(cluster: Document) -> bool:
    return cluster.get("resourceLabels", {}).get(OWNER_LABEL[0]) == OWNER_LABEL[1]


@dataclass(kw_only=True)
class Truth:
    settings: Settings
    delivery: DeliveryGateway = field(init=False)

    def __post_init__(self) -> None:
        self.delivery = DeliveryGateway(self.settings)

    def look(self) -> World:
        delivered = self.delivery.read()
        path = self.settings.sandbox_dir / "state.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            db.execute("BEGIN")
            return self._world(db, delivered)

    def _world(self, db: sqlite3.Connection, delivered: Mapping[str, Any]) -> World:
        placement = _one(db, *PLACEMENT)
        service = _one(db, *SERVICE)
        annotations = placement["metadata"].get("annotations") or {}
        clusters = dict(_all(db, "gke.clusters"))
        return World(
            now=self.settings.now(),
            clusters=clusters,
            memberships=dict(_all(db, "hub.memberships")),
            synced=dict(_synced(db)),
            operations=dict(_all(db, "gke.operations")),
            machines=tuple(_machines(db, clusters)),
            linked=frozenset(c["link"].partition("/")[0] for c in service["spec"].get("clusters") or ()),
            groups=dict(_all(db, "compute.networkEndpointGroups")),
            delivered=delivered,
            spec=codec.spec_from(placement["spec"]),
            status=placement.get("status") or {},
            generation=placement["metadata"]["generation"],
            operation_ids=tuple(json.loads(annotations.get(OPERATIONS_ANNOTATION, "[]"))),
        )


def _one(db: sqlite3.Connection, collection: str, key: str) -> Document:
    """An object without a spec while there is none."""
    row = db.execute("SELECT body FROM objects WHERE collection=? AND key=?", (collection, key)).fetchone()
    return json.loads(row[0]) if row else {"metadata": {}, "spec": {}}


def _all(db: sqlite3.Connection, collection: str) -> Iterator[tuple[str, Document]]:
    for key, body in db.execute("SELECT key, body FROM objects WHERE collection=?", (collection,)):
        yield key, json.loads(body)


def _synced(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for _, feature in _all(db, "hub.features"):
        for name, spec in (feature.get("membershipSpecs") or {}).items():
            git = spec.get("configmanagement", {}).get("configSync", {}).get("git", {})
            if git.get("syncRepo"):
                yield name.rpartition("/")[2], git.get("policyDir", "")


def _machines(db: sqlite3.Connection, clusters: Mapping[str, Document]) -> Iterator[Machine]:
    for key, cluster in clusters.items():
        if not owned(cluster):
            continue
        busy = {
            pod["spec"].get("nodeName")
            for name, pod in _all(db, f"kube/{key}/pods")
            if name.startswith("default/") and "deletionTimestamp" not in pod["metadata"]
        }
        for _, node in _all(db, f"kube/{key}/nodes"):
            name, labels = node["metadata"]["name"], node["metadata"]["labels"]
            if accelerator := labels.get(ACCELERATOR_LABEL):
                model = Provisioning.SPOT if labels.get(SPOT_LABEL) == "true" else Provisioning.STANDARD
                yield Machine(
                    region=key.partition("/")[0],
                    accelerator=accelerator,
                    provisioning=model,
                    busy=name in busy,
                )


@dataclass(kw_only=True)
class Watch:
    """Looks again and again, and keeps every breach of what must always hold."""

    truth: Truth
    strangers: Mapping[str, frozenset[str]]  # kind -> keys of what isn't ours, which must stay
    breaches: list[str] = field(default_factory=list)
    looks: int = 0
    most_usd: float = 0.0
    operations: dict[str, Document] = field(default_factory=dict)
    caps: dict[int, float] = field(default_factory=dict)  # by generation of the spec
    before: World | None = None
    planned: float = 0.0

    def look(self) -> World:
        world = self.truth.look()
        self.looks += 1
        self.operations |= world.operations
        self._strangers(world)
        self._money(world)
        self.before = world
        return world

    def _strangers(self, world: World) -> None:
        held = {
            "cluster": set(world.clusters)
            - {k for k, c in world.clusters.items() if c["status"] == "STOPPING"},
            "membership": set(world.memberships),
            "sync": {f"{name} {directory}" for name, directory in world.synced.items()},
            "directory": set(world.delivered),
        }
        self.breaches += [
            f"the {kind} {key}, which isn't ours, is gone"
            for kind, keys in self.strangers.items()
            for key in sorted(keys - held[kind])
        ]

    def _money(self, world: World) -> None:
        """What was asked for since the last look fits under a cap that was in force meanwhile."""
        self.most_usd = max(self.most_usd, world.usd_running)
        cap = self._cap(world)
        was, self.planned = self.planned, _planned(world)
        peak = self.planned + (surge := self._surge(world))
        if (self.planned > was + CENT or surge) and peak > cap + CENT:
            self.breaches.append(
                f"at {world.now:%H:%M:%S} ${was:.2f}/h grew to ${peak:.2f}/h (${surge:.2f} of it while a GPU is switched), "
                f"over ${cap:.2f}/h: {world.regions} {_told(world)} after {_told(self.before)}"
            )

    def _cap(self, world: World) -> float:
        """The highest that a plan may have gone by since the last look: one of the generation that the status told of
        then, or of a later one."""
        self.caps[world.generation] = world.spec.max_hourly_usd
        told = (self.before or world).status.get("observedGeneration", 0)
        heeded = max((g for g in self.caps if g <= told), default=min(self.caps))
        self.caps = {g: cap for g, cap in self.caps.items() if g >= heeded}
        return max(self.caps.values())

    def _surge(self, world: World) -> float:
        """Of machines that serve on until the ones that were asked for since the last look serve in their stead. One whose
        pod was let go first is soon taken away."""
        held = self.before.delivered if self.before else {}
        switched = {
            cluster.removeprefix(PREFIX): d.accelerator
            for cluster, d in world.delivered.items()
            if cluster in held and d.rollout is Rollout.SAFE and d.accelerator != held[cluster].accelerator
        }
        return sum(
            m.usd for m in world.machines if m.busy and switched.get(m.region, m.accelerator) != m.accelerator
        )

    def doubles(self) -> list[str]:
        """Clusters that were asked for while they were there: creations without a deletion in between."""
        by_cluster: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for operation in self.operations.values():
            kind = operation["operationType"]
            if kind in {"CREATE_CLUSTER", "DELETE_CLUSTER"}:
                by_cluster[operation["_cluster"]].append((operation["startTime"], kind))
        found: list[str] = []
        for cluster, asked in by_cluster.items():
            kinds = [kind for _, kind in sorted(asked)]
            if any(one == other for one, other in pairwise(kinds)):
                found.append(f"{cluster}: {kinds}")
        return found
