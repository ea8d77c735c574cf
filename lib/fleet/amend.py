"""The numbers of a placement as an operator sets them: how many regions serve, stay warm, are tried; and the budget.

A pure edit of the spec like those of `intent`, refused in one sentence. The bounds are the CRD's.
"""

from __future__ import annotations

from dataclasses import replace

from lib.fleet import words
from lib.fleet.intent import Refused
from lib.fleet.model import PlacementSpec

BOUNDS: dict[str, tuple[float, float, str]] = {
    "serving": (0, 43, "regions that serve"),
    "warm": (0, 10, "warm clusters"),
    "hedge": (0, 5, "regions that are tried beside those that lack"),
    "max_hourly_usd": (0, 10_000, "the budget in USD an hour"),
}


def amend(
    spec: PlacementSpec,
    *,
    serving: int | None = None,
    warm: int | None = None,
    hedge: int | None = None,
    max_hourly_usd: float | None = None,
) -> PlacementSpec:
    """The spec with what was given changed. Raises Refused."""
    asked = {"serving": serving, "warm": warm, "hedge": hedge, "max_hourly_usd": max_hourly_usd}
    given = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        low, high, what = BOUNDS[name]
        if not low <= value <= high:  # NaN too
            raise Refused(
                f"{what[0].upper()}{what[1:]} must be from {low:g} to {high:g}; {value:g} was asked for."
            )
    after = replace(spec, **given)
    if after == spec:
        raise Refused("Nothing to change: the placement says so already.")
    if after.serving < len(after.pinned):
        raise Refused(
            f"{words.listed(after.pinned)} are pinned, so at least {len(after.pinned)} regions serve; contract one first."
        )
    return after
