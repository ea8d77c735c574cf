"""The Fleet page over made-up readings: every state is said, a wrong address is no error, silence hides nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet.roster import Kept
from lib.settings import Settings
from lib.ui import cluster_looks as names
from lib.ui import fleet_samples, looks, phase_chart, samples, server, session
from lib.ui.looks import Seen
from lib.ui.snapshot import Trouble
from tests.unit.test_pages import table, text

Open = Callable[..., AppTest]
NOW = samples.NOW


@pytest.fixture
def open_fleet(tmp_path: Path) -> Iterator[Open]:
    """open_fleet(readings, cluster=..., view=...): the page as its address says."""

    def start(readings: dict[str, Seen[Any]] | None = None, case: str = "fleet", **asked: str) -> AppTest:
        session.install(samples.CASES[case](), settings=Settings(state_dir=tmp_path))
        looks.install(fleet_samples.looks() if readings is None else readings)
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
        for name, value in asked.items():
            at.query_params[name] = value
        return at.switch_page(str(server.HOME / "pages/fleet.py")).run()

    yield start
    looks.stop()
    session.stop()


def test_every_cluster_has_its_row_and_the_silent_one_is_hatched_with_what_was_known(
    open_fleet: Open,
) -> None:
    at = open_fleet()
    assert not at.exception
    rows = {row["id"]: row for row in table(at, "roster")["rows"]}
    assert list(rows) == [
        "config-cluster",
        "atlas-asia-east1",
        "atlas-europe-west4",
        "atlas-us-central1",
        "atlas-us-east4",
    ]
    silent = rows["atlas-us-central1"]
    assert silent["dim"]
    assert "does not answer (no answer in time)" in silent["note"]["text"]
    assert "What you see was read at" in silent["note"]["text"]
    assert silent["cells"][2]["text"] == "2", "its nodes as they were"
    assert rows["atlas-us-east4"]["cells"][4]["text"] == "11"
    assert "KNV2009" in rows["atlas-us-east4"]["cells"][5]["sub"]
    assert rows["atlas-asia-east1"]["cells"][6]["bar"] == 0.41
    told = text(at).replace("\\", "")
    assert "1 silent or out of sight, in no sum" in told
    assert "1 other cluster of the project" in told


def test_before_the_first_answer_nothing_is_called_silent(open_fleet: Open) -> None:
    at = open_fleet({})
    assert "asking the Container API" in text(at)
    assert not any(row.get("dim") for row in table(at, "roster")["rows"])


def test_a_list_that_fails_is_said_with_its_age_and_the_rows_stay(open_fleet: Open) -> None:
    readings = fleet_samples.looks()
    trouble = Trouble(sentence="Listing clusters failed: no answer in time.", since=time.time() - 30)
    readings[names.CLUSTERS] = replace(readings[names.CLUSTERS], trouble=trouble)
    at = open_fleet(readings)
    assert "no answer in time" in text(at)
    assert len(table(at, "roster")["rows"]) == 5


def test_no_cluster_at_all_is_said(open_fleet: Open) -> None:
    empty = {names.CLUSTERS: fleet_samples.seen(Kept(items=(), silent={}))}
    assert "There is no cluster of this platform yet" in text(open_fleet(empty, case="none"))


@pytest.mark.parametrize(
    ("cluster", "view", "says"),
    [
        pytest.param("atlas-europe-west4", "Logs", "Model loaded.", id="a log"),
        pytest.param("atlas-europe-west4", "Logs", "The last 2 lines, all there are.", id="how much of it"),
        pytest.param("atlas-europe-west4", "YAML", "kind: Deployment", id="an object"),
        pytest.param("config-cluster", "Pods", "No pod in the platform's namespace", id="no pods"),
        pytest.param("config-cluster", "Logs", "there is no log", id="no log"),
        pytest.param("config-cluster", "Events", "Reading the events of config-cluster", id="on the way"),
        pytest.param("atlas-us-central1", "Nodes", "the last that was read", id="silent"),
        pytest.param("atlas-asia-east1", "Pods", "is being created", id="not there yet"),
    ],
)
def test_one_cluster_opened(open_fleet: Open, cluster: str, view: str, says: str) -> None:
    at = open_fleet(cluster=cluster, view=view)
    assert not at.exception
    assert says in text(at).replace("\\", "")


def test_pods_say_their_status_as_kubectl_does_and_why(open_fleet: Open) -> None:
    rows = table(open_fleet(cluster="atlas-us-east4"), "pods")["rows"]
    assert [row["cells"][2]["text"] for row in rows] == ["CrashLoopBackOff", "Pending"]
    assert "Insufficient nvidia.com/gpu" in rows[1]["note"]["text"]


def test_events_are_in_plain_words_with_the_original_beneath(open_fleet: Open) -> None:
    [row] = table(open_fleet(cluster="atlas-us-east4", view="Events"), "cluster_events")["rows"]
    assert "keeps ending" in row["words"]
    assert ["original", "Back-off restarting failed container sd"] in row["more"]
    assert ["times", "7"] in row["more"]


@pytest.mark.parametrize(
    "asked", [{"cluster": "moon-base1"}, {"cluster": "atlas-europe-west4", "view": "Doom"}]
)
def test_an_address_that_names_nothing_is_ignored(open_fleet: Open, asked: dict[str, str]) -> None:
    at = open_fleet(**asked)
    assert not at.exception
    assert len(table(at, "roster")["rows"]) == 5


def test_the_chart_is_the_same_while_nothing_happens() -> None:
    lanes = phase_chart_lanes()
    begin, end = phase_chart.window(None, lanes, NOW)
    drawn = phase_chart.figure(lanes, begin, end, UTC).to_json()
    later = phase_chart.window(None, lanes, NOW + (end - NOW) / 2)
    assert later == (begin, end)
    assert phase_chart.figure(lanes, *later, UTC).to_json() == drawn
    assert end >= NOW


def phase_chart_lanes() -> tuple[Any, ...]:
    from lib.fleet import gantt

    seen = samples.CASES["fleet"]()
    return gantt.lanes(seen.regions, seen.entries)


def test_every_phase_is_a_bar_with_its_times_in_words() -> None:
    lanes = phase_chart_lanes()
    drawn = phase_chart.figure(lanes, *phase_chart.window(None, lanes, NOW), ZoneInfo("Europe/Berlin"))
    assert sum(len(bar.base) for bar in drawn.data) == sum(len(lane.spans) for lane in lanes)
    said = [str(one) for bar in drawn.data for one in bar.customdata]
    [waits] = [one for one in said if one.startswith("Waiting for GPU since")]
    local, exact = re.findall(r"\d\d:\d\d:\d\d", waits)
    assert waits.endswith("UTC")
    assert int(local[:2]) == (int(exact[:2]) + 1) % 24
    assert local[2:] == exact[2:]
