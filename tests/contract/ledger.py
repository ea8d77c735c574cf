"""What writers were told about their writes, and what a restart must therefore find."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

GONE = None  # the value of a thing that does not exist
HALF = "half"  # the value of a thing that is there in part
Value = int | str | None
Look = Callable[[httpx.Client], Mapping[str, Value]]
Send = Callable[[httpx.Client, str, Value, Value], httpx.Response]


@dataclass(slots=True)
class Thing:
    known: Value = GONE  # what was acknowledged last
    asked: list[Value] = field(default_factory=list)  # what was asked since, without an answer

    @property
    def allowed(self) -> set[Value]:
        return {self.known, *self.asked}


@dataclass(kw_only=True)
class Writer:
    """Writes the things of one API, one request at a time. `look` tells their values; `send(client, name, old, new)`
    asks for a new value."""

    kind: str
    names: tuple[str, ...]
    look: Look
    send: Send
    changes: bool = True  # whether a thing that is there can get another value, or only go
    things: dict[str, Thing] = field(default_factory=dict)
    acknowledged: int = 0
    refused: int = 0

    def write(self, client: httpx.Client, rng: random.Random) -> dict[str, Any]:
        """One write of a random thing; the answer's document. httpx.TransportError when no answer came."""
        name = rng.choice(self.names)
        thing = self.things.setdefault(name, Thing())
        goes = thing.known is not GONE and (not self.changes or rng.random() < 0.3)
        new = GONE if goes else rng.randrange(1, 500_000)
        thing.asked = [new]
        answer = self.send(client, name, thing.known, new)
        thing.asked = []
        if answer.is_success:
            thing.known = new
            self.acknowledged += 1
        else:  # it is on its way up or down, and says so
            assert answer.status_code in {400, 403, 404, 409, 412}, (self.kind, name, new, answer.text)
            self.refused += 1
        return answer.json()

    def differences(self, client: httpx.Client) -> dict[str, tuple[Value, set[Value]]]:
        """Things whose value is none that may be: (found, allowed)."""
        found = self.look(client)
        allowed: dict[str, set[Value]] = {name: {GONE} for name in found}
        allowed |= {name: thing.allowed for name, thing in self.things.items()}
        told = {name: (found.get(name), may) for name, may in allowed.items()}
        return {name: (value, may) for name, (value, may) in told.items() if value not in may}

    def settle(self, client: httpx.Client) -> None:
        """What was found is known from now on."""
        found = self.look(client)
        for name, thing in self.things.items():
            thing.known, thing.asked = found.get(name), []


@dataclass(kw_only=True)
class Storm:
    """All writers at once, until something pulls the plug."""

    writers: tuple[Writer, ...]
    seed: int
    versions: list[int] = field(default_factory=lambda: [0])  # resourceVersions that were told
    errors: list[BaseException] = field(default_factory=list)

    def rage(
        self, connect: Callable[[], httpx.Client], acknowledgements: int, pull: Callable[[], None]
    ) -> None:
        """Returns when `pull`, called after so many acknowledged writes, has ended every writer."""
        left, connected = threading.Semaphore(0), threading.Barrier(len(self.writers) + 1)

        def run(writer: Writer) -> None:
            with connect() as client:
                client.get("/healthz")  # killed in a TLS handshake, the client would leak its socket
                connected.wait(timeout=20)
                self._write(writer, client, left)

        threads = [threading.Thread(target=run, args=(w,), name=w.kind) for w in self.writers]
        for thread in threads:
            thread.start()
        connected.wait(timeout=20)
        in_time = all(left.acquire(timeout=20) for _ in range(acknowledgements))
        pull()
        for thread in threads:
            thread.join()
        assert not self.errors, self.errors
        assert in_time, "the writers were not answered in time"

    def _write(self, writer: Writer, client: httpx.Client, left: threading.Semaphore) -> None:
        rng = random.Random(f"{self.seed}/{writer.kind}/{writer.acknowledged}/{writer.refused}")
        try:
            while True:
                told = writer.write(client, rng)
                self.versions.append(int(told.get("metadata", {}).get("resourceVersion") or 0))
                left.release()
        except httpx.TransportError:
            pass
        except BaseException as e:  # noqa: BLE001 - told by the thread that started this one
            self.errors.append(e)
            left.release()
