"""The cluster autoscaler: asks Compute Engine for a GPU machine for a pod that fits nowhere, zone after zone.

A pod's request is a small state machine kept in the pod ("_scaleUp"); a zone that failed rests for 5, 10, 20, then
30 minutes (kept per cluster, zone, GPU and provisioning model). Texts and order are Google's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lib.sandbox import catalog, quota, stages, stock
from lib.sandbox.kube import nodes
from lib.sandbox.kube.defaults import ACCELERATOR, SPOT, gpus
from lib.sandbox.kube.scheduler import unscheduled
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
COMPONENT = "cluster-autoscaler"
BACKOFFS = "autopilot.backoffs"  # "<location>/<cluster>/<zone>/<accelerator>/<provisioning>"
FORGET_S = 3 * 3600.0  # without a failure
LOOK_S, REPEAT_S = 10.0, 120.0  # between two looks at a node, two events of a pod at rest
_FITTING = {
    ACCELERATOR, SPOT, nodes.ZONE, nodes.REGION, nodes.PROVISIONING, "cloud.google.com/gke-accelerator-count",
    "cloud.google.com/compute-class", "cloud.google.com/gke-gpu-driver-version", "kubernetes.io/arch",
    "kubernetes.io/os", "cloud.google.com/machine-family",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The machine that a pod needs."""

    accelerator: str
    provisioning: str
    zones: tuple[str, ...]  # in which it is offered and the pod may run


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`lasts` names the length in the table of `stages`, `act` says which stage comes next."""

    name: str
    lasts: str
    act: Callable[[KubeCluster, Document, Wish, Document], Document]


def advance(cluster: KubeCluster) -> None:
    """One pass over the pods that wait for a machine."""
    for pod in cluster.list("pods"):
        # The scheduler has spoken first: a pod that fits a present node never asks for one.
        if unscheduled(pod) and gpus(pod["spec"]) and "_nextTry" in pod:
            _advance(cluster, pod)


def wish_of(pod: Document, region: str) -> Wish:
    selector = pod["spec"].get("nodeSelector") or {}
    accelerator = selector.get(ACCELERATOR, "")
    zones = catalog.offering(accelerator, region)
    fits = set(selector) <= _FITTING and selector.get(nodes.REGION, region) == region
    pinned = selector.get(nodes.ZONE)
    return Wish(
        accelerator=accelerator,
        provisioning="SPOT" if selector.get(SPOT) == "true" else "STANDARD",
        zones=tuple(z for z in zones if fits and pinned in (None, z)),
    )


def _advance(cluster: KubeCluster, pod: Document) -> None:
    now = cluster.world.clock.timestamp()
    state = pod.get("_scaleUp") or _enter(cluster, pod, "looking", at=now)
    while now >= (state := _revised(cluster, pod, state, now))["due"]:
        stage = STAGES[state["stage"]]
        state = stage.act(cluster, pod, wish_of(pod, cluster.location), state)
    if state != pod.get("_scaleUp"):
        cluster.mutate(
            "pods", pod["metadata"]["namespace"], pod["metadata"]["name"], lambda b: b.update(_scaleUp=state)
        )


def _enter(cluster: KubeCluster, pod: Document, stage: str, *, at: float, **facts: Any) -> Document:
    state = {"stage": stage, "since": at, **facts}
    return {**state, "due": at + _length(cluster, pod, state)}


def _length(cluster: KubeCluster, pod: Document, state: Document) -> float:
    name = f"{cluster.key}/{pod['metadata']['name']}/{state.get('tries', 0)}"
    return stages.stretched(cluster.world, STAGES[state["stage"]].lasts, name, cluster=cluster.key)


def _revised(cluster: KubeCluster, pod: Document, state: Document, now: float) -> Document:
    """The state with its end as the faults in force have it."""
    if not stages.STAGES[STAGES[state["stage"]].lasts].slow or "since" not in state:
        return state
    wanted = state["since"] + _length(cluster, pod, state)
    return {**state, "due": stages.revised(state["due"], wanted=wanted, now=now)}


def _look(cluster: KubeCluster, pod: Document, wish: Wish, state: Document) -> Document:
    """Trigger a scale-up in the first zone that is not resting."""
    now, tries = cluster.world.clock.timestamp(), state.get("tries", 0)
    resting = {z: _resting_until(cluster, wish, z) for z in wish.zones}
    zone = next((z for z, until in resting.items() if until <= now), None)
    if zone is None:
        unfit = (
            len({n["metadata"]["labels"][nodes.ZONE] for n in cluster.list("nodes") if not nodes.is_gpu(n)})
            or 1
        )
        parts = [f"{unfit} node(s) didn't match Pod's node affinity/selector"]
        if resting:
            parts.insert(0, f"{len(resting)} in backoff after failed scale-up")
        text = f"pod didn't trigger scale-up: {', '.join(parts)}"
        cluster.event(pod, type="Normal", reason="NotTriggerScaleUp", message=text, component=COMPONENT)
        return {**state, "due": min([now + REPEAT_S, *(u for u in resting.values())])}
    group = f"gk3-{cluster.name[:24]}-nap-{cluster.suffix(8)}-grp"
    link = f"https://www.googleapis.com/compute/v1/projects/{cluster.world.project}/zones/{zone}/instanceGroups/{group}"
    text = f"pod triggered scale-up: [{{{link} 0->1 (max: 1000)}}]"
    cluster.event(pod, type="Normal", reason="TriggeredScaleUp", message=text, component=COMPONENT)
    stage = "refused" if _refusal(cluster, wish, zone) else "requested"
    return _enter(cluster, pod, stage, at=now, zone=zone, tries=tries + 1)


def _check(cluster: KubeCluster, pod: Document, wish: Wish, state: Document) -> Document:
    """Compute Engine has spoken: there is a machine, or there is none."""
    now = cluster.world.clock.timestamp()
    if reason := _refusal(cluster, wish, state["zone"]):
        return _failed(cluster, pod, wish, state, reason)
    return _enter(cluster, pod, "booting", at=now, zone=state["zone"], tries=state["tries"])


def _arrive(cluster: KubeCluster, pod: Document, wish: Wish, state: Document) -> Document:
    """The machine registers as a node, unless somebody took the last one meanwhile."""
    if reason := _refusal(cluster, wish, state["zone"]):
        return _failed(cluster, pod, wish, state, reason)
    name = nodes.add_gpu_node(
        cluster, zone=state["zone"], accelerator=wish.accelerator, provisioning=wish.provisioning,
        selector=pod["spec"].get("nodeSelector") or {},
    )  # fmt: skip
    cluster.world.store.delete(BACKOFFS, _backoff_key(cluster, wish, state["zone"]))
    now = cluster.world.clock.timestamp()
    return _enter(cluster, pod, "joining", at=now, node=name, tries=state["tries"])


def _expect(cluster: KubeCluster, pod: Document, wish: Wish, state: Document) -> Document:
    """The scheduler takes the pod when its node is Ready. If the node went instead, start over."""
    del wish
    now = cluster.world.clock.timestamp()
    node = cluster.get("nodes", "", state["node"])
    if node is None or "_reclaim" in node or now > state["due"] + 60:
        return _enter(cluster, pod, "looking", at=now, tries=state["tries"])
    return {**state, "due": state["due"] + LOOK_S}


STAGES: dict[str, Stage] = {
    s.name: s
    for s in (
        Stage(name="looking", lasts="autoscaler-look", act=_look),
        Stage(name="requested", lasts="machine-create", act=_check),
        Stage(name="refused", lasts="scale-up-refused", act=_check),
        Stage(name="booting", lasts="machine-boot", act=_arrive),
        Stage(name="joining", lasts="scheduler-bind", act=_expect),
    )
}


def _refusal(cluster: KubeCluster, wish: Wish, zone: str) -> str:
    world = cluster.world
    gpu, model = wish.accelerator, wish.provisioning
    if not quota.room(world, region=cluster.location, accelerator=gpu, provisioning=model):
        return "GCE quota exceeded"
    return "" if stock.room(world, zone=zone, accelerator=gpu, provisioning=model) else "GCE out of resources"


def _failed(cluster: KubeCluster, pod: Document, wish: Wish, state: Document, reason: str) -> Document:
    now, key = cluster.world.clock.timestamp(), _backoff_key(cluster, wish, state["zone"])
    earlier = cluster.world.store.get(BACKOFFS, key) or {}
    failures = earlier.get("failures", 0) if now - earlier.get("last", 0) < FORGET_S else 0
    until = now + stages.SCALE_UP_BACKOFF_S[min(failures, len(stages.SCALE_UP_BACKOFF_S) - 1)]
    cluster.world.store.put(BACKOFFS, key, {"failures": failures + 1, "until": until, "last": now})
    text = (
        f"Node scale up in zones {state['zone']} associated with this pod failed: {reason}. "
        "Pod is at risk of not being scheduled."
    )
    cluster.event(pod, type="Warning", reason="FailedScaleUp", message=text[:250], component=COMPONENT)
    return _enter(cluster, pod, "looking", at=now, tries=state["tries"])


def _backoff_key(cluster: KubeCluster, wish: Wish, zone: str) -> str:
    return f"{cluster.location}/{cluster.name}/{zone}/{wish.accelerator}/{wish.provisioning}"


def _resting_until(cluster: KubeCluster, wish: Wish, zone: str) -> float:
    found = cluster.world.store.get(BACKOFFS, _backoff_key(cluster, wish, zone))
    return float(found["until"]) if found else 0.0
