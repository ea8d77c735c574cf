"""Manifests into the config cluster, by server-side apply: CRDs, MCI, MCS, BackendConfig, RBAC.

Kinds are looked up in the cluster's own discovery, so an object of a kind that is not there yet is NotFound,
and the bootstrap tries again. Not for workloads: those go through Git.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.gateways.errors import NotFound
from lib.gateways.kube import ConfigKube, Kube, Object, optional, resource_path
from lib.settings import Settings


class ConfigClusterGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kube = ConfigKube(settings)

    def reachable(self) -> None:
        """Raises Unreachable or NotFound unless the config cluster answers."""
        self._kube.run(lambda kube: kube.get("/version", doing="asking the config cluster for its version"))

    def apply(self, manifests: Iterable[Object]) -> tuple[str, ...]:
        """Apply in order; returns kind/name of each. Raises NotFound for a kind that is not there."""
        found = tuple(manifests)
        return self._kube.run(lambda kube: tuple(self._apply(kube, m) for m in found))

    def get(self, kind: str, api_version: str, name: str) -> Object | None:
        """One object of the platform's namespace (or cluster-scoped); None when it does not exist."""
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}

        def read(kube: Kube) -> Object | None:
            path = self._path(kube, manifest)
            return optional(lambda: kube.get(path, doing=f"reading {kind} {name}"))

        return self._kube.run(read)

    def delete(self, kind: str, api_version: str, name: str) -> None:
        """A no-op when it is gone."""
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}

        def remove(kube: Kube) -> None:
            path = self._path(kube, manifest)
            optional(lambda: kube.call("DELETE", path, doing=f"deleting {kind} {name}"))

        self._kube.run(remove)

    def _apply(self, kube: Kube, manifest: Object) -> str:
        what = f"{manifest['kind']}/{manifest['metadata']['name']}"
        kube.apply(self._path(kube, manifest), manifest, doing=f"applying {what}")
        return what

    def _path(self, kube: Kube, manifest: Object) -> str:
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = "/api/v1" if version == "v1" else f"/apis/{version}"
        known: list[Any] = kube.get(root, doing=f"looking up {version}").get("resources") or []
        resource = next((r for r in known if r["kind"] == kind and "/" not in r["name"]), None)
        if resource is None:
            raise NotFound(f"The config cluster does not know the kind {kind} of {version} yet.")
        namespace = manifest["metadata"].get("namespace") or self._settings.namespace
        return resource_path(
            version,
            resource["name"],
            namespace=namespace if resource["namespaced"] else None,
            name=manifest["metadata"]["name"],
        )
