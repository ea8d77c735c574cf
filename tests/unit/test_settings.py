from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib import settings as subject
from lib.settings import Settings, SettingsError, TargetNotReady

TOLD = {
    "rest": "127.0.0.1:1",
    "grpc": "127.0.0.1:2",
    "admin": "https://127.0.0.1:1/admin/v1",
    "ca_file": "/x/ca.pem",
    "credentials_file": "/x/credentials.json",
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("ATLAS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path))


def write(tmp_path: Path, name: str, body: object) -> None:
    (tmp_path / "sandbox").mkdir(exist_ok=True)
    (tmp_path / "sandbox" / name).write_text(body if isinstance(body, str) else json.dumps(body))


def test_without_any_variable_it_is_the_sandbox_in_the_state_directory(tmp_path: Path) -> None:
    settings = subject.load()

    assert (settings.project, settings.label) == ("gpu-atlas-sandbox", "SANDBOX")
    assert settings.delivery_url == f"file://{tmp_path}/delivery.git"
    assert settings.journal_url == f"sqlite:///{tmp_path}/journal.db"


def test_a_cloud_target_uses_googles_own_endpoints_and_the_wall_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATLAS_TARGET", "cloud")
    monkeypatch.setenv("ATLAS_PROJECT", "mine")
    monkeypatch.setenv("ATLAS_DELIVERY_URL", "https://git.example/delivery")
    settings = subject.load()

    assert settings.endpoints == subject.Endpoints()
    assert (settings.admin_url, settings.label, settings.speed()) == (None, "", 1.0)
    assert abs(settings.now() - datetime.now(UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ATLAS_TARGET": "moon"}, "ATLAS_TARGET: Input should be 'sandbox' or 'cloud'."),
        ({"ATLAS_PORT": "99999"}, "ATLAS_PORT: Input should be less than or equal to 65535."),
        ({"ATLAS_TARGET": "cloud"}, "ATLAS_PROJECT is needed when ATLAS_TARGET is cloud."),
        (
            {"ATLAS_TARGET": "cloud", "ATLAS_PROJECT": "p"},
            "ATLAS_DELIVERY_URL is needed when ATLAS_TARGET is cloud.",
        ),
    ],
)
def test_a_wrong_variable_is_named_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        subject.load()

    assert str(raised.value) == sentence


def test_operators_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_OPERATORS", "a@x.org, b@x.org,")

    assert subject.load().operators == ("a@x.org", "b@x.org")


def test_the_delivery_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_DELIVERY_TOKEN", "very-secret")

    assert "very-secret" not in repr(subject.load())


def test_endpoints_are_what_the_sandbox_said(tmp_path: Path) -> None:
    write(tmp_path, "endpoints.json", TOLD)
    settings = Settings()

    assert settings.endpoints.container == "127.0.0.1:2"
    assert settings.endpoints.compute == "127.0.0.1:1"
    assert settings.endpoints.ca_file == Path("/x/ca.pem")
    assert settings.admin_url == "https://127.0.0.1:1/admin/v1"


def test_before_the_sandbox_has_started_that_is_said() -> None:
    with pytest.raises(TargetNotReady, match="has not started yet"):
        _ = Settings().endpoints


def test_a_broken_endpoints_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "endpoints.json", "{half")

    with pytest.raises(SettingsError, match=r"endpoints\.json can't be read"):
        _ = Settings().endpoints


def clock(*, wall: float, speed: float = 60.0, paused: bool = False) -> dict[str, object]:
    return {"now": 1_000_000.0, "wall": wall, "speed": speed, "paused": paused}


@pytest.mark.parametrize(
    ("kept", "passed_s"),
    [
        pytest.param({"age": 1.0}, 60.0, id="runs at its speed"),
        pytest.param({"age": 1.0, "paused": True}, 0.0, id="stands still while paused"),
        pytest.param({"age": 3600.0}, 180.0, id="stands still while the sandbox is down"),
        pytest.param({"age": -50.0}, 0.0, id="never runs backwards"),
    ],
)
def test_the_targets_time(tmp_path: Path, kept: dict[str, object], passed_s: float) -> None:
    age = float(str(kept.pop("age")))
    write(tmp_path, "clock.json", {**clock(wall=time.time() - age), **kept})

    told = Settings().now() - datetime.fromtimestamp(1_000_000.0, UTC)

    assert told.total_seconds() == pytest.approx(passed_s, abs=10)


def test_the_speed_is_zero_while_paused(tmp_path: Path) -> None:
    write(tmp_path, "clock.json", clock(wall=time.time(), speed=120))
    assert Settings().speed() == 120

    write(tmp_path, "clock.json", clock(wall=time.time(), speed=120, paused=True))
    assert Settings().speed() == 0


def test_what_the_dashboard_imports_stays_light() -> None:
    """Google's API clients cost hundreds of megabytes; its process needs none of them."""
    wanted = "placement, journal, txt2img, faults, delivery"
    script = f"import sys; from lib.gateways import {wanted}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=subject.HOME, capture_output=True, text=True, check=True
    ).stdout.split()

    assert not [m for m in loaded if m.startswith(("google.cloud", "grpc", "google.api_core"))]


@pytest.mark.parametrize("body", ["garbage", "", "[1]", "{}"])
def test_broken_files_of_the_sandbox_are_told_and_never_a_traceback(tmp_path: Path, body: str) -> None:
    write(tmp_path, "clock.json", body)
    write(tmp_path, "endpoints.json", body)
    settings = subject.load()
    assert settings.speed() == 1.0
    with pytest.raises(SettingsError, match="start the sandbox again"):
        _ = settings.endpoints


def test_a_file_in_place_of_the_state_directory_means_that_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATLAS_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(TargetNotReady):
        _ = subject.load().endpoints
