"""What happens to one object's own fields when it is written: identity, generation, status, deletion. Pure.

Where objects are kept, and who may write them when, is `storage`'s; what may be in them is `admission`'s.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.sandbox.kube.resources import CRDS, Resource

Document = dict[str, Any]
TERMINATION_S = 5.0  # how long a pod takes to stop once it was told to
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_BORN_WITH_STATUS = {"pods", "nodes", "namespaces", "services", CRDS}
_WITHOUT_GENERATION = {
    "namespaces",
    "nodes",
    "services",
    "configmaps",
    "secrets",
    "events",
    "serviceaccounts",
}


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clone(body: Document) -> Document:
    return json.loads(json.dumps(body))


def key_of(body: Document) -> str:
    metadata = body["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def stamp(body: Document, version: int) -> None:
    body["metadata"]["resourceVersion"] = str(version)


def begin(kind: Resource, body: Document, *, uid: str, now: datetime) -> None:
    """A new object: what only the server may say is said, what a writer must not say is dropped."""
    metadata = body["metadata"]
    for given in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(given, None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = rfc3339(now)
    if "spec" in body and kind.key not in _WITHOUT_GENERATION:
        metadata["generation"] = 1
    if kind.has_status and kind.key not in _BORN_WITH_STATUS:
        body.pop("status", None)
        if not kind.custom:
            body["status"] = {}


def keep_identity(old: Document, body: Document) -> None:
    for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                  "namespace", "resourceVersion"):  # fmt: skip
        carry(old["metadata"], body["metadata"], field)
    body["apiVersion"], body["kind"] = old["apiVersion"], old["kind"]
    for private in [k for k in body if k.startswith("_")]:
        del body[private]
    body.update({k: v for k, v in old.items() if k.startswith("_")})


def carry(old: Document, body: Document, field: str) -> None:
    if field in old:
        body[field] = old[field]
    else:
        body.pop(field, None)


def count_generation(old: Document, body: Document) -> None:
    """Anything but metadata, status and private keys is a new generation."""
    if "generation" in old["metadata"]:
        body["metadata"]["generation"] = old["metadata"]["generation"] + (_spec(old) != _spec(body))


def _spec(body: Document) -> Document:
    return {k: v for k, v in body.items() if k not in {"metadata", "status"} and not k.startswith("_")}


def grace_of(resource: str, body: Document, grace_s: float | None) -> float:
    """Seconds until the object may go; only pods that reached a node take time to stop."""
    ended = body.get("status", {}).get("phase") in {"Failed", "Succeeded"}
    if resource != "pods" or not body.get("spec", {}).get("nodeName") or ended:
        return 0.0
    return float(body["spec"].get("terminationGracePeriodSeconds", 30) if grace_s is None else grace_s)


def end(resource: str, body: Document, *, grace_s: float, now: datetime) -> bool:
    """Mark the object as being deleted; False when it already is, by an earlier time."""
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata and grace_s >= metadata.get("deletionGracePeriodSeconds", 0):
        return False
    metadata["deletionTimestamp"] = rfc3339(now + timedelta(seconds=grace_s))
    metadata["deletionGracePeriodSeconds"] = int(grace_s)
    if grace_s:
        body["_stopsAt"] = now.timestamp() + min(grace_s, TERMINATION_S)
    if resource == "namespaces":
        body["status"] = {**body.get("status", {}), "phase": "Terminating"}
    return True


def is_held(body: Document, now: datetime) -> bool:
    """Whether finalizers or containers that still stop keep an object that is being deleted."""
    return bool(body["metadata"].get("finalizers")) or body.get("_stopsAt", 0) > now.timestamp()
