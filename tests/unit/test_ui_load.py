"""The load generator: its limits are its own, one run at a time, stopped at any moment, nothing is lost on the way."""

from __future__ import annotations

import threading

import pytest

from lib.fleet.traffic import CLIENTS, Client
from lib.gateways.errors import Unreachable
from lib.gateways.ping import Ping
from lib.ui.load import MOST, MOST_A_SECOND, Generator, Refused
from tests.waiting import wait_until

VIP = "http://127.0.0.1:1"


def answered(_vip: str, client: Client) -> Ping:
    return Ping(status=200, ms=10.0, region="asia-east1" if client.continent == "Asia" else "us-east1")


def done(generator: Generator) -> None:
    wait_until(lambda: not generator.report.running, timeout_s=10, every_s=0.01, what="a load that is done")


@pytest.mark.parametrize(
    ("vip", "count", "rate", "says"),
    [
        pytest.param("", 1, 1, "no global address", id="no address"),
        pytest.param(VIP, MOST + 1, 1, f"From 1 to {MOST} requests", id="too many"),
        pytest.param(VIP, 0, 1, f"From 1 to {MOST} requests", id="none"),
        pytest.param(
            VIP, 1, MOST_A_SECOND + 1, f"From 1 to {MOST_A_SECOND} requests a second", id="too fast"
        ),
    ],
)
def test_what_is_beyond_the_limits_is_refused_and_nothing_is_sent(
    vip: str, count: int, rate: int, says: str
) -> None:
    generator = Generator(ask=answered)
    with pytest.raises(Refused, match=says):
        generator.start(vip, count=count, a_second=rate)
    assert generator.report.wanted == 0


def test_it_asks_from_all_continents_in_turn_and_tells_who_answered() -> None:
    generator = Generator(ask=answered)
    generator.start(VIP, count=3, a_second=MOST_A_SECOND)
    done(generator)
    assert [one.client for one in generator.report.answers] == [client.city for client in CLIENTS[:3]]
    assert (generator.report.ok, generator.report.by_region) == (3, (("us-east1", 3),))
    assert generator.report.percentile(95) == 10.0
    assert not generator.report.stopped


def test_what_nobody_answers_is_counted_as_lost() -> None:
    def silent(_vip: str, _client: Client) -> Ping:
        raise Unreachable("nobody")

    generator = Generator(ask=silent)
    generator.start(VIP, count=1, a_second=1)
    done(generator)
    assert (generator.report.ok, generator.report.by_region) == (0, (("no region", 1),))
    assert generator.report.percentile(95) is None


def test_a_second_one_is_refused_while_the_first_runs_and_it_stops_when_told() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(vip: str, client: Client) -> Ping:
        asked.set()
        go_on.wait(10)
        return answered(vip, client)

    generator = Generator(ask=slow)
    generator.start(VIP, count=MOST, a_second=1)
    assert asked.wait(10)
    with pytest.raises(Refused, match="running already"):
        generator.start(VIP, count=1, a_second=1)
    generator.stop()
    go_on.set()
    done(generator)
    assert generator.report.stopped
    assert len(generator.report.answers) == 1
    generator.start(VIP, count=1, a_second=1)
    done(generator)
    assert not generator.report.stopped
