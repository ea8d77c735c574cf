"""One cluster's objects: what the Kubernetes HTTP API and the sandbox's own controllers read and write.

Finds kinds and objects, refuses stale writes and runs deletion with finalizers and grace. What a write does to an
object's own fields is in `objects`; admission (defaults, schemas, GKE Warden) is in `admission` and applies to every
writer alike. Not a cache: everything is in the store. What is returned is read-only; clone it to change it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.sandbox.kube import admission, errors, events, objects
from lib.sandbox.kube.objects import FOREGROUND, ORPHAN, clone, key_of, rfc3339
from lib.sandbox.kube.resources import BUILT_IN, CRDS, Resource, from_definition
from lib.sandbox.store import Document
from lib.sandbox.world import CLUSTERS, World

EVENT_TTL_S = 3600.0
_USUAL_VERSION = "1.35.6-gke.1049000"


class KubeCluster:
    """The objects of the GKE cluster `name` in `location`; stateless, so make one whenever you need one."""

    def __init__(self, world: World, location: str, name: str) -> None:
        self.world, self.location, self.name = world, location, name
        self._prefix = f"kube/{location}/{name}/"

    @property
    def key(self) -> str:
        return f"{self.location}/{self.name}"

    @property
    def version(self) -> str:
        """That its API server and its nodes have: "v1.35.6-gke.1049000"."""
        found = self.world.store.get(CLUSTERS, self.key) or {}
        return f"v{found.get('currentMasterVersion') or _USUAL_VERSION}"

    # --- kinds ---------------------------------------------------------------------------------------

    def collection(self, resource: str) -> str:
        return self._prefix + resource

    def resource(self, name: str) -> Resource | None:
        """By its kubectl name, "deployments.apps"; None while no such kind is served."""
        if found := BUILT_IN.get(name):
            return found
        crd = self.world.store.get(self.collection(CRDS), f"/{name}")
        return from_definition(crd) if crd else None

    def resources(self) -> Iterator[Resource]:
        yield from BUILT_IN.values()
        for _, crd in self.world.store.items(self.collection(CRDS)):
            yield from_definition(crd)

    def kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource behind apiVersion and kind, as manifests name it."""
        group, _, version = api_version.rpartition("/")
        for found in self.resources():
            if found.kind == kind and found.group == group and version in found.versions:
                return found
        return None

    # --- reading -------------------------------------------------------------------------------------

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        found = self.resource(resource)
        scope = namespace if found is None or found.namespaced else ""
        return self.world.store.get(self.collection(resource), f"{scope}/{name}")

    def list(self, resource: str, namespace: str | None = None) -> list[Document]:
        """All objects of a kind, or those of one namespace, in key order."""
        start = None if namespace is None else f"{namespace}/"
        items = self.world.store.items(self.collection(resource))
        return [body for key, body in items if start is None or key.startswith(start)]

    # --- writing -------------------------------------------------------------------------------------

    def create(
        self,
        resource: str,
        body: Document,
        namespace: str = "default",
        *,
        user: str = "",
        dry_run: bool = False,
    ) -> Document:
        """Raises StatusError: 404 unknown kind or namespace, 409 AlreadyExists, 422 Invalid, 400 from Warden."""
        kind = self._known(resource)
        body = clone(body)
        self._name(kind, body, namespace)
        key = key_of(body)
        if self.world.store.get(self.collection(resource), key) is not None:
            raise errors.already_exists(kind, body["metadata"]["name"])
        self._check_namespace(kind, body["metadata"])
        admission.admit(self, kind, body, None, user=user)
        objects.begin(kind, body, uid=self._uid(resource, key), now=self.world.clock.now())
        return self._put(resource, body, dry_run=dry_run)

    def update(self, resource: str, body: Document, *, user: str = "", dry_run: bool = False) -> Document:
        """Replace everything but status (where that is a subresource); 409 Conflict on a stale resourceVersion."""
        kind = self._known(resource)
        body = clone(body)
        old = self._current(kind, body)
        if kind.has_status:
            objects.carry(old, body, "status")
        objects.keep_identity(old, body)
        admission.admit(self, kind, body, old, user=user)
        objects.count_generation(old, body)
        return self._settle(kind, old, body, dry_run=dry_run)

    def update_status(  # noqa: PLR0913 - the options of a request
        self, resource: str, namespace: str, name: str, status: Any, *, resource_version: str = "",
        dry_run: bool = False,
    ) -> Document:  # fmt: skip
        """Replace `status` alone, as the status subresource does."""
        kind = self._known(resource)
        metadata = {"name": name, "namespace": namespace, "resourceVersion": resource_version}
        old = self._current(kind, {"metadata": metadata})
        body = {**clone(old), "status": status}
        if kind.custom:
            admission.check_schema(kind, body)
        return self._settle(kind, old, body, dry_run=dry_run)

    def mutate(
        self, resource: str, namespace: str, name: str, change: Callable[[Document], None]
    ) -> Document | None:
        """For the sandbox's own controllers: change any part (status and private "_" keys too) of the newest
        version in place. Writes nothing when nothing changed; None when the object is gone."""
        kind = self._known(resource)
        old = self.get(resource, namespace, name)
        if old is None:
            return None
        body = clone(old)
        change(body)
        objects.count_generation(old, body)
        return self._settle(kind, old, body)

    def delete(  # noqa: PLR0913 - the options of a request
        self, resource: str, namespace: str, name: str, *, grace_s: float | None = None,
        propagation: str = "Background", dry_run: bool = False,
    ) -> Document | None:  # fmt: skip
        """Start or finish deletion. Returns what is left of the object (it may have to wait for finalizers, or for
        its containers to stop) or its last state; None when there was none. Dependents go in `garbage`."""
        self._known(resource)
        old = self.get(resource, namespace, name)
        if old is None or dry_run:
            return old
        body = clone(old)
        metadata = body["metadata"]
        if finalizer := {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(propagation):
            metadata["finalizers"] = sorted({*metadata.get("finalizers", ()), finalizer})
        grace = objects.grace_of(resource, body, grace_s)
        if not metadata.get("finalizers") and grace == 0 and resource != "namespaces":
            return self._remove(resource, old)
        if objects.end(resource, body, grace_s=grace, now=self.world.clock.now()):
            return self._put(resource, body)
        return body

    def finish(self, resource: str, namespace: str, name: str) -> None:
        """The object's time to stop is over: it goes now, unless finalizers hold it."""
        if (old := self.get(resource, namespace, name)) and not old["metadata"].get("finalizers"):
            self._remove(resource, old)

    def event(  # noqa: PLR0913 - an event has that many facts
        self, involved: Document, *, type: str, reason: str, message: str, component: str,  # noqa: A002
        at: float | None = None,
    ) -> None:  # fmt: skip
        """Record an event about an object, of now or of `at`; a repeat raises `count` as the API server's
        aggregation does."""
        said = {"type": type, "reason": reason, "message": message}
        digest = events.digest(involved, said, component)
        namespace = involved["metadata"].get("namespace") or "default"
        now = self.world.clock.now() if at is None else datetime.fromtimestamp(at, UTC)
        if earlier := self._told(involved, namespace, digest):
            self._put("events", events.repeated(clone(earlier), rfc3339(now)))
            return
        name = events.name(involved, now.timestamp(), self.world.store.version)
        metadata = {"name": name, "namespace": namespace, "uid": self._uid("events", name)}
        made = events.event(involved, metadata, said, component=component, at=rfc3339(now))
        self._put("events", {**made, "_digest": digest})

    def _told(self, involved: Document, namespace: str, digest: str) -> Document | None:
        """The event that says the same, if there is one."""
        start = f"{namespace}/{involved['metadata']['name']}."
        items = self.world.store.starting(self.collection("events"), start)
        return next((e for e in items if e.get("_digest") == digest), None)

    def forget_old_events(self) -> None:
        """Events live for an hour after they were last seen."""
        oldest = rfc3339(self.world.clock.now() - timedelta(seconds=EVENT_TTL_S))
        for event in self.list("events"):
            if (event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]) < oldest:
                self.world.store.delete(self.collection("events"), key_of(event))

    # --- inside --------------------------------------------------------------------------------------

    def _known(self, resource: str) -> Resource:
        found = self.resource(resource)
        if found is None:
            raise errors.no_such_path()
        return found

    def _name(self, kind: Resource, body: Document, namespace: str) -> None:
        metadata = body.setdefault("metadata", {})
        body.setdefault("apiVersion", kind.api_version)
        body.setdefault("kind", kind.kind)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.suffix(5)
        if not metadata.get("name"):
            raise errors.invalid(kind, "", [{
                "reason": "FieldValueRequired", "field": "metadata.name",
                "message": "Required value: name or generateName is required",
            }])  # fmt: skip
        metadata.pop("resourceVersion", None)
        if kind.namespaced:
            metadata["namespace"] = metadata.get("namespace") or namespace or "default"
        else:
            metadata.pop("namespace", None)

    def suffix(self, length: int) -> str:
        """Random-looking, never repeated in this world, the same for the same history."""
        alphabet = "bcdfghjklmnpqrstvwxz2456789"
        digest = hashlib.sha256(
            f"{self.world.seed}/{self.world.store.version}/{self._prefix}".encode()
        ).digest()
        return "".join(alphabet[b % len(alphabet)] for b in digest[:length])

    def _uid(self, resource: str, key: str) -> str:
        seed = f"{self.world.seed}/{self.world.store.version}/{self._prefix}{resource}/{key}"
        return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))

    def _check_namespace(self, kind: Resource, metadata: Document) -> None:
        if not kind.namespaced:
            return
        namespace = self.get("namespaces", "", metadata["namespace"])
        if namespace is None:
            raise errors.not_found(BUILT_IN["namespaces"], metadata["namespace"])
        if "deletionTimestamp" in namespace["metadata"]:
            text = (
                f'{kind.key} "{metadata["name"]}" is forbidden: unable to create new content in namespace '
                f"{metadata['namespace']} because it is being terminated"
            )
            raise errors.StatusError(403, "Forbidden", text)

    def _current(self, kind: Resource, body: Document) -> Document:
        metadata = body.get("metadata", {})
        old = self.get(kind.key, metadata.get("namespace") or "default", metadata.get("name", ""))
        if old is None:
            raise errors.not_found(kind, metadata.get("name", ""))
        given = metadata.get("resourceVersion")
        if given and given != old["metadata"]["resourceVersion"]:
            raise errors.conflict(kind, metadata["name"])
        if metadata.get("uid") and metadata["uid"] != old["metadata"]["uid"]:
            text = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: "
            raise errors.conflict(kind, metadata["name"], text + old["metadata"]["uid"])
        return old

    def _settle(self, kind: Resource, old: Document, body: Document, *, dry_run: bool = False) -> Document:
        """Store a changed object, or finish its deletion when its last finalizer went."""
        if body == old:
            return old
        metadata = body["metadata"]
        if not metadata.get("finalizers"):
            metadata.pop("finalizers", None)
        held = objects.is_held(body, self.world.clock.now())
        last = "deletionTimestamp" in metadata and bool(old["metadata"].get("finalizers")) and not held
        if last and not dry_run and kind.key != "namespaces":
            return self._remove(kind.key, old)
        return self._put(kind.key, body, dry_run=dry_run)

    def _put(self, resource: str, body: Document, *, dry_run: bool = False) -> Document:
        if not dry_run:
            self.world.store.put(self.collection(resource), key_of(body), body, stamp=objects.stamp)
        return body

    def _remove(self, resource: str, old: Document) -> Document:
        with self.world.store.transaction():
            self.world.store.delete(self.collection(resource), key_of(old))
            if resource == CRDS:
                instances = self.collection(old["metadata"]["name"])
                for key, _ in self.world.store.items(instances):
                    self.world.store.delete(instances, key)
        return old
