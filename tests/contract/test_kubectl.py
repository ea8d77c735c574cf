"""The real kubectl against a cluster of the sandbox, with the context that `gcloud ... get-credentials` wrote.

One sandbox and one cluster for the whole file: the demo's Web UI runs on it, two replicas of a small Deployment, and
the kinds of the platform and of Google's fleet are there.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.conftest import ROOT, Sandbox
from tests.contract.demo import CONFIG, Demo
from tests.contract.test_sandbox_env import Shell, program
from tests.waiting import wait_until

OLDEST, NEWEST = "1.27", "1.33"
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.28", ports: [{containerPort: 80}], resources: {requests: {cpu: 100m, memory: 64Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
UI = "deploy/stable-diffusion-webui"
GREETING = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\ndata: {text: hello}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        """The words of each line; columns of a table are two spaces apart."""
        return [re.split(r"\s{2,}", line.strip()) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    environment: dict[str, str]
    binary: str
    context: str = CONFIG[
        1
    ]  # of `atlas sandbox env`: the same cluster without gcloud's plugin, ten times as fast

    def command(self, *words: str) -> list[str]:
        return [self.binary, *(["--context", self.context] if self.context else []), *words]

    def __call__(self, *words: str, given: str = "", **also: str) -> Done:
        """Whatever comes of it."""
        done = subprocess.run(
            self.command(*words), input=given, env={**self.environment, **also}, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        return Done(status=done.returncode, out=done.stdout, err=done.stderr)

    def ok(self, *words: str, given: str = "", **also: str) -> str:
        """stdout of a command that must work."""
        done = self(*words, given=given, **also)
        assert done.status == 0, f"kubectl {' '.join(words)}: {done.err}"
        return done.out

    def of(self, version: str) -> Kubectl:
        """Another release, which Google's SDK puts beside kubectl."""
        beside = Path(self.binary).resolve().parent / f"kubectl.{version}"
        if not beside.exists() and not os.environ.get("CI"):
            pytest.skip(f"kubectl {version} is not installed")
        assert beside.exists(), f"kubectl {version} is not installed, and in CI it must be"
        return Kubectl(environment=self.environment, binary=str(beside))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A sandbox of its own, with the config cluster and its kinds."""
    for name in ("kubectl", "gcloud", "gke-gcloud-auth-plugin"):
        program(name)
    sandbox = Sandbox(
        state_dir=tmp_path_factory.mktemp("kubectl"), arguments=("--speed", "600", "--scenario", "calm")
    )
    found = Demo(sandbox.start())
    try:
        found.create_clusters(CONFIG)
        found.open_address()
        found.deploy(CONFIG)
        found.link(CONFIG)
        found.follow(CONFIG, {"greeting.yaml": GREETING})
        wait_until(lambda: found.health() == ["HEALTHY"], timeout_s=60, what="the endpoint is healthy")
        # From here slower: events are kept for an hour, which would be six seconds.
        assert found.api.put("/admin/v1/clock", json={"speed": 60}).status_code == 200
        yield found
    finally:
        found.api.close()
        sandbox.stop()


@pytest.fixture(scope="module")
def kubectl(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    home = tmp_path_factory.mktemp("home")
    shell = Shell(state_dir=demo.sandbox.state_dir, home=home)
    found = Kubectl(environment={**shell.environment(), **shell.exports()}, binary=program("kubectl"))
    folder = ROOT / "manifests"
    found.ok("apply", "-f", str(folder / "config-cluster" / "crd-gpuplacement.yaml"))
    found.ok("apply", "-f", "-", given=WEB)
    wait_until(
        lambda: found("apply", "-f", str(folder / "samples" / "stable-diffusion.yaml")).status == 0,
        what="the placement's kind is established",
    )
    found.ok("rollout", "status", "deploy/web", UI, "--timeout=60s")
    return found


def test_the_context_of_get_credentials_is_the_same_cluster(demo: Demo, kubectl: Kubectl) -> None:
    gcloud = (program("gcloud"), "container", "clusters", "get-credentials", CONFIG[1], "--region", CONFIG[0])
    subprocess.run(gcloud, env=kubectl.environment, check=True, capture_output=True)
    current = Kubectl(environment=kubectl.environment, binary=kubectl.binary, context="")
    assert current.ok("config", "current-context").strip().startswith("gke_")
    assert current.ok("get", "nodes", "-o", "name") == kubectl.ok("get", "nodes", "-o", "name")


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        ("pods", "NAME READY STATUS RESTARTS AGE"),
        ("pods -A", "NAMESPACE NAME READY STATUS RESTARTS AGE"),
        ("pods -o wide", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES"),
        ("deployments", "NAME READY UP-TO-DATE AVAILABLE AGE"),
        ("deploy -o wide", "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"),
        ("rs", "NAME DESIRED CURRENT READY AGE"),
        ("nodes", "NAME STATUS ROLES AGE VERSION"),
        ("nodes -o wide",
         "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"),
        ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE"),
        ("endpoints", "NAME ENDPOINTS AGE"),
        ("endpointslices", "NAME ADDRESSTYPE PORTS ENDPOINTS AGE"),
        ("events", "LAST_SEEN TYPE REASON OBJECT MESSAGE"),
        ("mci", "NAME VIP SERVICE AGE"),
        ("mcs", "NAME CLUSTERS AGE"),
        ("rootsync -A",
         "NAMESPACE NAME RENDERINGCOMMIT RENDERINGERRORCOUNT SOURCECOMMIT SOURCEERRORCOUNT SYNCCOMMIT SYNCERRORCOUNT"),
        ("gp", "NAME SERVING WANTED ACCELERATOR USD/H VIP AGE"),
        ("ns", "NAME STATUS AGE"),
        ("leases -n kube-node-lease", "NAME HOLDER AGE"),
    ],
)  # fmt: skip
def test_get_prints_the_usual_columns(kubectl: Kubectl, words: str, columns: str) -> None:
    done = kubectl("get", *words.split())
    assert done.status == 0, done.err
    assert [c.replace(" ", "_") for c in done.lines[0]] == columns.split()
    assert len(done.lines) > 1
    assert len(done.lines[1]) >= len(columns.split()) - 3, "a row may have empty cells, but not be empty"


def test_get_in_other_forms(kubectl: Kubectl) -> None:
    listed = json.loads(kubectl.ok("get", "pods", "-l", "app in (web)", "-o", "json"))
    assert [i["kind"] for i in listed["items"]] == ["Pod", "Pod"]
    names = kubectl.ok("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}").split()
    assert names == [i["metadata"]["name"] for i in listed["items"]]
    assert kubectl.ok("get", "deploy", "web", "-o", "yaml").startswith(
        "apiVersion: apps/v1\nkind: Deployment\n"
    )
    one = kubectl.ok("get", "pods", "--field-selector", f"metadata.name={names[0]}", "-o", "name")
    assert one == f"pod/{names[0]}\n"
    none = kubectl("get", "pods", "--field-selector", "status.phase=Failed")
    assert (none.status, none.err) == (0, "No resources found in default namespace.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("get pod nosuch", 'Error from server (NotFound): pods "nosuch" not found'),
        ("get nosuch", 'error: the server doesn\'t have a resource type "nosuch"'),
        ("create ns default", 'Error from server (AlreadyExists): namespaces "default" already exists'),
        ("create cm x -n nowhere", 'error: failed to create configmap: namespaces "nowhere" not found'),
        ("get pods -l a==b==c", "unable to parse requirement: 'a==b==c' is not a label requirement"),
        ("scale deploy/web --current-replicas=9 --replicas=1", "error: Expected replicas to be 9, was 2"),
        ("patch deploy web -p {\"spec\":{\"replicas\":-2}}", "must be greater than or equal to 0"),
        ("patch deploy web --type=json -p [{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":9}]",
         "The request is invalid: the server rejected our request due to an error in our request"),
        (f"logs {UI} -c nosuch", "container nosuch is not valid for pod"),
        (f"logs {UI} -c sd --previous", 'previous terminated container "sd" in pod'),
        (f"exec {UI} -c sd -- ls", "exec is not available: the sandbox runs no processes in its containers"),
        (f"port-forward {UI} 0:7860", "portforward is not available"),
        ("rollout undo deploy/web --to-revision=77", "unable to find specified revision 77"),
        ("wait --for=condition=Shiny deploy/web --timeout=1s", "timed out waiting for the condition"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_the_servers_words(kubectl: Kubectl, words: str, said: str) -> None:
    done = kubectl(*words.split())
    assert (done.status, said in done.err) == (1, True), done.err


def test_describe_tells_of_conditions_and_events(kubectl: Kubectl) -> None:
    pod = kubectl.ok("describe", "pod", "-l", "app=stable-diffusion-webui")
    small = kubectl.ok("describe", "pod", "-l", "app=web")
    node = re.search(r"^Node: +(\S+)/(10\.\S+)$", pod, re.MULTILINE)
    assert node, pod
    for line in ("Controlled By:  ReplicaSet/stable-diffusion-webui-", "nvidia.com/gpu:  1", "QoS Class: "):
        assert line in pod
    told = re.findall(r"^  (?:Normal|Warning) +(\w+)", small, re.MULTILINE)
    assert set(told) >= {"Scheduled", "Pulling", "Pulled", "Created", "Started"}
    machine = kubectl.ok("describe", "node", node[1])
    assert re.search(r"^  Ready +True .* KubeletReady ", machine, re.MULTILINE)
    assert re.search(r"^  MemoryPressure +False .* KubeletHasSufficientMemory ", machine, re.MULTILINE)
    assert re.search(r"^  RenewTime: +\w{3}, ", machine, re.MULTILINE)
    assert "stable-diffusion-webui-" in machine.partition("Non-terminated Pods:")[2]
    deployment = kubectl.ok("describe", "deploy", "web")
    assert "Available      True    MinimumReplicasAvailable" in deployment
    assert "ScalingReplicaSet" in deployment
    addresses = re.search(r"^Endpoints: +(.+)$", kubectl.ok("describe", "svc", "web"), re.MULTILINE)
    assert addresses
    assert len(addresses[1].split(",")) == 2


def test_apply_by_client_and_by_server(kubectl: Kubectl) -> None:
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: '%s'}\n"
    for value, said in (("1", "created"), ("1", "unchanged"), ("2", "configured")):
        assert kubectl.ok("apply", "-f", "-", given=body % value) == f"configmap/applied {said}\n"
    differing = kubectl("diff", "-f", "-", given=body % "3")
    assert (differing.status, '+  a: "3"' in differing.out) == (1, True)
    dry = kubectl.ok("apply", "--dry-run=server", "-f", "-", given=body % "3")
    assert dry == "configmap/applied configured (server dry run)\n"
    refused = kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", given=body % "4")
    assert refused.status == 1
    assert 'conflict with "kubectl-client-side-apply" using v1: .data.a' in refused.err
    words = ("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-")
    assert kubectl.ok(*words, given=body % "4") == "configmap/applied serverside-applied\n"
    assert kubectl.ok("get", "cm", "applied", "-o", "jsonpath={.data.a}") == "4"
    assert kubectl.ok("delete", "cm", "applied") == 'configmap "applied" deleted\n'


def test_create_writes_protobuf_and_is_understood(kubectl: Kubectl) -> None:
    """Go clients with generated types don't send JSON."""
    words = ("create", "deployment", "made", "--image=nginx:1", "--replicas=0", "--port=80")
    assert kubectl.ok(*words) == "deployment.apps/made created\n"
    made = json.loads(kubectl.ok("get", "deploy", "made", "-o", "json"))["spec"]
    [container] = made["template"]["spec"]["containers"]
    assert (made["replicas"], container["ports"]) == (0, [{"containerPort": 80, "protocol": "TCP"}])
    kubectl.ok("create", "secret", "generic", "made", "--from-literal=key=value")
    assert kubectl.ok("get", "secret", "made", "-o", "jsonpath={.data.key}") == "dmFsdWU="
    kubectl.ok("create", "quota", "made", "--hard=pods=500,cpu=2")
    assert kubectl.ok("get", "quota", "made", "-o", "jsonpath={.spec.hard}") == '{"cpu":"2","pods":"500"}'
    kubectl.ok("create", "role", "made", "--verb=get,list", "--resource=pods,deployments.apps")
    rules = json.loads(kubectl.ok("get", "role", "made", "-o", "json"))["rules"]
    assert [(r["apiGroups"], r["resources"]) for r in rules] == [
        ([""], ["pods"]),
        (["apps"], ["deployments"]),
    ]
    kubectl.ok("create", "pdb", "made", "--selector=a=b", "--min-available=50%")
    assert kubectl.ok("get", "pdb", "made", "-o", "jsonpath={.spec.minAvailable}") == "50%"
    kubectl.ok("delete", "deploy/made", "secret/made", "quota/made", "role/made", "pdb/made")


def test_edit_replace_and_three_ways_to_patch(kubectl: Kubectl, tmp_path: Path) -> None:
    def annotation(name: str) -> str:
        return kubectl.ok("get", "svc", "web", "-o", f"jsonpath={{.metadata.annotations.{name}}}")

    for kind, patch in (
        ("json", [{"op": "add", "path": "/metadata/annotations/json", "value": "1"}]),
        ("merge", {"metadata": {"annotations": {"merge": "1"}}}),
        ("strategic", {"metadata": {"annotations": {"strategic": "1"}}}),
    ):
        told = kubectl.ok("patch", "svc", "web", f"--type={kind}", "-p", json.dumps(patch))
        assert (told, annotation(kind)) == ("service/web patched\n", "1")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/strategic: .1./strategic: edited/" "$1"\n')
    editor.chmod(0o755)
    assert kubectl.ok("edit", "svc", "web", KUBE_EDITOR=str(editor)) == "service/web edited\n"
    assert annotation("strategic") == "edited"
    again = kubectl("edit", "svc", "web", KUBE_EDITOR=str(editor))
    assert (again.status, again.err) == (0, "Edit cancelled, no changes made.\n")
    stale = kubectl.ok("get", "svc", "web", "-o", "json")
    assert kubectl.ok("annotate", "svc", "web", "note=x") == "service/web annotated\n"
    lost = kubectl("replace", "-f", "-", given=stale)
    assert (lost.status, "the object has been modified" in lost.err) == (1, True)
    fresh = kubectl.ok("get", "svc", "web", "-o", "json").replace('"note": "x"', '"note": "y"')
    assert kubectl.ok("replace", "-f", "-", given=fresh) == "service/web replaced\n"


def test_a_deployment_rolls_forward_back_and_anew(kubectl: Kubectl) -> None:
    def image() -> str:
        path = "jsonpath={.spec.template.spec.containers[0].image}"
        return kubectl.ok("get", "deploy", "roll", "-o", path)

    def settle() -> None:
        told = kubectl.ok("rollout", "status", "deploy/roll", "--timeout=60s")
        assert told.endswith('deployment "roll" successfully rolled out\n')

    kubectl.ok("create", "deployment", "roll", "--image=nginx:1")
    settle()
    kubectl.ok("set", "image", "deploy/roll", "nginx=nginx:2")
    settle()
    assert kubectl.ok("rollout", "undo", "deploy/roll") == "deployment.apps/roll rolled back\n"
    settle()
    assert image() == "nginx:1"
    history = kubectl.ok("rollout", "history", "deploy/roll").splitlines()
    assert [line.split()[0] for line in history[2:] if line] == ["2", "3"]
    kubectl.ok("rollout", "undo", "deploy/roll", "--to-revision=2")
    assert image() == "nginx:2"
    assert kubectl.ok("rollout", "restart", "deploy/roll") == "deployment.apps/roll restarted\n"
    settle()
    assert kubectl.ok("scale", "deploy/roll", "--replicas=2") == "deployment.apps/roll scaled\n"
    ready = ("wait", "--for=condition=Ready", "pod", "-l", "app=roll", "--timeout=60s")
    assert kubectl.ok(*ready).count("condition met") >= 1
    kubectl.ok("wait", "--for=jsonpath={.status.availableReplicas}=2", "deploy/roll", "--timeout=60s")
    assert kubectl.ok("delete", "deploy", "roll", "--wait") == 'deployment.apps "roll" deleted\n'
    kubectl.ok("wait", "--for=delete", "pod", "-l", "app=roll", "--timeout=60s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The lines of a command that runs on, each waited for no longer than a while."""

    lines: queue.Queue[str]

    def next(self, start: str = "", *, timeout_s: float = 30) -> list[str]:
        """The words of the next line that starts so."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no line {start!r} came within {timeout_s} s")
            if line.startswith(start):
                return line.split()


@contextmanager
def stream(kubectl: Kubectl, *words: str) -> Iterator[Stream]:
    lines: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(
        kubectl.command(*words), env=kubectl.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        out = process.stdout
        assert out
        reader = threading.Thread(target=lambda: [lines.put(line) for line in out], daemon=True)
        reader.start()
        try:
            yield Stream(lines=lines)
        finally:
            process.terminate()
            reader.join(timeout=10)


def test_a_watch_tells_what_happens(kubectl: Kubectl) -> None:
    only = ("--field-selector", "metadata.name=watched")
    with stream(kubectl, "get", "cm", "-w", "--output-watch-events", "--no-headers", *only) as watch:
        kubectl.ok("create", "cm", "watched", "--from-literal=a=1")
        assert watch.next()[:3] == ["ADDED", "watched", "1"]
        kubectl.ok("delete", "cm", "watched")
        assert watch.next()[:3] == ["DELETED", "watched", "1"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_watch_of_pods_shows_one_come_and_go(kubectl: Kubectl, version: str) -> None:
    other, name = kubectl.of(version), f"watched-{version.replace('.', '-')}"
    manifest = yaml.safe_dump({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]},
    })  # fmt: skip
    kubectl.ok("apply", "-f", "-", given=manifest)
    with stream(other, "get", "pods", "-w", "-l", f"app={name}") as watch:
        assert watch.next() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        wait_until(lambda: watch.next(name)[1:4] == ["1/1", "Running", "0"], what="the pod runs")
        kubectl.ok("delete", "pod", name, "--wait=false")
        assert watch.next(name)[2] == "Terminating"


def test_rootsync_says_which_commit_it_runs(kubectl: Kubectl, demo: Demo) -> None:
    at = ("-n", "config-management-system")
    synced = "jsonpath={.status.lastSyncedCommit}=" + demo.commit
    kubectl.ok("wait", f"--for={synced}", "rootsync/root-sync", *at, "--timeout=60s")
    shown = yaml.safe_load(kubectl.ok("get", "rootsync", "root-sync", *at, "-o", "yaml"))
    assert (shown["apiVersion"], shown["kind"]) == ("configsync.gke.io/v1beta1", "RootSync")
    assert shown["spec"]["git"].items() >= {"branch": "main", "dir": CONFIG[1], "auth": "none"}.items()
    status = shown["status"]
    assert {status[stage]["commit"] for stage in ("source", "rendering", "sync")} == {demo.commit}
    conditions = {c["type"]: (c["status"], c.get("message")) for c in status["conditions"]}
    assert conditions["Syncing"] == ("False", "Sync Completed")
    row = kubectl("get", "rootsync", *at).lines[1]
    assert row == ["root-sync", *[demo.commit, "0"] * 3]
    assert kubectl.ok("get", "cm", "greeting", "-o", "jsonpath={.data.text}") == "hello"


def test_logs_of_the_web_ui(kubectl: Kubectl) -> None:
    lines = kubectl.ok("logs", UI, "-c", "sd", "--timestamps").splitlines()
    assert [line.partition(" ")[2] for line in lines][-1] == "Model loaded."
    stamps = [line.partition(" ")[0] for line in lines]
    assert stamps == sorted(stamps)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp) for stamp in stamps)
    assert kubectl.ok("logs", UI, "-c", "sd", "--tail=1") == "Model loaded.\n"
    assert kubectl.ok("logs", UI, "-c", "sd", f"--since-time={stamps[-1]}") == "Model loaded.\n"
    every = kubectl.ok("logs", UI, "--all-containers", "--prefix")
    assert "/passport] ready for start up" in every


def test_a_followed_log_hears_of_a_picture(kubectl: Kubectl, demo: Demo) -> None:
    vip = wait_until(demo.vip, what="the forwarding rule")
    with stream(kubectl, "logs", "-f", "--tail=0", UI, "-c", "sd") as log:
        body = {"prompt": "a red boat", "steps": 4, "width": 128, "height": 128}
        answer = demo.api.post(f"{vip}/sdapi/v1/txt2img", json=body)
        assert answer.status_code == 200, answer.text
        assert log.next("Total progress: 100%|")


def test_top_follows_what_the_pods_do(kubectl: Kubectl) -> None:
    pods = {words[0]: words[1:] for words in kubectl("top", "pods", "--no-headers").lines}
    ui = next(v for name, v in pods.items() if name.startswith("stable-diffusion-webui"))
    web = next(v for name, v in pods.items() if name.startswith("web-"))
    assert int(ui[1].removesuffix("Mi")) > 100 * int(web[1].removesuffix("Mi")), "a model is in its memory"
    nodes = kubectl("top", "nodes").lines
    assert nodes[0] == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    listed = kubectl.ok("get", "nodes", "-o", "name").split()
    assert [f"node/{line[0]}" for line in nodes[1:]] == listed


@pytest.mark.parametrize("version", [OLDEST, "1.30", NEWEST])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("pod.spec.containers.image", ("FIELD: image <string>", "Container image name.")),
        ("deploy.spec", ("FIELD: spec <DeploymentSpec>", "template\t<PodTemplateSpec> -required-")),
        ("gp.spec.accelerators", ("FIELD: accelerators <[]string>", "GPU types in order of preference")),
    ],
)
def test_explain_has_the_kinds_texts(
    kubectl: Kubectl, version: str, path: str, told: tuple[str, ...]
) -> None:
    text = re.sub(r"\n +", " ", kubectl.of(version).ok("explain", path))
    assert all(part in text for part in told), text


LOOKS = (
    "get pods", "get pods -A", "get pods -o wide", "get deployments,nodes,services,events", "get mci,mcs,gp",
    "get rootsync -A", "get pods -o json", "get deploy -o yaml", "get pods -o jsonpath={.items[*].metadata.name}",
    "get pods -l app=web --show-labels", "get pods --sort-by=.metadata.creationTimestamp", "get all",
    "describe pods", "describe nodes", "describe deploy,svc", "describe mci,mcs", "describe gp", "describe rootsync -A",
    "rollout status deploy/web", "rollout history deploy/web", "wait --for=condition=Available deploy/web",
    f"logs {UI} -c sd --tail=2", "top pods", "top nodes", "auth can-i create pods", "explain rootsync.spec.git",
    "explain mci.spec", "explain mcs.spec.clusters", "api-resources", "api-versions", "cluster-info", "cluster-info dump", "version",
    "events", "get pods --watch-only --request-timeout=1s",
)  # fmt: skip


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_other_releases_look_at_everything(kubectl: Kubectl, version: str) -> None:
    other = kubectl.of(version)
    with ThreadPoolExecutor(4) as pool:
        told = dict(zip(LOOKS, pool.map(lambda words: other(*words.split()), LOOKS), strict=True))
    failed = {
        words: done.err for words, done in told.items() if done.status or not (done.out or "watch" in words)
    }
    assert failed == {}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_other_releases_change_everything(kubectl: Kubectl, version: str, tmp_path: Path) -> None:
    other, name = kubectl.of(version), f"changed-{version.replace('.', '-')}"
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/replicas: 2/replicas: 1/" "$1"\n')
    editor.chmod(0o755)
    deploy = f"deployment.apps/{name}"
    for words, said in (
        (f"create deployment {name} --image=nginx:1", f"{deploy} created\n"),
        (f"scale deploy/{name} --replicas=2", f"{deploy} scaled\n"),
        (f"edit deploy/{name}", f"{deploy} edited\n"),
        (f"patch deploy/{name} --type=json -p [{{\"op\":\"add\",\"path\":\"/metadata/labels/a\",\"value\":\"b\"}}]", f"{deploy} patched\n"),
        (f"patch deploy/{name} --type=merge -p {{\"spec\":{{\"minReadySeconds\":1}}}}", f"{deploy} patched\n"),
        (f"patch deploy/{name} -p {{\"spec\":{{\"minReadySeconds\":0}}}}", f"{deploy} patched\n"),
        (f"set image deploy/{name} nginx=nginx:2", f"{deploy} image updated\n"),
        (f"rollout undo deploy/{name}", f"{deploy} rolled back\n"),
        (f"rollout restart deploy/{name}", f"{deploy} restarted\n"),
        (f"label deploy/{name} c=d", f"{deploy} labeled\n"),
        (f"delete deploy/{name}", f'deployment.apps "{name}" deleted\n'),
    ):  # fmt: skip
        if "undo" in words:  # the Deployment controller has written its history by then
            wait_until(lambda: len(other.ok("get", "rs", "-l", f"app={name}", "-o", "name").split()) == 2, what="two ReplicaSets")  # fmt: skip
        assert other.ok(*words.split(), KUBE_EDITOR=str(editor)) == said


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_other_releases_apply_and_delete(kubectl: Kubectl, version: str) -> None:
    other, name = kubectl.of(version), f"by-{version}"
    body = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"
    assert other.ok("apply", "-f", "-", given=body) == f"configmap/{name} created\n"
    wrong = other("apply", "-f", "-", given=body + "datta: {}\n")
    assert (wrong.status, 'unknown field "datta"' in wrong.err) == (1, True)
    assert other.ok("delete", "cm", name) == f'configmap "{name}" deleted\n'


def test_what_the_cluster_says_of_itself(kubectl: Kubectl) -> None:
    served = {line[0]: line[-1] for line in kubectl("api-resources").lines}
    assert served.items() >= {"multiclusteringresses": "MultiClusterIngress", "pods": "PodMetrics"}.items()
    assert "Kubernetes control plane" in kubectl.ok("cluster-info")
    version = json.loads(kubectl.ok("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert re.fullmatch(r"v1\.\d+\.\d+-gke\.\d+", version)


def test_a_node_is_cordoned_drained_and_tainted(kubectl: Kubectl) -> None:
    name = kubectl.ok("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].spec.nodeName}")
    drained = kubectl.ok("drain", name, "--ignore-daemonsets", "--timeout=60s")
    assert drained.endswith(f"node/{name} drained\n")
    assert kubectl("get", "node", name).lines[1][1] == "Ready,SchedulingDisabled"
    assert kubectl.ok("uncordon", name) == f"node/{name} uncordoned\n"
    kubectl.ok("taint", "node", name, "test=x:NoSchedule")
    assert kubectl.ok("taint", "node", name, "test-") == f"node/{name} untainted\n"
    kubectl.ok("rollout", "status", "deploy/web", "--timeout=60s")


@pytest.fixture(scope="module")
def viewer(kubectl: Kubectl, demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """The same cluster, by the token of an account that may only look."""
    path = tmp_path_factory.mktemp("viewer") / "config"
    path.write_text(kubectl.ok("config", "view", "--minify", "--raw", "--flatten"))
    environment = {**kubectl.environment, "KUBECONFIG": str(path)}
    found = Kubectl(environment=environment, binary=kubectl.binary, context="")
    token = demo.sandbox.credentials("credentials-viewer.json").token
    found.ok("config", "set-credentials", "viewer", f"--token={token}")
    found.ok("config", "set-context", "--current", "--user=viewer")
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("create cm x", 'cannot create resource "configmaps" in API group "" in the namespace "default"'),
        ("delete deploy web", 'deployments.apps "web" is forbidden: User "viewer@'),
        ("scale deploy web --replicas=1", 'cannot patch resource "deployments"'),
        ("get secrets", 'cannot list resource "secrets"'),
        (f"exec {UI} -c sd -- ls", "Forbidden"),
    ],
)
def test_a_viewers_token_writes_nothing(viewer: Kubectl, words: str, said: str) -> None:
    done = viewer(*words.split())
    assert (done.status, said in done.err) == (1, True), done.err


def test_a_viewer_looks_and_asks_what_it_may(viewer: Kubectl, kubectl: Kubectl) -> None:
    assert "web" in viewer.ok("get", "deploy")
    for verb, answer in (("get pods", "yes"), ("create pods", "no"), ("delete nodes", "no")):
        assert viewer("auth", "can-i", *verb.split()).out.split()[0] == answer, verb
    assert kubectl.ok("auth", "can-i", "create", "pods") == "yes\n"
    told: Any = viewer.ok("auth", "whoami")
    assert "viewer@" in told
