"""What every write passes before it is stored: defaults, schemas, the rules of single kinds, and GKE Warden.

Applies to clients and to the sandbox's own controllers alike, so a ReplicaSet's pod is refused in Warden's words.
Authorization is not here (`access`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lib.sandbox import catalog
from lib.sandbox.kube import defaults, errors, schemas, selectors, services, validation
from lib.sandbox.kube.resources import CRDS, Resource

if TYPE_CHECKING:
    from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
Cause = validation.Cause
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_GPU_COUNTS = {
    "nvidia-tesla-t4": (1, 2, 4),
    "nvidia-l4": (1, 2, 4, 8),
    "nvidia-tesla-a100": (1, 2, 4, 8, 16),
    "nvidia-a100-80gb": (1, 2, 4, 8),
    "nvidia-h100-80gb": (1, 2, 4, 8),
    "nvidia-rtx-pro-6000": (1, 2, 4, 8),
    "nvidia-gb200": (4,),
    "nvidia-gb300": (4,),
}  # others: 8 only
_TEMPLATE_KINDS = {
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
}


def admit(
    cluster: KubeCluster, kind: Resource, body: Document, old: Document | None, *, user: str = ""
) -> None:
    """Complete `body` in place or refuse it with a StatusError."""
    check_schema(kind, body)
    defaults.fill(kind.key, body)
    if kind.key == "services":
        services.complete(cluster, body, old)
    causes = _metadata(kind, body) if old is None else []
    if kind.key in _TEMPLATE_KINDS:
        causes += _workload(kind, body, old)
    elif kind.key == "pods":
        causes += _pod(body["spec"], "spec") if old is None else _pod_update(body, old)
    elif kind.key == CRDS:
        causes += _definition(body)
    if causes:
        raise errors.invalid(kind, body["metadata"]["name"], causes)
    if kind.key == "pods" and old is None and (denied := violations(body["spec"])):
        raise refusal(
            denied, user or f"system:serviceaccount:kube-system:replicaset-controller@{cluster.name}"
        )


def check_schema(kind: Resource, body: Document) -> None:
    """400 for a built-in kind that can't be decoded, 422 with the fields' paths for a custom one."""
    if kind.schema is not None:
        validation.fill_defaults(kind.schema, body)
        causes = schemas.metadata_problems(body) + validation.problems(kind.schema, body)
        if causes:
            raise errors.invalid(kind, body["metadata"]["name"], causes)
        return
    for cause in schemas.problems(kind, body):
        raise schemas.unreadable(kind, cause)


def warnings(kind: Resource, body: Document) -> list[str]:
    """Texts for Warning headers: Warden looks at a workload's template already when it is applied."""
    if kind.key not in _TEMPLATE_KINDS:
        return []
    if schemas.problems(kind, body):
        return []  # it will be refused anyway
    return [text for texts in violations(_template(body).get("spec") or {}).values() for text in texts]


def violations(pod_spec: Document) -> dict[str, list[str]]:
    """Warden's constraint -> texts, for one pod spec."""
    selector = pod_spec.get("nodeSelector") or {}
    gpus, accelerator = defaults.gpus(pod_spec), selector.get(defaults.ACCELERATOR)
    found: dict[str, list[str]] = {}
    if text := _gpu_limitation(pod_spec, gpus, accelerator, selector):
        found["[denied by autogke-gpu-limitation]"] = [text]
    elif gpus and accelerator and (text := _too_large(pod_spec, accelerator)):
        found["[denied by autogke-pod-limit-constraints]"] = [text]
    for container in pod_spec.get("containers") or ():
        if (container.get("securityContext") or {}).get("privileged"):
            text = f"container {container['name']} is privileged; not allowed in Autopilot"
            found.setdefault("[denied by autogke-disallow-privilege]", []).append(text)
    hostly = [f for f in ("hostNetwork", "hostPID", "hostIPC") if pod_spec.get(f)]
    if hostly:
        texts = [f"enabling {f} is not allowed in Autopilot" for f in hostly]
        found["[denied by autogke-disallow-hostnamespaces]"] = texts
    return found


def _gpu_limitation(pod_spec: Document, gpus: int, accelerator: str | None, selector: Document) -> str:
    if not gpus:
        tolerates = any(t.get("key") == defaults.GPU for t in pod_spec.get("tolerations") or ())
        return (
            f"Toleration with key '{defaults.GPU}' is not allowed for pods that request no GPU"
            if tolerates
            else ""
        )
    if not accelerator:
        if selector.get("cloud.google.com/compute-class"):
            return ""
        return (
            f"When requesting '{defaults.GPU}' resources, you must specify either node selector "
            f"'{defaults.ACCELERATOR}' with accelerator type, or node selector 'cloud.google.com/compute-class' "
            "with custom compute class that has GPU rules."
        )
    known = catalog.ACCELERATORS.get(accelerator)
    if known is None or not known.autopilot:
        names = ", ".join(sorted(a.name for a in catalog.ACCELERATORS.values() if a.autopilot))
        return f"Accelerator type '{accelerator}' is not supported in Autopilot; supported types: {names}."
    counts = _GPU_COUNTS.get(accelerator, (8,))
    if gpus not in counts:
        listed = ", ".join(map(str, counts))
        return f"Number of GPUs requested ({gpus}) is not supported for '{accelerator}'; supported counts: {listed}."
    return ""


def _too_large(pod_spec: Document, accelerator: str) -> str:
    """Requests that no machine of this type can hold. The bound is generous: Autopilot takes larger machines of
    the same family (reference: ceilings by GPU count), of which the catalogue names only the usual one."""
    ceilings = {"nvidia-tesla-t4": 46, "nvidia-l4": 31, "nvidia-tesla-a100": 11, "nvidia-a100-80gb": 11}
    ceiling = ceilings.get(accelerator, catalog.ACCELERATORS[accelerator].vcpus)
    asked = sum(cpus(c) for c in pod_spec.get("containers") or ())
    if asked <= ceiling * max(1, defaults.gpus(pod_spec)):
        return ""
    return f"Total cpu requests for workload '{asked:g}' is higher than the Autopilot maximum of '{ceiling}'."


def cpus(container: Document) -> float:
    text = str(((container.get("resources") or {}).get("requests") or {}).get("cpu", "0"))
    try:
        return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    except ValueError:
        return 0.0


def refusal(denied: dict[str, list[str]], user: str) -> errors.StatusError:
    text = (
        'admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the request: GKE Warden '
        "rejected the request because it violates one or more constraints.\n"
        f"Violations details: {json.dumps(denied, separators=(',', ':'))}\n"
        f"Requested by user: '{user}', groups: 'system:authenticated'."
    )
    return errors.StatusError(400, "GKE Warden constraints violations", text)


def _metadata(kind: Resource, body: Document) -> list[Cause]:
    name = body["metadata"]["name"]
    strict = "rbac" not in kind.group
    if not strict or (_DNS_SUBDOMAIN.fullmatch(name) and len(name) <= 253):
        return []
    return [_invalid("metadata.name", f'Invalid value: "{name}": {_DNS_TEXT}')]


def _template(body: Document) -> Document:
    return (body.get("spec") or {}).get("template") or {}


def _workload(kind: Resource, body: Document, old: Document | None) -> list[Cause]:
    spec, causes = body["spec"], []
    if kind.key != "jobs.batch":
        selector = spec.get("selector")
        labels = (_template(body).get("metadata") or {}).get("labels") or {}
        if not selector:
            causes.append(_required("spec.selector"))
        elif not selectors.matches(selector, labels):
            text = f"Invalid value: {json.dumps(labels)}: `selector` does not match template `labels`"
            causes.append(_invalid("spec.template.metadata.labels", text))
        if old is not None and old["spec"].get("selector") != selector:
            text = f"Invalid value: {json.dumps(selector)}: field is immutable"
            causes.append(_invalid("spec.selector", text))
    if (spec.get("replicas") or 0) < 0:
        text = f"Invalid value: {spec['replicas']}: must be greater than or equal to 0"
        causes.append(_invalid("spec.replicas", text))
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
        text = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        causes.append(
            {"reason": "FieldValueForbidden", "message": text, "field": "spec.strategy.rollingUpdate"}
        )
    return causes + _pod(_template(body).get("spec") or {}, "spec.template.spec")


def _pod(spec: Document, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(_required(f"{path}.containers"))
    names: set[str] = set()
    for n, container in enumerate(spec.get("containers") or ()):
        where = f"{path}.containers[{n}]"
        causes += [_required(f"{where}.{f}") for f in ("name", "image") if not container.get(f)]
        if container.get("name") in names:
            text = f'Duplicate value: "{container["name"]}"'
            causes.append({"reason": "FieldValueDuplicate", "message": text, "field": f"{where}.name"})
        names.add(container.get("name", ""))
        limits = (container.get("resources") or {}).get("limits") or {}
        requests = (container.get("resources") or {}).get("requests") or {}
        if requests.get(defaults.GPU) != limits.get(defaults.GPU):
            text = f'Invalid value: "{requests.get(defaults.GPU)}": must be equal to {defaults.GPU} limit'
            causes.append(_invalid(f"{where}.resources.requests", text))
    return causes


def _pod_update(body: Document, old: Document) -> list[Cause]:
    def fixed(pod: Document) -> Document:
        spec = {
            k: v
            for k, v in pod["spec"].items()
            if k not in {"tolerations", "activeDeadlineSeconds", "nodeName"}
        }
        return {**spec, "containers": [{**c, "image": ""} for c in spec.get("containers", ())]}

    if fixed(body) == fixed(old):
        return []
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*]"
        ".image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)"
    )
    return [{"reason": "FieldValueForbidden", "message": text, "field": "spec"}]


def _definition(body: Document) -> list[Cause]:
    """A CustomResourceDefinition must be usable at once: the sandbox establishes it in the same write."""
    spec = body.get("spec") or {}
    names, causes = spec.get("names") or {}, []
    causes += [_required(f"spec.{f}") for f in ("group", "names", "scope", "versions") if not spec.get(f)]
    causes += [_required(f"spec.names.{f}") for f in ("plural", "kind") if not names.get(f)]
    causes += [
        _required(f"spec.versions[{n}].schema.openAPIV3Schema")
        for n, version in enumerate(spec.get("versions") or ())
        if not (version.get("schema") or {}).get("openAPIV3Schema")
    ]
    if causes:
        return causes
    expected = f"{names['plural']}.{spec['group']}"
    if body["metadata"]["name"] != expected:
        text = f'Invalid value: "{body["metadata"]["name"]}": must be spec.names.plural+"."+spec.group'
        return [_invalid("metadata.name", text)]
    stored = [v["name"] for v in spec["versions"] if v.get("storage")]
    body["status"] = {
        "acceptedNames": names,
        "storedVersions": stored,
        "conditions": [
            {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"},
            {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
             "message": "the initial names have been accepted"},
        ],
    }  # fmt: skip
    return []


def _required(field: str) -> Cause:
    return {"reason": "FieldValueRequired", "message": "Required value", "field": field}


def _invalid(field: str, text: str) -> Cause:
    return {"reason": "FieldValueInvalid", "message": text, "field": field}
