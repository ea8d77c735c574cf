"""Scenarios of the sandbox: what is shipped, the script as time passes, kill -9, replayed traces, and bad files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.sandbox import catalog, faults, quota, scenario, scenario_file, scenario_routes, stock
from lib.sandbox.checked import BadScenario
from lib.sandbox.errors import ApiError
from lib.sandbox.world import FAULTS, World
from tests.unit.test_sandbox_stock import new_world

DAY_S = 86_400.0
L4: dict[str, str] = {"accelerator": "nvidia-l4", "provisioning": "STANDARD"}
T4: dict[str, str] = {"accelerator": "nvidia-tesla-t4", "provisioning": "STANDARD"}
SHIPPED = ("calm", "empty-project", "region-loss", "spot-storm", "stock-out-day", "tight")
SURE = ("us-central1", "europe-west4", "asia-southeast1")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return new_world(tmp_path)


def document(**changes: Any) -> dict[str, Any]:
    """T4 everywhere; at +2m it is gone in us-central1 for half an hour; at +1h the quota goes for good."""
    return {
        "name": "mine",
        "sentence": "T4 is gone.",
        "stock": {"habits": {"nvidia-tesla-t4": {"standard": 1, "spot": 1}}},
        "script": [
            {"at": "+2m", "fault": "stockout", "scope": {"region": "us-central1", "accelerator": "nvidia-tesla-t4"}, "for": "30m"},
            {"at": "+1h", "fault": "quota", "scope": {"region": "us-central1"}},
        ],
        **changes,
    }  # fmt: skip


def passed(world: World, seconds: float) -> World:
    world.clock.step(seconds)
    scenario.tick(world)
    faults.tick(world)
    return world


def kinds(world: World) -> list[str]:
    return sorted(f["kind"] for f in faults.active(world))


def test_every_scenario_of_the_issue_is_shipped_and_good() -> None:
    assert scenario_file.shipped() == SHIPPED
    for name in SHIPPED:
        found = scenario_file.read(scenario_file.find(name), name)
        assert found.name == name
        assert found.sentence.endswith(".")


@pytest.mark.parametrize("name", [n for n in SHIPPED if n != "tight"])
def test_the_first_demonstration_finds_l4_and_never_h100(tmp_path: Path, name: str) -> None:
    world = new_world(tmp_path, name=name)
    for region in SURE:
        for zone in catalog.offering("nvidia-l4", region):
            assert stock.room(world, zone=zone, **L4)
    for zone in catalog.ACCELERATORS["nvidia-h100-80gb"].zones:
        for provisioning in ("STANDARD", "SPOT"):
            assert not stock.room(world, zone=zone, accelerator="nvidia-h100-80gb", provisioning=provisioning)


def test_where_spot_can_be_had_on_demand_can(world: World) -> None:
    seen = set()
    for _ in range(60):
        world.clock.step(DAY_S / 3)
        for zone in catalog.ACCELERATORS["nvidia-tesla-t4"].zones:
            spot = stock.room(world, zone=zone, accelerator="nvidia-tesla-t4", provisioning="SPOT")
            seen.add((spot, stock.room(world, zone=zone, **T4)))
    assert seen == {(True, True), (False, True), (False, False)}


def test_an_empty_project_has_stock_and_no_gpu_quota(tmp_path: Path) -> None:
    world = new_world(tmp_path, name="empty-project")
    assert stock.room(world, zone="us-central1-a", **L4)
    for accelerator in catalog.ACCELERATORS:
        for provisioning in ("STANDARD", "SPOT"):
            ask = {"region": "us-central1", "accelerator": accelerator, "provisioning": provisioning}
            assert not quota.room(world, **ask)
    told = {q["metric"]: q["limit"] for q in quota.regional(world, "us-central1")}
    assert {told[metric] for metric in quota.GPU_LIMITS} == {0.0}
    assert told["CPUS"] > 0
    assert quota.global_limit(world) == 0
    scenario.put_on(world, scenario_file.find("calm"))
    assert quota.room(world, region="us-central1", **L4)


def test_the_script_plays_as_the_worlds_time_passes(world: World) -> None:
    scenario.put_on(world, document())
    ask = {"zone": "us-central1-a", **T4}
    assert (kinds(passed(world, 119)), stock.room(world, **ask)) == ([], True)
    assert (kinds(passed(world, 1)), stock.room(world, **ask)) == (["stockout"], False)
    assert kinds(passed(world, 1_799)) == ["stockout"]
    assert (kinds(passed(world, 1)), stock.room(world, **ask)) == ([], True)
    assert kinds(passed(world, 1_680)) == ["quota"]
    assert kinds(passed(world, 30 * DAY_S)) == ["quota"]


@pytest.mark.parametrize(
    ("jump", "left"),
    [
        pytest.param(600, ["stockout"], id="into its time"),
        pytest.param(1_930, [], id="past its end"),
        pytest.param(4_000, ["quota"], id="past two lines"),
    ],
)
def test_a_jump_of_the_clock_leaves_what_would_be_left(world: World, jump: float, left: list[str]) -> None:
    scenario.put_on(world, document())
    assert kinds(passed(world, jump)) == left
    assert kinds(passed(world, max(0, 1_925 - jump))) == [k for k in left if k == "quota"]


def test_a_line_plays_once_whatever_happens_to_its_fault_or_the_process(tmp_path: Path, world: World) -> None:
    scenario.put_on(world, document())
    passed(world, 130)
    (first,) = faults.active(world)
    world.store.close()  # without a word, as after kill -9
    again = new_world(tmp_path, name="calm")
    assert scenario.current(again).name == "mine"
    passed(again, 10)
    assert [f["id"] for f in faults.active(again)] == [first["id"]]
    again.store.delete(FAULTS, first["id"])
    assert kinds(passed(again, 10)) == []


def test_the_fault_and_the_note_that_it_was_put_in_reach_the_disk_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario.put_on(world, document())
    seen: list[int] = []
    real = faults.create

    def on_disk() -> int:
        with closing(sqlite3.connect(world.state_dir / "state.db")) as other:
            return other.execute("SELECT count(*) FROM objects WHERE collection = ?", (FAULTS,)).fetchone()[0]

    def create(*arguments: Any, **options: Any) -> dict[str, Any]:
        made = real(*arguments, **options)
        seen.append(on_disk())  # what a kill -9 at this moment would leave
        return made

    monkeypatch.setattr(faults, "create", create)
    passed(world, 130)
    assert (seen, on_disk()) == ([0], 1)


def test_another_scenario_ends_the_faults_of_the_one_before_and_no_others(world: World) -> None:
    scenario.put_on(world, document())
    passed(world, 130)
    mine = faults.create(world, "backend-broken", {"region": "us-east1"})
    scenario.put_on(world, scenario_file.find("tight"))
    assert [f["id"] for f in faults.active(world)] == [mine["id"]]
    assert kinds(passed(world, DAY_S)) == ["backend-broken"]


def test_a_line_that_can_not_be_put_in_is_skipped_and_told(world: World) -> None:
    line = {"at": "1m", "fault": "control-plane-down", "scope": {"cluster": "nowhere"}}
    scenario.put_on(world, document(script=[line, *document()["script"]]))
    passed(world, 130)
    states = [line["state"] for line in scenario_routes.get_scenario(world)["script"]]
    assert states == ['skipped: scope.cluster: there is no cluster "nowhere"', "in force", "waiting"]


def test_a_restart_with_the_same_wish_does_not_undo_what_was_chosen_meanwhile(world: World) -> None:
    assert scenario.choose(world, "tight") == "tight"
    scenario_routes.put_scenario(world, {"name": "spot-storm"})
    assert scenario.choose(world, "tight") == "spot-storm"
    assert scenario.choose(world, None) == "spot-storm"
    assert scenario.choose(world, "calm") == "calm"


def test_an_edited_file_begins_anew_at_the_next_start(tmp_path: Path, world: World) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document()))
    scenario.choose(world, str(path))
    passed(world, 130)
    path.write_text(yaml.safe_dump(document(sentence="Another.", script=[])))
    assert scenario.current(world).sentence == "T4 is gone."
    scenario.choose(world, str(path))
    assert (scenario.current(world).sentence, kinds(world)) == ("Another.", [])


def test_the_same_seed_gives_the_same_course_from_a_scenarios_start(tmp_path: Path) -> None:
    courses = []
    for number, seed in enumerate((7, 7, 8)):
        (folder := tmp_path / str(number)).mkdir()
        world = new_world(folder, seed=seed, name="tight")
        world.clock.step(number * 5_000)
        scenario.put_on(world, scenario_file.find("tight"))
        course = []
        for _ in range(40):
            world.clock.step(DAY_S / 8)
            course.append(
                [stock.room(world, zone=z, **T4) for z in catalog.ACCELERATORS["nvidia-tesla-t4"].zones]
            )
        courses.append(course)
    assert courses[0] == courses[1] != courses[2]


def trace(**changes: Any) -> dict[str, Any]:
    """Two regions, ten ticks of ten minutes."""
    zones = [
        {"name": "a1", "region": "a", "data": "1111100000"},
        {"name": "a2", "region": "a", "data": "1010101010"},
        {"name": "b1", "region": "b", "data": "0000000001"},
    ]
    return {"name": "t", "origin": "made up", "gap_seconds": 600, "kind": "binary", "zones": zones, **changes}


def replayed(**changes: Any) -> dict[str, Any]:
    return document(script=[], stock={"replay": {"trace": trace(), **changes}})


def series(world: World, zone: str, accelerator: str = "nvidia-l4", provisioning: str = "SPOT") -> str:
    """One character a tick, from now on over the span of the trace."""
    told = ""
    for _ in range(10):
        told += str(int(stock.room(world, zone=zone, accelerator=accelerator, provisioning=provisioning)))
        world.clock.step(600)
    return told


def test_a_trace_is_replayed_on_the_zones_of_the_map_and_begins_again(world: World) -> None:
    asked = {"zones": {"us-central1-a": "a1", "us-central1-b": "a2"}, "accelerators": "nvidia-l4"}
    scenario.put_on(world, replayed(**asked))
    assert series(world, "us-central1-a") == "1111100000"
    assert series(world, "us-central1-b") == "1010101010"
    assert series(world, "us-central1-c") == "0000000000"
    assert series(world, "us-central1-a", "nvidia-tesla-t4") == "0000000000"
    assert series(world, "us-central1-a", provisioning="STANDARD") == "0000000000"
    scenario.put_on(world, replayed(**asked, start="50m", provisioning=["SPOT", "STANDARD"]))
    assert series(world, "us-central1-a", provisioning="STANDARD") == "0000011111"


def test_without_a_map_zones_take_the_traces_by_order(world: World) -> None:
    regions = [r for r in catalog.REGIONS if catalog.offering("nvidia-l4", r)]
    first = {number: r for r in regions if (number := tuple(catalog.REGIONS).index(r)) < 4}
    for number, region in first.items():
        for at, zone in enumerate(catalog.zones(region)):
            if zone not in catalog.offering("nvidia-l4", region):
                continue
            scenario.put_on(world, replayed())
            row = "0000000001" if number % 2 else ("1111100000", "1010101010")[at % 2]
            told = series(world, zone)
            assert told in {row[n:] + row[:n] for n in range(10)}
            assert (told == row) or number >= 2


def test_a_trace_beside_the_scenario_is_read_into_it(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(trace()))
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(document(stock={"replay": {"trace": "t.json"}})))
    found = scenario_file.read(scenario_file.find(str(tmp_path / "s.yaml")))
    assert found.replay is not None
    assert found.replay.trace.regions == {"a": ("a1", "a2"), "b": ("b1",)}


def changed(line: dict[str, Any]) -> dict[str, Any]:
    return document(script=[{**document()["script"][0], **line}])


BAD: list[tuple[str, Any, str]] = [
    ("no mapping", ["calm"], "s.yaml: ['calm'] is no mapping; it must be a mapping of name, sentence, stock, quota, script."),
    ("no name", document(name=""), 's.yaml: name: ""; it must be a text.'),
    ("no stock", document(stock=None), "s.yaml: stock: nothing is there is no mapping"),
    ("unknown field", document(stok={}), "s.yaml: stok: there is no such field; it must be one of name, sentence,"),
    ("a share", document(stock={"otherwise": {"standard": 90, "spot": 1}}), "s.yaml: stock.otherwise.standard: 90; it must be a number from 0 to 1."),
    ("a GPU", document(stock={"habits": {"l4": {}}}), "s.yaml: stock.habits.l4: there is no such field; it must be one of nvidia-"),
    ("a region", document(stock={"sure": [{"region": "mars", "accelerator": "nvidia-l4", "for": "1d"}]}), 's.yaml: stock.sure[0].region: "mars" is not known; it must be one of'),
    ("quota", document(quota="lots"), 's.yaml: quota: "lots" is not known; it must be one of usual, none.'),
    ("script", document(script={"at": "1m"}), "s.yaml: script: {'at': '1m'} is no list; it must be a list."),
    ("at", changed({"at": "soon"}), 's.yaml: script[0].at: "soon" is no duration; it must be like +2m.'),
    ("at as a number", changed({"at": 120}), "s.yaml: script[0].at: 120 is no duration; it must be like +2m."),
    ("for", changed({"for": "30 minutes"}), 's.yaml: script[0].for: "30 minutes" is no duration; it must be like 30m.'),
    ("nothing long", changed({"for": "0s"}), "s.yaml: script[0]: ttlSeconds: must be more than 0"),
    ("fault", changed({"fault": "stockot"}), 's.yaml: script[0]: kind: unknown fault "stockot"; one of stockout,'),
    ("scope", changed({"scope": {"zone": "us-central1-z"}}), 's.yaml: script[0]: scope.zone: "us-central1-z" is not known'),
    ("gap", document(stock={"replay": {"trace": trace(gap_seconds=0)}}), "s.yaml: stock.replay.trace.gap_seconds: 0; it must be a number from 1 to 86400."),
    ("kind", document(stock={"replay": {"trace": trace(kind="count")}}), "s.yaml: stock.replay.trace.kind: \"count\" can't be replayed; it must be binary"),
    ("zones", document(stock={"replay": {"trace": trace(zones=[])}}), "s.yaml: stock.replay.trace.zones: it is empty"),
    ("ticks", document(stock={"replay": {"trace": trace(zones=[{"name": "a", "region": "r", "data": "012"}])}}), 's.yaml: stock.replay.trace.zones[0].data: "2" at tick 2; it must be 0 or 1'),
    ("length", document(stock={"replay": {"trace": trace(zones=[{"name": "a", "region": "r", "data": "01"}, {"name": "b", "region": "r", "data": "0"}])}}), "s.yaml: stock.replay.trace.zones[1].data: 1 ticks; it must be 2"),
    ("twice", document(stock={"replay": {"trace": trace(zones=[{"name": "a", "region": "r", "data": "01"}] * 2)}}), 's.yaml: stock.replay.trace.zones[1].name: "a" is there twice'),
    ("our zone", document(stock={"replay": {"trace": trace(), "zones": {"moon-a": "a1"}}}), "s.yaml: stock.replay.zones.moon-a: there is no such field"),
    ("its zone", document(stock={"replay": {"trace": trace(), "zones": {"us-central1-a": "a9"}}}), 's.yaml: stock.replay.zones.us-central1-a: "a9" is not known; it must be one of a1, a2, b1.'),
]  # fmt: skip


@pytest.mark.parametrize(("found", "sentence"), [pytest.param(d, s, id=i) for i, d, s in BAD])
def test_a_bad_file_is_told_in_one_sentence_with_its_place(
    tmp_path: Path, world: World, found: Any, sentence: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(found))
    for tell in (
        lambda: scenario_file.find(str(path)),
        lambda: scenario_routes.put_scenario(world, {"document": found, "file": "s.yaml"}),
    ):
        with pytest.raises((BadScenario, ApiError)) as told:
            tell()
        assert str(told.value).startswith(sentence)
        assert "\n" not in str(told.value)
    assert scenario.current(world).name == "calm"


@pytest.mark.parametrize(
    ("asked", "content", "sentence"),
    [
        pytest.param("clam", None, 'There is no scenario "clam"', id="no such name"),
        pytest.param("gone.yaml", None, "it can't be read", id="no such file"),
        pytest.param("s.yaml", "name: [", "it is not YAML", id="no YAML"),
        pytest.param("s.yaml", b"\xff\xfe\x00", "it is not YAML", id="no text"),
        pytest.param("s.yaml", "x" * 1_000_001, "it is too long", id="endless"),
        pytest.param("s.yaml", "", "nothing is there", id="empty"),
    ],
)
def test_a_name_or_path_that_leads_nowhere_is_told(
    tmp_path: Path, world: World, asked: str, content: str | bytes | None, sentence: str
) -> None:
    path = tmp_path / asked
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadScenario) as told:
        scenario.choose(world, str(path) if path.suffix else asked)
    assert sentence in str(told.value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"name": "calm", "document": {}}, id="both"),
        pytest.param({"name": "/etc/passwd"}, id="a path: this API reads no files"),
        pytest.param({"name": ["calm"]}, id="no text"),
        pytest.param({"scenario": "calm"}, id="another field"),
    ],
)
def test_a_bad_request_changes_nothing(world: World, body: dict[str, Any]) -> None:
    before = scenario_routes.get_scenario(world)
    with pytest.raises(ApiError) as told:
        scenario_routes.put_scenario(world, body)
    assert told.value.code == "INVALID_ARGUMENT"
    assert scenario_routes.get_scenario(world) == before


def test_a_trial_changes_nothing_and_tells_what_would_be(world: World) -> None:
    told = scenario_routes.put_scenario(world, {"document": document(), "validateOnly": True})
    assert (told["name"], told["on"], len(told["script"])) == ("mine", False, 2)
    assert scenario.current(world).name == "calm"
