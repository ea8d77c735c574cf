"""Leases on top of the spec: which one is in force in a region, and which are over or void.

An override never deletes itself here; it only stops counting, and `over` says what to take out of the spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lib.fleet import catalog, words
from lib.fleet.model import ExpireOverride, Override, PlacementSpec, Rollout


def void_reason(override: Override) -> str:
    """Why an override can't be honoured at all; "" when it can."""
    if override.accelerator not in catalog.ACCELERATORS:
        return f"{override.accelerator} isn't a GPU type."
    if override.rollout is Rollout.HARD and override.expires_at is None:
        return "A Hard switch needs an expiry."
    if override.commit and (
        override.rollout is Rollout.HARD or not override.region or not override.expires_at
    ):
        return "A roll back is Safe, names its region and needs an expiry."
    return ""


def in_force(override: Override, now: datetime) -> bool:
    return not void_reason(override) and (override.expires_at is None or override.expires_at > now)


def effective(spec: PlacementSpec, region: str, now: datetime) -> Override | None:
    """The newest lease that covers the region; of equals the one written last."""
    matching = [
        (o.created_at.timestamp() if o.created_at else 0.0, place, o)
        for place, o in enumerate(spec.overrides)
        if o.region in (None, region) and in_force(o, now)
    ]
    return max(matching, key=lambda m: m[:2])[2] if matching else None


def over(spec: PlacementSpec, now: datetime) -> Iterator[ExpireOverride]:
    for override in spec.overrides:
        void = void_reason(override)
        if void:
            yield ExpireOverride(override=override, reason=void)
        elif override.expires_at is not None and override.expires_at <= now:
            yield ExpireOverride(
                override=override, reason=f"The lease ran out at {words.at(override.expires_at)}."
            )


def is_drill(override: Override | None) -> bool:
    """A lease with an end: its region is left alone. A Safe switch that is meant to stay is the new normal."""
    return override is not None and override.expires_at is not None


def preferences(spec: PlacementSpec, now: datetime) -> tuple[str, ...]:
    """Accelerators for new regions: the spec's, or the one that a lasting switch of all regions asks for."""
    lasting = [o for o in spec.overrides if o.region is None and o.expires_at is None and in_force(o, now)]
    return (lasting[-1].accelerator,) if lasting else spec.accelerators
