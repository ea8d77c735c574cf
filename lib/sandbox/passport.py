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
from weakref import WeakKeyDictionary

from lib.sandbox.store import Document, Store
from lib.sandbox.world import World

TEMPLATES = "/etc/nginx/templates"
REMEMBERED = 5000  # pods
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
    headers: tuple[tuple[bytes, bytes], ...]  # names in lower case
    body_limit: int  # bytes


@dataclass(frozen=True, slots=True)
class _Known:
    pod: Document
    source: tuple[str, str] | None  # collection and key of the ConfigMap
    text: Document | None  # the ConfigMap
    passport: Passport | None


_KNOWN: WeakKeyDictionary[Store, dict[str, _Known]] = WeakKeyDictionary()  # by the pod's uid


def of_pod(world: World, cluster: tuple[str, str], pod: Document) -> Passport | None:
    """None when the pod has no such container, or no configuration that it could start with. Remembered until the pod
    or its configuration is written anew: documents in the store are never changed in place."""
    known, uid = _KNOWN.setdefault(world.store, {}), pod["metadata"].get("uid", "")
    found = known.get(uid)
    if found is None or found.pod is not pod or _read(world, found.source) is not found.text:
        if len(known) >= REMEMBERED:
            known.clear()
        found = known[uid] = _known(world, cluster, pod)
    return found.passport


def _known(world: World, cluster: tuple[str, str], pod: Document) -> _Known:
    for container in pod["spec"]["containers"]:
        if "nginx" in container.get("image", ""):
            source = _source(cluster, pod, container)
            text = _read(world, source)
            template = _template(text or {})
            passport = _parsed(_filled(template, _environment(pod, container))) if template else None
            return _Known(pod, source, text, passport)
    return _Known(pod, None, None, None)


def _read(world: World, source: tuple[str, str] | None) -> Document | None:
    return world.store.get(*source) if source else None


def _source(cluster: tuple[str, str], pod: Document, container: Document) -> tuple[str, str] | None:
    """The ConfigMap that is mounted where the image looks for its templates."""
    mounted = {
        m["name"] for m in container.get("volumeMounts") or () if m["mountPath"].rstrip("/") == TEMPLATES
    }
    for volume in pod["spec"].get("volumes") or ():
        if volume["name"] in mounted and "configMap" in volume:
            key = f"{pod['metadata']['namespace']}/{volume['configMap']['name']}"
            return f"kube/{cluster[0]}/{cluster[1]}/configmaps", key
    return None


def _template(config_map: Document) -> str:
    texts = (config_map.get("data") or {}).items()
    return "\n".join(text for name, text in sorted(texts) if name.endswith(".template"))


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
        # nginx leaves empty ones out
        headers=tuple(
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers if value
        ),
        body_limit=factor * (int(limit[1]) if limit else 1),
    )
