"""Widgets of the Traffic page: the way of a request, Monitoring's charts, the probes, the load generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet import catalog
from lib.fleet.model import Entry
from lib.fleet.traffic import LoadBalancer
from lib.fleet.usage import Usage, probes, usage
from lib.ui import load, load_panel, traffic_charts, traffic_picture
from lib.ui.delivery_samples import seen as looked
from lib.ui.gallery.state import State, Widget, case, seen
from lib.ui.load import Answer, Report
from lib.ui.samples import NOW
from lib.ui.snapshot import Snapshot
from lib.ui.traffic_samples import ANSWERS, BALANCER, GROUPS, LOAD, SERVICE, TIMES, USAGE, group


def _picture(found: LoadBalancer, answers: Any = None) -> Callable[[Snapshot], None]:
    return lambda now: traffic_picture.show(now, found, answers)


def everywhere() -> LoadBalancer:
    groups = tuple(
        group(f"{name}-b", "HEALTHY" if i % 3 else "UNHEALTHY")
        for i, name in enumerate(sorted(catalog.REGIONS))
    )
    return replace(BALANCER, services=(replace(SERVICE, groups=groups),))


def _one() -> LoadBalancer:
    return replace(BALANCER, services=(replace(SERVICE, groups=GROUPS[2:3]),))


def _chart(figure: Callable[..., Any], found: Any) -> Callable[[Snapshot], None]:
    return lambda now: traffic_charts.draw(figure(found, now.zone), key="sample")


def _busy() -> Usage:
    """Ten regions, one of them failing."""
    counted = [
        (f"{name}-b", "502" if i == 3 else "200", tuple((at, 1 + (i + n) % 5) for n, at in enumerate(TIMES)))
        for i, name in enumerate((*sorted(catalog.REGIONS)[:9], "northamerica-northeast2"))
    ]
    return usage(counted, [])


def _probes(count: int) -> Any:
    entries = tuple(
        Entry(
            id=i,
            kind="probe",
            at=NOW - timedelta(seconds=20 * i),
            region="europe-west4",
            body={"ok": i % 17 != 5, "ms": 50.0 + i % 9, "region": "europe-west4"},
        )
        for i in range(count)
    )
    return probes(entries)


def _load(report: Report) -> Callable[[], Mapping[str, Any]]:
    return lambda: {load.NAME: looked(report)}


DONE: Final = replace(LOAD, running=False, wanted=41)
MOST: Final = replace(
    LOAD,
    wanted=300,
    running=False,
    stopped=True,
    answers=tuple(Answer(client="Paris", ok=i % 9 != 0, ms=20.0, region="europe-west4") for i in range(300)),
)

WIDGETS: Final[dict[str, Widget]] = {
    "traffic_picture.show": {
        "nothing built": State(says="Not built yet", draw=_picture(LoadBalancer()), snapshot=case("none")),
        "1 region": State(says="1 of 1 healthy", draw=_picture(_one())),
        "mixed, asked": State(says="answered by us-central1", draw=_picture(BALANCER, ANSWERS)),
        "unreachable": State(says="Not known", draw=_picture(BALANCER), snapshot=case("lost")),
        "43 regions": State(says="us-west4", draw=_picture(everywhere()), snapshot=case("all")),
    },
    "traffic_charts.draw": {
        "requests": State(says="europe-west4", draw=_chart(traffic_charts.requests, USAGE)),
        "errors": State(says="us-central1", draw=_chart(traffic_charts.errors, USAGE)),
        "latency": State(says="europe-west4", draw=_chart(traffic_charts.latency, USAGE)),
        "ten regions": State(says="northamerica-northeast2", draw=_chart(traffic_charts.requests, _busy())),
        "probes": State(says="50 ms", draw=_chart(traffic_charts.probe_bars, _probes(200))),
        "one probe": State(says="40 ms", draw=_chart(traffic_charts.probe_bars, _probes(1))),
    },
    "load_panel.show": {
        "idle": State(says="No picture is drawn", draw=load_panel.show, looks=_load(Report())),
        "running": State(says="41 of 60 sent", draw=load_panel.show, looks=_load(LOAD)),
        "done": State(says="40 of 41", draw=load_panel.show, looks=_load(DONE)),
        "stopped, 300": State(says="The newest 60 of 300", draw=load_panel.show, looks=_load(MOST)),
        "no address": State(says="no global address yet", draw=load_panel.show, snapshot=seen()),
    },
}
