"""The verbs of a cluster's API on whole objects: get, list, watch, create, update, patch, apply, delete.

Subresources (status, scale, log, eviction) are in `subresources`.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from lib.sandbox.kube import admission, errors, heartbeats, ownership, patch, watch
from lib.sandbox.kube.applying import list_key_of, normal, server_side_apply
from lib.sandbox.kube.call import Call, answer, as_table, public, stored_event
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.resources import EVENTS_VIEW

Document = dict[str, Any]
APPLY = ("application/apply-patch+yaml", "application/apply-patch+json")


def get(call: Call) -> Response:
    if call.kind.key == heartbeats.LEASES and call.namespace == heartbeats.NAMESPACE:
        found = heartbeats.lease(call.cluster, call.name)
        return answer(call, found or _existing(call))
    return answer(call, _existing(call))


def list_(call: Call) -> Response:
    selects = call.selects()
    items = [i for i in _stored(call) if selects(i)]
    metadata: Document = {"resourceVersion": str(call.cluster.world.store.version)}
    items = _page(call, items, metadata)
    if call.as_table:
        return JSONResponse(as_table(call, items, metadata))
    api_version = f"{call.kind.group}/{call.version}" if call.kind.group else call.version
    kind = f"{call.kind.kind}List"
    shown = [public(call, i) for i in items]
    if "as=PartialObjectMetadataList" in call.accept.partition(",")[0]:
        api_version, kind = "meta.k8s.io/v1", "PartialObjectMetadataList"
        shown = [{"metadata": i["metadata"]} for i in shown]
    return JSONResponse({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": shown})


def _stored(call: Call) -> list[Document]:
    found = call.cluster.list(call.storage_key, call.namespace or None)
    if call.kind.key == heartbeats.LEASES and call.namespace in {"", heartbeats.NAMESPACE}:
        return sorted([*found, *heartbeats.leases(call.cluster)], key=_key)
    return found


def _page(call: Call, items: list[Document], metadata: Document) -> list[Document]:
    """limit and continue: the token names the last key that was given."""
    if token := call.query.get("continue"):
        try:
            last = json.loads(base64.urlsafe_b64decode(token))["start"]
        except (ValueError, KeyError, binascii.Error) as e:
            raise errors.bad_request(f"continue key is not valid: {e}") from e
        items = [i for i in items if _key(i) > last]
    limit = int(call.query["limit"]) if call.query.get("limit", "").isdigit() else 0
    if limit and len(items) > limit:
        metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
        start = json.dumps({"v": "meta.k8s.io/v1", "start": _key(items[-1])})
        metadata["continue"] = base64.urlsafe_b64encode(start.encode()).decode()
    return items


def _key(item: Document) -> str:
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def watch_(call: Call, *, alive: Any) -> Response:
    def show(body: Document) -> Document:
        return as_table(call, [body], {}) if call.as_table else public(call, body)

    timeout = call.query.get("timeoutSeconds", "")
    api_version = f"{call.kind.group}/{call.version}" if call.kind.group else call.version
    bookmark = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": [], "columnDefinitions": []}
    subscription = watch.Subscription(
        world=call.cluster.world,
        collection=call.cluster.collection(call.storage_key),
        namespace=call.namespace or None,
        selects=call.selects(),
        show=show,
        bookmark=bookmark if call.as_table else {"kind": call.kind.kind, "apiVersion": api_version},
        alive=alive,
        resource_version=call.query.get("resourceVersion", ""),
        timeout_s=float(timeout) if timeout.isdigit() and int(timeout) else watch.DEFAULT_TIMEOUT_S,
        bookmarks=call.query.get("allowWatchBookmarks") in {"1", "true"},
        initial_events=call.query.get("sendInitialEvents") in {"1", "true"},
    )
    return StreamingResponse(watch.stream(subscription), media_type="application/json")


def create(call: Call) -> Response:
    body = _object(call)
    if call.kind is EVENTS_VIEW:
        body = stored_event(body)
    namespace = body.get("metadata", {}).get("namespace") or call.namespace
    if call.namespace and namespace != call.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    warnings = tuple(admission.warnings(call.kind, body))
    body.setdefault("metadata", {}).pop("managedFields", None)
    own(call, None, body)
    made = call.cluster.create(call.storage_key, body, call.namespace, user=call.user, dry_run=call.dry_run)
    return answer(call, made, 201, warnings=warnings)


def update(call: Call) -> Response:
    body = _object(call)
    _check_name(call, body)
    old = call.cluster.get(call.storage_key, call.namespace, call.name)
    if old is None and not call.kind.custom and call.kind.plural == "leases":
        return create(call)
    old = _existing(call)
    own(call, old, body)
    warnings = tuple(admission.warnings(call.kind, body))
    made = call.cluster.update(call.storage_key, body, user=call.user, dry_run=call.dry_run)
    return answer(call, made, warnings=warnings)


def patch_(call: Call) -> Response:
    if call.content_type.partition(";")[0] in APPLY:
        return apply(call)
    old = _existing(call)
    body = patched(call, old)
    _check_name(call, body)
    if body == old:
        return answer(call, old)
    own(call, old, body)
    warnings = tuple(admission.warnings(call.kind, body))
    made = call.cluster.update(call.storage_key, body, user=call.user, dry_run=call.dry_run)
    return answer(call, made, warnings=warnings)


def patched(call: Call, old: Document) -> Document:
    """The object after the request's patch, by media type."""
    media, change = call.content_type.partition(";")[0].strip(), call.document()
    if media == "application/json-patch+json":
        body = patch.json_patch(clone(old), change)
    elif media == "application/merge-patch+json":
        body = patch.merge_patch(clone(old), change)
    elif media == "application/strategic-merge-patch+json" and not call.kind.custom:
        body = patch.strategic_merge_patch(clone(old), change)
    else:
        accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        raise errors.unsupported_media_type(media, accepted)
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        raise errors.bad_request("the patch leaves no object")
    return body


def apply(call: Call) -> Response:
    """Server-side apply."""
    config = _object(call)
    _check_name(call, config)
    config["metadata"].pop("resourceVersion", None)
    if not call.query.get("fieldManager"):
        raise errors.bad_request(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    if config["metadata"].get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    old = call.cluster.get(call.storage_key, call.namespace, call.name)
    warnings = tuple(admission.warnings(call.kind, config))
    made = server_side_apply(
        call.cluster, call.kind, config, manager=call.manager, user=call.user, dry_run=call.dry_run,
        force=call.query.get("force") in {"1", "true"},
    )  # fmt: skip
    return answer(call, made, 201 if old is None else 200, warnings=warnings)


def delete(call: Call) -> Response:
    old = _existing(call)
    options = _delete_options(call)
    wanted = options.get("preconditions") or {}
    for field in ("uid", "resourceVersion"):
        if wanted.get(field) and wanted[field] != old["metadata"][field]:
            text = f"Precondition failed: {field} in precondition: {wanted[field]}, in object meta: {old['metadata'][field]}"
            raise errors.conflict(call.kind, call.name, text)
    left = _delete(call, old, options)
    if left is not None and call.cluster.get(call.storage_key, call.namespace, call.name) is not None:
        return answer(call, left)
    details = {
        "name": call.name,
        "group": call.kind.group,
        "kind": call.kind.plural,
        "uid": old["metadata"]["uid"],
    }
    return JSONResponse(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    )


def delete_collection(call: Call) -> Response:
    selects, options = call.selects(), _delete_options(call)
    items = [i for i in call.cluster.list(call.storage_key, call.namespace or None) if selects(i)]
    for item in items:
        _delete(call, item, options)
    api_version = f"{call.kind.group}/{call.version}" if call.kind.group else call.version
    shown = [public(call, i) for i in items]
    return JSONResponse(
        {"kind": f"{call.kind.kind}List", "apiVersion": api_version, "metadata": {}, "items": shown}
    )


def _delete_options(call: Call) -> Document:
    options = call.document() if call.body else {}
    propagation = call.query.get("propagationPolicy") or options.get("propagationPolicy") or "Background"
    if options.get("orphanDependents"):
        propagation = "Orphan"
    grace = call.query.get("gracePeriodSeconds", options.get("gracePeriodSeconds"))
    dry_run = call.dry_run or options.get("dryRun") == ["All"]
    return {
        **options,
        "propagation": propagation,
        "grace": None if grace is None else float(grace),
        "dry": dry_run,
    }


def _delete(call: Call, item: Document, options: Document) -> Document | None:
    metadata = item["metadata"]
    return call.cluster.delete(
        call.storage_key, metadata.get("namespace", ""), metadata["name"], grace_s=options["grace"],
        propagation=options["propagation"], dry_run=options["dry"],
    )  # fmt: skip


def own(call: Call, old: Document | None, body: Document) -> None:
    """Note which fields this client's write changed, unless it wrote managedFields itself."""
    given = (body.get("metadata") or {}).get("managedFields")
    if old is not None and given != old["metadata"].get("managedFields") and given is not None:
        return
    if old is not None and "managedFields" in old["metadata"]:
        body["metadata"]["managedFields"] = old["metadata"]["managedFields"]
    now = rfc3339(call.cluster.world.clock.now())
    plain = normal(body)  # compared as stored: a quantity given as a number is no change
    ownership.record_update(call.kind, old, plain, list_key_of(call.kind), manager=call.manager, now=now)
    if "managedFields" in plain["metadata"]:
        body["metadata"]["managedFields"] = plain["metadata"]["managedFields"]


def _existing(call: Call) -> Document:
    found = call.cluster.get(call.storage_key, call.namespace, call.name)
    if found is None:
        raise errors.not_found(call.kind, call.name)
    return found


def _object(call: Call) -> Document:
    body = call.document()
    if not isinstance(body, dict):
        raise errors.bad_request("the request's body is not an object")
    given = body.setdefault("apiVersion", f"{call.kind.group}/{call.version}".lstrip("/"))
    kind = body.setdefault("kind", call.kind.kind)
    expected = f"{call.kind.group}/{call.version}" if call.kind.group else call.version
    if given != expected or kind != call.kind.kind:
        raise errors.bad_request(
            f"{kind} in version {given!r} cannot be handled as a {call.kind.kind}: the API version in the data "
            f"({given}) does not match the expected API version ({expected})"
        )
    if not isinstance(body.setdefault("metadata", {}), dict):
        raise errors.bad_request("metadata: must be an object")
    return body


def _check_name(call: Call, body: Document) -> None:
    metadata = body["metadata"]
    metadata.setdefault("name", call.name)
    if metadata["name"] != call.name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
        )
    if call.namespace and metadata.setdefault("namespace", call.namespace) != call.namespace:
        raise errors.bad_request("the namespace of the object does not match the namespace on the request")
