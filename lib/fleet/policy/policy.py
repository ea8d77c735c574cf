"""What to ask for, what to let go and when to look again: keep the wanted replicas serving for the least downtime and
money.

Level-triggered: it answers from what is alive now and from what it has learned. Four rules:
a deficit is filled by parallel attempts, more of them after each refused round, and covered by on-demand meanwhile;
a run so young that on-demand would have to stand beside it is left alone, and looked at again, until it is older;
spares are held while the deficits they prevent are worth more than their price; what is surplus goes once its better
stands. It neither calls a cloud nor keeps replicas: its memory is what losses taught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from lib.fleet.policy.knowledge import UNSEEN_AGE_S, Knowledge
from lib.fleet.policy.model import Answer, Look, Replica, Terms
from lib.fleet.policy.parallel import to_ask
from lib.fleet.policy.portfolio import Portfolio, Set

OUTAGE_S = 12_500.0  # worth of a deficit where on-demand covers it, in seconds of spot's price: once,
OUTAGE_RATE = 10.0  # and a second it lasts
UNCOVERED_S, UNCOVERED_RATE = 40_000.0, 75.0  # the same where nothing covers it
SEARCH_S = 180.0  # beyond two attempts, to find a zone where nothing covers the deficit
ONDEMAND_SHARE = 3.3  # on-demand over spot, where no on-demand price is told
CANDIDATES = 6
WIDTH = 2  # times what is missing: attempts of one round where no zone is left to ask
YOUNG_LOSS = 1.8  # deficits that a run lost young is worth: spot was paid beside on-demand, and starts again
PROBE_S = 900.0  # between looks at a zone whose run is still too young
ROOM_TO_PLAN, ROOM_TO_MOVE = 0.05, 0.5  # likely enough to plan with: a zone not held, one that holds us
MARGIN = 0.3  # of a replica's price, an hour: a smaller gain is not worth moving for
CAUTION = 1.5  # how much more a likely zone is preferred to a safe one
SHARED_FATE = 2.0  # a replica beside another counts this many times its hazard
KEEP_COVER = 0.6  # a cover that stands is kept until it is worth less than this share of its price
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
            zones, drop, wake = self._fill(look.at_s, held, asked, portfolio), list[int](), FILL_S
        else:
            zones, drop = self._improve(look.at_s, held, asked, portfolio)
            self._round = self._round + refused if zones else 0
            wake = WATCH_S if zones else IDLE_S
        early = self._early(look, held)
        if early:
            drop, wake = [*drop, *early], FILL_S
        cover, uncover = self._cover(look, held, drop, portfolio)
        return Answer(spot=tuple(zones), ondemand=cover, drop=(*drop, *uncover), wake_s=wake)

    def _made_good(self) -> float:
        terms = self.terms
        made_good = terms.cold_start_s + terms.poll_s / 2
        return made_good + (2 * terms.attempt_s + SEARCH_S if self._cover_price is None else 0.0)

    def _outage(self) -> float:
        if self._cover_price is None:
            return UNCOVERED_S + UNCOVERED_RATE * self._made_good()
        return OUTAGE_S + OUTAGE_RATE * self._made_good()

    def _portfolio(self, at_s: float) -> Portfolio:
        terms = self.terms
        return Portfolio(
            target=terms.target,
            price=self._price,
            hazard={z.name: self.knowledge.hazard(z.name, at_s) for z in terms.zones},
            together=self.knowledge.together,
            outage=self._outage()
            * terms.target,  # a larger service's deficit is worth as much more as it costs
            recovery_s=self._made_good(),
        )

    def _fill(
        self, at_s: float, held: list[Replica], asked: list[Replica], portfolio: Portfolio
    ) -> list[str]:
        """Zones to ask until the odds of the answers cover what is missing, twice as much after each refused round."""
        missing = self.terms.target - len(held)
        names = [z.name for z in self.terms.zones]
        young = {z for z in names if self._unripe(z, at_s)}
        ripening = {z for z in young if self._seen_lately(z, at_s)}
        zones = [
            z for z in names if z not in (young if ripening else ())
        ]  # what would wait behind one isn't asked
        room = {z: self.knowledge.room(z, at_s) for z in zones}
        known = {z for z in zones if self.knowledge.holds(z) or self.knowledge.let_go(z) is not None}
        taken, waiting = [r.zone for r in held], [r.zone for r in asked]
        chosen = to_ask(
            room,
            missing=missing,
            refused_rounds=self._round,
            waiting=waiting,
            copies=dict.fromkeys(known - young, missing),
            order=lambda z, before: self._risk(z, [*taken, *before], portfolio) / room[z] ** CAUTION,
        )
        if not room.keys() - {*chosen, *waiting}:  # no zone is left
            return self._in_width(chosen, missing, young)
        return list(chosen)

    @staticmethod
    def _in_width(chosen: Sequence[str], missing: int, young: Collection[str]) -> list[str]:
        """Few zones are left, so each is asked for all that is missing, as far as WIDTH goes: the first with room
        then brings all at once. Not where it would be let go again: there one tells as much."""
        counts, left = Counter(chosen), WIDTH * missing - len(chosen)
        for zone in dict.fromkeys(z for z in chosen if z not in young):
            more = max(0, min(left, missing - counts[zone]))
            counts[zone] += more
            left -= more
        return list(counts.elements())

    def _seen_lately(self, zone: str, at_s: float) -> bool:
        until = self.knowledge.let_go(zone)
        return until is not None and at_s - until < PROBE_S

    def _unripe(self, zone: str, at_s: float) -> bool:
        """Its run will still be so young when spot serves there that on-demand is worth its price instead."""
        if self._cover_price is None or self.knowledge.age_s(zone, at_s) >= UNSEEN_AGE_S:
            return False
        hazard = self.knowledge.hazard(zone, at_s, self.terms.cold_start_s)
        return YOUNG_LOSS * self._outage() * hazard > self._cover_price - self._price[zone]

    def _early(self, look: Look, held: list[Replica]) -> list[int]:
        """Replicas that do not serve yet, in a run too young, for which on-demand stands in."""
        cover = sum(r.kind == "od" for r in look.replicas)
        young = [r for r in held if r.state == "starting" and self._unripe(r.zone, look.at_s)]
        return [r.id for r in young[: max(0, min(cover, cover + len(held) - self.terms.target))]]

    def _risk(self, zone: str, taken: list[str], portfolio: Portfolio) -> float:
        hazard = portfolio.hazard[zone]
        shared = sum(self.knowledge.together(zone, other) for other in taken)
        return hazard * (1 + SHARED_FATE * taken.count(zone) + shared)

    def _improve(
        self, at_s: float, held: list[Replica], asked: list[Replica], portfolio: Portfolio
    ) -> tuple[list[str], list[int]]:
        """Towards the set that is worth its money: first what it adds, then, with that standing, what it drops."""
        have: Set = tuple(sorted(r.zone for r in held))
        most = portfolio.worth(have) - self.terms.target * min(self._price.values())
        if most <= MARGIN * self.terms.target:  # nothing can gain more
            return [], []
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
        standing = [r for r in held if r.id not in drop]
        cover = sorted((r for r in look.replicas if r.kind == "od"), key=lambda r: (r.state != "ready", r.id))
        ready = sum(r.state == "ready" for r in standing)
        keep, need = max(0, target - ready), max(0, target - len(standing))
        if not need:
            spares = self._spares(
                tuple(sorted(r.zone for r in standing)), portfolio, standing=len(cover) > keep
            )
            keep, need = max(keep, spares), spares
        return max(0, need - min(len(cover), keep)), [r.id for r in cover[keep:]]

    def _spares(self, have: Set, portfolio: Portfolio, *, standing: bool) -> int:
        """One, or enough for all, if the deficits it prevents are worth its price."""
        price = (self._cover_price or 0.0) * (KEEP_COVER if standing else 1.0)
        without = portfolio.deficits(have)
        for count in dict.fromkeys((1, self.terms.target)):
            if portfolio.outage * (without - portfolio.deficits(have, count)) > count * price:
                return count
        return 0
