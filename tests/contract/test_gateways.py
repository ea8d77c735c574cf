"""Every gateway against a started sandbox, over TLS and gRPC, in the order in which a placement comes to life.

On a sandbox of its own, so that the fleet's features and the config cluster belong to this module.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from lib.controller.render import Variant, read_sources, render
from lib.fleet.model import (
    Candidate,
    ClusterObservation,
    Condition,
    FleetObservation,
    MembershipObservation,
    Phase,
    Placement,
    PlacementSpec,
    PlacementStatus,
    Plan,
    Provisioning,
    Quota,
    RegionObservation,
    RegionStatus,
    RegionView,
    Rollout,
    WorkloadObservation,
)
from lib.fleet.status import region_status
from lib.gateways import calls
from lib.gateways import placement_codec as codec
from lib.gateways.census import CensusGateway
from lib.gateways.compute import ComputeGateway
from lib.gateways.config_cluster import ConfigClusterGateway
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.errors import (
    AlreadyExists,
    CapacityError,
    Conflict,
    Failure,
    NotFound,
    PermissionDenied,
    QuotaError,
    Refused,
    TransientError,
    Unreachable,
    translate,
)
from lib.gateways.faults import FaultsGateway
from lib.gateways.gke import GkeGateway
from lib.gateways.hub import HubGateway
from lib.gateways.ingress import IngressGateway
from lib.gateways.lease import Lease
from lib.gateways.load_balancer import LoadBalancerGateway
from lib.gateways.monitoring import MonitoringGateway
from lib.gateways.objects import KINDS, ObjectsGateway
from lib.gateways.ping import ping
from lib.gateways.placement import PlacementGateway
from lib.gateways.txt2img import PictureRequest, generate, passport_of
from lib.gateways.workload import WorkloadGateway
from lib.settings import Settings
from tests.contract.conftest import ROOT, Sandbox
from tests.waiting import wait_until

REGION, CLUSTER = "europe-west4", "atlas-europe-west4"
MANIFESTS = ROOT / "manifests" / "config-cluster"
CRDS = ("crd-gpuplacement.yaml", "crd-gpuregion.yaml")
INGRESS = ("backendconfig.yaml", "mcs.yaml", "mci.yaml")


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("gateways")
    started = Sandbox(state_dir=folder, arguments=("--speed", "600", "--scenario", "calm")).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def settings(own_sandbox: Sandbox) -> Settings:
    return Settings(state_dir=own_sandbox.state_dir)


@pytest.fixture(scope="module")
def gke(settings: Settings) -> GkeGateway:
    return GkeGateway(settings)


@pytest.fixture(scope="module")
def hub(settings: Settings) -> HubGateway:
    return HubGateway(settings)


@pytest.fixture(scope="module")
def compute(settings: Settings) -> ComputeGateway:
    return ComputeGateway(settings)


@pytest.fixture(scope="module")
def clusters(settings: Settings, gke: GkeGateway, hub: HubGateway) -> dict[str, ClusterObservation]:
    """The config cluster and one for work, running and in the fleet."""
    gke.create_cluster(settings.config_region, settings.config_cluster)
    gke.create_cluster(REGION, CLUSTER, labels={"placement": settings.placement})
    wait_until(
        lambda: [m.state for m in hub.list_memberships()] == ["READY", "READY"], what="two memberships"
    )
    return {c.name: c for c in gke.list_clusters()}


@pytest.fixture(scope="module")
def members(clusters: object, hub: HubGateway) -> dict[str, MembershipObservation]:
    return {m.cluster: m for m in hub.list_memberships()}


@pytest.fixture(scope="module")
def config(settings: Settings, clusters: object) -> ConfigClusterGateway:
    gateway = ConfigClusterGateway(settings)
    gateway.apply([document for name in CRDS for document in documents(name)])
    return gateway


@pytest.fixture(scope="module")
def placement(settings: Settings, config: object) -> PlacementGateway:
    gateway = PlacementGateway(settings)
    gateway.create_default()
    return gateway


@pytest.fixture(scope="module")
def workload(
    settings: Settings, clusters: dict[str, ClusterObservation], members: dict[str, MembershipObservation]
) -> WorkloadObservation:
    """A commit, followed by Config Sync, until its pod is ready."""
    hub = HubGateway(settings)
    hub.enable_config_management()
    files = render(read_sources(), Variant(cluster=CLUSTER, region=REGION, accelerator="nvidia-l4"))
    DeliveryGateway(settings).commit(CLUSTER, files, subject="Serve", author="ada@example.org")
    hub.configure_sync(members[CLUSTER].name, f"clusters/{CLUSTER}")
    gateway = WorkloadGateway(settings)

    def ready() -> WorkloadObservation | None:
        seen = gateway.observe(clusters[CLUSTER])
        return seen if seen.ready_replicas else None

    seen = wait_until(ready, timeout_s=60, what="the workload is ready")
    assert seen is not None
    return seen


@pytest.fixture(scope="module")
def vip(  # noqa: PLR0917 - fixtures
    settings: Settings,
    hub: HubGateway,
    compute: ComputeGateway,
    config: ConfigClusterGateway,
    members: dict[str, MembershipObservation],
    workload: object,
) -> str:
    """The global address with the work cluster behind it, healthy."""
    hub.enable_ingress(members[settings.config_cluster].name)
    wait_until(lambda: hub.ingress_state().ready, what="Multi Cluster Ingress is ready")
    address = wait_until(lambda: compute.ensure_address(settings.vip_address_name), what="the address")
    made = [document for name in INGRESS for document in documents(name)]
    for document in made:
        if document["kind"] == "MultiClusterIngress":
            document["metadata"]["annotations"]["networking.gke.io/static-ip"] = address
    wait_until(lambda: applied(config, made), what="the ingress manifests are applied")
    IngressGateway(settings).attach(REGION, CLUSTER)
    wait_until(
        lambda: [b for b in compute.list_backends().get(REGION, ()) if b.healthy],
        timeout_s=60,
        what="a healthy backend",
    )
    return wait_until(compute.vip, what="the forwarding rule")


@pytest.fixture
def faults(settings: Settings) -> Iterator[FaultsGateway]:
    gateway = FaultsGateway(settings)
    yield gateway
    gateway.clear()


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))


def applied(config: ConfigClusterGateway, manifests: list[dict]) -> bool:
    try:
        return bool(config.apply(manifests))
    except NotFound:  # the kinds come with the feature, a little later
        return False


# --- clusters ---------------------------------------------------------------------------------------------


def test_a_cluster_is_listed_as_ours_with_what_kubernetes_needs(
    clusters: dict[str, ClusterObservation],
) -> None:
    made = clusters[CLUSTER]

    assert (made.region, made.status, made.owned) == (REGION, "RUNNING", True)
    assert made.endpoint
    assert made.ca_certificate
    assert made.created_at is not None


def test_creating_it_again_is_already_exists(gke: GkeGateway, clusters: object) -> None:
    with pytest.raises(AlreadyExists, match=f"Creating the cluster {CLUSTER}"):
        gke.create_cluster(REGION, CLUSTER)


def test_a_cluster_that_is_not_there_cannot_be_deleted(gke: GkeGateway) -> None:
    with pytest.raises(NotFound):
        gke.delete_cluster(REGION, "atlas-nowhere")


def test_a_stranger_s_cluster_is_never_deleted(gke: GkeGateway, own_sandbox: Sandbox) -> None:
    where = "/v1/projects/gpu-atlas-sandbox/locations/asia-east1/clusters"
    with own_sandbox.http(own_sandbox.token) as api:
        api.post(where, json={"cluster": {"name": "theirs", "autopilot": {"enabled": True}}})
    found = wait_until(lambda: [c for c in gke.list_clusters() if c.name == "theirs"])

    assert not found[0].owned
    with pytest.raises(Refused, match="not made by this platform"):
        gke.delete_cluster("asia-east1", "theirs")


def test_an_operation_tells_how_far_it_is(gke: GkeGateway) -> None:
    started = gke.create_cluster("us-west1", "atlas-us-west1")
    wait_until(lambda: [c.status for c in gke.list_clusters() if c.name == "atlas-us-west1"] == ["RUNNING"])
    (ended,) = [o for o in gke.list_operations() if o.name == started.name]

    assert (started.kind, started.target, started.region) == ("CREATE_CLUSTER", "atlas-us-west1", "us-west1")
    assert (ended.status, ended.progress, ended.error) == ("DONE", 1.0, "")
    gke.delete_cluster("us-west1", "atlas-us-west1")
    wait_until(lambda: "atlas-us-west1" not in [c.name for c in gke.list_clusters()], what="it is gone")


def test_a_location_that_does_not_answer_is_unknown_and_not_empty(
    gke: GkeGateway, hub: HubGateway, clusters: object, faults: FaultsGateway
) -> None:
    faults.create("unreachable", {"location": REGION})
    found = gke.list_clusters()

    assert REGION in found.unknown
    assert CLUSTER not in [c.name for c in found]
    assert REGION in hub.list_memberships().unknown


@pytest.mark.parametrize(
    ("code", "kind"), [("UNAVAILABLE", TransientError), ("PERMISSION_DENIED", PermissionDenied)]
)
def test_an_api_that_fails_raises_our_error_over_grpc_and_rest(
    gke: GkeGateway,
    compute: ComputeGateway,
    faults: FaultsGateway,
    code: str,
    kind: type[Exception],
) -> None:
    for api in ("container", "compute"):
        faults.create("api-error", {"api": api, "code": code, "rate": 1})

    with pytest.raises(kind):
        gke.list_clusters()
    with pytest.raises(kind):
        compute.list_capacity()


# --- capacity ---------------------------------------------------------------------------------------------


def test_every_region_tells_its_zones_offers_and_quota(compute: ComputeGateway) -> None:
    found = compute.list_capacity()

    assert len(found) == 43
    iowa = found["us-central1"]
    assert iowa.zones == ("us-central1-a", "us-central1-b", "us-central1-c", "us-central1-f")
    assert iowa.offered["nvidia-l4"] == ("us-central1-a", "us-central1-b", "us-central1-c")
    assert iowa.quotas is not None
    assert iowa.quotas["NVIDIA_L4_GPUS"].limit > 0
    assert "nvidia-l4" not in found["africa-south1"].offered
    assert not [name for region in found.values() for name in region.offered if "vws" in name]


def test_a_region_that_does_not_answer_has_no_capacity_entry(
    compute: ComputeGateway, faults: FaultsGateway
) -> None:
    faults.create("unreachable", {"location": "us-east4"})

    assert "us-east4" not in compute.list_capacity()


def test_the_projects_gpu_quota_is_read(compute: ComputeGateway) -> None:
    quota = compute.global_quota()

    assert quota is not None
    assert quota.limit > 0


# --- config cluster ---------------------------------------------------------------------------------------


def test_applying_twice_changes_nothing(config: ConfigClusterGateway) -> None:
    crd = documents(CRDS[0])
    before = config.get(crd[0]["kind"], crd[0]["apiVersion"], crd[0]["metadata"]["name"])
    config.apply(crd)
    after = config.get(crd[0]["kind"], crd[0]["apiVersion"], crd[0]["metadata"]["name"])

    assert before is not None
    assert after is not None
    assert after["metadata"].get("generation") == before["metadata"].get("generation")


def test_a_kind_that_is_not_there_yet_is_not_found(config: ConfigClusterGateway) -> None:
    with pytest.raises(NotFound, match="NoSuchKind"):
        config.apply(
            [{"apiVersion": "gpuatlas.dev/v1alpha1", "kind": "NoSuchKind", "metadata": {"name": "x"}}]
        )


def test_an_operation_id_changes_the_placement_once(placement: PlacementGateway) -> None:
    before = placement.get()

    def grow(spec: PlacementSpec) -> PlacementSpec:
        return replace(spec, serving=spec.serving + 1)

    first = placement.change(grow, operation_id="op-grow", actor="ada")
    again = placement.change(grow, operation_id="op-grow", actor="ada")

    assert first.spec.serving == again.spec.serving == before.spec.serving + 1
    assert first.generation == again.generation == before.generation + 1


def test_writers_that_meet_all_get_their_change(placement: PlacementGateway) -> None:
    before = placement.get().spec.max_hourly_usd
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda n: placement.change(
                    lambda spec: replace(spec, max_hourly_usd=spec.max_hourly_usd + 1),
                    operation_id=f"op-meet-{n}",
                    actor="ada",
                ),
                range(3),
            )
        )

    assert placement.get().spec.max_hourly_usd == before + 3


def test_what_an_edit_refuses_is_not_written(placement: PlacementGateway) -> None:
    def refuse(_: PlacementSpec) -> PlacementSpec:
        raise Refused("Not offered there.")

    before = placement.get()
    with pytest.raises(Refused, match="Not offered there"):
        placement.change(refuse, operation_id="op-no", actor="ada")

    assert placement.get() == before


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("spec: {accelerators: [nvidia-l4], regions: {serving: many}}", "spec.regions.serving"),
        ("spec: {accelerators: [nvidia-l4], regions: {serving: 99}}", "spec.regions.serving"),
        ("spec: {accelerators: [nvidia-l4], regions: {serving: 1}, budgit: {}}", "spec.budgit"),
        ("spec: {accelerators: [], regions: {serving: 1}}", "spec.accelerators"),
        (
            "spec: {accelerators: [nvidia-l4], provisioning: [CHEAP], regions: {serving: 1}}",
            "spec.provisioning[0]",
        ),
    ],
)
def test_a_wrong_field_is_refused_by_the_api_with_its_path(
    placement: PlacementGateway, text: str, field: str
) -> None:
    with pytest.raises(Refused) as raised:
        placement.replace_spec(f"kind: GpuPlacement\n{text}", operation_id=f"op-{text}", actor="ada")

    assert raised.value.field == field
    assert field in str(raised.value)


@pytest.mark.parametrize("text", ["kind: [", "just words", "kind: Pod\nspec: {}"])
def test_what_is_no_placement_is_refused_before_it_is_sent(placement: PlacementGateway, text: str) -> None:
    with pytest.raises(Refused):
        placement.replace_spec(text, operation_id="op-text", actor="ada")


def test_a_spec_is_checked_by_the_api_and_nothing_is_written(placement: PlacementGateway) -> None:
    held = placement.get()
    spec = codec.spec_to(replace(held.spec, serving=held.spec.serving + 1))

    placement.check(spec)
    assert placement.get().generation == held.generation
    with pytest.raises(Refused) as told:
        placement.check({**spec, "regions": {**spec["regions"], "serving": 99}})
    assert told.value.field == "spec.regions.serving"
    with pytest.raises(Refused, match=r"spec\.moons"):
        placement.check({**spec, "moons": 1})


def test_status_and_spec_do_not_disturb_each_other(placement: PlacementGateway, settings: Settings) -> None:
    before = placement.get()
    region = RegionStatus(region=REGION, phase=Phase.SERVING, accelerator="nvidia-l4", healthy=1)
    status = PlacementStatus(observed_generation=before.generation, regions=(region,), vip="http://x")
    placement.publish_status(before, status)
    after = placement.get()

    assert (after.generation, after.spec) == (before.generation, before.spec)
    assert after.status == status


def test_views_are_written_only_when_they_changed(placement: PlacementGateway) -> None:
    views = [view("us-east1"), view("us-west1"), view("asia-east1")]

    assert placement.publish_regions(views) == 3
    assert placement.publish_regions(views) == 0
    changed = [replace(views[0], zones=("us-east1-c",)), *views[1:]]
    assert placement.publish_regions(changed) == 1
    assert sorted(v.region for v in placement.list_regions()) == ["asia-east1", "us-east1", "us-west1"]
    assert set(changed) <= set(placement.list_regions())


def view(region: str) -> RegionView:
    candidate = Candidate(
        region=region,
        accelerator="nvidia-l4",
        zones=(f"{region}-b",),
        obtainability=0.5,
        eta_s=300.0,
        usd_per_hour=0.9,
        quota=Quota(limit=8, usage=0),
        eligible=True,
        reasons=("offered",),
    )
    return RegionView(region=region, zones=(f"{region}-b",), candidates=(candidate,))


def test_the_same_event_again_counts_up(
    placement: PlacementGateway, own_sandbox: Sandbox, settings: Settings
) -> None:
    for _ in range(3):
        placement.record_event("ScaleOut", "Locating another region.")
    path = f"/clusters/{settings.config_region}/{settings.config_cluster}/api/v1/namespaces/default/events"
    with own_sandbox.http(own_sandbox.token) as api:
        told = [e for e in api.get(path).json()["items"] if e["reason"] == "ScaleOut"]
    assert told[0]["involvedObject"]["uid"], "by it `kubectl describe gp` finds it"

    assert [(e["count"], e["involvedObject"]["kind"]) for e in told] == [(3, "GpuPlacement")]


def test_an_event_does_not_read_the_placement_again(placement: PlacementGateway) -> None:
    placement.get()
    before = calls.made()["kubernetes"]

    placement.record_event("PhaseChanged", "us-east4: Serving.")

    assert calls.made()["kubernetes"] - before == 1, "the placement of a large fleet is a megabyte"


def test_one_controller_holds_the_lease_and_hands_it_over(settings: Settings, config: object) -> None:
    first, second = Lease(settings), Lease(settings)

    assert first.try_hold("a")
    assert not second.try_hold("b")
    assert first.try_hold("a")
    first.release()
    assert second.try_hold("b")
    assert not first.try_hold("a")
    second.release()


# --- workload, and the way to it --------------------------------------------------------------------------


def test_a_commit_becomes_a_ready_pod_that_says_where_it_came_from(
    settings: Settings, workload: WorkloadObservation, hub: HubGateway
) -> None:
    delivered = DeliveryGateway(settings).read()[CLUSTER]
    (pod,) = [p for p in workload.pods if p.ready]

    assert (workload.accelerator, workload.rollout) == ("nvidia-l4", Rollout.SAFE)
    assert (pod.accelerator, pod.provisioning) == ("nvidia-l4", Provisioning.STANDARD)
    assert pod.zone.startswith(REGION)
    assert pod.scheduled_at is not None
    assert workload.commit == delivered.commit
    assert delivered.rollout is Rollout.SAFE
    (member,) = [m for m in hub.list_memberships() if m.cluster == CLUSTER]
    assert member.sync_directory == f"clusters/{CLUSTER}"
    wait_until(
        lambda: (
            [(m.sync_code, m.sync_commit) for m in hub.list_memberships() if m.cluster == CLUSTER]
            == [("SYNCED", delivered.commit)]
        ),
        what="Config Sync tells the commit",
    )


@pytest.mark.parametrize("code", ["KNV1021", "KNV1029", "KNV1067", "KNV2004", "KNV2009"])
def test_a_bad_commit_is_an_error_of_its_cluster_and_is_over_with_the_fault(  # noqa: PLR0917 - fixtures
    settings: Settings,
    clusters: dict[str, ClusterObservation],
    workload: WorkloadObservation,
    hub: HubGateway,
    faults: FaultsGateway,
    code: str,
) -> None:
    delivery, good = DeliveryGateway(settings), DeliveryGateway(settings).read()[CLUSTER].commit

    def member(sync: str) -> MembershipObservation | None:
        return next((m for m in hub.list_memberships() if m.cluster == CLUSTER and m.sync_code == sync), None)

    made = faults.create("bad-commit", {"cluster": CLUSTER, "code": code}, ttl=timedelta(days=1))
    seen = wait_until(lambda: member("ERROR"), timeout_s=20, what="the fleet tells the error")
    assert seen is not None
    assert [e.code for e in seen.sync_errors] == [code]
    assert seen.sync_commit == good
    running = WorkloadGateway(settings).observe(clusters[CLUSTER])
    assert running.ready_replicas == 1
    assert {p.name for p in running.pods} == {p.name for p in workload.pods}
    told = synced_condition(clusters[CLUSTER], seen, running, delivery)
    assert (told.status, told.reason) == ("False", "SyncError")
    assert f"Config Sync can't apply the commit: {code}" in told.message
    assert delivery.read()[CLUSTER].commit == good, "the branch that the platform writes is as it was"
    faults.clear(made.id)
    again = wait_until(lambda: member("SYNCED"), timeout_s=20, what="the true head is synced again")
    assert again is not None
    assert (again.sync_commit, again.sync_errors) == (good, ())


def synced_condition(
    cluster: ClusterObservation,
    member: MembershipObservation,
    running: WorkloadObservation,
    delivery: DeliveryGateway,
) -> Condition:
    """What the controller says of a region's Config Sync from what was read of it."""
    region = RegionObservation(region=REGION, cluster=cluster, membership=member, workload=running)
    now = datetime.now(UTC)
    seen = FleetObservation(at=now, regions={REGION: region}, delivered=delivery.read())
    asked = Placement(
        name="p", namespace="default", generation=1, resource_version="1", status=PlacementStatus(),
        spec=PlacementSpec(accelerators=("nvidia-l4",), serving=1, pinned=(REGION,)),
    )  # fmt: skip
    status = region_status(asked, REGION, seen, Plan(actions=(), decisions=()), now=now)
    assert status is not None
    return next(c for c in status.conditions if c.type == "Synced")


def test_events_are_in_kubernetes_own_words_newest_first(workload: WorkloadObservation) -> None:
    reasons = [e.reason for e in workload.events]

    assert {"FailedScheduling", "TriggeredScaleUp", "Scheduled"} <= set(reasons)
    assert [e.last_at for e in workload.events] == sorted((e.last_at for e in workload.events), reverse=True)


def test_the_light_lists_say_the_same_as_the_heavy_ones(
    settings: Settings, gke: GkeGateway, hub: HubGateway, workload: object, faults: FaultsGateway
) -> None:
    census = CensusGateway(settings)

    assert census.list_clusters() == gke.list_clusters()
    assert census.list_memberships() == hub.list_memberships()
    faults.create("unreachable", {"location": REGION})
    assert census.list_clusters().unknown == census.list_memberships().unknown == {REGION}


def test_a_person_sees_into_a_cluster(
    settings: Settings, clusters: dict[str, ClusterObservation], workload: WorkloadObservation
) -> None:
    objects, cluster = ObjectsGateway(settings), clusters[CLUSTER]
    inside = objects.inside(cluster)
    [pod] = inside.pods

    assert (pod.status, pod.ready, pod.restarts, pod.containers) == ("Running", "2/2", 0, ("sd", "passport"))
    assert [n.accelerator for n in inside.nodes if n.gpus] == ["nvidia-l4"]
    assert pod.node in {n.name for n in inside.nodes if n.ready}
    events = [e.last_at for e in objects.events(cluster)]
    assert events
    assert events == sorted(events, reverse=True)
    log = objects.log(cluster, pod.name, "sd", lines=2)
    assert (len(log.text.splitlines()), log.cut) == (2, False)
    with pytest.raises(Refused, match="previous terminated container"):
        objects.log(cluster, pod.name, "sd", lines=2, previous=True)


def test_every_kind_is_listed_and_read_as_yaml_and_an_unknown_one_has_none(
    settings: Settings, clusters: dict[str, ClusterObservation], workload: object
) -> None:
    objects, cluster = ObjectsGateway(settings), clusters[CLUSTER]
    found = {kind: objects.names(cluster, kind) for kind in KINDS}

    assert found["Deployment"] == ("stable-diffusion-webui",)
    assert found["RootSync"] == ("root-sync",)
    assert found["GpuPlacement"] == ()
    for kind in ("Deployment", "Pod", "Node", "RootSync"):
        told = yaml.safe_load(objects.manifest(cluster, kind, found[kind][0]))
        assert (told["kind"], told["metadata"]["name"]) == (kind, found[kind][0])
        assert "managedFields" not in told["metadata"]
    with pytest.raises(NotFound):
        objects.manifest(cluster, "Deployment", "nobody-has-this")


def test_configuring_the_same_directory_again_is_nothing(
    hub: HubGateway, members: dict[str, MembershipObservation], workload: object
) -> None:
    hub.configure_sync(members[CLUSTER].name, f"clusters/{CLUSTER}")

    assert [m.sync_directory for m in hub.list_memberships() if m.cluster == CLUSTER] == [
        f"clusters/{CLUSTER}"
    ]


def test_a_dead_control_plane_is_unreachable_within_its_deadline(
    settings: Settings, clusters: dict[str, ClusterObservation], faults: FaultsGateway
) -> None:
    faults.create("control-plane-down", {"cluster": CLUSTER})
    started = time.monotonic()

    with pytest.raises(Unreachable, match=f"{CLUSTER} does not answer"):
        WorkloadGateway(settings).observe(clusters[CLUSTER])
    assert time.monotonic() - started < 8


def test_a_cluster_without_an_endpoint_is_unreachable(settings: Settings) -> None:
    cluster = ClusterObservation(name="new", region=REGION, status="PROVISIONING", owned=True)

    with pytest.raises(Unreachable, match="no control plane endpoint yet"):
        WorkloadGateway(settings).observe(cluster)


# --- the global address -----------------------------------------------------------------------------------


def test_a_prompt_comes_back_as_a_picture_with_its_passport(settings: Settings, vip: str) -> None:
    got = generate(vip, PictureRequest(prompt="a lighthouse", seed=7, steps=4), now=settings.now)

    assert (got.passport.region, got.passport.cluster) == (REGION, CLUSTER)
    assert (got.passport.accelerator, got.passport.seed, got.passport.attempts) == ("nvidia-l4", 7, 1)
    assert passport_of(got.png) == got.passport


def test_the_health_path_answers_with_the_region(vip: str) -> None:
    answer = ping(vip)

    assert (answer.status, answer.region) == (200, REGION)


def test_attaching_and_detaching_again_is_nothing(settings: Settings, vip: str) -> None:
    ingress = IngressGateway(settings)
    ingress.attach(REGION, CLUSTER)
    ingress.detach("us-east1")

    assert ingress.attached() == {REGION}


def test_requests_show_in_monitoring(settings: Settings, vip: str) -> None:
    monitoring = MonitoringGateway(settings)
    ping(vip)

    zones = wait_until(
        lambda: {s.labels["zone"] for s in monitoring.request_rates(minutes=600)},
        timeout_s=40,
        what="a series",
    )
    assert [zone for zone in zones if zone.startswith(REGION)]


def test_latencies_show_in_monitoring(settings: Settings, vip: str) -> None:
    monitoring = MonitoringGateway(settings)
    ping(vip)

    found = wait_until(lambda: monitoring.latencies(minutes=600), timeout_s=40, what="a series")
    (ours,) = [one for one in found if one.labels["zone"].startswith(REGION)]
    assert all(value > 0 for _, value in ours.points)


def test_the_load_balancer_is_read_from_the_address_to_its_endpoints(settings: Settings, vip: str) -> None:
    found = LoadBalancerGateway(settings).read()

    assert found.address in vip
    assert all(name.startswith("mci-") for name in (found.rule, found.proxy, found.url_map))
    (service,) = found.services
    assert (service.timeout_s, service.draining_s) == (300, 60)
    assert service.check is not None
    assert (service.check.path, service.check.port, service.check.interval_s) == ("/internal/ping", "8080", 5)
    assert found.healthy_regions == (REGION,)
    assert all(one.address.endswith(":8080") for group in found.groups for one in group.endpoints or ())


def test_a_load_balancer_that_does_not_answer_is_said(settings: Settings, faults: FaultsGateway) -> None:
    faults.create("api-error", {"api": "compute", "code": "UNAVAILABLE", "rate": 1})
    with pytest.raises(TransientError, match="Listing"):
        LoadBalancerGateway(settings).read()


def test_a_detached_region_drains_and_nothing_serves(
    settings: Settings, vip: str, compute: ComputeGateway
) -> None:
    IngressGateway(settings).detach(REGION)
    wait_until(lambda: not compute.list_backends().get(REGION), what="the region has left the load balancer")

    assert ping(vip).status in {502, 503}


def test_removing_sync_takes_the_directory_away(
    hub: HubGateway, members: dict[str, MembershipObservation], workload: object
) -> None:
    hub.remove_sync(members[CLUSTER].name)
    hub.remove_sync(members[CLUSTER].name)

    assert [m.sync_directory for m in hub.list_memberships() if m.cluster == CLUSTER] == [None]


# --- the sandbox's own API --------------------------------------------------------------------------------


def test_a_fault_can_be_put_in_listed_and_ended(faults: FaultsGateway) -> None:
    made = faults.create("stockout", {"region": "us-east1"}, ttl=timedelta(hours=1))

    assert made.expires_at is not None
    assert [f.id for f in faults.list()] == [made.id]
    faults.clear(made.id)
    assert faults.list() == ()


@pytest.mark.parametrize(
    ("kind", "scope", "sentence"),
    [("storm", {}, 'unknown fault "storm"'), ("stockout", {"regio": "x"}, "has no such field")],
)
def test_a_fault_nobody_knows_is_refused(
    faults: FaultsGateway, kind: str, scope: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        faults.create(kind, scope)


def test_the_sandbox_tells_its_fault_kinds(faults: FaultsGateway) -> None:
    assert {"stockout", "quota", "control-plane-down"} <= {kind.kind for kind in faults.kinds()}


def test_settings_tell_the_same_time_as_the_sandbox(settings: Settings, faults: FaultsGateway) -> None:
    # At 600x the answer is minutes old when it is here.
    assert abs(faults.clock().now - settings.now()) < timedelta(minutes=30)


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "message", "kind"),
    [
        (409, "ALREADY_EXISTS", "Already exists: x", AlreadyExists),
        (409, "AlreadyExists", 'pods "x" already exists', AlreadyExists),
        (409, "Conflict", "the object has been modified", Conflict),
        (403, "", "Insufficient regional quota to satisfy request", QuotaError),
        (403, "quotaExceeded", "no more", QuotaError),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Reads'", TransientError),
        (503, "", "ZONE_RESOURCE_POOL_EXHAUSTED", CapacityError),
        (403, "PERMISSION_DENIED", 'Required "container.clusters.create" permission', PermissionDenied),
        (400, "FAILED_PRECONDITION", "Cluster is running incompatible operation", Refused),
        (504, "DEADLINE_EXCEEDED", "", Unreachable),
        (0, "", "connection refused", Unreachable),
        (418, "", "teapot", Refused),
        (599, "", "odd", TransientError),
    ],
)
def test_each_failure_becomes_the_error_that_says_what_to_do_next(
    status: int, reason: str, message: str, kind: type[Exception]
) -> None:
    made = translate(Failure(doing="doing it", status=status, reason=reason, message=message))

    assert type(made) is kind
    assert str(made).startswith("Doing it failed: ")
    assert str(made).endswith(".")


# --- nobody there -----------------------------------------------------------------------------------------


def test_before_the_sandbox_has_started_everything_is_unreachable(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)

    for call in (
        GkeGateway(settings).list_clusters,
        PlacementGateway(settings).get,
        ComputeGateway(settings).vip,
        FaultsGateway(settings).list,
    ):
        with pytest.raises(Unreachable, match="has not started yet"):
            call()


def test_a_sandbox_that_is_gone_is_unreachable_and_found_again(tmp_path: Path) -> None:
    sandbox = Sandbox(state_dir=tmp_path).start()
    try:
        settings = Settings(state_dir=tmp_path)
        gke, compute = GkeGateway(settings), ComputeGateway(settings)
        gke.list_clusters()
        compute.global_quota()
        sandbox.stop(kill=True)
        for call in (gke.list_clusters, compute.global_quota, PlacementGateway(settings).get):
            with pytest.raises(Unreachable):
                call()

        sandbox.start()
        wait_until(lambda: answers(gke), timeout_s=15, what="the same gateway answers again")
        assert compute.global_quota() is not None
    finally:
        sandbox.stop()


def answers(gke: GkeGateway) -> bool:
    try:
        gke.list_clusters()
    except Unreachable:
        return False
    return True
