"""What is left over: things of ours that the placement doesn't want any more and that nothing is taking away.

Pure judgement over one look. Ours is what carries the ownership label, or, for the few things that can't carry one, what
the ledger says we made; anything else is never named. A thing whose place could not be seen isn't judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.ledger import STANDS, Line, Thing, ThingKind
from lib.fleet.model import (
    ClusterObservation,
    MembershipObservation,
    Phase,
    Placement,
    WorkloadObservation,
)
from lib.fleet.names import PREFIX, cluster_name

# List prices in USD per hour; unverified, as are the reference's own.
IDLE_ADDRESS_USD = 0.01
FORWARDING_USD = 0.025
PROBE_LIMIT = timedelta(minutes=10)  # a probe that is older than this was left behind
ORDER = (
    ThingKind.PROBE,
    ThingKind.LINK,
    ThingKind.DIRECTORY,
    ThingKind.CLUSTER,
    ThingKind.MEMBERSHIP,
    ThingKind.ADDRESS,
    ThingKind.FORWARDING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    name: str
    in_use: bool
    owned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A reservation or a machine that a capacity probe made."""

    name: str
    zone: str
    created_at: datetime | None
    usd_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where this installation lives, by its settings."""

    placement: str
    config_cluster: str
    config_region: str
    address: str
    fresh: timedelta  # how old a status may be to be trusted, and how young a cluster to be let be


def _no_workloads() -> dict[str, WorkloadObservation]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look, every part of it complete but for what `unknown` says in words. None: that part wasn't seen."""

    at: datetime
    placements: Mapping[str, Placement] | None = None
    clusters: tuple[ClusterObservation, ...] | None = None
    memberships: tuple[MembershipObservation, ...] | None = None
    directories: Mapping[str, bool] | None = None  # name -> committed by this platform
    links: tuple[str, ...] | None = None
    addresses: tuple[Address, ...] | None = None
    forwarding: tuple[str, ...] | None = None  # rules built by Multi Cluster Ingress
    ingress: bool | None = None  # its object is there
    probes: tuple[Probe, ...] | None = None
    workloads: Mapping[str, WorkloadObservation] = field(default_factory=_no_workloads)  # by cluster
    dark: frozenset[str] = frozenset()  # locations whose clusters or memberships weren't told
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    thing: Thing
    why: str
    usd_per_hour: float
    owned: bool  # False: shown, and never touched
    by_name: bool = False  # removed only when it is named: another installation may use it
    handle: str = ""  # how its API names it, where that differs
    since: datetime | None = None
    ledger: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    orphans: tuple[Orphan, ...]
    unknown: tuple[str, ...]  # what could not be seen, in words: with any of it nothing is removed

    @property
    def usd_per_hour(self) -> float:
        return round(sum(o.usd_per_hour for o in self.orphans), 4)


def judge(seen: Seen, home: Home, ledger: Mapping[Thing, Line]) -> Judgement:
    look = _Look(seen=seen, home=home, ledger=ledger)
    found = [
        *look.clusters(),
        *look.memberships(),
        *look.directories(),
        *look.links(),
        *look.addresses(),
        *look.forwarding(),
        *look.probes(),
    ]
    found.sort(key=lambda o: (ORDER.index(o.thing.kind), o.thing.location, o.thing.name))
    return Judgement(orphans=tuple(found), unknown=(*seen.unknown, *look.stale()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    seen: Seen
    home: Home
    ledger: Mapping[Thing, Line]

    # --- clusters

    def clusters(self) -> Iterator[Orphan]:
        for cluster in self._judged_clusters():
            why, by_name = self._unwanted(cluster)
            if why:
                thing = Thing(kind=ThingKind.CLUSTER, name=cluster.name, location=cluster.region)
                yield self._orphan(
                    thing, why, self._cost(cluster), owned=True, by_name=by_name, since=cluster.created_at
                )

    def _judged_clusters(self) -> Iterator[ClusterObservation]:
        return (c for c in self.seen.clusters or () if c.owned and c.status != "STOPPING")

    def _unwanted(  # noqa: PLR0911 - a ladder of guards
        self, cluster: ClusterObservation
    ) -> tuple[str, bool]:
        """Why nobody wants it, and whether another installation might; ("", False) when somebody does."""
        home, placements = self.home, self.seen.placements
        if cluster.labels.get("role") == "config":
            if (cluster.name, cluster.region) == (home.config_cluster, home.config_region):
                return "", False
            ours = f"{home.config_cluster} in {home.config_region}"
            return f"It is a config cluster, and this installation uses {ours}.", True
        if placements is None or any(self._wants(p, cluster) for p in placements.values()):
            return "", False
        named = cluster.labels.get("placement", "")
        if not named and cluster.name != cluster_name(cluster.region):
            return "It carries this platform's label and belongs to no placement.", False
        name = named or home.placement
        if not self._config_there():
            return f"There is no config cluster {home.config_cluster}, so no placement wants it.", True
        if name not in placements:
            return f"There is no placement {name} any more.", self._others()
        return f"{name} doesn't want {cluster.region}, and isn't taking it down.", False

    def _wants(self, placement: Placement, cluster: ClusterObservation) -> bool:
        if cluster.name != cluster_name(cluster.region):
            return False
        return cluster.region in _regions_of(placement) or self._unsure(placement, cluster)

    def _unsure(self, placement: Placement, cluster: ClusterObservation) -> bool:
        """Made just now, or nobody has looked lately: then nothing is said against it."""
        young = cluster.created_at is not None and self.seen.at - cluster.created_at < self.home.fresh
        return young or self._is_stale(placement)

    def _is_stale(self, placement: Placement) -> bool:
        told = placement.status.as_of
        return told is None or self.seen.at - told > self.home.fresh

    def stale(self) -> Iterator[str]:
        """A status that nobody keeps doesn't tell what is wanted."""
        for name, placement in (self.seen.placements or {}).items():
            if self._is_stale(placement):
                told = placement.status.as_of
                since = f"since {words.at(told)}" if told else "yet"
                yield f"the controller hasn't told what {name} wants {since}"

    def _config_there(self) -> bool:
        wanted = (self.home.config_cluster, self.home.config_region)
        return any((c.name, c.region) == wanted for c in self.seen.clusters or ())

    def _others(self) -> bool:
        """Another config cluster may hold the placement."""
        return any(
            c.labels.get("role") == "config" and c.name != self.home.config_cluster
            for c in self.seen.clusters or ()
        )

    def _cost(self, cluster: ClusterObservation) -> float:
        """The cluster's fee and the GPU machines that its pods are seen on."""
        work = self.seen.workloads.get(cluster.name)
        nodes = {p.node: p for p in (work.pods if work else ()) if p.node}
        prices = (
            catalog.usd_per_hour(p.accelerator, p.provisioning, cluster.region) or 0.0 for p in nodes.values()
        )
        return round(catalog.CLUSTER_FEE_USD_PER_HOUR + sum(prices), 4)

    # --- what hangs on clusters

    def memberships(self) -> Iterator[Orphan]:
        if self.seen.clusters is None:
            return
        there = {(c.region, c.name) for c in self.seen.clusters}
        for member in self.seen.memberships or ():
            known = (member.region, member.cluster) in there or member.region in self.seen.dark
            if known or member.state == "DELETING":
                continue
            thing = Thing(kind=ThingKind.MEMBERSHIP, name=member.cluster, location=member.region)
            owned = member.owned or self._made(thing)
            if owned or member.cluster in {cluster_name(member.region), self.home.config_cluster}:
                why = f"Its cluster {member.cluster} is gone."
                yield self._orphan(thing, why, 0.0, owned=owned, handle=member.name)

    def directories(self) -> Iterator[Orphan]:
        for name, ours in (self.seen.directories or {}).items():
            thing = Thing(kind=ThingKind.DIRECTORY, name=name)
            why, by_name = self._nobody_uses(name, name.removeprefix(PREFIX))
            if why and (ours or self._made(thing)):
                yield self._orphan(thing, why, 0.0, owned=True, by_name=by_name)

    def links(self) -> Iterator[Orphan]:
        """The MultiClusterService is the platform's own, and so are its links."""
        for link in self.seen.links or ():
            region, _, cluster = link.partition("/")
            why, by_name = self._nobody_uses(cluster, region)
            if why:
                thing = Thing(kind=ThingKind.LINK, name=link)
                yield self._orphan(thing, why, 0.0, owned=True, by_name=by_name)

    def _nobody_uses(self, cluster: str, region: str) -> tuple[str, bool]:
        """Why a cluster's belongings serve nobody, as `_unwanted`; "" too when that can't be told."""
        if self.seen.clusters is None or self.seen.placements is None or region in self.seen.dark:
            return "", False
        found = next((c for c in self.seen.clusters if c.name == cluster), None)
        if found is not None:
            why, by_name = self._unwanted(found) if found.owned else ("", False)
            return "Its cluster is an orphan." if why else "", by_name
        if any(region in _regions_of(p) or self._is_stale(p) for p in self.seen.placements.values()):
            return "", False
        why = f"There is no cluster {cluster}, and no placement wants one in {region}."
        return why, not self._config_there()

    # --- what stands alone

    def addresses(self) -> Iterator[Orphan]:
        for address in self.seen.addresses or ():
            thing = Thing(kind=ThingKind.ADDRESS, name=address.name)
            owned = address.owned or self._made(thing)
            if owned and address.name != self.home.address and not address.in_use:
                why = f"This installation uses {self.home.address}, and nothing answers at this one."
                yield self._orphan(thing, why, IDLE_ADDRESS_USD, owned=True, by_name=True)

    def forwarding(self) -> Iterator[Orphan]:
        if self.seen.ingress is not False:
            return
        for rule in self.seen.forwarding or ():
            why = "Multi Cluster Ingress built it, and its object is gone; it carries no label of ours."
            yield self._orphan(Thing(kind=ThingKind.FORWARDING, name=rule), why, FORWARDING_USD, owned=False)

    def probes(self) -> Iterator[Orphan]:
        """Only those with our label are ever listed."""
        for probe in self.seen.probes or ():
            if probe.created_at is None or self.seen.at - probe.created_at > PROBE_LIMIT:
                thing = Thing(kind=ThingKind.PROBE, name=probe.name, location=probe.zone)
                why = "A capacity probe left it behind."
                yield self._orphan(thing, why, probe.usd_per_hour, owned=True, since=probe.created_at)

    def _made(self, thing: Thing) -> bool:
        line = self.ledger.get(thing)
        return line is not None and line.step in STANDS

    def _orphan(  # noqa: PLR0913 - an orphan has that many facts
        self,
        thing: Thing,
        why: str,
        usd_per_hour: float,
        *,
        owned: bool,
        by_name: bool = False,
        handle: str = "",
        since: datetime | None = None,
    ) -> Orphan:
        return Orphan(
            thing=thing,
            why=why,
            usd_per_hour=usd_per_hour,
            owned=owned,
            by_name=by_name,
            handle=handle,
            since=since,
            ledger=self.ledger.get(thing),
        )


def _regions_of(placement: Placement) -> frozenset[str]:
    """What it wants or is taking down: both are looked after."""
    kept = {r.region for r in placement.status.regions if r.phase is not Phase.WANTED or r.cluster}
    wanted = {r.region for r in placement.status.regions} | set(placement.spec.pinned)
    return frozenset(kept | (wanted - set(placement.spec.excluded)))
