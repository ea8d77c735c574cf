"""The capacity probe and the sonar as an operator runs them, against a sandbox of their own: nothing is ever left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lib.cli import leftovers
from lib.fleet import orphans
from lib.fleet.evidence import Source
from lib.fleet.model import Outcome, Provisioning
from lib.fleet.probe import Probe, probe_from
from lib.gateways.advice import AdviceGateway
from lib.gateways.errors import CapacityError, QuotaError, Refused
from lib.gateways.journal import Journal
from lib.gateways.probe import ProbeGateway
from lib.settings import Settings
from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

P, REGION, ZONE = "gpu-atlas-sandbox", "us-central1", "us-central1-a"
MINUTE = timedelta(minutes=1)
L4, H100 = "nvidia-l4", "nvidia-h100-80gb"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    found = Sandbox(
        state_dir=tmp_path_factory.mktemp("probe"), arguments=("--speed", "10", "--scenario", "calm")
    ).start()
    yield found
    found.stop()


@pytest.fixture
def admin(cloud: Sandbox) -> Iterator[httpx.Client]:
    with cloud.http(cloud.token) as client:
        client.base_url = httpx.URL(cloud.endpoints["admin"])
        yield client
        client.delete("/faults").raise_for_status()


@pytest.fixture
def fresh(cloud: Sandbox, admin: httpx.Client) -> None:
    """No probe has been made, as far as anybody knows."""
    (cloud.state_dir / "journal.db").unlink(missing_ok=True)
    admin.post("/clock:step", json={"seconds": 600}).raise_for_status()


@pytest.fixture
def settings(cloud: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [n for n in os.environ if n.startswith("ATLAS_")]:
        monkeypatch.delenv(name)
    return Settings(state_dir=cloud.state_dir)


def environment(cloud: Sandbox) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("ATLAS_")}
    return {**kept, "ATLAS_STATE_DIR": str(cloud.state_dir)}


def atlas(cloud: Sandbox, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "lib.cli", *words], cwd=ROOT, env=environment(cloud), capture_output=True,
        text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.strip()


def standing(cloud: Sandbox) -> list[str]:
    """Names of every reservation and instance of the project."""
    with cloud.http(cloud.token) as api:
        found: list[str] = []
        for resource in ("reservations", "instances"):
            answer = api.get(f"/compute/v1/projects/{P}/aggregated/{resource}").raise_for_status().json()
            found += [item["name"] for scope in answer["items"].values() for item in scope.get(resource, [])]
    return found


def fault(admin: httpx.Client, kind: str, **scope: Any) -> None:
    admin.post("/faults", json={"kind": kind, "scope": scope}).raise_for_status()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("spot", [False, True])
def test_what_can_be_had_is_told_recorded_and_given_back(
    cloud: Sandbox, settings: Settings, spot: bool
) -> None:
    words = [
        "probe",
        REGION,
        "--zone",
        ZONE,
        "--accelerator",
        L4,
        "--yes",
        "--json",
        *(["--spot"] if spot else []),
    ]
    code, out, err = atlas(cloud, *words)
    assert code == 0, err
    told = json.loads(out)
    assert (told["outcome"], told["zone"]) == ("Obtained", ZONE)
    assert 0 < told["costUSD"] < 0.02
    assert standing(cloud) == []
    [attempt] = Journal(settings.journal_url).attempts()[1]
    model = Provisioning.SPOT if spot else Provisioning.STANDARD
    assert (attempt.outcome, attempt.zone, attempt.provisioning, attempt.probe) == (
        Outcome.OBTAINED,
        ZONE,
        model,
        True,
    )


@pytest.mark.usefixtures("fresh")
def test_a_stock_out_names_the_zones_that_have_room(
    cloud: Sandbox, settings: Settings, admin: httpx.Client
) -> None:
    fault(admin, "stockout", zone=ZONE)
    code, out, err = atlas(cloud, "probe", REGION, "--zone", ZONE, "--accelerator", L4, "--yes")
    assert code == 0, err
    assert f"{ZONE} is out of L4 on demand now. Google names us-central1-b" in out
    [attempt] = Journal(settings.journal_url).attempts()[1]
    assert attempt.outcome is Outcome.STOCK_OUT
    assert "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS" in attempt.message
    code, out, err = atlas(cloud, "probe", REGION, "--accelerator", L4, "--dry-run")
    assert "in us-central1-b, and delete it at once" in out, "the zone that Google named comes next"


@pytest.mark.usefixtures("fresh")
def test_it_asks_before_it_costs_and_keeps_its_limits(cloud: Sandbox) -> None:
    words = ("probe", REGION, "--zone", ZONE, "--accelerator", L4)
    code, _, err = atlas(cloud, *words)
    assert code == 2
    assert "A probe costs money" in err
    code, out, _ = atlas(cloud, *words, "--dry-run")
    assert code == 0
    assert "Cost: about $0.0142 if it is had (one minute of $0.85/h)" in out
    assert "one probe per zone and GPU in 10 min, $1.00 in 24 h ($0.00 spent)" in out
    assert standing(cloud) == []
    assert atlas(cloud, *words, "--yes")[0] == 0
    code, _, err = atlas(cloud, *words, "--yes")
    assert code == 1
    assert f"{ZONE} was probed for L4 at" in err


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("us-centrall", "--accelerator", L4), 2, "us-central1"),
        ((REGION, "--accelerator", "nvidia-l5"), 2, "nvidia-l4"),
        ((REGION,), 2, "--accelerator"),
        ((REGION, "--zone", "us-central1-f", "--accelerator", L4), 1, "us-central1-f doesn't offer L4; zones a, b, c do"),
        (("us-west2", "--accelerator", L4), 1, "no zone of us-west2 does"),
        ((REGION, "--accelerator", "nvidia-b200"), 1, "only sold with 8 GPUs"),
    ],
)  # fmt: skip
def test_a_probe_that_makes_no_sense_is_refused_in_one_sentence(
    cloud: Sandbox, words: tuple[str, ...], code: int, says: str
) -> None:
    found, out, err = atlas(cloud, "probe", *words, "--yes")
    assert (found, out) == (code, "")
    assert says in err
    assert "\n" not in err


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("spot", [False, True])
def test_killed_in_the_middle_the_next_one_leaves_nothing(
    cloud: Sandbox, admin: httpx.Client, spot: bool
) -> None:
    fault(admin, "api-hang", api="compute", method="zoneOperations.get")
    model = ["--spot"] if spot else []
    words = ["probe", REGION, "--zone", ZONE, "--accelerator", L4, "--yes", *model]
    killed = subprocess.Popen([sys.executable, "-m", "lib.cli", *words], cwd=ROOT, env=environment(cloud))
    wait_until(lambda: standing(cloud), timeout_s=60, what="the probe has made something")
    killed.kill()
    killed.wait(timeout=20)
    assert len(standing(cloud)) == 1
    admin.delete("/faults").raise_for_status()
    code, out, err = atlas(
        cloud, "probe", REGION, "--zone", "us-central1-b", "--accelerator", L4, "--yes", *model
    )
    assert code == 0, err
    assert "Removed what an earlier probe left behind: atlas-probe-" in out
    assert standing(cloud) == []


@pytest.mark.usefixtures("fresh")
def test_terminated_in_the_middle_it_deletes_what_it_made(cloud: Sandbox, admin: httpx.Client) -> None:
    fault(admin, "api-hang", api="compute", method="zoneOperations.get")
    words = ["probe", REGION, "--zone", ZONE, "--accelerator", L4, "--yes"]
    ended = subprocess.Popen([sys.executable, "-m", "lib.cli", *words], cwd=ROOT, env=environment(cloud))
    wait_until(lambda: standing(cloud), timeout_s=60, what="the probe has made something")
    ended.terminate()
    admin.delete("/faults").raise_for_status()
    assert ended.wait(timeout=60) != 0
    assert standing(cloud) == []


def test_what_is_not_ours_is_neither_found_nor_deleted(cloud: Sandbox, settings: Settings) -> None:
    gateway = ProbeGateway(settings)
    one = Probe(
        region=REGION, zone=ZONE, accelerator=L4, provisioning=Provisioning.STANDARD, at=settings.now()
    )
    body = {
        "name": one.name,
        "description": "somebody else's, by chance of this name",
        "specificReservation": {"count": "1", "instanceProperties": {"machineType": "g2-standard-8"}},
    }
    with cloud.http(cloud.token) as api:
        path = f"/compute/v1/projects/{P}/zones/{ZONE}/reservations"
        api.post(path, json=body).raise_for_status()
        wait_until(lambda: api.get(f"{path}/{one.name}").json().get("status") == "READY")
        assert gateway.leftovers() == ()
        with pytest.raises(Refused, match="not made by this platform"):
            gateway.remove(one)
        api.delete(f"{path}/{one.name}").raise_for_status()
        wait_until(lambda: api.get(f"{path}/{one.name}").status_code == 404)


def test_leftovers_are_found_with_what_they_are_and_removed(cloud: Sandbox, settings: Settings) -> None:
    gateway = ProbeGateway(settings)
    made = [
        Probe(region=REGION, zone=ZONE, accelerator=L4, provisioning=model, at=settings.now())
        for model in Provisioning
    ]
    for one in made:
        gateway.ask(one)
    found = gateway.leftovers()
    assert {(f.name, f.probe.zone, f.probe.provisioning) for f in found} == {
        (o.name, ZONE, o.provisioning) for o in made
    }
    assert all(probe_from(f.name, f.probe.zone) == f.probe for f in found)
    assert all(abs(f.probe.at - settings.now()) < timedelta(hours=1) for f in found)
    for one in found:
        gateway.remove(one.probe)
    assert gateway.leftovers() == ()
    gateway.remove(made[0])


def test_orphans_finds_what_a_probe_left_behind_and_removes_it_with_proof(
    cloud: Sandbox, settings: Settings, admin: httpx.Client
) -> None:
    gateway = ProbeGateway(settings)
    left = [
        Probe(region=REGION, zone=ZONE, accelerator=L4, provisioning=model, at=settings.now() - 11 * MINUTE)
        for model in Provisioning
    ]
    for one in left:
        gateway.ask(one)
    hands = leftovers.Hands(settings=settings)
    seen = leftovers.look(hands)
    found = {p.name: p.usd_per_hour for p in seen.probes or ()}
    assert found.keys() == {one.name for one in left}
    assert all(usd > 0 for usd in found.values())
    orphaned = [
        o
        for o in orphans.judge(seen, leftovers.home(settings), hands.lines()).orphans
        if o.thing.name in found
    ]
    assert len(orphaned) == 2
    for one in orphaned:
        assert one.thing.name in leftovers.calls(one, settings)
        leftovers.remove(hands, one)
        assert leftovers.is_gone(hands, one)
    assert standing(cloud) == []


def test_refusals_are_told_apart(cloud: Sandbox, settings: Settings, admin: httpx.Client) -> None:
    gateway = ProbeGateway(settings)
    one = Probe(
        region=REGION, zone=ZONE, accelerator=L4, provisioning=Provisioning.STANDARD, at=settings.now()
    )
    fault(admin, "stockout", region=REGION)
    with pytest.raises(CapacityError, match="ZONE_RESOURCE_POOL_EXHAUSTED"):
        gateway.ask(one)
    admin.delete("/faults").raise_for_status()
    fault(admin, "quota", region=REGION, accelerator=L4)
    with pytest.raises(QuotaError, match="NVIDIA_L4_GPUS"):
        gateway.ask(one)


def test_advice_is_told_with_its_zone_history_and_price(cloud: Sandbox, settings: Settings) -> None:
    advice = AdviceGateway(settings).advise(REGION, "nvidia-tesla-t4", history=True)
    assert advice.obtainability is not None
    assert advice.zone.startswith(REGION)
    assert advice.preemption_days == 7
    assert 0 <= (advice.preemption_rate or 0) <= 1
    assert 0.1 < (advice.usd_per_hour or 0) < 0.5


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.usefixtures("fresh")
def test_the_sonar_hears_every_region_in_time_and_ranks_them(cloud: Sandbox) -> None:
    code, out, err = atlas(
        cloud, "sonar", "--accelerator", L4, "--accelerator", H100, "--deadline", "60s", "--json"
    )
    assert code == 0, err
    *heard, ranking = lines(out)
    assert len(heard) == len(ranking["ranking"]) == 43 * 2 * 2
    assert ranking["heard"] == {"All": 43 * 2 * 2}
    assert ranking["ranking"][0]["eligible"]
    advised = [
        s
        for s in heard
        if any(e["source"] == Source.ADVICE and e["verdict"] != "Missing" for e in s["candidate"]["evidence"])
    ]
    assert {s["candidate"]["region"] for s in advised} >= {"us-central1", "europe-west4", "asia-southeast1"}
    times = [s["afterSeconds"] for s in heard]
    assert times == sorted(times)


@pytest.mark.usefixtures("fresh")
def test_what_the_sonar_did_not_hear_by_the_deadline_is_listed(cloud: Sandbox, admin: httpx.Client) -> None:
    fault(admin, "api-hang", api="compute", method="advice.capacity", region="us-central1")
    fault(admin, "unreachable", location="europe-west4")
    code, out, err = atlas(cloud, "sonar", "--accelerator", L4, "--deadline", "4s", "--json")
    assert code == 0, err
    told = {(r["region"], r["provisioning"]): r for r in lines(out)[-1]["ranking"]}
    assert len(told) == 43 * 2
    assert told["us-central1", "SPOT"]["heard"] == "NoAdvice"
    assert told["europe-west4", "SPOT"]["heard"] == "Nothing"
    assert told["europe-west4", "SPOT"]["obtainability"] is None


def test_a_state_directory_where_nothing_runs(tmp_path: Path) -> None:
    empty = Sandbox(state_dir=tmp_path / "none")
    for words in (("sonar", "--accelerator", L4), ("probe", REGION, "--accelerator", L4, "--yes")):
        code, out, err = atlas(empty, *words)
        assert (code, out) == (1, "")
        assert "start it with ./atlas up" in err
