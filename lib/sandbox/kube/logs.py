"""A container's log: what its process would have written, with the times at which it would have.

Start and end are read from the pod's own state, so they are the same after a restart of the sandbox; what the Web UI
says of its jobs lives in memory, as the jobs do. Like a kubelet it has the log of this run and of the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.sandbox import pods, studio
from lib.sandbox.kube import errors, kubelet
from lib.sandbox.kube.defaults import gpus
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
LOOK_S = 0.3  # how often a followed log is looked at, wall
SERVES_AFTER = timedelta(seconds=2)  # the Web UI has an address, and no model yet
NO_GPU = "RuntimeError: No CUDA GPUs are available"
GPU_LOST = "RuntimeError: CUDA error: unspecified launch failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a container's process; `ended` is None while it goes on, `loaded` when it had no model."""

    began: datetime
    loaded: datetime | None
    ended: datetime | None = None
    failed: bool = False


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
    last, state = status.get("lastState", {}), status.get("state", {})
    if wanted.previous and "terminated" not in last:
        raise errors.bad_request(f'previous terminated container "{chosen}" in pod "{name}" not found')
    if not ("running" in state or "terminated" in state or "terminated" in last):
        reason = state.get("waiting", {}).get("reason", "ContainerCreating")
        raise errors.bad_request(f'container "{chosen}" in pod "{name}" is waiting to start: {reason}')
    return container


def read(cluster: KubeCluster, pod: Document, container: Document, wanted: Options) -> str:
    """The log as it is now."""
    lines = _since(lines_of(cluster, pod, container, previous=wanted.previous), wanted.since)
    if wanted.tail is not None:
        lines = lines[len(lines) - min(wanted.tail, len(lines)) :]
    return "".join(_written(line, wanted) for line in lines)[: wanted.limit_bytes]


async def follow(
    cluster: KubeCluster, pod: Document, container: Document, wanted: Options, alive: Callable[[], bool]
) -> AsyncIterator[str]:
    """The log as it is and what is added to it, until the container stops or its control plane goes."""
    metadata, name = pod["metadata"], container["name"]
    runs, seen = _runs(pod, name), len(lines_of(cluster, pod, container, previous=wanted.previous))
    yield read(cluster, pod, container, wanted)
    while alive() and not wanted.previous:
        await asyncio.sleep(LOOK_S)
        found = cluster.get("pods", metadata["namespace"], metadata["name"])
        if found is None or found["metadata"]["uid"] != metadata["uid"]:
            return
        over = _runs(found, name) != runs
        for line in lines_of(cluster, found, container, previous=over)[seen:]:
            seen += 1
            yield _written(line, wanted)
        if over or "running" not in _status(found, name).get("state", {}):
            return


def _runs(pod: Document, name: str) -> int:
    """How many runs of a container there have been before this one."""
    return int(_status(pod, name).get("restartCount", 0))


def lines_of(
    cluster: KubeCluster, pod: Document, container: Document, *, previous: bool = False
) -> list[Line]:
    """Everything that the container has written in this run, or in the one before, oldest first."""
    run = _run(pod, _status(pod, container["name"]), previous=previous)
    if run is None:
        return []
    now = cluster.world.clock.now()
    if not gpus({"containers": [container]}):
        return [Line(at=run.began, text="ready for start up")]
    address = pods.address_of((cluster.location, cluster.name), pod)
    lines = _of_web_ui(run, studio.of(cluster.world, address).said)
    return [line for line in lines if run.began <= line.at <= (run.ended or now)]


def _of_web_ui(run: Run, said: Iterable[tuple[float, str]]) -> list[Line]:
    served = run.began + SERVES_AFTER
    lines = [
        Line(at=run.began, text="Launching Web UI (GPU Atlas sandbox: a painter stands in for Stable Diffusion)"),
        Line(at=served, text="Running on local URL:  http://0.0.0.0:7860"),
    ]  # fmt: skip
    if run.loaded:
        lines.append(Line(at=max(run.loaded, served), text="Model loaded."))
        lines += (Line(at=datetime.fromtimestamp(at, UTC), text=text) for at, text in said)
    if run.ended and run.failed:
        lines.append(Line(at=run.ended, text=GPU_LOST if run.loaded else NO_GPU))
    return lines


def _run(pod: Document, status: Document, *, previous: bool) -> Run | None:
    """As a kubelet chooses: a container that waits for its next run has the log of the one before."""
    state, last = status.get("state", {}), status.get("lastState", {}).get("terminated")
    loaded = None if previous else kubelet.loaded_at(pod)
    if not previous and "running" in state:
        return Run(began=_time(state["running"]["startedAt"]), loaded=_moment(loaded))
    ended = last if previous else state.get("terminated") or last
    if ended is None:
        return None
    loaded = loaded or (pod.get("_crash") or {}).get("loaded")
    begin, end = _time(ended["startedAt"]), _time(ended["finishedAt"])
    return Run(began=begin, loaded=_moment(loaded), ended=end, failed=ended["exitCode"] == 1)


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _since(lines: list[Line], since: datetime | None) -> list[Line]:
    return [line for line in lines if since is None or line.at >= since]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _status(pod: Document, name: str) -> Document:
    return next((s for s in pod["status"].get("containerStatuses", ()) if s["name"] == name), {})


def _written(line: Line, wanted: Options) -> str:
    stamp = f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z " if wanted.timestamps else ""
    return f"{stamp}{line.text}\n"
