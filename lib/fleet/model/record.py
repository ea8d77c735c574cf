"""What is remembered: lines of the journal, and what was learned from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lib.fleet.model.terms import Phase

Durations = Mapping[Phase, tuple[float, float]]
"""Learned seconds a region stays in a phase: (p50, p90)."""


def _empty_body() -> dict[str, object]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal. Kinds: phase, decision, action, event, probe, prompt, intent, fault,
    bootstrap, error, ledger, spend; `body` holds what the kind needs (see `drill` for the fields that reports read)."""

    id: int
    at: datetime
    kind: str
    region: str = ""
    subject: str = ""
    message: str = ""
    actor: str = ""
    operation_id: str = ""
    body: Mapping[str, object] = field(default_factory=_empty_body)
