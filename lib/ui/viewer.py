"""Who looks: the shared snapshot in the time zone of this browser. The only place that asks for the zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

import streamlit as st

from lib.ui import moments, session
from lib.ui.snapshot import Snapshot


def snapshot() -> Snapshot:
    """For the live part of a page; what it draws takes the zone from there."""
    session.start()
    return replace(session.current(), zone=zone())


def zone() -> tzinfo:
    return moments.zone_of(st.context.timezone)
