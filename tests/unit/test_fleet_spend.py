"""The month's accounts: charged by what was seen, GPU and fee apart, gaps named and in no sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.controller.accountant import Accountant
from lib.fleet import spend
from lib.fleet.model import (
    ClusterObservation,
    FleetObservation,
    PlacementSpec,
    PlacementStatus,
    PodObservation,
    Provisioning,
    RegionObservation,
    Spend,
    WorkloadObservation,
)
from lib.fleet.spend import Rate, accrue, rates
from lib.gateways.accounts_codec import spend_from, spend_to
from lib.gateways.journal import Journal
from tests.unit.fleet_world import L4, placement

T0 = datetime(2026, 11, 10, 12, tzinfo=UTC)
HERE = "us-central1"
PATIENCE = timedelta(minutes=1)
CLUSTER = ClusterObservation(name=f"atlas-{HERE}", region=HERE, status="RUNNING", owned=True)
GPU = Rate(gpu=0.9, fee=0.1)


def pod(name: str, node: str, model: Provisioning = Provisioning.STANDARD) -> PodObservation:
    return PodObservation(
        name=name, phase="Running", ready=True, accelerator=L4, node=node, provisioning=model
    )


def seen(*pods: PodObservation, at: datetime = T0, **region: object) -> FleetObservation:
    work = WorkloadObservation(accelerator=L4, pods=pods)
    one = replace(RegionObservation(region=HERE, cluster=CLUSTER, workload=work), **region)
    return FleetObservation(at=at, regions={HERE: one})


@pytest.mark.parametrize(
    ("look", "rate"),
    [
        pytest.param(seen(pod("a", "n1")), Rate(gpu=0.8536, fee=0.1), id="a machine and a fee"),
        pytest.param(seen(pod("a", "n1"), pod("b", "n1")), Rate(gpu=0.8536, fee=0.1), id="two pods on one machine"),
        pytest.param(seen(pod("a", "n1"), pod("b", "n2", Provisioning.SPOT)), Rate(gpu=1.1936, fee=0.1), id="a surge: two machines"),
        pytest.param(seen(pod("a", "")), Rate(fee=0.1), id="a pod that waits costs nothing"),
        pytest.param(seen(cluster=replace(CLUSTER, owned=False)), None, id="somebody else's"),
        pytest.param(seen(cluster=None), None, id="nothing there"),
        pytest.param(seen(workload=None, unknown=frozenset({"workload"})), Rate(fee=0.1, seen=False), id="its API is silent"),
    ],
)  # fmt: skip
def test_a_region_costs_what_is_seen_of_it(look, rate):
    assert rates(look).get(HERE) == rate


def run(*looks: tuple[timedelta, dict[str, Rate]], begin: datetime = T0) -> list[Spend]:
    """Accounts after looks at these ages, each with what it saw."""
    kept: list[Spend] = []
    for age, now_rates in looks:
        before = kept[-1] if kept else None
        kept += accrue(before, now_rates, now=begin + age, patience=PATIENCE)
    return kept


def steady(hours: float, found: dict[str, Rate], *, since: timedelta = timedelta()) -> list:
    return [(since + timedelta(seconds=30 * i), found) for i in range(round(hours * 120) + 1)]


def test_gpu_and_fee_are_charged_apart_by_the_hour():
    last = run(*steady(2, {HERE: GPU}))[-1]
    (account,) = last.accounts
    assert (account.gpu_usd, account.fee_usd) == (pytest.approx(1.8), pytest.approx(0.2))
    assert (last.unseen_s, last.gaps) == (0.0, ())


def test_a_region_that_left_stays_in_the_month_s_sum_and_costs_no_more():
    looks = [*steady(1, {HERE: GPU}), *steady(1, {}, since=timedelta(hours=1, seconds=30))]
    (account,) = run(*looks)[-1].accounts
    assert account.gpu_usd + account.fee_usd == pytest.approx(1.0, rel=0.02)
    assert (account.gpu_rate, account.fee_rate) == (0.0, 0.0)


def test_a_controller_that_was_down_leaves_a_named_gap_and_no_guess():
    last = run(*steady(1, {HERE: GPU}), (timedelta(hours=4), {HERE: GPU}))[-1]
    assert last.accounts[0].gpu_usd == pytest.approx(0.9)
    assert last.unseen_s == 3 * 3600
    assert last.unseen_usd == pytest.approx(3.0)
    (gap,) = last.gaps
    assert (gap.region, gap.since, gap.until) == ("", T0 + timedelta(hours=1), T0 + timedelta(hours=4))


def test_a_region_that_can_not_be_seen_is_a_gap_of_its_own_that_grows_and_others_go_on():
    dark = {HERE: replace(GPU, seen=False), "us-east4": GPU}
    looks = [*steady(1, {HERE: GPU, "us-east4": GPU}), *steady(1, dark, since=timedelta(hours=1, seconds=30))]
    last = run(*looks)[-1]
    charged = {a.region: a.gpu_usd for a in last.accounts}
    assert charged["us-east4"] == pytest.approx(1.8, rel=0.01)
    assert charged[HERE] == pytest.approx(0.9, rel=0.02)
    assert [g.region for g in last.gaps] == [HERE]


def test_the_last_known_rate_of_a_dark_region_is_kept_and_marked():
    before = run(*steady(1, {HERE: GPU}))[-1]
    blind = FleetObservation(at=T0, regions={}, unknown=frozenset({"clusters"}))
    assert rates(blind, before) == {HERE: replace(GPU, seen=False)}


def test_a_month_is_closed_at_its_end_to_the_second():
    begin = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
    opened, closed, fresh = run((timedelta(), {HERE: GPU}), (timedelta(minutes=1), {HERE: GPU}), begin=begin)
    assert (opened.month, closed.month, fresh.month) == ("2026-11", "2026-11", "2026-12")
    assert closed.as_of == fresh.since == datetime(2026, 12, 1, tzinfo=UTC)
    assert closed.accounts[0].gpu_usd == pytest.approx(fresh.accounts[0].gpu_usd) == pytest.approx(0.9 / 120)


@given(st.lists(st.tuples(st.floats(0, 500), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_what_is_charged_and_what_is_unseen_make_up_the_whole_time(looks):
    """Whatever happens, no second is charged twice and none is lost."""
    kept: Spend | None = None
    now, months = T0, []
    for seconds, visible, there in looks:
        now += timedelta(seconds=seconds)
        found = {HERE: replace(GPU, seen=visible)} if there else {}
        *closed, kept = accrue(kept, found, now=now, patience=PATIENCE)
        months += closed
    assert kept is not None
    charged = sum(a.gpu_usd + a.fee_usd for m in (*months, kept) for a in m.accounts)
    unseen = sum(m.unseen_usd for m in (*months, kept))
    assert charged >= 0
    assert charged + unseen <= (now - T0).total_seconds() / 3600 * 1.0 + 1e-6
    assert len(kept.gaps) <= 10


def told(kept: Spend, *, cap: float = 10.0) -> spend.Cost:
    status = PlacementStatus(spend=kept, usd_per_hour=1.5, as_of=kept.as_of)
    spec = PlacementSpec(accelerators=(L4,), max_hourly_usd=cap)
    found = spend.cost(placement(spec, status), now=kept.as_of)
    assert found is not None
    return found


def test_the_forecast_goes_on_at_the_present_rate_to_the_month_s_end():
    found = told(run(*steady(2, {HERE: GPU}))[-1])
    left_h = (datetime(2026, 12, 1, tzinfo=UTC) - T0 - timedelta(hours=2)).total_seconds() / 3600
    assert found.month_usd == pytest.approx(2.0)
    assert found.forecast_usd == pytest.approx(2.0 + left_h)
    assert (found.gpu_per_hour, found.fee_per_hour) == (0.9, 0.1)
    assert (found.cap_per_hour, found.headroom_per_hour) == (10.0, 8.5)


def test_it_says_that_it_is_an_estimate_since_when_and_what_is_missing():
    notes = told(run(*steady(1, {HERE: GPU}), (timedelta(hours=4), {HERE: GPU}))[-1]).notes
    assert "estimate from list prices" in notes[0]
    assert "Counted since 2026-11-10 12:00 UTC" in notes[1]
    assert "For 3.0 h of it something couldn't be seen" in notes[2]
    assert "$3.00" in notes[2]


def test_the_status_keeps_the_accounts_to_the_letter():
    kept = run(*steady(1, {HERE: GPU}), (timedelta(hours=4), {HERE: GPU}))[-1]
    again = spend_from(spend_to(kept))
    assert again.accounts[0].gpu_usd == pytest.approx(kept.accounts[0].gpu_usd, abs=1e-8)
    assert (again.month, again.gaps, again.unseen_s) == (kept.month, kept.gaps, kept.unseen_s)


# --- the controller's memory


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(f"sqlite:///{tmp_path / 'journal.db'}")


def look(minutes: float) -> FleetObservation:
    return seen(pod("a", "n1"), at=T0 + timedelta(minutes=minutes))


def accountant(journal: Journal) -> Accountant:
    return Accountant(journal, "stable-diffusion", speed=lambda: 10.0)  # patience: 5 minutes


def test_a_restarted_controller_goes_on_from_the_status(journal):
    held = placement(PlacementSpec(accelerators=(L4,)))
    first = accountant(journal)
    for minute in range(5):
        kept = first.account(held, look(minute))
        held = replace(held, status=PlacementStatus(spend=kept))
    assert accountant(journal).account(held, look(5)).accounts[0].fee_usd == pytest.approx(0.1 * 5 / 60)


def test_a_status_that_could_not_be_written_loses_nothing(journal):
    held, keeper = placement(PlacementSpec(accelerators=(L4,))), accountant(journal)
    spent = [keeper.account(held, look(minute)).accounts[0].fee_usd for minute in range(5)]
    assert spent[-1] == pytest.approx(0.1 * 4 / 60)


def test_a_placement_made_anew_takes_the_journal_s_copy(journal):
    held = placement(PlacementSpec(accelerators=(L4,)))
    first = accountant(journal)
    for minute in range(0, 65, 4):
        first.account(held, look(minute))
    again = accountant(journal).account(held, look(66))
    assert again.since == T0
    assert again.accounts[0].fee_usd >= 0.1


def test_a_gap_is_told_in_the_journal_when_it_opens(journal):
    held, keeper = placement(PlacementSpec(accelerators=(L4,))), accountant(journal)
    for minute in (0, 1, 30, 31):
        keeper.account(held, look(minute))
    messages = [e.message for e in reversed(journal.read(kinds=["spend"]))]
    assert [m.partition(":")[0] for m in messages] == [
        "The month so far",
        "Something couldn't be seen; it is in no sum",
    ]
