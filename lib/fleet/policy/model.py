"""The values the policy reads and answers. Times are seconds since its first look, money is USD an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["spot", "od"]
State = Literal["pending", "starting", "ready"]
Happening = Literal["up", "failed", "ready", "lost"]
Outcome = Literal["obtained", "refused", "lost", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    name: str
    region: str
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked for. `ondemand_usd` is None where on-demand can't be had."""

    target: int
    zones: tuple[Zone, ...]
    ondemand_usd: float | None = None
    cold_start_s: float = 183.0
    attempt_s: float = 60.0
    poll_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`up`: a launch was accepted, `failed`: it was refused, `lost`: a replica was taken back."""

    what: Happening
    zone: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of an attempt, and when. `obtained`: a replica stands there from now on; `refused`: no room;
    `lost`: it was taken back; `released`: we let it go, which tells nothing of the zone."""

    zone: str
    outcome: Outcome
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """`pending`: asked for, no answer yet. `starting`: accepted, not serving yet."""

    id: int
    zone: str
    kind: Kind
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    at_s: float
    events: tuple[Event, ...] = ()
    replicas: tuple[Replica, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`spot`: zones to ask, one replica each; `ondemand`: how many more; `drop`: ids to let go."""

    spot: tuple[str, ...] = ()
    ondemand: int = 0
    drop: tuple[int, ...] = ()
    wake_s: float = 600.0
