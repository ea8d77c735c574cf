"""Generate: a prompt through the global address, and the picture with its passport."""

import streamlit as st

from lib.ui import chrome, confirm, picture_panel, prompt_form, shown_pictures

chrome.header(
    "Generate", "A prompt goes to one global address; whichever region serves draws it and signs the picture."
)
shown_pictures.begin()
prompt_form.begin()
form, result = st.columns([1, 2.1], gap="medium")
with form:
    prompt_form.show()
with result:
    picture_panel.show()
confirm.open_asked()
