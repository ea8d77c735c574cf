"""`eval "$(./atlas sandbox env)"`: after it the real gcloud and kubectl, and Google's Python clients, speak to
the sandbox and to nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

REGION, CLUSTER = "us-west1", "env-contract"
LISTED = f"""
import os
from google.cloud import container_v1
client = container_v1.ClusterManagerClient(client_options={{"api_endpoint": os.environ["SANDBOX_GRPC"]}})
parent = f"projects/{{os.environ['GOOGLE_CLOUD_PROJECT']}}/locations/{REGION}"
print(*(found.name for found in client.list_clusters(parent=parent).clusters))
"""
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting}
data: {text: hello}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A shell as it is after the eval: nothing of this process' own Google or kubectl settings in it."""

    state_dir: Path
    home: Path

    def environment(self, **also: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(self.home), "CLOUDSDK_CONFIG": str(self.home / "gcloud")}
        return {**kept, **home, "ATLAS_STATE_DIR": str(self.state_dir), "PYTHONPATH": str(ROOT), **also}

    def exports(self, **also: str) -> dict[str, str]:
        command = [sys.executable, "-m", "lib.cli", "sandbox", "env", "--json"]
        told = subprocess.run(
            command, cwd=ROOT, env=self.environment(**also), capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    def run(self, *words: str, given: str = "", also: Mapping[str, str] | None = None) -> str:
        """stdout of a command that was run with the exports; its stderr when it fails."""
        environment = {**self.environment(**(also or {})), **self.exports(**(also or {}))}
        done = subprocess.run(
            words, input=given, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def shell(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Beside a cluster that runs."""
    parent = f"/v1/projects/{sandbox.endpoints['project']}/locations/{REGION}/clusters"
    with sandbox.http(sandbox.token) as client:
        body = {"cluster": {"name": CLUSTER, "autopilot": {"enabled": True}}}
        assert client.post(parent, json=body).status_code == 200
        wait_until(
            lambda: client.get(f"{parent}/{CLUSTER}").json().get("status") == "RUNNING",
            what="the cluster runs",
        )
    return Shell(state_dir=sandbox.state_dir, home=tmp_path_factory.mktemp("home"))


def program(name: str) -> str:
    """The real one. Where there is none the test says so, except in CI: there it must run."""
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    assert found, f"{name} is not installed, and in CI it must be"
    return found


def test_the_lines_are_exports_that_a_shell_understands(shell):
    exports = shell.exports()
    line = f'eval "$({sys.executable} -m lib.cli sandbox env)" && printenv KUBECONFIG SANDBOX_GRPC'
    done = subprocess.run(
        ["sh", "-c", line], cwd=ROOT, env=shell.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [exports["KUBECONFIG"], exports["SANDBOX_GRPC"]]


def test_secrets_are_for_their_owner_only(shell):
    exports = shell.exports()
    for name in ("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"):
        assert Path(exports[name]).stat().st_mode & 0o077 == 0, name


def test_a_context_that_has_gone_is_not_the_current_one(shell):
    path = Path(shell.exports()["KUBECONFIG"])
    path.write_text(yaml.safe_dump({"current-context": "gone", "contexts": []}))
    shell.exports()
    told = yaml.safe_load(path.read_text())
    assert told["current-context"] in {"", *(context["name"] for context in told["contexts"])}
    assert CLUSTER in [context["name"] for context in told["contexts"]]


def test_googles_python_client_lists_the_clusters(shell):
    assert CLUSTER in shell.run(sys.executable, "-c", LISTED).split()


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"], ids=["without a proxy", "behind a proxy"])
def test_gcloud_lists_the_clusters(shell, proxy):
    words = (program("gcloud"), "container", "clusters", "list", "--format=value(name,status)")
    told = shell.run(*words, also={"HTTPS_PROXY": proxy} if proxy else None)
    assert [CLUSTER, "RUNNING"] in [line.split() for line in told.splitlines()]


def test_gcloud_finds_gpus_and_quota(shell):
    gcloud = program("gcloud")
    zones = shell.run(
        gcloud, "compute", "accelerator-types", "list", "--filter=name=nvidia-l4", "--format=value(zone)"
    )
    assert "us-central1-a" in zones.split()
    told = json.loads(shell.run(gcloud, "compute", "regions", "describe", REGION, "--format=json"))
    assert {"metric": "NVIDIA_L4_GPUS", "limit": 8.0, "usage": 0.0} in told["quotas"]


def test_kubectl_works_without_gcloud(shell):
    kubectl = program("kubectl")
    told = shell.run(kubectl, "--context", CLUSTER, "get", "nodes", "-o", "name")
    assert told.startswith("node/")


def test_kubectl_works_after_get_credentials_and_the_next_eval_keeps_what_gcloud_wrote(shell):
    gcloud, kubectl, _ = program("gcloud"), program("kubectl"), program("gke-gcloud-auth-plugin")
    shell.run(gcloud, "container", "clusters", "get-credentials", CLUSTER, "--region", REGION)
    context = shell.run(kubectl, "config", "current-context").strip()
    assert context.startswith("gke_")
    assert context.endswith(f"_{REGION}_{CLUSTER}")
    shell.run(kubectl, "apply", "-f", "-", given=CONFIG_MAP)
    told = shell.run(kubectl, "get", "configmap", "greeting", "-o", "jsonpath={.data.text}")
    assert told == "hello"
