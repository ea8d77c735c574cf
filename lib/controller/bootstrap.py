"""Sets up what every placement needs: config cluster, fleet features, address, custom resources, a sample.

Level-triggered: each look starts what is missing and returns at once with one sentence for each thing it
started or waits for. Everything goes through the same public APIs as the rest; repeating it changes
nothing. It never takes anything away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lib.controller import render
from lib.controller.wire import Wire
from lib.fleet.ledger import Thing, ThingKind
from lib.fleet.model import ClusterObservation, MembershipObservation
from lib.fleet.names import link
from lib.gateways import placement_codec as codec
from lib.gateways.errors import AlreadyExists, AtlasError, NotFound, Unreachable
from lib.gateways.ledger import Because, Ledger, Receipt
from lib.settings import Settings

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests" / "config-cluster"
SAMPLE = MANIFESTS.parent / "samples" / "stable-diffusion.yaml"
INGRESS_KINDS = frozenset({"MultiClusterIngress", "MultiClusterService", "BackendConfig"})
STATIC_IP = "networking.gke.io/static-ip"
LAST_STEP = "global endpoint"
AGAIN_S = 30.0  # a finished set-up is looked at again this often (wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is set up. `waiting` tells what the next look will find done."""

    name: str
    done: bool
    message: str = ""


@dataclass(slots=True, kw_only=True)
class _Progress:
    applied: set[str] = field(default_factory=set[str])  # manifests this process has applied
    sample: bool = False
    address: str = ""


class Bootstrap:
    def __init__(self, wire: Wire, settings: Settings, *, manifests: Path = MANIFESTS) -> None:
        self._wire = wire
        self._settings = settings
        self._documents = [d for text in render.read_sources(manifests).values() for d in render.load(text)]
        self._progress = _Progress()
        self._ledger = Ledger(wire.journal, settings.now)
        self._finished_at: float | None = None

    @property
    def finished(self) -> bool:
        return self._finished_at is not None

    def due(self) -> bool:
        return self._finished_at is None or time.monotonic() - self._finished_at > AGAIN_S

    def advance(self) -> tuple[Step, ...]:
        """Start what is missing. Steps that need an earlier one are left for a later look."""
        steps = [self._tried("address", self._address), self._tried("config sync", self._config_sync)]
        cluster = self._config_cluster()
        steps.append(cluster)
        if not cluster.done:
            return tuple(steps)
        membership = self._membership()
        steps.append(self._tried("custom resources", self._custom_resources))
        steps.append(self._tried("sample", self._sample))
        steps.append(membership)
        if membership.done:
            steps.append(self._tried("multi cluster ingress", self._ingress))
        if membership.done and all(step.done for step in steps):
            steps.append(self._tried(LAST_STEP, self._endpoint))
            if steps[-1].done:
                self._finished_at = time.monotonic()
        return tuple(steps)

    def _tried(self, name: str, step: Callable[[], Step]) -> Step:
        try:
            return step()
        except AtlasError as e:
            return Step(name=name, done=False, message=str(e))

    def _address(self) -> Step:
        if not self._progress.address:
            name = self._settings.vip_address_name
            creating = self._making(ThingKind.ADDRESS, name, "The one address that users know.")
            self._progress.address = self._wire.compute.ensure_address(name, creating=creating)
        address = self._progress.address
        message = f"The global address is {address}." if address else "Reserving a global address."
        return Step(name="address", done=bool(address), message=message)

    def _config_sync(self) -> Step:
        creating = self._making(ThingKind.FEATURE, "configmanagement", "Config Sync for the fleet.")
        state = self._wire.hub.enable_config_management(creating=creating)
        return Step(
            name="config sync",
            done=state.enabled,
            message="Config Sync is enabled for the fleet." if state.enabled else "Enabling Config Sync.",
        )

    def _config_cluster(self) -> Step:
        name, region = self._settings.config_cluster, self._settings.config_region
        try:
            found = self._find_cluster()
            if found is None:
                with self._making(ThingKind.CLUSTER, name, "It holds the placement.", region)() as receipt:
                    made = self._wire.gke.create_cluster(region, name, labels={"role": "config"})
                    receipt.operation = made.name
        except AlreadyExists:
            found = None
        except AtlasError as e:
            return Step(name="config cluster", done=False, message=str(e))
        if found is None or found.status == "PROVISIONING":
            message = f"Creating the config cluster {name} in {region}; this takes about 6 minutes."
            return Step(name="config cluster", done=False, message=message)
        return Step(
            name="config cluster",
            done=found.status in {"RUNNING", "RECONCILING", "DEGRADED"},
            message=f"The config cluster {name} in {region} is {found.status}.",
        )

    def _find_cluster(self) -> ClusterObservation | None:
        name, region = self._settings.config_cluster, self._settings.config_region
        listing = self._wire.gke.list_clusters()
        found = next((c for c in listing if c.name == name and c.region == region), None)
        if found is None and region in listing.unknown:
            raise Unreachable(f"Whether {name} exists is unknown: {region} did not answer.")
        return found

    def _membership(self) -> Step:
        try:
            found = self._find_membership()
        except AtlasError as e:
            return Step(name="membership", done=False, message=str(e))
        if found and found.state in {"READY", "UPDATING", "SERVICE_UPDATING"}:
            return Step(name="membership", done=True, message="The config cluster is a member of the fleet.")
        return Step(name="membership", done=False, message="Registering the config cluster to the fleet.")

    def _find_membership(self) -> MembershipObservation | None:
        name, region = self._settings.config_cluster, self._settings.config_region
        members = self._wire.hub.list_memberships()
        return next((m for m in members if m.cluster == name and m.region == region), None)

    def _ingress(self) -> Step:
        member = self._find_membership()
        if member is None:
            raise NotFound("The config cluster is no member of the fleet.")
        creating = self._making(ThingKind.FEATURE, "multiclusteringress", "One address for all regions.")
        state = self._wire.hub.enable_ingress(member.name, creating=creating)
        message = "Multi Cluster Ingress is ready." if state.ready else "Enabling Multi Cluster Ingress."
        return Step(name="multi cluster ingress", done=state.ready, message=message)

    def _custom_resources(self) -> Step:
        """Definitions and roles; they need nothing but a cluster."""
        self._apply([d for d in self._documents if d["kind"] not in INGRESS_KINDS])
        return Step(name="custom resources", done=True, message="GpuPlacement and GpuRegion are defined.")

    def _endpoint(self) -> Step:
        """The objects of the global address; their kinds appear when the ingress feature is ready."""
        documents = [d for d in self._documents if d["kind"] in INGRESS_KINDS]
        if self._missing(documents):
            for document in documents:
                self._fill_in(document)
            self._apply(documents)
        return Step(name=LAST_STEP, done=True, message="The global endpoint is declared.")

    def _fill_in(self, document: render.Document) -> None:
        if document["kind"] == "MultiClusterIngress":
            document["metadata"]["annotations"][STATIC_IP] = self._progress.address
        if document["kind"] == "MultiClusterService":
            # The manifest says none; what the loop has linked since stays linked.
            document["spec"]["clusters"] = [{"link": link(region)} for region in self._linked()]

    def _linked(self) -> list[str]:
        try:
            return sorted(self._wire.ingress.attached())
        except NotFound:
            return []

    def _sample(self) -> Step:
        """Once a process: an operator who deletes the placement does not get it back at once."""
        if not self._progress.sample:
            try:
                self._wire.placement.get()
            except NotFound:
                self._wire.placement.create_default(codec.spec_from(self._sample_spec()))
            self._progress.sample = True
        return Step(name="sample", done=True, message=f"The placement {self._settings.placement} is there.")

    def _sample_spec(self) -> render.Document:
        return render.load(SAMPLE.read_text(encoding="utf-8"))[0]["spec"]

    def _apply(self, documents: list[render.Document]) -> None:
        missing = self._missing(documents)
        if missing:
            for document in missing:
                with self._declaring(_name(document)):
                    self._wire.config_cluster.apply([document])
                self._progress.applied.add(_name(document))

    def _making(
        self, kind: ThingKind, name: str, why: str, location: str = ""
    ) -> Callable[[], AbstractContextManager[Receipt]]:
        """For the gateway to enter right before it creates something, which it does only when it is missing."""
        thing = Thing(kind=kind, name=name, location=location)
        return partial(self._ledger.making, thing, because=Because(why=why))

    def _declaring(self, name: str) -> AbstractContextManager[object]:
        """Applied anew by every process; in the ledger once."""
        thing = Thing(kind=ThingKind.MANIFEST, name=name)
        if self._ledger.holds(thing):
            return nullcontext()
        built = "Multi Cluster Ingress builds its forwarding rule, backends and health checks from it."
        why = built if name.startswith("MultiCluster") else "The platform's set-up needs it."
        return self._ledger.making(thing, because=Because(why=why))

    def _missing(self, documents: list[render.Document]) -> list[render.Document]:
        return [d for d in documents if _name(d) not in self._progress.applied]


def _name(document: render.Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"
