"""The demo's steps as calls over the wire: clusters, fleet, address, manifests, until two regions serve."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.contract.conftest import ROOT, Sandbox
from tests.unit.kube_drive import commit
from tests.waiting import wait_until

P = "gpu-atlas-sandbox"
CONFIG, WORK, SPARE = (
    ("us-central1", "config-cluster"),
    ("europe-west4", "atlas-europe-west4"),
    ("us-east4", "atlas-us-east4"),
)
GKE, HUB = f"/v1/projects/{P}/locations", f"/v1/projects/{P}/locations/global/features"
NETWORKING = "/apis/networking.gke.io/v1/namespaces/default"
SERVICE = f"{NETWORKING}/multiclusterservices/stable-diffusion-webui-mcs"
INGRESS = f"{NETWORKING}/multiclusteringresses/stable-diffusion-webui-mci"
Document = dict[str, Any]


class Demo:
    """The demo's steps, as calls."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.api = sandbox.http(sandbox.token)
        self.commit = ""  # that Config Sync is to run, where it is asked to

    def create_clusters(self, *clusters: tuple[str, str]) -> None:
        for location, name in clusters:
            body = {"name": name, "autopilot": {"enabled": True}, "fleet": {"project": P}}
            self._ok(self.api.post(f"{GKE}/{location}/clusters", json={"cluster": body}))
        for location, name in clusters:
            wait_until(
                lambda p=f"{GKE}/{location}/memberships/{name}": self._ready(p), what=f"{name} is a member"
            )

    def _ready(self, membership: str) -> bool:
        answer = self.api.get(membership)
        return answer.status_code == 200 and answer.json()["state"]["code"] == "READY"

    def open_address(self) -> str:
        """Feature, address and the config cluster's manifests; returns the address once the rule is there."""
        membership = f"projects/{P}/locations/{CONFIG[0]}/memberships/{CONFIG[1]}"
        spec = {"multiclusteringress": {"configMembership": membership}}
        self._ok(self.api.post(HUB, params={"featureId": "multiclusteringress"}, json={"spec": spec}))
        addresses = f"/compute/v1/projects/{P}/global/addresses"
        self._ok(self.api.post(addresses, json={"name": "gpu-atlas-vip"}))
        kube = self.kube(CONFIG)
        wait_until(
            lambda: self.api.get(f"{kube}{NETWORKING}/multiclusterservices").status_code == 200,
            what="the kinds",
        )
        address = self._ok(self.api.get(f"{addresses}/gpu-atlas-vip"))["address"]
        for path, file in (
            ("/apis/cloud.google.com/v1/namespaces/default/backendconfigs", "backendconfig.yaml"),
            (f"{NETWORKING}/multiclusterservices", "mcs.yaml"),
            (f"{NETWORKING}/multiclusteringresses", "mci.yaml"),
        ):
            body = _manifests(f"config-cluster/{file}")[0]
            if file == "mci.yaml":
                body["metadata"]["annotations"]["networking.gke.io/static-ip"] = address
            self._ok(self.api.post(f"{kube}{path}", json=body))
        return address

    def deploy(self, cluster: tuple[str, str]) -> None:
        kube, (region, name) = self.kube(cluster), cluster
        wait_until(lambda: self.api.get(f"{kube}/api/v1/namespaces/default").status_code == 200)
        [deployment] = _manifests("workload/deployment.yaml")
        values = {"REGION": region, "CLUSTER": name, "ACCELERATOR": "nvidia-l4"}
        for entry in deployment["spec"]["template"]["spec"]["containers"][1]["env"]:
            if entry["name"] in values:
                entry["value"] = values[entry["name"]]
        [config_map] = _manifests("workload/passport.yaml")
        self._ok(self.api.post(f"{kube}/api/v1/namespaces/default/configmaps", json=config_map))
        self._ok(self.api.post(f"{kube}/apis/apps/v1/namespaces/default/deployments", json=deployment))

    def link(self, *clusters: tuple[str, str]) -> None:
        spec = {"clusters": [{"link": "/".join(c)} for c in clusters]}
        headers = {"content-type": "application/merge-patch+json"}
        patch = json.dumps({"spec": spec})
        self._ok(self.api.patch(f"{self.kube(CONFIG)}{SERVICE}", content=patch, headers=headers))

    def follow(self, cluster: tuple[str, str], files: Mapping[str, str]) -> None:
        """Let Config Sync follow the directory of the cluster's name in a repository of its own."""
        region, name = cluster
        repository = self.sandbox.state_dir / "followed.git"
        self.commit = commit(
            repository, {f"{name}/{path}": text for path, text in files.items()}, at=1_767_600_000
        )
        git = {
            "syncRepo": f"file://{repository}",
            "syncBranch": "main",
            "policyDir": name,
            "secretType": "none",
        }
        sync = {"enabled": True, "sourceFormat": "unstructured", "git": git}
        member = f"projects/{P}/locations/{region}/memberships/{name}"
        specs = {member: {"configmanagement": {"configSync": sync}}}
        body = {"membershipSpecs": specs}
        self._ok(self.api.post(HUB, params={"featureId": "configmanagement"}, json=body))

    def vip(self) -> str:
        """As the product finds it: address and port of the forwarding rule; "" while there is none."""
        rules = self._ok(self.api.get(f"/compute/v1/projects/{P}/global/forwardingRules")).get("items", [])
        return f"http://{rules[0]['IPAddress']}:{rules[0]['portRange'].partition('-')[0]}" if rules else ""

    def health(self) -> list[str]:
        """Of every endpoint, as getHealth tells it."""
        services = self._ok(self.api.get(f"/compute/v1/projects/{P}/global/backendServices")).get("items", [])
        found = []
        for service in services:
            for backend in service.get("backends", []):
                path = f"/compute/v1/projects/{P}/global/backendServices/{service['name']}/getHealth"
                answer = self._ok(self.api.post(path, json={"group": backend["group"]}))
                found += [h["healthState"] for h in answer.get("healthStatus", [])]
        return sorted(found)

    def kube(self, cluster: tuple[str, str]) -> str:
        return f"/clusters/{cluster[0]}/{cluster[1]}"

    def _ok(self, answer: httpx.Response) -> Document:
        assert answer.status_code in (200, 201), f"{answer.request.url}: {answer.status_code} {answer.text}"
        return answer.json()


def _manifests(path: str) -> list[Document]:
    return [d for d in yaml.safe_load_all((ROOT / "manifests" / path).read_text()) if d]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Demo]:
    """A sandbox of its own in which two regions serve behind the address."""
    sandbox = Sandbox(
        state_dir=folder, arguments=("--speed", "600", "--scenario", "calm", *arguments)
    ).start()
    found = Demo(sandbox)
    try:
        found.create_clusters(CONFIG, WORK, SPARE)
        found.open_address()
        for cluster in (WORK, SPARE):
            found.deploy(cluster)
        found.link(WORK, SPARE)
        wait_until(
            lambda: found.health() == ["HEALTHY", "HEALTHY"], timeout_s=60, what="both endpoints are healthy"
        )
        wait_until(found.vip, what="the forwarding rule")
        yield found
    finally:
        found.api.close()
        sandbox.stop()
