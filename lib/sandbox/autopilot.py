"""Autopilot: nodes come when a pod needs them, pods start on them, and both go when they must.

Only says in which order the parts of `kube` look at a cluster; each is level-triggered and keeps its due times in
the store. Deployments are in `deployments`.
"""

from __future__ import annotations

from lib.sandbox.kube import kubelet, nodes, platform, reclaim, scaleup, scheduler
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import World

PARTS = (
    platform.set_up,
    nodes.advance,
    reclaim.advance,
    kubelet.run,
    scheduler.schedule,
    scaleup.advance,
)


def tick(world: World) -> None:
    """One pass over all clusters that run."""
    with world.store.transaction():
        platform.forget_deleted_clusters(world)
        platform.bring_ingress_kinds(world)
        for location, name, _ in world.clusters("RUNNING", "RECONCILING"):
            cluster = KubeCluster(world, location, name)
            for part in PARTS:
                part(cluster)
