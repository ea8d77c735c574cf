"""Verbs run beside the dashboard: their lines as they come, once per operation id, one at a time, cancelled for good."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.ui import errands, looks, samples, session
from lib.ui.errands import Run
from tests.waiting import wait_until

NAME = "sonar"
SOUNDINGS = """
import json, sys, pathlib, time
print(json.dumps({"type": "sounding", "n": 1}), flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
print(json.dumps({"type": "ranking"}), flush=True)
"""
WHOLE = 'import json; print(json.dumps({"outcome": "Obtained", "removed": []}, indent=2))'
FAILS = 'import sys; print("zone b was probed at 19:51 UTC.", file=sys.stderr); sys.exit(1)'


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    session.install(samples.CASES["one"]())
    yield
    errands.stop()
    looks.stop()
    session.stop()


def begin(monkeypatch: pytest.MonkeyPatch, code: str, *words: str, operation_id: str = "ui-1") -> None:
    monkeypatch.setattr(errands, "COMMAND", (sys.executable, "-c", code))
    errands.begin(NAME, words, operation_id=operation_id, actor="ada@localhost", about={"gpu": "nvidia-l4"})


def run_in(*states: str) -> Run:
    def found() -> Run | None:
        run = errands.latest(NAME)
        return run if run and run.state in states else None

    run = wait_until(found, timeout_s=20, what=f"an errand that is {' or '.join(states)}")
    assert run is not None
    return run


def test_lines_come_while_it_runs_and_a_watching_browser_hears_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    begin(monkeypatch, SOUNDINGS, str(go))
    wait_until(lambda: run_in("running").heard == 1, timeout_s=20, what="the first line")
    wait_until(
        lambda: (seen := errands.seen(NAME).value) and seen.heard == 1,
        timeout_s=20,
        what="a look that saw it",
    )
    assert looks.watched()[errands.look_name(NAME)] >= 1
    go.touch()
    run = run_in("done")
    assert [line["type"] for line in run.lines] == ["sounding", "ranking"]
    assert (run.problem, run.about, run.ended is not None) == ("", {"gpu": "nvidia-l4"}, True)


def test_a_double_click_is_one_errand_and_another_one_has_to_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    begin(monkeypatch, SOUNDINGS, str(go))
    first = run_in("running")
    begin(monkeypatch, SOUNDINGS, str(go))
    assert run_in("running").began == first.began
    with pytest.raises(errands.Busy, match="begun by ada@localhost"):
        begin(monkeypatch, SOUNDINGS, str(go), operation_id="ui-2")
    go.touch()
    run_in("done")
    begin(monkeypatch, SOUNDINGS, str(go))
    assert run_in("done").began == first.began, "a late repeat of the same click does nothing"


def test_a_cancelled_errand_ends_and_says_nothing_any_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin(monkeypatch, SOUNDINGS, str(tmp_path / "never"))
    wait_until(lambda: run_in("running").heard == 1, timeout_s=20, what="the first line")
    errands.cancel(NAME)
    assert run_in("cancelled").heard == 1
    begin(monkeypatch, WHOLE, operation_id="ui-2")
    run = run_in("done")
    assert (run.operation_id, run.heard) == ("ui-2", 1)


def test_an_answer_over_several_lines_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(monkeypatch, WHOLE)
    assert run_in("done").lines == ({"outcome": "Obtained", "removed": []},)


def test_a_refusal_is_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(monkeypatch, FAILS)
    assert run_in("failed").problem == "zone b was probed at 19:51 UTC."
