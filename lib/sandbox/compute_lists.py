"""Lists of the Compute API as they are told: filter, order and pages, of one scope or of all.

A page counts resources. In a list over all scopes, those without results ride along with Google's warning, and those
that do not answer are named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from lib.sandbox import compute, filters, paging
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.world import World

T = TypeVar("T")
MOST = 500  # of one page, and how many it holds when nobody says
KINDS = {
    "addresses": "address",
    "forwardingRules": "forwardingRule",
    "backendServices": "backendService",
    "urlMaps": "urlMap",
    "targetHttpProxies": "targetHttpProxy",
    "healthChecks": "healthCheck",
    "networkEndpointGroups": "networkEndpointGroup",
    "acceleratorTypes": "acceleratorType",
    "regions": "region",
    "zones": "zone",
    "operations": "operation",
    "reservations": "reservation",
    "instances": "instance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list is asked for; ApiError INVALID_ARGUMENT, with the field's name, when that makes no sense."""

    filter: str
    size: int
    token: str
    order: str
    all_scopes: bool  # also those without results

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Query:
        order = query.get("orderBy", "")
        if order not in {"", "name", "creationTimestamp desc"}:
            raise _invalid(
                "orderBy", order, "Must be name or creationTimestamp desc; nothing else can be sorted by."
            )
        truths = (query.get(name, "").lower() for name in ("includeAllScopes", "returnPartialSuccess"))
        return cls(
            filter=query.get("filter", ""),
            size=_size(query.get("maxResults", "")),
            token=query.get("pageToken", ""),
            order=order,
            all_scopes="true" in truths,
        )

    def chosen(self, items: list[Document]) -> list[Document]:
        """Those that pass the filter, in order."""
        try:
            passes = filters.compiled(self.filter)
        except filters.FilterError as e:
            raise _invalid("filter", self.filter, "Invalid list filter expression.") from e
        found = [item for item in items if passes(item)]
        if self.order == "name":
            return sorted(found, key=lambda item: item["name"])
        if self.order:
            return sorted(found, key=lambda item: item["creationTimestamp"], reverse=True)
        return found

    def page(self, items: list[T], key: Callable[[T], str]) -> tuple[list[T], str]:
        try:
            return paging.page(
                items, key=key, size=self.size, token=self.token, query=f"{self.filter}/{self.order}"
            )
        except paging.TokenError as e:
            raise _invalid("pageToken", self.token, "Invalid page token.") from e


def _size(text: str) -> int:
    if not text:
        return MOST
    if not text.isdecimal() or int(text) > MOST:
        raise _invalid("maxResults", text, f"Must be a number from 0 to {MOST}.")
    return int(text) or MOST


def _invalid(field: str, value: str, rule: str) -> ApiError:
    return compute.invalid(f"Invalid value for field '{field}': '{value}'. {rule}")


def listed(world: World, resource: str, path: str, items: list[Document], query: Query) -> Document:
    """The list at `path`, for example "global/addresses"."""
    page, token = query.page(query.chosen(items), lambda item: item["name"])
    answer: Document = {
        "kind": f"compute#{KINDS[resource]}List",
        "id": f"projects/{world.project}/{path}",
        "selfLink": compute.url(world, path),
    }
    if page:
        answer["items"] = page
    return {**answer, "nextPageToken": token} if token else answer


def aggregated(world: World, resource: str, scopes: dict[str, list[Document]], query: Query) -> Document:
    """The list over all scopes, by "zones/ZONE" or "global"."""
    away = [scope for scope in scopes if compute.away(world, scope.split("/", 1)[-1])]
    chosen = {scope: query.chosen(items) for scope, items in scopes.items() if scope not in away}
    rows = [(scope, item) for scope, items in chosen.items() for item in items]
    page, token = query.page(rows, lambda row: f"{row[0]}/{row[1]['name']}")
    items: dict[str, Document] = {
        scope: {resource: [item for _, item in group]} for scope, group in groupby(page, lambda row: row[0])
    }
    if query.all_scopes and not query.token:
        items |= {scope: {"warning": _nothing(scope)} for scope, found in chosen.items() if not found}
    answer: Document = {
        "kind": f"compute#{KINDS[resource]}AggregatedList",
        "id": f"projects/{world.project}/aggregated/{resource}",
        "items": items,
        "selfLink": compute.url(world, f"aggregated/{resource}"),
    }
    if away:
        answer["unreachables"] = [compute.url(world, scope) for scope in away]
    return {**answer, "nextPageToken": token} if token else answer


def network_endpoints(items: list[Document], query: Query) -> Document:
    """The answer of listNetworkEndpoints. Its items have no name: an endpoint's address is its key."""

    def key(item: Document) -> str:
        return "{ipAddress}:{port}".format_map(item["networkEndpoint"])

    page, token = query.page(query.chosen(items), key)
    answer: Document = {"kind": "compute#networkEndpointGroupsListNetworkEndpoints", "items": page}
    return {**answer, "nextPageToken": token} if token else answer


def _nothing(scope: str) -> Document:
    return {
        "code": "NO_RESULTS_ON_PAGE",
        "message": f"There are no results for scope '{scope}' on this page.",
        "data": [{"key": "scope", "value": scope}],
    }
