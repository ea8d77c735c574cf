"""Faults and kills: what a run does to the world, drawn from the sandbox's own table of faults.

It says nothing of what should happen. Paced by wall time, for the world's goes on meanwhile.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from lib.launch import process
from lib.sandbox import catalog
from lib.sandbox.fault_kinds import KINDS, FaultKind, Field
from tests.chaos.intents import GPUS, REGIONS
from tests.chaos.truth import Truth
from tests.e2e.stack import Stack
from tests.waiting import wait_until

PARTS = ("sandbox", "controller", "dashboard")
KILL_EVERY_S, FAULT_EVERY_S = 3.5, 0.2
TTL_S, LONG_TTL_S = (120, 1500), 4 * 3600  # of the sandbox's time; one in twenty lasts long
MOST = {
    "ms": 3000.0,
    "factor": 5.0,
    "seconds": 600.0,
}  # of what a fault may say where its own bounds are wider


@dataclass(kw_only=True)
class Storm:
    stack: Stack
    truth: Truth
    rng: random.Random
    admin: httpx.Client
    faults: int = 0
    kinds: set[str] = field(default_factory=set)
    kills: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def rage(self, faults: int, kills: int) -> threading.Thread:
        """In a thread of its own, that ends when so many faults were put in and so many kills made."""
        thread = threading.Thread(target=self._rage, args=(faults, kills), name="storm")
        thread.start()
        return thread

    def _rage(self, faults: int, kills: int) -> None:
        pause, every = threading.Event(), max(1, faults // kills)
        try:
            while self.faults < faults or len(self.kills) < kills:
                pause.wait(FAULT_EVERY_S)
                self._fault()
                if self.faults % every == 0 and len(self.kills) < kills:
                    self._kill(PARTS[len(self.kills) % len(PARTS)])
        except BaseException as e:  # noqa: BLE001 - told by the thread that started this one
            self.errors.append(e)

    def _fault(self) -> None:
        """One more, unless the sandbox is away just now."""
        body = self._drawn()
        try:
            answer = self.admin.post("/admin/v1/faults", json=body)
        except httpx.TransportError:
            return
        # A cluster that was there when the fault was drawn may have gone.
        assert answer.is_success or "there is no cluster" in answer.text, (body, answer.text)
        self.faults += answer.is_success
        self.kinds.add(body["kind"])

    def _drawn(self) -> dict[str, Any]:
        weights = [0.3 if name == "token-clock-skew" else 1 for name in KINDS]  # that one strikes everything
        kind = KINDS[self.rng.choices(list(KINDS), weights)[0]]
        ttl_s = LONG_TTL_S if self.rng.random() < 0.05 else self.rng.randint(*TTL_S)
        return {"kind": kind.name, "scope": dict(self._scope(kind)), "ttlSeconds": ttl_s}

    def _scope(self, kind: FaultKind) -> Iterator[tuple[str, Any]]:
        needed = {f.name for f in kind.fields if f.required} | {*kind.any_of[:1]}
        for one in kind.fields:
            if one.name in needed or self.rng.random() < 0.5:
                value = self._value(one)
                if value is not None:
                    yield one.name, value

    def _value(self, one: Field) -> Any:
        """None: nothing that would do any harm comes to mind."""
        if one.truth:
            return self.rng.random() < 0.5
        if one.bounds:
            low, high = one.bounds
            most = min(high, MOST.get(one.name, high))
            return round(self.rng.uniform(max(low, -most), most), 2)
        choices = {
            "region": REGIONS,
            "location": (*REGIONS, "global"),
            "zone": [zone for region in REGIONS for zone in catalog.zones(region)],
            "cluster": sorted(self.truth.look().clusters),
            "accelerator": GPUS,
        }.get(one.name, one.choices)
        return self.rng.choice(choices) if choices else None

    def _kill(self, part: str) -> None:
        """kill -9 of what runs now; whoever supervises starts it again."""
        record = wait_until(
            lambda: process.find(self.stack.state_dir, part), timeout_s=60, what=f"a running {part}"
        )
        assert record
        os.kill(record.pid, signal.SIGKILL)
        self.kills.append(part)

    def clear(self) -> None:
        """No fault is in force any more."""
        wait_until(self._cleared, timeout_s=60, what="the faults are cleared")

    def _cleared(self) -> bool:
        try:
            return self.admin.delete("/admin/v1/faults").is_success
        except httpx.TransportError:
            return False
