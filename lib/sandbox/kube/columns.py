"""The columns of the built-in kinds, as an API server prints them for `kubectl get`. Ages are in sandbox time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lib.sandbox.kube.printing import Cell, Column, Document, age, json_path


def _path(path: str, missing: Any = "<none>") -> Cell:
    def cell(item: Document, now: datetime) -> Any:
        del now
        found = json_path(item, path)
        return found[0] if found else missing

    return cell


def _joined(path: str) -> Cell:
    return lambda item, _: ",".join(str(v) for v in json_path(item, path)) or "<none>"


def _size(field: str) -> Cell:
    return lambda item, _: len(item.get(field) or {})


def _labels(path: str) -> Cell:
    def cell(item: Document, now: datetime) -> str:
        del now
        found = json_path(item, path)
        return ",".join(f"{k}={v}" for k, v in found[0].items()) if found and found[0] else "<none>"

    return cell


def _age_of(path: str) -> Cell:
    return lambda item, now: age(str(next(iter(json_path(item, path)), "")), now)


def _pod_ready(item: Document, _: datetime) -> str:
    statuses = json_path(item, ".status.containerStatuses[*]")
    ready = sum(bool(s.get("ready")) and "running" in s.get("state", {}) for s in statuses)
    return f"{ready}/{len(item['spec'].get('containers', ()))}"


def pod_status(item: Document, _: datetime) -> str:
    """The word for a pod: what its first container that waits or has ended says, else reason or phase."""
    status = item.get("status", {})
    if "deletionTimestamp" in item["metadata"] and status.get("phase") not in {"Failed", "Succeeded"}:
        return "Terminating"
    told = [
        why for s in status.get("containerStatuses") or () if (why := _why_not_running(s.get("state", {})))
    ]
    return str((told or [status.get("reason") or status.get("phase", "Unknown")])[0])


def _why_not_running(state: Document) -> str:
    ended = state.get("terminated")
    if ended is None:
        return str((state.get("waiting") or {}).get("reason", ""))
    return str(ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}")


def _restarts(item: Document, now: datetime) -> str:
    """How often, and how long ago a container ended last: "3 (20s ago)"."""
    count = sum(json_path(item, ".status.containerStatuses[*].restartCount"))
    ends = json_path(item, ".status.containerStatuses[*].lastState.terminated.finishedAt")
    return f"{count} ({age(max(ends), now)} ago)" if count and ends else str(count)


def _node_status(item: Document, _: datetime) -> str:
    ready = json_path(item, '.status.conditions[?(@.type=="Ready")].status')
    text = "Ready" if ready == ["True"] else "NotReady"
    return text + (",SchedulingDisabled" if item.get("spec", {}).get("unschedulable") else "")


def _replicas_ready(item: Document, _: datetime) -> str:
    return f"{item.get('status', {}).get('readyReplicas', 0)}/{item['spec'].get('replicas', 0)}"


def _ports(item: Document, _: datetime) -> str:
    ports = item["spec"].get("ports") or ()
    return ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in ports) or "<none>"


def _external_ip(item: Document, _: datetime) -> str:
    spec, given = item["spec"], json_path(item, ".status.loadBalancer.ingress[*].ip")
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    given += spec.get("externalIPs") or []
    return ",".join(given) or ("<pending>" if spec.get("type") == "LoadBalancer" else "<none>")


def _completions(item: Document, _: datetime) -> str:
    return f"{item.get('status', {}).get('succeeded', 0)}/{item['spec'].get('completions') or 1}"


def _job_status(item: Document, _: datetime) -> str:
    for type_, text in (("Complete", "Complete"), ("Failed", "Failed")):
        if json_path(item, f'.status.conditions[?(@.type=="{type_}")].status') == ["True"]:
            return text
    return "Suspended" if item["spec"].get("suspend") else "Running"


def _endpoint_addresses(item: Document, _: datetime) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    return _first_three(found)


def _first_three(found: list[str]) -> str:
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return (",".join(found[:3]) or "<none>") + more


def _listed(path: str) -> Cell:
    return lambda item, _: _first_three([str(v) for v in json_path(item, path)])


def _role(item: Document, _: datetime) -> str:
    return f"{item['roleRef']['kind']}/{item['roleRef']['name']}"


def _event_object(item: Document, _: datetime) -> str:
    involved = item["involvedObject"]
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


NAME = Column(name="Name", cell=lambda item, _: item["metadata"]["name"])
AGE = Column(name="Age", cell=_age_of(".metadata.creationTimestamp"))
_WIDE_TEMPLATE = (
    Column(name="Containers", cell=_joined(".spec.template.spec.containers[*].name"), wide=True),
    Column(name="Images", cell=_joined(".spec.template.spec.containers[*].image"), wide=True),
    Column(name="Selector", cell=_labels(".spec.selector.matchLabels"), wide=True),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (
        NAME,
        Column(name="Ready", cell=_pod_ready),
        Column(name="Status", cell=pod_status),
        Column(name="Restarts", cell=_restarts),
        AGE,
        Column(name="IP", cell=_path(".status.podIP"), wide=True),
        Column(name="Node", cell=_path(".spec.nodeName"), wide=True),
        Column(name="Nominated Node", cell=_path(".status.nominatedNodeName"), wide=True),
        Column(name="Readiness Gates", cell=_path(".spec.readinessGates"), wide=True),
    ),
    "deployments.apps": (
        NAME,
        Column(name="Ready", cell=_replicas_ready),
        Column(name="Up-to-date", cell=_path(".status.updatedReplicas", 0), type="integer"),
        Column(name="Available", cell=_path(".status.availableReplicas", 0), type="integer"),
        AGE,
        *_WIDE_TEMPLATE,
    ),
    "replicasets.apps": (
        NAME,
        Column(name="Desired", cell=_path(".spec.replicas", 0), type="integer"),
        Column(name="Current", cell=_path(".status.replicas", 0), type="integer"),
        Column(name="Ready", cell=_path(".status.readyReplicas", 0), type="integer"),
        AGE,
        *_WIDE_TEMPLATE,
    ),
    "replicationcontrollers": (
        NAME,
        Column(name="Desired", cell=_path(".spec.replicas", 0), type="integer"),
        Column(name="Current", cell=_path(".status.replicas", 0), type="integer"),
        Column(name="Ready", cell=_path(".status.readyReplicas", 0), type="integer"),
        AGE,
        *_WIDE_TEMPLATE[:2],
        Column(name="Selector", cell=_labels(".spec.selector"), wide=True),
    ),
    "nodes": (
        NAME,
        Column(name="Status", cell=_node_status),
        Column(name="Roles", cell=lambda _item, _now: "<none>"),
        AGE,
        Column(name="Version", cell=_path(".status.nodeInfo.kubeletVersion")),
        Column(name="Internal-IP", cell=_path('.status.addresses[?(@.type=="InternalIP")].address'), wide=True),
        Column(name="External-IP", cell=_path('.status.addresses[?(@.type=="ExternalIP")].address'), wide=True),
        Column(name="OS-Image", cell=_path(".status.nodeInfo.osImage"), wide=True),
        Column(name="Kernel-Version", cell=_path(".status.nodeInfo.kernelVersion"), wide=True),
        Column(name="Container-Runtime", cell=_path(".status.nodeInfo.containerRuntimeVersion"), wide=True),
    ),
    "services": (
        NAME,
        Column(name="Type", cell=_path(".spec.type")),
        Column(name="Cluster-IP", cell=_path(".spec.clusterIP")),
        Column(name="External-IP", cell=_external_ip),
        Column(name="Port(s)", cell=_ports),
        AGE,
        Column(name="Selector", cell=_labels(".spec.selector"), wide=True),
    ),
    "events": (
        Column(name="Last Seen", cell=_age_of(".lastTimestamp")),
        Column(name="Type", cell=_path(".type")),
        Column(name="Reason", cell=_path(".reason")),
        Column(name="Object", cell=_event_object),
        Column(name="Subobject", cell=_path(".involvedObject.fieldPath", ""), wide=True),
        Column(name="Source", cell=_path(".source.component"), wide=True),
        Column(name="Message", cell=_path(".message")),
        Column(name="First Seen", cell=_age_of(".firstTimestamp"), wide=True),
        Column(name="Count", cell=_path(".count", 1), type="integer", wide=True),
        Column(name="Name", cell=NAME.cell, wide=True),
    ),
    "namespaces": (NAME, Column(name="Status", cell=_path(".status.phase")), AGE),
    "configmaps": (NAME, Column(name="Data", cell=_size("data"), type="integer"), AGE),
    "secrets": (
        NAME,
        Column(name="Type", cell=_path(".type")),
        Column(name="Data", cell=_size("data"), type="integer"),
        AGE,
    ),
    "serviceaccounts": (NAME, Column(name="Secrets", cell=_size("secrets"), type="integer"), AGE),
    "endpoints": (NAME, Column(name="Endpoints", cell=_endpoint_addresses), AGE),
    "endpointslices.discovery.k8s.io": (
        NAME,
        Column(name="AddressType", cell=_path(".addressType")),
        Column(name="Ports", cell=_listed(".ports[*].port")),
        Column(name="Endpoints", cell=_listed(".endpoints[*].addresses[*]")),
        AGE,
    ),
    "daemonsets.apps": (
        NAME,
        Column(name="Desired", cell=_path(".status.desiredNumberScheduled", 0), type="integer"),
        Column(name="Current", cell=_path(".status.currentNumberScheduled", 0), type="integer"),
        Column(name="Ready", cell=_path(".status.numberReady", 0), type="integer"),
        Column(name="Up-to-date", cell=_path(".status.updatedNumberScheduled", 0), type="integer"),
        Column(name="Available", cell=_path(".status.numberAvailable", 0), type="integer"),
        Column(name="Node Selector", cell=_labels(".spec.template.spec.nodeSelector")),
        AGE,
        *_WIDE_TEMPLATE,
    ),
    "statefulsets.apps": (NAME, Column(name="Ready", cell=_replicas_ready), AGE, *_WIDE_TEMPLATE[:2]),
    "jobs.batch": (
        NAME,
        Column(name="Status", cell=_job_status),
        Column(name="Completions", cell=_completions),
        Column(name="Duration", cell=lambda _item, _now: ""),
        AGE,
        *_WIDE_TEMPLATE,
    ),
    "ingresses.networking.k8s.io": (
        NAME,
        Column(name="Class", cell=_path(".spec.ingressClassName")),
        Column(name="Hosts", cell=lambda i, _: ",".join(json_path(i, ".spec.rules[*].host")) or "*"),
        Column(name="Address", cell=lambda i, _: ",".join(json_path(i, ".status.loadBalancer.ingress[*].ip"))),
        Column(name="Ports", cell=lambda i, _: "80, 443" if i["spec"].get("tls") else "80"),
        AGE,
    ),
    "networkpolicies.networking.k8s.io": (
        NAME,
        Column(name="Pod-Selector", cell=_labels(".spec.podSelector.matchLabels")),
        AGE,
    ),
    "poddisruptionbudgets.policy": (
        NAME,
        Column(name="Min Available", cell=_path(".spec.minAvailable", "N/A")),
        Column(name="Max Unavailable", cell=_path(".spec.maxUnavailable", "N/A")),
        Column(name="Allowed Disruptions", cell=_path(".status.disruptionsAllowed", 0), type="integer"),
        AGE,
    ),
    "priorityclasses.scheduling.k8s.io": (
        NAME,
        Column(name="Value", cell=_path(".value", 0), type="integer"),
        Column(name="Global-Default", cell=_path(".globalDefault", missing=False), type="boolean"),
        AGE,
        Column(name="PreemptionPolicy", cell=_path(".preemptionPolicy", "PreemptLowerPriority")),
    ),
    "rolebindings.rbac.authorization.k8s.io": (NAME, Column(name="Role", cell=_role), AGE),
    "clusterrolebindings.rbac.authorization.k8s.io": (NAME, Column(name="Role", cell=_role), AGE),
    **dict.fromkeys(
        ("roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io"),
        (NAME, Column(name="Created At", cell=_path(".metadata.creationTimestamp"))),
    ),
    "leases.coordination.k8s.io": (NAME, Column(name="Holder", cell=_path(".spec.holderIdentity", "")), AGE),
    "customresourcedefinitions.apiextensions.k8s.io": (
        NAME,
        Column(name="Created At", cell=_path(".metadata.creationTimestamp")),
    ),
}  # fmt: skip
