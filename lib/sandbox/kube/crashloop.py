"""The `crash-loop` fault: the Web UI's container exits soon after each start, and the kubelet's back-off between.

The first restart comes at once; then the pauses are 10 s, doubled up to 5 min, and forgotten once the container has
gone on for ten (as kubelet's image and container back-off does: client-go's flowcontrol.Backoff). How far a pod
is in it is kept in the pod ("_crash"). Not the start of a pod: that is `kubelet`'s.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from lib.sandbox import faults
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.replicasets import ready
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
EXITS_AFTER_S = 4.0  # it looks for its GPU, long before the model is loaded
RELIST_S = 1.0  # until the kubelet has noticed
FIRST_S, LONGEST_S = 10.0, 300.0


def since(cluster: KubeCluster) -> float | None:
    """When the fault that is in force in the cluster began; None when there is none."""
    where = {"region": cluster.location, "cluster": f"{cluster.location}/{cluster.name}"}
    fault = faults.first(cluster.world, "crash-loop", **where)
    return datetime.fromisoformat(fault["created"]).timestamp() if fault else None


def advance(
    cluster: KubeCluster, pod: Document, *, crashing: float | None, loaded_at: int, load_s: float
) -> Document:
    """Crash and restart the pod's Web UI as often as is due, each dated when it was due. `crashing` is since when;
    `loaded_at` the number of the step in which the model is loaded, again after each restart, in `load_s`."""
    now, body, told = cluster.world.clock.timestamp(), clone(pod), list[tuple[float, tuple[str, str, str]]]()
    container = _web_ui(body)
    if container is None or body["status"]["phase"] != "Running":
        return pod
    status = next(s for s in body["status"]["containerStatuses"] if s["name"] == container["name"])
    while True:
        if "running" in status["state"]:
            at = _exit(body, status, crashing)
            if at is None or at > now:
                break
            done = body["_run"]
            loaded = done["since"] if done["step"] > loaded_at else None
            told += _at(at, _crash(body, status, at, loaded=loaded))
            begins = body["_crash"]["until"]
            body["_run"] = {"step": loaded_at, "since": begins, "due": begins + load_s}
        elif "_crash" in body and now >= body["_crash"]["until"]:
            told += _at(body["_crash"]["until"], _restart(body, container, status))
        else:
            break
    if body == pod:
        return pod
    kept = {key: body[key] for key in ("_crash", "_run", "status")}
    metadata = pod["metadata"]
    changed = cluster.mutate("pods", metadata["namespace"], metadata["name"], lambda b: b.update(kept))
    for when, (type_, reason, message) in told:
        cluster.event(pod, type=type_, reason=reason, message=message, component="kubelet", at=when)
    return changed or pod


def _at(at: float, said: list[tuple[str, str, str]]) -> list[tuple[float, tuple[str, str, str]]]:
    return [(at, one) for one in said]


def _web_ui(pod: Document) -> Document | None:
    return next((c for c in pod["spec"]["containers"] if gpus({"containers": [c]})), None)


def _exit(pod: Document, status: Document, crashing: float | None) -> float | None:
    """When the running container exits; one that has served for long does so as the fault begins."""
    if crashing is None:
        return None
    began = datetime.fromisoformat(status["state"]["running"]["startedAt"]).timestamp()
    served = ready(pod) and began <= crashing
    return crashing if served else max(crashing, began + EXITS_AFTER_S)


def _crash(pod: Document, status: Document, at: float, *, loaded: float | None) -> list[tuple[str, str, str]]:
    earlier = pod.get("_crash")
    if earlier is None or at - earlier["until"] > 2 * LONGEST_S:
        pause, following = 0.0, FIRST_S
    else:
        pause, following = earlier["pause"], min(2 * earlier["pause"], LONGEST_S)
    ended = {
        "exitCode": 1, "reason": "Error", "startedAt": status["state"]["running"]["startedAt"],
        "finishedAt": _time(at), "containerID": status["containerID"],
    }  # fmt: skip
    status.update({"started": False, "ready": False, "state": {"terminated": ended}})
    pod["_crash"] = {"pause": following, "until": at + (pause or RELIST_S), "loaded": loaded}
    if not pause:
        return []
    metadata, name = pod["metadata"], status["name"]
    where = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
    long = f"{int(pause) // 60}m{int(pause) % 60}s" if pause >= 60 else f"{int(pause)}s"
    text = f"back-off {long} restarting failed container={name} pod={where}"
    waiting = {"reason": "CrashLoopBackOff", "message": text}
    status.update({"state": {"waiting": waiting}, "lastState": {"terminated": ended}})
    return [("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}")]


def _restart(pod: Document, container: Document, status: Document) -> list[tuple[str, str, str]]:
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    count, name, image = status["restartCount"] + 1, container["name"], container["image"]
    identity = hashlib.sha256(f"{pod['metadata']['uid']}{name}{count}".encode()).hexdigest()
    status.update({
        "state": {"running": {"startedAt": _time(pod["_crash"]["until"])}}, "started": True,
        "restartCount": count, "containerID": f"containerd://{identity}",
    })  # fmt: skip
    return [
        ("Normal", "Pulled", f'Container image "{image}" already present on machine'),
        ("Normal", "Created", f"Created container: {name}"),
        ("Normal", "Started", f"Started container {name}"),
    ]


def _time(at: float) -> str:
    return rfc3339(datetime.fromtimestamp(at, UTC))
