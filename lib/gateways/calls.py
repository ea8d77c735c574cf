"""Counts what goes over the wire to APIs, by API, in the transports themselves: pages and repeats count each.

One count a process; who wants a figure takes the difference of two. Token fetches, the delivery repository on a disk and
users' requests to the global address are no API calls.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

_lock = threading.Lock()
_made: Counter[str] = Counter()


def count(api: str) -> None:
    with _lock:
        _made[api] += 1


def made() -> Counter[str]:
    """So far, by API."""
    with _lock:
        return Counter(_made)


class CountingAdapter(HTTPAdapter):
    """Google's REST APIs, by the path that tells them apart on one host."""

    def send(self, request: PreparedRequest, *args: Any, **more: Any) -> Response:
        count("compute" if "/compute/" in (request.url or "") else "container")
        return super().send(request, *args, **more)


def counting_channel(channel: Any, headers: Callable[[], Mapping[str, str]]) -> Any:
    """A gRPC channel whose calls are counted by service and carry `headers`, asked for before each.

    They come from here and not from gRPC's own call credentials: its threads call those back, and a channel that was
    closed while one did so waited for it, and it for the interpreter, for ever."""
    import grpc

    class Counting(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            count(_service(client_call_details.method))
            own = [(name.lower(), value) for name, value in headers().items()]
            metadata = [*(client_call_details.metadata or ()), *own]
            return continuation(client_call_details._replace(metadata=metadata), request)

    return grpc.intercept_channel(channel, Counting())


def _service(method: str | bytes) -> str:
    """/google.container.v1.ClusterManager/ListClusters -> container; /google.cloud.gkehub.v1... -> gkehub."""
    name = method.decode() if isinstance(method, bytes) else method
    parts = [p for p in name.strip("/").partition("/")[0].split(".") if p not in {"google", "cloud"}]
    return parts[0] if parts else "grpc"
