"""The load balancer as the Compute API tells it: what `mci` built, and the health that `health` found."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from lib.sandbox.compute import invalid, not_found
from lib.sandbox.store import Document
from lib.sandbox.verbs import public
from lib.sandbox.world import (
    BACKEND_SERVICES,
    ENDPOINT_HEALTH,
    FORWARDING_RULES,
    HEALTH_CHECKS,
    NEGS,
    TARGET_PROXIES,
    URL_MAPS,
    World,
)

GLOBAL = {
    "forwardingRules": FORWARDING_RULES,
    "backendServices": BACKEND_SERVICES,
    "urlMaps": URL_MAPS,
    "targetHttpProxies": TARGET_PROXIES,
    "healthChecks": HEALTH_CHECKS,
}
_FINGERPRINTED = ("forwardingRules", "backendServices", "urlMaps", "targetHttpProxies")


def global_items(world: World, resource: str) -> list[Document]:
    return [_shown(resource, found) for _, found in world.store.items(GLOBAL[resource])]


def global_item(world: World, resource: str, name: str) -> Document:
    found = world.store.get(GLOBAL[resource], name)
    if found is None:
        raise not_found(world, f"global/{resource}/{name}")
    return _shown(resource, found)


def _shown(resource: str, found: Document) -> Document:
    """With the fingerprint that optimistic writers send back, which changes with the content."""
    shown = public(found)
    if resource not in _FINGERPRINTED:
        return shown
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).digest()
    return {**shown, "fingerprint": base64.b64encode(digest[:8]).decode()}


def negs(world: World, zone_name: str) -> list[Document]:
    return [public(found) for key, found in world.store.items(NEGS) if key.split("/", 1)[0] == zone_name]


def neg(world: World, zone_name: str, name: str) -> Document:
    found = world.store.get(NEGS, f"{zone_name}/{name}")
    if found is None:
        raise not_found(world, f"zones/{zone_name}/networkEndpointGroups/{name}")
    return found


def backend_health(world: World, name: str, body: Document) -> Document:
    """getHealth: one backend group a call; an empty list means that it has no endpoints."""
    service, group = global_item(world, "backendServices", name), body.get("group", "")
    zone_name, neg_name = _neg_of(group)
    if not any(_neg_of(b.get("group", "")) == (zone_name, neg_name) for b in service.get("backends", [])):
        raise invalid(f"Invalid value for field 'resource.group': '{group}'. It is no backend of '{name}'.")
    health = [
        {
            "healthState": state,
            "ipAddress": e["ipAddress"],
            "port": e["port"],
            "instance": e.get("instance", ""),
        }
        for e, state in _endpoints(world, zone_name, neg_name)
        if state in ("HEALTHY", "UNHEALTHY")
    ]
    return (
        {"kind": "compute#backendServiceGroupHealth", "healthStatus": health}
        if health
        else {"kind": "compute#backendServiceGroupHealth"}
    )


def network_endpoints(world: World, zone_name: str, name: str, body: Document) -> list[Document]:
    neg(world, zone_name, name)
    show = body.get("healthStatus") == "SHOW"
    items: list[Document] = []
    for endpoint, state in _endpoints(world, zone_name, name):
        shown = {k: endpoint[k] for k in ("ipAddress", "port", "instance") if k in endpoint}
        item: Document = {"networkEndpoint": shown}
        if show:
            item["healths"] = [{"healthState": state}]
        items.append(item)
    return items


def _endpoints(world: World, zone_name: str, name: str) -> Iterator[tuple[Document, str]]:
    for endpoint in neg(world, zone_name, name).get("_endpoints", []):
        key = f"{zone_name}/{name}/{endpoint['ipAddress']}:{endpoint['port']}"
        yield endpoint, (world.store.get(ENDPOINT_HEALTH, key) or {}).get("state", "UNKNOWN")


def _neg_of(group: str) -> tuple[str, str]:
    """(zone, name) in the URL of a NEG; empty when it is none."""
    parts = group.split("/zones/", 1)[-1].split("/")
    return (parts[0], parts[2]) if len(parts) == 3 and parts[1] == "networkEndpointGroups" else ("", "")
