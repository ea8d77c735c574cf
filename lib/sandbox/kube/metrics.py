"""metrics.k8s.io: what `kubectl top` shows. Made when asked for, from what the pods do right now; nothing is stored.

A Web UI that draws keeps one core busy, one that waits next to none; its memory is what its own /memory says. Other
containers are small and steady. Numbers move a little from one sample (every 15 s) to the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from lib.sandbox import pods, sdapi, studio
from lib.sandbox.kube import errors, tables
from lib.sandbox.kube.call import Call
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.nodes import is_ready
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.resources import METRICS
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
SAMPLE_S = 15
_DRAWING_MILLI, _WAITING_MILLI, _LOADING_MILLI = 980, 12, 1400
_SMALL_MILLI, _SMALL_MIB = 2, 18
_NODE_MILLI, _NODE_MIB = 90, 900  # the kubelet and what else every node runs
_SPREAD = 0.06
_API_VERSION = f"{METRICS['pods'].group}/v1beta1"


def serve(call: Call) -> Response:
    """get and list of PodMetrics and NodeMetrics."""
    if call.verb not in {"get", "list"}:
        raise errors.method_not_allowed()
    measure = _pods if call.kind.plural == "pods" else _nodes
    selects = call.selects()
    found = [m for m in measure(call.cluster, call.namespace or None) if selects(m)]
    if call.name and not found:
        raise errors.not_found(call.kind, call.name)
    if call.as_table:
        now = call.cluster.world.clock.now()
        return JSONResponse(tables.table(call.kind, found, now=now, metadata={}))
    if call.name:
        return JSONResponse(found[0])
    return JSONResponse(
        {"kind": f"{call.kind.kind}List", "apiVersion": _API_VERSION, "metadata": {}, "items": found}
    )


def _pods(cluster: KubeCluster, namespace: str | None) -> Iterator[Document]:
    for pod in cluster.list("pods", namespace):
        running = [
            s["name"] for s in pod["status"].get("containerStatuses", ()) if "running" in s.get("state", {})
        ]
        if running:
            used = [_container(cluster, pod, c) for c in pod["spec"]["containers"] if c["name"] in running]
            yield {**_measured(cluster, "PodMetrics", pod), "containers": used}


def _nodes(cluster: KubeCluster, _: str | None) -> Iterator[Document]:
    everything = list(_pods(cluster, None))
    on = {p["metadata"]["uid"]: p["spec"].get("nodeName") for p in cluster.list("pods")}
    for node in cluster.list("nodes"):
        if not is_ready(node):
            continue
        name = node["metadata"]["name"]
        mine = [c["usage"] for p in everything if on[p["metadata"]["uid"]] == name for c in p["containers"]]
        nano = sum(int(u["cpu"][:-1]) for u in mine) + int(_wobbled(cluster, name, _NODE_MILLI) * 1e6)
        kib = sum(int(u["memory"][:-2]) for u in mine) + int(_wobbled(cluster, name, _NODE_MIB) * 1024)
        yield {**_measured(cluster, "NodeMetrics", node), "usage": {"cpu": f"{nano}n", "memory": f"{kib}Ki"}}


def _measured(cluster: KubeCluster, kind: str, of: Document) -> Document:
    about = of["metadata"]
    kept = ("name", "namespace", "uid", "labels", "creationTimestamp")
    at = datetime.fromtimestamp(_sample(cluster) * SAMPLE_S, UTC)
    return {
        "kind": kind,
        "apiVersion": _API_VERSION,
        "metadata": {k: about[k] for k in kept if k in about},
        "timestamp": rfc3339(at),
        "window": f"{SAMPLE_S}s",
    }


def _container(cluster: KubeCluster, pod: Document, container: Document) -> Document:
    milli, mib = float(_SMALL_MILLI), float(_SMALL_MIB)
    if gpus({"containers": [container]}):
        milli, mib = _web_ui(cluster, pod)
    seed = f"{pod['metadata']['uid']}/{container['name']}"
    usage = {
        "cpu": f"{int(_wobbled(cluster, seed, milli) * 1e6)}n",
        "memory": f"{int(_wobbled(cluster, seed, mib) * 1024)}Ki",
    }
    return {"name": container["name"], "usage": usage}


def _web_ui(cluster: KubeCluster, pod: Document) -> tuple[float, float]:
    """(millicores, MiB)."""
    if not pods.condition(pod, "Ready"):
        return _LOADING_MILLI, sdapi.RAM_USED / 2 / 2**20
    address = pods.address_of((cluster.location, cluster.name), pod)
    busy = studio.of(cluster.world, address).job is not None
    return _DRAWING_MILLI if busy else _WAITING_MILLI, sdapi.RAM_USED / 2**20


def _sample(cluster: KubeCluster) -> int:
    return int(cluster.world.clock.timestamp() // SAMPLE_S)


def _wobbled(cluster: KubeCluster, seed: str, amount: float) -> float:
    digest = hashlib.sha256(f"{cluster.world.seed}/{seed}/{_sample(cluster)}".encode()).digest()
    return amount * (1 + _SPREAD * (digest[0] / 127.5 - 1))
