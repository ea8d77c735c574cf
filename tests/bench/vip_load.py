"""How many requests a second the global address passes on to a trivial path, and how long one takes.

The client is a bare socket loop, so that it costs little beside the server. As the peer, the same client asks the
barest application on the same HTTP server: what is missing to that is what the load balancer and the Web UI cost.
`python -m tests.bench.vip_load http://127.0.0.1:PORT` measures an address that is up.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse

import uvicorn
from starlette.types import Receive, Scope, Send

from lib.sandbox import ports
from tests.e2e.stack import ROOT, Stack, free_port
from tests.waiting import wait_until

CONNECTIONS, SECONDS = (1, 10, 100), 4.0
PATH = "/internal/ping"


def requests_per_second(stack: Stack) -> dict[str, object]:
    with _bare_server() as bare:
        return {**_measured("vip", _vip(stack), PATH), **_measured("bare_server", bare, "/")}


def _vip(stack: Stack) -> str:
    endpoints = json.loads((stack.state_dir / "sandbox" / "endpoints.json").read_text())
    return f"http://127.0.0.1:{endpoints['vip_port']}"


def _measured(name: str, url: str, path: str) -> dict[str, object]:
    figures: dict[str, object] = {}
    for connections in CONNECTIONS:
        took = sorted(asyncio.run(_loaded(url, path, connections)))
        figures |= {
            f"{name}_{connections}_requests_per_s": round(len(took) / SECONDS),
            f"{name}_{connections}_p50_ms": round(took[len(took) // 2] * 1000, 2),
            f"{name}_{connections}_p95_ms": round(took[int(len(took) * 0.95)] * 1000, 2),
        }
    return figures


async def _loaded(url: str, path: str, connections: int) -> list[float]:
    """Seconds that each request took that was answered with 200; any other answer ends the measurement."""
    place = urlparse(url)
    host, port = str(place.hostname), int(place.port or 80)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    took: list[float] = []
    end = time.perf_counter() + SECONDS
    await asyncio.gather(*(_client(host, port, request, end, took) for _ in range(connections)))
    return took


async def _client(host: str, port: int, request: bytes, end: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (began := time.perf_counter()) < end:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        took.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()


@contextmanager
def _bare_server() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.vip_load", str(port)], cwd=ROOT)
    try:
        wait_until(lambda: _listens(port), what="the bare server listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _listens(port: int) -> bool:
    try:
        ports.listening(port).close()
    except OSError:
        return True
    return False


async def _bare(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    given = sys.argv[1]
    if given.isdecimal():
        uvicorn.run(_bare, port=int(given), log_level="warning", access_log=False)
    else:
        sys.stdout.write(json.dumps(_measured("vip", given, PATH), indent=2) + "\n")
