"""A cloud of so many clusters that answers at once and always the same, to measure the controller and not the cloud.

It speaks what the controller's gateways ask, over TLS, with bytes that are made once: Container and Hub over gRPC,
Compute and each cluster's Kubernetes API over HTTP. Only objects of the config cluster are kept when they are written.
Nothing happens in it: every cluster runs its pods and serves. `python -m tests.bench.stub_cloud DIR CLUSTERS PODS`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.cloud import container_v1, gkehub_v1
from google.cloud.gkehub_v1 import configmanagement_v1

from lib.fleet.names import cluster_name, link, sync_directory
from lib.gateways.gke import OWNER_LABEL
from lib.sandbox import auth

PROJECT, CONFIG = "gpu-atlas-sandbox", "/clusters/us-central1/config-cluster"
ACCELERATOR, COMMIT, TIME = "nvidia-l4", "0" * 40, "2026-11-26T08:00:00Z"
ZONES = "abc"
Document = dict[str, Any]


def regions(count: int) -> list[str]:
    return [f"sim-area{number:04d}" for number in range(count)]


class Cloud:
    def __init__(self, clusters: int, pods: int) -> None:
        self.regions, self.port, self.ca = regions(clusters), 0, b""
        self.kept: dict[str, Document] = {}  # path -> object of the config cluster
        self._deployment = _json(_deployment(pods))
        self._pods = _json({"items": [_pod(number) for number in range(pods)], "metadata": {}})
        self._events = _json({"items": [], "metadata": {}})

    def kubernetes(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith(CONFIG):
            return self._config(method, path.removeprefix(CONFIG), body)
        if path.endswith("/pods"):
            return 200, self._pods
        return 200, self._events if path.endswith("/events") else self._deployment

    def _config(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Collections and objects by path; a status is merged into its object."""
        path = path.removesuffix("/status")
        if method == "GET" and path in self.kept:
            return 200, _json(self.kept[path])
        if method == "GET" and path.rpartition("/")[2] in {"gpuregions", "events"}:
            items = [one for key, one in self.kept.items() if key.rpartition("/")[0] == path]
            return 200, _json({"items": items, "metadata": {}})
        if method == "GET":
            return 404, _json({"reason": "NotFound", "message": f"no {path}"})
        sent = json.loads(body)
        if method == "POST":
            path = f"{path}/{sent['metadata']['name']}"
        self.kept[path] = self.kept.get(path, {}) | sent
        return 200, _json(self.kept[path])

    def google(self, method: str, path: str) -> tuple[int, bytes]:
        """Compute, the token endpoint and the one cluster that is asked for over REST."""
        tail = path.rpartition("/")[2]
        answer: Callable[[], Document] = {
            "token": lambda: {"access_token": "stub", "expires_in": 3599, "token_type": "Bearer"},
            "config-cluster": lambda: _config_cluster(self.port, self.ca),
            "regions": lambda: {"items": [_region(name) for name in self.regions]},
            "acceleratorTypes": lambda: {"items": dict(_accelerators(self.regions))},
            "backendServices": lambda: {"items": [_service(self.regions)]},
            "forwardingRules": lambda: {"items": []},
            "getHealth": lambda: {"healthStatus": [{"healthState": "HEALTHY"}]},
        }.get(
            tail,
            lambda: {"quotas": [{"metric": "GPUS_ALL_REGIONS", "limit": 1e6, "usage": len(self.regions)}]},
        )
        return 200, _json(answer())

    def rpcs(self) -> dict[str, bytes]:
        parent = f"projects/{PROJECT}/locations"
        ca = _base64(self.ca)
        clusters = [
            container_v1.Cluster(
                name=cluster_name(region),
                location=region,
                status=container_v1.Cluster.Status.RUNNING,
                endpoint=f"127.0.0.1:{self.port}/clusters/{region}/{cluster_name(region)}",
                master_auth=container_v1.MasterAuth(cluster_ca_certificate=ca),
                resource_labels=dict([OWNER_LABEL]),
                create_time=TIME,
            )
            for region in self.regions
        ]
        names = {region: f"{parent}/{region}/memberships/{cluster_name(region)}" for region in self.regions}
        hub, container = "/google.cloud.gkehub.v1.GkeHub", "/google.container.v1.ClusterManager"
        members = [_membership(name, region) for region, name in names.items()]
        return {
            f"{container}/ListClusters": _bytes(container_v1.ListClustersResponse(clusters=clusters)),
            f"{container}/ListOperations": _bytes(container_v1.ListOperationsResponse()),
            f"{hub}/ListMemberships": _bytes(gkehub_v1.ListMembershipsResponse(resources=members)),
            f"{hub}/GetFeature": _bytes(_feature(names)),
        }


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _bytes(message: Any) -> bytes:
    return type(message).serialize(message)


def _base64(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()


def _config_cluster(port: int, ca: bytes) -> Document:
    endpoint = f"127.0.0.1:{port}{CONFIG}"
    return {"endpoint": endpoint, "status": "RUNNING", "masterAuth": {"clusterCaCertificate": _base64(ca)}}


def _region(name: str) -> Document:
    quotas = [{"metric": f"NVIDIA_{gpu}_GPUS", "limit": 8.0, "usage": 1.0} for gpu in ("L4", "T4", "A100")]
    return {"name": name, "zones": [f"https://x/zones/{name}-{zone}" for zone in ZONES], "quotas": quotas}


def _accelerators(names: list[str]) -> list[tuple[str, Document]]:
    types = [{"name": "nvidia-l4"}, {"name": "nvidia-tesla-t4"}]
    return [(f"zones/{name}-{zone}", {"acceleratorTypes": types}) for name in names for zone in ZONES]


def _service(names: list[str]) -> Document:
    """One group a region: a replica of the Web UI runs in one zone."""
    groups = [
        f"https://x/projects/{PROJECT}/zones/{name}-a/networkEndpointGroups/neg-{name}" for name in names
    ]
    backends = [{"group": group} for group in groups]
    return {"name": "mci-abc123-7860-default-stable-diffusion-webui-mcs", "backends": backends}


def _membership(name: str, region: str) -> Any:
    resource = (
        f"//container.googleapis.com/projects/{PROJECT}/locations/{region}/clusters/{cluster_name(region)}"
    )
    return gkehub_v1.Membership(
        name=name,
        endpoint=gkehub_v1.MembershipEndpoint(gke_cluster=gkehub_v1.GkeCluster(resource_link=resource)),
        state=gkehub_v1.MembershipState(code=gkehub_v1.MembershipState.Code.READY),
    )


def _feature(names: dict[str, str]) -> Any:
    def spec(region: str) -> Any:
        git = configmanagement_v1.GitConfig(
            sync_repo="https://x/y", policy_dir=sync_directory(cluster_name(region))
        )
        sync = configmanagement_v1.ConfigSync(enabled=True, git=git)
        return gkehub_v1.MembershipFeatureSpec(
            configmanagement=configmanagement_v1.MembershipSpec(config_sync=sync)
        )

    synced = configmanagement_v1.SyncState(
        code=configmanagement_v1.SyncState.SyncCode.SYNCED, sync_token=COMMIT
    )
    state = configmanagement_v1.MembershipState(
        cluster_name="x",
        config_sync_state=configmanagement_v1.ConfigSyncState(
            state=configmanagement_v1.ConfigSyncState.State.CONFIG_SYNC_INSTALLED, sync_state=synced
        ),
    )
    return gkehub_v1.Feature(
        membership_specs={name: spec(region) for region, name in names.items()},
        membership_states={
            name: gkehub_v1.MembershipFeatureState(configmanagement=state) for name in names.values()
        },
    )


def _template() -> Document:
    import yaml

    from lib.controller import render

    return yaml.safe_load(render.read_sources()["deployment.yaml"])


def _deployment(pods: int) -> Document:
    document = _template()
    document["metadata"]["annotations"] = {"configmanagement.gke.io/token": COMMIT}
    return {**document, "status": {"readyReplicas": pods, "replicas": pods}}


def _pod(number: int) -> Document:
    """About as large as a real one."""
    spec = _template()["spec"]["template"]["spec"]
    name = f"stable-diffusion-webui-{number:05d}"
    kinds = ("Initialized", "PodScheduled", "ContainersReady", "Ready")
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": TIME} for kind in kinds]
    containers = [
        {
            "name": c["name"],
            "ready": True,
            "restartCount": 0,
            "image": c["image"],
            "state": {"running": {"startedAt": TIME}},
        }
        for c in spec["containers"]
    ]
    labels = {"app": "stable-diffusion-webui", "topology.kubernetes.io/zone": "sim-area0000-a"}
    return {
        "metadata": {"name": name, "uid": name, "labels": labels, "creationTimestamp": TIME},
        "spec": {**spec, "nodeName": f"node-{number}"},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": containers},
    }


# --- its two doors ------------------------------------------------------------------------------------


async def _connection(cloud: Cloud, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode().split("\r\n")
            method, target, _ = first.split(" ")
            length = next(
                (int(x.partition(":")[2]) for x in lines if x.lower().startswith("content-length:")), 0
            )
            body = await reader.readexactly(length)
            path = target.partition("?")[0]
            status, said = (
                cloud.kubernetes(method, path, body)
                if path.startswith("/clusters/")
                else cloud.google(method, path)
            )
            writer.write(
                b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (status, len(said))
            )
            writer.write(said)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve(state_dir: Path, clusters: int, pods: int) -> None:
    own, cloud = state_dir / "sandbox", Cloud(clusters, pods)
    own.mkdir(parents=True, exist_ok=True)
    auth.prepare(own, token_uri="")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own / "server.pem", own / "server-key.pem")
    http = await asyncio.start_server(
        lambda r, w: _connection(cloud, r, w), "127.0.0.1", 0, ssl=context, backlog=2048
    )
    cloud.port = http.sockets[0].getsockname()[1]
    cloud.ca = auth.prepare(own, token_uri=f"https://127.0.0.1:{cloud.port}/token")
    answers = cloud.rpcs()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Handlers(answers),))
    pair = ((own / "server-key.pem").read_bytes(), (own / "server.pem").read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    namespace = "namespaces/default"
    placement = {
        "apiVersion": "gpuatlas.dev/v1alpha1",
        "kind": "GpuPlacement",
        "metadata": {
            "name": "stable-diffusion",
            "namespace": "default",
            "generation": 1,
            "uid": "u",
            "resourceVersion": "1",
        },
        "spec": {
            "accelerators": [ACCELERATOR],
            "provisioning": ["STANDARD"],
            "regions": {"serving": clusters},
            "budget": {"maxHourlyUSD": 1e6},
        },
    }
    service = {
        "metadata": {"name": "mcs"},
        "spec": {"clusters": [{"link": link(region)} for region in cloud.regions]},
    }
    cloud.kept[f"/apis/gpuatlas.dev/v1alpha1/{namespace}/gpuplacements/stable-diffusion"] = placement
    cloud.kept[f"/apis/networking.gke.io/v1/{namespace}/multiclusterservices/stable-diffusion-webui-mcs"] = (
        service
    )
    told = {
        "rest": f"127.0.0.1:{cloud.port}",
        "grpc": f"127.0.0.1:{port}",
        "admin": "",
        "ca_file": str(own / "ca.pem"),
        "credentials_file": str(own / "credentials.json"),
    }
    (own / "endpoints.json").write_text(json.dumps(told))
    await http.serve_forever()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers

    def service(self, handler_call_details: Any) -> Any:
        said = self._answers.get(handler_call_details.method)
        if said is None:
            return None

        async def answer(_request: bytes, _context: Any) -> bytes:
            return said

        return grpc.unary_unary_rpc_method_handler(answer)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
