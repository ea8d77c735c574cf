"""The dashboard's words and the small pure parts behind its panels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from lib.fleet import drill
from lib.fleet.model import Candidate, Entry, Phase, Quota, Rollout
from lib.gateways.faults import in_words
from lib.gateways.txt2img import Passport, Picture, PictureRequest
from lib.settings import Settings
from lib.ui import (
    auth,
    browser,
    confirm,
    drill_panel,
    passage,
    pictures,
    samples,
    session,
    switch_form,
    timeline,
    words,
)
from lib.ui.session import Feed
from lib.ui.snapshot import ClockAnchor


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (900, "15 min"), (7500, "2 h 5 min"), (90000, "1 d 1 h")],
)
def test_spans_are_said_in_their_two_largest_units(seconds: float, said: str) -> None:
    assert words.span(seconds) == said


def candidate(**more: object) -> Candidate:
    fields = {
        "region": "us-west1",
        "accelerator": "nvidia-l4",
        "zones": ("us-west1-a",),
        "obtainability": 0.8,
        "eta_s": 600.0,
        "usd_per_hour": 0.9,
        "quota": Quota(limit=8, usage=0),
        "eligible": True,
        "reasons": (),
    }
    return Candidate(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "letter"),
    [
        pytest.param(None, "-", id="not looked at yet"),
        pytest.param(candidate(), "L", id="likely"),
        pytest.param(candidate(obtainability=0.5), "P", id="possible"),
        pytest.param(candidate(obtainability=0.1), "U", id="unlikely"),
        pytest.param(candidate(obtainability=None), "?", id="offered, never tried"),
        pytest.param(candidate(zones=(), obtainability=None), "N", id="not offered"),
        pytest.param(candidate(quota=Quota(limit=0, usage=0)), "Q", id="no quota"),
        pytest.param(candidate(quota=None), "L", id="a quota nobody can read is not an empty one"),
    ],
)
def test_what_is_known_of_a_gpu_becomes_one_letter(found: Candidate | None, letter: str) -> None:
    assert words.known_letter(found) == letter


@pytest.mark.parametrize(
    "evil", ["<img src=x onerror=alert(1)>", "[a](javascript:x)", "`code`", ":red[x]", "$x^2$", "a|b"]
)
def test_text_from_outside_stays_text(evil: str) -> None:
    said = words.plain(evil)
    assert said.replace("\\", "") == evil
    assert all(said[i - 1] == "\\" for i, char in enumerate(said) if char in "<>[]()`:$_*|")


def test_a_list_is_never_cut_silently() -> None:
    assert words.listed(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more"
    assert words.listed(["a", "b"]) == "a and b"


def test_the_waterfall_shows_the_latest_run_only() -> None:
    old = samples.region("us-west1", Phase.SERVING, "", minutes=90).history
    status = samples.region("us-west1", Phase.STARTING, "", minutes=1)
    both = samples.region("us-west1", Phase.STARTING, "", minutes=1, history=(*old, *status.history))
    assert passage.latest_run(both)[-len(status.history) + 1 :] == status.history[1:]
    assert Phase.SERVING not in [one.phase for one in passage.latest_run(both)]


def test_hard_everywhere_says_that_nobody_is_left_and_in_one_region_who_goes_on() -> None:
    seen = samples.snapshot(samples.SERVING, samples.region("us-west1", Phase.SERVING, ""))
    everywhere = switch_form.explanation(seen, "nvidia-h100-80gb", region=None, rollout=Rollout.HARD)
    one = switch_form.explanation(seen, "nvidia-h100-80gb", region="us-west1", rollout=Rollout.HARD)
    assert "No region would be left" in everywhere
    assert "europe-west4 would go on serving" in one


def test_probes_are_shown_only_when_asked_for() -> None:
    lines = samples.ENTRIES
    assert "probe" not in {one.kind for one in timeline.chosen(lines, timeline.Wanted())}
    assert {"probe"} == {one.kind for one in timeline.chosen(lines, timeline.Wanted(kinds=("probe",)))}


def test_of_many_probes_only_those_that_turn_are_kept() -> None:
    said = [True, True, False, False, True]
    probes = [Entry(id=i, kind="probe", at=samples.NOW, body={"ok": ok}) for i, ok in enumerate(said)]
    assert [one.id for one in timeline.turning_points(probes[::-1])] == [4, 2]


def test_an_event_line_has_plain_words_and_its_original_beneath() -> None:
    event = next(one for one in samples.ENTRIES if one.body.get("reason") == "FailedScaleUp")
    row = timeline.row(event)
    assert row["words"] == "Compute Engine could not give a machine."
    assert ("original", event.message) in row["more"]


def test_the_clock_anchor_is_kept_while_it_predicts_well() -> None:
    anchor = ClockAnchor(wall=1000.0, target=5000.0, speed=60.0)
    assert anchor.at(1002.0) == datetime.fromtimestamp(5120.0, UTC)


def test_against_the_sandbox_everybody_here_is_its_operator(tmp_path: Path) -> None:
    assert auth.viewer(Settings(state_dir=tmp_path)).may_change


@pytest.mark.parametrize(
    ("user", "may_change"),
    [
        pytest.param({"is_logged_in": False}, False, id="nobody signed in"),
        pytest.param(
            {"is_logged_in": True, "email": "a@x.org", "email_verified": True}, False, id="not listed"
        ),
        pytest.param({"is_logged_in": True, "email": "op@x.org"}, False, id="address not verified"),
        pytest.param(
            {"is_logged_in": True, "email": "OP@x.org", "email_verified": True}, True, id="an operator"
        ),
    ],
)
def test_in_a_project_only_a_listed_operator_may_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: dict[str, object], may_change: bool
) -> None:
    cloud = Settings(
        state_dir=tmp_path, target="cloud", project="p", delivery_url="https://git", operators=("op@x.org",)
    )
    known = SimpleNamespace(get=user.get, **user)
    monkeypatch.setattr(auth.st, "user", known)
    viewer = auth.viewer(cloud)
    assert viewer.may_change is may_change
    assert bool(viewer.reason) is not may_change


def test_nothing_can_be_changed_while_the_config_cluster_is_silent_or_not_there_yet() -> None:
    session.install(samples.CASES["fleet"]())
    assert confirm.refusal(samples.CASES["lost"]())
    assert confirm.refusal(samples.CASES["first"]())
    assert not confirm.refusal(samples.CASES["fleet"]())
    session.stop()


def passport(**more: object) -> Passport:
    fields = {
        "region": "europe-west4", "zone": "europe-west4-b", "cluster": "atlas-europe-west4", "pod": "sd-1",
        "accelerator": "nvidia-l4", "attempts": 1, "moved_from": "", "job_id": "j", "seed": 7, "queue_s": 0.0,
        "compute_s": 1.2, "network_s": 0.05, "total_s": 1.3, "at": "2026-11-23T20:15:00Z", "model": "painter",
    }  # fmt: skip
    return Passport(**(fields | more))  # type: ignore[arg-type]


def test_a_prompt_handed_in_twice_is_drawn_once_and_kept_with_its_passport(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    png = tmp_path / "one.png"
    Image.new("RGB", (64, 64), "navy").save(png)
    drawn: list[str] = []

    def draw(vip: str, request: PictureRequest, **_: object) -> Picture:
        drawn.append(request.prompt)
        return Picture(png=png.read_bytes(), passport=passport())

    monkeypatch.setattr(pictures, "generate", draw)
    settings = Settings(state_dir=tmp_path)
    session.install(samples.CASES["one"](), settings=settings)
    desk = pictures.Desk(settings)
    for _ in range(2):
        desk.hand_in(PictureRequest(prompt="a fox"), job_id="one")
    desk.close()
    session.stop()
    assert drawn == ["a fox"]
    assert [job.state for job in desk.jobs] == ["done"]
    assert [(kept.prompt, kept.passport["region"]) for kept in pictures.Desk(settings).kept] == [
        ("a fox", "europe-west4")
    ]


def test_a_half_written_picture_is_left_out_of_the_gallery(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "00000000000000000001-0.json").write_text('{"request": ')
    assert pictures.Desk(Settings(state_dir=tmp_path)).kept == ()


def test_the_version_grows_only_when_something_changed() -> None:
    feed = Feed(snapshot=samples.CASES["one"](), fixed=Settings())
    before = feed.snapshot
    feed.publish(before)
    assert feed.snapshot.version == before.version
    feed.publish(samples.CASES["none"]())
    assert feed.snapshot.version == before.version + 1


def test_odds_alone_are_no_news_of_the_fleet() -> None:
    """They change all the time, and each page would be sent anew for them."""
    feed = Feed(snapshot=samples.CASES["fleet"](), fixed=Settings())
    before = feed.snapshot
    feed.publish(replace(before, views=before.views[1:]))
    assert (feed.snapshot.version, feed.snapshot.fleet_version) == (before.version + 1, before.fleet_version)
    feed.publish(samples.CASES["none"]())
    assert feed.snapshot.fleet_version == before.fleet_version + 1


def test_a_probe_is_news_for_those_who_draw_probes_and_for_nobody_else() -> None:
    feed = Feed(snapshot=samples.CASES["one"](), fixed=Settings())
    before = browser.pulse(feed.snapshot)["parts"]
    probe = Entry(id=10_000, at=samples.NOW, kind="probe", body={"ok": True})
    feed.publish(replace(feed.snapshot, entries=(probe, *feed.snapshot.entries)))
    assert browser.pulse(feed.snapshot)["parts"] == {**before, "probes": 10_000}


def test_a_lease_row_counts_down_to_its_end() -> None:
    from lib.ui import drill_panel

    row = drill_panel.lease_row(samples.LEASE)
    assert row["until"] == (samples.NOW + timedelta(minutes=8)).timestamp()
    assert "H100" in str(row["phase"])


def test_a_drills_steps_are_told_in_the_order_they_came():
    start = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
    report = drill.DrillReport(
        t0=start,
        t2=start + timedelta(seconds=90),
        t5=start + timedelta(minutes=9),
        t6=start + timedelta(minutes=5),
    )
    assert drill_panel.passed(report) == [
        ("fault", 0),
        ("detected", 90),
        ("fault over", 300),
        ("recovered", 540),
    ]


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        pytest.param({}, "everywhere", id="no scope"),
        pytest.param({"region": "us-east1", "reclaim": True}, "us-east1 \u00b7 reclaim true", id="a place"),
        pytest.param({"api": "compute", "rate": 0.3}, "compute \u00b7 rate 0.3", id="calls"),
        pytest.param({"zone": "", "seconds": -5}, "seconds -5", id="an empty field"),
    ],
)
def test_a_faults_scope_is_told_in_words(scope, said):
    assert in_words(scope) == said
