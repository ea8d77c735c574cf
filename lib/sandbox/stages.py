"""How long things take: one table of stages for every lifecycle of the sandbox, in seconds of its time.

Every part asks here for the length of a stage; what comes next is its own affair. A length is drawn between the low
and the high of its row by the world's seed and the name of what goes through it: the same again after a restart, and
half of them below the median. The fault `slow-start` stretches the rows that bear its mark.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from lib.sandbox import faults
from lib.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`slow` is the word by which the fault `slow-start` means this stage; "" when it does not."""

    low: float
    median: float
    high: float
    what: str
    source: str
    slow: str = ""


def _row(  # noqa: PLR0913, PLR0917 - a table is read by its columns
    low: float, median: float, high: float, what: str, source: str, slow: str = ""
) -> Stage:
    return Stage(low=low, median=median, high=high, what=what, source=source, slow=slow)


_CHOSEN, _HUB = "chosen; no source gives a figure", "Hub operations take 5 to 30 s, unverified"
STAGES: Mapping[str, Stage] = {
    "operation-start": _row(1, 2, 3, "Container API operation PENDING to RUNNING", _CHOSEN),
    "cluster-create": _row(330, 390, 480, "CreateCluster to RUNNING", "378 s observed (regional), 5 to 10 min"),
    "cluster-delete": _row(200, 240, 300, "DeleteCluster", "3 to 8 min, unverified"),
    "operation-cancel": _row(8, 10, 12, "a cancelled operation to DONE", _CHOSEN),
    "membership-ready": _row(15, 20, 25, "membership CREATING to READY", "10 to 30 s"),
    "membership-update": _row(5, 5.5, 7, "a membership changes", _HUB),
    "membership-delete": _row(12, 15, 18, "a membership goes", _HUB),
    "ingress-enable": _row(45, 60, 75, "feature multiclusteringress ENABLING to ACTIVE and OK", "30 to 120 s"),
    "feature-enable": _row(8, 10, 12, "another feature is enabled", _HUB),
    "feature-update": _row(5, 5.5, 7, "a feature changes", _HUB),
    "feature-delete": _row(12, 15, 18, "a feature goes", _HUB),
    "config-sync-install": _row(125, 150, 180, "Config Sync asked for to INSTALLED", "2 to 6 min, unverified"),
    "config-sync-apply": _row(12, 14, 17, "a fetched commit to SYNCED",
                              "20 to 60 s from the push, of which polling takes up to 15"),
    "autoscaler-look": _row(7, 8, 9, "an unschedulable pod to TriggeredScaleUp", "the autoscaler's loop, about 10 s"),
    "machine-create": _row(64, 75, 86, "TriggeredScaleUp to a machine", "2 to 3 min with boot and driver", "node"),
    "scale-up-refused": _row(64, 75, 86, "TriggeredScaleUp to FailedScaleUp", "1 to 5 min, unverified"),
    "machine-boot": _row(21, 25, 29, "a machine to its Node object", "29 s observed from decision to Node", "node"),
    "node-ready": _row(39, 40, 46, "Node object to Ready", "9 s observed, and 30 to 90 s for the GPU driver", "node"),
    "scheduler-bind": _row(4, 5, 6, "a Ready node to another look for the pod", _CHOSEN),
    "pod-setup": _row(0.8, 1, 1.2, "a pod's network and volumes", _CHOSEN),
    "container-prepare": _row(0.1, 0.2, 0.3, "before the image of a further container", _CHOSEN),
    "image-pull": _row(75, 90, 110, "the Web UI's image of 8 to 12 GB", "1 to 3 min without streaming", "pull"),
    "small-image-pull": _row(3, 4, 5, "an image of 70 MB", "chosen; 115 MB/s unpacked observed", "pull"),
    "cached-image": _row(0.4, 0.5, 0.6, "an image that the node has", _CHOSEN),
    "container-create": _row(0.2, 0.3, 0.4, "a container is created", _CHOSEN),
    "container-start": _row(0.1, 0.2, 0.3, "a container starts", _CHOSEN),
    "model-load": _row(28, 35, 45, "the model into VRAM", "15 to 60 s from local disk, unverified", "model"),
    "endpoint-join": _row(13, 15, 17, "a pod's address to an endpoint of the load balancer", "10 to 60 s, unverified"),
    "vip-program": _row(180, 185, 199, "a valid MultiClusterIngress to an open address", "3 to 10 min"),
    "address-reserve": _row(3, 4, 5, "a global address to RESERVED", _CHOSEN),
    "address-delete": _row(3, 4, 5, "a global address goes", _CHOSEN),
    "reservation-create": _row(4, 6, 10, "a reservation to READY, or to its refusal", _CHOSEN),
    "reservation-delete": _row(3, 4, 6, "a reservation goes", _CHOSEN),
    "instance-create": _row(8, 12, 20, "an instance to RUNNING, or to its refusal", _CHOSEN),
    "instance-delete": _row(25, 35, 60, "an instance goes", _CHOSEN),
    "spot-reclaim": _row(28, 29, 30, "the notice to a Spot machine's end", "Compute Engine gives 30 s"),
    "host-loss": _row(28, 29, 30, "a lost on-demand machine to the end of its Node", _CHOSEN),
    "node-idle": _row(590, 600, 630, "an empty GPU node to its removal", "about 10 min, the autoscaler's default"),
}  # fmt: skip
USUAL_FACTOR = 3  # of `slow-start`, when it says neither a factor nor seconds
SCALE_UP_BACKOFF_S = (300.0, 600.0, 1200.0, 1800.0)  # a zone's rest after failed scale-ups; source constants


def seconds(world: World, stage: str, name: str) -> float:
    """The length of the stage for the thing called `name`, without any fault."""
    row, draw = STAGES[stage], random.Random(f"{world.seed}/{stage}/{name}").random()
    if draw < 0.5:
        return row.low + 2 * draw * (row.median - row.low)
    return row.median + (2 * draw - 1) * (row.high - row.median)


def phase(world: World, period: float, name: str) -> float:
    """Where in its period something that comes round again stands, in seconds; always the same for a name."""
    return period * random.Random(f"{world.seed}/{name}").random()


def stretched(world: World, stage: str, name: str, *, cluster: str) -> float:
    """As `seconds`, as long as the faults in force make it in a cluster ("<location>/<name>")."""
    length, slow = seconds(world, stage, name), STAGES[stage].slow
    if not slow:
        return length
    where = {"cluster": cluster, "region": cluster.split("/", 1)[0]}
    fault = faults.first(world, "slow-start", stage=slow, **where)
    if fault is None:
        return length
    more = fault["scope"].get("seconds")
    factor = fault["scope"].get("factor") or (USUAL_FACTOR if more in (None, "") else 1)
    return length * factor + (more or 0)


def revised(due: float, *, wanted: float, now: float) -> float:
    """The end of a stage that was due at `due` and now would be at `wanted`: a fault that comes puts it off, and one
    that goes lets it end at once, not in the past."""
    return wanted if wanted >= due else min(due, max(wanted, now))
