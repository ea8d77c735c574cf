"""Fills in what the API server fills in: strategy 25 %/25 %, restart policy, GPU limits equal to requests, QoS.

Only fields that clients and the sandbox's controllers look at; not the whole of Kubernetes' defaulting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
GPU = "nvidia.com/gpu"
ACCELERATOR = "cloud.google.com/gke-accelerator"
SPOT = "cloud.google.com/gke-spot"


def fill(resource: str, body: Document) -> None:
    """Set absent fields in place, by kind."""
    if filler := _FILLERS.get(resource):
        filler(body)


def gpus(pod_spec: Document) -> int:
    """GPUs that one pod asks for."""
    return sum(_gpu_count(c) for c in pod_spec.get("containers") or ())


def _gpu_count(container: Document) -> int:
    resources = container.get("resources") or {}
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    text = str(asked.get(GPU, 0))
    return int(text) if text.isdigit() else 0


def _deployment(body: Document) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.get("rollingUpdate") or {}
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
        strategy["rollingUpdate"] = rolling
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _template(spec)


def _replica_set(body: Document) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _template(spec)


def _template(spec: Document) -> None:
    if isinstance(template := spec.get("template"), dict):
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        if isinstance(template.get("spec"), dict):
            _pod_spec(template["spec"])


def _pod_spec(spec: Document) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    for container in spec.get("containers") or ():
        _container(container)


def _container(container: Document) -> None:
    image = str(container.get("image", ""))
    latest = "@" not in image and (":" not in image.rpartition("/")[2] or image.endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    resources = container.setdefault("resources", {})
    for asked in ("limits", "requests"):
        if asked in resources:
            resources[asked] = {k: str(v) for k, v in (resources[asked] or {}).items()}
    if GPU in (limits := resources.get("limits") or {}):
        resources.setdefault("requests", {}).setdefault(GPU, limits[GPU])
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(found := container.get(probe), dict):
            _probe(found)


def _probe(probe: Document) -> None:
    defaults = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    for field, value in defaults.items():
        probe.setdefault(field, value)
    if isinstance(get := probe.get("httpGet"), dict):
        get.setdefault("scheme", "HTTP")
        get.setdefault("path", "/")


def _pod(body: Document) -> None:
    spec = body.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec["schedulerName"] = "gke.io/optimize-utilization-scheduler"
    for trouble in ("not-ready", "unreachable"):
        if not any(t.get("key") == f"node.kubernetes.io/{trouble}" for t in spec.get("tolerations") or ()):
            _tolerate(spec, {"key": f"node.kubernetes.io/{trouble}", "operator": "Exists", "effect": "NoExecute",
                             "tolerationSeconds": 300})  # fmt: skip
    if gpus(spec):
        _tolerate(spec, {"key": GPU, "operator": "Exists", "effect": "NoSchedule"})
    if (spec.get("nodeSelector") or {}).get(SPOT) == "true":
        _tolerate(spec, {"key": SPOT, "operator": "Equal", "value": "true", "effect": "NoSchedule"})
    status = body.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status.setdefault("qosClass", "Burstable")


def _tolerate(spec: Document, toleration: Document) -> None:
    tolerations = spec.setdefault("tolerations", [])
    if toleration not in tolerations:
        tolerations.append(toleration)


def _namespace(body: Document) -> None:
    metadata = body["metadata"]
    metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata["name"]
    body.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    body.setdefault("status", {}).setdefault("phase", "Active")


def _service(body: Document) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    body.setdefault("status", {}).setdefault("loadBalancer", {})


def _secret(body: Document) -> None:
    import base64

    body.setdefault("type", "Opaque")
    for name, text in (body.pop("stringData", None) or {}).items():
        body.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


def _definition(body: Document) -> None:
    names = body.get("spec", {}).get("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")
    body.get("spec", {}).setdefault("conversion", {"strategy": "None"})


_FILLERS: dict[str, Callable[[Document], None]] = {
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "pods": _pod,
    "namespaces": _namespace,
    "services": _service,
    "secrets": _secret,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
}
