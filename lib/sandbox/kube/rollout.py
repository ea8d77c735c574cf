"""The arithmetic of a rollout, exactly as Kubernetes does it. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HASH_LABEL = "pod-template-hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One ReplicaSet in a rollout: what it is told to have, and how many of those are available."""

    name: str
    replicas: int
    available: int


def template_hash(template: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[b % len(_ALPHABET)] for b in digest[:10])


def same_template(made: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a ReplicaSet's template is the Deployment's, but for the hash label."""
    metadata = made.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    return {**made, "metadata": {**metadata, "labels": labels}} == wanted


def fenceposts(rolling: dict[str, Any], desired: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable): surge rounds up, unavailable rounds down, and never both 0."""
    surge = _resolve(rolling.get("maxSurge", "25%"), desired, up=True)
    unavailable = _resolve(rolling.get("maxUnavailable", "25%"), desired, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, unavailable


def _resolve(value: int | str, desired: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = desired * int(value[:-1]) / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value)


def new_replicas(new: Scale, old: Sequence[Scale], *, desired: int, surge: int) -> int:
    """How many the new ReplicaSet may have now."""
    if new.replicas >= desired:
        return desired
    room = desired + surge - new.replicas - sum(o.replicas for o in old)
    return new.replicas + max(0, min(room, desired - new.replicas))


def old_replicas(new: Scale, old: Sequence[Scale], *, desired: int, unavailable: int) -> dict[str, int]:
    """How many each old ReplicaSet (oldest first) may keep: unhealthy ones go first, then as many available
    ones as the new ReplicaSet has made up for."""
    kept = {o.name: o.replicas for o in old}
    least = desired - unavailable
    budget = new.replicas + sum(kept.values()) - least - (new.replicas - new.available)
    if budget <= 0:
        return kept
    for one in old:
        unhealthy = min(budget, one.replicas - min(one.available, one.replicas))
        kept[one.name] -= unhealthy
        budget -= unhealthy
    spare = new.available + sum(min(o.available, o.replicas) for o in old) - least
    for one in old:
        going = min(max(0, spare), kept[one.name])
        kept[one.name] -= going
        spare -= going
    return kept
