"""A world with one cluster and a hand-set clock, for the tests of the sandbox's Kubernetes side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

from lib.sandbox import autopilot, configsync, deployments, scenario
from lib.sandbox.clock import Clock
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Store
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, World

REGION, CLUSTER = "us-central1", "atlas-us-central1"
START = datetime(
    2026, 1, 5, 9, tzinfo=UTC
)  # a set time: what is drawn by name and date is drawn alike each run
Document = dict[str, Any]


class Drive:
    """Time passes only in `run`; each step ticks all controllers, as the server's loop does."""

    def __init__(self, folder: Path, region: str = REGION) -> None:
        self.folder = folder
        self.world = self.open()
        scenario.choose(self.world, "calm")
        document = {"name": CLUSTER, "status": "RUNNING"}
        self.world.store.put(CLUSTERS, f"{region}/{CLUSTER}", document)
        self.cluster = KubeCluster(self.world, region, CLUSTER)
        self.run(1)

    def open(self) -> World:
        clock = Clock(self.folder / "clock.json", start=START)
        clock.pause()
        store = Store(self.folder / "state.db")
        return World(
            store=store, clock=clock, state_dir=self.folder, delivery_path=self.folder / "delivery.git"
        )

    def run(self, seconds: float, step: float = 2.0) -> None:
        while seconds > 0:
            self.world.clock.step(min(step, seconds))
            seconds -= step
            for part in (deployments, autopilot, configsync):
                part.tick(self.world)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """The process goes without a word and comes back from its files."""
        self.world.store.close()
        yield
        self.world = self.open()
        self.cluster = KubeCluster(self.world, self.cluster.location, self.cluster.name)

    @property
    def pods(self) -> list[Document]:
        return self.cluster.list("pods")

    @property
    def gpu_nodes(self) -> list[Document]:
        label = "cloud.google.com/gke-accelerator"
        return [n for n in self.cluster.list("nodes") if label in n["metadata"]["labels"]]

    def deployment(self, name: str = "sd") -> Document:
        found = self.cluster.get("deployments.apps", "default", name)
        assert found is not None
        return found

    def reasons(self, kind: str = "Pod") -> list[str]:
        """Reasons of the events about a kind, in the order in which they first came."""
        events = [e for e in self.cluster.list("events") if e["involvedObject"]["kind"] == kind]
        first = sorted(events, key=lambda e: (e["firstTimestamp"], int(e["metadata"]["resourceVersion"])))
        return [e["reason"] for e in first]

    def messages(self, reason: str) -> list[str]:
        return [e["message"] for e in self.cluster.list("events") if e["reason"] == reason]

    def switch(self, accelerator: str, **spec: Any) -> None:
        def change(body: Document) -> None:
            body["spec"].update(spec)
            selector = body["spec"]["template"]["spec"]["nodeSelector"]
            selector["cloud.google.com/gke-accelerator"] = accelerator

        self.cluster.mutate("deployments.apps", "default", "sd", change)

    # --- Config Sync ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"file://{self.world.delivery_path}"

    def commit(self, files: Mapping[str, str]) -> str:
        """Replace the whole tree of branch main."""
        return commit(self.world.delivery_path, files, at=int(self.world.clock.timestamp()))

    def follow(self, directory: str = "clusters/a", **config_sync: Any) -> None:
        """Give the cluster's membership a Config Sync spec."""
        location, name = self.cluster.location, self.cluster.name
        link = f"//container.googleapis.com/projects/p/locations/{location}/clusters/{name}"
        membership = {"endpoint": {"gkeCluster": {"resourceLink": link}}, "state": {"code": "READY"}}
        self.world.store.put(MEMBERSHIPS, f"{location}/{name}", membership)
        git = {"syncRepo": self.url, "syncBranch": "main", "policyDir": directory, "syncWaitSecs": "15"}
        spec = {"configmanagement": {"configSync": {"enabled": True, "git": git, **config_sync}}}
        path = f"projects/1/locations/{location}/memberships/{name}"
        self.world.store.put(FEATURES, "configmanagement", {"membershipSpecs": {path: spec}})

    def unfollow(self) -> None:
        self.world.store.put(FEATURES, "configmanagement", {"membershipSpecs": {}})


def commit(path: Path, files: Mapping[str, str], *, at: int) -> str:
    """Replace the whole tree of branch main of a bare repository, which is made when it is not there."""
    with Repo(str(path)) if path.exists() else Repo.init_bare(str(path), mkdir=True) as repo:
        root = _tree(repo, {tuple(name.split("/")): text for name, text in files.items()})
        commit = Commit()
        commit.tree = root
        commit.author = commit.committer = b"an operator <operator@example.com>"
        commit.author_time = commit.commit_time = at
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"change\n"
        main = Ref(b"refs/heads/main")
        old = repo.refs.read_ref(main)
        commit.parents = [ObjectID(old)] if old else []
        repo.object_store.add_object(commit)
        repo.refs[main] = commit.id
        return commit.id.decode()


def _tree(repo: Repo, files: Mapping[tuple[str, ...], str]) -> ObjectID:
    tree, folders = Tree(), {path[0] for path in files if len(path) > 1}
    for folder in folders:
        inner = {p[1:]: t for p, t in files.items() if p[0] == folder and len(p) > 1}
        tree.add(folder.encode(), 0o40000, _tree(repo, inner))
    for path, text in files.items():
        if len(path) == 1:
            blob = Blob.from_string(text.encode())
            repo.object_store.add_object(blob)
            tree.add(path[0].encode(), 0o100644, blob.id)
    repo.object_store.add_object(tree)
    return tree.id


def workload(accelerator: str = "nvidia-l4", *, replicas: int = 1, **spec: Any) -> Document:
    """The demo's Deployment, small."""
    labels = {"app": "sd"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "sd"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            **spec,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {"cloud.google.com/gke-accelerator": accelerator},
                    "containers": [
                        {"name": "sd", "image": "web/ui:1", "resources": {"limits": {"nvidia.com/gpu": 1}}},
                        {
                            "name": "passport",
                            "image": "nginx:1",
                            "readinessProbe": {"httpGet": {"path": "/internal/ping", "port": 8080}},
                        },
                    ],
                },
            },
        },
    }
