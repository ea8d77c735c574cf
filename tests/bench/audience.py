"""Many viewers of the Atlas page at once: each does every two seconds what a browser does when there is news.

It asks the pulse, then for the components' news (lib.ui.live); one in five has a region's card open, whose live part runs
too. A browser asks only when the pulse says so; here there is news for everybody each time, which is the worst case.
Messages over the websocket are Streamlit's own protocol buffers.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.bench.measures import process
from tests.e2e.stack import Stack

SESSIONS = 100
READERS = 5  # one viewer in so many has a card open
REGION = "us-west1"
EVERY_S = 2.0
ROUNDS = 8
PATIENCE_S = 60.0
LEAST_LOOKS = 6  # at the memory in a soak


@dataclass
class Viewer:
    """One session: what its page, its card's live part and its news are called; how long and how large each refresh was."""

    base: str
    region: str = ""
    page: str = ""
    card: str = ""
    news: str = ""
    pulse: str = ""
    hashes: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    async def watch(self, start_s: float, gate: asyncio.Barrier) -> None:
        await asyncio.sleep(start_s)
        url = f"ws{self.base.removeprefix('http')}/_stcore/stream"
        async with (
            httpx.AsyncClient(base_url=self.base, timeout=PATIENCE_S) as client,
            connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None) as socket,
        ):
            await self._run(socket, "")
            assert self.news, "the page did not tell where its news is"
            assert bool(self.card) == bool(self.region), "a card's live part and no card, or the reverse"
            await gate.wait()
            await asyncio.sleep(start_s % EVERY_S)
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                size = await self._fetch(client, self.pulse) + await self._fetch(client, self.news)
                if self.card:
                    size += await self._run(socket, self.card)
                self.sizes.append(size)
                self.took.append(time.perf_counter() - begun)
                await asyncio.sleep(max(0.0, EVERY_S - self.took[-1]))

    async def _fetch(self, client: httpx.AsyncClient, path: str) -> int:
        """The bytes of the answer as they came over the wire."""
        answer = await client.get(path)
        answer.raise_for_status()
        return answer.num_bytes_downloaded

    async def _run(self, socket: ClientConnection, part: str) -> int:
        """Ask for a run of the page or of one live part and wait for its end; the bytes that came."""
        wanted = ClientState(
            query_string=f"region={self.region}" if self.region else "",
            page_script_hash=self.page,
            fragment_id=part,
            cached_message_hashes=self.hashes,
        )
        await socket.send(BackMsg(rerun_script=wanted).SerializeToString())
        size = 0
        while True:
            told = await asyncio.wait_for(socket.recv(decode=False), PATIENCE_S)
            size += len(told)
            message = ForwardMsg.FromString(told)
            self._note(message)
            if message.WhichOneof("type") == "script_finished":
                return size

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.page = message.new_session.page_script_hash or self.page
        elif kind == "delta":
            self._component(message.delta)
        if message.hash and message.metadata.cacheable and message.hash not in self.hashes:
            self.hashes.append(message.hash)

    def _component(self, delta: Delta) -> None:
        told = delta.new_element.bidi_component
        if told.id.endswith("-pulse_card"):
            self.card = delta.fragment_id
        elif told.id.endswith("-glance"):
            live = json.loads(told.json)[0]["live"]
            self.news, self.pulse = live["url"], live["pulse"]


def crowd(stack: Stack, sessions: int = SESSIONS) -> dict[str, object]:
    """Refresh times of `sessions` viewers, and the dashboard's resident memory while they watch."""
    viewers = [Viewer(base=stack.url, region="" if i % READERS else REGION) for i in range(sessions)]
    server = process(stack, "dashboard")
    asyncio.run(_together(viewers))
    took = sorted(1000 * one for viewer in viewers for one in viewer.took)
    plain = [n for v in viewers if not v.card for n in v.sizes]
    cards = [n for v in viewers if v.card for n in v.sizes]
    return {
        "sessions": sessions,
        "sessions_refreshes": len(took),
        "sessions_refresh_p50_ms": round(statistics.median(took)),
        "sessions_refresh_p95_ms": round(took[int(len(took) * 0.95) - 1]),
        "sessions_refresh_bytes": round(statistics.median(plain)),
        "sessions_refresh_bytes_with_a_card": round(statistics.median(cards)),
        "sessions_rss_mb": round(server.memory_info().rss / 1e6),
    }


async def _together(viewers: list[Viewer]) -> None:
    gate = asyncio.Barrier(len(viewers))
    await asyncio.gather(*(one.watch(0.1 * i, gate) for i, one in enumerate(viewers)))


def soak(stack: Stack, *, minutes: float, sessions: int = 20) -> dict[str, object]:
    """Viewers come and go again and again; how much the memory of dashboard and controller grew once it was warm."""
    parts = {name: process(stack, name) for name in ("dashboard", "controller")}
    seen: dict[str, list[float]] = {name: [] for name in parts}
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end or len(seen["dashboard"]) < LEAST_LOOKS:
        crowd(stack, sessions)
        for name, one in parts.items():
            seen[name].append(one.memory_info().rss / 1e6)
    figures: dict[str, object] = {"soak_minutes": minutes, "soak_looks": len(seen["dashboard"])}
    for name, sizes in seen.items():
        figures[f"soak_{name}_mb"] = f"{sizes[0]:.0f} to {sizes[-1]:.0f}"
        figures[f"soak_{name}_growth_mb"] = round(growth(sizes), 1)
    return figures


def growth(sizes: Sequence[float]) -> float:
    """From the middle third to the last one, by their medians: what a first third needs to warm up is no leak."""
    third = len(sizes) // 3
    return statistics.median(sizes[-third:]) - statistics.median(sizes[third : 2 * third])
