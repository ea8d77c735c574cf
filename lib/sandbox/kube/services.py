"""What the API server adds to a Service: its cluster IP, IP family and node ports.

Addresses come from GKE's own range for services. Nothing listens there: only pods behind a global address do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
HEADLESS = "None"
_FIRST_NODE_PORT, _NODE_PORTS = 30_000, 2_768
_ADDRESSES = 16 * 254  # 34.118.224.0/20
_EXPOSED = {"NodePort", "LoadBalancer"}


def complete(cluster: KubeCluster, body: Document, old: Document | None) -> None:
    """In place. What was given out once stays, as a client may leave it out of an update."""
    spec, before = body["spec"], (old or {}).get("spec", {})
    if spec["type"] == "ExternalName":
        return
    others = [
        s["spec"] for s in cluster.list("services") if s["metadata"]["name"] != body["metadata"]["name"]
    ]
    if not spec.get("clusterIP"):
        taken = {s.get("clusterIP") for s in others}
        spec["clusterIP"] = before.get("clusterIP") or _first_free(body, taken, _address, _ADDRESSES)
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in _EXPOSED:
        spec.setdefault("externalTrafficPolicy", "Cluster")
        _give_node_ports(body, before, {p.get("nodePort") for s in others for p in s.get("ports") or ()})


def _give_node_ports(body: Document, before: Document, taken: set[Any]) -> None:
    had = {p.get("port"): p.get("nodePort") for p in before.get("ports") or ()}
    for port in body["spec"].get("ports") or ():
        if not port.get("nodePort"):
            port["nodePort"] = had.get(port["port"]) or _first_free(body, taken, _node_port, _NODE_PORTS)
        taken.add(port["nodePort"])


def _first_free(body: Document, taken: set[Any], at: Callable[[int], Any], count: int) -> Any:
    """Begins at a place that the service's name says, so that the same history gives the same addresses."""
    metadata = body["metadata"]
    digest = hashlib.sha256(f"{metadata.get('namespace')}/{metadata['name']}".encode()).digest()
    start = int.from_bytes(digest[:4], "big")
    return next(found for n in range(count) if (found := at((start + n) % count)) not in taken)


def _address(n: int) -> str:
    return f"34.118.{224 + n // 254}.{n % 254 + 1}"


def _node_port(n: int) -> int:
    return _FIRST_NODE_PORT + n
