"""Which phase each region was in and when, from its status and the journal: the lanes of a chart.

The status remembers the last twenty phases of the regions of now, the journal also of regions that have gone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lib.fleet.model import Entry, Phase, RegionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`until` is None while it lasts."""

    phase: Phase
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    region: str
    spans: tuple[Span, ...]  # oldest first
    present: bool  # of the placement now


def lanes(
    regions: Iterable[RegionStatus], entries: Iterable[Entry], *, since: datetime | None = None
) -> tuple[Lane, ...]:
    """A lane a region with a span that reaches into the time after `since`; those of now first, then by name."""
    present = {one.region: one for one in regions}
    marks = _marks(entries)
    for name, status in present.items():
        known = marks.setdefault(name, {})
        for one in status.history:
            known.setdefault(one.since, one.phase)
    made = [
        Lane(region=name, spans=tuple(_spans(found, since)), present=name in present)
        for name, found in marks.items()
    ]
    return tuple(
        sorted((lane for lane in made if lane.spans), key=lambda lane: (not lane.present, lane.region))
    )


def _marks(entries: Iterable[Entry]) -> dict[str, dict[datetime, Phase | None]]:
    """By region, what began when; None: it left the placement."""
    found: dict[str, dict[datetime, Phase | None]] = {}
    for entry in entries:
        if entry.kind != "phase" or not entry.region:
            continue
        name = str(entry.body.get("phase", entry.subject))
        if name in set(Phase) or not name:
            found.setdefault(entry.region, {})[entry.at] = Phase(name) if name else None
    return found


def _spans(marks: Mapping[datetime, Phase | None], since: datetime | None) -> Iterable[Span]:
    """Marks of the same phase in a row are one: the status and the journal tell of it a moment apart."""
    starts: list[tuple[datetime, Phase | None]] = []
    for at, phase in sorted(marks.items(), key=lambda mark: mark[0]):
        if not starts or starts[-1][1] is not phase:
            starts.append((at, phase))
    ends = [at for at, _ in starts[1:]] + [None]
    for (at, phase), until in zip(starts, ends, strict=True):
        if phase is not None and (since is None or until is None or until > since):
            yield Span(phase=phase, since=at, until=until)
