"""The dialog before a change: its plan, and the name that has to be written where nothing would serve any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet.model import PlacementSpec, Rollout
from lib.settings import Settings
from lib.ui import changes, samples, server, session
from lib.ui.changes import Change
from tests.unit.test_pages import text

LAST = "europe-west4"  # the only one that serves in the samples
H100 = "nvidia-h100-80gb"


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Callable[..., AppTest]]:
    """asked(change, typed): a page with the dialog of this change open, and this written into it."""

    def start(change: Change, typed: str = "") -> AppTest:
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
        at.session_state["asked"] = change
        at.run()
        if typed:
            at.session_state["asked"] = (
                change  # a dialog is drawn again by its own fragment, which AppTest has not
            )
            at.text_input(key="dialog_typed").set_value(typed).run()
        return at

    session.install(samples.CASES["fleet"](), settings=Settings(state_dir=tmp_path))
    yield start
    session.stop()


def drill(region: str | None = LAST, rollout: Rollout = Rollout.HARD) -> Change:
    return changes.switch_gpu(H100, region=region, rollout=rollout, ttl=timedelta(minutes=10), owner="me")


def written(**fields: object) -> Change:
    placement = session.current().placement
    assert placement is not None
    after: PlacementSpec = replace(placement.spec, **fields)  # type: ignore[arg-type]
    return changes.apply_spec(placement.spec, after, diff="-a\n+b")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: changes.contract(LAST), id="contract"),
        pytest.param(drill, id="Hard drill there"),
        pytest.param(lambda: drill(None), id="Hard drill everywhere"),
        pytest.param(lambda: written(excluded=(LAST,)), id="excluded in the editor"),
        pytest.param(lambda: written(serving=0, pinned=()), id="no region wanted any more"),
    ],
)
def test_the_last_region_that_serves_goes_only_when_its_name_is_written(
    asked: Callable[..., AppTest], change: Callable[[], Change]
) -> None:
    at = asked(change())
    assert f"This takes the last region that serves, {LAST}." in text(at).replace("\\", "")
    assert at.button(key="dialog_confirm").disabled
    assert asked(change(), "europe-west").button(key="dialog_confirm").disabled
    assert not asked(change(), f" {LAST} ").button(key="dialog_confirm").disabled


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: changes.contract("us-central1"), id="one that doesn't serve"),
        pytest.param(lambda: drill("us-central1"), id="a drill where nothing serves"),
        pytest.param(lambda: written(serving=3), id="more"),
        pytest.param(lambda: written(serving=1), id="fewer, and one is left"),
    ],
)
def test_whatever_leaves_a_region_serving_takes_one_click(
    asked: Callable[..., AppTest], change: Callable[[], Change]
) -> None:
    at = asked(change())
    assert "dialog_typed" not in {one.key for one in at.text_input}
    assert not at.button(key="dialog_confirm").disabled


def test_the_dialog_shows_calls_cost_blast_radius_and_undo(asked: Callable[..., AppTest]) -> None:
    at = asked(changes.contract(LAST))
    said = text(at).replace("\\", "")
    assert f"container.DeleteCluster projects/{Settings().project}/locations/{LAST}" in said
    assert [one.label for one in at.metric] == ["Cost per hour"]
    assert "all that serves" in said
    assert f"Expand {LAST}." in said
