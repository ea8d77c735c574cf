"""How long things take: the table against its sources, what is drawn from it, and the fault that stretches it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lib.sandbox import faults, stages
from lib.sandbox.fault_kinds import STARTS
from lib.sandbox.stages import STAGES
from lib.sandbox.world import FAULTS, World
from tests.unit.kube_drive import CLUSTER, REGION, Drive, workload

ROOT = Path(__file__).resolve().parents[2]
POLL = 15.0  # Config Sync's, at most
NODE = ("machine-create", "machine-boot", "node-ready")


def seeded(seed: int) -> World:
    return cast("World", SimpleNamespace(seed=seed))


# --- the table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_a_span_with_a_source_and_draws_lie_in_it(name: str) -> None:
    row = STAGES[name]
    assert 0 < row.low <= row.median <= row.high
    assert row.low < row.high
    assert row.what
    assert row.source
    assert row.slow in ("", *STARTS)
    drawn = [stages.seconds(seeded(seed), name, "x") for seed in range(400)]
    assert row.low <= min(drawn)
    assert max(drawn) <= row.high
    assert 150 < sum(d < row.median for d in drawn) < 250


@pytest.mark.parametrize("name", STAGES)
def test_the_same_seed_gives_the_same_length_and_another_seed_or_name_another(name: str) -> None:
    first = stages.seconds(seeded(1), name, "x")
    assert stages.seconds(seeded(1), name, "x") == first
    assert stages.seconds(seeded(2), name, "x") != first
    assert stages.seconds(seeded(1), name, "y") != first


@pytest.mark.parametrize(
    ("transition", "parts", "low", "high"),
    [
        ("CreateCluster to RUNNING", ("cluster-create",), 300, 600),
        ("DeleteCluster", ("cluster-delete",), 180, 480),
        ("membership CREATING to READY", ("membership-ready",), 10, 30),
        ("a membership's update", ("membership-update",), 5, 30),
        ("a membership's deletion", ("membership-delete",), 5, 30),
        ("feature multiclusteringress to ACTIVE", ("ingress-enable",), 30, 120),
        ("another feature enabled", ("feature-enable",), 5, 30),
        ("a feature's update", ("feature-update",), 5, 30),
        ("a feature's deletion", ("feature-delete",), 5, 30),
        ("Config Sync to INSTALLED", ("config-sync-install",), 120, 360),
        ("autoscaler's next loop", ("autoscaler-look",), 5, 10),
        ("machine to node object", ("machine-boot",), 20, 30),
        ("GPU node object to Ready", ("node-ready",), 9 + 30, 9 + 90),
        ("GPU VM boot in total", NODE, 120, 180),
        ("GPU pod Pending to Scheduled", ("autoscaler-look", *NODE, "scheduler-bind"), 120, 240),
        ("pull of the Web UI's image", ("image-pull",), 60, 180),
        ("model load into VRAM", ("model-load",), 15, 60),
        ("image pull and model load", ("image-pull", "model-load"), 90, 240),
        ("endpoint change", ("endpoint-join",), 10, 60),
        ("first address programmed", ("vip-program",), 180, 600),
        ("first FailedScaleUp", ("scale-up-refused",), 60, 300),
        ("scale-down of an empty node", ("node-idle",), 590, 630),
        ("Spot notice to the end", ("spot-reclaim",), 25, 30),
    ],
)
def test_each_transition_of_the_reference_takes_as_long_as_it_says(
    transition: str, parts: tuple[str, ...], low: float, high: float
) -> None:
    assert low <= sum(STAGES[p].low for p in parts), transition
    assert sum(STAGES[p].high for p in parts) <= high, transition


def test_a_pushed_commit_is_synced_in_twenty_to_sixty_seconds() -> None:
    row = STAGES["config-sync-apply"]
    assert row.median + POLL / 2 >= 20
    assert row.high + POLL <= 60


def test_the_backoff_after_a_failed_scale_up_is_that_of_the_autoscaler() -> None:
    assert stages.SCALE_UP_BACKOFF_S == (5 * 60, 10 * 60, 20 * 60, 30 * 60)


def test_every_row_is_asked_for_by_some_part_of_the_sandbox() -> None:
    sources = [p for p in (ROOT / "lib" / "sandbox").rglob("*.py") if p.name != "stages.py"]
    text = "\n".join(p.read_text() for p in sources)
    assert [name for name in STAGES if f'"{name}"' not in text] == []


def test_the_documentation_has_every_row() -> None:
    number = r"([\d.]+)"
    pattern = rf"^\| `([a-z-]+)` \| ([^|]+) \| {number} \| {number} \| {number} \| (\w*) ?\| ([^|]+) \|$"
    told = re.findall(pattern, (ROOT / "docs" / "sandbox.md").read_text(), re.MULTILINE)
    assert told == [
        (name, r.what, f"{r.low:g}", f"{r.median:g}", f"{r.high:g}", r.slow, r.source)
        for name, r in STAGES.items()
    ]


def test_a_phase_lies_in_its_period_and_depends_on_the_name() -> None:
    found = {stages.phase(seeded(7), 15, str(n)) for n in range(100)}
    assert len(found) == 100
    assert all(0 <= at < 15 for at in found)


# --- the fault `slow-start` ------------------------------------------------------------------------------


def ready(drive: Drive) -> bool:
    conditions = [c for p in drive.pods for c in p["status"].get("conditions", ())]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def seconds_until_ready(drive: Drive, limit: float = 6000) -> float:
    began = drive.world.clock.timestamp()
    while not ready(drive):
        drive.run(2)
        assert drive.world.clock.timestamp() - began < limit
    return drive.world.clock.timestamp() - began


def started(folder: Path, ttl_s: float | None = None, **scope: Any) -> Drive:
    """A GPU pod that is wanted, with the fault in force. Names follow from all that was written before, so the usual
    course has a fault, too: one without effect."""
    folder.mkdir(exist_ok=True)
    drive = Drive(folder)
    faults.create(drive.world, "slow-start", scope, ttl_s=ttl_s)
    drive.cluster.create("deployments.apps", workload())
    return drive


def usual_course(folder: Path) -> Drive:
    return started(folder, factor=1)


def span(*names: str) -> tuple[float, float]:
    return sum(STAGES[n].low for n in names), sum(STAGES[n].high for n in names)


@pytest.mark.parametrize(
    ("scope", "rows", "times", "more"),
    [
        ({"stage": "node"}, NODE, 3, 0),
        ({"stage": "pull"}, ("image-pull", "small-image-pull"), 3, 0),
        ({"stage": "model"}, ("model-load",), 3, 0),
        ({"stage": "model", "factor": 10}, ("model-load",), 10, 0),
        ({"stage": "model", "seconds": 300}, ("model-load",), 1, 300),
        ({"stage": "model", "factor": 2, "seconds": 60, "region": REGION}, ("model-load",), 2, 60),
        ({"stage": "pull", "cluster": CLUSTER}, ("image-pull", "small-image-pull"), 3, 0),
        ({}, (*NODE, "image-pull", "small-image-pull", "model-load"), 3, 0),
    ],
)
def test_a_slow_start_puts_off_the_time_at_which_a_pod_is_ready(
    tmp_path: Path, scope: dict[str, Any], rows: tuple[str, ...], times: float, more: float
) -> None:
    usual = seconds_until_ready(usual_course(tmp_path / "usual"))
    drive = started(tmp_path / "slow", **scope)
    low, high = ((times - 1) * each + more for each in span(*rows))
    longer = seconds_until_ready(drive) - usual
    assert (
        low - 14 <= longer <= high + 14
    )  # a pod looks for its node every ten seconds, and the clock goes in twos


@pytest.mark.parametrize("scope", [{"region": "europe-west4"}, {"stage": "pull", "region": "asia-east1"}])
def test_a_slow_start_elsewhere_changes_nothing(tmp_path: Path, scope: dict[str, Any]) -> None:
    usual = seconds_until_ready(usual_course(tmp_path / "usual"))
    assert seconds_until_ready(started(tmp_path / "elsewhere", **scope)) == usual


@pytest.mark.parametrize(
    ("stage", "rest"),
    [
        ("node", ("machine-boot", "node-ready", "image-pull", "small-image-pull", "model-load")),
        ("pull", ("small-image-pull", "model-load")),
        ("model", ()),
    ],
)
def test_once_a_slow_start_is_cleared_what_is_overdue_ends_at_once(
    tmp_path: Path, stage: str, rest: tuple[str, ...]
) -> None:
    drive = started(tmp_path, stage=stage, factor=1000)
    drive.run(1500)
    assert not ready(drive)
    for key, _ in drive.world.store.items(FAULTS):
        drive.world.store.delete(FAULTS, key)
    assert seconds_until_ready(drive) <= span(*rest)[1] + 20


def test_a_slow_start_ends_by_its_ttl(tmp_path: Path) -> None:
    drive = started(tmp_path, ttl_s=900, stage="model", factor=1000)
    assert 900 <= seconds_until_ready(drive) <= 904


def test_a_slow_start_strikes_what_is_under_way_and_outlives_kill_9(tmp_path: Path) -> None:
    usual = seconds_until_ready(usual_course(tmp_path / "usual"))
    drive = usual_course(tmp_path / "slow")
    drive.run(usual - 10)
    drive.world.store.delete(FAULTS, next(key for key, _ in drive.world.store.items(FAULTS)))
    faults.create(drive.world, "slow-start", {"stage": "model", "seconds": 200})
    with drive.killed():
        pass
    assert 205 <= seconds_until_ready(drive) <= 215


def test_a_slow_start_does_not_slow_a_refusal(tmp_path: Path) -> None:
    def failed_after(drive: Drive) -> float:
        faults.create(drive.world, "stockout", {"region": REGION})
        began = drive.world.clock.timestamp()
        while "FailedScaleUp" not in drive.reasons():
            drive.run(1)
            assert drive.world.clock.timestamp() - began < 1000
        return drive.world.clock.timestamp() - began

    usual = failed_after(usual_course(tmp_path / "usual"))
    assert usual <= STAGES["autoscaler-look"].high + STAGES["scale-up-refused"].high + 4
    assert failed_after(started(tmp_path / "slow", stage="node", factor=100)) == usual
