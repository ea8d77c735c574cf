"""Widgets of the Atlas page: the glance, the map, the region's card, lanes and waterfall, the first start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet.model import Entry, Phase, RegionStatus
from lib.ui import drill_panel, glance, passage, region_card, samples, setting_up, worldmap
from lib.ui.gallery.state import State, Widget, card, case, seen
from lib.ui.samples import ENTRIES, L4, LEASE, LONG, NOW, SERVING, STOCKED_OUT, UNREACHABLE, WAITING
from lib.ui.snapshot import Snapshot


def _over_budget() -> Snapshot:
    base = samples.placement(SERVING, WAITING)
    return samples.snapshot(placement=replace(base, spec=replace(base.spec, max_hourly_usd=1.5)))


def _map(layer: str = worldmap.LAYERS[0], selected: str | None = None) -> Callable[[Snapshot], None]:
    def draw(now: Snapshot) -> None:
        chosen = worldmap.Shown(accelerator=now.wanted or L4, selected=selected, layer=layer)
        worldmap.show(now, chosen, height=530)

    return draw


def _card(region: str, accelerator: str = L4) -> Callable[[Snapshot], None]:
    return card(lambda now: region_card.show(now, region, accelerator))


def _no_region(now: Snapshot) -> None:
    region_card.empty(now)


def _event(reason: str, message: str) -> Callable[[Snapshot], None]:
    entry = Entry(id=1, kind="event", at=NOW, region="us-east4", subject=reason, message=message)
    return card(lambda now: region_card.event(entry, now.zone))


def _lanes(now: Snapshot) -> None:
    passage.lanes(now, selected="us-east4")


def _leases(*leases: Any) -> Callable[[Snapshot], None]:
    return lambda now: passage.leases(now, [drill_panel.lease_row(one) for one in leases])


def _waterfall(status: RegionStatus) -> Callable[[Snapshot], None]:
    return card(lambda now: passage.waterfall(now, status))


LATE: Final = replace(
    WAITING, late_s=700.0, eta=NOW - timedelta(minutes=12), eta_late=NOW - timedelta(minutes=9)
)
HELD: Final = replace(LEASE, region=None, commit="9f3c2ab41d77", reason="roll back", expires_at=None)
OUT: Final = samples.placement(SERVING)
EXCLUDED: Final = replace(OUT, spec=replace(OUT.spec, excluded=("us-west1",)))

WIDGETS: Final[dict[str, Widget]] = {
    "glance.show": {
        "starting": State(says="comes with the set-up", draw=glance.show, snapshot=case("starting")),
        "0 regions": State(says="No decision yet", draw=glance.show, snapshot=case("none")),
        "1 region": State(says="answers from europe-west4", draw=glance.show, snapshot=case("one")),
        "2 regions": State(says="nothing is missing", draw=glance.show, snapshot=case("two")),
        "mixed": State(says="Why not us-west1", draw=glance.show),
        "43 regions": State(says="blocked", draw=glance.show, snapshot=case("all")),
        "down": State(says="no healthy endpoint behind it", draw=glance.show, snapshot=case("down")),
        "stale": State(says="last known", draw=glance.show, snapshot=case("lost")),
        "over budget": State(says="of the $1.5 budget", draw=glance.show, snapshot=_over_budget),
    },
    "worldmap.show": {
        "nothing known": State(says="availability", draw=_map(), snapshot=case("starting")),
        "0 regions": State(says="availability", draw=_map(), snapshot=case("none")),
        "mixed, one chosen": State(says="us-central1", draw=_map(selected="us-central1")),
        "unreachable": State(says="us-west4", draw=_map(selected="us-west4"), snapshot=case("unreachable")),
        "43 regions": State(says="europe-west4", draw=_map(), snapshot=case("all")),
        **{layer: State(says=layer, draw=_map(layer)) for layer in worldmap.LAYERS[1:]},
    },
    "region_card.show": {
        "serving": State(says="Serving from europe", draw=_card("europe-west4")),
        "on its way": State(says="zone b was out of stock", draw=_card("us-central1")),
        "stocked out": State(says="ZONE_RESOURCE_POOL_EXHAUSTED", draw=_card("us-east4")),
        "unreachable": State(
            says="the last that was known", draw=_card("us-west4"), snapshot=case("unreachable")
        ),
        "long words": State(
            says="rolled back to the commit", draw=_card(LONG.region), snapshot=case("unreachable")
        ),
        "not of the fleet": State(says="Expand", draw=_card("us-west1")),
        "not offered": State(says="has no zone with this GPU", draw=_card("asia-northeast2")),
        "nothing known": State(
            says="Nothing is known of this region", draw=_card("us-west1"), snapshot=seen(SERVING, views=())
        ),
        "taken out": State(
            says="Taken out by the operator", draw=_card("us-west1"), snapshot=seen(placement=EXCLUDED)
        ),
        "config cluster silent": State(
            says="the wish is kept there", draw=_card("europe-west4"), snapshot=case("lost")
        ),
    },
    "region_card.empty": {
        "best next ones": State(says="Best next for", draw=card(_no_region)),
        "nothing known": State(says="Pick a region", draw=card(_no_region), snapshot=case("starting")),
    },
    "region_card.event": {
        "known": State(says="GCE out of resources", draw=_event("FailedScaleUp", ENTRIES[5].message)),
        "unknown": State(says="SomethingNew", draw=_event("SomethingNew", "x" * 400)),
    },
    "passage.lanes": {
        "1 region": State(says="europe-west4", draw=_lanes, snapshot=case("one")),
        "2 regions": State(says="us-west1", draw=_lanes, snapshot=case("two")),
        "mixed": State(says="australia-southeast1", draw=_lanes),
        "unreachable, long words": State(says="us-west4", draw=_lanes, snapshot=case("unreachable")),
        "43 regions": State(says="us-west4", draw=_lanes, snapshot=case("all")),
    },
    "passage.waterfall": {
        "serving": State(says="Serving", draw=_waterfall(SERVING)),
        "waiting": State(says="Waiting for GPU", draw=_waterfall(WAITING)),
        "later than nine of ten": State(says="Waiting for GPU", draw=_waterfall(LATE)),
        "stocked out": State(says="Stocked out", draw=_waterfall(STOCKED_OUT)),
        "unreachable": State(says="Unreachable", draw=_waterfall(UNREACHABLE)),
        "just wanted": State(
            says="Wanted", draw=_waterfall(samples.region("us-west1", Phase.WANTED, "Wanted.", history=()))
        ),
    },
    "passage.leases": {
        "one": State(says="us-central1", draw=_leases(LEASE)),
        "every region, without an end": State(says="until it is changed", draw=_leases(LEASE, HELD)),
    },
    "setting_up.show": {
        "no word yet": State(
            says="waiting for their first word", draw=card(setting_up.show), snapshot=case("starting")
        ),
        "under way": State(
            says="Registering the config cluster", draw=card(setting_up.show), snapshot=case("first")
        ),
    },
}
