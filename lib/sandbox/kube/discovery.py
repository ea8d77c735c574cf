"""Says which groups, versions and resources a cluster serves: plain discovery and the aggregated form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.sandbox.kube.resources import EVENTS_VIEW, METRICS, VERBS, Resource
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
_REVIEWS = (
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
)
REVIEWS = {
    f"{plural}.{group}": Resource(
        group=group, versions=("v1",), plural=plural, kind=kind, singular=kind.lower(), namespaced=False
    )
    for group, plural, kind in _REVIEWS
}


def version(cluster: KubeCluster) -> Document:
    major, minor, _ = cluster.version.removeprefix("v").split(".", 2)
    return {
        "major": major,
        "minor": minor,
        "gitVersion": cluster.version,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-08-01T00:00:00Z",
        "goVersion": "go1.25.1 X:boringcrypto",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def served(cluster: KubeCluster) -> list[Resource]:
    return [*cluster.resources(), EVENTS_VIEW, *METRICS.values(), *REVIEWS.values()]


def core_versions() -> Document:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(cluster: KubeCluster) -> Document:
    groups = [_group(name, kinds) for name, kinds in _by_group(served(cluster)).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(cluster: KubeCluster, name: str) -> Document | None:
    kinds = _by_group(served(cluster)).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, kinds)} if kinds and name else None


def resource_list(cluster: KubeCluster, group_name: str, version_name: str) -> Document | None:
    kinds = [k for k in served(cluster) if k.group == group_name and version_name in k.versions]
    if not kinds:
        return None
    group_version = f"{group_name}/{version_name}" if group_name else version_name
    resources = [entry for kind in kinds for entry in _entries(kind)]
    return {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    }  # fmt: skip


def aggregated(cluster: KubeCluster, *, core: bool) -> Document:
    """apidiscovery.k8s.io/v2: everything in one answer."""
    groups = {n: k for n, k in _by_group(served(cluster)).items() if (n == "") is core}
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                {
                    "version": v,
                    "freshness": "Current",
                    "resources": [_discovered(k, v) for k in kinds if v in k.versions],
                }
                for v in _versions(kinds)
            ],
        }
        for name, kinds in groups.items()
    ]
    return {
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    }  # fmt: skip


def _by_group(kinds: Iterable[Resource]) -> dict[str, list[Resource]]:
    groups: dict[str, list[Resource]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind)
    return groups


def _versions(kinds: list[Resource]) -> list[str]:
    return list(dict.fromkeys(v for kind in kinds for v in kind.versions))


def _group(name: str, kinds: list[Resource]) -> Document:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in _versions(kinds)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _verbs(kind: Resource) -> list[str]:
    if kind.key in REVIEWS:
        return ["create"]
    return ["get", "list"] if kind in METRICS.values() else list(VERBS)


def _sub_verbs(name: str) -> list[str]:
    streams = {s: ["create", "get"] for s in ("exec", "attach", "portforward", "proxy")}
    return {"log": ["get"], "eviction": ["create"], **streams}.get(name, ["get", "patch", "update"])


def _sub_kind(kind: Resource, name: str) -> Document:
    special = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction")}
    group_name, version_name, kind_name = special.get(name, (kind.group, kind.versions[0], kind.kind))
    return {"group": group_name, "version": version_name, "kind": kind_name}


def _entries(kind: Resource) -> list[Document]:
    entry: Document = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": _verbs(kind),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    subs = [
        {"name": f"{kind.plural}/{sub}", "singularName": "", "namespaced": kind.namespaced,
         **_sub_kind(kind, sub), "verbs": _sub_verbs(sub)}
        for sub in kind.subresources
    ]  # fmt: skip
    return [entry, *subs]


def _discovered(kind: Resource, version_name: str) -> Document:
    found: Document = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": version_name, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": _verbs(kind),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [
            {"subresource": s, "responseKind": _sub_kind(kind, s), "verbs": _sub_verbs(s)}
            for s in kind.subresources
        ]
    return found
