"""Autopilot: nodes come when a pod needs them, pods start on them, and both go when they must.

Only says in which order the parts of `kube` look at a cluster; each is level-triggered and keeps its due times in
the store. Deployments are in `deployments`.
"""

from __future__ import annotations

from lib.sandbox.kube import endpoints, kubelet, nodes, platform, reclaim, scaleup, scheduler, workqueue
from lib.sandbox.world import World

PARTS = (
    platform.set_up,
    nodes.advance,
    reclaim.advance,
    kubelet.run,
    endpoints.sync,
    scheduler.schedule,
    scaleup.advance,
)


def tick(world: World) -> None:
    """One pass over the clusters that need a look."""
    queue = workqueue.of(world, "autopilot")
    with world.store.transaction():
        if queue.relisted(world):
            platform.forget_deleted_clusters(world)
        platform.bring_ingress_kinds(world)
        for look in queue.looks(world):
            for part in PARTS:
                part(look.cluster)
