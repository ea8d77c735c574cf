"""The rules of a capacity probe: names that tell what they are, cost, limits; and what a probe's outcome means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet import catalog
from lib.fleet.capacity import COOL_DOWN, resting
from lib.fleet.model import Outcome, Provisioning, RegionCapacity
from lib.fleet.probe import Probe, best_zone, plan_words, probe_from, refusal, told
from tests.unit.fleet_world import L4, T0, capacity_of
from tests.unit.test_fleet_signals import DETAILS, attempt, judged

HOME, ZONE = "us-central1", "us-central1-a"
KNOWN = capacity_of(HOME)
ZONES = KNOWN.zones


def one(minutes_ago: float = 0, **facts: object) -> Probe:
    base = Probe(
        region=HOME,
        zone=ZONE,
        accelerator=L4,
        provisioning=Provisioning.STANDARD,
        at=T0 - timedelta(minutes=minutes_ago),
    )
    return replace(base, **facts)


@pytest.mark.parametrize("gpu", [name for name, a in catalog.ACCELERATORS.items() if a.gpus == 1])
@pytest.mark.parametrize("model", [*Provisioning])
def test_a_name_tells_which_probe_it_is_and_fits_computes_rules(gpu: str, model: Provisioning) -> None:
    made = one(accelerator=gpu, provisioning=model)
    assert probe_from(made.name, ZONE) == made
    assert len(made.name) <= 63
    assert probe_from("somebody-elses", ZONE) is None


def test_a_probe_costs_a_minute() -> None:
    hourly = catalog.usd_per_hour(L4, Provisioning.STANDARD, HOME)
    assert hourly is not None
    assert one().usd == pytest.approx(hourly / 60)
    assert one(provisioning=Provisioning.SPOT).usd < one().usd


@pytest.mark.parametrize(
    ("made", "known", "room", "says"),
    [
        pytest.param([], KNOWN, 5.0, "", id="nothing against it"),
        pytest.param([one(9)], KNOWN, None, "the next probe there may be made at 20:01 UTC", id="one per window"),
        pytest.param([one(9, provisioning=Provisioning.SPOT)], KNOWN, None, "20:01 UTC", id="whichever model"),
        pytest.param([one(9, zone="us-central1-b")], KNOWN, None, "", id="another zone"),
        pytest.param([one(11)], KNOWN, None, "", id="after the window"),
        pytest.param([one(60 + n, zone="us-central1-b") for n in range(70)], KNOWN, None, "have cost $1.00", id="a day's budget"),
        pytest.param([one(1500 + n, zone="us-central1-b") for n in range(70)], KNOWN, None, "", id="yesterday's is over"),
        pytest.param([], KNOWN, 0.2, "The budget leaves $0.20/h", id="the placement's budget"),
        pytest.param([], capacity_of(HOME, quota=0), None, "A probe would only be told so", id="no quota"),
        pytest.param([], capacity_of(HOME, offers=()), None, "no zone of us-central1 does", id="not offered"),
        pytest.param([], None, None, "Nothing is known", id="unknown"),
    ],
)  # fmt: skip
def test_a_probe_is_made_within_its_limits(
    made: list[Probe], known: RegionCapacity | None, room: float | None, says: str
) -> None:
    found = refusal(one(), made, known, room_usd=room)
    assert says in found
    assert bool(says) == bool(found)


def test_what_is_asked_to_be_confirmed_names_thing_cost_and_limits() -> None:
    what, cost, limits = plan_words(one(provisioning=Provisioning.SPOT), [one(60)])
    assert "the VM atlas-probe-spot-nvidia-l4-" in what
    assert "$0.0057" in cost
    assert "($0.0142 spent)" in limits


def test_the_likeliest_zone_is_probed_when_none_is_named() -> None:
    refused = attempt(Outcome.STOCK_OUT, 20, message=DETAILS)
    assert best_zone(HOME, KNOWN, L4, [], []) == "us-central1-a"
    assert best_zone(HOME, KNOWN, L4, [one(5)], []) == "us-central1-b"
    assert best_zone(HOME, KNOWN, L4, [one(5), one(3, zone="us-central1-b")], []) == "us-central1-c"
    assert best_zone(HOME, KNOWN, L4, [one(5, zone="us-central1-c")], [refused]) == "us-central1-b", (
        "Google named it"
    )


def test_the_answer_is_told_in_one_sentence() -> None:
    assert told(one(), Outcome.OBTAINED, "", 6) == (
        "us-central1-a has L4 on demand: the reservation stood after 6 s and is deleted."
    )
    assert told(one(), Outcome.STOCK_OUT, DETAILS, 6) == (
        "us-central1-a is out of L4 on demand now. Google names us-central1-b, us-east4-c as having capacity."
    )
    assert "quota refused" in told(one(), Outcome.QUOTA, "Quota exceeded.", 1)


def test_a_probe_that_was_refused_speaks_for_its_zone_until_no_zone_is_left() -> None:
    tried = [attempt(Outcome.STOCK_OUT, 5 + n, probe=True, zone=zone) for n, zone in enumerate(ZONES)]
    assert resting(tried[:2], ZONES, T0) is None
    assert resting(tried, ZONES, T0) == tried[-1]
    assert resting(tried, ZONES, T0 + COOL_DOWN) is None
    by_pod = attempt(Outcome.STOCK_OUT, 20)
    assert resting([tried[0], by_pod], ZONES, T0) == by_pod, "what the autoscaler met is still true"
    assert resting([attempt(Outcome.OBTAINED, 1, probe=True), by_pod], ZONES, T0) is None


def test_a_zone_that_google_named_keeps_its_region_in_the_running() -> None:
    refused = attempt(Outcome.STOCK_OUT, 1, probe=True)
    plain, named = judged(refused), judged(replace(refused, message=DETAILS))
    assert plain.eligible
    assert named.eligible
    assert (named.obtainability or 0) > 0.7
    assert (plain.obtainability or 0) < 0.3
