"""The endpoint controllers: for each Service with a selector one EndpointSlice and one Endpoints of its pods' addresses.

What clients read there. The load balancer does not: its groups come from the pods themselves (`neg`).
"""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube.objects import clone
from lib.sandbox.kube.replicasets import ready
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
SLICES, ENDPOINTS = "endpointslices.discovery.k8s.io", "endpoints"
SERVICE_NAME, MANAGED_BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"


def sync(cluster: KubeCluster) -> None:
    """One pass over the services. Both objects go with their service, by `garbage`."""
    for service in cluster.list("services"):
        selector = service["spec"].get("selector")
        if not selector or "deletionTimestamp" in service["metadata"]:
            continue
        namespace = service["metadata"]["namespace"]
        pods = [
            pod
            for pod in cluster.list("pods", namespace)
            if pod["status"].get("podIP")
            and selector.items() <= (pod["metadata"].get("labels") or {}).items()
            and pod["status"]["phase"] == "Running"
        ]
        _write(cluster, SLICES, _slice(service, pods))
        _write(cluster, ENDPOINTS, _endpoints(service, pods))


def _write(cluster: KubeCluster, resource: str, wanted: Document) -> None:
    metadata = wanted["metadata"]
    old = cluster.get(resource, metadata["namespace"], metadata["name"])
    if old is None:
        cluster.create(resource, clone(wanted), metadata["namespace"])
    elif any(old.get(k) != v for k, v in wanted.items() if k != "metadata"):
        content = {k: v for k, v in wanted.items() if k != "metadata"}
        cluster.mutate(resource, metadata["namespace"], metadata["name"], lambda body: body.update(content))


def _metadata(service: Document, name: str, labels: Document) -> Document:
    about = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": about["name"], "uid": about["uid"],
             "controller": True, "blockOwnerDeletion": True}  # fmt: skip
    return {
        "name": name,
        "namespace": about["namespace"],
        "labels": {**(about.get("labels") or {}), **labels},
        "ownerReferences": [owner],
    }


def _slice(service: Document, pods: list[Document]) -> Document:
    name = service["metadata"]["name"]
    labels = {SERVICE_NAME: name, MANAGED_BY: CONTROLLER}
    return {
        "metadata": _metadata(service, f"{name}-{service['metadata']['uid'][:5]}", labels),
        "addressType": "IPv4",
        "ports": [{"name": "", **port} for port in _ports(service, pods)],
        "endpoints": [_endpoint(pod) for pod in pods],
    }


def _endpoint(pod: Document) -> Document:
    ending = "deletionTimestamp" in pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready(pod) and not ending, "serving": ready(pod), "terminating": ending},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
        "zone": (pod["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", ""),
    }


def _endpoints(service: Document, pods: list[Document]) -> Document:
    addresses: dict[bool, list[Document]] = {True: [], False: []}
    for pod in pods:
        if "deletionTimestamp" not in pod["metadata"]:
            address = {
                "ip": pod["status"]["podIP"],
                "nodeName": pod["spec"]["nodeName"],
                "targetRef": _reference(pod),
            }
            addresses[ready(pod)].append(address)
    found = {"addresses": addresses[True], "notReadyAddresses": addresses[False]}
    subset = {k: v for k, v in found.items() if v}
    subsets = [{**subset, "ports": _ports(service, pods)}] if subset else []
    return {"metadata": _metadata(service, service["metadata"]["name"], {}), "subsets": subsets}


def _reference(pod: Document) -> Document:
    about = pod["metadata"]
    return {"kind": "Pod", "name": about["name"], "namespace": about["namespace"], "uid": about["uid"]}


def _ports(service: Document, pods: list[Document]) -> list[Document]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = _number(port.get("targetPort", port["port"]), pods)
        entry = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        if number is not None:
            found.append({k: v for k, v in entry.items() if v != ""})
    return found


def _number(target: int | str, pods: list[Document]) -> int | None:
    """A port's number; a name is looked up in the pods' containers."""
    if isinstance(target, int):
        return target
    named = (
        p["containerPort"]
        for pod in pods
        for container in pod["spec"]["containers"]
        for p in container.get("ports") or ()
        if p.get("name") == target
    )
    return next(named, None)
