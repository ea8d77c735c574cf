"""What differs between two specs, in sentences and field by field. What would come of it is `preview`'s to tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lib.fleet import catalog, words
from lib.fleet.model import PlacementSpec


def number_changes(before: PlacementSpec, after: PlacementSpec) -> Iterator[str]:
    """A sentence for each number that changes."""
    if after.serving != before.serving:
        yield f"{after.serving} instead of {before.serving} regions should serve."
    if after.warm != before.warm:
        fee = words.usd(catalog.CLUSTER_FEE_USD_PER_HOUR)
        yield f"{after.warm} instead of {before.warm} clusters are kept warm without a GPU, {fee} each."
    if after.hedge != before.hedge:
        yield f"After a refused try up to {after.hedge} instead of {before.hedge} more regions are tried at once."
    if after.max_hourly_usd != before.max_hourly_usd:
        yield f"The budget is {words.usd(after.max_hourly_usd)} instead of {words.usd(before.max_hourly_usd)}."


def list_changes(before: PlacementSpec, after: PlacementSpec) -> Iterator[str]:
    """A sentence for what changes in the lists of GPUs, provisioning models and regions, beside what is pinned or
    excluded anew."""
    if after.accelerators != before.accelerators:
        order = ", ".join(catalog.short(a) for a in after.accelerators)
        yield (
            f"The GPUs wanted are, in this order, {order}; a region that runs another one goes to the first that it "
            "can get, and the old replica serves until the new one is Ready."
        )
    if after.provisioning != before.provisioning:
        yield f"Machines are asked for as {', then '.join(after.provisioning)}."
    for region in before.pinned:
        if region not in after.pinned and region not in after.excluded:
            yield f"{region} is no longer pinned: the platform may choose another one."
    for region in before.excluded:
        if region not in after.excluded and region not in after.pinned:
            yield f"{region} may be used again."


def fields(before: object, after: object, path: str = "spec") -> Iterator[str]:
    """ "spec.regions.serving: 2 -> 3" for each field of two documents that differs."""
    old, new = _mapping(before), _mapping(after)
    if old is not None and new is not None:
        for name in dict.fromkeys((*old, *new)):
            yield from fields(old.get(name), new.get(name), f"{path}.{name}")
    elif before != after:
        yield f"{path}: {_said(before)} -> {_said(after)}"


def _mapping(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(_said(one) for one in cast('list[object]', value))}]"
    if isinstance(value, dict):
        held = cast("dict[str, object]", value)
        return ", ".join(f"{name} {_said(one)}" for name, one in held.items())
    return str(value)
