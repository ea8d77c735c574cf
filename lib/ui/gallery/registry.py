"""All widgets by name, as "module.function", in the order of the pages."""

from __future__ import annotations

from typing import Final

from lib.ui.gallery import atlas, capacity, common, delivery, fleet, generate, others, traffic
from lib.ui.gallery.state import Widget

PARTS: Final[dict[str, dict[str, Widget]]] = {
    "common": common.WIDGETS,
    "atlas": atlas.WIDGETS,
    "capacity": capacity.WIDGETS,
    "fleet": fleet.WIDGETS,
    "delivery": delivery.WIDGETS,
    "traffic": traffic.WIDGETS,
    "generate": generate.WIDGETS,
    "others": others.WIDGETS,
}
WIDGETS: Final[dict[str, Widget]] = {name: one for part in PARTS.values() for name, one in part.items()}
ALL: Final = tuple((name, state) for name, states in WIDGETS.items() for state in states)
