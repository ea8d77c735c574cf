"""The server's printing: Table answers for `kubectl get`, with the columns people know.

Custom resources print their CRD's additionalPrinterColumns. Ages are in sandbox time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.sandbox.kube.resources import Resource

Document = dict[str, Any]
Cell = Callable[[Document, datetime], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    cell: Cell
    type: str = "string"
    wide: bool = False  # only with -o wide


def table(
    kind: Resource, items: Sequence[Document], *, now: datetime, metadata: Document, include: str = "Metadata"
) -> Document:
    """`include` as in ?includeObject=: Metadata (default), Object or None."""
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {
                "name": c.name,
                "type": c.type,
                "format": "name" if c.name == "Name" else "",
                "description": c.name,
                "priority": int(c.wide),
            }
            for c in columns
        ],
        "rows": [{"cells": [c.cell(item, now) for c in columns], **_object(item, include)} for item in items],
    }


def _object(item: Document, include: str) -> Document:
    if include == "None":
        return {}
    return {"object": item if include == "Object" else partial(item)}


def partial(item: Document) -> Document:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def columns_of(kind: Resource) -> tuple[Column, ...]:
    if kind.definition:
        defined = kind.definition.get("additionalPrinterColumns")
        return (_NAME, *(map(_printer_column, defined) if defined else (_AGE,)))
    return _COLUMNS.get(kind.key, (_NAME, _AGE))


def _printer_column(column: Document) -> Column:
    date = column.get("type") == "date"

    def cell(item: Document, now: datetime) -> Any:
        found = json_path(item, column["jsonPath"])
        if not found:
            return None
        if date:
            return age(str(found[0]), now)
        if len(found) == 1 and not isinstance(found[0], dict | list):
            return found[0]
        return ",".join(str(f) for f in found)

    wide = column.get("priority", 0) > 0
    return Column(name=column["name"], cell=cell, type=column.get("type", "string"), wide=wide)


_STEP = re.compile(
    r"""\.?([\w-]+)|\['([^']+)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]"""
)


def json_path(item: Any, path: str) -> list[Any]:
    """The small part of JSONPath that printer columns use: fields, [n], [*] and [?(@.field=="value")]."""
    found = [item]
    for name, quoted, index, field, wanted in _STEP.findall(path.replace("\\.", "\0")):
        key = (name or quoted).replace("\0", ".")
        if key:
            found = [v[key] for v in found if isinstance(v, dict) and v.get(key) is not None]
        elif field:
            found = [
                i
                for v in found
                if isinstance(v, list)
                for i in v
                if str(json_path(i, field)[:1]) == f"['{wanted}']"
            ]
        elif index == "*":
            found = [
                i
                for v in found
                if isinstance(v, list | dict)
                for i in (v.values() if isinstance(v, dict) else v)
            ]
        else:
            found = [v[int(index)] for v in found if isinstance(v, list) and len(v) > int(index)]
    return found


def age(stamp: str | None, now: datetime) -> str:
    """As kubectl writes durations: 7s, 3m20s, 45m, 2h5m, 3d4h."""
    if not stamp:
        return "<unknown>"
    seconds = int((now - datetime.fromisoformat(stamp.replace("Z", "+00:00"))).total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{max(0, seconds)}s"),
        (minutes < 10, f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"),
        (hours < 48, f"{hours}h"),
        (days < 8, f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"),
    )
    return next((text for fits, text in steps if fits), f"{days}d")


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
    ready = sum(bool(s.get("ready")) for s in statuses)
    return f"{ready}/{len(item['spec'].get('containers', ()))}"


def pod_status(item: Document, _: datetime) -> str:
    status = item.get("status", {})
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    waiting = json_path(status, ".containerStatuses[*].state.waiting.reason")
    return str((waiting or [status.get("reason") or status.get("phase", "Unknown")])[0])


def _restarts(item: Document, _: datetime) -> str:
    return str(sum(json_path(item, ".status.containerStatuses[*].restartCount")))


def _node_status(item: Document, _: datetime) -> str:
    ready = json_path(item, '.status.conditions[?(@.type=="Ready")].status')
    text = "Ready" if ready == ["True"] else "NotReady"
    return text + (",SchedulingDisabled" if item.get("spec", {}).get("unschedulable") else "")


def _replicas_ready(item: Document, _: datetime) -> str:
    return f"{item.get('status', {}).get('readyReplicas', 0)}/{item['spec'].get('replicas', 0)}"


def _ports(item: Document, _: datetime) -> str:
    ports = item["spec"].get("ports") or ()
    return ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in ports) or "<none>"


def _event_object(item: Document, _: datetime) -> str:
    involved = item["involvedObject"]
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


_NAME = Column(name="Name", cell=lambda item, _: item["metadata"]["name"])
_AGE = Column(name="Age", cell=_age_of(".metadata.creationTimestamp"))
_WIDE_TEMPLATE = (
    Column(name="Containers", cell=_joined(".spec.template.spec.containers[*].name"), wide=True),
    Column(name="Images", cell=_joined(".spec.template.spec.containers[*].image"), wide=True),
    Column(name="Selector", cell=_labels(".spec.selector.matchLabels"), wide=True),
)
_COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (
        _NAME,
        Column(name="Ready", cell=_pod_ready),
        Column(name="Status", cell=pod_status),
        Column(name="Restarts", cell=_restarts),
        _AGE,
        Column(name="IP", cell=_path(".status.podIP"), wide=True),
        Column(name="Node", cell=_path(".spec.nodeName"), wide=True),
        Column(name="Nominated Node", cell=_path(".status.nominatedNodeName"), wide=True),
        Column(name="Readiness Gates", cell=_path(".spec.readinessGates"), wide=True),
    ),
    "deployments.apps": (
        _NAME,
        Column(name="Ready", cell=_replicas_ready),
        Column(name="Up-to-date", cell=_path(".status.updatedReplicas", 0), type="integer"),
        Column(name="Available", cell=_path(".status.availableReplicas", 0), type="integer"),
        _AGE,
        *_WIDE_TEMPLATE,
    ),
    "replicasets.apps": (
        _NAME,
        Column(name="Desired", cell=_path(".spec.replicas", 0), type="integer"),
        Column(name="Current", cell=_path(".status.replicas", 0), type="integer"),
        Column(name="Ready", cell=_path(".status.readyReplicas", 0), type="integer"),
        _AGE,
        *_WIDE_TEMPLATE,
    ),
    "nodes": (
        _NAME,
        Column(name="Status", cell=_node_status),
        Column(name="Roles", cell=lambda _item, _now: "<none>"),
        _AGE,
        Column(name="Version", cell=_path(".status.nodeInfo.kubeletVersion")),
        Column(name="Internal-IP", cell=_path('.status.addresses[?(@.type=="InternalIP")].address'), wide=True),
        Column(name="External-IP", cell=_path('.status.addresses[?(@.type=="ExternalIP")].address'), wide=True),
        Column(name="OS-Image", cell=_path(".status.nodeInfo.osImage"), wide=True),
        Column(name="Kernel-Version", cell=_path(".status.nodeInfo.kernelVersion"), wide=True),
        Column(name="Container-Runtime", cell=_path(".status.nodeInfo.containerRuntimeVersion"), wide=True),
    ),
    "services": (
        _NAME,
        Column(name="Type", cell=_path(".spec.type")),
        Column(name="Cluster-IP", cell=_path(".spec.clusterIP")),
        Column(name="External-IP", cell=_path(".status.loadBalancer.ingress[0].ip")),
        Column(name="Port(s)", cell=_ports),
        _AGE,
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
        Column(name="Name", cell=_NAME.cell, wide=True),
    ),
    "namespaces": (_NAME, Column(name="Status", cell=_path(".status.phase")), _AGE),
    "configmaps": (_NAME, Column(name="Data", cell=_size("data"), type="integer"), _AGE),
    "secrets": (
        _NAME,
        Column(name="Type", cell=_path(".type")),
        Column(name="Data", cell=_size("data"), type="integer"),
        _AGE,
    ),
    "leases.coordination.k8s.io": (_NAME, Column(name="Holder", cell=_path(".spec.holderIdentity", "")), _AGE),
    "customresourcedefinitions.apiextensions.k8s.io": (
        _NAME,
        Column(name="Created At", cell=_path(".metadata.creationTimestamp")),
    ),
}  # fmt: skip
