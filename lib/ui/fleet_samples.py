"""Made-up readings of clusters: for tests of the Fleet page and for the gallery. Never shown as live."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

from lib.fleet.model import (
    ClusterObservation,
    EventObservation,
    MembershipObservation,
    OperationObservation,
    SyncError,
)
from lib.fleet.roster import Inside, Kept, NodeSeen, PodSeen
from lib.gateways.objects import LogTail
from lib.ui import cluster_looks as names
from lib.ui.looks import Seen
from lib.ui.samples import L4, NOW
from lib.ui.snapshot import Trouble

COMMIT: Final = "9f3c2ab41d7755e0c1a2b3c4d5e6f70819202122"
POD: Final = "stable-diffusion-webui-7f9c6d5b8-x2x9k"
SILENCE: Final = Trouble(sentence="atlas-us-central1 does not answer (no answer in time).", since=0.0)


def cluster(name: str, region: str, status: str = "RUNNING", **more: Any) -> ClusterObservation:
    known: dict[str, Any] = {
        "owned": True,
        "version": "1.35.6-gke.1049000",
        "endpoint": "" if status == "PROVISIONING" else f"127.0.0.1:1/{name}",
        "created_at": NOW - timedelta(hours=3),
    }
    return ClusterObservation(name=name, region=region, status=status, **(known | more))


CREATE: Final = OperationObservation(
    name="operation-1",
    kind="CREATE_CLUSTER",
    status="RUNNING",
    target="atlas-asia-east1",
    region="asia-east1",
    started_at=NOW - timedelta(minutes=2),
    progress=0.41,
)
CLUSTERS: Final = (
    cluster("config-cluster", "us-central1"),
    cluster("atlas-europe-west4", "europe-west4"),
    cluster("atlas-us-central1", "us-central1"),
    cluster("atlas-us-east4", "us-east4", "RECONCILING"),
    cluster("atlas-asia-east1", "asia-east1", "PROVISIONING", operation=CREATE),
    cluster("strangers-cluster-with-a-rather-long-name-0123456789", "europe-west1", owned=False),
)


def member(one: ClusterObservation, **more: Any) -> MembershipObservation:
    known: dict[str, Any] = {
        "sync_directory": None if one.name == "config-cluster" else f"clusters/{one.name}",
        "sync_code": "" if one.name == "config-cluster" else "SYNCED",
        "sync_commit": "" if one.name == "config-cluster" else COMMIT,
    }
    return MembershipObservation(
        name=f"projects/p/locations/{one.region}/memberships/{one.name}",
        cluster=one.name,
        region=one.region,
        state="READY",
        **(known | more),
    )


KNV: Final = SyncError(code="KNV2009", message="failed to apply Deployment, stable-diffusion-webui.")
MEMBERS: Final = (
    *(member(one) for one in CLUSTERS[:3]),
    member(CLUSTERS[3], sync_code="ERROR", sync_errors=(KNV,)),
)


def node(name: str, accelerator: str = "", **more: Any) -> NodeSeen:
    return NodeSeen(
        name=name,
        zone="europe-west4-b",
        machine="g2-standard-8" if accelerator else "ek-standard-8",
        accelerator=accelerator,
        gpus=1 if accelerator else 0,
        version="v1.35.6-gke.1049000",
        created_at=NOW - timedelta(minutes=40),
        **({"ready": True} | more),
    )


def pod(status: str = "Running", **more: Any) -> PodSeen:
    known: dict[str, Any] = {
        "name": POD,
        "phase": "Running",
        "ready": "2/2" if status == "Running" else "0/2",
        "node": "gk3-nap-g2-8-gpu1-4phn",
        "containers": ("sd", "passport"),
        "created_at": NOW - timedelta(minutes=38),
    }
    return PodSeen(status=status, **(known | more))


SERVING: Final = Inside(nodes=(node("gk3-nap-g2-8-gpu1-4phn", L4), node("gk3-pool-2-a")), pods=(pod(),))
CRASHING: Final = Inside(
    nodes=(node("gk3-nap-g2-8-gpu1-4phn", L4, ready=False),),
    pods=(
        pod("CrashLoopBackOff", restarts=11, message="back-off 5m0s restarting failed container=sd"),
        pod(
            "Pending",
            name=POD.replace("x2x9k", "q8w7e"),
            phase="Pending",
            node="",
            message="0/4 nodes are available: 4 Insufficient nvidia.com/gpu.",
        ),
    ),
)
BACK_OFF: Final = EventObservation(
    uid="0f3b-000001",
    cluster="atlas-us-east4",
    kind="Pod",
    name=POD,
    type="Warning",
    reason="BackOff",
    message="Back-off restarting failed container sd",
    component="kubelet",
    first_at=NOW - timedelta(minutes=9),
    last_at=NOW - timedelta(minutes=1),
    count=7,
)
MANIFEST: Final = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: stable-diffusion-webui\n"


def seen(value: Any, **more: Any) -> Seen[Any]:
    return Seen(value=value, **({"read_at": time.time(), "version": 1} | more))


def looks() -> dict[str, Seen[Any]]:
    """Four clusters of ours in four states, the config cluster, and one that is not ours."""
    silent = Trouble(sentence=SILENCE.sentence, since=time.time() - 42)
    asked = names.LogAsked(pod=POD, container="sd", lines=100, previous=False)
    return {
        names.CLUSTERS: seen(Kept(items=CLUSTERS, silent={})),
        names.MEMBERS: seen(Kept(items=MEMBERS, silent={})),
        names.inside_name("config-cluster"): seen(Inside(nodes=(node("gk3-pool-2-b"),))),
        names.inside_name("atlas-europe-west4"): seen(SERVING),
        names.inside_name("atlas-us-central1"): seen(SERVING, read_at=time.time() - 47, trouble=silent),
        names.inside_name("atlas-us-east4"): seen(CRASHING),
        names.events_name("atlas-us-east4"): seen((BACK_OFF,)),
        asked.name("atlas-europe-west4"): seen(LogTail(text="Running on local URL\nModel loaded.\n")),
        names.names_name("atlas-europe-west4", "Deployment"): seen(("stable-diffusion-webui",)),
        names.manifest_name("atlas-europe-west4", "Deployment", "stable-diffusion-webui"): seen(MANIFEST),
    }
