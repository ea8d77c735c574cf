"""What the Atlas page's components fetch by themselves: the same as the page gave them, for its own pages only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lib.fleet.model import Provisioning
from lib.ui import live, samples, server, session
from lib.ui.snapshot import Snapshot

L4 = "nvidia-l4"


@pytest.fixture
def seen() -> Iterator[Snapshot]:
    snapshot = replace(samples.CASES["fleet"](), version=7)
    session.install(snapshot)
    yield snapshot
    session.stop()


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[one for one in server.routes() if "live" in str(one)])) as client:
        yield client


def test_every_component_finds_its_part_in_the_answer(seen: Snapshot, client: TestClient) -> None:
    for part in ("glance", "map", "lanes", "next"):
        told = live.source(part, seen, (L4, None))
        answer = client.get(told["url"]).json()
        assert answer["version"] == told["version"] == 7
        assert answer[told["part"]]
    assert {one["id"] for one in answer["lanes"]["rows"]} == {one.region for one in seen.regions}
    assert "selected" not in answer["map"], "what a viewer chose is nobody else's"


def test_the_answer_is_about_the_gpu_and_the_model_that_were_asked_for(
    seen: Snapshot, client: TestClient
) -> None:
    answers = {
        (gpu, model): client.get(live.source("map", seen, (gpu, model))["url"]).json()["map"]
        for gpu in (L4, "nvidia-tesla-t4")
        for model in (None, Provisioning.SPOT)
    }
    assert len({json.dumps(one) for one in answers.values()}) == len(answers)
    assert answers[L4, Provisioning.SPOT]["gpu"].startswith("NVIDIA L4")


def test_what_is_new_is_in_the_next_answer(seen: Snapshot, client: TestClient) -> None:
    url = live.source("map", seen, (L4, None))["url"]
    before = client.get(url).json()
    session.install(replace(seen, views=(), version=8))
    after = client.get(url).json()
    assert (before["version"], after["version"]) == (7, 8)
    assert set(after["map"]["known"]) == {"-"} != set(before["map"]["known"])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"word": ""}, 403, id="no word"),
        pytest.param({"word": "caf\u00e9"}, 403, id="another word"),
        pytest.param({"gpu": "moon"}, 400, id="no GPU"),
        pytest.param({"bought": "stolen"}, 400, id="no model"),
    ],
)
def test_others_and_nonsense_are_told_in_a_sentence(
    seen: Snapshot, client: TestClient, change: dict[str, str], status: int
) -> None:
    asked = {
        name: one[0]
        for name, one in parse_qs(urlsplit(live.source("map", seen, (L4, None))["url"]).query).items()
    }
    answer = client.get(f"/{live.PATH}", params=asked | change)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert "us-central1" not in answer.text


def test_a_page_before_the_placement_is_answered_too(client: TestClient) -> None:
    session.install(samples.CASES["starting"]())
    try:
        answer = client.get(live.source("glance", session.current(), ("", None))["url"]).json()
    finally:
        session.stop()
    assert answer["lanes"]["rows"] == []
    assert answer["next"]["rows"] == []
    assert answer["glance"]["decision"]["said"].startswith("Setting up")
