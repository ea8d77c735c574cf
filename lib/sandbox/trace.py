"""A recorded availability series as GPU stock: which zone had room when, laid over the sandbox's own zones.

The format is that of published Spot availability sets: `gap_seconds`, `kind: binary` and `zones[]` with `name`,
`region` and `data`, one character a tick, 1 for a launch that was granted. Zones of other clouds take their places
by order or by the scenario's map. Traces are brought by the user; none is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.checked import Part, bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    gap_s: float
    regions: Mapping[str, tuple[str, ...]]  # names of its zones, in the file's order
    data: Mapping[str, str]  # by zone: "0" or "1" a tick; all of one length

    @property
    def span_s(self) -> float:
        return self.gap_s * len(next(iter(self.data.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A trace, and what of the sandbox follows it. It begins again at its end."""

    trace: Trace
    accelerators: tuple[str, ...]
    provisioning: tuple[str, ...]
    zones: Mapping[str, str]  # ours -> the trace's; empty: all of ours, by order
    start_s: float = 0.0

    def follows(self, *, zone: str, accelerator: str, provisioning: str) -> bool:
        return (
            accelerator in self.accelerators
            and provisioning in self.provisioning
            and (not self.zones or zone in self.zones)
        )

    def room(self, elapsed_s: float, *, zone: str) -> bool:
        name, shift_s = (self.zones[zone], 0.0) if self.zones else _by_order(self.trace, zone)
        row = self.trace.data[name]
        return row[int((self.start_s + elapsed_s + shift_s) % self.trace.span_s // self.trace.gap_s)] == "1"


def _by_order(trace: Trace, zone: str) -> tuple[str, float]:
    """Our regions take the trace's in turn, their zones likewise. Regions that share one are moved along it by
    equal parts of its span, or they would fail at the same instant."""
    region = catalog.region_of(zone)
    theirs = tuple(trace.regions.values())
    lap, turn = divmod(tuple(catalog.REGIONS).index(region), len(theirs))
    laps = -(-len(catalog.REGIONS) // len(theirs))
    zones = theirs[turn]
    return zones[catalog.zones(region).index(zone) % len(zones)], trace.span_s * lap / laps


def read(found: Any, where: str) -> Trace:
    """A trace from JSON. Raises BadScenario naming the field and what would be right."""
    # Sets carry their origin and remarks beside what is used here.
    part = Part(found, where)
    gap_s = part.number("gap_seconds", low=1, high=86_400)
    kind = part.text("kind")
    if kind != "binary":
        raise bad(part.at("kind"), f'"{kind}" can\'t be replayed', "binary, with one 0 or 1 a tick")
    regions: dict[str, tuple[str, ...]] = {}
    data: dict[str, str] = {}
    for zone in part.parts("zones"):
        name, region = zone.text("name"), zone.text("region")
        if name in data:
            raise bad(zone.at("name"), f'"{name}" is there twice', "each zone once")
        data[name] = _data(zone, length=len(next(iter(data.values()), "")))
        regions[region] = (*regions.get(region, ()), name)
    if not data:
        raise bad(part.at("zones"), "it is empty", "at least one zone with name, region and data")
    return Trace(gap_s=gap_s, regions=regions, data=data)


def _data(zone: Part, length: int) -> str:
    data = zone.text("data")
    wrong = next((n for n, c in enumerate(data) if c not in "01"), None)
    if wrong is not None:
        raise bad(zone.at("data"), f'"{data[wrong]}" at tick {wrong}', "0 or 1 for each tick")
    if length and len(data) != length:
        raise bad(zone.at("data"), f"{len(data)} ticks", f"{length}, as in the zone before")
    return data
