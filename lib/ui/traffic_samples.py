"""Made-up looks of the Traffic page: for tests and the gallery. Never shown as live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet.traffic import BackendService, Endpoint, Group, HealthCheck, LoadBalancer
from lib.fleet.usage import usage
from lib.ui import load, traffic_read
from lib.ui.delivery_samples import TROUBLE, seen
from lib.ui.load import Answer, Report
from lib.ui.looks import Seen
from lib.ui.samples import NOW

CHECK: Final = HealthCheck(
    name="mci-c26600-80-default-stable-diffusion-webui-mcs",
    type="HTTP",
    path="/internal/ping",
    port="8080",
    interval_s=5,
    timeout_s=5,
    healthy_after=1,
    unhealthy_after=2,
)


def group(zone: str, *states: str) -> Group:
    ends = tuple(Endpoint(address=f"10.1.0.{i}:8080", state=state) for i, state in enumerate(states))
    return Group(name=f"k8s1-{zone}", zone=zone, region=zone.rpartition("-")[0], endpoints=ends)


GROUPS: Final = (
    group("asia-east1-a", "UNKNOWN"),
    group("australia-southeast1-a", "DRAINING"),
    group("europe-west4-b", "HEALTHY"),
    group("europe-west4-c"),
    group("us-central1-a", "UNHEALTHY"),
    Group(name="k8s1-silent", zone="us-east4-a", region="us-east4"),
)
SERVICE: Final = BackendService(
    name=CHECK.name, scheme="EXTERNAL", timeout_s=300, draining_s=60, check=CHECK, groups=GROUPS
)
BALANCER: Final = LoadBalancer(
    address="203.0.113.7:80",
    rule="mci-c26600-fw-default-stable-diffusion-webui-mci",
    proxy="mci-c26600-default-stable-diffusion-webui-mci",
    url_map="mci-c26600-default-stable-diffusion-webui-mci",
    services=(SERVICE,),
)
ANSWERS: Final = {"Paris": "europe-west4", "Chicago": "us-central1", "Tokyo": ""}
TIMES: Final = tuple(NOW - timedelta(minutes=60 - i) for i in range(60))
USAGE: Final = usage(
    [
        ("europe-west4-b", "200", tuple((at, 1 + i % 7 / 10) for i, at in enumerate(TIMES))),
        ("us-central1-a", "200", tuple((at, 0.5) for at in TIMES[:40])),
        ("us-central1-a", "502", tuple((at, 0.2) for at in TIMES[38:44])),
    ],
    [("europe-west4-b", tuple((at, 40 + i % 5) for i, at in enumerate(TIMES)))],
)
LOAD: Final = Report(
    running=True,
    wanted=60,
    a_second=3,
    answers=(
        *(Answer(client="Paris", ok=True, ms=20.0 + i, region="europe-west4") for i in range(40)),
        Answer(client="Tokyo", ok=False),
    ),
)
LOOKS: Final[Mapping[str, Seen[Any]]] = {
    traffic_read.BALANCER: seen(BALANCER),
    traffic_read.ANSWERS: seen(ANSWERS),
    traffic_read.OBJECTS: seen(
        {"MultiClusterIngress": "kind: MultiClusterIngress\n", "MultiClusterService": "", "BackendConfig": ""}
    ),
    traffic_read.series_name("1 h"): seen(USAGE),
    load.NAME: seen(LOAD),
}
CASES: Final[dict[str, Mapping[str, Seen[Any]]]] = {
    "loading": {},
    "whole": LOOKS,
    "nothing built": {
        **LOOKS,
        traffic_read.BALANCER: seen(LoadBalancer()),
        traffic_read.series_name("1 h"): seen(usage([], [])),
        load.NAME: seen(Report()),
    },
    "no answer": dict.fromkeys(LOOKS, TROUBLE) | {load.NAME: seen(Report())},
    "stale": {**LOOKS, traffic_read.BALANCER: replace(LOOKS[traffic_read.BALANCER], trouble=TROUBLE.trouble)},
}
