"""Every page in every state, drawn by Streamlit's own test runner from made-up snapshots: no server, no socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.fleet import catalog
from lib.fleet.model import Entry, RegionStatus
from lib.fleet.next_region import next_region
from lib.fleet.roster import Kept
from lib.gateways.listing import Listing
from lib.settings import Settings
from lib.ui import (
    cluster_looks,
    delivery_read,
    delivery_samples,
    fleet_samples,
    glance,
    load,
    looks,
    next_panel,
    samples,
    server,
    session,
    traffic_picture,
    traffic_read,
    traffic_samples,
)
from lib.ui.gallery import fleet as gallery_fleet
from lib.ui.gallery import traffic as gallery_traffic

PAGES = (
    "pages/atlas.py",
    "pages/capacity.py",
    "pages/fleet.py",
    "pages/delivery.py",
    "pages/traffic.py",
    "pages/generate.py",
    "pages/drill.py",
    "pages/activity.py",
    "pages/settings.py",
)
Open = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Open]:
    """open_page(page, case, address={"region": ...}): the page over that sample, with these words in the address
    bar and this session state."""

    def start(page: str, case: str, *, address: dict[str, str] | None = None, **state: object) -> AppTest:
        session.install(samples.CASES[case](), settings=Settings(state_dir=tmp_path))
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
        at = at.switch_page(str(server.HOME / page))
        for name, value in (address or {}).items():
            at.query_params[name] = value
        for name, value in state.items():
            at.session_state[name] = value
        return at.run()

    yield start
    looks.stop()
    session.stop()


def text(at: AppTest) -> str:
    """All words on the screen."""
    kinds = (
        "title",
        "header",
        "caption",
        "markdown",
        "error",
        "info",
        "warning",
        "code",
        "metric",
        "success",
    )
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in at.get(kind))


LOST = "Changes are held back."
# What tells the state: nothing read yet, no region, the config cluster silent, a region everywhere, one that is silent.
SAYS: Mapping[str, Mapping[str, str]] = {
    "pages/atlas.py": {
        "starting": "Starting the processes and waiting for their first word",
        "none": "No region belongs to this placement yet",
        "all": "30 on the way, 4 not answering, 4 blocked",
        "unreachable": "1 not answering, 1 blocked",
    },
    "pages/capacity.py": {
        "starting": "Nothing is known of any region yet",
        "none": "The likeliest place for one more",
        "all": "No other region can take L4, T4 now.",
        "unreachable": "u25cb us-west4",  # with the ring of our regions, as JSON writes it
    },
    "pages/fleet.py": {
        "starting": "asking the Container API",
        "none": "There is no cluster of this platform yet",
        "all": "8 silent or out of sight, in no sum",
        "unreachable": "1 silent or out of sight, in no sum",
    },
    "pages/delivery.py": {
        "starting": "Reading the delivery repository",
        "none": "Nothing is committed yet",
        "all": "Rails of the first 16 of 43 clusters",
        "unreachable": "Where Config Sync stands isn't known yet",
    },
    "pages/traffic.py": {
        "starting": "Reading the load balancer",
        "none": "counted no request in the last 1 h",
        "all": "28 regions healthy",
        "unreachable": "The load balancer did not tell its health",
    },
    "pages/generate.py": {
        "starting": "there is no address to draw at yet",
        "none": "made when the first region joins",
        "all": "answers from africa-south1, asia-southeast2 and 3 more",
        "unreachable": "answers from europe-west4",
    },
    "pages/drill.py": {
        "starting": "The platform is still being set up.",
        "none": "No region runs yet.",
        "all": "us-west4",
        "unreachable": "No region would be left to serve",
    },
    "pages/activity.py": {
        "starting": "Nothing has been written yet",
        "none": "The newest 15 lines, live",
        "all": "The newest 15 lines, live",
        "unreachable": "Not answered",
    },
    "pages/settings.py": {
        "starting": "The platform is still being set up.",
        "none": "As it is now, generation 3.",
        "all": "As it is now, generation 3.",
        "unreachable": "As it is now, generation 3.",
    },
}


def readings(case: str) -> dict[str, looks.Seen[Any]]:
    """What the pages read beside the snapshot, as it is in this case."""
    if case in {"starting", "first", "broken"}:
        return {}
    if case == "none":
        nothing = {
            cluster_looks.CLUSTERS: Kept(items=(), silent={}),
            cluster_looks.MEMBERS: Kept(items=(), silent={}),
        }
        return {
            **delivery_samples.CASES["empty"],
            **traffic_samples.CASES["nothing built"],
            **{name: fleet_samples.seen(value) for name, value in nothing.items()},
        }
    known = {**fleet_samples.looks(), **delivery_samples.LOOKS, **traffic_samples.LOOKS}
    if case == "unreachable":
        known[delivery_read.MEMBERS] = delivery_samples.TROUBLE
    if case == "all":
        clusters = [f"atlas-{name}" for name in sorted(catalog.REGIONS)]
        members = Listing(tuple(delivery_samples.member(one, delivery_samples.NEW) for one in clusters))
        known |= {**gallery_fleet.many(), delivery_read.MEMBERS: delivery_samples.seen(members)}
        known[traffic_read.BALANCER] = delivery_samples.seen(gallery_traffic.everywhere())
    return known


def everything(node: Any) -> str:
    """All that was sent to the browser, components and charts too."""
    sent = [str(node.proto)] if hasattr(node, "proto") else []
    return "\n".join([*sent, *map(everything, getattr(node, "children", {}).values())])


def table(at: AppTest, key: str) -> dict[str, Any]:
    """What a table of the page was given to draw."""
    for one in at.main:
        found = _component(one, key)
        if found:
            return found
    raise AssertionError(f"no table {key}")


def _component(node: Any, key: str) -> dict[str, Any] | None:
    proto = getattr(node, "proto", None)
    told = getattr(proto, "json", "") if proto is not None else ""
    if told and key in getattr(proto, "id", ""):
        return json.loads(told)[0]
    for child in getattr(node, "children", {}).values():
        if found := _component(child, key):
            return found
    return None


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("case", samples.CASES)
def test_every_page_can_show_every_state(open_page: Open, page: str, case: str) -> None:
    looks.install(readings(case))
    at = open_page(page, case)
    assert not at.exception
    assert at.title
    says = LOST if case == "lost" else SAYS[page].get(case, "")
    assert says in everything(at.main).replace("\\", "")


def test_the_first_start_tells_its_steps(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "first")
    assert "Setting up the platform" in table(at, "glance")["decision"]["said"]
    assert "Registering the config cluster" in text(at)


def test_a_silent_config_cluster_is_said_with_its_age_and_holds_changes_back(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "lost", address={"region": "europe-west4"})
    assert "Changes are held back" in text(at)
    assert "Pictures are still drawn" in text(at)
    assert all(at.button(key=key).disabled for key in ("contract",))


def test_choosing_a_region_opens_its_card_with_offer_and_price(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "fleet", address={"region": "us-central1"})
    assert "us-central1" in [one.value for one in at.header]
    assert "zone b was out of stock" in text(at)
    assert "per hour" in text(at)


def test_the_glance_tells_what_the_month_has_cost_and_will(open_page: Open) -> None:
    cards = {one["title"]: one for one in table(open_page("pages/atlas.py", "one"), "glance")["cards"]}
    assert "month $260 of about $424" in cards["Spend per hour"]["notes"]


def test_silence_before_anything_has_served_is_no_failure() -> None:
    unanswered = Entry(
        id=1, at=samples.NOW, kind="probe", subject="vip", message="HTTP 503", body={"ok": False}
    )

    def answered(*regions: RegionStatus) -> dict[str, Any]:
        return glance.payload(samples.snapshot(*regions, entries=(unanswered,)))["cards"][2]

    assert answered(samples.STARTING)["notes"] == ("nothing has served yet",)
    assert answered(samples.STARTING)["color"] == ""
    assert (answered(samples.STOCKED_OUT)["value"], answered(samples.STOCKED_OUT)["color"]) == (
        "0.0 %",
        "red",
    )


def test_a_click_on_the_map_is_followed_once_and_not_by_a_callback_that_can_be_lost(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "fleet", map={"selected": {"id": "us-west1", "at": 1}})
    assert "us-west1" in [one.value for one in at.header]
    assert at.query_params["region"] == "us-west1"
    assert table(at, "map")["heard"]["selected"] == 1
    at.selectbox(key="region").set_value(None).run()
    assert "region" not in at.query_params, "the click of before is no wish any more"
    at.session_state["map"] = {"selected": {"id": "us-west1", "at": 2}}
    at.run()
    assert at.query_params["region"] == "us-west1", "chosen once more"


def test_the_maps_layer_goes_into_the_address_and_nonsense_does_not(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "fleet", map={"layer": {"id": "price", "at": 1}})
    assert at.query_params["layer"] == "price"
    assert table(at, "map")["layer"] == "price"
    for nonsense in ({"id": "moon", "at": 2}, {"id": 7, "at": 3}, {"id": "price"}, "price", None):
        at.session_state["map"] = {"layer": nonsense, "selected": nonsense}
        at.run()
        assert not at.exception
        assert at.query_params["layer"] == "price"
        assert "region" not in at.query_params


@pytest.mark.parametrize(
    ("region", "label", "says"),
    [
        pytest.param("europe-west4", "Why", "losing the L4 there", id="serves"),
        pytest.param("us-east4", "Why not", "another GPU in spec.accelerators", id="stocked out"),
        pytest.param("us-west1", "Why not", "stock-out in both zones 12 min ago", id="a runner-up"),
    ],
)
def test_the_card_says_why_a_region_serves_or_does_not_and_what_would_flip_it(
    open_page: Open, region: str, label: str, says: str
) -> None:
    at = open_page("pages/atlas.py", "fleet", address={"region": region})
    (why,) = [one for one in at.expander if one.label in {"Why", "Why not"}]
    assert why.label == label
    words = "\n".join(str(one.value) for one in (*why.markdown, *why.caption)).replace("\\", "")
    assert "Would flip with" in words
    assert says in words


def test_where_no_region_is_chosen_the_best_next_ones_are_a_click_away(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "fleet")
    seen = session.current()
    assert seen.placement is not None
    told = next_region(seen.placement, seen.views, now=samples.NOW)
    assert told.best is not None
    drawn = table(at, "next_regions")
    rows = drawn["rows"]
    able = [one.region for one in (told.best, *told.others)]
    assert [row["id"] for row in rows] == able[: len(rows)]
    assert 1 <= len(rows) <= next_panel.PICKED
    assert f"of {len(able)} region" in drawn["caption"]


def test_a_region_of_the_fleet_can_be_contracted_and_another_one_expanded(open_page: Open) -> None:
    at = open_page("pages/atlas.py", "fleet", address={"region": "europe-west4"})
    assert not at.button(key="contract").disabled
    at = open_page("pages/atlas.py", "fleet", address={"region": "us-west1"})
    assert at.button(key="expand").label == "Expand"
    assert "contract" not in [one.key for one in at.button]


def test_a_region_from_the_address_bar_is_opened_and_an_unknown_one_ignored(
    open_page: Open, tmp_path: Path
) -> None:
    for asked, shown in (("us-west1", "us-west1"), ("moon-base1", None)):
        session.install(samples.CASES["one"](), settings=Settings(state_dir=tmp_path))
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20)
        at.query_params["region"] = asked
        assert at.run().selectbox(key="region").value == shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"prompt": ""}, "prompt", id="nothing to draw"),
        pytest.param({"prompt": "x" * 10_000}, "prompt", id="ten thousand characters"),
        pytest.param({"prompt": "a fox", "seed": "lucky"}, "seed", id="a seed that is no number"),
        pytest.param({"prompt": "a fox", "steps": 900}, "steps", id="too many steps"),
        pytest.param({"prompt": "a fox", "batch_size": 99}, "batch_size", id="too many pictures"),
    ],
)
def test_a_wrong_field_is_said_at_the_field_and_nothing_is_sent(
    open_page: Open, fields: dict[str, object], says: str
) -> None:
    at = open_page("pages/generate.py", "fleet")
    for name, value in fields.items():
        kind = {"prompt": at.text_area, "seed": at.text_input}.get(name, at.number_input)
        kind(key=name).set_value(value)
    at.button(key="generate").click().run()
    assert says in at.session_state["prompt_problems"]
    assert ":material/error:" in text(at)
    assert not any("Drawing" in str(getattr(one, "text", "")) for one in at.get("progress"))


def test_generate_says_plainly_that_no_region_serves(open_page: Open) -> None:
    at = open_page("pages/generate.py", "down")
    assert "no healthy endpoint behind it" in text(at)
    assert "us-east4: No L4 in zones a and c" in text(at).replace("\\", "")


def test_safe_with_the_same_type_says_why_nothing_breaks(open_page: Open) -> None:
    at = open_page("pages/drill.py", "one")
    at.selectbox(key="switch_to").set_value("nvidia-l4")
    at.session_state["switch_how"] = "Safe"
    at.run()
    assert "Nothing breaks." in text(at)
    assert "maxUnavailable 25 % rounds down to 0" in text(at)


def test_recover_can_be_pressed_only_while_a_lease_runs(open_page: Open) -> None:
    assert open_page("pages/drill.py", "one").button(key="recover").disabled
    assert not open_page("pages/drill.py", "drill").button(key="recover").disabled


def test_activity_filters_by_kind_and_words(open_page: Open) -> None:
    at = open_page("pages/activity.py", "fleet")
    at.session_state["activity_view"] = "Decisions"
    at.run()
    assert "The newest 3 lines, live" in text(at)
    at.text_input(key="activity_text").set_value("no such words").run()
    assert "fits these filters" in text(at)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        pytest.param("loading", "Reading the delivery repository", id="loading"),
        pytest.param("empty", "Nothing is committed yet", id="empty"),
        pytest.param("whole", "1 of 3 clusters run what the head holds for them", id="whole"),
        pytest.param("no fleet", "Where Config Sync stands isn't known yet", id="the fleet is silent"),
        pytest.param("no repository", "The delivery repository is not there.", id="no repository"),
        pytest.param("stale", "What is shown was read", id="stale"),
    ],
)
def test_delivery_says_what_it_knows_and_what_it_does_not(open_page: Open, case: str, says: str) -> None:
    looks.install(delivery_samples.CASES[case])
    at = open_page("pages/delivery.py", "fleet")
    assert not at.exception
    assert says in text(at).replace("\\", "")


def test_delivery_tells_an_error_with_its_code_and_what_to_do(open_page: Open) -> None:
    looks.install(delivery_samples.LOOKS)
    at = open_page("pages/delivery.py", "fleet")
    words = text(at)
    assert "KNV2009" in words
    assert "Roll back to a commit before it" in words
    assert "From_a_bad_commit" in "\n".join(one.value for one in at.code)


def test_a_commit_shows_who_why_and_what_differs_and_can_be_gone_back_to(open_page: Open) -> None:
    looks.install(delivery_samples.LOOKS)
    at = open_page("pages/delivery.py", "fleet", address={"commit": delivery_samples.OLD[:7]})
    assert "us-central1 starts with L4" in text(at).replace("\\", "")
    assert "3 files, :green[+6] :red[-0]" in text(at)
    assert not at.button(key="roll_back").disabled
    at.selectbox(key="roll_back_where").set_value("us-east4")
    at.run()
    at.button(key="roll_back").click().run()
    assert at.button(key="dialog_confirm").label == "Roll back"
    assert "as 1111111 held it" in "\n".join(one.value for one in at.code)


def test_the_head_can_not_be_gone_back_to_and_an_unknown_commit_is_said(open_page: Open) -> None:
    looks.install(delivery_samples.LOOKS)
    at = open_page("pages/delivery.py", "fleet", address={"commit": "zzzz"})
    assert "zzzz is none of the newest 4 commits" in text(at)
    assert at.button(key="roll_back").disabled
    assert "This is the head" in text(at)


def test_two_clusters_of_a_commit_can_be_compared(open_page: Open) -> None:
    looks.install(delivery_samples.LOOKS)
    at = open_page(
        "pages/delivery.py", "fleet", address={"commit": delivery_samples.BAD}, compare="Two clusters"
    )
    assert at.selectbox(key="cluster_b").value == delivery_samples.US
    assert "1 file, :green[+1] :red[-1]" in text(at)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        pytest.param("loading", "Reading the load balancer", id="loading"),
        pytest.param("whole", "From Cloud Monitoring, by region up to 20:14:", id="whole"),
        pytest.param("nothing built", "counted no request in the last 1 h", id="nothing is built yet"),
        pytest.param("no answer", "Cloud Monitoring does not answer", id="no answer"),
        pytest.param("stale", "What is shown was read", id="stale"),
    ],
)
def test_traffic_says_what_it_knows_and_what_it_does_not(open_page: Open, case: str, says: str) -> None:
    looks.install(traffic_samples.CASES[case])
    at = open_page("pages/traffic.py", "fleet")
    assert not at.exception
    told = text(at) + "".join(str(getattr(one, "title", "")) for one in at.warning)
    assert says in told.replace("\\", "")


def test_the_picture_goes_from_six_continents_to_every_group_and_says_why() -> None:
    seen = samples.CASES["fleet"]()
    told = traffic_picture.payload(seen, traffic_samples.BALANCER, traffic_samples.ANSWERS)
    goes = {one["city"]: (one["goes"], one["seen"]) for one in told["clients"]}
    assert goes["Paris"] == ("→ europe-west4 ✓ 419 km", "")
    assert goes["Chicago"][1] == "answered by us-central1"
    assert goes["Tokyo"][1] == "answered by nobody"
    assert goes["Lagos"][1] == ""
    states = {one["id"]: (one["state"], one["look"]) for one in told["regions"]}
    assert states == {
        "asia-east1": ("Not checked yet", "going"),
        "australia-southeast1": ("Draining", "leaving"),
        "europe-west4": ("1 of 1 healthy", "good"),
        "us-central1": ("Unhealthy", "bad"),
        "us-east4": ("Not known", "unknown"),
    }
    assert "don't answer" not in told["regions"][2]["why"]


def test_without_a_load_balancer_the_picture_says_so() -> None:
    told = traffic_picture.payload(samples.CASES["none"](), traffic_samples.LoadBalancer(), None)
    assert told["service"]["state"] == "Not built yet"
    assert {one["goes"] for one in told["clients"]} == {"→ nobody"}
    assert told["regions"] == []


def test_the_load_generator_shows_what_it_got_and_can_only_be_stopped_while_it_runs(open_page: Open) -> None:
    looks.install(traffic_samples.LOOKS)
    at = open_page("pages/traffic.py", "fleet")
    assert at.button(key="load_start").disabled
    assert not at.button(key="load_stop").disabled
    assert "40 of 41" in "".join(str(one.value) for one in at.metric)


def test_a_load_beyond_the_limits_is_refused_in_a_sentence(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise load.Refused("A load is running already; stop it first.")

    monkeypatch.setattr(load.Generator, "start", refuse)
    looks.install({**traffic_samples.LOOKS, load.NAME: traffic_samples.CASES["nothing built"][load.NAME]})
    at = open_page("pages/traffic.py", "fleet")
    at.button(key="load_start").click().run()
    assert "running already" in text(at)


def test_the_gallery_is_not_reachable_without_being_asked_for(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATLAS_GALLERY", raising=False)
    open_page("pages/atlas.py", "one")
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        open_page("pages/gallery.py", "one")
