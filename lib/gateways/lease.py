"""One controller at a time: a coordination.k8s.io Lease in the config cluster, in wall time.

Whoever can't renew must stop acting before the lease runs out for the others; `try_hold` tells at each loop.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from lib.gateways.errors import AlreadyExists, Conflict, NotFound
from lib.gateways.kube import ConfigKube, Kube, Object, resource_path
from lib.settings import Settings

NAME = "gpu-atlas-controller"
LEASE_S = 12  # and a look or two until that is noticed: another one acts within 15 s


class Lease:
    def __init__(self, settings: Settings, *, name: str = NAME) -> None:
        self._settings = settings
        self._name = name
        self._kube = ConfigKube(settings)
        self._collection = resource_path("coordination.k8s.io/v1", "leases", namespace=settings.namespace)
        self._path = f"{self._collection}/{name}"
        self._held_by = ""
        # A stranger's lease is timed from when this process saw it change: clocks of two machines may differ.
        self._seen: tuple[str, float] = ("", 0.0)

    def try_hold(self, identity: str) -> bool:
        """Take or renew the lease; False when somebody else holds it. Raises Unreachable."""
        held = self._kube.run(lambda kube: self._try(kube, identity))
        self._held_by = identity if held else ""
        return held

    def release(self) -> None:
        """Give it back, so that the next one needs not wait. A no-op unless held."""
        if not self._held_by:
            return
        mine, self._held_by = self._held_by, ""

        def clear(lease: Object) -> Object | None:
            if lease["spec"].get("holderIdentity") != mine:
                return None
            lease["spec"] = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            return lease

        self._kube.run(lambda kube: kube.edit(self._path, clear, doing="releasing the lease"))

    def _try(self, kube: Kube, identity: str) -> bool:
        try:
            lease = kube.get(self._path, doing="reading the lease")
        except NotFound:
            return self._create(kube, identity)
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") not in {identity, "", None} and not self._expired(lease):
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + (spec.get("holderIdentity") != identity)
        acquired = spec.get("acquireTime") if spec.get("holderIdentity") == identity else None
        lease["spec"] = _spec(identity, transitions=transitions, acquired=acquired)
        try:
            kube.replace(self._path, lease, doing="renewing the lease")
        except Conflict:
            return False
        return True

    def _create(self, kube: Kube, identity: str) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._settings.namespace},
            "spec": _spec(identity, transitions=0, acquired=None),
        }
        try:
            kube.create(self._collection, body, doing="taking the lease")
        except AlreadyExists:
            return False
        return True

    def _expired(self, lease: Object) -> bool:
        """Not renewed for its duration, while watched; and by its own time when that is long past already."""
        version = str(lease["metadata"].get("resourceVersion"))
        now = time.monotonic()
        if self._seen[0] != version:
            self._seen = (version, now)
        duration = float(lease["spec"].get("leaseDurationSeconds") or LEASE_S)
        renewed = lease["spec"].get("renewTime")
        age = _age_s(renewed) if renewed else 0.0
        return now - self._seen[1] > duration or age > 2 * duration


def _spec(identity: str, *, transitions: int, acquired: str | None) -> Object:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "holderIdentity": identity,
        "leaseDurationSeconds": LEASE_S,
        "acquireTime": acquired or now,
        "renewTime": now,
        "leaseTransitions": transitions,
    }


def _age_s(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds()
