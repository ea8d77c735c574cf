"""What every page draws from: one immutable picture of the placement, the regions and the journal.

The session module makes one about once a second for the whole process; pages only read it. It says how old each
part is and what did not answer, so that no panel has to guess. Not a cache with a policy, and no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from lib.fleet.model import (
    Candidate,
    Decision,
    Entry,
    Placement,
    PlacementStatus,
    Provisioning,
    RegionStatus,
    RegionView,
)
from lib.gateways.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAnchor:
    """The target's clock: at `wall` (epoch seconds) it showed `target`, and it runs `speed` times as fast."""

    wall: float
    target: float
    speed: float = 1.0

    def at(self, wall: float) -> datetime:
        return datetime.fromtimestamp(self.target + (wall - self.wall) * self.speed, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What does not answer, in one sentence, and since when (wall, epoch seconds)."""

    sentence: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    clock: ClockAnchor
    zone: tzinfo = UTC  # in which times are told: the viewer's, put in by lib.ui.viewer
    label: str = ""  # "SANDBOX" or ""
    version: int = 0  # grows when anything but the age changed
    fleet_version: int = 0  # the same without what regions offer: odds change often, and few pages draw them
    placement: Placement | None = None
    views: tuple[RegionView, ...] = ()
    entries: tuple[Entry, ...] = ()  # newest first, bounded per kind
    faults: tuple[Fault, ...] = ()  # put into the sandbox; always empty elsewhere
    read_at: float | None = None  # wall: when the placement was last read
    launch: Trouble | None = None  # the controller or the sandbox could not be started
    hub: Trouble | None = None  # the config cluster does not answer
    journal: Trouble | None = None

    @property
    def status(self) -> PlacementStatus | None:
        return self.placement.status if self.placement else None

    @property
    def wanted(self) -> str:
        """The accelerator asked for: a fleet-wide switch wins over the order of preference."""
        if self.placement is None:
            return ""
        spec = self.placement.spec
        wide = [one.accelerator for one in spec.overrides if one.region is None]
        return (wide or list(spec.accelerators) or [""])[-1 if wide else 0]

    def region_status(self, region: str) -> RegionStatus | None:
        return next((one for one in self.regions if one.region == region), None)

    @property
    def regions(self) -> tuple[RegionStatus, ...]:
        return self.status.regions if self.status else ()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return self.status.decisions if self.status else ()

    def view(self, region: str) -> RegionView | None:
        return next((one for one in self.views if one.region == region), None)

    def candidate(
        self, region: str, accelerator: str, provisioning: Provisioning | None = None
    ) -> Candidate | None:
        """By the provisioning model that is preferred there, or by this one."""
        view = self.view(region)
        return next(
            (
                one
                for one in (view.all() if view else ())
                if one.accelerator == accelerator and provisioning in (None, one.provisioning)
            ),
            None,
        )

    @property
    def newest_probe(self) -> int:
        """No version grows with these: they come with every look of the controller."""
        return next((one.id for one in self.entries if one.kind == "probe"), 0)

    def of_kind(self, *kinds: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.kind in kinds)

    @property
    def setting_up(self) -> bool:
        """The first start: the placement was never there. Its absence later is a trouble, not a beginning."""
        return self.placement is None and not any(
            entry.subject == "sample" for entry in self.of_kind("bootstrap")
        )
