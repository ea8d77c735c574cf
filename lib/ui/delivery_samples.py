"""Made-up looks of the Delivery page: for tests and the gallery. Never shown as live."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet.model import (
    DeliveredWorkload,
    DeliveryCommit,
    MembershipObservation,
    Provisioning,
    Rollout,
    SyncError,
)
from lib.gateways.listing import Listing
from lib.ui import delivery_read
from lib.ui.delivery_read import Held, Repository
from lib.ui.looks import Seen
from lib.ui.samples import L4, NOW
from lib.ui.snapshot import Trouble

EU, US, EAST = "atlas-europe-west4", "atlas-us-central1", "atlas-us-east4"
NEW, BAD, DRILL, OLD = (digit * 40 for digit in "4321")


def commit(
    sha: str, minutes: float, subject: str, why: str, *clusters: str, by: str = "gpu-atlas"
) -> DeliveryCommit:
    trailers = {"Reason": why, "Placement-Generation": "3", "Operation-Id": f"op-{sha[:4]}"} if why else {}
    return DeliveryCommit(
        sha=sha,
        author=by,
        at=NOW - timedelta(minutes=minutes),
        subject=subject,
        trailers=trailers,
        clusters=clusters,
    )


COMMITS: Final = (
    commit(NEW, 2, "Run stable-diffusion on nvidia-l4 in us-east4", "us-east4 starts with L4.", EAST),
    commit(BAD, 9, "Try [another](http://example.com) image", "", EU, by="eve@example.org"),
    commit(
        DRILL, 20, "Run stable-diffusion on nvidia-h100-80gb", "us-central1 follows drill/gpu-switch.", US
    ),
    commit(
        OLD, 60, "Run stable-diffusion on nvidia-l4 in us-central1", "us-central1 starts with L4.", EU, US
    ),
)


def delivered(cluster: str, sha: str, *, content: str, held_at: str = "") -> DeliveredWorkload:
    return DeliveredWorkload(
        cluster=cluster,
        accelerator=L4,
        provisioning=Provisioning.STANDARD,
        rollout=Rollout.SAFE,
        commit=sha,
        content=content,
        held_at=held_at,
    )


REPOSITORY: Final = Repository(
    url="https://git.example.com/delivery.git",
    branch="main",
    commits=COMMITS,
    total=312,
    delivered={
        EU: delivered(EU, BAD, content="bad"),
        US: delivered(US, DRILL, content="drill", held_at=OLD),
        EAST: delivered(EAST, NEW, content="new"),
    },
)


def member(cluster: str, sha: str, **facts: Any) -> MembershipObservation:
    known = MembershipObservation(
        name=f"projects/p/locations/global/memberships/{cluster}",
        cluster=cluster,
        region=cluster.removeprefix("atlas-"),
        state="READY",
        sync_directory=f"clusters/{cluster}",
        sync_code="SYNCED",
        sync_commit=sha,
        synced_at=NOW - timedelta(minutes=1),
    )
    return replace(known, **facts)


REFUSED: Final = SyncError(
    code="KNV2009", message="failed to apply ConfigMap, default/From_a_bad_commit: invalid"
)
MEMBERS: Final = Listing(
    (
        member(EU, OLD, sync_code="ERROR", sync_errors=(REFUSED,)),
        member(US, NEW),
        member(EAST, DRILL, sync_code="PENDING"),
    )
)


def _held(text: str, *clusters: str) -> Held:
    files = {
        name: {"deployment.yaml": f"kind: Deployment\nspec: {{image: {text}, cluster: {name}}}\n"}
        for name in clusters
    }
    return Held(texts=files, delivered={name: delivered(name, OLD, content=text) for name in clusters})


def seen(value: Any) -> Seen[Any]:
    return Seen(value=value, read_at=time.time(), version=1)


TROUBLE: Final[Seen[Any]] = Seen(trouble=Trouble(sentence="The delivery repository is not there.", since=0.0))
LOOKS: Final[Mapping[str, Seen[Any]]] = {
    delivery_read.REPOSITORY: seen(REPOSITORY),
    delivery_read.MEMBERS: seen(MEMBERS),
    delivery_read.held_name(NEW): seen(_held("new", EU, US, EAST)),
    delivery_read.held_name(BAD): seen(_held("bad", EU, US)),
    delivery_read.held_name(DRILL): seen(_held("drill", EU, US)),
    delivery_read.held_name(OLD): seen(_held("old", EU, US, EAST)),
}
CASES: Final[dict[str, Mapping[str, Seen[Any]]]] = {
    "loading": {},
    "whole": LOOKS,
    "empty": {
        delivery_read.REPOSITORY: seen(replace(REPOSITORY, commits=(), total=0, delivered={})),
        delivery_read.MEMBERS: seen(Listing(())),
    },
    "no fleet": {**LOOKS, delivery_read.MEMBERS: TROUBLE},
    "no repository": {delivery_read.REPOSITORY: TROUBLE},
    "stale": {
        **LOOKS,
        delivery_read.REPOSITORY: replace(LOOKS[delivery_read.REPOSITORY], trouble=TROUBLE.trouble),
    },
}
