"""The Settings page: a placement is edited as text, nothing written is lost, and nobody's change is written over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet import changed, intent
from lib.fleet.model import Placement, Provisioning
from lib.fleet.preview import preview
from lib.gateways import placement_text
from lib.gateways.errors import Refused
from lib.gateways.faults import Line, Scenario
from lib.gateways.placement import PlacementGateway
from lib.gateways.placement_codec import spec_to
from lib.settings import Settings
from lib.ui import about, changes, looks, samples, sandbox_panel, server, session, tools_panel
from tests.unit.test_pages import text

Open = Callable[..., AppTest]
HELD: Final = samples.placement(samples.SERVING)
TEXT = placement_text.text_of(HELD)


def show(placement: Placement) -> None:
    settings = session.settings()
    session.install(samples.snapshot(samples.SERVING, placement=placement), settings=settings)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[AppTest]:
    session.install(samples.snapshot(samples.SERVING, placement=HELD), settings=Settings(state_dir=tmp_path))
    looks.install(
        {
            sandbox_panel.NAME: looks.Seen(
                value=sandbox_panel.Scenarios(on=STORM, known=(CALM, STORM)), read_at=1.0
            )
        }
    )
    opened = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
    yield opened.switch_page(str(server.HOME / "pages/settings.py")).run()
    looks.stop()
    session.stop()


CALM = Scenario(name="calm", sentence="Small GPUs are plentiful.", stock="process", quota="usual")
STORM = Scenario(
    name="spot-storm",
    sentence="Waves take Spot machines away.",
    stock="process",
    quota="usual",
    on=True,
    started_at=samples.NOW,
    script=(Line(at_s=3600, fault="spot-preemption", scope={"region": "us-east4"}, state="waiting"),),
)


def write(at: AppTest, written: str) -> AppTest:
    at.text_area(key="placement_text").set_value(written)
    return at.run()


def test_the_text_is_the_placement_and_can_only_be_applied_when_it_differs(at: AppTest) -> None:
    assert at.text_area(key="placement_text").value == TEXT
    assert at.button(key="placement_apply").disabled
    write(at, TEXT.replace("serving: 2", "serving: 3"))
    assert not at.button(key="placement_apply").disabled
    assert "Changed here, not applied." in text(at)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param(TEXT.replace("spec:", "spec: ["), "That is not YAML at line", id="no YAML"),
        pytest.param(TEXT.replace("GpuPlacement", "Pod"), "Not valid at kind", id="another kind"),
        pytest.param(
            TEXT.replace("name: stable-diffusion", "name: mine"), "metadata.name", id="another name"
        ),
        pytest.param(TEXT + "color: red\n", "color: there is no such field", id="a field beside the spec"),
        pytest.param(TEXT.replace("10.0", ".inf"), "impossible value", id="endless money"),
        pytest.param("x" * 70_000, "at most 60,000", id="a novel"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked_and_the_text_stays(
    at: AppTest, wrong: str, says: str
) -> None:
    write(at, wrong).button(key="placement_apply").click().run()
    said = [f"{e.value} {getattr(e.proto, 'title', '')}" for e in at.error]
    assert any(says in one.replace("\\", "") for one in said) or says in text(at).replace("\\", "")
    assert at.text_area(key="placement_text").value == wrong
    assert not at.exception


def test_the_api_s_refusal_names_its_field(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: PlacementGateway, spec: dict[str, Any]) -> None:
        serving = spec["regions"]["serving"]
        raise Refused(f"Invalid value: {serving}", field="spec.regions.serving")

    monkeypatch.setattr(PlacementGateway, "check", refuse)
    write(at, TEXT.replace("serving: 2", "serving: 99")).button(key="placement_apply").click().run()
    assert "Invalid value: 99" in "".join(e.value for e in at.error).replace("\\", "")
    assert "serving: 99" in str(at.text_area(key="placement_text").value)
    write(at, TEXT.replace("serving: 2", "serving: 3"))
    assert not at.error, "a problem is of the text it was found in"


def test_a_valid_text_is_asked_for_with_its_plan(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlacementGateway, "check", lambda _, spec: None)
    asked = TEXT.replace("serving: 2", "serving: 3").replace("nvidia-tesla-t4", "nvidia-l5")
    write(at, asked).button(key="placement_apply").click().run()
    said = text(at).replace("\\", "")
    assert "3 instead of 2 regions should serve." in said
    assert "nvidia-l5 is no GPU type that this version knows; did you mean nvidia-l4" in said
    assert at.button(key="dialog_confirm").label == "Apply"


def test_others_changes_are_shown_and_the_text_is_kept_until_it_is_put_on_top(at: AppTest) -> None:
    mine = TEXT.replace("serving: 2", "serving: 3")
    write(at, mine)
    theirs = replace(HELD, generation=4, spec=replace(HELD.spec, max_hourly_usd=12.0))
    show(theirs)
    at.run()
    assert "spec.budget.maxHourlyUSD: 10.0 -> 12.0" in text(at).replace("\\", "")
    assert at.button(key="placement_apply").disabled
    assert at.text_area(key="placement_text").value == mine
    at.button(key="placement_rebase").click().run()
    assert at.text_area(key="placement_text").value == mine
    assert not at.button(key="placement_apply").disabled


def test_an_untouched_text_follows_the_placement(at: AppTest) -> None:
    show(replace(HELD, generation=4, spec=replace(HELD.spec, warm=1)))
    at.run()
    assert "warm: 1" in str(at.text_area(key="placement_text").value)
    assert not at.warning


def test_giving_up_takes_the_placement_as_it_is(at: AppTest) -> None:
    write(at, "nonsense")
    at.button(key="placement_reset").click().run()
    assert at.text_area(key="placement_text").value == TEXT


def test_the_scenario_that_is_on_and_the_tools_are_told(at: AppTest) -> None:
    said = text(at).replace("\\", "")
    assert "Scenario **spot-storm** is on" in said
    assert "./atlas sandbox env" in said
    assert "Operator" in said


def test_a_change_on_a_spec_that_moved_is_refused_with_what_moved() -> None:
    asked = changes.apply_spec(HELD.spec, replace(HELD.spec, serving=3), diff="")
    assert asked.edit(HELD.spec).serving == 3
    with pytest.raises(intent.Refused, match=r"meanwhile: spec\.regions\.warm: 0 -> 1"):
        asked.edit(replace(HELD.spec, warm=1))
    with pytest.raises(intent.Refused, match="Nothing to change"):
        changes.apply_spec(HELD.spec, HELD.spec, diff="").edit(HELD.spec)


def test_a_text_and_its_spec_are_the_same_thing_and_unquoted_times_stay_text() -> None:
    spec = replace(HELD.spec, overrides=(samples.LEASE,))
    written = placement_text.text_of(replace(HELD, spec=spec)).replace("'2026", "2026").replace("Z'", "Z")
    given = placement_text.spec_in(written, name=HELD.name, namespace=HELD.namespace)
    assert placement_text.spec_of(given) == spec


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        pytest.param({"moons": 1}, "spec.moons", id="unknown at the top"),
        pytest.param({"regions": {"serving": 2, "moons": 1}}, "spec.regions.moons", id="unknown within"),
        pytest.param(
            {"overrides": [{"accelerator": "nvidia-l4", "rollout": "Safe", "why": "?"}]},
            "spec.overrides[0].why",
            id="unknown in a list",
        ),
        pytest.param(
            {"regions": {"serving": 2, "pinned": ["us-east4"], "excluded": ["us-east4"]}},
            "spec.regions.excluded",
            id="pinned and excluded",
        ),
    ],
)
def test_what_would_be_lost_is_refused_with_its_path(edit: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as told:
        placement_text.spec_of({**spec_to(HELD.spec), **edit})
    assert told.value.field == field


def test_the_plan_of_changed_lists_is_told_and_not_called_nothing() -> None:
    before = replace(HELD.spec, pinned=("us-east4",), excluded=("us-west1",))
    after = replace(
        before,
        accelerators=("nvidia-tesla-t4",),
        provisioning=(Provisioning.SPOT,),
        pinned=(),
        excluded=(),
    )
    told = preview(before, after, status=HELD.status, views=(), config=Settings())
    for part in (
        "in this order, T4",
        "asked for as SPOT",
        "us-east4 is no longer pinned",
        "us-west1 may be used",
    ):
        assert part in told.sentence
    assert "journal" in told.undo
    assert list(changed.fields({"a": {"b": 1, "c": [1]}}, {"a": {"b": 2, "c": [1], "d": "x"}})) == [
        "spec.a.b: 1 -> 2",
        "spec.a.d: none -> x",
    ]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:secret@git.example/r.git?token=1#x", "https://git.example/r.git"),
        ("sqlite:////var/lib/journal.db", "sqlite:////var/lib/journal.db"),
        ("postgresql://u:p%40ss@db:5432/atlas?password=x", "postgresql://db:5432/atlas"),
        ("https://token@host/a@b", "https://host/a@b"),
    ],
)
def test_no_secret_of_an_address_is_shown(url: str, told: str) -> None:
    assert about.without_secret(url) == told


def test_commands_name_the_state_or_the_project(tmp_path: Path) -> None:
    assert f"export ATLAS_STATE_DIR={tmp_path}" in tools_panel.commands(Settings(state_dir=tmp_path))
    cloud = Settings(target="cloud", project="p-1", delivery_url="https://git.example/r")
    told = "\n".join(tools_panel.commands(cloud))
    assert "gcloud config set project p-1" in told
    assert "--region us-central1 --project p-1" in told
    assert "sandbox" not in told
