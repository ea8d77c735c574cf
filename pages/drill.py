"""Drill: break the service on purpose, watch it move, put it back, and read how long each part took."""

import streamlit as st

from lib.ui import chrome, confirm, drill_panel, fault_panel, session, switch_form

chrome.header(
    "Drill", "Break it on purpose, under a lease that undoes itself, and see what users would have felt."
)
form, live = st.columns([1, 2], gap="medium")
with form:
    switch_form.show()
    if session.current().label:
        fault_panel.show()
with live:
    drill_panel.show()
confirm.open_asked()
