"""The kubelet: pulls images, starts containers, loads the model, reports readiness, stops what is deleted.

A pod's run is a row of steps made from its spec by the table below; how far it came is kept in the pod ("_run").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import faults
from lib.sandbox.kube import nodes
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.scheduler import set_condition
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.verbs import jittered

Document = dict[str, Any]
PULL_S, SMALL_PULL_S, CACHED_S, LOAD_S = 90.0, 4.0, 0.5, 35.0
IMAGE_BYTES, SMALL_IMAGE_BYTES = 9_126_805_504, 72_340_992


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one container; `after_s` names a duration, `message` is the event's text ("" for none)."""

    name: str
    after_s: str
    message: str = ""


STEPS = (
    Step(name="Pulling", after_s="prepare", message='Pulling image "{image}"'),
    Step(
        name="Pulled",
        after_s="pull",
        message='Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {bytes} bytes.',
    ),
    Step(name="Created", after_s="create", message="Created container: {name}"),
    Step(name="Started", after_s="start", message="Started container {name}"),
)
LAST = Step(name="Loaded", after_s="load")  # once, after all containers have started


def run(cluster: KubeCluster) -> None:
    """One pass over the pods that have a node."""
    machines = {n["metadata"]["name"]: n for n in cluster.list("nodes")}
    where = {"region": cluster.location, "cluster": f"{cluster.location}/{cluster.name}"}
    broken = faults.first(cluster.world, "backend-broken", **where) is not None
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
            advanced = _advance(cluster, pod, node) if nodes.is_ready(node) else pod
            _report(cluster, advanced, node, broken=broken)


def _steps(pod: Document) -> list[tuple[Step, Document | None]]:
    return [*((s, c) for c in pod["spec"]["containers"] for s in STEPS), (LAST, None)]


def _duration(cluster: KubeCluster, pod: Document, node: Document, at: int) -> float:
    step, container = _steps(pod)[at]
    gpu = bool(gpus({"containers": [container]})) if container else bool(gpus(pod["spec"]))
    cached = container is not None and container["image"] in (node.get("_images") or ())
    seconds = {
        "prepare": 1.0 if at == 0 else 0.2,
        "pull": CACHED_S if cached else PULL_S if gpu else SMALL_PULL_S,
        "create": 0.3,
        "start": 0.2,
        "load": LOAD_S if gpu else 0.0,
    }[step.after_s]
    return jittered(cluster.world, seconds, f"{step.name}/{cluster.location}/{pod['metadata']['name']}/{at}")


def _advance(cluster: KubeCluster, pod: Document, node: Document) -> Document:
    """Do the steps that are due, each dated when it was due."""
    now, steps = cluster.world.clock.timestamp(), _steps(pod)
    began = pod.get("_run") or {"step": 0, "due": now + _duration(cluster, pod, node, 0)}
    state, done = dict(began), []
    body = clone(pod)
    if "_run" not in pod:
        _prepare(body, node, rfc3339(cluster.world.clock.now()))
    while state["step"] < len(steps) and now >= state["due"]:
        step, container = steps[state["step"]]
        done.append((step, container, state["step"]))
        if container is not None:
            _enact(body, step, container, state["due"])
        state["step"] += 1
        if state["step"] < len(steps):
            state["due"] += _duration(cluster, pod, node, state["step"])
    if body == pod and state == pod.get("_run"):
        return pod
    metadata = pod["metadata"]
    changed = cluster.mutate(
        "pods", metadata["namespace"], metadata["name"],
        lambda b: b.update({"_run": state, "status": body["status"]}),
    )  # fmt: skip
    for step, container, at in done:
        if step.message and container is not None:
            _tell(cluster, pod, step, container, _duration(cluster, pod, node, at))
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


def _tell(cluster: KubeCluster, pod: Document, step: Step, container: Document, seconds: float) -> None:
    minutes, rest = divmod(seconds, 60)
    took = f"{int(minutes)}m{rest:.3f}s" if minutes else f"{rest:.3f}s"
    size = IMAGE_BYTES if gpus({"containers": [container]}) else SMALL_IMAGE_BYTES
    text = step.message.format(image=container["image"], name=container["name"], took=took, bytes=size)
    cluster.event(pod, type="Normal", reason=step.name, message=text, component="kubelet")


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
    was_ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ())
    )
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
        if was_ready and not ready and up:
            message = "Readiness probe failed: HTTP probe failed with statuscode: 500"
            cluster.event(pod, type="Warning", reason="Unhealthy", message=message, component="kubelet")


def _stop(cluster: KubeCluster, pod: Document) -> None:
    metadata = pod["metadata"]
    if "_killing" not in pod:
        cluster.mutate("pods", metadata["namespace"], metadata["name"], lambda b: b.update(_killing=True))
        for container in pod["spec"]["containers"]:
            text = f"Stopping container {container['name']}"
            cluster.event(pod, type="Normal", reason="Killing", message=text, component="kubelet")
    if cluster.world.clock.timestamp() >= pod.get("_stopsAt", 0):
        cluster.finish("pods", metadata["namespace"], metadata["name"])
