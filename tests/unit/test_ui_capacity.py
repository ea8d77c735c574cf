"""The Capacity page: what a cell says, what is old or unknown, the chosen cell's evidence, the sonar and the probe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from lib.cli.output import plain
from lib.fleet import catalog
from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import Attempt, Candidate, Outcome, Provisioning, Quota
from lib.fleet.probe import Probe
from lib.fleet.sonar import Heard, Sounding
from lib.gateways.sonar_lines import sounding_from
from lib.settings import Settings
from lib.ui import (
    cells,
    errands,
    heatmap,
    layers,
    looks,
    own_record,
    palette,
    probe_panel,
    samples,
    server,
    session,
)
from lib.ui.cells import Look
from lib.ui.errands import Run
from lib.ui.own_record import Record
from lib.ui.samples import L4, NOW, SERVING
from lib.ui.snapshot import Snapshot, Trouble

STANDARD, SPOT = Provisioning.STANDARD, Provisioning.SPOT
HERE = "us-east1"
PIECES = (
    Evidence(source=Source.ATTEMPT, verdict=Verdict.AGAINST, says="Out of stock in zone b.", at=NOW - timedelta(minutes=20)),
    Evidence(source=Source.ADVICE, verdict=Verdict.FOR, says="Google's Spot advice is 0.91, high.", at=NOW - timedelta(minutes=9)),
    Evidence(source=Source.QUOTA, verdict=Verdict.FOR, says="Quota 7 of 8 free.", at=NOW - timedelta(hours=5)),
    Evidence(source=Source.GLOBAL_QUOTA, verdict=Verdict.MISSING, says="GPUS_ALL_REGIONS isn't readable."),
)  # fmt: skip
CELL = Candidate(
    region=HERE,
    accelerator=L4,
    zones=(f"{HERE}-b", f"{HERE}-c"),
    obtainability=0.74,
    eta_s=900,
    usd_per_hour=0.95,
    quota=Quota(limit=8, usage=1),
    eligible=True,
    reasons=("Out of stock in zone b.",),
    evidence=PIECES,
)
PREEMPTED = Evidence(source=Source.PREEMPTIONS, verdict=Verdict.NEUTRAL, says="13% of the Spot machines were preempted.", at=NOW)  # fmt: skip
SPOT_CELL = replace(CELL, provisioning=SPOT, obtainability=0.31, usd_per_hour=0.47, evidence=(PREEMPTED,))


def snapshot(**more: object) -> Snapshot:
    seen = samples.snapshot(SERVING)
    seen = replace(seen, clock=replace(seen.clock, speed=1.0))
    views = tuple(
        replace(
            view,
            candidates=(CELL, *(c for c in view.candidates if c.accelerator != L4)),
            alternatives=(SPOT_CELL,),
        )
        if view.region == HERE
        else view
        for view in seen.views
    )
    return replace(seen, **{"views": views, **more})  # type: ignore[arg-type] - fields by name


def grid(seen: Snapshot, *, told: cells.Told | None = None, **look: object) -> cells.Grid:
    return cells.grid(seen, Look(accelerator=L4, **look), now=NOW, told=told or {})  # type: ignore[arg-type]


# --- cells and layers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "layer", "text", "means"),
    [
        pytest.param({}, "Obtainability", "74", "likely", id="odds"),
        pytest.param({"obtainability": 0.5}, "Obtainability", "50", "possible", id="medium odds"),
        pytest.param({"obtainability": None}, "Obtainability", "?", "not tried yet", id="nothing known of the odds"),
        pytest.param({"quota": Quota(limit=0, usage=0)}, "Obtainability", "Q", "no quota", id="no quota"),
        pytest.param({"zones": ()}, "Obtainability", "·", "not offered", id="not offered"),
        pytest.param({}, "Price", "0.95", "under $1", id="price"),
        pytest.param({"usd_per_hour": 92.31}, "Price", "92", "$15 and more", id="dear"),
        pytest.param({}, "Quota headroom", "7", "4 to 7 free", id="quota"),
        pytest.param({"quota": Quota(limit=1, usage=1)}, "Quota headroom", "0", "none free", id="quota used up"),
        pytest.param({"quota": None}, "Quota headroom", "?", "not readable", id="quota unknown"),
        pytest.param({}, "Expected time", "15", "up to 15 min", id="time"),
        pytest.param({"zones": ()}, "Expected time", "·", "not offered", id="no time where it is not offered"),
    ],
)  # fmt: skip
def test_a_cell_says_its_state_in_each_layer(change: dict, layer: str, text: str, means: str) -> None:
    cell = cells.Cell(
        region=HERE, accelerator=L4, provisioning=STANDARD, candidate=replace(CELL, **change), as_of=NOW
    )
    step, said = layers.shown(layer, cell)
    assert (said, layers.STEPS[layer][step].means) == (text, means)


def test_what_does_not_fit_the_workload_is_no_chance_and_what_nobody_looked_at_is_no_refusal() -> None:
    found = grid(snapshot(views=()))
    assert {layers.shown("Obtainability", cell)[1] for cell in found.cells.values()} == {"-"}
    eight = replace(CELL, accelerator="nvidia-h200-141gb")
    cell = cells.Cell(
        region=HERE, accelerator=eight.accelerator, provisioning=STANDARD, candidate=eight, as_of=NOW
    )
    assert layers.shown("Obtainability", cell)[1] == "F"


def test_every_region_and_gpu_has_a_cell_and_the_model_picks_the_candidate() -> None:
    standard, spot = grid(snapshot()), grid(snapshot(), model=SPOT)
    assert set(standard.regions) == set(catalog.REGIONS)
    assert set(standard.accelerators) == set(catalog.AUTOPILOT)
    assert standard.accelerators[:2] == (L4, "nvidia-tesla-t4"), "the wanted ones first"
    assert standard.cells[HERE, L4].candidate == CELL
    assert spot.cells[HERE, L4].candidate == SPOT_CELL
    assert (
        spot.cells["us-west1", "nvidia-b200"].candidate is None
        or not spot.cells["us-west1", "nvidia-b200"].offered
    )


@pytest.mark.parametrize("sort", cells.SORTS)
def test_regions_are_sorted_and_a_click_does_not_turn_them_over(sort: str) -> None:
    found = grid(snapshot(), sort=sort)
    other = cells.grid(snapshot(), Look(accelerator="nvidia-b200", sort=sort), now=NOW, told={})
    assert found.regions == other.regions
    candidates = [[found.cells[r, a].candidate or CELL for a in found.wanted] for r in found.regions]
    figures = {
        "Odds": [
            -max(
                (c.obtainability or 0.0) if c.eligible else -1.0
                for c in here
                if c.zones or not any(o.zones for o in here)
            )
            for here in candidates
        ],
        "Price": [
            min(c.usd_per_hour or 0.0 for c in here if c.zones)
            for here in candidates
            if any(c.zones for c in here)
        ],
        "Name": list(found.regions),
    }
    offered = sum(any(c.zones for c in here) for here in candidates)
    assert figures[sort][:offered] == sorted(figures[sort][:offered])


def test_what_was_seen_long_ago_is_stale_and_a_fast_clock_alone_makes_nothing_stale() -> None:
    seen = snapshot()
    old = tuple(replace(v, as_of=NOW - timedelta(minutes=40)) for v in seen.views)
    slow, fast = (replace(seen.clock, speed=speed) for speed in (1.0, 60.0))
    assert all(cell.stale for cell in grid(replace(seen, views=old, clock=slow)).cells.values())
    assert not any(cell.stale for cell in grid(replace(seen, views=old, clock=fast)).cells.values())


def test_what_the_sonar_heard_is_shown_instead_and_marked() -> None:
    heard = replace(CELL, obtainability=0.12)
    cell = grid(snapshot(), told={(HERE, L4, STANDARD): heard}).cells[HERE, L4]
    assert (cell.heard, cell.stale, layers.shown("Obtainability", cell)[1]) == (True, False, "12")


@pytest.mark.parametrize("layer", cells.LAYERS)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_figure_is_one_that_plotly_takes_and_frames_the_chosen_cell(layer: str, theme: str) -> None:
    found = grid(snapshot())
    made = heatmap.figure(found, layer=layer, theme=palette.of(theme), framed=(HERE, L4))
    tiles, _, targets = cast("tuple[Any, ...]", go.Figure(made).data)
    assert len(targets.x) == len(found.cells)
    assert [list(targets.customdata[n]) for n in targets.selectedpoints] == [[HERE, L4]]
    assert f"{words_of(HERE)}" in targets.text[targets.selectedpoints[0]]
    assert all(len(row) == len(found.regions) for row in tiles.z)


def words_of(region: str) -> str:
    return f"{region} · South Carolina"


def test_time_alone_does_not_change_the_figure() -> None:
    later = tuple(replace(v, as_of=NOW + timedelta(seconds=30)) for v in snapshot().views)
    first, second = (
        heatmap.figure(grid(seen), layer="Obtainability", theme=palette.of("dark"), framed=("", L4))
        for seen in (snapshot(), snapshot(views=later))
    )
    assert first == second


def test_a_name_from_outside_brings_no_tags_into_the_figure() -> None:
    seen = snapshot()
    strange = replace(seen.views[0], region="<b onclick=x>moon</b>")
    made = heatmap.figure(grid(replace(seen, views=(*seen.views, strange))), layer="Price", theme=palette.of("dark"), framed=("", L4))  # fmt: skip
    texts = [*made["data"][2]["text"], *made["layout"]["xaxis"]["ticktext"]]
    assert not [one for one in texts if "<b onclick" in one]
    assert [one for one in texts if "&lt;b onclick=x&gt;moon" in one]


# --- the sonar's lines -----------------------------------------------------------------------------------


def test_a_sounding_survives_the_command_lines_json() -> None:
    one = Sounding(candidate=CELL, heard=Heard.CHEAP, why="Google's advice did not come in time.")
    assert sounding_from({"type": "sounding", "afterSeconds": 0.2, **plain(one)}) == one


@pytest.mark.parametrize(
    "line", [{"type": "ranking"}, {"type": "sounding", "candidate": {}}, {"type": "sounding"}]
)
def test_a_line_that_is_no_sounding_is_left_out(line: dict) -> None:
    assert sounding_from(line) is None


# --- the page --------------------------------------------------------------------------------------------

Open = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Open]:
    """open_page(snapshot, record=..., runs=..., **query parameters)."""

    def start(
        seen: Snapshot, *, record: looks.Seen | None = None, runs: dict[str, Run] | None = None, **query: str
    ) -> AppTest:
        session.install(seen, settings=Settings(state_dir=tmp_path))
        told = {
            errands.look_name(name): looks.Seen(value=run, read_at=time.time())
            for name, run in (runs or {}).items()
        }
        looks.install({own_record.LOOK: record or looks.Seen(), **told})
        errands.install(runs or {})
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
        for name, value in query.items():
            at.query_params[name] = value
        return at.switch_page(str(server.HOME / "pages/capacity.py")).run()

    yield start
    errands.stop()
    looks.stop()
    session.stop()


def text(at: AppTest) -> str:
    kinds = ("header", "caption", "markdown", "error", "info", "warning", "success")
    return (
        "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in at.get(kind))
        .replace("\\", "")
        .replace("\u00a0", " ")
    )


def test_the_chosen_cell_tells_each_piece_of_evidence_with_its_age_and_weight(open_page: Open) -> None:
    words = text(open_page(snapshot(), cap_region=HERE))
    assert "| Own try | :red[▼ against] | Out of stock in zone b. | 20 min ago | ▰▰▰▰▰ 93% |" in words
    assert "| Regional quota | :orange[◌ old] |" in words
    assert "| Project quota | :orange[? missing] | GPUS_ALL_REGIONS isn't readable. | - | - |" in words
    assert "They disagree: out of stock in zone b, but Google's Spot advice is 0.91, high." in words
    assert "13% of the Spot machines were preempted." in words


def test_the_address_bar_chooses_model_layer_and_cell(open_page: Open) -> None:
    at = open_page(snapshot(), cap_region=HERE, cap_model="Spot", cap_layer="Price", cap_gpu="L4")
    assert "NVIDIA L4, spot" in text(at)
    assert at.session_state["cap_layer"] == "Price"


def test_unknown_values_in_the_address_bar_are_ignored(open_page: Open) -> None:
    at = open_page(snapshot(), cap_region="moon-base1", cap_model="Free", cap_layer="Taste", cap_gpu="L9")
    assert not at.exception
    assert at.session_state["cap_layer"] == "Obtainability"
    assert "The likeliest place for one more" in text(at)


def test_own_tries_are_told_with_what_was_taken_back(open_page: Open) -> None:
    def tried(outcome: Outcome, minutes: int) -> Attempt:
        return Attempt(
            region=HERE,
            accelerator=L4,
            provisioning=SPOT,
            outcome=outcome,
            zone=f"{HERE}-c",
            at=NOW - timedelta(minutes=minutes),
        )

    tries = (tried(Outcome.PREEMPTED, 50), tried(Outcome.OBTAINED, 90))
    at = open_page(
        snapshot(), cap_region=HERE, record=looks.Seen(value=Record(attempts=tries, probes=()), read_at=1.0)
    )
    assert "2 own tries on record, 1 taken back by Google" in text(at)
    assert "spot in us-east1-c, 50 min" in text(at)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        pytest.param(looks.Seen(), "Reading the journal…", id="loading"),
        pytest.param(looks.Seen(trouble=Trouble(sentence="The journal is broken.", since=1.0)), "The journal is broken.", id="broken"),
        pytest.param(looks.Seen(value=Record(attempts=(), probes=()), read_at=1.0), "No own try here is on record.", id="empty"),
    ],
)  # fmt: skip
def test_a_history_that_is_not_there_says_why(open_page: Open, record: looks.Seen, says: str) -> None:
    assert says in text(open_page(snapshot(), cap_region=HERE, record=record))


def a_run(*soundings: Sounding, **more: object) -> Run:
    lines = tuple({"type": "sounding", **plain(one)} for one in soundings)
    about = {"accelerators": (L4,), "deadline_s": 10, "asked_at": NOW - timedelta(minutes=1)}
    fields = {
        "operation_id": "ui-1",
        "actor": "ada@localhost",
        "about": about,
        "lines": lines,
        "heard": len(lines),
    }
    return Run(**{**fields, **more})  # type: ignore[arg-type]


def test_a_sonar_under_way_shows_what_it_has_heard_and_can_be_cancelled(open_page: Open) -> None:
    at = open_page(snapshot(), runs={"sonar": a_run(Sounding(candidate=CELL, heard=Heard.ALL))})
    (bar,) = at.get("progress")
    assert f"1 of {2 * len(catalog.REGIONS)} answers" in str(bar.proto.text)
    assert "sonar_cancel" in [one.key for one in at.button]
    assert "us-east1** L4 on demand: 74%, $0.95 per hour" in text(at)


@pytest.mark.parametrize(
    ("state", "problem", "says"),
    [
        pytest.param("done", "", "Heard 2 of 86 answers on L4", id="done"),
        pytest.param("cancelled", "", "Cancelled after 2 of 86 answers", id="cancelled"),
        pytest.param("failed", "The Compute API refuses.", "The Compute API refuses.", id="failed"),
    ],
)
def test_a_sonar_that_ended_says_how(open_page: Open, state: str, problem: str, says: str) -> None:
    none = Sounding(
        candidate=replace(CELL, region="us-west1", eligible=False),
        heard=Heard.NOTHING,
        why="Its zones did not answer.",
    )
    run = a_run(
        Sounding(candidate=CELL, heard=Heard.ALL), none, state=state, problem=problem, ended=time.time()
    )
    at = open_page(snapshot(), runs={"sonar": run})
    assert says in text(at)
    assert ("1 unknown" in text(at)) == (state != "failed")


def test_a_sonar_of_long_ago_is_not_in_the_grid() -> None:
    from lib.ui import sonar_panel

    run = a_run(Sounding(candidate=CELL, heard=Heard.ALL), state="done")
    assert (HERE, L4, STANDARD) in sonar_panel.overlay(run, now=NOW)
    assert sonar_panel.overlay(run, now=NOW + timedelta(hours=1)) == {}


# --- the probe -------------------------------------------------------------------------------------------


def question() -> probe_panel.Question:
    return probe_panel.Question(region=HERE, accelerator=L4, provisioning=STANDARD)


@pytest.mark.parametrize(
    ("probed_minutes_ago", "quota", "says"),
    [
        pytest.param(None, Quota(limit=8, usage=1), "", id="may be made"),
        pytest.param(3, Quota(limit=8, usage=1), "was probed for L4", id="too soon again"),
        pytest.param(None, Quota(limit=1, usage=1), "A probe would only be told so", id="no quota"),
    ],
)  # fmt: skip
def test_a_probe_is_planned_by_what_is_published_and_recorded(
    probed_minutes_ago: int | None, quota: Quota, says: str
) -> None:
    seen = snapshot()
    view = replace(seen.view(HERE), candidates=(replace(CELL, quota=quota),), alternatives=())  # type: ignore[arg-type]
    zones = [f"{HERE}-b", f"{HERE}-c"] if probed_minutes_ago else []
    made = tuple(
        Probe(
            region=HERE,
            zone=zone,
            accelerator=L4,
            provisioning=STANDARD,
            at=NOW - timedelta(minutes=probed_minutes_ago or 0),
        )
        for zone in zones
    )
    wanted, refused = probe_panel.planned(
        question(), replace(seen, views=(view,)), Record(attempts=(), probes=made), NOW
    )
    assert wanted.region == HERE
    assert says in refused
    assert bool(says) == bool(refused)


def test_the_dialog_tells_the_plan_its_cost_and_its_limits(open_page: Open) -> None:
    record = looks.Seen(value=Record(attempts=(), probes=()), read_at=1.0)
    at = open_page(snapshot(), cap_region=HERE, record=record)
    at.button(key="probe").click().run()
    words = text(at)
    assert "Create the reservation atlas-probe-standard-nvidia-l4-" in words
    assert "One probe per zone and GPU in 10 min, $1.00 in 24 h" in words


def test_the_outcome_of_a_probe_is_told_at_its_cell(open_page: Open) -> None:
    wanted = Probe(region=HERE, zone=f"{HERE}-c", accelerator=L4, provisioning=STANDARD, at=NOW)
    line = {"outcome": "StockOut", "message": "no L4", "tookSeconds": 31.0, "costUSD": 0.0}
    run = Run(operation_id="ui-2", actor="ada", about={"probe": wanted}, state="done", lines=(line,), heard=1)
    at = open_page(snapshot(), cap_region=HERE, runs={"probe": run})
    assert "us-east1-c is out of L4 on demand now." in text(at)
