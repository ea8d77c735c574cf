"""The Container API (GKE) of the sandbox: Autopilot clusters and the operations that make and unmake them.

Verbs take and return documents; `tick` moves lifecycles on. What runs inside a cluster is `kube` and `autopilot`,
the fleet is `hub`.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable

from lib.sandbox import catalog, memberships, quota, stages
from lib.sandbox.errors import ApiError
from lib.sandbox.gke_cluster import API, CHANNELS, check_autopilot, checked_name, new_cluster
from lib.sandbox.gke_progress import with_progress
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, public, rfc3339, unreachable, unreachable_locations
from lib.sandbox.world import CLUSTERS, OPERATIONS, World

KEEP_OPERATIONS_S = 24 * 3600.0


def create_cluster(world: World, request: Document) -> Document:
    location = _location(world, request["parent"], "container.clusters.create")
    wanted = request.get("cluster") or {}
    name = checked_name(wanted)
    check_autopilot(world, location, wanted)
    key = f"{location}/{name}"
    if world.store.get(CLUSTERS, key):
        raise ApiError("ALREADY_EXISTS", f"Already exists: {_path(world, key)}.", reason="alreadyExists")
    _check_quota(world, location)
    cluster = new_cluster(world, location, wanted)
    with world.store.transaction():
        world.store.put(CLUSTERS, key, cluster)
        return public(start_operation(world, "CREATE_CLUSTER", key, stage="cluster-create"))


def _check_quota(world: World, region: str) -> None:
    short = quota.cluster_shortage(world, region)
    if short:
        metric, required, limit, available = short
        raise ApiError(
            "PERMISSION_DENIED",
            f'Insufficient regional quota to satisfy request: resource "{metric}": request requires '
            f"'{required}' and is short '{required - available}'. project has a quota of '{limit}' with "
            f"'{available}' available.",
            reason="forbidden",
        )


def get_cluster(world: World, request: Document) -> Document:
    key = _key(world, request["name"], "clusters", "container.clusters.get")
    return _shown(world, key, _existing(world, key))


def list_clusters(world: World, request: Document) -> Document:
    location = _location(world, request["parent"], "container.clusters.list", many=True)
    found = [
        _shown(world, key, cluster)
        for key, cluster in world.store.items(CLUSTERS)
        if _listed(world, key, location)
    ]
    return {"clusters": found, "missingZones": _missing(world, location)}


def delete_cluster(world: World, request: Document) -> Document:
    key = _key(world, request["name"], "clusters", "container.clusters.delete")
    cluster = _existing(world, key)
    running = _running_operation(world, key)
    if running:
        raise ApiError(
            "FAILED_PRECONDITION",
            f"Cluster is running incompatible operation {running['name']}.",
            reason="failedPrecondition",
        )
    with world.store.transaction():
        world.store.put(CLUSTERS, key, {**cluster, "status": "STOPPING"})
        return public(start_operation(world, "DELETE_CLUSTER", key, stage="cluster-delete"))


def get_operation(world: World, request: Document) -> Document:
    key = _key(world, request["name"], "operations", "container.operations.get")
    operation = world.store.get(OPERATIONS, key)
    if operation is None:
        location, name = key.split("/", 1)
        path = f"projects/{world.project}/locations/{location}/operations/{name}"
        raise ApiError("NOT_FOUND", f"Not found: {path}.", reason="notFound")
    return public(with_progress(world, operation))


def list_operations(world: World, request: Document) -> Document:
    location = _location(world, request["parent"], "container.operations.list", many=True)
    found = [
        public(with_progress(world, operation))
        for key, operation in world.store.items(OPERATIONS)
        if _listed(world, key, location)
    ]
    return {"operations": found, "missingZones": _missing(world, location)}


def cancel_operation(world: World, request: Document) -> Document:
    key = _key(world, request["name"], "operations", "container.operations.get")
    operation = world.store.get(OPERATIONS, key)
    if operation is None:
        raise ApiError("NOT_FOUND", f"Not found: {request['name']}.", reason="notFound")
    if operation["status"] not in ("PENDING", "RUNNING") or operation["operationType"] != "CREATE_CLUSTER":
        raise ApiError("FAILED_PRECONDITION", f"Operation {operation['name']} cannot be cancelled.")
    ends = world.clock.timestamp() + stages.seconds(world, "operation-cancel", operation["name"])
    world.store.put(OPERATIONS, key, {**operation, "status": "ABORTING", "_ends": ends})
    return {}


def get_server_config(world: World, request: Document) -> Document:
    _location(world, request["name"].removesuffix("/serverConfig"), "container.clusters.list")
    versions = sorted({v for pair in CHANNELS.values() for v in pair}, reverse=True)
    channels = [
        {
            "channel": channel,
            "defaultVersion": default,
            "validVersions": [newest, default],
            "upgradeTargetVersion": default,
        }
        for channel, (default, newest) in CHANNELS.items()
    ]
    return {
        "defaultClusterVersion": CHANNELS["REGULAR"][0],
        "validMasterVersions": versions,
        "validNodeVersions": versions,
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": channels,
    }


def start_operation(world: World, kind: str, cluster_key: str, *, stage: str, target: str = "") -> Document:
    """Begin an operation on a cluster; `target` is appended to its link (a node pool, say)."""
    now, location = world.clock.timestamp(), cluster_key.split("/", 1)[0]
    name = f"operation-{int(now * 1000)}-{uuid.UUID(int=world.rng.getrandbits(128), version=4)}"
    base = f"{API}/projects/{world.project_number}/locations/{location}"
    operation: Document = {
        "name": name,
        "zone": location,
        "location": location,
        "operationType": kind,
        "status": "PENDING",
        "startTime": rfc3339(now),
        "selfLink": f"{base}/operations/{name}",
        "targetLink": f"{base}/clusters/{cluster_key.split('/', 1)[1]}{target}",
        "_cluster": cluster_key,
        "_starts": now + stages.seconds(world, "operation-start", name),
        "_ends": now + stages.seconds(world, stage, f"{cluster_key}/{name}"),
    }
    world.store.put(OPERATIONS, f"{location}/{name}", operation)
    return operation


# Lifecycle: operation PENDING -> RUNNING -> DONE; what the end of each kind does to its cluster.


def tick(world: World) -> None:
    now = world.clock.timestamp()
    for key, operation in world.store.items(OPERATIONS):
        status = operation["status"]
        if status == "PENDING" and now >= operation["_starts"]:
            world.store.put(OPERATIONS, key, {**operation, "status": "RUNNING"})
        elif status in ("RUNNING", "ABORTING") and now >= operation["_ends"]:
            with world.store.transaction():
                _finish(world, key, operation)
        elif status == "DONE" and now > operation["_ends"] + KEEP_OPERATIONS_S:
            world.store.delete(OPERATIONS, key)


def _finish(world: World, key: str, operation: Document) -> None:
    cancelled = operation["status"] == "ABORTING"
    done = {**operation, "status": "DONE", "endTime": rfc3339(operation["_ends"])}
    if cancelled:
        done |= {
            "error": {"code": 1, "message": "Operation was aborted."},
            "statusMessage": "Operation was aborted.",
        }
    world.store.put(OPERATIONS, key, done)
    kind, cluster_key = operation["operationType"], operation["_cluster"]
    if kind == "DELETE_CLUSTER" or (kind == "CREATE_CLUSTER" and cancelled):
        _remove_cluster(world, cluster_key)
    elif kind == "CREATE_CLUSTER":
        _run_cluster(world, cluster_key)


def _run_cluster(world: World, key: str) -> None:
    cluster = world.store.get(CLUSTERS, key)
    if cluster is None:
        return
    running = {**cluster, "status": "RUNNING", "_runningAt": world.clock.timestamp()}
    if (cluster.get("fleet") or {}).get("project"):
        location, name = key.split("/", 1)
        memberships.register(world, location, name)
        membership = f"projects/{world.project_number}/locations/{location}/memberships/{name}"
        running["fleet"] = {
            **cluster["fleet"],
            "membership": f"//gkehub.googleapis.com/{membership}",
            "preRegistered": False,
        }
    world.store.put(CLUSTERS, key, running)


def _remove_cluster(world: World, key: str) -> None:
    """The cluster, all that is in it, and its membership if it came with the cluster."""
    cluster = world.store.delete(CLUSTERS, key)
    for collection in world.store.collections(f"kube/{key}/"):
        for name, _ in world.store.items(collection):
            world.store.delete(collection, name)
    fleet = (cluster or {}).get("fleet") or {}
    if fleet.get("membership") and not fleet.get("preRegistered"):
        location, name = key.split("/", 1)
        memberships.unregister(world, location, name)


def _running_operation(world: World, cluster_key: str) -> Document | None:
    busy = ("CREATE_CLUSTER", "DELETE_CLUSTER")
    for _, operation in world.store.items(OPERATIONS):
        if (
            operation["_cluster"] == cluster_key
            and operation["status"] != "DONE"
            and operation["operationType"] in busy
        ):
            return operation
    return None


def _shown(world: World, key: str, cluster: Document) -> Document:
    """As the API answers it: the address and CA of the control plane follow the ports of today."""
    shown = {field: value for field, value in public(cluster).items() if value not in ("", {})}
    shown["etag"] = f"{world.store.version_of(CLUSTERS, key):016x}"
    if cluster["status"] in ("RUNNING", "RECONCILING", "STOPPING", "DEGRADED") and "_runningAt" in cluster:
        endpoint = f"{world.api_address}/clusters/{key}"
        shown["endpoint"] = endpoint
        shown["masterAuth"] = {"clusterCaCertificate": base64.b64encode(world.ca_pem).decode()}
        shown["controlPlaneEndpointsConfig"] = {
            "ipEndpointsConfig": {"enabled": True, "enablePublicEndpoint": True, "publicEndpoint": endpoint}
        }
        shown["currentNodeCount"] = world.store.count(f"kube/{key}/nodes")
    return shown


def _existing(world: World, key: str) -> Document:
    cluster = world.store.get(CLUSTERS, key)
    if cluster is None:
        raise ApiError("NOT_FOUND", f"Not found: {_path(world, key)}.", reason="notFound")
    return cluster


def _path(world: World, key: str) -> str:
    location, name = key.split("/", 1)
    return f"projects/{world.project}/locations/{location}/clusters/{name}"


def _location(world: World, parent: str, permission: str, *, many: bool = False) -> str:
    """The location of "projects/P/locations/L", checked; "-" only where many are asked for."""
    parts = parent.split("/")
    if len(parts) != 4 or parts[0] != "projects" or parts[2] not in ("locations", "zones"):
        raise ApiError("INVALID_ARGUMENT", f'Invalid resource name "{parent}".', reason="badRequest")
    own_project(world, parts[1], permission)
    location = parts[3]
    if location == "-" and many:
        return location
    if location not in catalog.REGIONS and location not in catalog.all_zones():
        message = f"Permission denied on 'locations/{location}' (or it may not exist)."
        raise ApiError("PERMISSION_DENIED", message, reason="forbidden")
    unreachable(world, location)
    return location


def _key(world: World, name: str, kind: str, permission: str) -> str:
    parent, _, rest = name.partition(f"/{kind}/")
    return f"{_location(world, parent, permission)}/{rest}"


def _listed(world: World, key: str, location: str) -> bool:
    place = key.split("/", 1)[0]
    return location in ("-", place) and place not in unreachable_locations(world)


def _missing(world: World, location: str) -> Iterable[str]:
    return unreachable_locations(world) if location == "-" else []
