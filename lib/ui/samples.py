"""Made-up snapshots: for tests of pages and for the gallery. Never shown as live; nothing else may import this."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lib.fleet import catalog
from lib.fleet.model import (
    PROGRESS,
    Account,
    Candidate,
    Condition,
    Decision,
    Entry,
    Override,
    Phase,
    PhaseSpan,
    Placement,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    Quota,
    RegionStatus,
    RegionView,
    Rollout,
    Spend,
    WhyNot,
)
from lib.ui.snapshot import ClockAnchor, Snapshot, Trouble

NOW: Final = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
L4: Final = "nvidia-l4"


def region(name: str, phase: Phase, message: str, *, minutes: float = 4, **more: Any) -> RegionStatus:
    reached = PROGRESS.index(phase) if phase in PROGRESS else 4
    began = NOW - timedelta(minutes=minutes + reached * 1.1)
    spans = [
        PhaseSpan(phase=one, since=began + timedelta(minutes=i * 1.1))
        for i, one in enumerate(PROGRESS[:reached])
    ]
    since = NOW - timedelta(minutes=minutes)
    serving = phase is Phase.SERVING
    defaults: dict[str, Any] = {
        "accelerator": L4,
        "cluster": f"atlas-{name}",
        "zone": f"{name}-b" if reached > 4 else "",
        "since": since,
        "eta": None if serving else NOW + timedelta(minutes=6),
        "eta_late": None if serving else NOW + timedelta(minutes=9),
        "usd_per_hour": 0.95,
        "healthy": 1 if serving else 0,
        "unhealthy": 0,
        "commit": "9f3c2ab41d77",
        "history": (*spans, PhaseSpan(phase=phase, since=since)),
        "conditions": (
            Condition(
                type="ClusterReady", status="True", reason="Running", message=f"atlas-{name} is RUNNING."
            ),
            Condition(
                type="Serving", status="True" if serving else "False", reason=phase.value, message=message
            ),
        ),
    }
    return RegionStatus(region=name, phase=phase, message=message, **(defaults | more))


SERVING: Final = region(
    "europe-west4", Phase.SERVING, "Serving from europe-west4-b on 1 NVIDIA L4.", minutes=21
)
WAITING: Final = region(
    "us-central1",
    Phase.WAITING_FOR_GPU,
    "GKE asked for an L4 machine in us-central1-a 40 s ago; zone b was out of stock.",
    minutes=0.7,
)
STOCKED_OUT: Final = region(
    "us-east4",
    Phase.STOCKED_OUT,
    "No L4 in zones a and c (ZONE_RESOURCE_POOL_EXHAUSTED); asked again in 24 min, and asia-east1 is coming up instead.",
    minutes=9,
    eta=None,
)
STARTING: Final = region(
    "asia-east1", Phase.STARTING, "The pod loads its model on asia-east1-a; ready in about 35 s.", minutes=0.5
)
DRAINING: Final = region(
    "australia-southeast1", Phase.DRAINING, "Leaving the global address; 1 endpoint left.", minutes=1
)


def snapshot(*regions: RegionStatus, **more: Any) -> Snapshot:
    """A fleet of these regions with all 43 views; `more` replaces fields of the snapshot."""
    seen = Snapshot(
        clock=ClockAnchor(wall=time.time(), target=NOW.timestamp(), speed=60.0),
        label="SANDBOX",
        version=1,
        placement=placement(*regions),
        views=tuple(view(name, i) for i, name in enumerate(sorted(catalog.REGIONS))),
        entries=ENTRIES,
        read_at=time.time(),
    )
    return replace(seen, **more)


def placement(*regions: RegionStatus, overrides: tuple[Override, ...] = ()) -> Placement:
    serving = any(one.phase is Phase.SERVING for one in regions)
    status = PlacementStatus(
        observed_generation=3,
        regions=regions,
        decisions=DECISIONS if regions else (),
        vip="http://127.0.0.1:18080" if regions else "",
        usd_per_hour=sum(one.usd_per_hour for one in regions) + 0.10,
        as_of=NOW,
        spend=_spend(regions) if regions else None,
        conditions=(
            Condition(
                type="Reachable",
                status="True" if serving else "False",
                reason="Probed",
                message="Probe answered.",
            ),
        ),
    )
    spec = PlacementSpec(
        accelerators=(L4, "nvidia-tesla-t4"),
        provisioning=(Provisioning.STANDARD, Provisioning.SPOT),
        serving=2,
        overrides=overrides,
    )
    return Placement(
        name="stable-diffusion",
        namespace="default",
        generation=3,
        resource_version="71",
        spec=spec,
        status=status,
    )


def _spend(regions: tuple[RegionStatus, ...]) -> Spend:
    """Since the first of the month, each region half of the time."""
    since = NOW.replace(day=1, hour=0, minute=0)
    hours = (NOW - since).total_seconds() / 7200
    accounts = tuple(
        Account(region=one.region, gpu_usd=0.85 * hours, fee_usd=0.1 * hours, gpu_rate=0.85, fee_rate=0.1)
        for one in regions
    )
    return Spend(month=f"{NOW:%Y-%m}", since=since, as_of=NOW, accounts=accounts)


def view(name: str, i: int) -> RegionView:
    return RegionView(
        region=name,
        zones=tuple(f"{name}-{zone}" for zone in "abc"),
        candidates=tuple(
            _candidate(name, accelerator, i + 3 * n) for n, accelerator in enumerate(catalog.ACCELERATORS)
        ),
        as_of=NOW,
    )


def _candidate(name: str, accelerator: str, i: int) -> Candidate:
    chance = (0.86, None, 0.55, 0.22, None, 0.74, None)[i % 7]
    offered = i % 6 != 4
    quota = Quota(limit=0 if i % 11 == 6 else 8, usage=1 if i % 5 == 0 else 0)
    return Candidate(
        region=name,
        accelerator=accelerator,
        zones=tuple(f"{name}-{zone}" for zone in "ab") if offered else (),
        obtainability=chance if offered else None,
        eta_s=None if chance is None else 560 + 900 * (1 - chance),
        usd_per_hour=0.81 + 0.02 * (i % 13),
        quota=quota,
        eligible=offered and quota.limit > 0,
        reasons=(
            ("2 of the last 3 attempts got a GPU within 3 min.", "No stock-out in the last 6 h.")
            if offered
            else (f"{name} has no zone with this GPU.",)
        ),
        flip="A stock-out here within the next 30 min would move it behind europe-west1." if offered else "",
    )


DECISIONS: Final = (
    Decision(
        at=NOW - timedelta(seconds=40),
        verb="ScaleOut",
        region="asia-east1",
        reason="us-east4 is stocked out of L4 for at least 24 min; asia-east1 serves soonest for the price "
        "(86 % obtainable, about 11 min, $0.93/h).",
        why_not=(
            WhyNot(region="us-west1", reason="stock-out in both zones 12 min ago", flip="30 min without one"),
            WhyNot(
                region="europe-west1", reason="same failure domain as europe-west4 is not, but 4 min slower"
            ),
        ),
    ),
    Decision(
        at=NOW - timedelta(minutes=9),
        verb="Hold",
        region="us-east4",
        reason="Cooling down after a stock-out.",
    ),
)

LEASE: Final = Override(
    region="us-central1",
    accelerator="nvidia-h100-80gb",
    rollout=Rollout.HARD,
    expires_at=NOW + timedelta(minutes=8),
    owner="operator@localhost",
    reason="drill/gpu-switch",
    created_at=NOW - timedelta(minutes=2),
)


def _lines() -> tuple[Entry, ...]:
    rows = [
        ("bootstrap", 40, "", "", "Making the config cluster in us-central1 (about 6 min)."),
        ("bootstrap", 33, "", "", "Registering the config cluster in the fleet."),
        ("bootstrap", 32, "", "", "Turning on Multi Cluster Ingress with config-cluster as its config membership."),
        ("intent", 30, "", "create", "Sample placement: two serving regions on NVIDIA L4."),
        ("decision", 30, "europe-west4", "ScaleOut", "Two regions are wanted and none serves."),
        ("action", 30, "europe-west4", "CreateCluster", "atlas-europe-west4: cluster creation started."),
        ("phase", 24, "europe-west4", "Syncing", "Config Sync is being installed."),
        ("event", 23, "europe-west4", "TriggeredScaleUp", "pod triggered scale-up: [{nap-g2-standard-4 0->1 (max: 1000)}]"),
        ("phase", 21, "europe-west4", "Serving", "Serving from europe-west4-b on 1 NVIDIA L4."),
        ("prompt", 12, "europe-west4", "", "a lighthouse in a storm, oil painting"),
        ("event", 10, "us-east4", "FailedScaleUp", "Node scale up in zones us-east4-a associated with this pod "
         "failed: GCE out of resources. Pod is at risk of not being scheduled."),
        ("decision", 9, "us-east4", "Hold", "Cooling down after a stock-out."),
        ("error", 5, "us-central1", "list_memberships", "GKE Hub did not answer within 5 s; nothing is shrunk meanwhile."),
        ("prompt", 2, "us-central1", "", "a red fox in the snow"),
        ("probe", 1, "europe-west4", "", "The global address answered in 61 ms."),
        ("decision", 0.7, "asia-east1", "ScaleOut", DECISIONS[0].reason),
    ]  # fmt: skip
    lines = [
        Entry(id=i + 1, kind=kind, at=NOW - timedelta(minutes=minutes), region=where, subject=subject, message=message,
             body={"reason": subject} if kind == "event" else {"ok": True, "ms": 61.0} if kind == "probe" else {})
        for i, (kind, minutes, where, subject, message) in enumerate(rows)
    ]  # fmt: skip
    return tuple(reversed(lines))


ENTRIES: Final = _lines()

WARM: Final = region(
    "europe-north1",
    Phase.WARM,
    "europe-north1's cluster is up without a GPU; the next start there is shorter.",
    minutes=40,
)
SECOND: Final = region(
    "us-west1", Phase.SERVING, "Serving from us-west1-a on 1 NVIDIA L4.", minutes=95, zone="us-west1-a"
)
UNREACHABLE: Final = region(
    "us-west4",
    Phase.UNREACHABLE,
    "atlas-us-west4 has not answered for 4 min; it is left alone, and what is shown is the last that was known.",
    eta=None,
    healthy=None,
    unhealthy=None,
)
LONG: Final = region(
    "northamerica-northeast2",
    Phase.FAILED,
    "The image us-docker.pkg.dev/gpu-atlas-sandbox/stable-diffusion-with-a-very-long-repository-name/"
    "stable-diffusion-webui@sha256:9f3c2ab41d7755e0c1a2b3c4d5e6f70819202122a3b4c5d6e7f8091a2b3c4d5e can't be pulled: "
    "not found; rolled back to the commit before it, and tried again in 24 min.",
    cluster="atlas-northamerica-northeast2",
    pod="stable-diffusion-webui-7f9c6d5b8-with-a-long-name-x2x9k",
    eta=None,
)
_EVERY: Final = (Phase.SERVING, *PROGRESS[1:7], Phase.STOCKED_OUT, Phase.UNREACHABLE)
CASES: Final[dict[str, Callable[[], Snapshot]]] = {
    "none": snapshot,
    "one": lambda: snapshot(SERVING),
    "two": lambda: snapshot(SERVING, SECOND),
    "fleet": lambda: snapshot(SERVING, WAITING, STOCKED_OUT, STARTING, DRAINING, WARM),
    "all": lambda: snapshot(
        *(
            region(name, _EVERY[i % len(_EVERY)], "A sample.")
            for i, name in enumerate(sorted(catalog.REGIONS))
        )
    ),
    "unreachable": lambda: snapshot(SERVING, UNREACHABLE, LONG),
    "lost": lambda: snapshot(
        SERVING, WAITING, hub=Trouble(sentence="The config cluster hangs up.", since=time.time() - 42)
    ),
    "down": lambda: snapshot(STOCKED_OUT, WAITING),
    "drill": lambda: snapshot(SERVING, WAITING, placement=placement(SERVING, WAITING, overrides=(LEASE,))),
    "first": lambda: snapshot(
        placement=None, views=(), entries=tuple(e for e in ENTRIES if e.kind == "bootstrap")
    ),
    "starting": lambda: Snapshot(clock=ClockAnchor(wall=time.time(), target=time.time()), label="SANDBOX"),
    "broken": lambda: snapshot(
        placement=None,
        views=(),
        entries=(),
        launch=Trouble(sentence="Port 18080 is taken by another program (pid 4711).", since=time.time() - 9),
    ),
}
