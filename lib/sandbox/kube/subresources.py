"""Subresources and reviews: status, scale, a pod's log, eviction, and "may I?"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from lib.sandbox.kube import access, errors, logs, verbs
from lib.sandbox.kube.call import Call, answer
from lib.sandbox.kube.objects import clone

Document = dict[str, Any]


def serve(call: Call, *, alive: Callable[[], bool]) -> Response:
    """Dispatch by the subresource's name; `alive` says whether the control plane still is there."""
    if call.subresource == "log":
        return _log(call, alive)
    found = {"status": _status, "scale": _scale, "eviction": _evict, "finalize": verbs.update}
    return found.get(call.subresource, _refuse)(call)


def _existing(call: Call) -> Document:
    found = call.cluster.get(call.storage_key, call.namespace, call.name)
    if found is None:
        raise errors.not_found(call.kind, call.name)
    return found


def _status(call: Call) -> Response:
    old = _existing(call)
    if call.verb == "get":
        return answer(call, old)
    if call.verb == "update":
        body = call.document()
    elif call.content_type.partition(";")[0] in verbs.APPLY:
        body = {**clone(old), **{k: v for k, v in call.document().items() if k == "status"}}
    else:
        body = verbs.patched(call, old)
    version = (body.get("metadata") or {}).get("resourceVersion", "")
    made = call.cluster.update_status(
        call.storage_key, call.namespace, call.name, body.get("status"), resource_version=version,
        dry_run=call.dry_run,
    )  # fmt: skip
    return answer(call, made)


def _scale(call: Call) -> Response:
    old = _existing(call)
    if call.verb == "get":
        return JSONResponse(_scale_of(old))
    scale = call.document() if call.verb == "update" else verbs.patched(call, _scale_of(old))
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    version = (scale.get("metadata") or {}).get("resourceVersion", "")
    if version and version != old["metadata"]["resourceVersion"]:
        raise errors.conflict(call.kind, call.name)
    body = clone(old)
    body["spec"]["replicas"] = replicas
    made = call.cluster.update(call.storage_key, body, user=call.user, dry_run=call.dry_run)
    return JSONResponse(_scale_of(made))


def _scale_of(body: Document) -> Document:
    metadata = body["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (body["spec"].get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: metadata[k] for k in kept if k in metadata},
        "spec": {"replicas": body["spec"].get("replicas", 0)},
        "status": {
            "replicas": body.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{k}={v}" for k, v in labels.items()),
        },
    }


def _log(call: Call, alive: Callable[[], bool]) -> Response:
    pod, wanted = _existing(call), logs.options(call.query, call.cluster.world.clock.now())
    container = logs.container_of(pod, wanted)
    if wanted.follow:
        lines = logs.follow(call.cluster, pod, container, wanted, alive)
        return StreamingResponse(lines, media_type="text/plain")
    return PlainTextResponse(logs.read(call.cluster, pod, container, wanted))


def _refuse(call: Call) -> Response:
    """Nothing runs in the sandbox's containers that a stream could be opened to."""
    text = (
        f"{call.subresource} is not available: the sandbox runs no processes in its containers. "
        "`kubectl logs` shows what they say, and the Web UI answers through the load balancer's address"
    )
    raise errors.StatusError(405, "MethodNotAllowed", text)


def _evict(call: Call) -> Response:
    _existing(call)
    call.cluster.delete("pods", call.namespace, call.name, dry_run=call.dry_run)
    return JSONResponse({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)


def review(call: Call) -> Response:
    """SelfSubjectAccessReview and its kin."""
    body = call.document()
    if call.kind.plural == "selfsubjectreviews":
        body["status"] = {"userInfo": {"username": call.user, "groups": ["system:authenticated"]}}
    elif call.kind.plural == "selfsubjectrulesreviews":
        verbs_ = sorted(access.READING) if not access.allowed(call.user, "create") else ["*"]
        rules = [{"verbs": verbs_, "apiGroups": ["*"], "resources": ["*"]}]
        body["status"] = {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
    else:
        spec = body.get("spec") or {}
        asked = spec.get("resourceAttributes") or {}
        verb = asked.get("verb") or (spec.get("nonResourceAttributes") or {}).get("verb", "get")
        may = access.allowed(
            call.user, verb, group=asked.get("group", ""), resource=asked.get("resource", "")
        )
        body["status"] = {"allowed": may} if may else {"allowed": False, "reason": "read-only access"}
    return JSONResponse(body, 201)
