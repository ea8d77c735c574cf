"""The map's payload, and that its files fit the catalogue and the projection they were drawn in."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lib.fleet import catalog
from lib.fleet.model import Entry, Provisioning
from lib.ui import samples, server, worldmap

STATIC = server.HOME / "static" / "atlas"
WANTED = "nvidia-l4"
SHOWN = worldmap.Shown(accelerator=WANTED)


def test_an_unchanged_map_says_the_same_bytes_and_few_of_them() -> None:
    first = json.dumps(worldmap.payload(samples.snapshot(samples.SERVING), SHOWN))
    seen = samples.snapshot(samples.SERVING)
    assert len(first) < 2_500
    same = {**worldmap.payload(seen, SHOWN), "clock": 0}
    assert same == {**json.loads(first), "clock": 0}


def test_every_region_of_the_catalogue_has_its_letter_and_numbers() -> None:
    told = worldmap.payload(samples.CASES["all"](), SHOWN)
    assert {len(told[name]) for name in ("known", "chance", "eta", "usd")} == {len(catalog.REGIONS)} == {43}
    assert len(told["fleet"]) == 43


@pytest.mark.parametrize(("case", "fleet"), [("none", 0), ("one", 1), ("fleet", 6), ("all", 43)])
def test_only_regions_of_the_placement_carry_a_phase(case: str, fleet: int) -> None:
    assert len(worldmap.payload(samples.CASES[case](), SHOWN)["fleet"]) == fleet


def test_one_arc_a_region_and_the_newest_is_marked() -> None:
    prompts = [
        Entry(id=i, kind="prompt", at=samples.NOW, region=region)
        for i, region in reversed(list(enumerate(("us-west1", "nowhere", "asia-east1", "us-west1"))))
    ]
    drawn = worldmap.arcs(prompts)
    assert [(one.region, one.latest) for one in drawn] == [("us-west1", True), ("asia-east1", False)]


def test_the_outline_was_drawn_in_the_projection_that_places_markers() -> None:
    world = json.loads((STATIC / "world.json").read_text())
    source = (STATIC / "geo.js").read_text()
    scale, x0, y0 = map(float, re.search(r"SCALE = (\d+), X0 = (\d+), Y0 = (\d+)", source).groups())  # type: ignore[union-attr]
    assert world["projection"] == {"name": "naturalEarth1", "scale": scale, "translate": [x0, y0]}


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_no_component_writes_names_as_html_or_asks_another_server(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
    assert set(re.findall(r"https?://[^\"'\s]+", source)) <= {"http://www.w3.org/2000/svg"}


def test_the_security_policy_lets_nothing_else_in() -> None:
    policy = server.CONTENT_SECURITY_POLICY
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "http" not in policy
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "'unsafe-inline'" not in scripts
    assert "'sha256-" in scripts


def test_regions_close_together_are_all_on_the_map() -> None:
    places = [catalog.REGIONS[name] for name in worldmap.PLACES]
    assert all(math.isfinite(one.lat) and abs(one.lat) <= 75 and abs(one.lon) <= 180 for one in places)


def test_the_provisioning_model_that_was_chosen_is_the_one_that_is_shown() -> None:
    seen = samples.snapshot()
    (first, *rest) = seen.views
    dear, spot = (
        first.candidates[0],
        replace(first.candidates[0], provisioning=Provisioning.SPOT, usd_per_hour=0.31),
    )
    view = replace(first, candidates=(dear,), alternatives=(spot,))
    seen = replace(seen, views=(view, *rest))
    shown = worldmap.Shown(accelerator=dear.accelerator, provisioning=Provisioning.SPOT)
    at = worldmap.PLACES.index(first.region)
    assert worldmap.payload(seen, shown)["usd"][at] == 0.31
    assert worldmap.payload(seen, shown)["gpu"].endswith(", Spot")
    assert worldmap.payload(seen, replace(shown, provisioning=None))["usd"][at] == dear.usd_per_hour


def test_traffic_and_latency_are_told_by_region_from_the_last_hours_probes() -> None:
    assert worldmap.payload(samples.snapshot(samples.SERVING), SHOWN)["answers"] == {"europe-west4": [1, 61]}
