"""Memberships of the fleet: which clusters are in it, asked for by hand or come with a cluster's `fleet.project`."""

from __future__ import annotations

import re
import uuid

from lib.sandbox import hub_operations as operations
from lib.sandbox.errors import ApiError
from lib.sandbox.hub_names import key_of, location_of, member_path
from lib.sandbox.store import Document
from lib.sandbox.verbs import jittered, public, rfc3339, unreachable_locations
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, SYNC_STATES, World

READY_S, DELETE_S, UPDATE_S = 20.0, 15.0, 4.0
_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def create_membership(world: World, request: Document) -> Document:
    location = location_of(world, request["parent"], "gkehub.memberships.create")
    name, wanted = request.get("membershipId", ""), request.get("resource") or {}
    if not _ID.fullmatch(name):
        raise ApiError(
            "INVALID_ARGUMENT", f'InvalidValueError for field membership_id: "{name}" is no RFC 1123 label'
        )
    key = f"{location}/{name}"
    path = f"projects/{world.project}/locations/{location}/memberships/{name}"
    if world.store.get(MEMBERSHIPS, key):
        raise ApiError("ALREADY_EXISTS", f"Resource '{path}' already exists", reason="alreadyExists")
    link = ((wanted.get("endpoint") or {}).get("gkeCluster") or {}).get("resourceLink", "")
    _check_link(world, link)
    with world.store.transaction():
        _put_membership(world, key, link, wanted)
        return operations.start(world, location, "create", path, READY_S)


def get_membership(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "memberships", "gkehub.memberships.get")
    return shown_membership(world, _existing_membership(world, key))


def list_memberships(world: World, request: Document) -> Document:
    location = location_of(world, request["parent"], "gkehub.memberships.list", many=True)
    away = unreachable_locations(world)
    found = [
        shown_membership(world, membership)
        for key, membership in world.store.items(MEMBERSHIPS)
        if location in ("-", key.split("/", 1)[0]) and key.split("/", 1)[0] not in away
    ]
    return {"resources": found, "unreachable": away if location == "-" else []}


def update_membership(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "memberships", "gkehub.memberships.update")
    membership, wanted = _existing_membership(world, key), request.get("resource") or {}
    changed = {f: wanted[f] for f in ("labels", "description") if f in wanted}
    with world.store.transaction():
        now = rfc3339(world.clock.timestamp())
        world.store.put(MEMBERSHIPS, key, {**membership, **changed, "updateTime": now})
        location = key.split("/", 1)[0]
        return operations.start(world, location, "update", membership["name"], UPDATE_S)


def delete_membership(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "memberships", "gkehub.memberships.delete")
    membership = _existing_membership(world, key)
    deleting = {**membership, "state": {"code": "DELETING"}, "_deleteAt": world.clock.timestamp() + DELETE_S}
    with world.store.transaction():
        world.store.put(MEMBERSHIPS, key, deleting)
        location = key.split("/", 1)[0]
        return operations.start(world, location, "delete", membership["name"], DELETE_S)


def register(world: World, location: str, name: str) -> None:
    """A cluster made with `fleet.project` has come up: its membership, named like it, in its region."""
    key = f"{location}/{name}"
    if world.store.get(MEMBERSHIPS, key) is None:
        link = f"//container.googleapis.com/projects/{world.project}/locations/{location}/clusters/{name}"
        _put_membership(world, key, link, {})


def unregister(world: World, location: str, name: str) -> None:
    """Forget a membership and what features kept for it."""
    key = f"{location}/{name}"
    world.store.delete(MEMBERSHIPS, key)
    world.store.delete(SYNC_STATES, key)
    path = member_path(world, key)
    for feature_key, feature in world.store.items(FEATURES):
        specs = feature.get("membershipSpecs") or {}
        if path in specs:
            kept = {k: v for k, v in specs.items() if k != path}
            world.store.put(FEATURES, feature_key, {**feature, "membershipSpecs": kept})


def _put_membership(world: World, key: str, link: str, wanted: Document) -> None:
    now, (location, name) = world.clock.timestamp(), key.split("/", 1)
    pool = f"{world.project}.svc.id.goog"
    issuer = link.replace("//container.googleapis.com/", "https://container.googleapis.com/v1/")
    membership: Document = {
        "name": f"projects/{world.project}/locations/{location}/memberships/{name}",
        "endpoint": {"gkeCluster": {"resourceLink": link}},
        "state": {"code": "CREATING"},
        "labels": dict(wanted.get("labels") or {}),
        "description": wanted.get("description", ""),
        "createTime": rfc3339(now),
        "updateTime": rfc3339(now),
        "uniqueId": str(uuid.UUID(int=world.rng.getrandbits(128), version=4)),
        "externalId": str(uuid.uuid5(uuid.NAMESPACE_URL, link)),
        "authority": {
            "issuer": issuer,
            "workloadIdentityPool": pool,
            "identityProvider": f"https://gkehub.googleapis.com/projects/{world.project}/locations/{location}"
            f"/memberships/{name}",
        },
        "_readyAt": now + jittered(world, READY_S, f"membership/{key}"),
    }
    world.store.put(MEMBERSHIPS, key, membership)


def shown_membership(world: World, membership: Document) -> Document:
    shown = public(membership)
    link = membership["endpoint"]["gkeCluster"]["resourceLink"]
    key = link.split("/locations/", 1)[-1].replace("/clusters/", "/", 1)
    cluster = world.store.get(CLUSTERS, key)
    gke: Document = {"resourceLink": link}
    endpoint: Document = {"gkeCluster": gke}
    if cluster is None:
        gke["clusterMissing"] = True
    elif membership["state"]["code"] == "READY":
        nodes = world.store.count(f"kube/{key}/nodes")
        now = rfc3339(world.clock.timestamp())
        endpoint["kubernetesMetadata"] = {
            "kubernetesApiServerVersion": f"v{cluster['currentMasterVersion']}",
            "nodeCount": nodes,
            "updateTime": now,
        }
        shown["lastConnectionTime"] = now
    return {**shown, "endpoint": endpoint}


def _existing_membership(world: World, key: str) -> Document:
    found = world.store.get(MEMBERSHIPS, key)
    if found is None:
        location, name = key.split("/", 1)
        path = f"projects/{world.project}/locations/{location}/memberships/{name}"
        raise ApiError("NOT_FOUND", f"Resource '{path}' was not found", reason="notFound")
    return found


def _check_link(world: World, link: str) -> None:
    for key, membership in world.store.items(MEMBERSHIPS):
        if link and membership["endpoint"]["gkeCluster"]["resourceLink"] == link:
            raise ApiError("FAILED_PRECONDITION", f"{link} is already registered as membership {key}.")
    cluster = link.split("/locations/", 1)[-1].replace("/clusters/", "/", 1)
    if world.store.get(CLUSTERS, cluster) is None:
        raise ApiError(
            "INVALID_ARGUMENT", f'InvalidValueError for field endpoint.gke_cluster: "{link}" does not exist'
        )


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for key, membership in world.store.items(MEMBERSHIPS):
        if membership["state"]["code"] == "CREATING" and now >= membership["_readyAt"]:
            ready = {**membership, "state": {"code": "READY"}, "updateTime": rfc3339(membership["_readyAt"])}
            world.store.put(MEMBERSHIPS, key, ready)
        elif membership["state"]["code"] == "DELETING" and now >= membership["_deleteAt"]:
            with world.store.transaction():
                unregister(world, *key.split("/", 1))
