"""A container's log: what its process would have written, with the times at which it would have.

The start is read from the pod's own state, so it is the same after a restart of the sandbox; what the Web UI says of
its jobs lives in memory, as the jobs do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.sandbox import pods, studio
from lib.sandbox.kube import errors
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
LOOK_S = 0.3  # how often a followed log is looked at, wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of a request for a log, as PodLogOptions has them."""

    container: str = ""
    previous: bool = False
    follow: bool = False
    timestamps: bool = False
    tail: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


def options(query: dict[str, str], now: datetime) -> Options:
    """Raises 400 for a number or a time that can't be read."""
    if (seconds := _number(query, "sinceSeconds")) is not None and query.get("sinceTime"):
        raise errors.bad_request("at most one of sinceTime or sinceSeconds may be specified")
    since = now - timedelta(seconds=seconds) if seconds is not None else None
    if text := query.get("sinceTime"):
        try:
            since = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError as e:
            raise errors.bad_request(f"sinceTime: {text!r} is not an RFC 3339 time") from e
    flags = {name: query.get(name) in {"1", "true"} for name in ("previous", "follow", "timestamps")}
    return Options(
        container=query.get("container", ""), tail=_number(query, "tailLines"), since=since,
        limit_bytes=_number(query, "limitBytes"), **flags,
    )  # fmt: skip


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isdigit():
        raise errors.bad_request(f"{name}: {text!r} is not a number that is 0 or greater")
    return int(text)


def container_of(pod: Document, wanted: Options) -> Document:
    """The container that was asked for, if it has a log. 400 in the API server's words when not."""
    name, containers = pod["metadata"]["name"], pod["spec"]["containers"]
    listed = " ".join(c["name"] for c in containers)
    if not wanted.container and len(containers) > 1:
        text = f"a container name must be specified for pod {name}, choose one of: [{listed}]"
        raise errors.bad_request(text)
    chosen = wanted.container or containers[0]["name"]
    container = next((c for c in containers if c["name"] == chosen), None)
    if container is None:
        raise errors.bad_request(f"container {chosen} is not valid for pod {name}")
    status = _status(pod, chosen)
    state = status.get("state", {})
    if wanted.previous and "terminated" not in status.get("lastState", {}):
        raise errors.bad_request(f'previous terminated container "{chosen}" in pod "{name}" not found')
    if "running" not in state and "terminated" not in state:
        reason = state.get("waiting", {}).get("reason", "ContainerCreating")
        raise errors.bad_request(f'container "{chosen}" in pod "{name}" is waiting to start: {reason}')
    return container


def read(cluster: KubeCluster, pod: Document, container: Document, wanted: Options) -> str:
    """The log as it is now."""
    lines = _since(lines_of(cluster, pod, container), wanted.since)
    if wanted.tail is not None:
        lines = lines[len(lines) - min(wanted.tail, len(lines)) :]
    return "".join(_written(line, wanted) for line in lines)[: wanted.limit_bytes]


async def follow(
    cluster: KubeCluster, pod: Document, container: Document, wanted: Options, alive: Callable[[], bool]
) -> AsyncIterator[str]:
    """The log as it is and what is added to it, until the container stops or its control plane goes."""
    metadata, seen = pod["metadata"], len(lines_of(cluster, pod, container))
    yield read(cluster, pod, container, wanted)
    while alive():
        await asyncio.sleep(LOOK_S)
        found = cluster.get("pods", metadata["namespace"], metadata["name"])
        if found is None or found["metadata"]["uid"] != metadata["uid"]:
            return
        lines = lines_of(cluster, found, container)
        for line in lines[seen:]:
            yield _written(line, wanted)
        seen = max(seen, len(lines))
        if "running" not in _status(found, container["name"]).get("state", {}):
            return


def lines_of(cluster: KubeCluster, pod: Document, container: Document) -> list[Line]:
    """Everything that the container has written, oldest first."""
    status = _status(pod, container["name"])
    state = status.get("state", {})
    began = _time((state.get("running") or state.get("terminated") or {}).get("startedAt"), cluster)
    if not gpus({"containers": [container]}):
        return [Line(at=began, text="ready for start up")] if status.get("ready") else []
    lines = [
        Line(at=began, text="Launching Web UI (GPU Atlas sandbox: a painter stands in for Stable Diffusion)"),
        Line(at=began + timedelta(seconds=2), text="Running on local URL:  http://0.0.0.0:7860"),
    ]
    if not status.get("ready"):
        return lines
    loaded = max(_ready_since(pod, cluster), lines[-1].at)
    address = pods.address_of((cluster.location, cluster.name), pod)
    said = studio.of(cluster.world, address).said
    jobs = [Line(at=datetime.fromtimestamp(at, UTC), text=text) for at, text in said]
    return [*lines, Line(at=loaded, text="Model loaded."), *jobs]


def _ready_since(pod: Document, cluster: KubeCluster) -> datetime:
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return _time(condition["lastTransitionTime"], cluster)
    return cluster.world.clock.now()


def _since(lines: list[Line], since: datetime | None) -> list[Line]:
    return [line for line in lines if since is None or line.at >= since]


def _time(text: str | None, cluster: KubeCluster) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else cluster.world.clock.now()


def _status(pod: Document, name: str) -> Document:
    return next((s for s in pod["status"].get("containerStatuses", ()) if s["name"] == name), {})


def _written(line: Line, wanted: Options) -> str:
    stamp = f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z " if wanted.timestamps else ""
    return f"{stamp}{line.text}\n"
