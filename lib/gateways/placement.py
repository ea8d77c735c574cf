"""The desired state and what is told about it: GpuPlacement and GpuRegion in the config cluster.

Everybody edits the same spec with optimistic concurrency; an operation id on the object makes a repeated
click a no-op. Only the controller writes status. Needs `kubernetes` only.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from lib.fleet.model import Placement, PlacementSpec, PlacementStatus, Provisioning, RegionView
from lib.gateways import placement_codec as codec
from lib.gateways.errors import AlreadyExists, Conflict
from lib.gateways.kube import CONFLICT_TRIES, ConfigKube, Kube, Object, resource_path
from lib.gateways.placement_text import document_of
from lib.settings import Settings

OPERATIONS_ANNOTATION = f"{codec.GROUP}/last-operations"  # JSON list, newest last, bounded
ACTOR_ANNOTATION = f"{codec.GROUP}/last-actor"
OPERATIONS_KEPT = 20
SAMPLE = PlacementSpec(
    accelerators=("nvidia-l4", "nvidia-tesla-t4"),
    provisioning=(Provisioning.STANDARD, Provisioning.SPOT),
    serving=2,
    pinned=("us-central1",),
    max_hourly_usd=10.0,
)
# `asOf` alone is no change worth a write, but a view must not look older than this (wall time).
VIEW_REFRESH_S = 60.0
WRITERS = 6


class PlacementGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kube = ConfigKube(settings)
        self._name = settings.placement
        self._path = resource_path(
            codec.API_VERSION, "gpuplacements", namespace=settings.namespace, name=settings.placement
        )
        self._views = resource_path(codec.API_VERSION, "gpuregions", namespace=settings.namespace)
        self._written: dict[str, float] = {}  # region -> when its view was written, monotonic
        self._uid = ""  # of the placement, as last read
        self._lock = threading.Lock()

    def get(self) -> Placement:
        """Raises NotFound when there is none yet (or no CRD), Unreachable when nobody answers."""
        found = self._read()
        self._uid = found["metadata"].get("uid", "")
        return codec.placement_from(found)

    def list_placements(self) -> tuple[Placement, ...]:
        """All of the config cluster. Raises NotFound when it doesn't know the kind."""
        path = resource_path(codec.API_VERSION, "gpuplacements")
        found = self._kube.run(lambda kube: kube.list(path, doing="listing placements"))
        return tuple(codec.placement_from(one) for one in found)

    def create_default(self, spec: PlacementSpec = SAMPLE) -> Placement:
        """The sample placement, unless there is one already."""
        collection = self._path.rpartition("/")[0]
        body = {
            "apiVersion": codec.API_VERSION,
            "kind": "GpuPlacement",
            "metadata": {"name": self._name, "namespace": self._settings.namespace},
            "spec": codec.spec_to(spec),
        }
        try:
            made = self._kube.run(
                lambda kube: kube.create(collection, body, doing=f"creating the placement {self._name}")
            )
        except AlreadyExists:
            return self.get()
        return codec.placement_from(made)

    def change(
        self, edit: Callable[[PlacementSpec], PlacementSpec], *, operation_id: str, actor: str
    ) -> Placement:
        """Write edit(spec); again on the newest spec when somebody was faster. What `edit` raises passes
        through. An operation id that was seen before changes nothing."""
        return self._change(
            lambda spec: codec.spec_to(edit(codec.spec_from(spec))), operation_id=operation_id, actor=actor
        )

    def has_done(self, operation_id: str) -> bool:
        """Whether this operation changed the spec already, as far back as the object remembers."""
        return operation_id in _done(self._read())

    def check(self, spec: Object) -> None:
        """Ask the API whether it would take this spec: Refused with the field's path; nothing is written."""
        doing, query = f"checking the placement {self._name}", {"dryRun": "All", "fieldValidation": "Strict"}

        def ask(kube: Kube) -> None:
            for left in reversed(range(CONFLICT_TRIES)):
                held = kube.get(self._path, doing=doing)
                try:
                    kube.call("PUT", self._path, body={**held, "spec": spec}, doing=doing, query=query)
                except Conflict:  # the controller has written its status in between
                    if not left:
                        raise
                else:
                    return

        self._kube.run(ask)

    def replace_spec(self, text: str, *, operation_id: str, actor: str) -> Placement:
        """The spec of a GpuPlacement in YAML. The API refuses wrong fields (Refused, with the path)."""
        given = document_of(text)
        return self._change(lambda _: given["spec"], operation_id=operation_id, actor=actor)

    def publish_status(self, placement: Placement, status: PlacementStatus) -> None:
        if status == placement.status:
            return
        body = {"status": codec.status_to(status)}
        self._kube.run(
            lambda kube: kube.merge(f"{self._path}/status", body, doing="publishing the placement's status")
        )

    def list_regions(self) -> tuple[RegionView, ...]:
        return tuple(codec.view_from(found) for found in self._list_regions())

    def publish_regions(self, views: Sequence[RegionView]) -> int:
        """Write the views that changed; returns how many. One list call, then few writes in parallel."""
        held = {found["metadata"]["name"]: found for found in self._list_regions()}
        changed = [view for view in views if self._differs(view, held.get(view.region))]
        if not changed:
            return 0
        kube = self._kube.get()
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="gpuregions") as pool:
            list(pool.map(lambda view: self._write_view(kube, view, new=view.region not in held), changed))
        return len(changed)

    def record_event(self, reason: str, message: str, type: str = "Normal") -> None:  # noqa: A002 - Kubernetes' word
        """A Kubernetes Event on the placement. The same event again counts up, as everywhere."""
        collection = resource_path("v1", "events", namespace=self._settings.namespace)
        told = hashlib.sha256(f"{reason}\n{message}".encode()).hexdigest()[:16]
        name = f"{self._name}.{told}"
        now = codec.time_text(self._settings.now())[:19] + "Z"  # Event times are whole seconds

        # The placement of a large fleet is a megabyte: it is not read again for each event.
        uid = self._uid or self._read()["metadata"]["uid"]

        def write(kube: Kube) -> None:
            made = self._event(name, reason, message, type, now)
            made["involvedObject"]["uid"] = uid  # `kubectl describe` finds events by it
            try:
                kube.create(collection, made, doing="recording an event")
            except AlreadyExists:
                kube.edit(f"{collection}/{name}", again, doing="recording an event")

        def again(event: Object) -> Object:
            return {**event, "count": int(event.get("count") or 1) + 1, "lastTimestamp": now}

        self._kube.run(write)

    def _event(self, name: str, reason: str, message: str, type_: str, now: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": self._settings.namespace},
            "involvedObject": {
                "apiVersion": codec.API_VERSION,
                "kind": "GpuPlacement",
                "name": self._name,
                "namespace": self._settings.namespace,
            },
            "type": type_,
            "reason": reason,
            "message": message[:1024],  # the API's limit
            "source": {"component": "gpu-atlas-controller"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def _change(self, edit: Callable[[Any], Any], *, operation_id: str, actor: str) -> Placement:
        def write(found: Object) -> Object | None:
            annotations, done = found["metadata"].get("annotations") or {}, _done(found)
            if operation_id in done:
                return None
            spec = edit(found["spec"])
            kept = [*done, operation_id][-OPERATIONS_KEPT:]
            found["metadata"]["annotations"] = {
                **annotations,
                OPERATIONS_ANNOTATION: json.dumps(kept),
                ACTOR_ANNOTATION: actor,
            }
            return {**found, "spec": spec}

        changed = self._kube.run(
            lambda kube: kube.edit(self._path, write, doing=f"changing the placement {self._name}")
        )
        return codec.placement_from(changed)

    def _read(self) -> Object:
        return self._kube.run(lambda kube: kube.get(self._path, doing=f"reading the placement {self._name}"))

    def _list_regions(self) -> list[Object]:
        return self._kube.run(lambda kube: kube.list(self._views, doing="listing GPU regions"))

    def _differs(self, view: RegionView, found: Object | None) -> bool:
        if found is None:
            return True
        if codec.worth_a_write(found.get("status") or {}, codec.view_to(view)):
            return True
        return time.monotonic() - self._written.get(view.region, 0.0) > VIEW_REFRESH_S

    def _write_view(self, kube: Kube, view: RegionView, *, new: bool) -> None:
        doing = f"publishing what is known of {view.region}"
        if new:
            body = {
                "apiVersion": codec.API_VERSION,
                "kind": "GpuRegion",
                "metadata": {"name": view.region, "namespace": self._settings.namespace},
            }
            _create(kube, self._views, body, doing)
        kube.merge(f"{self._views}/{view.region}/status", {"status": codec.view_to(view)}, doing=doing)
        with self._lock:
            self._written[view.region] = time.monotonic()


def _create(kube: Kube, collection: str, body: Object, doing: str) -> None:
    with suppress(AlreadyExists):
        kube.create(collection, body, doing=doing)


def _done(found: Object) -> list[str]:
    return json.loads((found["metadata"].get("annotations") or {}).get(OPERATIONS_ANNOTATION, "[]"))
