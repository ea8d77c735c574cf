"""Memberships of the fleet: which clusters are in it, asked for by hand or come with a cluster's `fleet.project`."""

from __future__ import annotations

import re
import uuid

from lib.sandbox import hub_operations as operations
from lib.sandbox import stages
from lib.sandbox.errors import ApiError
from lib.sandbox.hub_names import busy, invalid, key_of, location_of, member_path, page_of
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, public, rfc3339, unreachable_locations
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, SYNC_STATES, World

GKE = "//container.googleapis.com"
_LINK = re.compile(
    r"(?:https:)?//([^/]+)(?:/v1)?/projects/([^/]+)/(?:locations|zones)/([^/]+)/clusters/([^/]+)"
)
_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def create_membership(world: World, request: Document) -> Document:
    location = location_of(world, request["parent"], "gkehub.memberships.create")
    name, wanted = request.get("membershipId", ""), request.get("resource") or {}
    if not _ID.fullmatch(name):
        raise invalid("membership_id", f'"{name}" is no RFC 1123 label')
    key = f"{location}/{name}"
    path = f"projects/{world.project}/locations/{location}/memberships/{name}"
    if world.store.get(MEMBERSHIPS, key):
        raise ApiError("ALREADY_EXISTS", f"Resource '{path}' already exists", reason="alreadyExists")
    link = _checked_link(
        world, ((wanted.get("endpoint") or {}).get("gkeCluster") or {}).get("resourceLink", "")
    )
    with world.store.transaction():
        _put_membership(world, key, link, wanted)
        return operations.start(
            world, location, "create", path, stages.seconds(world, "membership-ready", key)
        )


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
    page, token = page_of(request, found)
    return {"resources": page, "nextPageToken": token, "unreachable": away if location == "-" else []}


def update_membership(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "memberships", "gkehub.memberships.update")
    membership, wanted = _existing_membership(world, key), request.get("resource") or {}
    _check_not_leaving(membership)
    changed = {f: wanted[f] for f in ("labels", "description") if f in wanted}
    with world.store.transaction():
        now = rfc3339(world.clock.timestamp())
        world.store.put(MEMBERSHIPS, key, {**membership, **changed, "updateTime": now})
        location = key.split("/", 1)[0]
        return operations.start(
            world, location, "update", membership["name"], stages.seconds(world, "membership-update", key)
        )


def delete_membership(world: World, request: Document) -> Document:
    key = key_of(world, request["name"], "memberships", "gkehub.memberships.delete")
    membership = _existing_membership(world, key)
    _check_not_leaving(membership)
    seconds = stages.seconds(world, "membership-delete", key)
    deleting = {**membership, "state": {"code": "DELETING"}, "_deleteAt": world.clock.timestamp() + seconds}
    with world.store.transaction():
        world.store.put(MEMBERSHIPS, key, deleting)
        location = key.split("/", 1)[0]
        return operations.start(world, location, "delete", membership["name"], seconds)


def register(world: World, location: str, name: str) -> None:
    """A cluster made with `fleet.project` has come up: its membership, named like it, in its region."""
    key = f"{location}/{name}"
    if world.store.get(MEMBERSHIPS, key) is None:
        link = f"{GKE}/projects/{world.project}/locations/{location}/clusters/{name}"
        _put_membership(world, key, link, {})


def unregister(world: World, location: str, name: str) -> None:
    """Forget a membership and what its cluster and features kept for it."""
    key = f"{location}/{name}"
    membership = world.store.delete(MEMBERSHIPS, key)
    if membership:
        _tell_cluster(world, membership, {})
    world.store.delete(SYNC_STATES, key)
    path = member_path(world, key)
    for feature_key, feature in world.store.items(FEATURES):
        specs = feature.get("membershipSpecs") or {}
        if path in specs:
            kept = {k: v for k, v in specs.items() if k != path}
            world.store.put(FEATURES, feature_key, {**feature, "membershipSpecs": kept})


def _join(world: World, key: str, membership: Document) -> None:
    """A cluster that was not made with `fleet.project` learns of its fleet now."""
    cluster = world.store.get(CLUSTERS, _cluster_key(membership))
    if cluster and not (cluster.get("fleet") or {}).get("project"):
        path = f"//gkehub.googleapis.com/{member_path(world, key)}"
        fleet = {"project": world.project_number, "membership": path, "preRegistered": True}
        _tell_cluster(world, membership, fleet)


def _tell_cluster(world: World, membership: Document, fleet: Document) -> None:
    key = _cluster_key(membership)
    cluster = world.store.get(CLUSTERS, key)
    if cluster:
        world.store.put(CLUSTERS, key, {**cluster, "fleet": fleet})


def _cluster_key(membership: Document) -> str:
    link = membership["endpoint"]["gkeCluster"]["resourceLink"]
    return link.split("/locations/", 1)[-1].replace("/clusters/", "/", 1)


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
        "_readyAt": now + stages.seconds(world, "membership-ready", key),
    }
    world.store.put(MEMBERSHIPS, key, membership)


def shown_membership(world: World, membership: Document) -> Document:
    shown = public(membership)
    link = membership["endpoint"]["gkeCluster"]["resourceLink"]
    key = _cluster_key(membership)
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


def _check_not_leaving(membership: Document) -> None:
    if membership["state"]["code"] == "DELETING":
        raise busy(membership["name"], "delete")


def _checked_link(world: World, given: str) -> str:
    """As the fleet keeps it. gcloud makes it of the endpoint that it speaks to, and of zones or locations."""
    parts = _LINK.fullmatch(given)
    if parts is None or parts[1] not in ("container.googleapis.com", world.api_address):
        raise invalid("endpoint.gke_cluster.resource_link", f'"{given}" is no link of a GKE cluster')
    own_project(world, parts[2], "gkehub.memberships.create")
    link = f"{GKE}/projects/{world.project}/locations/{parts[3]}/clusters/{parts[4]}"
    _check_cluster(world, link)
    return link


def _check_cluster(world: World, link: str) -> None:
    for key, membership in world.store.items(MEMBERSHIPS):
        if membership["endpoint"]["gkeCluster"]["resourceLink"] == link:
            raise ApiError("FAILED_PRECONDITION", f"{link} is already registered as membership {key}.")
    cluster = link.split("/locations/", 1)[-1].replace("/clusters/", "/", 1)
    if world.store.get(CLUSTERS, cluster) is None:
        raise invalid("endpoint.gke_cluster.resource_link", f'"{link}" does not exist')


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for key, membership in world.store.items(MEMBERSHIPS):
        if membership["state"]["code"] == "CREATING" and now >= membership["_readyAt"]:
            ready = {**membership, "state": {"code": "READY"}, "updateTime": rfc3339(membership["_readyAt"])}
            with world.store.transaction():
                world.store.put(MEMBERSHIPS, key, ready)
                _join(world, key, ready)
        elif membership["state"]["code"] == "DELETING" and now >= membership["_deleteAt"]:
            with world.store.transaction():
                unregister(world, *key.split("/", 1))
