"""The process behind GPU stock: its figures beside the measured ones, and that any instant can be asked for."""

from __future__ import annotations

import random
from dataclasses import replace
from time import process_time

import pytest

from lib.sandbox import catalog
from lib.sandbox.pressure import OCTAVES, Pressure, level, level_over_places
from tests import stock_figures
from tests.stock_figures import FIGURES, Figure

HOUR_S, DAY_S = 3_600.0, 86_400.0
PLACE = {"accelerator": "nvidia-l4", "region": "us-east1", "zone": "us-east1-b"}
SEEDS = 10


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    return stock_figures.figures([s for seed in range(SEEDS) for s in stock_figures.process(seed)])


@pytest.mark.parametrize("figure", [pytest.param(f, id=f.name) for f in FIGURES])
def test_the_process_has_the_measured_figures(found: dict[str, float], figure: Figure) -> None:
    assert figure.holds(found[figure.name]), f"{found[figure.name]:.3f}, measured {figure.measured}"


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        pytest.param(
            {"region": 0.0, "world": 0.0},
            {"correlation inside a region", "correlation across regions"},
            id="zones of their own",
        ),
        pytest.param(
            {"period_s": 1_200.0},
            {"up hazard, age 245 to 965 min, per h", "down run, deviation over mean"},
            id="one time scale",
        ),
    ],
)
def test_another_process_misses_them(change: dict[str, float], broken: set[str]) -> None:
    octaves = [replace(o, **change) for o in OCTAVES]
    found = stock_figures.figures(stock_figures.process(0, octaves))
    assert broken <= {f.name for f in FIGURES if not f.holds(found[f.name])}


def test_the_parts_of_the_pressure_are_one_whole() -> None:
    assert sum(o.variance for o in OCTAVES) == pytest.approx(1)


def test_an_instant_is_the_same_in_any_order_and_from_a_fresh_start() -> None:
    instants = [n * 217.0 for n in range(4_000)]
    forward = Pressure("7")
    told = {t: forward.at(t, **PLACE) for t in instants}
    shuffled = random.Random(1).sample(instants, 400)
    back = Pressure("7")
    assert [back.at(t, **PLACE) for t in shuffled] == [told[t] for t in shuffled]
    assert Pressure("7").at(instants[-1], **PLACE) == told[instants[-1]]
    assert Pressure("8").at(instants[-1], **PLACE) != told[instants[-1]]


@pytest.mark.parametrize("share", [0.1, 0.35, 0.68, 0.9])
def test_a_share_holds_over_places_and_time(share: float) -> None:
    whole = Pressure("shares")
    places = [
        {"accelerator": a, "region": r, "zone": catalog.zones(r)[0]}
        for a in catalog.ACCELERATORS for r in catalog.REGIONS
    ]  # fmt: skip
    values = [whole.at(day * DAY_S, **p) + whole.standing(**p) for p in places for day in range(0, 1_000, 25)]
    assert sum(v < level_over_places(share) for v in values) / len(values) == pytest.approx(share, abs=0.04)


def test_never_and_always_are_what_they_say() -> None:
    assert level(0.0) < -100 < 100 < level(1.0)


def test_gpu_types_do_not_run_out_together() -> None:
    whole = Pressure("types")
    hours = [n * HOUR_S for n in range(24 * 200)]
    first, second = (
        [whole.at(t, **{**PLACE, "accelerator": name}) for t in hours]
        for name in ("nvidia-l4", "nvidia-tesla-t4")
    )
    product = sum(a * b for a, b in zip(first, second, strict=True)) / len(hours)
    assert abs(product) < 0.15


def test_a_tick_over_every_zone_and_gpu_is_cheap_and_memory_is_bounded() -> None:
    whole = Pressure("cost")
    places = [
        {"accelerator": a, "region": region, "zone": zone}
        for a in catalog.ACCELERATORS for region in catalog.REGIONS for zone in catalog.zones(region)
    ]  # fmt: skip
    for place in places:
        whole.at(0.0, **place)
    rows = len(whole)
    begun = process_time()
    for tick in range(1, 11):
        for place in places:
            whole.at(tick * 60.0, **place)
    each_ms = (process_time() - begun) / 10 * 1_000
    assert (
        len(whole)
        == rows
        <= len(catalog.ACCELERATORS) * (1 + len(catalog.REGIONS) + len(catalog.all_zones()))
    )
    assert each_ms < 60
