"""A world with a config cluster, workload clusters with a running pod each, and a hand-set clock.

The manifests are the product's own; nodes and pods are put in place ready made, so that tests start where the data
plane does. Time passes only in `run`.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from lib.sandbox import health, mci
from lib.sandbox.clock import Clock
from lib.sandbox.kube import platform
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Store
from lib.sandbox.world import (
    ADDRESSES,
    BACKEND_SERVICES,
    CLUSTERS,
    ENDPOINT_HEALTH,
    FEATURES,
    MEMBERSHIPS,
    NEGS,
    World,
)

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
CONFIG = ("us-central1", "config-cluster")
MCS, MCI = "stable-diffusion-webui-mcs", "stable-diffusion-webui-mci"
SERVICES, INGRESSES = "multiclusterservices.networking.gke.io", "multiclusteringresses.networking.gke.io"
ADDRESS = "127.0.0.1"
START = datetime(
    2026, 1, 5, 9, tzinfo=UTC
)  # a set time: what is drawn by name and date is drawn alike each run
Document = dict[str, Any]


def manifest(path: str) -> Document:
    return yaml.safe_load((MANIFESTS / path).read_text())


class DataPlane:
    def __init__(self, folder: Path, *, programmed: bool = False) -> None:
        self.folder = folder
        self.world = self.open()
        self.register(*CONFIG)
        self.config = KubeCluster(self.world, *CONFIG)
        membership = "projects/gpu-atlas-sandbox/locations/us-central1/memberships/config-cluster"
        feature = {"resourceState": {"state": "ACTIVE"}}
        self.world.store.put(
            FEATURES,
            "multiclusteringress",
            feature | {"spec": {"multiclusteringress": {"configMembership": membership}}},
        )
        platform.bring_ingress_kinds(self.world)
        self.world.store.put(ADDRESSES, "gpu-atlas-vip", {"address": ADDRESS, "status": "RESERVED"})
        if programmed:
            self.apply()
            self.run(230, step=10)

    def open(self) -> World:
        clock = Clock(self.folder / "clock.json", start=START)
        clock.pause()
        store = Store(self.folder / "state.db")
        return World(
            store=store,
            clock=clock,
            state_dir=self.folder,
            delivery_path=self.folder / "delivery.git",
            vip_port=0,
            rng=random.Random(7),
        )

    def run(self, seconds: float, step: float = 1.0) -> None:
        while seconds > 0:
            self.world.clock.step(min(step, seconds))
            seconds -= step
            mci.tick(self.world)
            health.tick(self.world)

    # --- what there is -------------------------------------------------------------------------------

    def register(self, region: str, name: str, *, state: str = "READY") -> None:
        """A running cluster that is a member of the fleet."""
        link = f"//container.googleapis.com/projects/p/locations/{region}/clusters/{name}"
        membership = {"endpoint": {"gkeCluster": {"resourceLink": link}}, "state": {"code": state}}
        self.world.store.put(CLUSTERS, f"{region}/{name}", {"name": name, "status": "RUNNING"})
        self.world.store.put(MEMBERSHIPS, f"{region}/{name}", membership)
        cluster = KubeCluster(self.world, region, name)
        cluster.create("namespaces", {"metadata": {"name": "default"}})

    def apply(self, address: str = ADDRESS) -> None:
        """The config cluster's manifests, with the address filled in."""
        ingress = manifest("config-cluster/mci.yaml")
        ingress["metadata"]["annotations"]["networking.gke.io/static-ip"] = address
        self.config.create("backendconfigs.cloud.google.com", manifest("config-cluster/backendconfig.yaml"))
        self.config.create(SERVICES, manifest("config-cluster/mcs.yaml"))
        self.config.create(INGRESSES, ingress)

    def serve(self, region: str) -> Document:
        """A workload cluster whose pod is Ready; returns the pod."""
        self.register(region, f"atlas-{region}")
        cluster = self.cluster(region)
        cluster.create("configmaps", manifest("workload/passport.yaml"))
        return self.add_pod(region, "sd-1")

    def cluster(self, region: str) -> KubeCluster:
        return KubeCluster(self.world, region, f"atlas-{region}")

    def add_pod(self, region: str, name: str, zone: str = "") -> Document:
        cluster, zone = self.cluster(region), zone or f"{region}-a"
        place = {"topology.kubernetes.io/zone": zone}
        node = {"metadata": {"name": f"node-{name}", "labels": place}, "status": _conditions(ready=True)}
        cluster.create("nodes", node)
        spec = _pod_spec(region)
        labels = {"app": "stable-diffusion-webui", **place}
        cluster.create("pods", {"metadata": {"name": name, "labels": labels}, "spec": spec})
        address = f"10.0.0.{self.world.store.version % 250}"
        statuses = [{"name": c["name"], "ready": True, "state": {"running": {}}} for c in spec["containers"]]
        status = {
            "phase": "Running",
            "podIP": address,
            "containerStatuses": statuses,
            **_conditions(ready=True),
        }

        def bind(body: Document) -> None:
            body["spec"]["nodeName"] = f"node-{name}"
            body["status"] = status

        pod = cluster.mutate("pods", "default", name, bind)
        assert pod is not None
        return pod

    def link(self, *regions: str) -> None:
        """What the product's controller writes into the MultiClusterService."""
        links = [{"link": f"{region}/atlas-{region}"} for region in regions]
        self.config.mutate(SERVICES, "default", MCS, lambda body: body["spec"].update(clusters=links))

    def lose_node(self, region: str, name: str = "node-sd-1") -> None:
        self.cluster(region).mutate("nodes", "", name, lambda n: n.update(status=_conditions(ready=False)))

    # --- what is seen --------------------------------------------------------------------------------

    @property
    def endpoints(self) -> dict[str, str]:
        """State by region and pod."""
        found = {}
        for key, neg in self.world.store.items(NEGS):
            for e in neg["_endpoints"]:
                health_key = f"{key}/{e['ipAddress']}:{e['port']}"
                state = (self.world.store.get(ENDPOINT_HEALTH, health_key) or {}).get("state", "UNKNOWN")
                found[f"{e['location']}/{e['pod']}"] = state
        return found

    @property
    def backend_service(self) -> Document:
        return next(body for _, body in self.world.store.items(BACKEND_SERVICES))

    def events(self, kind: str) -> list[tuple[str, str]]:
        events = [e for e in self.config.list("events") if e["involvedObject"]["kind"] == kind]
        in_order = sorted(events, key=lambda e: int(e["metadata"]["resourceVersion"]))
        return [(e["reason"], e["message"]) for e in in_order]

    def close(self) -> None:
        self.world.store.close()


def _conditions(*, ready: bool) -> Document:
    return {"conditions": [{"type": "Ready", "status": str(ready)}]}


def _pod_spec(region: str) -> Document:
    spec = json.loads(json.dumps(manifest("workload/deployment.yaml")["spec"]["template"]["spec"]))
    values = {"REGION": region, "CLUSTER": f"atlas-{region}", "ACCELERATOR": "nvidia-l4"}
    for entry in spec["containers"][1]["env"]:
        if entry["name"] in values:
            entry["value"] = values[entry["name"]]
    return spec
