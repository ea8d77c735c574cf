"""Parts of the screen that live in the browser: components whose code is a file under static/atlas.

The inline source is only a loader, so a refresh carries the data and not the code, and the content security
policy can stay at scripts from this server. What a component shows of names from outside, it shows as text.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st
from streamlit.components.v2 import component as component_v2

from lib.ui import looks
from lib.ui.snapshot import ClockAnchor, Snapshot

PULSE_PATH: Final = "atlas/pulse.json"
_LOADER: Final = """
const part = import(new URL("{url}", location.origin).href);
export default (it) => {{ part.then((here) => here.default({{ ...it, data: it.data[0] }})); }};
"""


def url(path: str) -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/{path}" if base else f"/{path}"


def component(name: str) -> Callable[..., Any]:
    """What mounts the component of this name with its `data`.

    The data goes in a list of one: Streamlit looks for data frames among the values of a dictionary, and for that
    loads pandas and pyarrow, some 70 MB that no page needs."""
    mount = component_v2(f"atlas_{name}", js=_LOADER.format(url=url(f"app/static/atlas/{name}.js")))

    def mounted(*, data: Mapping[str, Any], **more: Any) -> Any:
        return mount(data=[data], **more)

    return mounted


def clock(anchor: ClockAnchor) -> dict[str, float]:
    return {"wall": anchor.wall, "target": anchor.target, "speed": anchor.speed}


_STATUS: Final = component("status")
_PULSE: Final = component("pulse")


def status_line() -> None:
    """Which world, its time, how old the picture is: it asks the server itself."""
    _STATUS(key="status_line", data={"url": url(PULSE_PATH)})


def _frame(seen: Snapshot) -> int:
    """Of what a page with news of its own (lib.ui.live) still draws by a run: banners, boxes, the empty state."""
    spec = seen.placement.spec if seen.placement else None
    wanted = (spec.accelerators, spec.overrides) if spec else None
    drawn = (seen.launch, seen.hub, seen.journal, seen.setting_up, not seen.regions, wanted)
    return zlib.crc32(repr(drawn).encode())


PARTS: Final = {  # of the snapshot, each with a number that is another one when it has changed
    "all": lambda seen: seen.version,
    "fleet": lambda seen: seen.fleet_version,
    "probes": lambda seen: seen.newest_probe,
    "frame": _frame,
}


def follow(snapshot: Snapshot, *names: str, part: str = "fleet", key: str = "pulse") -> None:
    """Drawn in a live fragment: it runs the fragment again as soon as this part of the snapshot changed, or there is
    news of the looks of these names (lib.ui.looks). A page of several fragments gives each a key; part "" is none.

    A timer would send every element again and again, changed or not (9 kB a tick here, of which 1.7 kB are the
    theme); the browser asks for a number instead."""
    parts = {part: PARTS[part](snapshot)} if part else {}
    data = {"url": url(PULSE_PATH), "parts": parts, "looks": looks.versions(names)}
    _PULSE(key=key, height=1, data=data, on_news_change=lambda: None)


def take(key: str, follow: Callable[[str], None], *, name: str = "selected") -> None:
    """Call `follow` with what was chosen in this component since; in each run, before anything that depends on it.

    By state and not in the component's callback: Streamlit ends a callback in its middle when a full run of the page
    waits, and does not call it again. static/atlas/choice.js tells the choice, and the moment it was made."""
    told = (st.session_state.get(key) or {}).get(name)
    if not isinstance(told, dict) or told.get("at") == heard(key, name):
        return
    if isinstance(told.get("id"), str) and isinstance(told.get("at"), int | float):
        follow(told["id"])
        st.session_state[_heard(key, name)] = told["at"]


def heard(key: str, name: str = "selected") -> float:
    """The moment of the last choice that was followed, for the component to know."""
    return float(st.session_state.get(_heard(key, name), 0))


def _heard(key: str, name: str) -> str:
    return f"{key}_{name}_heard"


def pulse(snapshot: Snapshot) -> dict[str, Any]:
    """What the browser is told once a second."""
    told = snapshot.status.as_of if snapshot.status else None
    return {
        "parts": {name: of(snapshot) for name, of in PARTS.items()},
        "looks": looks.watched(),
        "label": snapshot.label,
        "clock": clock(snapshot.clock),
        "age": None if snapshot.read_at is None else round(max(0.0, time.time() - snapshot.read_at), 1),
        "loop": told.timestamp() if told else None,
    }
