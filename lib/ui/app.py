"""The script every page runs in: page config, navigation, and nothing else. Streamlit runs it once per rerun."""

from __future__ import annotations

import streamlit as st

from lib.ui import commands, projector, screens

STATIC = screens.HOME / "static"

st.set_page_config(
    page_title="GPU Atlas",
    page_icon=str(STATIC / "atlas" / "icon.svg"),
    layout="wide",
    initial_sidebar_state="collapsed",
)

pages = [
    st.Page(one.path, title=one.title, icon=f":material/{one.icon}:", default=not i)
    for i, one in enumerate(screens.screens())
]

st.html(STATIC / "atlas" / "page.css")
page = st.navigation(pages, position="top")
st.logo(str(STATIC / "atlas" / "logo.svg"), size="medium")
commands.follow()
projector.show()
page.run()
