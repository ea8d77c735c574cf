"""The trace table of `make bench`: what it says of rows it is given, and that it says so when there are none."""

from __future__ import annotations

import pytest

from tests.bench import traces


def row(policy: str, avail: float, cost: float, n: int = 1) -> dict[str, float | str]:
    return {
        "policy": policy, "n": n, "availN": avail, "avail1": avail, "cost": cost, "attempts_day": 10.0
    }  # fmt: skip


def test_ours_is_judged_against_the_better_revision_of_spothedge():
    rows = [
        row("spothedge+1", 0.90, 0.8), row("hedge_ttl+1", 0.92, 0.5, n=1), row("hedge_ttl+1", 0.96, 0.7, n=2),
        row("external", 0.97, 0.3), row("oracle", 0.98, 0.2),
    ]  # fmt: skip
    said = traces.verdict(traces.means_of(rows))
    assert "lacking 3.00 % (base 6.00, oracle 2.00), closure 75%, cost 50% of base" in said
    assert said.endswith("attempts 1.00 of base")


@pytest.mark.parametrize("folder", [None, "/nowhere"])
def test_without_the_simulator_one_sentence_says_that_nothing_was_measured(folder, monkeypatch):
    monkeypatch.delenv(traces.FOLDER, raising=False)
    if folder:
        monkeypatch.setenv(traces.FOLDER, folder)
    (said,) = traces.table().values()
    assert str(said).startswith("not measured")


def test_the_simulators_rows_become_a_verdict_for_each_condition(tmp_path, monkeypatch):
    (tmp_path / "placement_sim.py").write_text(
        "import json, sys\n"
        "rows = [dict(policy=p, od=od, cold=cold, availN=a, avail1=a, cost=1.0, attempts_day=1.0)\n"
        "        for od in (0, 1) for cold in (183, 600)\n"
        "        for p, a in (('spothedge+1', .9), ('hedge_ttl+1', .9), ('external', .95), ('oracle', 1.0))]\n"
        "json.dump(rows, open(sys.argv[sys.argv.index('--json') + 1], 'w'))\n"
    )
    monkeypatch.setenv(traces.FOLDER, str(tmp_path))
    said = traces.table()
    assert list(said) == [
        "traces_spot_183s",
        "traces_spot_600s",
        "traces_ondemand_183s",
        "traces_ondemand_600s",
    ]
    assert all("closure 50%" in str(v) for v in said.values())
