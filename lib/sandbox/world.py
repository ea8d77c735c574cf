"""The one world behind the sandbox's front doors: what every part of it shares.

Parts write documents to the store under the collection names listed here and read each other's, so that the
REST, gRPC and Kubernetes APIs always tell the same story. No part keeps truth in memory.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lib.sandbox.clock import Clock
from lib.sandbox.store import Document, Store

PROJECT = "gpu-atlas-sandbox"
PROJECT_NUMBER = "481516234200"

CLUSTERS = "gke.clusters"  # "<location>/<name>": Cluster as REST JSON
OPERATIONS = "gke.operations"  # "<location>/<operation>"
MEMBERSHIPS = "hub.memberships"  # "<location>/<id>": Membership as REST JSON
FEATURES = "hub.features"  # "<feature id>": Feature as REST JSON, without membershipStates
HUB_OPERATIONS = "hub.operations"
SYNC_STATES = "hub.syncStates"  # "<location>/<membership id>": configmanagement MembershipState as REST JSON
ADDRESSES = "compute.addresses"  # "<name>": Compute REST JSON, as all of compute.*
FORWARDING_RULES = "compute.forwardingRules"
TARGET_PROXIES = "compute.targetHttpProxies"
URL_MAPS = "compute.urlMaps"
BACKEND_SERVICES = "compute.backendServices"
HEALTH_CHECKS = "compute.healthChecks"
NEGS = (
    "compute.networkEndpointGroups"  # "<zone>/<name>"; private field "_endpoints": [{ipAddress, port, ...}]
)
ENDPOINT_HEALTH = "vip.health"  # "<zone>/<neg>/<ip>:<port>": {"state": "HEALTHY"|"UNHEALTHY"|"DRAINING", ...}
REQUESTS = "metrics.requests"  # "<minute epoch>/<zone>/<response code>/<NEG>": a `load.Tally`
DUTY = "metrics.duty"  # "<minute epoch>/<location>/<cluster>/<namespace>/<pod>": {"busy_s", "accelerator"}
SETTINGS = "admin.settings"  # "load-balancer": {"scheme"}
RESERVATIONS = "compute.reservations"  # "<zone>/<name>"; what stands has "_gpu": what quota reads
INSTANCES = "compute.instances"  # likewise
FAULTS = "admin.faults"  # "<id>": {"id", "kind", "scope", "created", "expires"}


@dataclass(slots=True, kw_only=True)
class World:
    store: Store
    clock: Clock
    state_dir: Path  # the sandbox's own folder, inside the state directory
    delivery_path: Path  # bare Git repository that Config Sync reads (its URL is file://<path>)
    seed: int = 7
    api_address: str = ""  # "127.0.0.1:PORT", TLS: Google REST APIs, Kubernetes APIs, token endpoint, admin
    grpc_address: str = ""  # "127.0.0.1:PORT", TLS
    vip_port: int = 0  # plain HTTP on 127.0.0.1
    lb_scheme: str = "EXTERNAL"  # of the load balancers that Multi Cluster Ingress makes; or EXTERNAL_MANAGED
    ca_pem: bytes = b""
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    project: str = PROJECT
    project_number: str = PROJECT_NUMBER

    def clusters(self, *statuses: str) -> Iterator[tuple[str, str, Document]]:
        """(location, name, Cluster) of each GKE cluster in one of the given statuses (all when none given)."""
        for key, cluster in self.store.items(CLUSTERS):
            if not statuses or cluster.get("status") in statuses:
                location, name = key.split("/", 1)
                yield location, name, cluster
