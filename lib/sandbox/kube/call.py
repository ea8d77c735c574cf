"""One request to a cluster's API, read: which object or collection, which verb, in which form the answer is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.kube import errors, heartbeats, selectors, tables, wire
from lib.sandbox.kube.discovery import REVIEWS
from lib.sandbox.kube.resources import BUILT_IN, EVENTS_VIEW, METRICS, Resource
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
YAML_TYPES = ("application/yaml", "application/apply-patch+yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    cluster: KubeCluster
    kind: Resource
    version: str
    namespace: str  # "" for cluster-scoped objects and for lists over all namespaces
    name: str = ""
    subresource: str = ""
    verb: str = "get"
    user: str = ""
    query: dict[str, str] = field(default_factory=dict)
    accept: str = ""
    content_type: str = ""
    agent: str = ""
    body: bytes = b""

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"

    @property
    def manager(self) -> str:
        return self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"

    @property
    def storage_key(self) -> str:
        """events.k8s.io shows the same stored events as v1."""
        return "events" if self.kind is EVENTS_VIEW else self.kind.key

    @property
    def as_table(self) -> bool:
        return "as=Table" in self.accept.partition(",")[0]

    def selects(self) -> Callable[[Document], bool]:
        """The test of labelSelector and fieldSelector together."""
        by_label = selectors.label_selector(self.query.get("labelSelector", ""))
        by_field = selectors.field_selector(self.query.get("fieldSelector", ""))
        name = self.name
        return lambda body: (
            (not name or body["metadata"]["name"] == name)
            and by_label(body["metadata"].get("labels") or {})
            and by_field(body)
        )

    def document(self) -> Any:
        """The request's body, decoded."""
        media = self.content_type.partition(";")[0].strip()
        try:
            if media in YAML_TYPES:
                return yaml.safe_load(self.body) or {}
            if media == wire.MEDIA_TYPE:
                return wire.read(self.body)
            if media and not media.endswith("json"):
                raise errors.unsupported_media_type(media, "application/json, application/yaml")
            return json.loads(self.body or b"{}")
        except (ValueError, yaml.YAMLError) as e:
            raise errors.bad_request(f"the object provided is unrecognized (cannot be decoded): {e}") from e


def read(cluster: KubeCluster, path: str, request: Request, *, user: str, body: bytes) -> Call:
    """Raises 404 when no such path is served."""
    parts = [p for p in path.split("/") if p]
    group, version, rest = _group_version(parts)
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        raise errors.no_such_path()
    kind = _kind(cluster, group, version, rest[0])
    name, subresource = [*rest, "", ""][1:3]
    if (kind.namespaced and name and not namespace) or (namespace and not kind.namespaced):
        raise errors.no_such_path()
    if subresource and subresource not in kind.subresources:
        raise errors.no_such_path()
    query = dict(request.query_params)
    return Call(
        cluster=cluster, kind=kind, version=version, namespace=namespace, name=name, subresource=subresource,
        verb=_verb(request.method, name, query), user=user, query=query,
        accept=request.headers.get("accept", ""), content_type=request.headers.get("content-type", ""),
        agent=request.headers.get("user-agent", ""), body=body,
    )  # fmt: skip


def _group_version(parts: list[str]) -> tuple[str, str, list[str]]:
    if parts[:2] == ["api", "v1"]:
        return "", "v1", parts[2:]
    if parts[:1] == ["apis"] and len(parts) > 3:
        return parts[1], parts[2], parts[3:]
    raise errors.no_such_path()


def _kind(cluster: KubeCluster, group: str, version: str, plural: str) -> Resource:
    key = f"{plural}.{group}" if group else plural
    if key == EVENTS_VIEW.key:
        return EVENTS_VIEW
    if group == METRICS["pods"].group and (measured := METRICS.get(plural)):
        return measured
    found = REVIEWS.get(key) or BUILT_IN.get(key) or cluster.resource(key)
    if found is None or version not in found.versions:
        raise errors.no_such_path()
    return found


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    if method in {"GET", "HEAD"}:
        if query.get("watch") in {"1", "true"}:
            return "watch"
        return "get" if name else "list"
    verb = _VERBS.get(method, "")
    return "deletecollection" if verb == "delete" and not name else verb


def public(call: Call, body: Document) -> Document:
    """What a client may see: no private keys, the version and group it asked in."""
    shown = {k: v for k, v in body.items() if not k.startswith("_")}
    if call.kind is EVENTS_VIEW:
        return _event_view(shown)
    if call.kind.key == "nodes":
        return heartbeats.shown(shown, call.cluster.world.clock.now())
    if call.kind.group and "apiVersion" in shown:
        shown["apiVersion"] = f"{call.kind.group}/{call.version}"
    return shown


def answer(call: Call, body: Document, status: int = 200, *, warnings: tuple[str, ...] = ()) -> Response:
    """One object, as itself, as a Table or as metadata only."""
    shown = public(call, body)
    if call.as_table:
        shown = as_table(call, [body], {"resourceVersion": body["metadata"].get("resourceVersion", "")})
    elif "as=PartialObjectMetadata;" in call.accept.partition(",")[0]:
        shown = tables.partial(body)
    response = JSONResponse(shown, status_code=status)
    for text in warnings:
        one_line = text.replace('"', "'")
        response.headers.append("warning", f'299 - "{one_line}"')
    return response


def as_table(call: Call, items: list[Document], metadata: Document) -> Document:
    include = call.query.get("includeObject", "Metadata")
    now = call.cluster.world.clock.now()
    kind = BUILT_IN["events"] if call.kind is EVENTS_VIEW else call.kind
    shown = [{k: v for k, v in i.items() if not k.startswith("_")} for i in items]
    return tables.table(kind, shown, now=now, metadata=metadata, include=include)


def _event_view(event: Document) -> Document:
    first, last = event.get("firstTimestamp"), event.get("lastTimestamp")
    return {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": event["metadata"],
        "eventTime": event.get("eventTime") or first, "type": event.get("type"), "reason": event.get("reason"),
        "note": event.get("message"), "regarding": event["involvedObject"], "action": event.get("action", ""),
        "reportingController": event.get("reportingComponent", ""),
        "reportingInstance": event.get("reportingInstance", ""),
        "deprecatedCount": event.get("count", 1), "deprecatedFirstTimestamp": first,
        "deprecatedLastTimestamp": last, "deprecatedSource": event.get("source", {}),
    }  # fmt: skip


def stored_event(event: Document) -> Document:
    """The other way: an events.k8s.io/v1 Event as the v1 Event that is stored."""
    at = event.get("eventTime") or event.get("deprecatedFirstTimestamp")
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": event.get("metadata", {}),
        "involvedObject": event.get("regarding", {}), "type": event.get("type"), "reason": event.get("reason"),
        "message": event.get("note", ""), "eventTime": event.get("eventTime"), "action": event.get("action", ""),
        "reportingComponent": event.get("reportingController", ""),
        "reportingInstance": event.get("reportingInstance", ""),
        "source": {"component": event.get("reportingController", "")},
        "firstTimestamp": at, "lastTimestamp": at, "count": event.get("deprecatedCount") or 1,
    }  # fmt: skip
