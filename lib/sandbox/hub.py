"""The GKE Hub API (fleet) of the sandbox: its features, and the tick of all of the fleet.

What a feature does in clusters is done elsewhere: `kube` brings the Multi Cluster Ingress kinds, `configsync`
installs and syncs and leaves its MembershipState in SYNC_STATES, which is merged into the answers here.
Memberships are in `memberships`.
"""

from __future__ import annotations

import re
from typing import Any

from lib.sandbox import hub_operations as operations
from lib.sandbox import memberships, stages
from lib.sandbox.errors import ApiError
from lib.sandbox.hub_names import busy, invalid, key_of, location_of, member_key, member_path, page_of, truth
from lib.sandbox.store import Document
from lib.sandbox.verbs import public, rfc3339
from lib.sandbox.world import FEATURES, MEMBERSHIPS, SYNC_STATES, World

KNOWN_FEATURES = ("multiclusteringress", "configmanagement", "multiclusterservicediscovery")


def create_feature(world: World, request: Document) -> Document:
    location_of(world, request["parent"], "gkehub.features.create")
    name, wanted = request.get("featureId", ""), request.get("resource") or {}
    if name not in KNOWN_FEATURES:
        raise invalid("feature_id", f'"{name}" is not supported')
    path = f"projects/{world.project}/locations/global/features/{name}"
    if world.store.get(FEATURES, name):
        raise ApiError("ALREADY_EXISTS", f"Resource '{path}' already exists", reason="alreadyExists")
    now = world.clock.timestamp()
    seconds = stages.seconds(
        world, "ingress-enable" if name == "multiclusteringress" else "feature-enable", name
    )
    feature: Document = {
        "name": path,
        "labels": dict(wanted.get("labels") or {}),
        "resourceState": {"state": "ENABLING"},
        "spec": _checked_spec(world, name, wanted.get("spec") or {}),
        "membershipSpecs": _merged({}, _numbered(world, wanted.get("membershipSpecs") or {})),
        "createTime": rfc3339(now),
        "updateTime": rfc3339(now),
        "_activeAt": now + seconds / 2,
        "_okAt": now + seconds,
    }
    with world.store.transaction():
        world.store.put(FEATURES, name, feature)
        return operations.start(world, "global", "create", path, seconds / 2)


def get_feature(world: World, request: Document) -> Document:
    name = _feature_id(world, request["name"], "gkehub.features.get")
    return _shown_feature(world, name, _existing_feature(world, name))


def list_features(world: World, request: Document) -> Document:
    location_of(world, request["parent"], "gkehub.features.list", many=True)
    page, token = page_of(
        request, [_shown_feature(world, name, f) for name, f in world.store.items(FEATURES)]
    )
    return {"resources": page, "nextPageToken": token}


def update_feature(world: World, request: Document) -> Document:
    """Masked. Keys of membershipSpecs that the request leaves out are kept, and an empty spec removes its key."""
    name = _feature_id(world, request["name"], "gkehub.features.update")
    feature, wanted = _existing_feature(world, name), request.get("resource") or {}
    _check_not_leaving(feature)
    changed: Document = {"updateTime": rfc3339(world.clock.timestamp())}
    for path in _mask(request, wanted):
        field = path.split(".", 1)[0]
        if field == "membershipSpecs":
            given = _numbered(world, wanted.get("membershipSpecs") or {})
            changed[field] = _merged(feature.get("membershipSpecs") or {}, given)
        elif field == "spec":
            changed[field] = _checked_spec(world, name, wanted.get("spec") or {})
        elif field == "labels":
            changed[field] = dict(wanted.get("labels") or {})
        else:
            raise invalid("update_mask", f'"{path}" is not updatable')
    with world.store.transaction():
        world.store.put(FEATURES, name, {**feature, **changed})
        return operations.start(world, "global", "update", feature["name"], _update_s(world, feature))


def write_member_spec(world: World, name: str, key: str, spec: Document) -> Document:
    """Replace one membership's spec in a feature that there is; an empty one removes it."""
    feature = _existing_feature(world, name)
    _check_not_leaving(feature)
    specs = _merged(feature.get("membershipSpecs") or {}, {member_path(world, key): spec})
    now = rfc3339(world.clock.timestamp())
    with world.store.transaction():
        world.store.put(FEATURES, name, {**feature, "membershipSpecs": specs, "updateTime": now})
        location, member = key.split("/", 1)
        target = f"projects/{world.project}/locations/{location}/memberships/{member}/features/{name}"
        seconds = _update_s(world, feature)
        return operations.start(world, location, "update" if spec else "delete", target, seconds)


def _update_s(world: World, feature: Document) -> float:
    return stages.seconds(world, "feature-update", f"{feature['name']}/{feature['updateTime']}")


def delete_feature(world: World, request: Document) -> Document:
    name = _feature_id(world, request["name"], "gkehub.features.delete")
    feature = _existing_feature(world, name)
    _check_not_leaving(feature)
    if feature.get("membershipSpecs") and not truth(request.get("force")):
        raise ApiError(
            "FAILED_PRECONDITION", f"Feature {name} still has membership specs; use force to delete it."
        )
    seconds = stages.seconds(world, "feature-delete", name)
    disabling = {
        **feature,
        "resourceState": {"state": "DISABLING"},
        "_deleteAt": world.clock.timestamp() + seconds,
    }
    with world.store.transaction():
        world.store.put(FEATURES, name, disabling)
        return operations.start(world, "global", "delete", feature["name"], seconds)


def _check_not_leaving(feature: Document) -> None:
    if feature["resourceState"]["state"] == "DISABLING":
        raise busy(feature["name"], "delete")


def _checked_spec(world: World, name: str, spec: Document) -> Document:
    ingress = spec.get("multiclusteringress")
    if name != "multiclusteringress" or ingress is None:
        return spec
    path = ingress.get("configMembership", "")
    key = member_key(path)
    if world.store.get(MEMBERSHIPS, key) is None:
        raise invalid("config_membership", f'"{path}" does not exist')
    return {**spec, "multiclusteringress": {**ingress, "configMembership": path}}


def _shown_feature(world: World, name: str, feature: Document) -> Document:
    """Feature state and the states of its members, as of now."""
    shown = public(feature)
    now, shown_at = world.clock.timestamp(), rfc3339(world.clock.timestamp())
    if now < feature["_okAt"] or feature["resourceState"]["state"] != "ACTIVE":
        return shown
    shown["state"] = {
        "state": {"code": "OK", "description": "Ready to use", "updateTime": rfc3339(feature["_okAt"])}
    }
    states: dict[str, Any] = {}
    for key, membership in world.store.items(MEMBERSHIPS):
        if membership["state"]["code"] != "READY":
            continue
        state = _member_state(world, name, feature, key)
        if state is not None:
            states[member_path(world, key)] = {"state": {"code": "OK", "updateTime": shown_at}, **state}
    return {**shown, "membershipStates": states}


def _member_state(world: World, name: str, feature: Document, key: str) -> Document | None:
    if name != "configmanagement":
        return {}
    kept = world.store.get(SYNC_STATES, key)
    if kept is None:
        return {} if member_path(world, key) in (feature.get("membershipSpecs") or {}) else None
    spec = (feature.get("membershipSpecs") or {}).get(member_path(world, key)) or {}
    stopped = ((spec.get("configmanagement") or {}).get("configSync") or {}).get("stopSyncing")
    level = "STOPPED" if stopped else "NOT_STOPPED"
    found = public(kept)
    config = {**(found.get("configSyncState") or {}), "clusterLevelStopSyncingState": level}
    asked = found["membershipSpec"]
    spec = {**asked, "version": asked.get("version") or found["operatorState"]["version"]}
    return {"configmanagement": {**found, "membershipSpec": spec, "configSyncState": config}}


def _merged(specs: Document, given: Document) -> Document:
    return {k: v for k, v in {**specs, **given}.items() if v}


def _mask(request: Document, wanted: Document) -> list[str]:
    mask = request.get("updateMask") or ",".join(
        f for f in wanted if f in ("labels", "spec", "membershipSpecs")
    )
    return [
        re.sub(r"_([a-z])", lambda m: m[1].upper(), path.strip()) for path in mask.split(",") if path.strip()
    ]


def _numbered(world: World, specs: Document) -> Document:
    """Answers always carry the project number, whatever the request used."""
    return {member_path(world, member_key(path)): spec for path, spec in specs.items()}


def _existing_feature(world: World, name: str) -> Document:
    found = world.store.get(FEATURES, name)
    if found is None:
        path = f"projects/{world.project}/locations/global/features/{name}"
        raise ApiError("NOT_FOUND", f"Resource '{path}' was not found", reason="notFound")
    return found


def _feature_id(world: World, name: str, permission: str) -> str:
    return key_of(world, name, "features", permission).split("/", 1)[1]


def tick(world: World) -> None:
    """Memberships, features and operations of the fleet."""
    memberships.tick(world)
    now = world.clock.timestamp()
    for key, feature in world.store.items(FEATURES):
        if feature["resourceState"]["state"] == "ENABLING" and now >= feature["_activeAt"]:
            world.store.put(FEATURES, key, {**feature, "resourceState": {"state": "ACTIVE"}})
        elif feature["resourceState"]["state"] == "DISABLING" and now >= feature["_deleteAt"]:
            world.store.delete(FEATURES, key)
    operations.tick(world, _shown)


def _shown(world: World, path: str) -> Document | None:
    if "/memberships/" in path and "/features/" in path:
        return None  # of v2, which tells it in its own words
    if "/features/" in path:
        name = path.rsplit("/", 1)[-1]
        feature = world.store.get(FEATURES, name)
        return _shown_feature(world, name, feature) if feature else None
    membership = world.store.get(MEMBERSHIPS, member_key(path))
    return memberships.shown_membership(world, membership) if membership else None
