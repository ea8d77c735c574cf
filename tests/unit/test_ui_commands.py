"""The command palette: what it offers in each state, and what a command from the browser does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib.settings import Settings
from lib.ui import commands, samples, screens, server, session


@pytest.fixture
def known(tmp_path: Path) -> Iterator[None]:
    session.install(samples.CASES["drill"](), settings=Settings(state_dir=tmp_path))
    yield
    session.stop()


def by_id(case: str) -> dict[str, commands.Command]:
    return {one.id: one for one in commands.offered(samples.CASES[case]())}


@pytest.mark.parametrize("case", samples.CASES)
def test_every_screen_has_a_digit_and_no_change_has_a_bare_key(known: None, case: str) -> None:
    found = by_id(case)
    assert [one.key for one in found.values() if one.id.startswith("screen:") and one.key] == [
        str(i + 1) for i in range(len(screens.screens()))
    ]
    assert not [one.id for one in found.values() if one.key and not one.id.startswith("screen:")]


def test_recover_is_offered_while_a_switch_is_in_force(known: None) -> None:
    assert by_id("drill")["recover"].refused == ""
    assert by_id("fleet")["recover"].refused == "no switch is in force"
    assert "config cluster" in by_id("lost")["recover"].refused


def test_a_region_of_the_fleet_can_be_contracted_and_any_other_expanded(known: None) -> None:
    found = by_id("one")
    assert "contract:europe-west4" in found
    assert "expand:europe-west4" not in found
    assert "expand:us-west1" in found
    assert found["region:europe-west4"].about.endswith("Serving")


@pytest.mark.parametrize(
    ("command", "title"),
    [
        pytest.param("screen:activity", "Activity", id="a screen"),
        pytest.param("screen:moon", "Drill", id="no such screen"),
        pytest.param("region:us-west1", "Atlas", id="a region"),
        pytest.param("region:moon-base1", "Drill", id="no such region"),
        pytest.param("delete everything", "Drill", id="no such verb"),
        pytest.param(None, "Drill", id="nothing"),
    ],
)
def test_a_command_leads_where_it_says_and_an_unknown_one_nowhere(
    known: None, monkeypatch: pytest.MonkeyPatch, command: str | None, title: str
) -> None:
    state: dict[str, object] = {"palette": {"command": command}}
    monkeypatch.setattr(commands.st, "session_state", state)
    commands._taken()
    monkeypatch.undo()
    at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
    at = at.switch_page(str(server.HOME / "pages" / "drill.py")).run()
    for name, value in state.items():
        if name != "palette":
            at.session_state[name] = value
    at.run()
    assert not at.exception
    assert at.title[0].value == title
    if command == "region:us-west1":
        assert at.selectbox(key="region").value == "us-west1"


def test_recover_asks_first(known: None, monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {"palette": {"command": "recover"}}
    monkeypatch.setattr(commands.st, "session_state", state)
    commands._taken()
    asked = state["asked"]
    assert getattr(asked, "verb", "") == "recover"


def test_larger_type_comes_with_the_address_and_goes_with_the_command(known: None) -> None:
    at = AppTest.from_file(str(server.SCRIPT), default_timeout=20)
    at.query_params["projector"] = "1"
    assert at.run().session_state["projector"] is True
    at.session_state["projector"] = False
    assert at.run().session_state["projector"] is False
