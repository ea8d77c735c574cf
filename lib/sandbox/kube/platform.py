"""What Google puts into a cluster: first namespaces and nodes, and the kinds of fleet features.

Removes everything of clusters that no longer exist, too.
"""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube import nodes
from lib.sandbox.kube.resources import CRDS
from lib.sandbox.kube.scaleup import BACKOFFS
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, World

Document = dict[str, Any]
_NAMESPACES = ("kube-node-lease", "kube-public", "kube-system", "gke-managed-system", "default")
_OPEN: Document = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_STRING: Document = {"type": "string"}
_INTEGER: Document = {"type": "integer"}


def set_up(cluster: KubeCluster) -> None:
    """Idempotent; "default" is made last, so it marks a finished set-up."""
    if cluster.get("namespaces", "", "default") is not None:
        return
    if not cluster.list("nodes"):
        nodes.add_system_nodes(cluster)
    for name in _NAMESPACES:
        if cluster.get("namespaces", "", name) is None:
            cluster.create("namespaces", {"metadata": {"name": name}})
        if cluster.get("serviceaccounts", name, "default") is None:
            cluster.create("serviceaccounts", {"metadata": {"name": "default"}}, name)
    if cluster.get("services", "default", "kubernetes") is None:
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}
        labels = {"component": "apiserver", "provider": "kubernetes"}
        spec = {"clusterIP": "34.118.224.1", "ports": [port]}
        body = {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec}
        cluster.create("services", body)


def bring_ingress_kinds(world: World) -> None:
    """The Multi Cluster Ingress kinds come to the config cluster when the feature is active, and stay."""
    feature = world.store.get(FEATURES, "multiclusteringress")
    if feature is None or feature.get("resourceState", {}).get("state") != "ACTIVE":
        return
    path = ((feature.get("spec") or {}).get("multiclusteringress") or {}).get("configMembership", "")
    where = cluster_of_membership(world, path)
    if where is None or (world.store.get(CLUSTERS, "/".join(where)) or {}).get("status") not in {
        "RUNNING",
        "RECONCILING",
    }:
        return
    install(KubeCluster(world, *where), INGRESS_KINDS)


def install(cluster: KubeCluster, definitions: tuple[Document, ...]) -> None:
    for definition in definitions:
        if cluster.get(CRDS, "", definition["metadata"]["name"]) is None:
            cluster.create(CRDS, definition)


def membership_key(path: str) -> str:
    """ "<location>/<id>" of projects/P/locations/L/memberships/M, whichever spelling P has."""
    return path.partition("/locations/")[2].replace("/memberships/", "/", 1)


def cluster_of_membership(world: World, path: str) -> tuple[str, str] | None:
    """(location, name) of the GKE cluster behind a membership; None when there is no such membership."""
    membership = world.store.get(MEMBERSHIPS, membership_key(path))
    link = ((membership or {}).get("endpoint") or {}).get("gkeCluster", {}).get("resourceLink", "")
    location, found, name = link.partition("/locations/")[2].partition("/clusters/")
    return (location, name) if found else None


def forget_deleted_clusters(world: World) -> None:
    known = {key for key, _ in world.store.items(CLUSTERS)}
    for collection in world.store.collections("kube/"):
        _, location, name, _ = collection.split("/", 3)
        if f"{location}/{name}" not in known:
            for key, _ in world.store.items(collection):
                world.store.delete(collection, key)
    for key, _ in world.store.items(BACKOFFS):
        if "/".join(key.split("/")[:2]) not in known:
            world.store.delete(BACKOFFS, key)


def definition(  # noqa: PLR0913 - a definition has that many facts
    group: str, kind: str, plural: str, version: str, *, short: tuple[str, ...] = (), spec: Document = _OPEN,
    columns: tuple[tuple[str, str], ...] = (), status: bool = True,
) -> Document:  # fmt: skip
    """A CustomResourceDefinition of the platform's own."""
    printed = [
        {"name": name, "jsonPath": path, "type": "date" if name == "Age" else "string"}
        for name, path in columns
    ]
    entry: Document = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": _OPEN}}},
        "additionalPrinterColumns": printed,
    }
    if status:
        entry["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "shortNames": list(short)},
            "scope": "Namespaced",
            "versions": [entry],
        },
    }


def _object(required: tuple[str, ...] = (), **properties: Document) -> Document:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Document) -> Document:
    return {"type": "array", "items": items}


_PORT = {"x-kubernetes-int-or-string": True}
_BACKEND = _object(("serviceName", "servicePort"), serviceName=_STRING, servicePort=_PORT)
_PATH = _object(("backend",), path=_STRING, pathType=_STRING, backend=_BACKEND)
_RULE = _object((), host=_STRING, http=_object(("paths",), paths=_list(_PATH)))
_AGE = ("Age", ".metadata.creationTimestamp")
_HEALTH_CHECK = _object(
    (), checkIntervalSec=_INTEGER, timeoutSec=_INTEGER, healthyThreshold=_INTEGER, unhealthyThreshold=_INTEGER,
    type=_STRING, port=_INTEGER, requestPath=_STRING,
)  # fmt: skip
INGRESS_KINDS = (
    definition(
        "networking.gke.io", "MultiClusterIngress", "multiclusteringresses", "v1", short=("mci",),
        spec=_object(("template",), template=_object(("spec",), metadata=_OPEN, spec=_object(
            (), backend=_BACKEND, rules=_list(_RULE), tls=_list(_OPEN),
        ))),
        columns=(("VIP", ".status.VIP"), ("Service", ".spec.template.spec.backend.serviceName"), _AGE),
    ),
    definition(
        "networking.gke.io", "MultiClusterService", "multiclusterservices", "v1", short=("mcs",),
        spec=_object(
            ("template",), clusters=_list(_object(("link",), link=_STRING)),
            template=_object(("spec",), metadata=_OPEN, spec=_object(
                (), selector={"type": "object", "additionalProperties": _STRING}, clusterIP=_STRING, type=_STRING,
                ports=_list(_object(
                    ("port",), name=_STRING, protocol=_STRING, port=_INTEGER, targetPort=_PORT, appProtocol=_STRING,
                )),
            )),
        ),
        columns=(("Clusters", ".spec.clusters[*].link"), _AGE),
    ),
    definition(
        "cloud.google.com", "BackendConfig", "backendconfigs", "v1", short=("bc",),
        spec=_object(
            (), healthCheck=_HEALTH_CHECK, timeoutSec=_INTEGER, securityPolicy=_OPEN, iap=_OPEN, cdn=_OPEN,
            connectionDraining=_object((), drainingTimeoutSec=_INTEGER),
            sessionAffinity=_object((), affinityType=_STRING, affinityCookieTtlSec=_INTEGER),
            logging=_object((), enable={"type": "boolean"}, sampleRate={"type": "number"}),
            customRequestHeaders=_OPEN, customResponseHeaders=_OPEN,
        ),
        columns=(_AGE,),
    ),
    definition(
        "networking.gke.io", "FrontendConfig", "frontendconfigs", "v1beta1",
        spec=_object((), sslPolicy=_STRING, redirectToHttps=_OPEN), columns=(_AGE,),
    ),
)  # fmt: skip
SYNC_KINDS = (
    definition(
        "configsync.gke.io", "RootSync", "rootsyncs", "v1beta1",
        columns=(
            ("RenderingCommit", ".status.rendering.commit"),
            ("RenderingErrorCount", ".status.rendering.errorSummary.totalCount"),
            ("SourceCommit", ".status.source.commit"), ("SourceErrorCount", ".status.source.errorSummary.totalCount"),
            ("SyncCommit", ".status.sync.commit"), ("SyncErrorCount", ".status.sync.errorSummary.totalCount"),
        ),
    ),
)  # fmt: skip
