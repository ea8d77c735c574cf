"""The real gcloud after `eval "$(./atlas sandbox env)"`: what an operator types, and what it answers.

Commands that only look are run together, for gcloud takes a second each; every one is a test of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Sandbox
from tests.contract.demo import CONFIG, WORK, Demo, serving
from tests.contract.test_sandbox_env import Shell, program
from tests.waiting import wait_until

P = "gpu-atlas-sandbox"
AT = ("--region", WORK[0])
NOWHERE = f"projects/{P}/locations/{WORK[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int
    out: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gcloud:
    """The binary, in the environment that the product exports."""

    binary: str
    environment: dict[str, str]

    def __call__(self, words: str, **also: str) -> Answer:
        done = subprocess.run(
            [self.binary, *words.split()], env={**self.environment, **also},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return Answer(code=done.returncode, out=done.stdout, error=done.stderr)

    def ok(self, words: str, **also: str) -> str:
        answer = self(words, **also)
        assert answer.code == 0, answer.error
        return answer.out


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Two regions serve behind the global address."""
    program("gcloud")
    with serving(tmp_path_factory.mktemp("gcloud")) as found:
        yield found


@pytest.fixture(scope="module")
def gcloud(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    shell = Shell(state_dir=demo.sandbox.state_dir, home=tmp_path_factory.mktemp("gcloud-home"))
    return Gcloud(binary=program("gcloud"), environment={**shell.environment(), **shell.exports()})


LOOKS = {
    "clusters": ("container clusters list", [r"NAME +LOCATION +MASTER_VERSION", rf"{WORK[1]} +{WORK[0]} .*RUNNING"]),
    "clusters of a region": (f"container clusters list --region {CONFIG[0]} --format=value(name)", [f"^{CONFIG[1]}$"]),
    "clusters by filter": ("container clusters list --filter=status!=RUNNING --format=value(name)", ["^$"]),
    "a cluster": (
        f"container clusters describe {WORK[1]} {'  '.join(AT)} --format=value(status,autopilot.enabled,fleet.membership)",
        [rf"RUNNING\tTrue\t//gkehub.googleapis.com/projects/\d+/locations/{WORK[0]}/memberships/{WORK[1]}"],
    ),
    "operations": ("container operations list", [rf"operation-\S+ +CREATE_CLUSTER +{WORK[0]} +{WORK[1]} +DONE"]),
    "server config": (
        f"container get-server-config {' '.join(AT)} --format=value(channels.channel,defaultClusterVersion)",
        [r"RAPID;REGULAR;STABLE;EXTENDED\t\d+\.\d+\.\d+-gke\.\d+"],
    ),
    "memberships": ("container fleet memberships list", [r"NAME +UNIQUE_ID +LOCATION", rf"{WORK[1]} +\S+ +{WORK[0]}"]),
    "a membership": (
        f"container fleet memberships describe {WORK[1]} --format=value(state.code,name)",
        [rf"READY\tprojects/{P}/locations/{WORK[0]}/memberships/{WORK[1]}"],
    ),
    "ingress": (
        "container fleet ingress describe --format=value(resourceState.state,state.state.code,state.state.description)",
        ["ACTIVE\tOK\tReady to use"],
    ),
    "GPU types": (
        "compute accelerator-types list --filter=name=nvidia-l4 --format=value(zone.basename())", ["^us-central1-a$"]
    ),
    "GPU types by zone": ("compute accelerator-types list --filter=zone:us-central1-f", ["nvidia-tesla-t4 +us-central1-f"]),
    "regions": ("compute regions list", [r"NAME +CPUS +DISKS_GB", r"us-west1 +\d+/500 "]),
    "regions by pattern": ("compute regions list --filter=name~europe-west --format=value(name)", ["^europe-west9$"]),
    "a region": (
        f"compute regions describe {WORK[0]} --flatten=quotas[] --format=value(quotas.metric,quotas.limit)",
        [r"NVIDIA_L4_GPUS\t8\.0", r"IN_USE_ADDRESSES\t100\.0"],
    ),
    "zones": ("compute zones list --filter=region:us-east1", [r"us-east1-b +us-east1 +UP"]),
    "addresses": ("compute addresses list", [r"gpu-atlas-vip +127\.0\.0\.\d+ +EXTERNAL +IN_USE"]),
    "an address": (
        "compute addresses describe gpu-atlas-vip --global --format=value(status,users.basename())", ["IN_USE\tmci-"]
    ),
    "backend services": ("compute backend-services list --global --format=value(name)", ["^mci-"]),
    "forwarding rules": ("compute forwarding-rules list", [r"mci-\S+ +127\.0\.0\.\d+ +TCP"]),
    "NEGs": (
        f"compute network-endpoint-groups list --filter=zone:{WORK[0]}", [rf"k8s1-\S+ +{WORK[0]}-\w +GCE_VM_IP_PORT"]
    ),
    "compute operations": ("compute operations list", [r"operation-\S+ +insert +gpu-atlas-vip +200 +DONE"]),
}  # fmt: skip
MISSES = {
    "cluster": (f"container clusters describe nobody {' '.join(AT)}", f"Not found: {NOWHERE}/clusters/nobody"),
    "cluster to delete": (f"container clusters delete nobody {' '.join(AT)}", f"Not found: {NOWHERE}/clusters/nobody"),
    "cluster in a wrong region": (
        "container clusters describe nobody --region mars-east1", "Permission denied on 'locations/mars-east1'"
    ),
    "operation": (f"container operations describe nope {' '.join(AT)}", f"Not found: {NOWHERE}/operations/nope"),
    "operation to wait for": (
        f"container operations wait operation-1-nope {' '.join(AT)}", f"Not found: {NOWHERE}/operations/operation-1-nope"
    ),
    "membership": (
        f"container fleet memberships describe nobody --location {WORK[0]}",
        f"NOT_FOUND: Resource '{NOWHERE}/memberships/nobody' was not found",
    ),
    "region": ("compute regions describe mars", f"The resource 'projects/{P}/regions/mars' was not found"),
    "address": (
        "compute addresses describe nobody --global",
        f"The resource 'projects/{P}/global/addresses/nobody' was not found",
    ),
    "backend service": (
        "compute backend-services get-health nobody --global",
        f"The resource 'projects/{P}/global/backendServices/nobody' was not found",
    ),
    "cluster that is there already": (
        f"container clusters create-auto {WORK[1]} {' '.join(AT)}", f"Already exists: {NOWHERE}/clusters/{WORK[1]}."
    ),
    "cluster with a bad name": (
        f"container clusters create-auto One_ {' '.join(AT)}", 'Invalid value for field "cluster.name": "One_"'
    ),
    "zonal cluster": ("container clusters create-auto two --region us-west1-a", "must be regional clusters"),
    "network that is not there": (
        f"container clusters create-auto two {' '.join(AT)} --network=mine", f'Project "{P}" has no network named "mine".'
    ),
    "subnetwork that is not there": (
        f"container clusters create-auto two {' '.join(AT)} --subnetwork=mine",
        f'Project "{P}" has no subnetwork named "mine" in region "{WORK[0]}".',
    ),
    "version that is not there": (
        f"container clusters create-auto two {' '.join(AT)} --cluster-version=1.2.3", 'Master version "1.2.3" is unsupported.'
    ),
    "membership of a registered cluster": (
        f"container fleet memberships register again --gke-cluster={'/'.join(WORK)} --enable-workload-identity",
        "FAILED_PRECONDITION: //container.googleapis.com/",
    ),
    "membership with a bad name": (
        f"container fleet memberships register M_1 --gke-cluster={'/'.join(WORK)} --enable-workload-identity",
        "INVALID_ARGUMENT: InvalidValueError for field membership_id",
    ),
    "membership of no cluster": (
        f"container fleet memberships register m --gke-cluster={WORK[0]}/nobody --enable-workload-identity",
        "INVALID_ARGUMENT: InvalidValueError for field endpoint.gke_cluster",
    ),
    "address that is there already": (
        "compute addresses create gpu-atlas-vip --global",
        f"The resource 'projects/{P}/global/addresses/gpu-atlas-vip' already exists",
    ),
    "address with a bad name": ("compute addresses create Vip_ --global", "Invalid value for field 'resource.name': 'Vip_'"),
    "address in use": ("compute addresses delete gpu-atlas-vip --global", "is already being used by"),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(gcloud: Gcloud) -> dict[str, Answer]:
    """The answers to all commands of the two tables, by command."""
    commands = [words for words, _ in (*LOOKS.values(), *MISSES.values())]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(commands, pool.map(gcloud, commands), strict=True))


@pytest.mark.parametrize("what", LOOKS)
def test_a_look_shows(told: dict[str, Answer], what: str) -> None:
    words, patterns = LOOKS[what]
    answer = told[words]
    assert answer.code == 0, answer.error
    for pattern in patterns:
        assert re.search(pattern, answer.out, re.MULTILINE), f"{pattern} is not in:\n{answer.out}"


@pytest.mark.parametrize("what", MISSES)
def test_a_miss_says_what_is_wrong(told: dict[str, Answer], what: str) -> None:
    words, sentence = MISSES[what]
    answer = told[words]
    assert answer.code == 1, answer.out
    assert sentence in answer.error, answer.error


def test_get_health_asks_for_every_zone_in_one_batch(gcloud: Gcloud, demo: Demo) -> None:
    [name] = [
        n
        for n in gcloud.ok("compute backend-services list --global --format=value(name)").split()
        if "80" in n
    ]
    shown = json.loads(gcloud.ok(f"compute backend-services get-health {name} --global --format=json"))
    zones = {group["backend"].split("/zones/")[1].split("/")[0] for group in shown}
    assert len(zones) == len(shown) > 1
    states = [h["healthState"] for group in shown for h in group["status"].get("healthStatus", [])]
    assert sorted(states) == demo.health()


def test_ingress_that_is_on_already_stays_on(gcloud: Gcloud) -> None:
    answer = gcloud(f"container fleet ingress enable --config-membership={CONFIG[1]} --location={CONFIG[0]}")
    assert (answer.code, "is already enabled" in answer.error) == (0, True), answer.error


def test_the_life_of_a_cluster(gcloud: Gcloud, demo: Demo) -> None:
    name, where = "gcloud-made", "--region us-west1"
    clock = "/admin/v1/clock"
    demo.api.put(clock, json={"speed": 20}).raise_for_status()
    gcloud.ok(f"container clusters create-auto {name} {where} --async --release-channel=rapid")
    operation = gcloud.ok(
        f"container operations list --filter=targetLink~{name} --format=value(name)"
    ).strip()
    for words, sentence in {
        f"container clusters delete {name} {where}": f"Cluster is running incompatible operation {operation}.",
        f"container clusters get-credentials {name} {where}": f"cluster {name} is missing endpoint",
        f"container fleet memberships register {name} --gke-cluster=us-west1/nobody": "does not exist",
    }.items():
        refused = gcloud(words)
        assert (refused.code, sentence in refused.error) == (1, True), refused.error
    demo.api.put(clock, json={"speed": 600}).raise_for_status()
    waited = json.loads(gcloud.ok(f"container operations wait {operation} {where} --format=json"))
    assert (waited["status"], waited["operationType"]) == ("DONE", "CREATE_CLUSTER")
    assert waited["startTime"] < waited["endTime"]
    described = json.loads(gcloud.ok(f"container operations describe {operation} {where} --format=json"))
    assert described == waited
    progress = {m["name"]: int(m["intValue"]) for m in described["progress"]["metrics"]}
    assert progress["CLUSTER_DEPLOYING"] == progress["CLUSTER_DEPLOYING_TOTAL"]
    shown = gcloud.ok(f"container clusters describe {name} {where} --format=value(currentMasterVersion)")
    assert shown.startswith("1.36.")
    assert waited["targetLink"].endswith(f"/locations/us-west1/clusters/{name}")
    gcloud.ok(f"container clusters get-credentials {name} {where}")
    gcloud.ok(
        f"container fleet memberships register {name} --gke-cluster=us-west1/{name} --enable-workload-identity"
    )
    gcloud.ok(f"container fleet memberships unregister {name} --gke-cluster=us-west1/{name}")
    assert name not in gcloud.ok("container fleet memberships list --format=value(name)")
    gcloud.ok(f"container clusters delete {name} {where}")
    assert name not in gcloud.ok("container clusters list --format=value(name)")


LISTS = {  # what every element has, as scripts read it
    "container clusters list": ("name", "location", "status", "endpoint", "currentMasterVersion", "autopilot"),
    "container operations list": ("name", "operationType", "status", "targetLink", "startTime"),
    "container fleet memberships list": ("name", "state", "endpoint", "externalId"),
    "compute accelerator-types list": ("name", "zone", "maximumCardsPerInstance", "selfLink"),
    "compute regions list": ("name", "quotas", "status", "zones"),
    "compute zones list": ("name", "region", "status"),
    "compute addresses list": ("name", "address", "status", "creationTimestamp"),
    "compute backend-services list": ("name", "backends", "healthChecks", "loadBalancingScheme", "timeoutSec"),
    "compute forwarding-rules list": ("name", "IPAddress", "portRange", "target"),
    "compute network-endpoint-groups list": ("name", "zone", "size", "networkEndpointType"),
}  # fmt: skip


def test_every_list_is_json_for_scripts_and_empty_where_a_filter_finds_nothing(gcloud: Gcloud) -> None:
    asked = [
        words + end for words in LISTS for end in (" --format=json", " --filter=name=nosuch --format=json")
    ]
    with ThreadPoolExecutor(4) as pool:
        told = dict(zip(asked, map(json.loads, pool.map(gcloud.ok, asked)), strict=True))
    for words, fields in LISTS.items():
        found = told[f"{words} --format=json"]
        assert found, words
        missing = [(e.get("name"), f) for e in found for f in fields if f not in e]
        assert missing == [], words
        assert told[f"{words} --filter=name=nosuch --format=json"] == [], words


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcloud]:
    """Another sandbox, with one cluster and no feature."""
    sandbox = Sandbox(state_dir=tmp_path_factory.mktemp("fresh"), arguments=("--speed", "600")).start()
    found = Demo(sandbox)
    try:
        found.create_clusters(CONFIG)
        shell = Shell(state_dir=sandbox.state_dir, home=tmp_path_factory.mktemp("fresh-home"))
        yield Gcloud(binary=program("gcloud"), environment={**shell.environment(), **shell.exports()})
    finally:
        found.api.close()
        sandbox.stop()


def test_ingress_is_turned_on_described_and_turned_off(fresh: Gcloud) -> None:
    base = "container fleet ingress"
    missing = fresh(f"{base} describe")
    assert (missing.code, "is not enabled" in missing.error) == (1, True), missing.error
    wrong = fresh(f"{base} enable --config-membership=nobody --location={CONFIG[0]}")
    assert wrong.code == 1, wrong.out
    fresh.ok(f"{base} enable --config-membership={CONFIG[1]} --location={CONFIG[0]}")
    shown = json.loads(fresh.ok(f"{base} describe --format=json"))
    assert shown["resourceState"]["state"] in {"ACTIVE", "ENABLING"}
    member = f"projects/{P}/locations/{CONFIG[0]}/memberships/{CONFIG[1]}"
    assert shown["spec"]["multiclusteringress"]["configMembership"] == member
    fresh.ok(f"{base} disable")
    assert fresh(f"{base} describe").code == 1


def test_config_management_is_applied_watched_and_taken_away(
    gcloud: Gcloud, tmp_path: Path, demo: Demo
) -> None:
    base = "beta container fleet config-management"
    missing = gcloud(f"{base} status")
    assert "Config Management Feature for project [gpu-atlas-sandbox] is not enabled" in missing.error
    gcloud.ok(f"{base} enable")
    config = tmp_path / "apply-spec.yaml"
    config.write_text(_apply_spec(f"file://{demo.sandbox.state_dir}/nowhere.git"))
    gcloud.ok(f"{base} apply --membership={WORK[1]} --config={config}")

    def status() -> Any:
        rows = json.loads(gcloud.ok(f"{base} status --format=json"))["acm_status"]
        return next(row for row in rows if row["name"] == f"{WORK[0]}/{WORK[1]}")

    shown = wait_until(
        lambda: (s := status())["config_sync"] == "ERROR" and s, what="the missing repository is told"
    )
    assert (shown["sync_branch"], shown["upgrades"]) == ("main", "manual")
    assert re.fullmatch(r"\d+\.\d+\.\d+", shown["version"])
    gcloud.ok(f"{base} unmanage --membership={WORK[1]}")
    assert status()["config_sync"] == "NA"
    gcloud.ok(f"{base} disable")


def _apply_spec(repository: str) -> str:
    return f"""
applySpecVersion: 1
spec:
  configSync:
    enabled: true
    sourceFormat: unstructured
    syncRepo: {repository}
    syncBranch: main
    secretType: none
    policyDir: clusters/x
"""


def test_addresses_come_and_go_in_one_command(gcloud: Gcloud) -> None:
    created = gcloud("compute addresses create one two --global")
    assert created.code == 0, created.error
    assert created.error.count("Created [") == 2
    gone = gcloud("compute addresses delete one nobody --global")
    assert (gone.code, "global/addresses/nobody' was not found" in gone.error) == (1, True)
    left = gcloud.ok("compute addresses list --format=value(name) --filter=name!=gpu-atlas-vip")
    assert left.split() == ["two"]


def test_the_viewer_looks_and_does_not_touch(gcloud: Gcloud, demo: Demo, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(str(demo.sandbox.credentials("credentials-viewer.json").token))
    viewer = {"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token)}
    assert WORK[1] in gcloud.ok("container clusters list --format=value(name)", **viewer)
    for words, sentence in {
        f"container clusters delete {WORK[1]} {' '.join(AT)}": 'Required "container.clusters.delete" permission(s)',
        "compute addresses create mine --global": "Required 'compute.globalAddresses.create' permission",
        "container fleet ingress disable": 'Required "gkehub.features.delete" permission(s)',
    }.items():
        refused = gcloud(words, **viewer)
        assert (refused.code, sentence in refused.error) == (1, True), refused.error
