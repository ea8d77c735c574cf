"""Switch GPU: which type, where, Safe or Hard, for how long; and what each of these would do, said beforehand."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from lib.fleet import catalog
from lib.fleet.model import Phase, Rollout
from lib.settings import SettingsError
from lib.ui import auth, changes, confirm, session, words
from lib.ui.snapshot import Snapshot

EVERYWHERE: Final = "Every region"
LEASES: Final = {"10 min": 10, "30 min": 30, "1 h": 60, "3 h": 180}
FAST: Final = 10  # a clock this many times as fast makes ten minutes too short to watch
STAY: Final = "until changed"


def show() -> None:
    snapshot = session.current()
    with st.container(border=True):
        st.header(":material/swap_horiz: Switch GPU", anchor=False)
        accelerator = st.selectbox("To", _types(snapshot), key="switch_to", format_func=words.gpu)
        serving = sorted({one.region for one in snapshot.regions})
        where = st.selectbox("Where", [EVERYWHERE, *serving], key="switch_where")
        rollout = Rollout(
            st.segmented_control(
                "How",
                [one.value for one in Rollout],
                key="switch_how",
                default="Hard",
                required=True,
                width="stretch",
            )
        )
        leases = list(LEASES) if rollout is Rollout.HARD else [*LEASES, STAY]
        speed = snapshot.clock.speed
        lease = st.segmented_control(
            "Lease" if speed == 1 else "Lease, in the sandbox's time",
            leases,
            key="switch_lease",
            default="1 h" if speed >= FAST else "10 min",
            required=True,
            width="stretch",
        )
        if lease != STAY and speed not in {0, 1}:
            st.caption(f"That is about {words.span(60 * LEASES[lease] / speed)} on your watch.")
        region = None if where == EVERYWHERE else where
        st.caption(explanation(snapshot, accelerator, region=region, rollout=rollout))
        _button(
            snapshot,
            accelerator,
            region,
            rollout,
            None if lease == STAY else timedelta(minutes=LEASES[lease]),
        )


def _types(snapshot: Snapshot) -> list[str]:
    """Those the placement wants come last: switching to what runs already is the lesson, not the drill."""
    wanted = snapshot.placement.spec.accelerators if snapshot.placement else ()
    return sorted(catalog.ACCELERATORS, key=lambda name: (name in wanted, name != "nvidia-h100-80gb"))


def _button(
    snapshot: Snapshot, accelerator: str, region: str | None, rollout: Rollout, ttl: timedelta | None
) -> None:
    try:
        viewer = auth.viewer(session.settings())
    except SettingsError as problem:
        st.error(words.plain(str(problem)))
        return
    refused = confirm.refusal(snapshot) or ("" if snapshot.regions else "No region runs yet.")
    st.button(
        "Break it…" if rollout is Rollout.HARD else "Switch…",
        key="switch",
        type="primary",
        icon=":material/bolt:" if rollout is Rollout.HARD else ":material/swap_horiz:",
        width="stretch",
        disabled=bool(refused),
        help=refused or "Shows first what would happen.",
        on_click=confirm.ask,
        args=(changes.switch_gpu(accelerator, region=region, rollout=rollout, ttl=ttl, owner=viewer.name),)
        if not refused
        else None,
    )
    if refused:
        st.caption(f":orange[{words.plain(refused)}]")


def explanation(snapshot: Snapshot, accelerator: str, *, region: str | None, rollout: Rollout) -> str:
    """What this switch would do, and why."""
    touched = [one for one in snapshot.regions if region in (None, one.region)]
    same = bool(touched) and all(one.accelerator == accelerator for one in touched)
    gpu = words.gpu(accelerator)
    if same and rollout is Rollout.SAFE:
        return (
            f"**Nothing breaks.** These regions run {gpu} already: the commit changes no pod template, so Kubernetes "
            "makes no new pod. Even a real change would not break it: with one replica, maxUnavailable 25 % rounds "
            "down to 0 and maxSurge 25 % rounds up to 1, so the old pod serves until the new one is Ready."
        )
    if rollout is Rollout.SAFE:
        return (
            f"**Safe (RollingUpdate).** A second pod asks for {gpu} beside the old one; the old one serves until the "
            "new one is Ready. Where the GPU can't be had, the new pod stays Pending and users notice nothing. With "
            "one replica maxUnavailable rounds down to 0: that is why a plain update breaks nothing."
        )
    serving = [one.region for one in snapshot.regions if one.phase is Phase.SERVING]
    left = [one for one in serving if region not in (None, one)]
    after = (
        f"{words.listed(left)} would go on serving."
        if left
        else "No region would be left to serve until the GPU is found or the lease ends."
    )
    return (
        f"**Hard (Recreate).** The old pod goes first, then a new one asks for {gpu}. Where it can't be had the pod "
        f"stays Pending, health checks fail and the global address moves its traffic away. {after} "
        "When the lease ends everything is put back by itself."
    )
