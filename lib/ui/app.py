"""The script every page runs in: page config, navigation, and nothing else. Streamlit runs it once per rerun."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

PAGES = Path(__file__).resolve().parents[2] / "pages"
STATIC = PAGES.parent / "static"

st.set_page_config(
    page_title="GPU Atlas",
    page_icon=str(STATIC / "atlas" / "icon.svg"),
    layout="wide",
    initial_sidebar_state="collapsed",
)

pages = [
    st.Page(PAGES / "atlas.py", title="Atlas", icon=":material/public:", default=True),
    st.Page(PAGES / "capacity.py", title="Capacity", icon=":material/grid_on:"),
    st.Page(PAGES / "fleet.py", title="Fleet", icon=":material/dns:"),
    st.Page(PAGES / "delivery.py", title="Delivery", icon=":material/commit:"),
    st.Page(PAGES / "traffic.py", title="Traffic", icon=":material/lan:"),
    st.Page(PAGES / "generate.py", title="Generate", icon=":material/brush:"),
    st.Page(PAGES / "drill.py", title="Drill", icon=":material/bolt:"),
    st.Page(PAGES / "activity.py", title="Activity", icon=":material/timeline:"),
]
if os.environ.get("ATLAS_GALLERY") == "1":
    pages.append(st.Page(PAGES / "gallery.py", title="Gallery", icon=":material/grid_view:"))

st.html(STATIC / "atlas" / "page.css")
page = st.navigation(pages, position="top")
st.logo(str(STATIC / "atlas" / "logo.svg"), size="medium")
page.run()
