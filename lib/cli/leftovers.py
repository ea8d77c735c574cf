"""The hands of `orphans`: one careful look through the gateways, and one removal at a time with its proof.

Parts are read in the order in which things come to life backwards, so that what is made meanwhile is never taken for left
over. Every removal reads the label again right before and is written into the ledger. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from lib.fleet import catalog
from lib.fleet.ledger import STANDS, Line, Thing, ThingKind
from lib.fleet.model import ClusterObservation, Placement, Provisioning, WorkloadObservation
from lib.fleet.orphans import Home, Orphan, Probe, Seen
from lib.fleet.probe import probe_from
from lib.gateways.errors import AtlasError, JournalError, NotFound, Refused
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.compute import ComputeGateway
    from lib.gateways.delivery import DeliveryGateway
    from lib.gateways.gke import GkeGateway
    from lib.gateways.hub import HubGateway
    from lib.gateways.ingress import IngressGateway
    from lib.gateways.ledger import Ledger
    from lib.gateways.listing import Listing
    from lib.gateways.placement import PlacementGateway
    from lib.gateways.probe import ProbeGateway

FRESH, FRESH_WALL_S = timedelta(minutes=5), 30.0
READABLE = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})
T = TypeVar("T")


@dataclass(kw_only=True)
class Hands:
    """The gateways, each made at its first use: some are heavy."""

    settings: Settings

    @cached_property
    def gke(self) -> GkeGateway:
        from lib.gateways.gke import GkeGateway

        return GkeGateway(self.settings)

    @cached_property
    def hub(self) -> HubGateway:
        from lib.gateways.hub import HubGateway

        return HubGateway(self.settings)

    @cached_property
    def compute(self) -> ComputeGateway:
        from lib.gateways.compute import ComputeGateway

        return ComputeGateway(self.settings)

    @cached_property
    def delivery(self) -> DeliveryGateway:
        from lib.gateways.delivery import DeliveryGateway

        return DeliveryGateway(self.settings)

    @cached_property
    def ingress(self) -> IngressGateway:
        from lib.gateways.ingress import IngressGateway

        return IngressGateway(self.settings)

    @cached_property
    def placement(self) -> PlacementGateway:
        from lib.gateways.placement import PlacementGateway

        return PlacementGateway(self.settings)

    @cached_property
    def probe(self) -> ProbeGateway:
        from lib.gateways.probe import ProbeGateway

        return ProbeGateway(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        from lib.gateways.journal import Journal
        from lib.gateways.ledger import Ledger

        return Ledger(Journal(self.settings.journal_url), self.settings.now)

    def lines(self) -> Mapping[Thing, Line]:
        """Without the journal nothing is known of who and why; what is ours the labels still tell."""
        try:
            return self.ledger.stands()
        except JournalError:
            return {}

    def ingress_object(self) -> bool:
        from lib.gateways.config_cluster import ConfigClusterGateway
        from lib.gateways.ingress import INGRESS

        gateway = ConfigClusterGateway(self.settings)
        try:
            return gateway.get("MultiClusterIngress", "networking.gke.io/v1", INGRESS) is not None
        except NotFound:  # not even the kind is there
            return False

    def workload(self, cluster: ClusterObservation) -> WorkloadObservation:
        from lib.gateways.workload import WorkloadGateway

        return WorkloadGateway(self.settings).observe(cluster)


def home(settings: Settings) -> Home:
    return Home(
        placement=settings.placement,
        config_cluster=settings.config_cluster,
        config_region=settings.config_region,
        address=settings.vip_address_name,
        fresh=max(FRESH, timedelta(seconds=FRESH_WALL_S * settings.speed())),
    )


def look(hands: Hands) -> Seen:
    """One look; what did not answer is said in words and stays None."""
    asked = _Asked()
    links = asked.of("the MultiClusterService", lambda: _links(hands))
    directories = asked.of("the delivery repository", hands.delivery.directories)
    memberships = asked.listed("fleet memberships", hands.hub.list_memberships)
    forwarding = asked.of("forwarding rules", hands.compute.ingress_rules)
    addresses = asked.of("global addresses", hands.compute.list_addresses)
    clusters = asked.listed("clusters", hands.gke.list_clusters)
    torn_down = _torn_down(hands.settings, clusters, asked.dark)
    if torn_down:  # the silence of a config cluster that isn't there says that it holds nothing
        asked.forget("the MultiClusterService")
        links, there, placements = (), False, {}
    else:
        there = asked.of("the MultiClusterIngress", hands.ingress_object)
        placements = asked.of("placements", lambda: _by_name(hands.placement.list_placements()))
    return Seen(
        at=hands.settings.now(),
        placements=placements,
        clusters=clusters,
        memberships=memberships,
        directories=directories,
        links=links,
        addresses=addresses,
        forwarding=forwarding,
        ingress=there,
        probes=asked.of("reservations and instances", lambda: _probes(hands)),
        workloads=_workloads(hands, clusters or ()),
        dark=frozenset(asked.dark),
        unknown=tuple(asked.unknown.values()),
    )


class _Asked:
    """What was asked and did not answer, in words."""

    def __init__(self) -> None:
        self.unknown: dict[str, str] = {}
        self.dark: set[str] = set()

    def of(self, what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except AtlasError as e:
            self.unknown[what] = f"{what} can't be seen ({str(e).rstrip('.')})"
            return None

    def listed(self, what: str, read: Callable[[], Listing[T]]) -> tuple[T, ...] | None:
        found = self.of(what, read)
        if found is None:
            return None
        if found.unknown:
            self.dark |= found.unknown
            self.unknown[what] = f"{what} of {', '.join(sorted(found.unknown))} can't be seen"
        return found.items

    def forget(self, what: str) -> None:
        self.unknown.pop(what, None)


def _torn_down(settings: Settings, clusters: tuple[ClusterObservation, ...] | None, dark: set[str]) -> bool:
    if clusters is None or settings.config_region in dark:
        return False
    wanted = (settings.config_cluster, settings.config_region)
    return all((c.name, c.region) != wanted for c in clusters)


def _by_name(found: tuple[Placement, ...]) -> dict[str, Placement]:
    return {one.name: one for one in found}


def _probes(hands: Hands) -> tuple[Probe, ...]:
    found = [left.probe for left in hands.probe.leftovers()]
    usd = [catalog.usd_per_hour(p.accelerator, p.provisioning, p.region) or 0.0 for p in found]
    return tuple(
        Probe(name=p.name, zone=p.zone, created_at=p.at, usd_per_hour=price)
        for p, price in zip(found, usd, strict=True)
    )


def _workloads(hands: Hands, clusters: tuple[ClusterObservation, ...]) -> dict[str, WorkloadObservation]:
    """For the cost only: a silent control plane leaves the fee."""
    found: dict[str, WorkloadObservation] = {}
    for cluster in clusters:
        if cluster.owned and cluster.endpoint and cluster.status in READABLE:
            try:
                found[cluster.name] = hands.workload(cluster)
            except AtlasError:
                continue
    return found


def calls(orphan: Orphan, settings: Settings) -> str:
    """What removing it calls, for the plan."""
    thing, project = orphan.thing, settings.project
    where = f"projects/{project}/locations/{thing.location}"
    return {
        ThingKind.CLUSTER: f"container.DeleteCluster {where}/clusters/{thing.name}",
        ThingKind.MEMBERSHIP: f"gkehub.DeleteMembership {where}/memberships/{thing.name}",
        ThingKind.DIRECTORY: f"git rm clusters/{thing.name}/",
        ThingKind.LINK: f"PATCH multiclusterservices: remove {thing.name}",
        ThingKind.ADDRESS: f"compute.globalAddresses.delete {thing.name}",
        ThingKind.PROBE: f"compute.{_resource(thing)}.delete {thing.location}/{thing.name}",
    }.get(thing.kind, "")


def _resource(thing: Thing) -> str:
    found = probe_from(thing.name, thing.location)
    return "instances" if found and found.provisioning is Provisioning.SPOT else "reservations"


def remove(hands: Hands, orphan: Orphan) -> str:
    """Starts it; the operation of the cloud, or the commit. Raises Refused for what isn't ours."""
    thing = orphan.thing
    match thing.kind:
        case ThingKind.CLUSTER:
            done = hands.gke.delete_cluster(thing.location, thing.name).name
        case ThingKind.MEMBERSHIP:
            made_here = orphan.ledger is not None and orphan.ledger.step in STANDS
            done = hands.hub.delete_membership(orphan.handle, made_here=made_here)
        case ThingKind.DIRECTORY:
            done = hands.delivery.commit(
                thing.name, None, subject=f"Remove what is left of {thing.name}", author="gpu-atlas"
            )
        case ThingKind.LINK:
            hands.ingress.unlink(thing.name)
            done = ""
        case ThingKind.ADDRESS:
            done = hands.compute.release_address(thing.name)
        case ThingKind.PROBE:
            if (left := probe_from(thing.name, thing.location)) is None:
                raise Refused(f"{thing.name} is no capacity probe's.")
            hands.probe.remove(left)
            done = ""
        case _:
            raise Refused(f"{thing.name} is no thing that this platform removes.")
    return done


def is_gone(hands: Hands, orphan: Orphan) -> bool:  # noqa: PLR0911 - one answer a kind
    """The second look, straight at the thing; AtlasError when nobody answers."""
    thing = orphan.thing
    match thing.kind:
        case ThingKind.CLUSTER:
            clusters = hands.gke.list_clusters()
            gone = all((c.region, c.name) != (thing.location, thing.name) for c in clusters)
            return gone and thing.location not in clusters.unknown
        case ThingKind.MEMBERSHIP:
            members = hands.hub.list_memberships()
            return thing.location not in members.unknown and all(m.name != orphan.handle for m in members)
        case ThingKind.DIRECTORY:
            return thing.name not in hands.delivery.directories()
        case ThingKind.LINK:
            return thing.name not in _links(hands)
        case ThingKind.ADDRESS:
            return all(a.name != thing.name for a in hands.compute.list_addresses())
        case ThingKind.PROBE:
            return all(left.name != thing.name for left in hands.probe.leftovers())
        case _:
            return False


def _links(hands: Hands) -> tuple[str, ...]:
    try:
        return hands.ingress.links()
    except NotFound:
        return ()


def is_drained(hands: Hands, link: str) -> bool:
    """No endpoint of the region is behind the global address any more."""
    return not hands.compute.list_backends().get(link.partition("/")[0])
