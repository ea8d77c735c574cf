"""The screens there are, in the order of the menu: one list for the menu, the command palette and the tests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOME: Final = Path(__file__).resolve().parents[2]
PAGES: Final = HOME / "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """`name` is the file's and the address's; the first one's address is "/"."""

    name: str
    title: str
    icon: str
    about: str  # for the palette

    @property
    def path(self) -> Path:
        return PAGES / f"{self.name}.py"


_ALL: Final = (
    Screen(name="atlas", title="Atlas", icon="public", about="map, fleet at a glance, one region's card"),
    Screen(name="capacity", title="Capacity", icon="grid_on", about="regions by GPU types, sonar, probe"),
    Screen(name="fleet", title="Fleet", icon="dns", about="clusters, pods, logs, YAML"),
    Screen(name="delivery", title="Delivery", icon="commit", about="commits, Config Sync, roll back"),
    Screen(name="traffic", title="Traffic", icon="lan", about="from the address to the pods, health, load"),
    Screen(name="generate", title="Generate", icon="brush", about="a prompt through the global address"),
    Screen(name="drill", title="Drill", icon="bolt", about="switch the GPU, break it, recover"),
    Screen(name="activity", title="Activity", icon="timeline", about="what was seen, decided and done"),
    Screen(
        name="settings", title="Settings", icon="settings", about="placement as YAML, roles, sandbox, tools"
    ),
)
_GALLERY: Final = Screen(name="gallery", title="Gallery", icon="grid_view", about="made-up states")


def screens() -> tuple[Screen, ...]:
    """All of the menu; the gallery of made-up states only when it was asked for."""
    return (*_ALL, _GALLERY) if os.environ.get("ATLAS_GALLERY") == "1" else _ALL
