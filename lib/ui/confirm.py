"""The dialog between a click and a change: what would happen, then one confirmed act.

It is opened by the page's full run and never by a live fragment, whose next tick would kill it.
"""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from lib.fleet import intent
from lib.gateways.errors import AtlasError
from lib.settings import SettingsError
from lib.ui import actions, auth, diff_view, moments, session, viewer, words
from lib.ui.changes import Change
from lib.ui.snapshot import Snapshot

EVERY: Final = "every region"  # what is to be written where more than one would go
_ASKED: Final = "asked"
_HAND_OVER: Final = "hand_over"  # taken by the fragment, so that the full run it asks for does not ask again


def ask(change: Change) -> None:
    """A button's callback. `open_asked` follows, outside of live fragments."""
    st.session_state[_ASKED] = change
    hand_over()


def hand_over() -> None:
    """In a button's callback: the page's full run follows the fragment's, to open a dialog."""
    st.session_state[_HAND_OVER] = True


def refusal(seen: Snapshot) -> str:
    """Why the one who looks can't change anything at the moment; "" when they can."""
    if seen.setting_up:
        return "The platform is still being set up."
    if seen.hub is not None:
        return "The config cluster does not answer, and the wish is kept there."
    if seen.placement is None:
        return "The placement is not there."
    try:
        return auth.viewer(session.settings()).reason
    except SettingsError as problem:
        return str(problem)


def leave_fragment() -> None:
    """Called in a live fragment after its buttons: hand over to the page's full run when something was asked."""
    if st.session_state.pop(_HAND_OVER, False):
        st.rerun(scope="app")


def open_asked() -> None:
    """Called once by a page's body, outside of fragments."""
    if told := st.session_state.pop("told", None):
        st.toast(told, icon=":material/check_circle:")
    st.session_state.pop(_HAND_OVER, None)
    if change := st.session_state.pop(_ASKED, None):
        st.dialog(change.title, width="medium", icon=":material/rule:")(_confirm)(change)


def _confirm(change: Change) -> None:
    seen = viewer.snapshot()
    refused = refusal(seen)
    if seen.placement is None or refused:
        st.error(refused, icon=":material/block:")
        return
    try:
        after = change.edit(seen.placement.spec)
        told = intent.preview(
            seen.placement.spec,
            after,
            status=seen.placement.status,
            views=seen.views,
            config=session.settings(),
        )
    except intent.Refused as no:
        st.error(words.plain(str(no)), icon=":material/block:", title="Refused; nothing was changed")
        return
    _preview(told, change, seen)
    _act(change, auth.viewer(session.settings()).name, sure=_typed(told.last))


def _preview(told: intent.ChangePreview, change: Change, seen: Snapshot) -> None:
    st.markdown(words.plain(told.sentence))
    if change.warning:
        st.warning(change.warning, icon=":material/warning:")
    money, radius = st.columns([1, 2], border=True)
    delta = round(told.usd_per_hour_after - told.usd_per_hour_before, 2)
    with money:
        st.metric(
            "Cost per hour",
            words.money(told.usd_per_hour_after),
            f"{delta:+.2f}" if delta else "no change",
            delta_color="inverse" if delta else "off",
            delta_arrow="auto" if delta else "off",
        )
        if told.cost_note:
            st.caption(words.plain(told.cost_note))
    radius.caption("Blast radius")
    radius.markdown(words.plain(told.blast_radius))
    if told.calls:
        st.caption("API calls")
        st.code("\n".join(told.calls), language=None, wrap_lines=True)
    if told.commits:
        st.caption("Commits to the delivery repository")
        st.code("\n".join(told.commits), language=None, wrap_lines=True)
    if change.diff:
        with st.expander("What changes, line by line"):
            diff_view.show(change.diff, key="change_diff")
    undo = moments.sentence(told.undo, seen.zone, seen.clock.at(time.time()))
    st.caption(f":material/undo: {undo}", unsafe_allow_html=True)


def _typed(last: tuple[str, ...]) -> bool:
    """Where nothing would serve any more, one click is not enough: the name of what goes has to be written."""
    if not last:
        return True
    name = last[0] if len(last) == 1 else EVERY
    goes = (
        f"the last region that serves, {name}" if len(last) == 1 else f"all that serve, {words.listed(last)}"
    )
    st.error(
        f"This takes {words.plain(goes)}. Nothing would answer at the global address.",
        title="The service would go down",
        icon=":material/dangerous:",
    )
    written = st.text_input(
        f"Type {name} to confirm", key="dialog_typed", autocomplete="off", placeholder=name, live=True
    )
    return (written or "").strip() == name


def _act(change: Change, actor: str, *, sure: bool) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        cancel = st.button("Cancel", key="dialog_cancel")
        go = st.button(change.confirm, key="dialog_confirm", type="primary", disabled=not sure)
    if cancel:
        st.rerun()
    if not go or not sure:
        return
    try:
        actions.apply(change, actor=actor)
    except intent.Refused as no:
        st.error(words.plain(str(no)), icon=":material/block:", title="Refused; nothing was changed")
    except (AtlasError, SettingsError) as problem:
        st.error(
            f"{words.plain(str(problem))} Press the button again: it is the same operation, so it happens once.",
            title="Not confirmed",
            icon=":material/sync_problem:",
        )
    else:
        st.session_state["told"] = change.done
        st.rerun()
