"""The kinds that fleet features bring into a cluster, as CustomResourceDefinitions: columns, fields and their texts.

What `kubectl explain` says and what a manifest is checked against. Fields that nothing here follows are let through
where the real kinds have many more of them. When they are brought is `platform`'s.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
_LOOSE = "x-kubernetes-preserve-unknown-fields"


def _open(text: str = "") -> Document:
    return _told({"type": "object", _LOOSE: True}, text)


def _text(text: str = "") -> Document:
    return _told({"type": "string"}, text)


def _number(text: str = "") -> Document:
    return _told({"type": "integer"}, text)


def _port(text: str = "") -> Document:
    return _told({"x-kubernetes-int-or-string": True}, text)


def _list(items: Document, text: str = "") -> Document:
    return _told({"type": "array", "items": items}, text)


def _object(told: str, required: tuple[str, ...] = (), **properties: Document) -> Document:
    return _told({"type": "object", "properties": properties, "required": list(required)}, told)


def _told(schema: Document, text: str) -> Document:
    return {**schema, "description": text} if text else schema


def _definition(  # noqa: PLR0913 - a definition has that many facts
    group: str, kind: str, plural: str, version: str, *, text: str, short: tuple[str, ...] = (), spec: Document,
    status: Document | None = None, columns: tuple[tuple[str, str], ...] = (),
) -> Document:  # fmt: skip
    printed = [
        {"name": name, "jsonPath": path, "type": "date" if name == "Age" else "string"}
        for name, path in columns
    ]
    schema = _object(text, spec=spec, status=status or _open(f"What was made of the {kind}."))
    entry: Document = {
        "name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": printed, "subresources": {"status": {}},
    }  # fmt: skip
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


_AGE = ("Age", ".metadata.creationTimestamp")
_BACKEND = _object(
    "A port of a MultiClusterService.", ("serviceName", "servicePort"),
    serviceName=_text("The name of the MultiClusterService, in the same namespace."),
    servicePort=_port("Its port, by number or by name."),
)  # fmt: skip
_PATH = _object(
    "A path of a host, and what serves it.", ("backend",),
    path=_text("The path; empty means all of them."), pathType=_text(), backend=_BACKEND,
)  # fmt: skip
_RULE = _object(
    "What serves a host.",
    host=_text("The host of the request; empty means any."),
    http=_object("Its paths.", ("paths",), paths=_list(_PATH)),
)
_MCI_SPEC = _object(
    "The load balancer that is wanted.", ("template",),
    template=_object(
        "An Ingress as it is to be in every cluster.", ("spec",), metadata=_open(),
        spec=_object(
            "Which requests go where.", backend=_told(_BACKEND, "What serves a request that no rule is for."),
            rules=_list(_RULE, "What serves which host and path."), tls=_list(_open(), "Certificates, by Secret."),
        ),
    ),
)  # fmt: skip
_NAMES = _list(_text())
_MCI_STATUS = _told(
    {
        **_object(
            "",
            VIP=_text("The address at which the load balancer answers."),
            CloudResources=_object(
                "Names of what Compute Engine has for it.", BackendServices=_NAMES, Firewalls=_NAMES, ForwardingRules=_NAMES,
                HealthChecks=_NAMES, NetworkEndpointGroups=_NAMES, TargetProxies=_NAMES, UrlMap=_text(),
            ),
        ),
        _LOOSE: True,
    },
    "What was made of the MultiClusterIngress.",
)  # fmt: skip
_MCS_PORT = _object(
    "A port of the Service.", ("port",), name=_text(), protocol=_text(), port=_number("The Service's port."),
    targetPort=_port("The pods' port, by number or by name."), appProtocol=_text(),
)  # fmt: skip
_MCS_SPEC = _object(
    "The Service that is wanted.", ("template",),
    clusters=_list(
        _object("A cluster of the fleet.", ("link",), link=_text("<location>/<cluster>")),
        "The clusters whose pods serve; when there are none listed, those of every cluster of the fleet.",
    ),
    template=_object(
        "A headless Service as it is to be in those clusters.", ("spec",), metadata=_open(),
        spec=_object(
            "Which pods, and which of their ports.", ports=_list(_MCS_PORT), clusterIP=_text(), type=_text(),
            selector={"type": "object", "additionalProperties": _text(), "description": "Labels of the pods."},
        ),
    ),
)  # fmt: skip
_BACKEND_CONFIG_SPEC = _object(
    "Settings of a backend service.",
    healthCheck=_object(
        "How the load balancer asks a pod whether it is well.",
        checkIntervalSec=_number("Seconds from one probe to the next."),
        timeoutSec=_number("Seconds until a probe counts as failed."),
        healthyThreshold=_number("How many good probes make an endpoint healthy."),
        unhealthyThreshold=_number("How many failed probes make it unhealthy."),
        type=_text("HTTP, HTTPS or HTTP2."), port=_number("The port that is probed."),
        requestPath=_text("The path that is asked for."),
    ),
    timeoutSec=_number("Seconds until a request counts as failed; 30 when left out."),
    connectionDraining=_object(
        "What becomes of requests under way at a pod that leaves.",
        drainingTimeoutSec=_number("Seconds that they have to end."),
    ),
    sessionAffinity=_object("", affinityType=_text(), affinityCookieTtlSec=_number()),
    logging=_object("", enable={"type": "boolean"}, sampleRate={"type": "number"}),
    securityPolicy=_open(), iap=_open(), cdn=_open(), customRequestHeaders=_open(), customResponseHeaders=_open(),
)  # fmt: skip
INGRESS_KINDS = (
    _definition(
        "networking.gke.io", "MultiClusterIngress", "multiclusteringresses", "v1", short=("mci",),
        text="MultiClusterIngress is a global HTTP load balancer in front of pods in clusters of the fleet.",
        spec=_MCI_SPEC, status=_MCI_STATUS,
        columns=(("VIP", ".status.VIP"), ("Service", ".spec.template.spec.backend.serviceName"), _AGE),
    ),
    _definition(
        "networking.gke.io", "MultiClusterService", "multiclusterservices", "v1", short=("mcs",),
        text="MultiClusterService is a Service over clusters of the fleet.",
        spec=_MCS_SPEC, columns=(("Clusters", ".spec.clusters[*].link"), _AGE),
    ),
    _definition(
        "cloud.google.com", "BackendConfig", "backendconfigs", "v1", short=("bc",),
        text="BackendConfig says how the load balancer treats a Service that names it by annotation.",
        spec=_BACKEND_CONFIG_SPEC, columns=(_AGE,),
    ),
    _definition(
        "networking.gke.io", "FrontendConfig", "frontendconfigs", "v1beta1",
        text="FrontendConfig says how the load balancer answers its clients.",
        spec=_object("Settings of a target proxy.", sslPolicy=_text(), redirectToHttps=_open()), columns=(_AGE,),
    ),
)  # fmt: skip
_GIT = {
    **_object(
        "The Git repository that is the source of truth.", ("repo",),
        repo=_text("The URL of the repository."), branch=_text("The branch that is followed; master when left out."),
        revision=_text("A commit, a tag or HEAD, of the branch."),
        dir=_text("The directory that is synced; the root when left out."),
        period=_text("How long it waits from one fetch to the next, 15s when left out."),
        auth=_text("How it proves who it is: none, ssh, cookiefile, token, gcenode, gcpserviceaccount or githubapp."),
        secretRef=_object("The Secret with what `auth` needs.", name=_text()),
    ),
    _LOOSE: True,
}  # fmt: skip
_ROOT_SYNC_SPEC = {
    **_object(
        "What is to be synced.",
        sourceFormat=_text("hierarchy or unstructured."), sourceType=_text("git, oci or helm."), git=_GIT,
        override=_open("What of the reconciler is to be otherwise than by default."),
    ),
    _LOOSE: True,
}  # fmt: skip
_ROOT_SYNC_STATUS = {
    **_object(
        "What has been synced.",
        observedGeneration=_number("The generation of the spec that this is about."),
        reconciler=_text("The name of the reconciler's Deployment."),
        lastSyncedCommit=_text("The commit that was applied last without an error."),
        source=_open("What was fetched, and what is wrong with it."),
        rendering=_open("What was rendered."),
        sync=_open("What was applied, and what was refused."),
        conditions=_list(_open(), "Reconciling, Stalled and Syncing."),
    ),
    _LOOSE: True,
}
SYNC_KINDS = (
    _definition(
        "configsync.gke.io", "RootSync", "rootsyncs", "v1beta1",
        text="RootSync lets a cluster follow a directory of a repository.",
        spec=_ROOT_SYNC_SPEC, status=_ROOT_SYNC_STATUS,
        columns=(
            ("RenderingCommit", ".status.rendering.commit"),
            ("RenderingErrorCount", ".status.rendering.errorSummary.totalCount"),
            ("SourceCommit", ".status.source.commit"), ("SourceErrorCount", ".status.source.errorSummary.totalCount"),
            ("SyncCommit", ".status.sync.commit"), ("SyncErrorCount", ".status.sync.errorSummary.totalCount"),
        ),
    ),
)  # fmt: skip
