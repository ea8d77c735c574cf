"""Faults: what may be put in, what the documentation says of it, and that each is undone without a trace."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lib.sandbox import auth, faults
from lib.sandbox.errors import ApiError
from lib.sandbox.fault_kinds import KINDS
from tests.unit.kube_drive import CLUSTER, REGION, Drive

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def test_the_documentation_lists_each_kind_with_its_fields() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \|$", DOCS.read_text(), re.MULTILINE)
    told = [row for row in rows if row[0] in KINDS]
    assert told == [(k.name, ", ".join(f.name for f in k.fields), k.sentence) for k in KINDS.values()]


@pytest.mark.parametrize(
    ("kind", "scope", "sentence"),
    [
        ("rain", {}, 'kind: unknown fault "rain"; one of stockout,'),
        ("stockout", {"regoin": "us-east1"}, 'scope.regoin: "stockout" has no such field; one of region,'),
        ("stockout", {"region": "mars-1"}, 'scope.region: "mars-1" is not known'),
        ("stockout", {"region": 7}, "scope.region: must be text"),
        ("stockout", {"reclaim": "no"}, "scope.reclaim: must be true or false"),
        ("unreachable", {}, 'scope.location: "unreachable" needs it'),
        ("unreachable", {"location": "mars-1"}, 'scope.location: "mars-1" is not known'),
        ("api-latency", {"api": "compute"}, 'scope.ms: "api-latency" needs it'),
        ("api-latency", {"ms": True}, "scope.ms: must be a number from 0 to 600000"),
        ("api-error", {"rate": 1.5}, "scope.rate: must be a number from 0 to 1"),
        ("api-error", {"rate": float("nan")}, "scope.rate: must be a number from 0 to 1"),
        ("api-error", {"code": "429"}, 'scope.code: "429" is not known'),
        ("spot-preemption", {"rate": -0.1}, "scope.rate: must be a number from 0 to 1"),
        (
            "spot-preemption",
            {"provisioning": "SPOT"},
            'scope.provisioning: "spot-preemption" has no such field',
        ),
        ("bad-commit", {"code": "KNV9999"}, 'scope.code: "KNV9999" is not known'),
        ("bad-commit", {"code": 1067}, "scope.code: must be text"),
        ("bad-commit", {"cluster": "nope"}, 'scope.cluster: there is no cluster "nope"'),
        ("control-plane-down", {}, 'scope.cluster: "control-plane-down" needs it, or region'),
        ("control-plane-down", {"cluster": "nope"}, 'scope.cluster: there is no cluster "nope"'),
        ("token-clock-skew", {}, 'scope.seconds: "token-clock-skew" needs it'),
        ("token-clock-skew", {"seconds": -90_000}, "scope.seconds: must be a number from -86400 to 86400"),
        ("backend-broken", {"region": ""}, 'scope.region: "backend-broken" needs it, or cluster'),
    ],
)
def test_a_wrong_wish_is_refused_in_one_sentence_that_names_the_field(
    drive: Drive, kind: str, scope: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ApiError) as refused:
        faults.create(drive.world, kind, scope)
    assert refused.value.code == "INVALID_ARGUMENT"
    assert refused.value.message.startswith(sentence)
    assert faults.active(drive.world) == []


def test_a_fault_of_an_unknown_kind_in_an_old_state_applies_to_nothing(drive: Drive) -> None:
    drive.world.store.put("admin.faults", "x", {"id": "x", "kind": "rain", "scope": {}})
    assert faults.first(drive.world, "rain") is None


def test_a_share_of_objects_is_the_same_for_the_same_seed(drive: Drive) -> None:
    fault = faults.create(drive.world, "vip-timeout", {"rate": 0.3})
    struck = [name for name in map(str, range(1000)) if faults.chosen(drive.world, fault, name)]
    assert 250 < len(struck) < 350
    assert struck == [name for name in map(str, range(1000)) if faults.chosen(drive.world, fault, name)]


def test_a_cluster_is_meant_by_name_or_with_its_location(drive: Drive) -> None:
    for name in (CLUSTER, f"{REGION}/{CLUSTER}"):
        fault = faults.create(drive.world, "control-plane-down", {"cluster": name})
        assert faults.control_plane_down(drive.world, f"{REGION}/{CLUSTER}")
        drive.world.store.delete("admin.faults", fault["id"])
    assert not faults.control_plane_down(drive.world, f"{REGION}/{CLUSTER}")


@pytest.mark.parametrize(
    ("seconds", "age_s", "valid"),
    [
        (0, 0, True),
        (0, 3599, True),
        (0, 3600, False),
        (600, 2999, True),
        (600, 3000, False),
        (3600, 0, False),
        (-60, 0, True),
        (-61, 0, False),
        (-61, 1, True),
        (-600, 4199, True),
    ],
)
def test_a_token_lives_for_an_hour_of_the_clock_it_is_held_against(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, seconds: int, age_s: int, valid: bool
) -> None:
    auth.prepare(drive.world.state_dir, token_uri="https://127.0.0.1/token")
    if seconds:
        faults.create(drive.world, "token-clock-skew", {"seconds": seconds})
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: 1_000_000_000))
    held = f"Bearer {auth.issue(drive.world, auth.VIEWER)}"
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: 1_000_000_000 + age_s))
    skew_s = faults.token_skew_s(drive.world)
    assert auth.authenticate(drive.world, held, skew_s=skew_s) == (auth.VIEWER if valid else None)
