"""Clusters and memberships over REST say the same as Google's own types make of the same document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.cloud import container_v1, gkehub_v1

from lib.gateways import census, gke, hub

CLUSTER: dict[str, Any] = {
    "name": "atlas-us-east4",
    "location": "us-east4",
    "status": "RUNNING",
    "resourceLabels": {"managed-by": "gpu-atlas"},
    "currentMasterVersion": "1.35.6-gke.1",
    "createTime": "2026-11-26T18:15:43.765483Z",
    "endpoint": "10.0.0.1",
    "masterAuth": {"clusterCaCertificate": "Q0E="},
}
OPERATION: dict[str, Any] = {
    "name": "operation-1",
    "operationType": "CREATE_CLUSTER",
    "status": "RUNNING",
    "location": "us-east4",
    "targetLink": "https://container.googleapis.com/v1/projects/1/locations/us-east4/clusters/c/nodePools/p",
    "startTime": "2026-11-26T18:15:43Z",
}
METRICS = [
    {"name": "CLUSTER_DEPLOYING", "intValue": "3"},
    {"name": "CLUSTER_DEPLOYING_TOTAL", "intValue": "12"},
]
NAME = "projects/p/locations/us-east4/memberships/atlas-us-east4"
LINK = "//container.googleapis.com/projects/p/locations/us-east4/clusters/atlas-us-east4"
MEMBER: dict[str, Any] = {
    "name": NAME,
    "endpoint": {"gkeCluster": {"resourceLink": LINK}},
    "state": {"code": "READY"},
}
GIT = {"syncRepo": "https://git.example/r", "policyDir": "clusters/atlas-us-east4"}
SPEC = {"configmanagement": {"configSync": {"enabled": True, "git": GIT}}}


def synced(state: str = "CONFIG_SYNC_INSTALLED", **sync: Any) -> dict[str, Any]:
    return {"configmanagement": {"clusterName": "c", "configSyncState": {"state": state, "syncState": sync}}}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="as ours"),
        pytest.param(
            {"resourceLabels": {}, "masterAuth": {}, "endpoint": ""}, id="a stranger's, without address"
        ),
        pytest.param({"status": "ERROR", "statusMessage": "No room."}, id="broken"),
        pytest.param({"status": "DEGRADED", "conditions": [{"message": "A zone is away."}]}, id="degraded"),
    ],
)
def test_a_cluster(more: dict[str, Any]) -> None:
    found = CLUSTER | more
    theirs = container_v1.Cluster.from_json(json.dumps(found))
    assert census._cluster(found, None) == gke._cluster(theirs, None)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="no progress told"),
        pytest.param({"progress": {"metrics": METRICS}}, id="a quarter"),
        pytest.param({"status": "DONE", "endTime": "2026-11-26T18:22:43Z"}, id="done"),
        pytest.param({"status": "DONE", "error": {"code": 8, "message": "No room."}}, id="failed"),
        pytest.param({"status": "ABORTING", "statusMessage": "Taken back."}, id="aborting"),
    ],
)
def test_an_operation(more: dict[str, Any]) -> None:
    found = OPERATION | more
    theirs = container_v1.Operation.from_json(json.dumps(found))
    assert census._operation(found) == gke._operation(theirs)


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        pytest.param(None, None, id="no Config Sync"),
        pytest.param(SPEC, None, id="nothing told yet"),
        pytest.param(
            SPEC,
            synced(code="SYNCED", syncToken="9f3c", lastSyncTime="2026-11-26T18:20:00.123456789Z"),
            id="synced",
        ),
        pytest.param(SPEC, synced("CONFIG_SYNC_PENDING"), id="being installed"),
        pytest.param(SPEC, synced("CONFIG_SYNC_NOT_INSTALLED"), id="not installed"),
        pytest.param(
            SPEC,
            synced(code="ERROR", errors=[{"code": "2009", "errorMessage": "KNV2009: no such kind"}]),
            id="an error with its code",
        ),
    ],
)
def test_a_membership(spec: dict[str, Any] | None, state: dict[str, Any] | None) -> None:
    key = hub.short_name(NAME)
    ours = census._membership(MEMBER, {key: spec} if spec else {}, {key: state} if state else {})
    theirs = hub._membership(
        gkehub_v1.Membership.from_json(json.dumps(MEMBER)),
        gkehub_v1.MembershipFeatureSpec.from_json(json.dumps(spec)) if spec else None,
        gkehub_v1.MembershipFeatureState.from_json(json.dumps(state)) if state else None,
    )
    assert ours == theirs
