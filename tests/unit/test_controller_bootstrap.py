"""The set-up: level-triggered, in the order that the APIs allow, never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.controller.bootstrap import Bootstrap
from lib.fleet.model import MembershipObservation
from lib.gateways.errors import Unreachable
from lib.gateways.hub import FeatureState
from lib.gateways.journal import Journal
from lib.settings import Settings
from tests.unit.fake_wire import FakeCloud

CONFIG = ("us-central1", "config-cluster")
MEMBER = MembershipObservation(
    name="projects/1/locations/us-central1/memberships/config-cluster",
    cluster="config-cluster",
    region="us-central1",
    state="READY",
)


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    return FakeCloud(settings=Settings(state_dir=tmp_path, target="sandbox"))


@pytest.fixture
def bootstrap(cloud: FakeCloud, tmp_path: Path) -> Bootstrap:
    return Bootstrap(cloud.wire(Journal(f"sqlite:///{tmp_path / 'journal.db'}")), cloud.settings)


def finished(cloud: FakeCloud) -> None:
    """Everything that takes time in the cloud is done."""
    cloud.becomes(*CONFIG, "RUNNING")
    cloud.memberships = (MEMBER,)
    cloud.ingress = FeatureState(enabled=True, lifecycle="ACTIVE", code="OK")


def test_the_first_look_asks_for_the_config_cluster_and_waits_for_nothing(bootstrap, cloud):
    steps = {s.name: s for s in bootstrap.advance()}
    assert cloud.calls == ["create us-central1/config-cluster"]
    assert not steps["config cluster"].done
    assert "about 6 minutes" in steps["config cluster"].message


def test_looking_again_creates_nothing_twice(bootstrap, cloud):
    bootstrap.advance()
    bootstrap.advance()
    assert cloud.calls == ["create us-central1/config-cluster"]


def test_a_region_that_did_not_answer_gets_no_second_config_cluster(bootstrap, cloud):
    cloud.dark = frozenset({"us-central1"})
    bootstrap.advance()
    assert cloud.calls == []


def test_definitions_and_the_sample_need_only_the_cluster(bootstrap, cloud):
    bootstrap.advance()
    cloud.becomes(*CONFIG, "RUNNING")
    bootstrap.advance()
    assert "sample" in cloud.calls
    assert not any("MultiCluster" in call for call in cloud.calls)
    assert not bootstrap.finished


def test_the_global_endpoint_is_declared_when_its_feature_is_ready(bootstrap, cloud):
    bootstrap.advance()
    finished(cloud)
    bootstrap.advance()
    assert bootstrap.finished
    ingress = next(d for d in cloud.documents if d["kind"] == "MultiClusterIngress")
    assert ingress["metadata"]["annotations"]["networking.gke.io/static-ip"] == "34.1.2.3"


def test_regions_that_are_linked_stay_linked_when_the_controller_starts_anew(bootstrap, cloud):
    bootstrap.advance()
    finished(cloud)
    cloud.links = {"us-east1"}
    bootstrap.advance()
    service = next(d for d in cloud.documents if d["kind"] == "MultiClusterService")
    assert service["spec"]["clusters"] == [{"link": "us-east1/atlas-us-east1"}]


def test_a_finished_set_up_is_not_looked_at_again_at_once(bootstrap, cloud):
    bootstrap.advance()
    finished(cloud)
    bootstrap.advance()
    assert not bootstrap.due()


def test_the_sample_comes_once_and_never_over_a_placement_that_is_there(bootstrap, cloud):
    bootstrap.advance()
    finished(cloud)
    bootstrap.advance()
    cloud.held = None
    bootstrap.advance()
    assert cloud.calls.count("sample") == 1


def test_a_failing_step_says_why_and_stops_no_other(bootstrap, cloud):
    cloud.failures = {"create": Unreachable("container.googleapis.com does not answer.")}
    steps = {s.name: s for s in bootstrap.advance()}
    assert steps["config cluster"].message == "container.googleapis.com does not answer."
    assert steps["address"].done
