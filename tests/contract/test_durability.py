"""kill -9 under load, fifty times: what was acknowledged is there, what was not is there wholly or not at all."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.conftest import ROOT, Sandbox
from tests.contract.ledger import GONE, HALF, Storm, Value, Writer
from tests.waiting import wait_until

KILLS, SEED, MOST_WRITES = 50, 11, 24
REGION, HOME, MEMBER = "us-central1", "home", "outsider"
PROJECT = "gpu-atlas-sandbox"
PARENT = f"/v1/projects/{PROJECT}/locations/{REGION}"
KUBE = f"/clusters/{REGION}/{HOME}"
MAPS, SETS = (
    f"{KUBE}/api/v1/namespaces/default/configmaps",
    f"{KUBE}/apis/apps/v1/namespaces/default/deployments",
)
ADDRESSES = f"/compute/v1/projects/{PROJECT}/global/addresses"
Document = dict[str, Any]


@dataclass(kw_only=True)
class Victim(Sandbox):
    """A sandbox that is started by forking, so that fifty starts don't take fifty times the imports."""

    forks: subprocess.Popen[str]
    pid: int = 0

    def start(self) -> Victim:
        assert self.forks.stdin
        assert self.forks.stdout
        words = ("--state-dir", str(self.state_dir), *self.arguments)
        self.forks.stdin.write(shlex.join(words) + "\n")
        self.forks.stdin.flush()
        self.pid = int(self.forks.stdout.readline())
        wait_until(self._ready, timeout_s=30, every_s=0.01, what="the sandbox is ready")
        return self

    def _ready(self) -> bool:
        path = self.state_dir / "sandbox" / "endpoints.json"
        self.endpoints = json.loads(path.read_text()) if path.exists() else {}
        return self.endpoints.get("pid") == self.pid

    def kill(self) -> None:
        """Returns when the process is gone."""
        assert self.forks.stdout
        os.kill(self.pid, signal.SIGKILL)
        assert int(self.forks.stdout.readline()) == signal.SIGKILL
        self.pid = 0


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    with (tmp_path / "sandbox.log").open("ab") as log:
        forks = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.forks"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    found = Victim(state_dir=tmp_path / "state", forks=forks)
    found.state_dir.mkdir()
    with forks:
        yield found.start()
        if found.pid:
            found.kill()
        forks.communicate()


# --- what is written, API by API ---------------------------------------------------------------------------


def listed(client: httpx.Client, path: str, field: str) -> list[Document]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json().get(field) or []


def send_map(client: httpx.Client, name: str, old: Value, new: Value) -> httpx.Response:
    body = {"metadata": {"name": name}, "data": {f"part{n}": str(new) for n in range(8)}}
    return sent(client, f"{MAPS}/{name}", old, new, body)


def send_deployment(client: httpx.Client, name: str, old: Value, new: Value) -> httpx.Response:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    spec = {"replicas": int(new or 0) % 3, "selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": name, "labels": {"n": str(new)}}, "spec": spec}
    return sent(client, f"{SETS}/{name}", old, new, body)


def sent(client: httpx.Client, path: str, old: Value, new: Value, body: Document) -> httpx.Response:
    if new is GONE:
        return client.delete(path)
    return client.post(path.rpartition("/")[0], json=body) if old is GONE else client.put(path, json=body)


def maps(client: httpx.Client) -> Mapping[str, Value]:
    def value(data: Mapping[str, str]) -> Value:
        return int(data["part0"]) if len(data) == 8 and len(set(data.values())) == 1 else HALF

    return {m["metadata"]["name"]: value(m["data"]) for m in listed(client, MAPS, "items")}


def deployments(client: httpx.Client) -> Mapping[str, Value]:
    def value(found: Document) -> Value:
        n = int(found["metadata"]["labels"]["n"])
        return n if found["spec"]["replicas"] == n % 3 else HALF

    return {d["metadata"]["name"]: value(d) for d in listed(client, SETS, "items")}


def send_cluster(client: httpx.Client, name: str, _: Value, new: Value) -> httpx.Response:
    if new is GONE:
        return client.delete(f"{PARENT}/clusters/{name}")
    wanted = {
        "name": name,
        "description": str(new),
        "autopilot": {"enabled": True},
        "fleet": {"project": PROJECT},
    }
    return client.post(f"{PARENT}/clusters", json={"cluster": wanted})


def clusters(client: httpx.Client) -> Mapping[str, Value]:
    found = listed(client, f"{PARENT}/clusters", "clusters")
    return {
        c["name"]: GONE if c["status"] == "STOPPING" else int(c["description"])
        for c in found
        if c["name"] not in {HOME, MEMBER}
    }


def send_membership(client: httpx.Client, name: str, old: Value, new: Value) -> httpx.Response:
    path = f"{PARENT}/memberships"
    if new is GONE:
        return client.delete(f"{path}/{name}")
    labels = {"one": str(new), "two": str(new)}
    if old is not GONE:
        return client.patch(f"{path}/{name}", params={"updateMask": "labels"}, json={"labels": labels})
    link = f"//container.googleapis.com/projects/{PROJECT}/locations/{REGION}/clusters/{MEMBER}"
    body = {"labels": labels, "endpoint": {"gkeCluster": {"resourceLink": link}}}
    return client.post(path, params={"membershipId": name}, json=body)


def memberships(client: httpx.Client) -> Mapping[str, Value]:
    found = {m["name"].rsplit("/", 1)[1]: m for m in listed(client, f"{PARENT}/memberships", "resources")}
    mine = found.get("by-hand")
    if mine is None or mine["state"]["code"] == "DELETING":
        return {}
    labels = set(mine["labels"].values())
    return {"by-hand": int(labels.pop()) if len(labels) == 1 else HALF}


def send_address(client: httpx.Client, name: str, _: Value, new: Value) -> httpx.Response:
    if new is GONE:
        return client.delete(f"{ADDRESSES}/{name}")
    return client.post(ADDRESSES, json={"name": name, "description": str(new)})


def addresses(client: httpx.Client) -> Mapping[str, Value]:
    return {a["name"]: int(a["description"]) for a in listed(client, ADDRESSES, "items")}


def send_fault(client: httpx.Client, name: str, _: Value, new: Value) -> httpx.Response:
    """Faults get their ids from the server: ours are told by the API that they slow down, which nobody calls."""
    if new is not GONE:
        body = {"kind": "api-latency", "scope": {"api": name, "ms": new}}
        return client.post("/admin/v1/faults", json=body)
    mine = (f for f in listed(client, "/admin/v1/faults", "faults") if f["scope"]["api"] == name)
    return client.delete(f"/admin/v1/faults/{next(mine)['id']}")


def faults(client: httpx.Client) -> Mapping[str, Value]:
    return {f["scope"]["api"]: f["scope"]["ms"] for f in listed(client, "/admin/v1/faults", "faults")}


WRITERS = (
    ("configmaps", ("map-a", "map-b", "map-c", "map-d"), maps, send_map, True),
    ("deployments", ("web-a", "web-b"), deployments, send_deployment, True),
    ("clusters", ("fleet-a", "fleet-b", "fleet-c"), clusters, send_cluster, False),
    ("memberships", ("by-hand",), memberships, send_membership, True),
    ("addresses", ("ip-a", "ip-b", "ip-c"), addresses, send_address, False),
    ("faults", ("monitoring",), faults, send_fault, False),
)


# --- what a restart must find ------------------------------------------------------------------------------


def on_disk(state_dir: Path, scratch: Path) -> dict[str, dict[str, Document]]:
    """Every document by collection and key, read from a copy: the sandbox itself must recover the log. Asserts that
    the database is whole."""
    for name in ("state.db", "state.db-wal"):
        (scratch / name).unlink(missing_ok=True)
        if (source := state_dir / "sandbox" / name).exists():
            shutil.copy(source, scratch / name)
    found: dict[str, dict[str, Document]] = {}
    with closing(sqlite3.connect(scratch / "state.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for collection, key, version, body in db.execute("SELECT * FROM objects"):
            found.setdefault(collection, {})[key] = json.loads(body) | {"_version": version}
        (newest,) = db.execute("SELECT value FROM counters WHERE name='version'").fetchone()
    assert newest >= max(d["_version"] for documents in found.values() for d in documents.values())
    return found


def check_whole(found: Mapping[str, Mapping[str, Document]]) -> None:
    """No half objects: what was written as one is there as one."""
    clusters = found.get("gke.clusters", {})
    ran = {key for key, c in clusters.items() if c["status"] != "PROVISIONING"}
    inside = {"/".join(collection.split("/")[1:3]) for collection in found if collection.startswith("kube/")}
    assert inside <= ran, "objects of a cluster that is not there (yet)"
    pending = {
        (o["_cluster"], o["operationType"])
        for o in found.get("gke.operations", {}).values()
        if o["status"] != "DONE"
    }
    changing = {(k, "CREATE_CLUSTER") for k, c in clusters.items() if c["status"] == "PROVISIONING"}
    changing |= {(k, "DELETE_CLUSTER") for k, c in clusters.items() if c["status"] == "STOPPING"}
    assert changing == pending, "a cluster and its operation tell different stories"


def check_control_planes(client: httpx.Client) -> None:
    """A cluster's Kubernetes API answers if and only if the cluster runs."""
    for name in (HOME, *WRITERS[2][1]):
        answer = client.get(f"{PARENT}/clusters/{name}")
        runs = answer.status_code == 200 and answer.json()["status"] == "RUNNING"
        served = client.get(f"/clusters/{REGION}/{name}/api/v1/namespaces").status_code
        if client.get(f"{PARENT}/clusters/{name}").json().get("status") == answer.json().get("status"):
            assert served == (200 if runs else 503), name


def settled(client: httpx.Client) -> bool:
    """Operations are done, and each Deployment has its one ReplicaSet with its ready pods, and nothing is left over."""
    running = [o for o in listed(client, f"{PARENT}/operations", "operations") if o["status"] != "DONE"]
    wanted = {d["metadata"]["uid"]: d["spec"]["replicas"] for d in listed(client, SETS, "items")}
    sets = listed(client, SETS.replace("deployments", "replicasets"), "items")
    current = [s for s in sets if s["spec"]["replicas"]]
    pods = listed(client, MAPS.replace("configmaps", "pods"), "items")
    owners = {s["metadata"]["uid"]: s["metadata"]["ownerReferences"][0]["uid"] for s in sets}
    ready = [
        owners.get(p["metadata"]["ownerReferences"][0]["uid"])
        for p in pods
        if {"type": "Ready", "status": "True"}.items() <= p["status"]["conditions"][-1].items()
    ]
    return (
        not running
        and set(owners.values()) == set(wanted)
        and {o: ready.count(o) for o in wanted} == wanted
        and len(pods) == len(ready)
        and len(current) == sum(n > 0 for n in wanted.values())
    )


def prepare(client: httpx.Client) -> None:
    for name in (HOME, MEMBER):
        body = {"cluster": {"name": name, "autopilot": {"enabled": True}}}
        assert client.post(f"{PARENT}/clusters", json=body).status_code == 200
    namespace = f"{KUBE}/api/v1/namespaces/default"
    wait_until(lambda: client.get(namespace).status_code == 200, what="the home cluster is set up")


def now(client: httpx.Client) -> str:
    return client.get("/admin/v1/clock").json()["now"]


def test_fifty_kills_under_load_lose_nothing_that_was_acknowledged(victim: Victim, tmp_path: Path) -> None:
    rng, token = random.Random(SEED), victim.token
    with victim.http(token) as client:
        prepare(client)
    writers = tuple(
        Writer(kind=kind, names=names, look=look, send=send, changes=changes)
        for kind, names, look, send, changes in WRITERS
    )
    storm = Storm(writers=writers, seed=SEED)
    for _ in range(KILLS):
        with victim.http(token) as client:
            before = now(client)
        storm.rage(lambda: victim.http(token), rng.randint(0, MOST_WRITES), victim.kill)
        check_whole(on_disk(victim.state_dir, tmp_path))
        with victim.start().http(token) as client:
            assert now(client) >= before, "time went back"
            version = int(client.get(MAPS).json()["metadata"]["resourceVersion"])
            assert version >= max(storm.versions), "resourceVersions went back"
            for writer in writers:
                wait_until(
                    lambda w=writer: not w.differences(client), timeout_s=5, what=f"{writer.kind} are as told"
                )
                writer.settle(client)
            check_control_planes(client)
    with victim.http(token) as client:
        wait_until(lambda: settled(client), timeout_s=30, what="everything goes on to its end")
        assert all(not writer.differences(client) for writer in writers)
    assert all(writer.acknowledged for writer in writers)
    assert len(set(storm.versions)) == len([v for v in storm.versions if v]) + 1, (
        "a resourceVersion came twice"
    )
