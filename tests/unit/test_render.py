"""The workload's files: what every cluster gets, and what differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.controller import render
from lib.fleet.model import Provisioning, Rollout
from lib.gateways.workload import RETURNS_ANNOTATION

L4 = render.Variant(cluster="atlas-us-east1", region="us-east1", accelerator="nvidia-l4")


def deployment(variant: render.Variant) -> dict[str, Any]:
    files = render.render(render.read_sources(), variant)
    return next(d for text in files.values() for d in render.load(text) if d["kind"] == "Deployment")


def pod(variant: render.Variant) -> dict[str, Any]:
    return deployment(variant)["spec"]["template"]["spec"]


def test_every_file_holds_valid_objects_of_the_default_namespace():
    files = render.render(render.read_sources(), L4)
    found = [d for text in files.values() for d in render.load(text)]
    assert {(d["kind"], d["metadata"]["name"]) for d in found} == {
        ("Deployment", "stable-diffusion-webui"),
        ("ConfigMap", "passport"),
    }
    assert {d["metadata"]["namespace"] for d in found} == {"default"}


def test_the_same_variant_gives_the_same_bytes():
    sources = render.read_sources()
    assert render.render(sources, L4) == render.render(sources, L4)


def test_the_pod_asks_for_the_wanted_gpu_and_for_spot_only_when_told():
    assert pod(L4)["nodeSelector"] == {render.ACCELERATOR_LABEL: "nvidia-l4"}
    spot = render.Variant(
        cluster="c", region="r", accelerator="nvidia-tesla-t4", provisioning=Provisioning.SPOT
    )
    assert pod(spot)["nodeSelector"] == {
        render.ACCELERATOR_LABEL: "nvidia-tesla-t4",
        render.SPOT_LABEL: "true",
    }


@pytest.mark.parametrize(
    ("rollout", "strategy"),
    [
        pytest.param(
            Rollout.SAFE,
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            id="safe: the old pod serves on",
        ),
        pytest.param(Rollout.HARD, {"type": "Recreate"}, id="hard: the old pod goes first"),
    ],
)
def test_the_rollout_decides_the_strategy(rollout, strategy):
    variant = render.Variant(cluster="c", region="r", accelerator="nvidia-l4", rollout=rollout)
    assert deployment(variant)["spec"]["strategy"] == strategy


def test_the_passport_container_knows_where_it_runs():
    passport = next(c for c in pod(L4)["containers"] if c["name"] == "passport")
    given = {e["name"]: e.get("value") or e["valueFrom"]["fieldRef"]["fieldPath"] for e in passport["env"]}
    assert given == {
        "REGION": "us-east1",
        "CLUSTER": "atlas-us-east1",
        "ACCELERATOR": "nvidia-l4",
        "POD": "metadata.name",
        "ZONE": "metadata.labels['topology.kubernetes.io/zone']",
    }


def test_the_workload_keeps_its_requests_and_its_health_path():
    containers = {c["name"]: c for c in pod(L4)["containers"]}
    assert containers["sd"]["resources"]["requests"] == {
        "cpu": "3500m",
        "memory": "14Gi",
        "ephemeral-storage": "30Gi",
    }
    assert containers["sd"]["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert containers["passport"]["readinessProbe"]["httpGet"] == {"path": "/internal/ping", "port": 8080}


def test_the_config_cluster_starts_with_no_backend_at_all():
    sources = render.read_sources(render.WORKLOAD.parent / "config-cluster")
    found = [d for text in sources.values() for d in render.load(text)]
    service = next(d for d in found if d["kind"] == "MultiClusterService")
    assert service["spec"]["clusters"] == []
    assert service["spec"]["template"]["spec"]["ports"][0]["targetPort"] == 8080


def test_a_drills_files_name_what_its_region_goes_back_to_and_other_files_name_nothing():
    drill = replace(
        L4, accelerator="nvidia-h100-80gb", rollout=Rollout.HARD, returns_to=("nvidia-l4", Provisioning.SPOT)
    )
    assert deployment(drill)["metadata"]["annotations"][RETURNS_ANNOTATION] == "nvidia-l4/SPOT"
    assert RETURNS_ANNOTATION not in (deployment(L4)["metadata"].get("annotations") or {})
