"""Compute in our types: where GPUs are offered, quotas, the static address, and what the load balancer sees.

Its client is REST only and heavy, so nothing but the controller and the command line may import this. Reads
do not retry; a part that can't be read is None or missing in the answer, and never made up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any

from google.cloud import compute_v1

from lib.fleet.model import BackendObservation, Quota, RegionCapacity
from lib.fleet.orphans import Address
from lib.gateways import connect
from lib.gateways.errors import AlreadyExists, NotFound, Refused
from lib.gateways.ingress import INGRESS, SERVICE
from lib.gateways.ledger import Creating
from lib.settings import Settings

OWNER_MARK = "managed-by: gpu-atlas"
ALL_GPUS = "GPUS_ALL_REGIONS"
HEALTH_THREADS = connect.POOL_SIZE  # 43 regions have a group in each of their three zones: two rounds


class ComputeGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project = settings.project
        self._clients: dict[type[Any], Any] = {}
        self._region_of: dict[
            str, str
        ] = {}  # zone -> region, as regions.list tells; never by splitting names
        self._pool = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="compute")

    def list_capacity(self, *, timeout_s: float = connect.DEADLINE_S) -> dict[str, RegionCapacity]:
        """By region: zones, what is offered where, quotas. Two calls, at the same time. A region with a zone
        that did not answer is left out: what it offers is not known."""
        offered_later = self._pool.submit(self._offered, timeout_s)
        regions = self._regions(timeout_s)
        offered, silent = offered_later.result()
        now = self._settings.now()
        return {
            name: RegionCapacity(
                region=name,
                zones=zones,
                offered=_within(offered, zones),
                quotas=_quotas(region.quotas) or None,
                as_of=now,
            )
            for region in regions
            for name, zones in ((region.name, _zones(region)),)
            if not silent.intersection(zones)
        }

    def global_quota(self, *, timeout_s: float = connect.DEADLINE_S) -> Quota | None:
        """GPUS_ALL_REGIONS; None when the project does not tell it."""
        with connect.google_errors("reading the project's quotas"):
            project = self._client(compute_v1.ProjectsClient).get(
                project=self._project, retry=None, timeout=timeout_s
            )
        return _quotas(project.quotas).get(ALL_GPUS)

    def ensure_address(self, name: str, *, creating: Creating = nullcontext) -> str:
        """The reserved global address; "" while it is being reserved. A no-op when it exists."""
        try:
            return self._address(name)
        except NotFound:
            # Compute takes labels of an address only in a second call; its description comes with the first.
            address = compute_v1.Address(
                name=name, address_type="EXTERNAL", ip_version="IPV4", description=OWNER_MARK
            )
            doing = f"reserving the address {name}"
            with suppress(AlreadyExists), creating(), connect.google_errors(doing):
                self._client(compute_v1.GlobalAddressesClient).insert(
                    project=self._project, address_resource=address, retry=None, timeout=connect.DEADLINE_S
                )
        with suppress(NotFound):
            return self._address(name)
        return ""

    def list_addresses(self) -> tuple[Address, ...]:
        """Global ones, ours and others'."""
        with connect.google_errors("listing global addresses"):
            found = list(
                self._client(compute_v1.GlobalAddressesClient).list(
                    project=self._project, retry=None, timeout=connect.DEADLINE_S
                )
            )
        return tuple(
            Address(
                name=a.name, in_use=a.status == "IN_USE" or bool(a.users), owned=OWNER_MARK in a.description
            )
            for a in found
        )

    def release_address(self, name: str) -> str:
        """Starts it; the operation's name. Refused when it is not ours (its description is read right before)."""
        client = self._client(compute_v1.GlobalAddressesClient)
        where = {"project": self._project, "address": name, "retry": None, "timeout": connect.DEADLINE_S}
        with connect.google_errors(f"releasing the address {name}"):
            if OWNER_MARK not in client.get(**where).description:
                raise Refused(f"The address {name} was not made by this platform and is left alone.")
            return str(client.delete(**where).name)

    def ingress_rules(self) -> tuple[str, ...]:
        """Forwarding rules that Multi Cluster Ingress built for this workload."""
        return tuple(rule.name for rule in self._ingress_rules())

    def vip(self) -> str:
        """http://ADDRESS[:PORT] of the global endpoint, from its forwarding rule; "" while there is none."""
        for rule in sorted(self._ingress_rules(), key=lambda r: "-fws-" in r.name, reverse=True):
            return _url(rule)
        return ""

    def _ingress_rules(self) -> list[Any]:
        with connect.google_errors("listing forwarding rules"):
            rules = list(
                self._client(compute_v1.GlobalForwardingRulesClient).list(
                    project=self._project, retry=None, timeout=connect.DEADLINE_S
                )
            )
        return [r for r in rules if r.name.startswith("mci-") and r.name.endswith(self._suffix(INGRESS))]

    def list_backends(self) -> dict[str, tuple[BackendObservation, ...]]:
        """By region: each zonal NEG with its endpoints' health. One getHealth per backend, in parallel."""
        with connect.google_errors("listing backend services"):
            services = list(
                self._client(compute_v1.BackendServicesClient).list(
                    project=self._project, retry=None, timeout=connect.DEADLINE_S
                )
            )
        ours = [s for s in services if s.name.startswith("mci-") and s.name.endswith(self._suffix(SERVICE))]
        pairs = [(service.name, backend.group) for service in ours for backend in service.backends]
        by_region: defaultdict[str, list[BackendObservation]] = defaultdict(list)
        for seen in self._pool.map(lambda pair: self._health(*pair), pairs):
            if seen:
                by_region[self._region(seen.zone)].append(seen)
        return {region: tuple(backends) for region, backends in by_region.items()}

    def _health(self, service: str, group: str) -> BackendObservation | None:
        """None when the group has left the service since it was listed."""
        try:
            return self._health_of(service, group)
        except (NotFound, Refused):
            return None

    def _health_of(self, service: str, group: str) -> BackendObservation:
        with connect.google_errors(f"reading the health of {_last(group)}"):
            told = self._client(compute_v1.BackendServicesClient).get_health(
                project=self._project,
                backend_service=service,
                resource_group_reference_resource=compute_v1.ResourceGroupReference(group=group),
                retry=None,
                timeout=connect.DEADLINE_S,
            )
        states = Counter(status.health_state for status in told.health_status)
        healthy = states.pop("HEALTHY", 0)
        zone = group.partition("/zones/")[2].partition("/")[0]
        return BackendObservation(zone=zone, neg=_last(group), healthy=healthy, unhealthy=states.total())

    def _regions(self, timeout_s: float = connect.DEADLINE_S) -> list[Any]:
        with connect.google_errors("listing regions"):
            regions = list(
                self._client(compute_v1.RegionsClient).list(
                    project=self._project, retry=None, timeout=timeout_s
                )
            )
        self._region_of = {zone: region.name for region in regions for zone in _zones(region)}
        return regions

    def _region(self, zone: str) -> str:
        if zone not in self._region_of:
            self._regions()
        return self._region_of.get(zone, zone.rpartition("-")[0])

    def _offered(self, timeout_s: float) -> tuple[dict[str, list[str]], frozenset[str]]:
        """Accelerators by zone (no virtual-workstation twins, no TPUs), and zones that did not answer."""
        offered: defaultdict[str, list[str]] = defaultdict(list)
        silent: set[str] = set()
        request = compute_v1.AggregatedListAcceleratorTypesRequest(project=self._project, max_results=500)
        with connect.google_errors("listing accelerator types"):
            pages = self._client(compute_v1.AcceleratorTypesClient).aggregated_list(
                request=request, retry=None, timeout=timeout_s
            )
            for page in pages.pages:
                silent |= {_last(scope) for scope in page.unreachables}
                for scope, listed in page.items.items():
                    if listed.warning.code == "UNREACHABLE":
                        silent.add(_last(scope))
                    for found in listed.accelerator_types:
                        if not found.name.startswith("ct") and "-vws" not in found.name:
                            offered[_last(scope)].append(found.name)
        return offered, frozenset(silent)

    def _address(self, name: str) -> str:
        with connect.google_errors(f"reading the address {name}"):
            return (
                self._client(compute_v1.GlobalAddressesClient)
                .get(project=self._project, address=name, retry=None, timeout=connect.DEADLINE_S)
                .address
            )

    def _client(self, kind: type[Any]) -> Any:
        if kind not in self._clients:
            address = connect.endpoints(self._settings).compute
            self._clients[kind] = connect.rest_client(self._settings, kind, address)
        return self._clients[kind]

    def _suffix(self, name: str) -> str:
        return f"-{self._settings.namespace}-{name}"


def _url(rule: Any) -> str:
    first, _, last = rule.port_range.partition("-")
    port = first if first == (last or first) else "80"
    scheme, usual = ("https", "443") if port == "443" else ("http", "80")
    return f"{scheme}://{rule.I_p_address}" + ("" if port in {usual, ""} else f":{port}")


def _zones(region: Any) -> tuple[str, ...]:
    return tuple(sorted(_last(url) for url in region.zones))


def _within(offered: Mapping[str, list[str]], zones: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Zones by accelerator."""
    here: defaultdict[str, list[str]] = defaultdict(list)
    for zone in zones:
        for name in offered.get(zone, ()):
            here[name].append(zone)
    return {name: tuple(where) for name, where in here.items()}


def _quotas(quotas: Iterable[Any]) -> dict[str, Quota]:
    return {q.metric: Quota(limit=q.limit, usage=q.usage) for q in quotas}


def _last(url: str) -> str:
    return url.rpartition("/")[2]
