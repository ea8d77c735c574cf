"""Which clusters a controller looks at in one tick: those that changed, those in motion, and some others in turn.

So a tick costs what happens and not what there is. Controllers stay level-triggered: a cluster is named, never a
change, and each is looked at again after a while even if nobody named it (a resync). A queue lives in memory; after
a start every cluster counts as changed. Not a scheduler of what is due: whatever waits for its time is "in motion".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from lib.sandbox.kube import nodes
from lib.sandbox.kube.replicasets import ready
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Change, Document, Store
from lib.sandbox.world import CLUSTERS, FAULTS, World

SLICE = 20  # clusters a tick at most, so that requests never wait long behind it
RESYNC_TICKS = 300  # within so many ticks each cluster is looked at, whatever happens
_QUIET = frozenset({"events", "leases.coordination.k8s.io"})  # nothing follows from these
_UP = frozenset({"RUNNING", "RECONCILING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`changed` is False when the cluster is only looked at because something in it waits for its time."""

    cluster: KubeCluster
    changed: bool


class Workqueue:
    """Of one controller in one world. Keys are "<location>/<cluster>"."""

    def __init__(self, store: Store) -> None:
        self._due: dict[str, bool] = {}  # key -> changed; the one that waits longest first
        self._running: list[str] = []
        self._relist = self._all_changed = True
        self._turn = 0
        store.subscribe(self._heard)

    def relisted(self, world: World) -> bool:
        """Follow the list of clusters; True when one of them was not as before."""
        if not self._relist:
            return False
        self._relist = False
        self._running = [f"{location}/{name}" for location, name, _ in world.clusters(*_UP)]
        self._due = {key: changed for key, changed in self._due.items() if key in set(self._running)}
        return True

    def looks(self, world: World) -> Iterator[Look]:
        """To be gone through in one transaction: a look that fails is repeated by the next tick."""
        self.relisted(world)
        if self._all_changed:
            self._all_changed = False
            self._due |= dict.fromkeys(self._running, True)
        for key in self._next():
            cluster = KubeCluster(world, *key.split("/", 1))
            yield Look(cluster=cluster, changed=self._due.get(key, True))
            self._due.pop(key, None)
            if in_motion(cluster):
                self._due[key] = False

    def _next(self) -> list[str]:
        due = [key for key, _ in zip(self._due, range(SLICE), strict=False)]
        count = len(self._running)
        quota = -(-count // RESYNC_TICKS)
        turns = [self._running[(self._turn + n) % count] for n in range(quota)]
        self._turn += quota
        return [*due, *(key for key in turns if key not in due)]

    def _heard(self, change: Change) -> None:
        if change.collection == CLUSTERS:
            self._relist = True
            self._due[change.key] = True
        elif change.collection == FAULTS:
            self._all_changed = True
        elif change.collection.startswith("kube/"):
            _, location, name, resource = change.collection.split("/", 3)
            if resource not in _QUIET:
                self._due[f"{location}/{name}"] = True


def of(world: World, controller: str) -> Workqueue:
    queues = _OF.setdefault(world.store, {})
    if controller not in queues:
        queues[controller] = Workqueue(world.store)
    return queues[controller]


_OF: WeakKeyDictionary[Store, dict[str, Workqueue]] = WeakKeyDictionary()


def in_motion(cluster: KubeCluster) -> bool:
    """Whether anything in the cluster is not as it is to be, or waits for a time: only what is known to be at
    rest is."""
    return not (
        all(map(_settled_pod, cluster.list("pods")))
        and all(map(_settled_node, cluster.list("nodes")))
        and all(map(_settled_set, cluster.list("deployments.apps")))
        and all(map(_settled_set, cluster.list("replicasets.apps")))
    )


def _settled_pod(pod: Document) -> bool:
    phase = pod["status"].get("phase")
    ended = phase in {"Failed", "Succeeded"}
    return "deletionTimestamp" not in pod["metadata"] and (ended or (phase == "Running" and ready(pod)))


def _settled_node(node: Document) -> bool:
    idle = nodes.is_gpu(node) and "_idleSince" in node
    return nodes.is_ready(node) and "_reclaim" not in node and not idle


def _settled_set(body: Document) -> bool:
    """A Deployment or a ReplicaSet that has what it wants."""
    status, metadata = body.get("status") or {}, body["metadata"]
    counts = [status.get(k, 0) for k in ("replicas", "readyReplicas", "availableReplicas")]
    if body["kind"] == "Deployment":
        counts.append(status.get("updatedReplicas", 0))
    seen = status.get("observedGeneration") == metadata.get("generation")
    return seen and "deletionTimestamp" not in metadata and set(counts) == {body["spec"].get("replicas", 1)}
