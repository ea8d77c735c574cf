"""Quotas and name rules of the sandbox's cloud, as its APIs word them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.sandbox import addresses, extras, gke, quota
from lib.sandbox.errors import ApiError
from lib.sandbox.methods import gke_types
from lib.sandbox.store import Document
from lib.sandbox.world import PROJECT, World
from tests.unit.test_sandbox_stock import new_world

REGION = "us-west1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return new_world(tmp_path)


def create(world: World, name: str) -> Document:
    cluster = {"name": name, "autopilot": {"enabled": True}}
    return gke.create_cluster(world, {"parent": f"projects/{PROJECT}/locations/{REGION}", "cluster": cluster})


def test_a_full_region_refuses_a_cluster_with_the_quota_that_is_short(world: World) -> None:
    """Three addresses a cluster, of a hundred."""
    for number in range(33):
        create(world, f"c{number}")
    used = {q["metric"]: q["usage"] for q in quota.regional(world, REGION)}
    assert used["IN_USE_ADDRESSES"] == 99
    with pytest.raises(ApiError) as refused:
        create(world, "one-more")
    assert refused.value.http_status == 403
    assert refused.value.message == (
        'Insufficient regional quota to satisfy request: resource "IN_USE_ADDRESSES": request requires '
        "'3.0' and is short '2.0'. project has a quota of '100.0' with '1.0' available."
    )


@pytest.mark.parametrize("name", ["", "A", "1a", "a_", "a-", "a" * 41, "a.b"])
def test_a_cluster_name_is_refused_by_its_field(world: World, name: str) -> None:
    with pytest.raises(ApiError, match=r'Invalid value for field "cluster.name"'):
        create(world, name)


@pytest.mark.parametrize("name", ["a", "a-1", "a" * 40])
def test_a_good_cluster_name_is_taken(world: World, name: str) -> None:
    assert create(world, name)["operationType"] == "CREATE_CLUSTER"


def test_static_addresses_have_a_quota(world: World) -> None:
    for number in range(8):
        addresses.insert_address(world, {"name": f"a{number}"})
    with pytest.raises(
        ApiError, match=r"Quota 'STATIC_ADDRESSES' exceeded\.  Limit: 8\.0 globally\."
    ) as refused:
        addresses.insert_address(world, {"name": "one-more"})
    assert (refused.value.http_status, refused.value.reason) == (403, "quotaExceeded")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"cluster": {"colour": "red"}}, "Unknown name \"colour\" at 'cluster': Cannot find field."),
        ({"colour": "red"}, "Unknown name \"colour\" at '': Cannot find field."),
        ({"cluster": {"name": 5}}, "name"),
        ({"cluster": {"releaseChannel": {"channel": "SOON"}}}, "channel"),
    ],
)
def test_a_field_that_the_container_api_cannot_read_is_named(given: Document, sentence: str) -> None:
    with pytest.raises(ApiError) as refused:
        extras.refuse(given, gke_types.CreateClusterRequest.pb()())
    assert refused.value.message.startswith("Invalid JSON payload received. ")
    assert sentence in refused.value.message
