"""The sandbox's own faults, through its admin API: take a region's GPUs away, give them back, and its clock's speed.

Drawn only where there is such an API. The product never looks at these: it has to find out like everybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import streamlit as st

from lib.fleet import catalog
from lib.gateways.errors import AtlasError
from lib.gateways.faults import Fault, FaultsGateway, in_words
from lib.gateways.journal import Journal
from lib.settings import SettingsError
from lib.ui import auth, session, words
from lib.ui.snapshot import Snapshot

T = TypeVar("T")
SPEEDS: Final = (1, 5, 15, 30, 60, 120, 300, 600)
EVERY_TYPE: Final = "Every GPU type"


def show() -> None:
    snapshot = session.current()
    with st.container(border=True):
        st.header(":material/science: Sandbox faults", anchor=False)
        st.caption(
            "These happen to the sandbox, behind the wire. The platform is not told: it has to notice."
        )
        ours = [one.region for one in snapshot.regions]
        region = st.selectbox(
            "Take the stock away in",
            list(dict.fromkeys([*ours, *sorted(catalog.REGIONS)])),
            key="fault_region",
        )
        accelerator = st.selectbox(
            "GPU type", [EVERY_TYPE, *catalog.ACCELERATORS], key="fault_gpu", format_func=words.gpu
        )
        reclaim = st.toggle("Running GPU nodes are lost too", value=True, key="fault_reclaim")
        scope: dict[str, Any] = {"region": region, "reclaim": reclaim}
        if accelerator != EVERY_TYPE:
            scope["accelerator"] = accelerator
        st.button(
            "Take stock away",
            key="fault_create",
            icon=":material/block:",
            width="stretch",
            on_click=_act,
            args=(lambda gateway: gateway.create("stockout", scope), f"stock-out in {region}", region),
        )
        speed(snapshot)
        _running()


@st.fragment(run_every=3.0)
def _running() -> None:
    faults = session.current().faults
    problem()
    if not faults:
        st.caption("No fault is in force.")
        return
    for fault in faults:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":red-badge[{words.plain(fault.kind)}] {words.plain(in_words(fault.scope))}")
            st.button("End", key=f"end-{fault.id}", type="tertiary", on_click=_end, args=(fault,))
    st.button(
        "Clear all faults",
        key="fault_clear",
        icon=":material/cleaning_services:",
        width="stretch",
        on_click=_act,
        args=(lambda gateway: gateway.clear(), "all faults cleared", ""),
        kwargs={"cleared": True},
    )


def speed(snapshot: Snapshot) -> None:
    now = round(snapshot.clock.speed)
    nearest = min(SPEEDS, key=lambda one: abs(one - now))
    st.select_slider(
        "Clock speed",
        SPEEDS,
        value=nearest,
        key="speed",
        format_func=lambda one: f"{one}\u00d7",
        on_change=_set_speed,
        help="Seconds of the sandbox's time in one second of yours.",
    )


def _set_speed() -> None:
    asked = float(st.session_state["speed"])
    act(lambda gateway: gateway.set_clock(speed=asked, paused=False))


def _end(fault: Fault) -> None:
    _act(
        lambda gateway: gateway.clear(fault.id),
        f"{fault.kind} ended",
        str(fault.scope.get("region", "")),
        cleared=True,
    )


def _act(do: Callable[[FaultsGateway], object], told: str, region: str, *, cleared: bool = False) -> None:
    line = {"region": region, "subject": "sandbox", "message": told, "body": {"cleared": cleared}}
    act(do, lambda _: line if told else None)


def act(
    do: Callable[[FaultsGateway], T], line: Callable[[T], dict[str, Any] | None] = lambda _: None
) -> T | None:
    """A button's callback: one call to the admin API, noted in the journal; a failure is shown at the panel."""
    try:
        settings = session.settings()
        viewer = auth.viewer(settings)
        if not viewer.may_change:
            st.session_state["fault_problem"] = viewer.reason
            return None
        done = do(FaultsGateway(settings))
        if noted := line(done):
            Journal(settings.journal_url).append("fault", at=settings.now(), actor=viewer.name, **noted)
    except (AtlasError, SettingsError) as problem:
        st.session_state["fault_problem"] = str(problem)
        return None
    session.refresh()
    return done


def problem() -> None:
    """What the last act could not do, once."""
    if told := st.session_state.pop("fault_problem", None):
        st.error(words.plain(told), icon=":material/error:")
