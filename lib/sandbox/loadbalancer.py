"""The documents of one global external HTTP load balancer, as Multi Cluster Ingress makes them.

Compute REST JSON, shapes and names only: `mci` decides what there should be, `vip` serves by it, `compute`
tells it. A document that already says the same is left alone, so that nothing changes when nothing changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import compute
from lib.sandbox.neg import digest
from lib.sandbox.store import Document
from lib.sandbox.verbs import numeric_id, pacific
from lib.sandbox.world import (
    BACKEND_SERVICES,
    FORWARDING_RULES,
    HEALTH_CHECKS,
    NEGS,
    TARGET_PROXIES,
    URL_MAPS,
    World,
)

RESOURCES = {  # collection -> (in URLs, as a kind)
    FORWARDING_RULES: ("forwardingRules", "forwardingRule"),
    TARGET_PROXIES: ("targetHttpProxies", "targetHttpProxy"),
    URL_MAPS: ("urlMaps", "urlMap"),
    BACKEND_SERVICES: ("backendServices", "backendService"),
    HEALTH_CHECKS: ("healthChecks", "healthCheck"),
}
NAME_LENGTH = 63
HEALTH_DEFAULTS: Mapping[str, Any] = {  # of NEG backends
    "type": "HTTP",
    "requestPath": "/",
    "checkIntervalSec": 15,
    "timeoutSec": 15,
    "healthyThreshold": 1,
    "unhealthyThreshold": 2,
}
BACKEND_TIMEOUT_S = 30


def name(world: World, *parts: object) -> str:
    """ "mci-<6 chars of this fleet>-part-part": one id a fleet, kept for ever."""
    return "-".join(["mci", digest(f"{world.project}/{world.seed}/mci", 6), *map(str, parts)])[:NAME_LENGTH]


def put(world: World, collection: str, name: str, body: Document) -> str:
    """Create or change one global resource; returns its URL."""
    resource, kind = RESOURCES[collection]
    link = compute.url(world, f"global/{resource}/{name}")
    old = world.store.get(collection, name)
    whole = {
        "kind": f"compute#{kind}",
        "id": numeric_id(f"{resource}/{name}"),
        "creationTimestamp": old["creationTimestamp"] if old else pacific(world.clock.timestamp()),
        "name": name,
        "selfLink": link,
        **body,
    }
    if whole != old:
        world.store.put(collection, name, whole)
    return link


def put_health_check(world: World, name: str, settings: Mapping[str, Any]) -> str:
    """`settings` is BackendConfig's spec.healthCheck."""
    merged = {**HEALTH_DEFAULTS, **settings}
    kind = str(merged["type"])
    probe: Document = {"requestPath": merged["requestPath"], "proxyHeader": "NONE"}
    if "port" in merged:
        probe |= {"port": int(merged["port"]), "portSpecification": "USE_FIXED_PORT"}
    else:
        probe |= {"portSpecification": "USE_SERVING_PORT"}
    body: Document = {
        k: int(merged[k])
        for k in ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")
    }
    field = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "HTTP2": "http2HealthCheck"}[kind]
    return put(world, HEALTH_CHECKS, name, {**body, "type": kind, field: probe})


def put_backend_service(
    world: World, name: str, *, config: Mapping[str, Any], groups: list[str], owner: str
) -> str:
    """`config` is BackendConfig's spec; `groups` are URLs of NEGs; `owner` is the MultiClusterService."""
    check = put_health_check(world, name, config.get("healthCheck") or {})
    affinity = config.get("sessionAffinity") or {}
    logging = config.get("logging") or {}
    body: Document = {
        "backends": [
            {"group": g, "balancingMode": "RATE", "maxRatePerEndpoint": 1e8, "capacityScaler": 1}
            for g in groups
        ],
        "healthChecks": [check],
        "timeoutSec": int(config.get("timeoutSec", BACKEND_TIMEOUT_S)),
        "port": 80,
        "portName": "http",
        "protocol": "HTTP",
        "loadBalancingScheme": world.lb_scheme,
        "enableCDN": False,
        "sessionAffinity": affinity.get("affinityType", "NONE"),
        "affinityCookieTtlSec": int(affinity.get("affinityCookieTtlSec", 0)),
        "connectionDraining": {"drainingTimeoutSec": drain_s(config)},
        "logConfig": {
            "enable": bool(logging.get("enable", True)),
            "sampleRate": logging.get("sampleRate", 1.0),
        },
        "_service": owner,
    }
    return put(world, BACKEND_SERVICES, name, body)


def drain_s(config: Mapping[str, Any]) -> int:
    return int((config.get("connectionDraining") or {}).get("drainingTimeoutSec", 0))


def url_map(default: str | None, rules: list[tuple[str, list[tuple[str, str]]]]) -> Document:
    """`rules`: (host, [(path, backend service URL)]). Without a default, what no rule takes is a 404."""
    body: Document = {"defaultService": default} if default else {}
    hosts: list[Document] = []
    matchers: list[Document] = []
    for host, paths in rules:
        matcher = f"host{digest(host, 8)}"
        hosts.append({"hosts": [host or "*"], "pathMatcher": matcher})
        services = [{"paths": _paths(path), "service": service} for path, service in paths]
        matchers.append({"name": matcher, "pathRules": services, **body})
    return {**body, "hostRules": hosts, "pathMatchers": matchers} if rules else body


def _paths(path: str) -> list[str]:
    """Ingress paths are URL-map patterns already; an empty one takes everything."""
    return [path or "/*"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    name: str  # of URL map and target proxy
    rule: str  # of the forwarding rule
    routes: Document
    address: str
    owner: str  # "<namespace>/<name>" of the MultiClusterIngress


def put_front_end(world: World, front: FrontEnd) -> str:
    """URL map, target proxy and forwarding rule; returns the URL of the rule, which opens the address."""
    owned = {"_ingress": front.owner}
    routes = put(world, URL_MAPS, front.name, {**front.routes, **owned})
    proxy = put(world, TARGET_PROXIES, front.name, {"urlMap": routes, **owned})
    return put(world, FORWARDING_RULES, front.rule, {
        "IPAddress": front.address,
        "IPProtocol": "TCP",
        "portRange": port_range(world),
        "target": proxy,
        "loadBalancingScheme": world.lb_scheme,
        "networkTier": "PREMIUM",
        "ipVersion": "IPV4",
        **owned,
    })  # fmt: skip


def port_range(world: World) -> str:
    return f"{world.vip_port}-{world.vip_port}"


def follow_port(world: World) -> None:
    """The loopback port may be another one after a restart; the rules are where everybody looks it up."""
    for key, rule in world.store.items(FORWARDING_RULES):
        if "_ingress" in rule and rule["portRange"] != port_range(world):
            world.store.put(FORWARDING_RULES, key, {**rule, "portRange": port_range(world)})


def remove_front_end(world: World, owner: str) -> None:
    """The rule first: an address without a rule is closed, a rule without a target would be an error."""
    for collection in (FORWARDING_RULES, TARGET_PROXIES, URL_MAPS):
        for key, found in world.store.items(collection):
            if found.get("_ingress") == owner:
                world.store.delete(collection, key)


def drop_missing_groups(world: World) -> None:
    """A NEG that has drained away is no backend any more, config cluster or not."""
    for key, service in world.store.items(BACKEND_SERVICES):
        backends = service.get("backends", [])
        kept = [b for b in backends if world.store.get(NEGS, neg_key(b["group"]))]
        if kept != backends:
            world.store.put(BACKEND_SERVICES, key, {**service, "backends": kept})


def neg_key(group: str) -> str:
    """ "<zone>/<name>" in the URL of a NEG."""
    return group.partition("/zones/")[2].replace("/networkEndpointGroups/", "/", 1)
