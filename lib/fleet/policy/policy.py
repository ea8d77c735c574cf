"""What to ask for, what to let go and when to look again: keep the wanted replicas serving for the least downtime and
money.

Level-triggered: it answers from what is alive now and from what it has learned. Three rules:
a deficit is filled by parallel attempts, more of them after each refused round, and covered by on-demand meanwhile;
spares are held while the deficits they prevent are worth more than their price; what is surplus goes once its better
stands. It neither calls a cloud nor keeps replicas: its memory is what losses taught.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lib.fleet.policy.knowledge import Knowledge
from lib.fleet.policy.model import Answer, Look, Replica, Terms
from lib.fleet.policy.parallel import to_ask
from lib.fleet.policy.portfolio import Portfolio, Set

OUTAGE_S, OUTAGE_RATE = (
    12_000.0,
    10.0,
)  # worth of a deficit where on-demand covers it: once, and a second it lasts
UNCOVERED_RATE = 250.0  # a second, where nothing covers it
SEARCH_S = 180.0  # beyond two attempts, to find a zone where nothing covers the deficit
ONDEMAND_SHARE = 3.3  # on-demand over spot, where no on-demand price is told
CANDIDATES = 6
ROOM_TO_PLAN, ROOM_TO_MOVE = 0.05, 0.5  # likely enough to plan with: a zone not held, one that holds us
MARGIN = 0.15  # of a replica's price, an hour: a smaller gain is not worth moving for
CAUTION = 1.5  # how much more a likely zone is preferred to a safe one
SHARED_FATE = 2.0  # a replica beside another counts this many times its hazard
KEEP_COVER = 0.7  # a cover that stands is kept until it is worth less than this share of its price
FILL_S, WATCH_S, IDLE_S = 60.0, 120.0, 600.0


@dataclass(slots=True)
class Policy:
    terms: Terms
    knowledge: Knowledge = field(init=False)
    _round: int = 0
    _price: dict[str, float] = field(init=False)  # of a zone, in the cheapest zone's
    _cover_price: float | None = field(init=False)

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.terms.zones)
        cheapest = min(zone.usd for zone in self.terms.zones) or 1.0
        self._price = {zone.name: zone.usd / cheapest for zone in self.terms.zones}
        usd = self.terms.ondemand_usd
        self._cover_price = None if usd is None else usd / cheapest

    def step(self, look: Look) -> Answer:
        spot = [r for r in look.replicas if r.kind == "spot"]
        held = [r for r in spot if r.state != "pending"]
        asked = [r for r in spot if r.state == "pending"]
        self.knowledge.learn(look.at_s, look.events, {r.zone for r in held})
        refused = any(e.what == "failed" for e in look.events)
        portfolio = self._portfolio(look.at_s)
        missing = self.terms.target - len(held)
        if missing > 0:
            self._round += refused
            zones, drop, wake = self._fill(look.at_s, held, asked, portfolio), [], FILL_S
        else:
            zones, drop = self._improve(look.at_s, held, asked, portfolio)
            self._round = self._round + refused if zones else 0
            wake = WATCH_S if zones else IDLE_S
        cover, uncover = self._cover(look, held, drop, portfolio)
        return Answer(spot=tuple(zones), ondemand=cover, drop=(*drop, *uncover), wake_s=wake)

    def _portfolio(self, at_s: float) -> Portfolio:
        terms = self.terms
        made_good = terms.cold_start_s + terms.poll_s / 2
        if self._cover_price is None:
            made_good += 2 * terms.attempt_s + SEARCH_S
            outage = UNCOVERED_RATE * made_good
        else:
            outage = OUTAGE_S + OUTAGE_RATE * made_good
        return Portfolio(
            target=terms.target,
            price=self._price,
            hazard={z.name: self.knowledge.hazard(z.name, at_s) for z in terms.zones},
            together=self.knowledge.together,
            outage=outage
            * terms.target,  # a deficit of a larger service is worth more, as its replicas cost more
            recovery_s=made_good,
        )

    def _fill(
        self, at_s: float, held: list[Replica], asked: list[Replica], portfolio: Portfolio
    ) -> list[str]:
        """Zones to ask until the odds of the answers cover what is missing, twice as much after each refused round."""
        missing = self.terms.target - len(held)
        room = {z.name: self.knowledge.room(z.name, at_s) for z in self.terms.zones}
        taken, waiting = [r.zone for r in held], [r.zone for r in asked]
        chosen = list(
            to_ask(
                room,
                missing=missing,
                refused_rounds=self._round,
                waiting=waiting,
                copies={z: missing for z in room if self.knowledge.holds(z)},
                order=lambda z, before: self._risk(z, [*taken, *before], portfolio) / room[z] ** CAUTION,
            )
        )
        if chosen and not room.keys() - {*chosen, *waiting}:  # no zone is left: the last must do for all
            chosen += [chosen[-1]] * (missing - chosen.count(chosen[-1]))
        return chosen

    def _risk(self, zone: str, taken: list[str], portfolio: Portfolio) -> float:
        hazard = portfolio.hazard[zone]
        shared = sum(self.knowledge.together(zone, other) for other in taken)
        return hazard * (1 + SHARED_FATE * taken.count(zone) + shared)

    def _improve(
        self, at_s: float, held: list[Replica], asked: list[Replica], portfolio: Portfolio
    ) -> tuple[list[str], list[int]]:
        """Towards the set that is worth its money: first what it adds, then, with that standing, what it drops."""
        have: Set = tuple(sorted(r.zone for r in held))
        wanted = portfolio.best(have, self._within(at_s, portfolio))
        if portfolio.worth(have) - portfolio.worth(wanted) <= MARGIN * self.terms.target:
            return [], []
        waiting = {r.zone for r in asked}
        adds = list((Counter(wanted) - Counter(have)).elements())
        if adds or asked:
            return [zone for zone in adds if zone not in waiting], []
        return [], self._surplus(held, Counter(have) - Counter(wanted))

    def _within(self, at_s: float, portfolio: Portfolio) -> tuple[str, ...]:
        room = {z.name: self.knowledge.room(z.name, at_s) for z in self.terms.zones}
        least = {z: ROOM_TO_MOVE if self.knowledge.holds(z) else ROOM_TO_PLAN for z in room}
        likely = [z for z in room if room[z] >= least[z]]
        return tuple(sorted(likely, key=lambda z: portfolio.hazard[z] / room[z])[:CANDIDATES])

    def _surplus(self, held: list[Replica], too_many: Counter[str]) -> list[int]:
        """Only what leaves as many ready as are wanted."""
        ready, drop = sum(r.state == "ready" for r in held), list[int]()
        for replica in held:
            serves = replica.state == "ready"
            if too_many[replica.zone] > 0 and (not serves or ready > self.terms.target):
                too_many[replica.zone] -= 1
                ready -= serves
                drop.append(replica.id)
        return drop

    def _cover(
        self, look: Look, held: list[Replica], drop: list[int], portfolio: Portfolio
    ) -> tuple[int, list[int]]:
        """On-demand: how many more, and which to let go. As many stay as spot doesn't serve; more are asked for only
        for what no accepted launch will serve, or as spares while the spot that stands is likely to be lost."""
        if self._cover_price is None:
            return 0, []
        target = self.terms.target
        cover = sorted(
            (r for r in look.replicas if r.kind == "od"), key=lambda r: (r.state == "ready", -r.id)
        )
        ready = sum(r.state == "ready" and r.id not in drop for r in held)
        keep, need = max(0, target - ready), max(0, target - len(held))
        if not need:
            spares = self._spares(tuple(sorted(r.zone for r in held)), portfolio, standing=len(cover) > keep)
            keep, need = keep + spares, spares
        surplus = max(0, len(cover) - keep)
        return max(0, need - (len(cover) - surplus)), [r.id for r in cover[:surplus]]

    def _spares(self, have: Set, portfolio: Portfolio, *, standing: bool) -> int:
        """One, or enough for all, if the deficits it prevents are worth its price."""
        price = (self._cover_price or 0.0) * (KEEP_COVER if standing else 1.0)
        without = portfolio.deficits(have)
        for count in dict.fromkeys((1, self.terms.target)):
            if portfolio.outage * (without - portfolio.deficits(have, count)) > count * price:
                return count
        return 0
