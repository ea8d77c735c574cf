"""The proxy container beside the Web UI, as far as its manifest describes it: an nginx that adds headers.

Reads the configuration template that the pod mounts and fills it from the container's environment, as nginx's image
does at its start. So what the headers say comes from the manifests, and a mistake there shows here as it would in a
cluster. Only `listen`, `proxy_pass`, `add_header ... always` and `client_max_body_size` are understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox.store import Document
from lib.sandbox.world import World

TEMPLATES = "/etc/nginx/templates"
_LISTEN = re.compile(r"^\s*listen\s+(?:[\d.]+:)?(\d+)", re.MULTILINE)
_HEADER = re.compile(
    r"^\s*add_header\s+(\S+)\s+(?:\"([^\"]*)\"|'([^']*)'|([^\s;]+))\s+always\s*;", re.MULTILINE
)
_UPSTREAM = re.compile(r"^\s*proxy_pass\s+https?://(?:127\.0\.0\.1|localhost):(\d+)", re.MULTILINE)
_BODY_LIMIT = re.compile(r"^\s*client_max_body_size\s+(\d+)([kmg]?)\s*;", re.MULTILINE | re.IGNORECASE)
_NAME = re.compile(r"\$\{(\w+)\}")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """What the proxy does with a request."""

    port: int  # that it listens on
    upstream: int  # port of the Web UI in the same pod
    headers: tuple[tuple[str, str], ...]
    body_limit: int  # bytes


def of_pod(world: World, cluster: tuple[str, str], pod: Document) -> Passport | None:
    """None when the pod has no such container, or no configuration that it could start with."""
    for container in pod["spec"]["containers"]:
        if "nginx" in container.get("image", ""):
            template = _template(world, cluster, pod, container)
            return _parsed(_filled(template, _environment(pod, container))) if template else None
    return None


def _template(world: World, cluster: tuple[str, str], pod: Document, container: Document) -> str:
    """All templates of the ConfigMap that is mounted where the image looks for them."""
    namespace = pod["metadata"]["namespace"]
    mounted = {
        m["name"] for m in container.get("volumeMounts") or () if m["mountPath"].rstrip("/") == TEMPLATES
    }
    for volume in pod["spec"].get("volumes") or ():
        if volume["name"] in mounted and "configMap" in volume:
            key = f"{namespace}/{volume['configMap']['name']}"
            found = world.store.get(f"kube/{cluster[0]}/{cluster[1]}/configmaps", key) or {}
            texts = (found.get("data") or {}).items()
            return "\n".join(text for name, text in sorted(texts) if name.endswith(".template"))
    return ""


def _environment(pod: Document, container: Document) -> dict[str, str]:
    return {
        entry["name"]: entry["value"] if "value" in entry else _field(pod, entry.get("valueFrom") or {})
        for entry in container.get("env") or ()
    }


def _field(pod: Document, source: Mapping[str, Any]) -> str:
    """The downward API: the fields of the pod that a manifest may name."""
    path = str((source.get("fieldRef") or {}).get("fieldPath", ""))
    if found := _SUBSCRIPT.fullmatch(path):
        return (pod["metadata"].get(found[1]) or {}).get(found[2], "")
    value: Any = pod
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _filled(template: str, environment: Mapping[str, str]) -> str:
    """As envsubst does in that image: names that the environment doesn't define stay as they are."""
    return _NAME.sub(lambda found: environment.get(found[1], found[0]), template)


def _parsed(text: str) -> Passport | None:
    listen, upstream, limit = _LISTEN.search(text), _UPSTREAM.search(text), _BODY_LIMIT.search(text)
    if listen is None or upstream is None:
        return None
    headers = ((name.lower(), a or b or c) for name, a, b, c in _HEADER.findall(text))
    factor = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[limit[2].lower() if limit else "m"]
    return Passport(
        port=int(listen[1]),
        upstream=int(upstream[1]),
        headers=tuple((name, value) for name, value in headers if value),  # nginx leaves empty ones out
        body_limit=factor * (int(limit[1]) if limit else 1),
    )
