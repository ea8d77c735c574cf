"""`./atlas orphans` against a started sandbox: what is found, what is refused, what goes, and the proof that it went.

On a sandbox of its own: here a fleet is left behind on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import typer
import yaml

from lib.cli import main, session
from lib.fleet.ledger import Step, Thing, ThingKind
from lib.fleet.model import PlacementSpec, PlacementStatus
from lib.gateways.compute import ComputeGateway
from lib.gateways.config_cluster import ConfigClusterGateway
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.errors import Refused
from lib.gateways.faults import FaultsGateway
from lib.gateways.gke import GkeGateway
from lib.gateways.hub import HubGateway
from lib.gateways.journal import Journal
from lib.gateways.ledger import Ledger
from lib.gateways.placement import PlacementGateway
from lib.settings import Settings
from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

LEFT, CLUSTER = "europe-west4", "atlas-europe-west4"
LOST = "atlas-us-east4"  # a membership whose cluster is gone
V1 = "/v1/projects/gpu-atlas-sandbox/locations"


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    started = Sandbox(
        state_dir=tmp_path_factory.mktemp("orphans"), arguments=("--speed", "600", "--scenario", "calm")
    ).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def settings(own_sandbox: Sandbox) -> Settings:
    return Settings(state_dir=own_sandbox.state_dir)


@pytest.fixture(scope="module")
def left(own_sandbox: Sandbox, settings: Settings) -> None:
    """A config cluster with a placement that wants nothing; beside it what an earlier one left, and a stranger's."""
    gke, hub = GkeGateway(settings), HubGateway(settings)
    gke.create_cluster(settings.config_region, settings.config_cluster, labels={"role": "config"})
    gke.create_cluster(LEFT, CLUSTER, labels={"placement": settings.placement})
    with own_sandbox.http(own_sandbox.token) as api:
        for region, name in (("asia-east1", "theirs"), ("us-east4", LOST)):
            api.post(
                f"{V1}/{region}/clusters", json={"cluster": {"name": name, "autopilot": {"enabled": True}}}
            )
        running = {
            c.name: c for c in wait_until(lambda: _running(gke, 4), timeout_s=60, what="four clusters")
        }
        link = f"//container.googleapis.com/projects/gpu-atlas-sandbox/locations/us-east4/clusters/{LOST}"
        body = {"endpoint": {"gkeCluster": {"resourceLink": link}}, "labels": {"managed-by": "gpu-atlas"}}
        api.post(f"{V1}/us-east4/memberships?membershipId={LOST}", json=body).raise_for_status()
        wait_until(lambda: _member(hub, LOST) == "READY", what="its membership")
        api.delete(f"{V1}/us-east4/clusters/{LOST}").raise_for_status()
    assert LOST in running
    wait_until(
        lambda: all(c.name != LOST for c in gke.list_clusters()), timeout_s=60, what="its cluster gone"
    )
    ComputeGateway(settings).ensure_address("gpu-atlas-old")
    ComputeGateway(settings).ensure_address(settings.vip_address_name)
    crds = ("crd-gpuplacement.yaml", "crd-gpuregion.yaml")
    texts = [(ROOT / "manifests" / "config-cluster" / name).read_text(encoding="utf-8") for name in crds]
    ConfigClusterGateway(settings).apply([d for text in texts for d in yaml.safe_load_all(text)])
    PlacementGateway(settings).create_default(PlacementSpec(accelerators=("nvidia-l4",), serving=0))
    DeliveryGateway(settings).commit(CLUSTER, {"a.yaml": "kind: Nothing\n"}, subject="Serve", author="ada")
    FaultsGateway(settings).step(timedelta(hours=12))  # nothing is taken for left over that is young


def _running(gke: GkeGateway, count: int) -> list:
    found = [c for c in gke.list_clusters() if c.status == "RUNNING"]
    return found if len(found) == count else []


def _no(*_: object, **__: object) -> None:
    raise typer.Abort


def _member(hub: HubGateway, cluster: str) -> str:
    return next((m.state for m in hub.list_memberships() if m.cluster == cluster), "")


@pytest.fixture
def atlas(left, settings: Settings, monkeypatch, capsys):
    """The command line, while a controller keeps the placement's status fresh."""
    monkeypatch.setenv("ATLAS_STATE_DIR", str(settings.state_dir))
    monkeypatch.setattr(session, "is_down", lambda _: False)
    gateway = PlacementGateway(settings)

    def run(*words: str) -> tuple[int, str, str]:
        held = gateway.get()
        gateway.publish_status(held, PlacementStatus(as_of=settings.now(), observed_generation=1))
        code = main(["orphans", *words])
        told = capsys.readouterr()
        return code, told.out, told.err.strip()

    return run


def test_what_is_left_over_is_found_with_its_reason_and_its_cost(atlas):
    code, out, _ = atlas("--json")
    told = json.loads(out)
    assert (code, told["unknown"]) == (0, [])
    names = {(o["thing"]["kind"], o["thing"]["name"]): o for o in told["orphans"]}
    assert set(names) == {
        ("Directory", CLUSTER),
        ("Cluster", CLUSTER),
        ("Membership", LOST),
        ("Address", "gpu-atlas-old"),
    }
    assert names["Cluster", CLUSTER]["usd_per_hour"] == pytest.approx(0.10)
    assert "stable-diffusion doesn't want europe-west4" in names["Cluster", CLUSTER]["why"]


def test_a_stranger_s_cluster_is_neither_shown_nor_removed(atlas):
    code, out, err = atlas("--remove", "theirs", "--yes")
    assert (code, out) == (1, "")
    assert err == "theirs in asia-east1 wasn't made by this platform and is left alone."


def test_on_a_partial_view_it_says_what_can_t_be_seen_and_removes_nothing(atlas, settings):
    faults = FaultsGateway(settings)
    fault = faults.create("unreachable", {"location": "us-east1"})
    try:
        shown, removed = atlas(), atlas("--remove", "--yes")
    finally:
        faults.clear(fault.id)
    assert "Can't be judged: " in shown[1]
    assert removed[0] == 1
    assert "Nothing is removed while" in removed[2]
    assert any(c.name == CLUSTER for c in GkeGateway(settings).list_clusters())


def test_the_plan_is_shown_and_a_no_changes_nothing(atlas, settings, monkeypatch):
    code, out, _ = atlas("--remove", "--dry-run")
    assert code == 0
    assert f"container.DeleteCluster projects/{settings.project}/locations/{LEFT}/clusters/{CLUSTER}" in out
    assert "gpu-atlas-old" not in out  # another installation may use it: only by name
    monkeypatch.setattr(typer, "confirm", _no)
    assert atlas("--remove")[0] == 1
    assert any(c.name == CLUSTER for c in GkeGateway(settings).list_clusters())


def test_it_goes_with_proof_and_a_second_look_finds_nothing(atlas, settings):
    code, out, _ = atlas("--remove", "--yes", "--json")
    removed = {(r["kind"], r["name"]): r for r in json.loads(out)["removed"]}
    assert code == 0
    assert set(removed) == {("Directory", CLUSTER), ("Cluster", CLUSTER), ("Membership", LOST)}
    assert all(r["gone"] for r in removed.values())
    assert removed["Cluster", CLUSTER]["operation"].startswith("operation-")
    assert "operations/" in removed["Membership", LOST]["operation"]
    assert {c.name for c in GkeGateway(settings).list_clusters()} == {"theirs", settings.config_cluster}
    line = Ledger(Journal(settings.journal_url), settings.now).stands()[
        Thing(kind=ThingKind.CLUSTER, name=CLUSTER, location=LEFT)
    ]
    assert (line.step, line.operation) == (Step.REMOVED, removed["Cluster", CLUSTER]["operation"])
    assert atlas("--remove", "gpu-atlas-old", "--yes")[0] == 0
    assert json.loads(atlas("--json")[1])["orphans"] == []


def test_the_gateways_themselves_refuse_what_carries_no_label(atlas, own_sandbox, settings):
    with own_sandbox.http(own_sandbox.token) as api:
        path = "/compute/v1/projects/gpu-atlas-sandbox/global/addresses"
        api.post(path, json={"name": "web"}).raise_for_status()
        link = "//container.googleapis.com/projects/gpu-atlas-sandbox/locations/asia-east1/clusters/theirs"
        body = {"endpoint": {"gkeCluster": {"resourceLink": link}}}
        api.post(f"{V1}/asia-east1/memberships?membershipId=theirs", json=body).raise_for_status()
    hub = HubGateway(settings)
    wait_until(lambda: _member(hub, "theirs") == "READY", what="the stranger's membership")
    name = next(m.name for m in hub.list_memberships() if m.cluster == "theirs")
    with pytest.raises(Refused, match="left alone"):
        hub.delete_membership(name)
    with pytest.raises(Refused, match="left alone"):
        ComputeGateway(settings).release_address("web")
    assert json.loads(atlas("--json")[1])["orphans"] == []
