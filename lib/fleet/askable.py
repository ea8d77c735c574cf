"""Whether a GPU may be asked for in a region: offered, within quota, and not refused there lately.

Money is another matter (`machines`), and so is how likely the try succeeds (`odds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.fleet import catalog
from lib.fleet.capacity import Index
from lib.fleet.machines import Choice, Machines, surging
from lib.fleet.model import FleetObservation, Outcome, Provisioning, RegionObservation

SOUR_FOR = timedelta(hours=6)  # a type that failed here is not tried in place again before
OWN_NODE_FOR = timedelta(hours=1)  # a used-up quota may be our own idle node


@dataclass(frozen=True, slots=True, kw_only=True)
class Askable:
    seen: FleetObservation
    regions: Mapping[str, RegionObservation]
    index: Index
    now: datetime
    machines: Machines
    waiting: frozenset[str]  # regions that have got no GPU yet

    def room_everywhere(self, *, but: str) -> bool:
        """Whether the project's quota has room for one GPU more, beside those that other regions wait for."""
        quota = self.seen.global_quota
        waiting = len(self.waiting) - (but in self.waiting)
        waiting += sum(
            surging(self.seen, seen, self.now) and len(self.machines.held[r]) == 1
            for r, seen in self.regions.items()
            if r != but
        )
        return quota is None or quota.limit - quota.usage - waiting >= 1

    def offered(self, region: str, choice: Choice) -> bool:
        capacity = self.seen.capacity.get(region)
        machine = catalog.ACCELERATORS.get(choice[0])
        return machine is not None and machine.fits and (capacity is None or choice[0] in capacity.offered)

    def failed(self, region: str, choice: Choice) -> bool:
        """Its last try here was refused, lately."""
        last = self.index.get((region, *choice))
        return last is not None and last.outcome is not Outcome.OBTAINED and self.now - last.at < SOUR_FOR

    def usable(self, region: str, choice: Choice) -> bool:
        if self.failed(region, choice):
            return False
        return self.offered(region, choice) and self.has_quota(region, choice)

    def quota_here(self, region: str, choice: Choice) -> bool:
        """Room for one machine more in the region."""
        capacity = self.seen.capacity.get(region)
        known = catalog.ACCELERATORS.get(choice[0])
        metric = known.metric(choice[1]) if known else ""
        quota = capacity.quotas.get(metric) if capacity and capacity.quotas else None
        return quota is None or quota.limit - quota.usage >= 1

    def has_quota(self, region: str, choice: Choice) -> bool:
        capacity = self.seen.capacity.get(region)
        metric = catalog.ACCELERATORS[choice[0]].metric(choice[1])
        quota = capacity.quotas.get(metric) if capacity and capacity.quotas else None
        if quota is None or quota.limit - quota.usage >= 1:
            return True
        last = self.index.get((region, *choice))
        ours = last is not None and last.outcome is Outcome.OBTAINED and self.now - last.at < OWN_NODE_FOR
        return ours and quota.limit >= 1

    def failed_since(self, key: tuple[str, str, Provisioning], since: datetime | None) -> bool:
        last = self.index.get(key)
        return (
            last is not None and last.outcome is not Outcome.OBTAINED and (since is None or last.at >= since)
        )
