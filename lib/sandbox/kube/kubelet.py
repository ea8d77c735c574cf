"""The kubelet: pulls images, starts containers, loads the model, reports readiness, stops what is deleted.

A pod's run is a row of steps made from its spec by the table below; how far it came is kept in the pod ("_run").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import faults, stages
from lib.sandbox.kube import crashloop, nodes, replicasets
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.scheduler import set_condition
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
IMAGE_BYTES, SMALL_IMAGE_BYTES = 9_126_805_504, 72_340_992


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one container; `message` is the event's text ("" for none)."""

    name: str
    message: str = ""


STEPS = (
    Step(name="Pulling", message='Pulling image "{image}"'),
    Step(
        name="Pulled",
        message='Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {bytes} bytes.',
    ),
    Step(name="Created", message="Created container: {name}"),
    Step(name="Started", message="Started container {name}"),
)
LAST = Step(name="Loaded")  # once, after all containers have started


def run(cluster: KubeCluster) -> None:
    """One pass over the pods that have a node."""
    machines = {n["metadata"]["name"]: n for n in cluster.list("nodes")}
    where = {"region": cluster.location, "cluster": f"{cluster.location}/{cluster.name}"}
    broken = faults.first(cluster.world, "backend-broken", **where) is not None
    crashing = crashloop.since(cluster)
    for pod in cluster.list("pods"):
        name = pod["spec"].get("nodeName")
        if not name:
            continue
        node = machines.get(name)
        if node is None:  # the pod garbage collector: its machine is gone
            cluster.finish("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        elif "deletionTimestamp" in pod["metadata"]:
            _stop(cluster, pod)
        elif pod["status"]["phase"] in {"Pending", "Running"}:
            if nodes.is_silent(node):
                _lose(cluster, pod)
                continue
            advanced = _go_on(cluster, pod, node, crashing) if nodes.is_ready(node) else pod
            _report(cluster, advanced, node, broken=broken)


def _go_on(cluster: KubeCluster, pod: Document, node: Document, crashing: float | None) -> Document:
    last = len(_steps(pod)) - 1
    advanced = _advance(cluster, pod, node, end=last + (crashing is None))
    load_s = _length(cluster, pod, node, last)
    return crashloop.advance(cluster, advanced, crashing=crashing, loaded_at=last, load_s=load_s)


def _steps(pod: Document) -> list[tuple[Step, Document | None]]:
    return [*((s, c) for c in pod["spec"]["containers"] for s in STEPS), (LAST, None)]


def loaded_at(pod: Document) -> float | None:
    """When the model of the run that goes on was in memory; None while it is not."""
    state = pod.get("_run")
    return float(state["since"]) if state and state["step"] >= len(_steps(pod)) else None


def _length(cluster: KubeCluster, pod: Document, node: Document, at: int) -> float:
    stage = _stage(pod, node, at)
    name = f"{cluster.key}/{pod['metadata']['name']}/{at}"
    return stages.stretched(cluster.world, stage, name, cluster=cluster.key) if stage else 0.0


def _stage(pod: Document, node: Document, at: int) -> str:
    """The row in the table of `stages` that a step takes; "" when it takes no time."""
    step, container = _steps(pod)[at]
    if container is None:
        return "model-load" if gpus(pod["spec"]) else ""
    if step.name == "Pulled":
        if container["image"] in (node.get("_images") or ()):
            return "cached-image"
        return "image-pull" if gpus({"containers": [container]}) else "small-image-pull"
    return {
        "Pulling": "container-prepare" if at else "pod-setup",
        "Created": "container-create",
        "Started": "container-start",
    }[step.name]


def _advance(cluster: KubeCluster, pod: Document, node: Document, *, end: int) -> Document:
    """Do the steps that are due and before `end`, each dated when it was due."""
    now, steps = cluster.world.clock.timestamp(), _steps(pod)
    state: Document = dict(pod.get("_run") or {"step": 0, "since": now, "due": now})
    done: list[tuple[Step, Document | None, float, float]] = []
    state.setdefault("since", state["due"])  # written by an earlier version
    body = clone(pod)
    if "_run" not in pod:
        _prepare(body, node, rfc3339(cluster.world.clock.now()))
    while state["step"] < end:
        wanted = state["since"] + _length(cluster, pod, node, state["step"])
        state["due"] = stages.revised(state["due"], wanted=wanted, now=now)
        if now < state["due"]:
            break
        step, container = steps[state["step"]]
        done.append((step, container, state["due"] - state["since"], state["due"]))
        if container is not None:
            _enact(body, step, container, state["due"])
        state = {"step": state["step"] + 1, "since": state["due"], "due": state["due"]}
    if body == pod and state == pod.get("_run"):
        return pod
    metadata = pod["metadata"]
    changed = cluster.mutate(
        "pods", metadata["namespace"], metadata["name"],
        lambda b: b.update({"_run": state, "status": body["status"]}),
    )  # fmt: skip
    for step, container, took, at in done:
        if step.message and container is not None:
            _tell(cluster, pod, step, container, took, at)
            if step.name == "Pulled":
                _cache(cluster, node, container["image"])
    return changed or pod


def _prepare(body: Document, node: Document, now: str) -> None:
    status = body["status"]
    host = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    status.update({"hostIP": host, "hostIPs": [{"ip": host}]})
    status.update({"startTime": now, "podIP": body["_address"], "podIPs": [{"ip": body["_address"]}]})
    status["containerStatuses"] = [
        {
            "name": c["name"], "image": c["image"], "imageID": "", "ready": False, "started": False,
            "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {},
        }
        for c in body["spec"]["containers"]
    ]  # fmt: skip
    for type_ in ("PodReadyToStartContainers", "Initialized"):
        set_condition(body, type_, now, true=True)


def _enact(body: Document, step: Step, container: Document, due: float) -> None:
    status = next(s for s in body["status"]["containerStatuses"] if s["name"] == container["name"])
    if step.name == "Pulled":
        status["imageID"] = f"{container['image'].partition(':')[0]}@sha256:{_digest(container['image'])}"
    elif step.name == "Started":
        status.update({
            "state": {"running": {"startedAt": rfc3339(datetime.fromtimestamp(due, UTC))}}, "started": True,
            "containerID": f"containerd://{_digest(body['metadata']['uid'] + container['name'])}",
        })  # fmt: skip
        if all(s["started"] for s in body["status"]["containerStatuses"]):
            body["status"]["phase"] = "Running"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tell(  # noqa: PLR0913, PLR0917 - what an event says, of what, and when
    cluster: KubeCluster, pod: Document, step: Step, container: Document, seconds: float, at: float
) -> None:
    minutes, rest = divmod(seconds, 60)
    took = f"{int(minutes)}m{rest:.3f}s" if minutes else f"{rest:.3f}s"
    size = IMAGE_BYTES if gpus({"containers": [container]}) else SMALL_IMAGE_BYTES
    text = step.message.format(image=container["image"], name=container["name"], took=took, bytes=size)
    cluster.event(pod, type="Normal", reason=step.name, message=text, component="kubelet", at=at)


def _cache(cluster: KubeCluster, node: Document, image: str) -> None:
    def change(body: Document) -> None:
        body["_images"] = sorted({*(body.get("_images") or ()), image})

    cluster.mutate("nodes", "", node["metadata"]["name"], change)


def _report(cluster: KubeCluster, pod: Document, node: Document, *, broken: bool) -> None:
    """Readiness, as conditions and container states. On a node that is not Ready nothing is."""
    if "_run" not in pod:
        return
    on_gpu, up = bool(gpus(pod["spec"])), nodes.is_ready(node)
    loaded = pod["_run"]["step"] >= len(_steps(pod))
    now = rfc3339(cluster.world.clock.now())
    body = clone(pod)
    for container, status in zip(pod["spec"]["containers"], body["status"]["containerStatuses"], strict=True):
        # The model behind it must answer; a container without a probe is ready as soon as it runs.
        probed = "readinessProbe" in container or bool(gpus({"containers": [container]}))
        waits_for_model = on_gpu and probed
        healthy = not (broken and on_gpu and "readinessProbe" in container)
        status["ready"] = up and status["started"] and healthy and (loaded or not waits_for_model)
    ready = all(s["ready"] for s in body["status"]["containerStatuses"])
    was_ready = replicasets.ready(pod)
    unready = [s["name"] for s in body["status"]["containerStatuses"] if not s["ready"]]
    text = f"containers with unready status: [{' '.join(unready)}]" if unready else ""
    for type_ in ("ContainersReady", "Ready"):
        set_condition(
            body, type_, now, true=ready, reason="ContainersNotReady" if unready else "", message=text
        )
    if body["status"] != pod["status"]:
        metadata = pod["metadata"]
        cluster.mutate(
            "pods", metadata["namespace"], metadata["name"], lambda b: b.update(status=body["status"])
        )
        probed = any("readinessProbe" in c for c in pod["spec"]["containers"])
        if was_ready and not ready and up and probed:
            code = 500 if loaded else 502  # the proxy's, when nobody answers behind it
            message = f"Readiness probe failed: HTTP probe failed with statuscode: {code}"
            cluster.event(pod, type="Warning", reason="Unhealthy", message=message, component="kubelet")


def _lose(cluster: KubeCluster, pod: Document) -> None:
    """Nobody reports for it any more: the node lifecycle controller takes its readiness, and its containers stay as
    they were last reported."""
    if not replicasets.ready(pod):
        return
    now, body = rfc3339(cluster.world.clock.now()), clone(pod)
    set_condition(body, "Ready", now, true=False)
    metadata = pod["metadata"]
    cluster.mutate("pods", metadata["namespace"], metadata["name"], lambda b: b.update(status=body["status"]))


def _stop(cluster: KubeCluster, pod: Document) -> None:
    metadata = pod["metadata"]
    if "_killing" not in pod:
        cluster.mutate("pods", metadata["namespace"], metadata["name"], lambda b: b.update(_killing=True))
        for container in pod["spec"]["containers"]:
            text = f"Stopping container {container['name']}"
            cluster.event(pod, type="Normal", reason="Killing", message=text, component="kubelet")
    if cluster.world.clock.timestamp() >= pod.get("_stopsAt", 0):
        cluster.finish("pods", metadata["namespace"], metadata["name"])
