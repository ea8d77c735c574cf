"""The sandbox's time over a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from lib.sandbox.clock import TRUST_S, Clock

NOON = 1_800_000_000.0


@pytest.mark.parametrize(
    ("kept", "ago_s", "passed_s"),
    [
        pytest.param({}, 1.0, 60.0, id="killed a second after the last word: that second counts"),
        pytest.param({}, 3600.0, 60 * TRUST_S, id="down for an hour: no more than was told counts"),
        pytest.param({"stopped": True}, 3600.0, 0.0, id="stopped: no time passes"),
        pytest.param({"paused": True}, 1.0, 0.0, id="paused: no time passes"),
        pytest.param({}, -60.0, 0.0, id="the wall's clock was set back"),
    ],
)
def test_time_never_goes_back_and_stands_still_while_the_process_is_down(
    tmp_path: Path, kept: dict[str, Any], ago_s: float, passed_s: float
) -> None:
    path = tmp_path / "clock.json"
    written = {"now": NOON, "wall": time.time() - ago_s, "speed": 60.0, "paused": False, "stopped": False}
    path.write_text(json.dumps(written | kept))
    clock = Clock(path)
    clock.pause()
    assert clock.timestamp() - NOON == pytest.approx(passed_s, abs=60 * 0.3)
