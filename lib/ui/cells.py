"""What is known of every region and GPU as a grid of cells, in one provisioning model and one layer. Pure values.

A cell says its state by a number or a sign and by a step of colour, never by colour alone. What nobody looked at, and
what was seen too long ago, is a state of its own; nothing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from lib.fleet import catalog
from lib.fleet import words as fleet_words
from lib.fleet.explain import STALE_AFTER
from lib.fleet.model import Candidate, Phase, Provisioning, RegionView
from lib.ui import moments, words
from lib.ui.snapshot import Snapshot

LAYERS: Final = ("Obtainability", "Price", "Quota headroom", "Expected time")
SORTS: Final = ("Odds", "Price", "Name")
MODEL_TITLES: Final = {Provisioning.STANDARD: "On demand", Provisioning.SPOT: "Spot"}
NOT_OFFERED: Final = "·"
NOT_LOOKED_AT: Final = "-"
REWRITTEN_S: Final = (
    150.0  # wall: views that didn't change are written again each minute, however fast the clock is
)
LEFT_OUT: Final = tuple(one for one in catalog.ACCELERATORS if one not in catalog.AUTOPILOT)

Pair = tuple[str, str]  # region, accelerator
Kind = tuple[str, str, Provisioning]
Told = Mapping[Kind, Candidate]  # of a sonar, to be shown instead of what is published


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the viewer wants to see."""

    model: Provisioning = Provisioning.STANDARD
    layer: str = "Obtainability"
    sort: str = "Odds"
    accelerator: str
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    region: str
    accelerator: str
    provisioning: Provisioning
    candidate: Candidate | None  # None: not looked at
    as_of: datetime | None
    stale: bool = False
    heard: bool = False  # by the sonar, and not from what the controller published

    @property
    def offered(self) -> bool:
        return bool(self.candidate and self.candidate.zones)

    @property
    def letter(self) -> str:
        """The map's letters (words.known_letter), and F where the workload doesn't fit the machine that is sold."""
        known = words.known_letter(self.candidate)
        machine = catalog.ACCELERATORS.get(self.accelerator)
        return "F" if known in "LPU?" and machine is not None and not machine.fits else known


LETTER_WORDS: Final = {**words.KNOWN_WORDS, "F": "doesn't fit the workload"}
LETTER_COLORS: Final = {**words.KNOWN_COLORS, "F": "gray"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    regions: tuple[str, ...]  # in the order asked for
    accelerators: tuple[str, ...]  # wanted ones first
    wanted: tuple[str, ...]
    cells: Mapping[Pair, Cell]
    serving: frozenset[str]
    ours: frozenset[str]  # regions of the placement
    zone: tzinfo  # of the viewer

    def at(self, region: str, accelerator: str) -> Cell | None:
        return self.cells.get((region, accelerator))


def grid(snapshot: Snapshot, look: Look, *, now: datetime, told: Told) -> Grid:
    """`told`: what a sonar heard."""
    views = {view.region: view for view in snapshot.views}
    names, asked = accelerators(snapshot), wanted(snapshot)
    oldest = now - max(STALE_AFTER, timedelta(seconds=REWRITTEN_S * snapshot.clock.speed))
    cells = {
        (region, name): _cell(views.get(region), (region, name, look.model), oldest, told)
        for region in (*catalog.REGIONS, *(one for one in views if one not in catalog.REGIONS))
        for name in names
    }
    regions = dict.fromkeys(region for region, _ in cells)
    return Grid(
        regions=tuple(
            sorted(
                regions,
                key=lambda one: _order(look.sort, one, [cells[one, name] for name in asked]),
            )
        ),
        accelerators=names,
        wanted=asked,
        cells=cells,
        serving=frozenset(one.region for one in snapshot.regions if one.phase is Phase.SERVING),
        ours=frozenset(one.region for one in snapshot.regions),
        zone=snapshot.zone,
    )


def best(grid: Grid, accelerator: str) -> str | None:
    """The region with the best odds that is not one of the placement's; None where it can be had nowhere."""
    able = [
        (one.candidate.obtainability or 0.0, region)
        for region in grid.regions
        if region not in grid.ours
        and (one := grid.cells[region, accelerator]).candidate
        and one.candidate.eligible
    ]
    return max(able, key=lambda one: one[0], default=(0.0, None))[1]


def wanted(snapshot: Snapshot) -> tuple[str, ...]:
    spec = snapshot.placement.spec if snapshot.placement else None
    names = (snapshot.wanted, *(spec.accelerators if spec else ()))
    return tuple(dict.fromkeys(name for name in names if name))


def accelerators(snapshot: Snapshot) -> tuple[str, ...]:
    """Those that Autopilot can run: the wanted ones first, then the catalogue's order, which is by price."""
    return tuple(dict.fromkeys((*wanted(snapshot), *catalog.AUTOPILOT)))


def _cell(view: RegionView | None, kind: Kind, oldest: datetime, told: Told) -> Cell:
    region, accelerator, model = kind
    heard = told.get(kind)
    found = heard or published(view, accelerator, model)
    as_of = view.as_of if view else None
    return Cell(
        region=region,
        accelerator=accelerator,
        provisioning=model,
        candidate=found,
        as_of=as_of,
        stale=heard is None and found is not None and (as_of is None or as_of < oldest),
        heard=heard is not None,
    )


def published(view: RegionView | None, accelerator: str, model: Provisioning) -> Candidate | None:
    """The candidate of this model; where it isn't offered at all, the one that says so."""
    found = [one for one in view.all() if one.accelerator == accelerator] if view and view.as_of else []
    fits = next((one for one in found if one.provisioning is model), None)
    return fits or next((one for one in found if not one.zones), None)


def _order(sort: str, region: str, asked: Sequence[Cell]) -> tuple[object, ...]:
    """By the GPUs that the placement asks for, not by the chosen cell: a click must not turn the grid over."""
    found = [one.candidate for one in asked if one.candidate is not None and one.candidate.zones]
    if sort == "Name" or not found:
        return (sort != "Name", region)
    usd = min(math.inf if one.usd_per_hour is None else one.usd_per_hour for one in found)
    odds = max((one.obtainability or 0.0) if one.eligible else -1.0 for one in found)
    return (False, usd, -odds, region) if sort == "Price" else (False, -odds, usd, region)


# --- words -----------------------------------------------------------------------------------------------


def hover(cell: Cell, zone: tzinfo) -> tuple[str, ...]:
    """Lines of plain text: odds, price, quota, time, age."""
    head = f"{words.gpu(cell.accelerator)}, {MODEL_TITLES[cell.provisioning].lower()}"
    found = cell.candidate
    if found is None:
        return (head, "Nothing is known of it yet.")
    if not found.zones:
        return (head, "No zone offers it.", dated(cell, zone))
    return (head, odds_words(cell), *money_and_quota(found), *_hope(cell, found), dated(cell, zone))


def odds_words(cell: Cell) -> str:
    found = cell.candidate
    chance = f", {found.obtainability:.0%}" if found and found.obtainability is not None else ""
    said = LETTER_WORDS[cell.letter]
    return f"{said[:1].upper()}{said[1:]}{chance if cell.letter in 'LPU' else ''}"


def money_and_quota(found: Candidate) -> tuple[str, str]:
    quota = found.quota
    free = (
        "not readable"
        if quota is None
        else f"{max(0.0, quota.limit - quota.usage):g} of {quota.limit:g} free"
    )
    return f"{words.money(found.usd_per_hour)} per hour", f"Quota {free}"


def _hope(cell: Cell, found: Candidate) -> Sequence[str]:
    if found.eta_s is None or cell.letter not in words.HOPE:
        return ()
    return (f"Would serve in about {fleet_words.duration(found.eta_s)}{words.HOPE[cell.letter]}",)


def dated(cell: Cell, zone: tzinfo) -> str:
    """How old it is, in words that don't change with every look."""
    if cell.heard:
        return "Heard by the sonar"
    if cell.as_of is None:
        return "When it was seen isn't known"
    return (
        f"Last seen {moments.day(cell.as_of, zone)} ({moments.utc(cell.as_of)}), long ago"
        if cell.stale
        else "Seen at the controller's last looks"
    )
