"""What a change is expected to cost where the platform itself will choose: an estimate that says on what it rests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.fleet.expected_cost import expected
from lib.fleet.intent import preview
from lib.fleet.model import Phase, PlacementStatus, Provisioning, RegionStatus
from tests.unit.test_fleet_intent import A100, H200, L4, NOW, T4, TWO, Config, known, status

FREE = replace(TWO, pinned=())


@pytest.mark.parametrize(
    ("change", "usd", "says"),
    [
        pytest.param({"serving": 3}, 0.9963, "likeliest now: europe-west4 (L4, $1.00/h); never over $10.00/h.", id="one more"),
        pytest.param({"serving": 5}, 0.9963, "never over $10.00/h. 2 more can't be had now", id="more than can be had"),
        pytest.param(
            {"serving": 3, "max_hourly_usd": 2.5}, 0, "the budget leaves $0.60/h, so it waits.", id="no room for one more"
        ),
        pytest.param({"serving": 3, "accelerators": (H200,)}, 0, "No region can take a wanted GPU now", id="nowhere"),
        pytest.param({"serving": 1}, -0.95, "$0.95/h less; which region goes is chosen", id="one fewer"),
        pytest.param({"serving": 0}, -1.9, "$1.90/h less", id="none"),
        pytest.param({"serving": 1, "pinned": ("us-central1", "us-east4")}, 0, "", id="fewer, but they are pinned"),
        pytest.param({"accelerators": (T4, L4)}, -0.24, "us-central1 on T4, us-east4 on T4; unchanged where", id="a cheaper GPU first"),
        pytest.param({"accelerators": (A100, L4)}, 5.6468, "us-east4 on A100 40GB; unchanged where", id="a dearer GPU first"),
        pytest.param(
            {"accelerators": (A100, L4), "max_hourly_usd": 4},
            2.1,
            "only as far as the budget of $4.00/h goes.",
            id="dearer than the budget",
        ),
        pytest.param({"accelerators": (L4,)}, 0, "No region would run another GPU", id="the same GPU first"),
        pytest.param(
            {"provisioning": (Provisioning.SPOT, Provisioning.STANDARD)},
            -1.02,
            "us-central1 on L4 Spot, us-east4 on L4 Spot; unchanged where",
            id="the same GPU as Spot first",
        ),
        pytest.param({"max_hourly_usd": 30}, 0, "", id="the budget alone"),
        pytest.param({"max_hourly_usd": 1.5}, 0, "What runs goes on; nothing more is asked for until", id="less than is spent"),
    ],
)  # fmt: skip
def test_the_price_of_what_the_platform_will_choose(change: dict[str, Any], usd: float, says: str) -> None:
    told = expected(FREE, replace(FREE, **change), status=NOW, views=known())
    assert told.usd == pytest.approx(usd)
    assert says in told.note
    assert bool(told.note) == bool(says)


def test_which_of_two_prices_falls_away_is_not_known() -> None:
    dear = RegionStatus(region="europe-west4", phase=Phase.SERVING, accelerator=L4, usd_per_hour=1.2)
    warm = RegionStatus(region="us-west1", phase=Phase.WARM, accelerator="", usd_per_hour=0.1)
    held = PlacementStatus(regions=(*status("us-central1").regions, dear, warm), usd_per_hour=2.25)
    told = expected(FREE, replace(FREE, serving=1), status=held, views=known())
    assert told.usd == pytest.approx(-0.95)
    assert "between $0.95/h and $1.20/h less" in told.note


def test_the_preview_has_the_estimate_in_its_cost() -> None:
    told = preview(FREE, replace(FREE, serving=3), status=NOW, views=known(), config=Config())
    assert told.usd_per_hour_after == pytest.approx(1.90 + 0.9963)
    assert "europe-west4" in told.cost_note
