"""How far the making of a cluster is, in the metrics that its operation carries."""

from __future__ import annotations

from lib.sandbox.store import Document
from lib.sandbox.world import World

STAGES = (
    ("CLUSTER_CONFIGURING", 9, 0.25),
    ("CLUSTER_DEPLOYING", 11, 0.9),
    ("CLUSTER_HEALTHCHECKING", 2, 1.05),
)
"""Progress metrics of CREATE_CLUSTER: name, total, share of the duration at which it is complete. The last never
completes: the operation ends DONE below its total, as observed."""


def with_progress(world: World, operation: Document) -> Document:
    if operation["operationType"] != "CREATE_CLUSTER":
        return operation
    begin, end = operation["_starts"], operation["_ends"]
    share = 1.0
    if operation["status"] != "DONE":
        share = max(0.0, min(1.0, (world.clock.timestamp() - begin) / max(1.0, end - begin)))
    metrics: list[Document] = []
    earlier = 0.0
    for name, total, until in STAGES:
        done = int(total * max(0.0, min(1.0, (share - earlier) / (until - earlier))))
        metrics += [{"name": name, "intValue": str(done)}, {"name": f"{name}_TOTAL", "intValue": str(total)}]
        earlier = until
    return {**operation, "progress": {"metrics": metrics}}
