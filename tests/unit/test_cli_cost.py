"""`cost` on the command line, and the same figures in `status --json`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lib.cli import main, session
from lib.fleet.model import Account, Gap, PlacementStatus, Spend
from lib.settings import load
from tests.unit.fake_wire import NOW, FakeCloud, _FakePlacements, placement

SPEND = Spend(
    month="2026-11",
    since=NOW.replace(day=1, hour=0),
    as_of=NOW,
    accounts=(Account(region="us-east1", gpu_usd=8.5, fee_usd=1.0, gpu_rate=0.85, fee_rate=0.1),),
    unseen_s=3600,
    unseen_usd=0.95,
    gaps=(Gap(region="", since=NOW.replace(hour=1), until=NOW.replace(hour=2), usd_per_hour=0.95),),
)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path))
    made = FakeCloud(settings=load())
    made.held = replace(placement(), status=PlacementStatus(spend=SPEND, usd_per_hour=1.95))
    monkeypatch.setattr(session, "placements", lambda _: _FakePlacements(made))
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    told = capsys.readouterr()
    return code, told.out, told.err.strip()


def test_gpu_and_fee_apart_with_month_forecast_cap_and_gaps(capsys, cloud):
    code, out, _ = run(capsys, "cost")
    assert code == 0
    assert out.splitlines()[1].split()[:5] == ["us-east1", "$0.85/h", "$0.10/h", "$8.50", "$1.00"]
    assert "2026-11: $9.50 so far" in out
    assert "Cap $10.00/h; $1.95/h are spoken for, $8.05/h are left." in out
    assert "Gap, 2026-11-01 01:00 to 2026-11-01 02:00: Nothing was looked at; $0.95/h before it." in out
    assert "estimate from list prices" in out


def test_status_as_json_has_the_same_figures(capsys, cloud):
    alone = json.loads(run(capsys, "cost", "--json")[1])
    within = json.loads(run(capsys, "status", "--json")[1])["cost"]
    assert within.pop("forecast_usd") == pytest.approx(alone.pop("forecast_usd"), abs=0.1)
    assert within.pop("regions")[0]["gpu_usd"] == alone.pop("regions")[0]["gpu_usd"] == 8.5
    assert within == alone


def test_before_the_first_count_it_says_so(capsys, cloud):
    cloud.held = placement()
    code, out, err = run(capsys, "cost")
    assert (code, out) == (1, "")
    assert "has not counted yet" in err
    assert json.loads(run(capsys, "status", "--json")[1])["cost"] is None
