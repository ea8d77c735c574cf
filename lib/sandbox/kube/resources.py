"""Which kinds a cluster serves: the built-in ones as a table, the others read from its CustomResourceDefinitions.

A resource is named as kubectl names it ("pods", "deployments.apps"); that name is also the last part of its
collection in the store. Schemas and printing live elsewhere (`validation`, `tables`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CRDS = "customresourcedefinitions.apiextensions.k8s.io"
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind behind one path; `definition` is the CRD's version entry for a custom resource."""

    group: str
    versions: tuple[str, ...]  # served, the preferred one first
    plural: str
    kind: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    definition: dict[str, Any] | None = field(default=None, hash=False, compare=False)

    @property
    def key(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.versions[0]}" if self.group else self.versions[0]

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def custom(self) -> bool:
        return self.definition is not None

    @property
    def schema(self) -> dict[str, Any] | None:
        """openAPIV3Schema of a custom resource; None for built-in kinds."""
        return self.definition["schema"]["openAPIV3Schema"] if self.definition else None


_ALL = {  # of `kubectl get all`
    "pods", "replicationcontrollers", "services", "daemonsets", "deployments", "replicasets", "statefulsets", "jobs",
}  # fmt: skip


def _built_in(  # noqa: PLR0913 - a row of the table below
    group: str,
    plural: str,
    kind: str,
    short: str = "",
    *,
    cluster: bool = False,
    sub: str = "",
    version: str = "v1",
) -> Resource:
    return Resource(
        group=group,
        versions=(version,),
        plural=plural,
        kind=kind,
        singular=kind.lower(),
        short_names=tuple(short.split()),
        namespaced=not cluster,
        subresources=tuple(sub.split()),
        categories=("all",) if plural in _ALL else (),
    )


_RBAC = "rbac.authorization.k8s.io"
_EXTENSIONS = "apiextensions.k8s.io"
BUILT_IN: dict[str, Resource] = {
    r.key: r
    for r in (
        _built_in("", "namespaces", "Namespace", "ns", cluster=True, sub="status finalize"),
        _built_in("", "nodes", "Node", "no", cluster=True, sub="status"),
        _built_in("", "pods", "Pod", "po", sub="status log eviction exec attach portforward proxy ephemeralcontainers"),
        _built_in("", "events", "Event", "ev"),
        _built_in("", "configmaps", "ConfigMap", "cm"),
        _built_in("", "secrets", "Secret"),
        _built_in("", "services", "Service", "svc", sub="status"),
        _built_in("", "endpoints", "Endpoints", "ep"),
        _built_in("", "serviceaccounts", "ServiceAccount", "sa"),
        _built_in("", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", sub="status"),
        _built_in("", "limitranges", "LimitRange", "limits"),
        _built_in("", "replicationcontrollers", "ReplicationController", "rc", sub="status scale"),
        _built_in("", "resourcequotas", "ResourceQuota", "quota", sub="status"),
        _built_in("apps", "deployments", "Deployment", "deploy", sub="status scale"),
        _built_in("apps", "replicasets", "ReplicaSet", "rs", sub="status scale"),
        _built_in("apps", "daemonsets", "DaemonSet", "ds", sub="status"),
        _built_in("apps", "statefulsets", "StatefulSet", "sts", sub="status scale"),
        _built_in("batch", "jobs", "Job", sub="status"),
        _built_in("coordination.k8s.io", "leases", "Lease"),
        _built_in("discovery.k8s.io", "endpointslices", "EndpointSlice"),
        _built_in("networking.k8s.io", "ingresses", "Ingress", "ing", sub="status"),
        _built_in("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol"),
        _built_in("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", sub="status"),
        _built_in("storage.k8s.io", "storageclasses", "StorageClass", "sc", cluster=True),
        _built_in("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", cluster=True),
        _built_in(_RBAC, "roles", "Role"),
        _built_in(_RBAC, "rolebindings", "RoleBinding"),
        _built_in(_RBAC, "clusterroles", "ClusterRole", cluster=True),
        _built_in(_RBAC, "clusterrolebindings", "ClusterRoleBinding", cluster=True),
        _built_in(_EXTENSIONS, "customresourcedefinitions", "CustomResourceDefinition", "crd crds", cluster=True,
                  sub="status"),
    )
}  # fmt: skip

# What `kubectl top` reads; nothing of it is stored (`metrics`).
METRICS = {
    plural: Resource(
        group="metrics.k8s.io", versions=("v1beta1",), plural=plural, kind=kind, namespaced=plural == "pods"
    )
    for plural, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
}

# The same stored events under the newer group; server.py translates the fields.
EVENTS_VIEW = Resource(
    group="events.k8s.io",
    versions=("v1",),
    plural="events",
    kind="Event",
    singular="event",
    short_names=("ev",),
)


def from_definition(crd: dict[str, Any]) -> Resource:
    """The resource that one CustomResourceDefinition defines. No conversion: all versions share one storage."""
    spec = crd["spec"]
    served = [v for v in spec["versions"] if v.get("served", True)] or spec["versions"][:1]
    stored = next((v for v in served if v.get("storage")), served[0])
    names = spec["names"]
    return Resource(
        group=spec["group"],
        versions=(stored["name"], *(v["name"] for v in served if v is not stored)),
        plural=names["plural"],
        kind=names["kind"],
        singular=names.get("singular") or names["kind"].lower(),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        namespaced=spec.get("scope", "Namespaced") == "Namespaced",
        subresources=tuple(stored.get("subresources") or ()),
        definition={"schema": {"openAPIV3Schema": {"type": "object"}}, **stored},
    )
