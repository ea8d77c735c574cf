"""The placement policy: what losses teach, which set is worth its money, and what the judge's protocol hears."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from lib.cli import main
from lib.fleet.policy import wire
from lib.fleet.policy.knowledge import HOUR_S, Knowledge
from lib.fleet.policy.model import Answer, Event, Look, Outcome, Record, Replica, Terms, Zone
from lib.fleet.policy.parallel import sought, to_ask
from lib.fleet.policy.policy import Policy
from lib.fleet.policy.portfolio import Portfolio

ZONES = tuple(
    Zone(name=f"{region}-{letter}", region=region, usd=1.0) for region in ("east", "west") for letter in "ab"
)
NAMES = tuple(z.name for z in ZONES)


def terms(**changed: object) -> Terms:
    return Terms(**{"target": 1, "zones": ZONES, **changed})  # type: ignore[arg-type]


def up(zone: str) -> Event:
    return Event(what="up", zone=zone, kind="spot")


def lost(zone: str) -> Event:
    return Event(what="lost", zone=zone, kind="spot")


def refused(zone: str) -> Event:
    return Event(what="failed", zone=zone, kind="spot")


def replica(id_: int, zone: str, state: str = "ready", kind: str = "spot") -> Replica:
    return Replica(id=id_, zone=zone, kind=kind, state=state)  # type: ignore[arg-type]


def test_an_old_run_is_safer_than_a_young_one():
    known = Knowledge(ZONES)
    known.learn(0.0, [up("east-a")], {"east-a"})
    young = known.hazard("east-a", 0.0)
    known.learn(16 * HOUR_S, [], {"east-a"})
    assert known.hazard("east-a", 16 * HOUR_S) < young / 5


def test_a_loss_warns_of_its_siblings_and_not_of_other_regions():
    known = Knowledge(ZONES)
    known.learn(0.0, [up(z) for z in NAMES], NAMES)
    before = {z: known.hazard(z, HOUR_S) for z in NAMES}
    known.learn(HOUR_S, [lost("east-a")], set(NAMES) - {"east-a"})
    rise = {z: known.hazard(z, HOUR_S) / before[z] for z in NAMES if z != "east-a"}
    assert rise["east-b"] > rise["west-a"] == pytest.approx(rise["west-b"])


def test_a_zone_that_refused_is_likelier_again_as_time_passes():
    known = Knowledge(ZONES)
    known.learn(0.0, [refused("east-a")], ())
    odds = [known.room("east-a", minutes * 60.0) for minutes in (0, 10, 60, 240)]
    assert odds == sorted(odds)
    assert odds[0] < 0.05
    assert odds[-1] > 0.5


def test_a_zone_that_holds_us_and_refuses_is_full_not_down():
    known = Knowledge(ZONES)
    known.learn(0.0, [up("east-a")], {"east-a"})
    known.learn(60.0, [refused("east-a")], {"east-a"})
    assert known.holds("east-a")
    assert known.room("east-a", 120.0) < 0.05
    assert known.room("east-a", 60.0 + HOUR_S) > 0.9


def test_a_zone_that_loses_one_of_two_is_full_not_down():
    known = Knowledge(ZONES)
    known.learn(0.0, [up("east-a")], {"east-a"})
    known.learn(HOUR_S, [lost("east-a")], {"east-a"})
    assert known.holds("east-a")
    assert known.room("east-a", HOUR_S + 60.0) < 0.05


def test_a_zone_let_go_a_moment_ago_is_still_in_its_run():
    known = Knowledge(ZONES)
    known.learn(0.0, [up("east-a")], {"east-a"})
    known.learn(20 * HOUR_S, [], ())
    assert known.age_s("east-a", 20 * HOUR_S + 600.0) == known.age_s("east-a", 20 * HOUR_S) + 600.0
    assert known.room("east-a", 20 * HOUR_S + 60.0) > known.room("east-a", 30 * HOUR_S) > 0.6


def record(hours: float, zone: str, outcome: Outcome) -> Record:
    return Record(zone=zone, outcome=outcome, at_s=hours * HOUR_S)


RECORDS = (
    record(1, "east-a", "refused"),
    record(2, "east-b", "obtained"),
    record(2, "west-a", "obtained"),
    record(30, "east-b", "lost"),
    record(30, "west-a", "lost"),
    record(31, "west-b", "obtained"),
    record(33, "west-b", "released"),
    record(34, "east-a", "obtained"),
)


def test_a_record_replayed_teaches_what_was_learned_as_it_happened():
    lived = Knowledge(ZONES)
    lived.learn(1 * HOUR_S, [refused("east-a")], ())
    lived.learn(2 * HOUR_S, [up("east-b"), up("west-a")], {"east-b", "west-a"})
    for hour in range(3, 30):
        lived.learn(hour * HOUR_S, [], {"east-b", "west-a"})
    lived.learn(30 * HOUR_S, [lost("east-b"), lost("west-a")], ())
    lived.learn(31 * HOUR_S, [up("west-b")], {"west-b"})
    lived.learn(33 * HOUR_S, [], ())
    lived.learn(34 * HOUR_S, [up("east-a")], {"east-a"})
    lived.learn(40 * HOUR_S, [], {"east-a"})
    told = Knowledge.replay(ZONES, reversed(RECORDS), 40 * HOUR_S)
    for zone in NAMES:
        assert told.holds(zone) == lived.holds(zone)
        assert told.room(zone, 41 * HOUR_S) == pytest.approx(lived.room(zone, 41 * HOUR_S))
        assert told.hazard(zone, 41 * HOUR_S) == pytest.approx(lived.hazard(zone, 41 * HOUR_S))
    assert told.together("east-b", "west-a") == lived.together("east-b", "west-a")


def test_a_replay_reads_no_record_of_later_or_of_elsewhere():
    later, elsewhere = record(50, "east-b", "refused"), record(3, "north-a", "obtained")
    told = Knowledge.replay(ZONES, (*RECORDS, later, elsewhere), 40 * HOUR_S)
    assert told == Knowledge.replay(ZONES, RECORDS, 40 * HOUR_S)


def test_a_replay_believes_what_is_held_now():
    told = Knowledge.replay(ZONES, RECORDS, 40 * HOUR_S, held={"west-b"})
    assert [z for z in NAMES if told.holds(z)] == ["west-b"]


def test_nothing_recorded_is_the_start():
    assert Knowledge.replay(ZONES, (), 7.0).room("east-a", 7.0) == Knowledge(ZONES).room("east-a", 0.0)


ODDS = {"a": 0.5, "b": 0.9, "c": 0.4, "d": 0.05}


@pytest.mark.parametrize(
    ("how", "places"),
    [
        pytest.param({"missing": 0}, "", id="nothing is missing"),
        pytest.param({"missing": 1}, "ba", id="the likeliest first, until the sum is reached"),
        pytest.param({"missing": 1, "refused_rounds": 1}, "bacd", id="twice as much after a refused round"),
        pytest.param({"missing": 1, "waiting": "b"}, "a", id="what waits counts and is not asked again"),
        pytest.param({"missing": 1, "waiting": "bba"}, "", id="enough waits"),
        pytest.param({"missing": 2, "copies": {"b": 2}}, "bba", id="several at once where told"),
        pytest.param({"missing": 1, "order": lambda place, _: ord(place)}, "ab", id="in the order asked for"),
    ],
)
def test_so_many_are_asked_at_once_as_bring_what_is_missing(how: dict[str, object], places: str):
    assert to_ask(ODDS, **how) == tuple(places)  # type: ignore[arg-type]


def test_the_order_hears_what_was_chosen_before():
    heard = list[tuple[str, ...]]()
    to_ask(ODDS, missing=1, order=lambda place, before: heard.append(tuple(before)) or ord(place))
    assert heard[-1] == ("a",)


def test_refused_rounds_double_what_is_sought_up_to_a_bound():
    assert [sought(1, n) for n in range(5)] == pytest.approx([1.3, 2.6, 5.2, 10.4, 10.4])


def portfolio(target: int, outage: float, hazard: float = 1e-4) -> Portfolio:
    return Portfolio(
        target=target,
        price=dict.fromkeys(NAMES, 1.0),
        hazard=dict.fromkeys(NAMES, hazard),
        together=lambda a, b: 0.3 if a.split("-")[0] == b.split("-")[0] else 0.05,
        outage=outage,
        recovery_s=200.0,
    )


def test_a_spare_in_another_region_prevents_more_than_one_beside_it():
    risks = portfolio(1, 1.0)
    alone, beside, away = (
        risks.deficits(s) for s in (("east-a",), ("east-a", "east-b"), ("east-a", "west-a"))
    )
    assert away < beside < alone


@pytest.mark.parametrize(
    ("outage", "size"), [pytest.param(1.0, 1, id="cheap"), pytest.param(1e6, 2, id="dear")]
)
def test_a_spare_is_held_only_while_outages_are_worth_more_than_it(outage: float, size: int):
    assert len(portfolio(1, outage).best(("east-a",), NAMES)) == size


def test_the_climb_finds_the_best_of_all_sets_that_there_are():
    risks = portfolio(2, 2e4)
    every = [s for size in (2, 3, 4) for s in itertools.combinations_with_replacement(sorted(NAMES), size)]
    found = risks.worth(risks.best(("east-a", "east-b"), NAMES))
    assert found == pytest.approx(min(map(risks.worth, every)))


def test_nothing_held_asks_several_zones_at_once():
    answer = Policy(terms()).step(Look(at_s=0.0))
    assert len(answer.spot) >= 2
    assert answer.ondemand == 0


def test_each_refused_round_asks_more():
    policy = Policy(terms(zones=tuple(Zone(name=f"z{i}", region=f"r{i}", usd=1.0) for i in range(30))))
    asked, counts = policy.step(Look(at_s=0.0)), []
    for minute in range(1, 4):
        counts.append(len(asked.spot))
        asked = policy.step(Look(at_s=60.0 * minute, events=tuple(refused(z) for z in asked.spot)))
    assert counts[0] < counts[1] < counts[2]


def test_on_demand_covers_a_deficit_and_goes_when_old_spot_serves():
    policy = Policy(terms(ondemand_usd=3.3))
    assert policy.step(Look(at_s=0.0)).ondemand >= 1
    standing = (replica(1, "east-a", kind="od"), replica(2, "east-b", "starting"))
    kept = policy.step(Look(at_s=60.0, events=(up("east-b"),), replicas=standing))
    assert kept.drop == ()
    served = policy.step(Look(at_s=40 * HOUR_S, replicas=(standing[0], replica(2, "east-b"))))
    assert served.drop == (1,)


def test_a_zone_that_came_back_is_left_until_its_run_is_older_while_on_demand_covers():
    policy = Policy(terms(zones=ZONES[:1], ondemand_usd=3.3))
    cover = replica(1, "east-a", kind="od")
    policy.step(Look(at_s=0.0, events=(refused("east-a"),), replicas=(cover,)))
    back = policy.step(
        Look(at_s=60.0, events=(up("east-a"),), replicas=(cover, replica(2, "east-a", "starting")))
    )
    assert back.drop == (2,)
    asked = [policy.step(Look(at_s=60.0 * m, replicas=(cover,))).spot for m in range(2, 17)]
    assert set(asked) == {()}
    seen_again = policy.step(Look(at_s=17 * 60.0, replicas=(cover,)))
    assert seen_again.spot == ("east-a",)


def test_where_nothing_covers_a_young_run_is_taken():
    policy = Policy(terms(zones=ZONES[:1]))
    policy.step(Look(at_s=0.0, events=(refused("east-a"),)))
    back = policy.step(Look(at_s=60.0, events=(up("east-a"),), replicas=(replica(2, "east-a", "starting"),)))
    assert back.drop == ()


def test_few_zones_are_each_asked_for_all_that_is_missing():
    answer = Policy(terms(target=4, zones=ZONES[:2])).step(Look(at_s=0.0))
    assert sorted(answer.spot) == ["east-a"] * 4 + ["east-b"] * 4


def test_what_serves_is_never_dropped_below_the_target():
    """A random world of a day; the seed makes it the same each time."""
    rng, policy, held, ids = (
        random.Random(7),
        Policy(terms(target=2)),
        dict[int, Replica](),
        itertools.count(),
    )
    for minute in range(24 * 60):
        events = list[Event]()
        for number, one in list(held.items()):
            if one.state == "pending":
                has_room = rng.random() < 0.6
                events.append(up(one.zone) if has_room else refused(one.zone))
                held[number] = replica(number, one.zone, "starting")
                if not has_room:
                    del held[number]
            elif rng.random() < 0.002:
                events.append(lost(one.zone))
                del held[number]
            else:
                held[number] = replica(number, one.zone)
        answer = policy.step(Look(at_s=60.0 * minute, events=tuple(events), replicas=tuple(held.values())))
        ready = [n for n, one in held.items() if one.state == "ready"]
        left = [n for n in ready if n not in answer.drop]
        assert len(left) >= min(2, len(ready))
        assert set(answer.spot) <= set(NAMES)
        held = {n: one for n, one in held.items() if n not in answer.drop}
        for zone in answer.spot:
            number = next(ids)
            held[number] = replica(number, zone, "pending")


INIT = {
    "type": "init", "protocol": 1, "target": 1, "seed": 0, "cold_start_s": 183, "attempt_s": 60, "poll_s": 60,
    "min_bill_s": 60, "ondemand_price": None, "zones": [{"name": "z", "region": "r", "price": 0.9, "more": 1}],
}  # fmt: skip


def test_the_judge_hears_one_line_for_each_until_the_end():
    step = {"type": "step", "t": 0, "events": [], "replicas": []}
    told = list(wire.answers(map(json.dumps, (INIT, step, {"type": "end"}, step))))
    assert json.loads(told[0]) == {}
    assert json.loads(told[1])["launch"] == [{"zone": "z", "kind": "spot"}]
    assert len(told) == 2


def test_an_answer_is_told_in_the_protocols_words():
    answer = Answer(spot=("z",), ondemand=1, drop=(3,), wake_s=60.0)
    assert wire.reply(answer) == {
        "launch": [{"zone": "z", "kind": "spot"}, {"kind": "od"}],
        "terminate": [3],
        "wake": 60.0,
    }


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        pytest.param("{", "Line 1 is no message", id="no JSON"),
        pytest.param("[]", "Line 1 is no message", id="no object"),
        pytest.param('{"type":"step"}', "first init, then step", id="a step before init"),
        pytest.param('{"type":"init"}', "'target' is missing", id="a missing field"),
        pytest.param(json.dumps(INIT | {"target": 0}), "target must be at least 1", id="nothing wanted"),
    ],
)
def test_a_wrong_line_is_one_sentence_and_wrong_usage(line, sentence, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", iter([line]))
    assert main(["policy", "--stdio"]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
