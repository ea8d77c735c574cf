"""Which regions the global endpoint may use: the `clusters` list of the MultiClusterService.

An absent list means every fleet member, an empty one means none; the manifests start with an empty one, and a
link is added only when the region has something to serve.
"""

from __future__ import annotations

from collections.abc import Callable

from lib.gateways.kube import ConfigKube, Object, resource_path
from lib.settings import Settings

SERVICE = "stable-diffusion-webui-mcs"
INGRESS = "stable-diffusion-webui-mci"


class IngressGateway:
    def __init__(self, settings: Settings) -> None:
        self._kube = ConfigKube(settings)
        self._path = resource_path(
            "networking.gke.io/v1", "multiclusterservices", namespace=settings.namespace, name=SERVICE
        )

    def attached(self) -> frozenset[str]:
        """Regions that are linked. Raises NotFound while there is no MultiClusterService."""
        found = self._kube.run(lambda kube: kube.get(self._path, doing=f"reading {SERVICE}"))
        return frozenset(link.partition("/")[0] for link in _links(found))

    def links(self) -> tuple[str, ...]:
        """As they are written: <location>/<cluster>. Raises NotFound while there is no MultiClusterService."""
        return tuple(_links(self._kube.run(lambda kube: kube.get(self._path, doing=f"reading {SERVICE}"))))

    def unlink(self, link: str) -> None:
        """A no-op when it is not there."""
        self._write(lambda links: [one for one in links if one != link], f"unlinking {link}")

    def attach(self, region: str, cluster: str) -> None:
        """A no-op when it is linked already."""
        link = f"{region}/{cluster}"
        self._write(lambda links: links if link in links else [*links, link], f"attaching {region}")

    def detach(self, region: str) -> None:
        """A no-op when it is not linked."""
        self._write(
            lambda links: [link for link in links if link.partition("/")[0] != region], f"detaching {region}"
        )

    def _write(self, edit: Callable[[list[str]], list[str]], doing: str) -> None:
        def change(found: Object) -> Object | None:
            held = _links(found)
            wanted = edit(held)
            if wanted == held:
                return None
            found["spec"]["clusters"] = [{"link": link} for link in wanted]
            return found

        self._kube.run(lambda kube: kube.edit(self._path, change, doing=doing))


def _links(found: Object) -> list[str]:
    return [cluster["link"] for cluster in found["spec"].get("clusters") or []]
