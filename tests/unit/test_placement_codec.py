from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import (
    Candidate,
    Condition,
    Decision,
    Override,
    Phase,
    PhaseSpan,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionStatus,
    RegionView,
    Rollout,
    WhyNot,
)
from lib.gateways import placement_codec as codec

AT = datetime(2026, 11, 23, 12, 30, 15, 120_000, tzinfo=UTC)

SPEC = PlacementSpec(
    accelerators=("nvidia-l4", "nvidia-tesla-t4"),
    provisioning=(Provisioning.SPOT, Provisioning.STANDARD),
    serving=2,
    pinned=("us-central1",),
    excluded=("asia-east1",),
    max_hourly_usd=12.5,
    overrides=(
        Override(
            region="us-central1",
            accelerator="nvidia-h100-80gb",
            rollout=Rollout.HARD,
            expires_at=AT,
            owner="ada",
            reason="drill/gpu-switch",
            created_at=AT,
        ),
        Override(
            region=None,
            accelerator="nvidia-l4",
            rollout=Rollout.SAFE,
            expires_at=None,
            owner="ada",
            reason="trial",
        ),
        Override(
            region="us-east4",
            accelerator="nvidia-l4",
            rollout=Rollout.SAFE,
            expires_at=AT,
            owner="ada",
            reason="roll back",
            created_at=AT,
            commit="0123456789abcdef0123456789abcdef01234567",
            provisioning=Provisioning.SPOT,
        ),
    ),
)
CONDITION = Condition(
    type="Ready", status="False", reason="StockedOut", message="No L4.", last_transition_at=AT
)
STATUS = PlacementStatus(
    observed_generation=7,
    conditions=(CONDITION,),
    regions=(
        RegionStatus(
            region="us-central1",
            phase=Phase.WAITING_FOR_GPU,
            accelerator="nvidia-l4",
            provisioning=Provisioning.SPOT,
            cluster="atlas-us-central1",
            zone="us-central1-a",
            pod="p",
            commit="c0ffee",
            message="waiting",
            since=AT,
            eta=AT,
            usd_per_hour=0.85,
            healthy=0,
            unhealthy=1,
            under_override=True,
            override_expires_at=AT,
            as_of=AT,
            conditions=(CONDITION,),
            history=(PhaseSpan(phase=Phase.WANTED, since=AT, unled=timedelta(minutes=3)),),
        ),
        RegionStatus(region="us-east1", phase=Phase.SERVING),
    ),
    decisions=(
        Decision(
            at=AT,
            verb="ScaleOut",
            region="us-east1",
            reason="nearest",
            why_not=(WhyNot(region="us-west1", reason="dearer", flip="a lower price"),),
        ),
    ),
    vip="http://127.0.0.1:1",
    usd_per_hour=1.7,
    as_of=AT,
)
VIEW = RegionView(
    region="us-east1",
    zones=("us-east1-b",),
    as_of=AT,
    candidates=(
        Candidate(
            region="us-east1",
            accelerator="nvidia-l4",
            zones=("us-east1-b",),
            obtainability=0.75,
            eta_s=310.0,
            usd_per_hour=0.85,
            quota=Quota(limit=8, usage=1),
            eligible=True,
            reasons=("offered in one zone",),
            flip="more quota",
        ),
        Candidate(
            region="us-east1",
            accelerator="nvidia-b200",
            zones=(),
            obtainability=None,
            eta_s=None,
            usd_per_hour=None,
            quota=None,
            eligible=False,
            reasons=(),
        ),
    ),
)


def wire(value: object) -> dict[str, object]:
    return json.loads(json.dumps(value))


def test_a_spec_comes_back_as_it_was_written() -> None:
    assert codec.spec_from(wire(codec.spec_to(SPEC))) == SPEC


def test_a_status_comes_back_as_it_was_written() -> None:
    assert codec.status_from(wire(codec.status_to(STATUS))) == STATUS


def test_a_view_comes_back_as_it_was_written() -> None:
    found = {"metadata": {"name": "us-east1"}, "status": wire(codec.view_to(VIEW))}

    assert codec.view_from(found) == VIEW


def test_what_was_not_observed_stays_unknown_and_is_not_zero() -> None:
    told = wire(codec.status_to(STATUS))["regions"][1]  # type: ignore[index]

    assert "healthy" not in told
    assert codec.status_from(wire(codec.status_to(STATUS))).regions[1].healthy is None


def test_a_sparse_object_gets_the_defaults() -> None:
    placement = codec.placement_from(
        {
            "metadata": {"name": "p", "namespace": "default", "generation": 1, "resourceVersion": "5"},
            "spec": {"accelerators": ["nvidia-l4"], "regions": {"serving": 1}},
        }
    )

    assert placement.spec == PlacementSpec(accelerators=("nvidia-l4",))
    assert placement.status == PlacementStatus()


def test_a_region_that_nobody_has_described_has_no_candidates() -> None:
    assert codec.view_from({"metadata": {"name": "us-east1"}}) == RegionView(
        region="us-east1", zones=(), candidates=()
    )


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (AT, "2026-11-23T12:30:15.120Z"),
        (AT.astimezone(timezone(timedelta(hours=2))), "2026-11-23T12:30:15.120Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(at: datetime, text: str) -> None:
    assert codec.time_text(at) == text
    assert codec.time_from(text) == AT


def test_a_small_drift_of_an_estimate_is_no_change() -> None:
    drifted = dataclasses.replace(
        VIEW, candidates=(dataclasses.replace(VIEW.candidates[0], obtainability=0.7512, eta_s=311.9),)
    )

    assert codec.view_to(drifted)["candidates"][0] == codec.view_to(VIEW)["candidates"][0]


def moved(odds: float, **facts: object) -> RegionView:
    first, *others = VIEW.candidates
    return dataclasses.replace(
        VIEW, candidates=(dataclasses.replace(first, obtainability=odds), *others), **facts
    )


@pytest.mark.parametrize(
    ("now", "writes"),
    [
        pytest.param(VIEW, False, id="the same"),
        pytest.param(dataclasses.replace(VIEW, as_of=AT + timedelta(minutes=1)), False, id="later"),
        pytest.param(moved(0.77), False, id="odds that drift"),
        pytest.param(moved(0.70), True, id="other odds"),
        pytest.param(moved(0.77, zones=("us-east1-c",)), True, id="another fact"),
        pytest.param(dataclasses.replace(VIEW, alternatives=VIEW.candidates[:1]), True, id="one more model"),
        pytest.param(dataclasses.replace(VIEW, candidates=VIEW.candidates[:1]), True, id="one fewer GPU"),
    ],
)
def test_a_view_is_written_for_what_is_worth_it(now: RegionView, writes: bool) -> None:
    assert codec.worth_a_write(codec.view_to(VIEW), codec.view_to(now)) is writes


def test_evidence_comes_back_as_it_was_and_is_dated_with_the_view_where_it_was() -> None:
    pieces = (
        Evidence(source=Source.POD, verdict=Verdict.FOR, says="It runs."),
        Evidence(source=Source.ADVICE, verdict=Verdict.AGAINST, says="Low.", at=AT - timedelta(hours=1), zone="us-east1-b"),
        Evidence(source=Source.QUOTA, verdict=Verdict.MISSING, says="Not readable."),
        Evidence(source=Source.OFFERED, verdict=Verdict.FOR, says="One zone.", at=AT),
    )  # fmt: skip
    first = dataclasses.replace(VIEW.candidates[0], evidence=pieces, provisioning=Provisioning.SPOT)
    told = dataclasses.replace(VIEW, candidates=(first,), alternatives=(VIEW.candidates[0],))
    found = {"metadata": {"name": "us-east1"}, "status": codec.view_to(told)}
    assert codec.view_from(found) == told
    later = dataclasses.replace(
        first, evidence=(*pieces[:3], dataclasses.replace(pieces[3], at=AT + timedelta(minutes=1)))
    )
    moved_on = dataclasses.replace(told, candidates=(later,), as_of=AT + timedelta(minutes=1))
    assert not codec.worth_a_write(codec.view_to(told), codec.view_to(moved_on))


def test_kubectl_is_told_how_many_regions_serve() -> None:
    assert codec.status_to(STATUS)["ready"] == "1/2"
