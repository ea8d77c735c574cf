"""What is left over: only ours, only what nobody wants, and nothing that can't be seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.fleet.ledger import Line, Step, Thing, ThingKind
from lib.fleet.model import (
    ClusterObservation,
    MembershipObservation,
    Phase,
    Placement,
    PlacementSpec,
    PlacementStatus,
    PodObservation,
    RegionStatus,
    WorkloadObservation,
)
from lib.fleet.orphans import Address, Home, Judgement, Probe, Seen, judge
from lib.fleet.removal import NotRemovable, removal
from tests.unit.fleet_world import L4, T0, placement

HOME = Home(
    placement="stable-diffusion",
    config_cluster="config-cluster",
    config_region="us-central1",
    address="gpu-atlas-vip",
    fresh=timedelta(minutes=5),
)
OURS = {"managed-by": "gpu-atlas"}


def cluster(name: str, region: str, *, owned: bool = True, **labels: str) -> ClusterObservation:
    held = {**(OURS if owned else {}), **labels}
    return ClusterObservation(
        name=name,
        region=region,
        status="RUNNING",
        owned=owned,
        labels=held,
        created_at=T0 - timedelta(hours=3),
    )


CONFIG = cluster("config-cluster", "us-central1", role="config")
WANTED = cluster("atlas-europe-west4", "europe-west4", placement="stable-diffusion")
LEFT = cluster("atlas-us-east4", "us-east4", placement="stable-diffusion")
THEIRS = cluster("theirs", "us-east1", owned=False)


def wish(*regions: str, age: timedelta = timedelta(), **spec: object) -> dict[str, Placement]:
    status = PlacementStatus(
        regions=tuple(
            RegionStatus(region=r, phase=Phase.SERVING, accelerator=L4, cluster=f"atlas-{r}") for r in regions
        ),
        as_of=T0 - age,
    )
    return {
        "stable-diffusion": placement(replace(PlacementSpec(accelerators=(L4,), serving=1), **spec), status)
    }


def seen(**parts: object) -> Seen:
    whole = Seen(
        at=T0,
        placements=wish("europe-west4"),
        clusters=(CONFIG, WANTED, THEIRS),
        memberships=(),
        directories={"atlas-europe-west4": True},
        links=("europe-west4/atlas-europe-west4",),
        addresses=(Address(name="gpu-atlas-vip", in_use=False, owned=True),),
        forwarding=("mci-abc-fw-default-stable-diffusion-webui-mci",),
        ingress=True,
    )
    return replace(whole, **parts)


def found(look: Seen, ledger: dict[Thing, Line] | None = None) -> list[str]:
    return [o.thing.key for o in judge(look, HOME, ledger or {}).orphans]


def member(name: str, region: str, **more: object) -> MembershipObservation:
    full = f"projects/1/locations/{region}/memberships/{name}"
    return replace(MembershipObservation(name=full, cluster=name, region=region, state="READY"), **more)


def test_a_fleet_as_it_should_be_has_none():
    assert found(seen()) == []


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        pytest.param({"clusters": (CONFIG, WANTED, LEFT)}, ["Cluster/us-east4/atlas-us-east4"], id="a cluster that nobody wants"),
        pytest.param({"clusters": (CONFIG, WANTED, replace(LEFT, status="STOPPING"))}, [], id="on its way out"),
        pytest.param({"clusters": (CONFIG, WANTED, replace(LEFT, owned=False))}, [], id="not ours"),
        pytest.param({"clusters": (CONFIG, WANTED, replace(LEFT, created_at=T0))}, [], id="made just now"),
        pytest.param({"clusters": (CONFIG, WANTED, cluster("old-name", "us-east4"))}, ["Cluster/us-east4/old-name"], id="ours by label alone"),
        pytest.param({"clusters": (CONFIG, WANTED, cluster("config-2", "us-east1", role="config"))}, ["Cluster/us-east1/config-2"], id="another config cluster"),
        pytest.param({"clusters": (CONFIG, WANTED, LEFT), "placements": wish("europe-west4", pinned=("us-east4",))}, [], id="pinned"),
        pytest.param({"clusters": (CONFIG, WANTED, LEFT), "placements": wish("europe-west4", "us-east4", excluded=("us-east4",))}, [], id="being taken down"),
        pytest.param({"placements": {}}, ["Link//europe-west4/atlas-europe-west4", "Directory//atlas-europe-west4", "Cluster/europe-west4/atlas-europe-west4"], id="the placement is gone"),
        pytest.param({"clusters": (CONFIG,), "placements": wish()}, ["Link//europe-west4/atlas-europe-west4", "Directory//atlas-europe-west4"], id="the cluster is gone"),
        pytest.param({"clusters": (CONFIG,), "placements": wish(pinned=("europe-west4",))}, [], id="the cluster is gone and comes back"),
        pytest.param({"directories": {"atlas-us-east4": False}}, [], id="a directory of somebody else"),
        pytest.param({"memberships": (member("atlas-us-east4", "us-east4"),)}, ["Membership/us-east4/atlas-us-east4"], id="a membership without cluster"),
        pytest.param({"memberships": (member("atlas-europe-west4", "europe-west4"),)}, [], id="a membership with its cluster"),
        pytest.param({"memberships": (member("atlas-us-east4", "us-east4", state="DELETING"),)}, [], id="a membership on its way out"),
        pytest.param({"memberships": (member("theirs-2", "us-east4"),)}, [], id="a stranger's membership"),
        pytest.param({"memberships": (member("atlas-us-east4", "us-east4"),), "dark": frozenset({"us-east4"})}, [], id="its region is dark"),
        pytest.param({"addresses": (Address(name="old-vip", in_use=False, owned=True),)}, ["Address//old-vip"], id="an address that nothing uses"),
        pytest.param({"addresses": (Address(name="old-vip", in_use=True, owned=True), Address(name="web", in_use=False, owned=False))}, [], id="addresses in use, or others'"),
        pytest.param({"ingress": False}, ["ForwardingRule//mci-abc-fw-default-stable-diffusion-webui-mci"], id="a rule without its ingress"),
        pytest.param({"ingress": None}, [], id="an ingress that can't be seen"),
        pytest.param({"probes": (Probe(name="probe-1", zone="us-east4-a", created_at=T0 - timedelta(hours=1), usd_per_hour=0.85),)}, ["Probe/us-east4-a/probe-1"], id="a probe left behind"),
        pytest.param({"probes": (Probe(name="probe-1", zone="us-east4-a", created_at=T0, usd_per_hour=0.85),)}, [], id="a probe at work"),
    ],
)  # fmt: skip
def test_only_what_is_ours_and_nobody_wants_is_an_orphan(parts, keys):
    assert found(seen(**parts)) == keys


@pytest.mark.parametrize(
    "part", ["clusters", "placements", "directories", "links", "memberships", "addresses"]
)
def test_a_part_that_was_not_seen_accuses_nothing(part):
    """Whatever is missing of a fleet as it should be, no orphan is made up."""
    assert found(seen(**{part: None})) == []


def test_the_ledger_claims_what_can_carry_no_label():
    thing = Thing(kind=ThingKind.MEMBERSHIP, name="atlas-us-east4", location="us-east4")
    look = seen(memberships=(member("atlas-us-east4", "us-east4"),))
    line = Line(thing=thing, step=Step.MADE, at=T0, why="wanted", actor="ada", operation_id="op-1")
    assert [o.owned for o in judge(look, HOME, {}).orphans] == [False]
    (orphan,) = judge(look, HOME, {thing: line}).orphans
    assert (orphan.owned, orphan.ledger) == (True, line)
    assert not judge(look, HOME, {thing: replace(line, step=Step.REMOVED)}).orphans[0].owned


def test_a_cluster_costs_its_fee_and_the_machines_its_pods_are_on():
    pods = (
        PodObservation(name="a", phase="Running", ready=True, accelerator=L4, node="n1"),
        PodObservation(name="b", phase="Running", ready=True, accelerator=L4, node="n1"),
        PodObservation(name="c", phase="Pending", ready=False, accelerator=L4),
    )
    work = {LEFT.name: WorkloadObservation(accelerator=L4, pods=pods)}
    judged = judge(seen(clusters=(CONFIG, WANTED, LEFT), workloads=work), HOME, {})
    assert judged.usd_per_hour == pytest.approx(0.10 + 0.8536)


def test_a_status_that_nobody_keeps_tells_nothing_of_what_is_wanted():
    old = seen(clusters=(CONFIG, WANTED, LEFT), placements=wish("europe-west4", age=timedelta(hours=1)))
    judged = judge(old, HOME, {})
    assert judged.orphans == ()
    assert "hasn't told what stable-diffusion wants since 19:00 UTC" in judged.unknown[0]


# --- what goes


GONE = seen(placements={})


def refusal(look: Seen, *names: str) -> str:
    with pytest.raises(NotRemovable) as told:
        removal(judge(look, HOME, {}), look, names)
    return str(told.value)


def chosen(look: Seen, *names: str) -> list[str]:
    judged: Judgement = judge(look, HOME, {})
    return [f"{o.thing.kind.value} {o.thing.name}" for o in removal(judged, look, names)]


def test_with_anything_unseen_nothing_is_removed_whatever_was_named():
    blind = replace(GONE, unknown=("clusters of us-east1 can't be seen",))
    for names in ((), ("atlas-europe-west4",)):
        assert refusal(blind, *names) == "Nothing is removed while clusters of us-east1 can't be seen."


def test_a_region_leaves_the_address_before_its_workload_and_its_cluster_go():
    order = [
        "Link europe-west4/atlas-europe-west4",
        "Directory atlas-europe-west4",
        "Cluster atlas-europe-west4",
    ]
    assert chosen(GONE) == order
    assert chosen(GONE, "Cluster/europe-west4/atlas-europe-west4") == order


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("theirs", "wasn't made by this platform", id="a stranger's cluster"),
        pytest.param("config-cluster", "is wanted; it is no orphan", id="a wanted one"),
        pytest.param("atlas-us-east4", "carries no label", id="a membership of unknown make"),
        pytest.param("atlas-europe-west", "did you mean", id="nearly right"),
    ],
)
def test_what_must_not_go_is_refused_in_one_sentence(name, says):
    look = replace(GONE, memberships=(member("atlas-us-east4", "us-east4"),))
    assert says in refusal(look, name)


def test_what_another_installation_may_use_goes_only_by_name():
    look = seen(addresses=(Address(name="old-vip", in_use=False, owned=True),))
    assert chosen(look) == []
    assert chosen(look, "old-vip") == ["Address old-vip"]


def test_with_the_config_cluster_gone_everything_must_be_named():
    """A wrong ATLAS_CONFIG_CLUSTER must not take a fleet down."""
    look = seen(placements={}, clusters=(WANTED,), links=())
    assert chosen(look) == []
    assert chosen(look, "europe-west4/atlas-europe-west4") == [
        "Directory atlas-europe-west4",
        "Cluster atlas-europe-west4",
    ]
