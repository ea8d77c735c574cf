"""One look: what did not answer is unknown, and the rest is told all the same."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lib.controller.fanout import FanOut
from lib.controller.observe import Observer
from lib.fleet.model import (
    BackendObservation,
    ClusterObservation,
    DeliveredWorkload,
    MembershipObservation,
    Provisioning,
    Quota,
    RegionCapacity,
    Rollout,
    WorkloadObservation,
)
from lib.gateways.errors import AtlasError, Unreachable
from lib.gateways.journal import Journal
from lib.settings import Settings
from tests.unit.fake_wire import NOW, FakeCloud
from tests.waiting import wait_until

SILENCE = Unreachable("no answer in time.")


class Cloud(FakeCloud):
    """All sources answer, unless they are named in `silent`."""

    silent: frozenset[str] = frozenset()

    def _speak(self, name: str) -> None:
        if name in self.silent:
            raise SILENCE

    def list_clusters(self) -> Any:
        self._speak("clusters")
        return super().list_clusters()

    def list_memberships(self) -> Any:
        self._speak("memberships")
        return super().list_memberships()

    def list_backends(self) -> dict[str, tuple[BackendObservation, ...]]:
        self._speak("backends")
        return {
            "us-east1": (BackendObservation(zone="us-east1-b", neg="neg", healthy=1, unhealthy=0),),
        }

    def list_capacity(self) -> dict[str, RegionCapacity]:
        self._speak("capacity")
        return {"us-east1": RegionCapacity(region="us-east1", zones=("us-east1-b",), offered={})}

    def global_quota(self) -> Quota:
        return Quota(limit=8, usage=1)

    def vip(self) -> str:
        return "http://127.0.0.1:8080"

    def read(self) -> dict[str, DeliveredWorkload]:
        self._speak("delivery")
        delivered = DeliveredWorkload(
            cluster="atlas-us-west1",
            accelerator="nvidia-l4",
            provisioning=Provisioning.STANDARD,
            rollout=Rollout.SAFE,
            commit="0123456",
        )
        return {"atlas-us-west1": delivered}

    def observe(self, cluster: ClusterObservation) -> WorkloadObservation:
        self._speak(f"workload/{cluster.region}")
        return WorkloadObservation(accelerator="nvidia-l4")


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    made = Cloud(settings=Settings(state_dir=tmp_path, target="sandbox"))
    for region in ("us-east1", "asia-east1"):
        made.create_cluster(region, f"atlas-{region}", labels={})
        made.becomes(region, f"atlas-{region}", "RUNNING")
    made.create_cluster("us-east1", "config-cluster", labels={})
    made.memberships = (
        MembershipObservation(name="m", cluster="atlas-us-east1", region="us-east1", state="READY"),
    )
    return made


@pytest.fixture
def observer(cloud: Cloud, tmp_path: Path) -> Observer:
    wire = cloud.wire(Journal(f"sqlite:///{tmp_path / 'journal.db'}"))
    return Observer(wire, FanOut(16), speed=lambda: 60.0)


def test_a_whole_look_knows_everything(observer, cloud):
    cloud.links = {"us-east1"}
    seen = observer.observe(NOW)
    east = seen.regions["us-east1"]
    assert east.cluster is not None
    assert east.cluster.name == "atlas-us-east1"  # and not the config cluster beside it
    assert east.membership is not None
    assert east.workload is not None
    assert east.backends[0].healthy == 1
    assert (east.unknown, seen.unknown) == (frozenset(), frozenset())
    assert (seen.attached, seen.vip) == (frozenset({"us-east1"}), "http://127.0.0.1:8080")


def test_a_region_that_only_git_knows_is_part_of_the_look(observer):
    assert observer.observe(NOW).regions["us-west1"].cluster is None


def test_one_dead_control_plane_is_unknown_and_the_others_are_seen(observer, cloud):
    cloud.silent = frozenset({"workload/asia-east1"})
    seen = observer.observe(NOW)
    assert seen.regions["asia-east1"].unknown == {"workload"}
    assert seen.regions["asia-east1"].error == "no answer in time."
    assert seen.regions["us-east1"].workload is not None


def test_clusters_are_asked_while_the_slower_sources_are_still_on_their_way(observer, cloud):
    asked = threading.Event()
    answers, backends = cloud.observe, cloud.list_backends

    def workload(cluster: ClusterObservation) -> WorkloadObservation:
        asked.set()
        return answers(cluster)

    def slow() -> dict[str, tuple[BackendObservation, ...]]:
        assert asked.wait(3), "the load balancer was waited for before any cluster was asked"
        return backends()

    cloud.observe, cloud.list_backends = workload, slow
    assert observer.observe(NOW).unknown == frozenset()


@pytest.mark.parametrize("source", ["clusters", "memberships", "backends", "delivery", "capacity"])
def test_a_silent_source_is_named(observer, cloud, source):
    cloud.silent = frozenset({source})
    assert observer.observe(NOW).unknown == {source}


def test_known_clusters_are_still_asked_when_their_list_is_silent(observer, cloud):
    observer.observe(NOW)
    cloud.silent = frozenset({"clusters"})
    east = observer.observe(NOW).regions["us-east1"]
    assert east.cluster is None
    assert "cluster" in east.unknown
    assert east.workload is not None


def test_a_location_that_did_not_answer_is_unknown_and_not_absent(observer, cloud):
    observer.observe(NOW)
    del cloud.clusters["asia-east1", "atlas-asia-east1"]
    cloud.dark = frozenset({"asia-east1"})
    asia = observer.observe(NOW).regions["asia-east1"]
    assert asia.cluster is None
    assert "cluster" in asia.unknown


def test_no_service_yet_is_known_to_link_nothing_and_silence_is_unknown(observer, cloud):
    assert observer.observe(NOW).attached == frozenset()

    def silent() -> frozenset[str]:
        raise AtlasError("something else.")

    cloud.attached = silent  # type: ignore[method-assign]
    assert observer.observe(NOW).attached is None


def test_capacity_is_kept_while_it_is_fresh(observer, cloud):
    observer.observe(NOW)
    cloud.silent = frozenset({"capacity"})
    assert observer.observe(NOW).capacity.keys() == {"us-east1"}


def test_a_refresh_of_the_capacity_that_outlives_its_look_is_taken_by_a_later_one(observer, cloud):
    observer.observe(NOW)
    observer.memory.capacity_at = -1e9  # long ago
    first, ever = threading.Event(), threading.Event()
    calls: list[threading.Event] = []

    def slow() -> dict[str, RegionCapacity]:
        calls.append(first if not calls else ever)
        calls[-1].wait(5)
        return {"us-west4": RegionCapacity(region="us-west4", zones=("us-west4-a",), offered={})}

    cloud.list_capacity = slow
    assert observer.observe(NOW).capacity.keys() == {"us-east1"}
    first.set()
    wait_until(lambda: not observer._fan_out.in_flight("capacity"), timeout_s=5)
    assert observer.observe(NOW).capacity.keys() == {"us-west4"}
    ever.set()
