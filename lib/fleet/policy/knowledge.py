"""What losses and refusals teach about zones: how soon one that holds us is lost, how likely one that refused
has room again, and how often two are lost together.

The shapes are those of measured Spot traces (SkyPilot's, 2022 and 2023): the hazard of an up-run falls about as one
over its age and hardly depends on the zone; zones of one region are lost together several times as often as zones
of two regions. Levels are learned from the own record, starting at those figures. It decides nothing.

It is fed as time goes on (`learn`), or built anew from a record of attempts (`replay`): both know the same then. A zone
is whatever is asked and refused as one, so it may as well be a cloud's region; its `region` is what fails with it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import groupby

from lib.fleet.policy.model import Event, Happening, Outcome, Record, Zone

HOUR_S = 3600.0
# Losses an hour of a run: HAZARD / (its age and YOUNG_S, in hours) ** FALL.
HAZARD, YOUNG_S, FALL = 0.7, 0.25 * HOUR_S, 0.75
UNSEEN_AGE_S = 2 * HOUR_S  # what a run that is not ours is taken to be old
SEEN_SHARE = 0.4  # of the time since a refusal, its new run is taken to be this share old
# Recoveries an hour of a zone without room: RECOVERY / (its age and YOUNG_S, in hours) ** RECOVERY_FALL.
RECOVERY, RECOVERY_FALL = 0.9, 0.7
SAME_OUTAGE_S = 12 * HOUR_S  # two refusals no farther apart are taken to be of one outage
ROOM_FIRST, ROOM_HELD, ROOM_FULL, ROOM_LEAST = 0.6, 0.97, 0.02, 0.02
SHARE_LEAST, SHARE_MOST = 0.05, 0.95  # of time with room, in the long run
FULL_S = 0.5 * HOUR_S
SAME_RUN_S = 900.0  # so long a zone let go while up is taken to be in the same run; then its age grows slower
TOGETHER_S = 900.0
SAME_REGION, OTHER_REGION = 0.32, 0.08  # lost together, given one is
TOGETHER_WEIGHT = 20.0  # trials the two figures count for
AFTERSHOCK, AFTERSHOCK_S = 0.15, 1800.0  # extra losses an hour, for siblings of a zone just lost
ZONE_WEIGHT, ALL_WEIGHT, DAY_WEIGHT = 2.0, 3.0, 6.0  # losses, or recoveries, that the prior counts for
_HAPPENED: dict[Outcome, Happening] = {"obtained": "up", "refused": "failed", "lost": "lost"}

_Run = tuple[float, float]  # since, until


@dataclass(slots=True)
class _Rate:
    """Seen over expected, both starting at the same weight, so that it starts at 1."""

    seen: float
    expected: float

    @classmethod
    def of(cls, weight: float) -> _Rate:
        return cls(weight, weight)

    @property
    def ratio(self) -> float:
        return self.seen / self.expected


@dataclass(slots=True)
class Knowledge:
    zones: tuple[Zone, ...]
    at_s: float = 0.0
    _region: dict[str, str] = field(default_factory=dict[str, str])
    _up_since: dict[str, float] = field(default_factory=dict[str, float])  # of zones that hold us
    _down: dict[str, _Run] = field(default_factory=dict[str, _Run])  # refusing, so far as was seen
    _let_go: dict[str, _Run] = field(default_factory=dict[str, _Run])  # up when we left, not known down since
    _full_at: dict[str, float] = field(default_factory=dict[str, float])  # holds us, and has no room for more
    _losses: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # of the last hour
    _zone: dict[str, _Rate] = field(default_factory=dict[str, _Rate])
    _all: _Rate = field(default_factory=lambda: _Rate.of(ALL_WEIGHT))
    _hours: list[_Rate] = field(default_factory=lambda: [_Rate.of(DAY_WEIGHT) for _ in range(24)])
    _recovery: dict[str, _Rate] = field(default_factory=dict[str, _Rate])
    _together: dict[bool, _Rate] = field(default_factory=dict[bool, _Rate])

    def __post_init__(self) -> None:
        self._region = {z.name: z.region for z in self.zones}
        self._zone = {z.name: _Rate.of(ZONE_WEIGHT) for z in self.zones}
        self._recovery = {z.name: _Rate.of(ZONE_WEIGHT) for z in self.zones}
        for same, share in ((True, SAME_REGION), (False, OTHER_REGION)):
            self._together[same] = _Rate(share * TOGETHER_WEIGHT, TOGETHER_WEIGHT)

    @classmethod
    def replay(
        cls,
        zones: tuple[Zone, ...],
        records: Iterable[Record],
        at_s: float,
        held: Collection[str] | None = None,
    ) -> Knowledge:
        """What the records up to `at_s` teach, in whatever order they come; those of other zones are left out.

        Seconds may count from any instant, but the day's rhythm is learned by the hour of that count: from a
        midnight, as of the Unix epoch, is best. `held`: zones that hold us at `at_s`; when not told, those obtained
        and neither lost nor released since.
        """
        known, names, holds = cls(zones), {z.name for z in zones}, Counter[str]()
        told = sorted((r for r in records if r.zone in names and r.at_s <= at_s), key=lambda r: r.at_s)
        for then, together in groupby(told, key=lambda r: r.at_s):
            events = list[Event]()
            for record in together:
                holds[record.zone] += {"obtained": 1, "refused": 0}.get(record.outcome, -1)
                if record.outcome in _HAPPENED:
                    events.append(Event(what=_HAPPENED[record.outcome], zone=record.zone, kind="spot"))
            holds = +holds  # a loss may come without word that it was obtained
            known.learn(then, events, holds.keys())
        standing = holds.keys() if held is None else names.intersection(held)
        found = [Event(what="up", zone=z, kind="spot") for z in sorted(standing) if not known.holds(z)]
        known.learn(at_s, found, standing)
        return known

    def holds(self, zone: str) -> bool:
        return zone in self._up_since

    def let_go(self, zone: str) -> float | None:
        """When a zone was let go that is not known to be down since."""
        return self._let_go[zone][1] if zone in self._let_go else None

    def age_s(self, zone: str, at_s: float) -> float:
        """Of the run that a zone is in, if it is up: known for zones that hold us, guessed for the others."""
        if zone in self._up_since:
            return at_s - self._up_since[zone]
        if zone in self._let_go:
            since, until = self._let_go[zone]
            away = at_s - until
            return until - since + min(away, SAME_RUN_S) + SEEN_SHARE * max(0.0, away - SAME_RUN_S)
        if zone in self._down:
            return min(UNSEEN_AGE_S, SEEN_SHARE * (at_s - self._down[zone][1]))
        return UNSEEN_AGE_S

    def hazard(self, zone: str, at_s: float, later_s: float = 0.0) -> float:
        """Losses a second, were we there; `later_s`: of the same run when it is so much older."""
        level = self._level(zone) * self._of_day(at_s)
        own = level / HOUR_S * HAZARD * (self._hours_old(zone, at_s) + later_s / HOUR_S) ** -FALL
        shocks = (
            math.exp((then - at_s) / AFTERSHOCK_S)
            for then, other in self._losses
            if other != zone and self.same_region(other, zone)
        )
        return own + AFTERSHOCK / HOUR_S * sum(shocks)

    def _hours_old(self, zone: str, at_s: float) -> float:
        return (max(0.0, self.age_s(zone, at_s)) + YOUNG_S) / HOUR_S

    def room(self, zone: str, at_s: float) -> float:
        """How likely one more launch is accepted now, 0 to 1."""
        if zone in self._up_since:
            return ROOM_FULL if at_s - self._full_at.get(zone, -math.inf) < FULL_S else ROOM_HELD
        share = self._share(zone)
        if zone in self._let_go:
            lost = self._level(zone) * _expected(HAZARD, FALL, *self._let_go[zone], at_s)
            return share + max(0.0, ROOM_HELD - share) * math.exp(-lost / (1 - share))
        if zone in self._down:
            back = self._recovery[zone].ratio * self._recoveries(zone, at_s)
            return max(ROOM_LEAST, share * (1 - math.exp(-back / share)))
        return share

    def _share(self, zone: str) -> float:
        """Of time that it has room, in the long run: the more often it comes back and the less often it is lost."""
        for_one = ROOM_FIRST / (1 - ROOM_FIRST) * self._recovery[zone].ratio / self._level(zone)
        return min(SHARE_MOST, max(SHARE_LEAST, for_one / (1 + for_one)))

    def _level(self, zone: str) -> float:
        """Its losses in those of a zone as measured."""
        return self._zone[zone].ratio * self._all.ratio

    def _recoveries(self, zone: str, at_s: float) -> float:
        """Expected since it was last seen without room, of a zone as measured."""
        return _expected(RECOVERY, RECOVERY_FALL, *self._down[zone], at_s)

    def together(self, one: str, other: str) -> float:
        """How likely `other` is lost with `one`."""
        return self._together[self.same_region(one, other)].ratio

    def same_region(self, one: str, other: str) -> bool:
        return self._region[one] == self._region[other]

    def learn(self, at_s: float, events: Iterable[Event], held: Collection[str]) -> None:
        """`held`: zones that hold an accepted replica of ours now, after the events."""
        self._expect(at_s)
        self._losses = [x for x in self._losses if at_s - x[0] < HOUR_S]
        events = [e for e in events if e.kind == "spot"]
        lost = {e.zone for e in events if e.what == "lost"}
        for event in events:
            if event.what == "up":
                self._came_up(event.zone, at_s)
            elif event.what == "lost":
                self._was_lost(event.zone, at_s, lost, held)
            elif event.what == "failed":
                self._refused(event.zone, at_s)
        for zone in [z for z in self._up_since if z not in held]:
            self._let_go[zone] = (self._up_since.pop(zone), at_s)

    def _of_day(self, at_s: float) -> float:
        """The day's rhythm: this hour's losses against all, smoothed over its neighbours."""
        hour = int(at_s / HOUR_S)
        parts = ((self._hours[(hour + by) % 24], weight) for by, weight in ((-1, 0.5), (0, 1.0), (1, 0.5)))
        seen, expected = 0.0, 0.0
        for rate, weight in parts:
            seen, expected = seen + weight * rate.seen, expected + weight * rate.expected
        return seen / expected

    def _expect(self, at_s: float) -> None:
        """Time under risk: what the model would have expected to lose since the last look, hour by hour."""
        while self._up_since and self.at_s < at_s:
            hour_ends = (math.floor(self.at_s / HOUR_S) + 1) * HOUR_S
            self._expect_of_hour(min(at_s, hour_ends))
        self.at_s = at_s

    def _expect_of_hour(self, at_s: float) -> None:
        hour = self._hours[int(self.at_s / HOUR_S) % 24]
        day, total = self._of_day(self.at_s), self._all.ratio
        for zone in self._up_since:
            unit = _expected(HAZARD, FALL, self._up_since[zone], max(self._up_since[zone], self.at_s), at_s)
            own = self._zone[zone]
            ratio = own.ratio
            own.expected += unit * total * day
            self._all.expected += unit * ratio * day
            hour.expected += unit * total * ratio
        self.at_s = at_s

    def _came_up(self, zone: str, at_s: float) -> None:
        if zone not in self._up_since:
            self._up_since[zone] = at_s - self.age_s(zone, at_s)
        self._let_go.pop(zone, None)
        if zone in self._down:
            self._learn_recovery(zone, at_s, back=1.0)
            del self._down[zone]

    def _learn_recovery(self, zone: str, at_s: float, back: float) -> None:
        """`back`: how surely it came back since it last refused. When, nobody saw: the mean over when it may have."""
        rate, risk = self._recovery[zone], self._recoveries(zone, at_s)
        if risk > 0:
            never = math.exp(-rate.ratio * risk)
            until = 1 / rate.ratio - risk * never / (1 - never)
            rate.seen, rate.expected = rate.seen + back, rate.expected + back * until + (1 - back) * risk

    def _was_lost(self, zone: str, at_s: float, lost: set[str], held: Collection[str]) -> None:
        if zone in self._up_since:
            lately = {z for then, z in self._losses if at_s - then < TOGETHER_S}
            for other in ({*held} | lately) - {zone}:
                rate = self._together[self.same_region(zone, other)]
                rate.expected += 1
                rate.seen += other in lately | lost
            for rate in (self._zone[zone], self._all, self._hours[int(at_s / HOUR_S) % 24]):
                rate.seen += 1
            self._losses.append((at_s, zone))
        if zone in held:
            self._refused(zone, at_s)  # the newest went, others stand: no room for more
        else:
            self._went_down(zone, at_s)

    def _refused(self, zone: str, at_s: float) -> None:
        if zone in self._up_since:
            self._full_at[zone] = at_s
        else:
            self._went_down(zone, at_s)

    def _went_down(self, zone: str, at_s: float) -> None:
        since = at_s
        if zone in self._down:
            since, until = self._down[zone]
            never = math.exp(-self._recovery[zone].ratio * self._recoveries(zone, at_s))
            self._learn_recovery(zone, at_s, back=1 - never / (1 - self.room(zone, at_s)))
            since = since if at_s - until <= SAME_OUTAGE_S else at_s
        self._up_since.pop(zone, None)
        self._let_go.pop(zone, None)
        self._down[zone] = (since, at_s)


def _expected(rate: float, fall: float, since: float, begin: float, end: float) -> float:
    """Ends of a run that began at `since`, between two instants, at a rate an hour that falls with its age."""
    before, after = ((at_s - since + YOUNG_S) / HOUR_S for at_s in (begin, end))
    return rate / (1 - fall) * (after ** (1 - fall) - before ** (1 - fall))
