"""Settings: the placement as YAML, what this is pointed at and as whom, and the sandbox's clock and scenario."""

import streamlit as st

from lib.settings import SettingsError
from lib.ui import chrome, confirm, placement_editor, session, settings_view, words

chrome.header(
    "Settings", "The wish itself as YAML, what this is pointed at and as whom, and the sandbox's own course."
)
try:
    session.settings()
except SettingsError as problem:
    st.error(words.plain(str(problem)), title="The settings can't be used", icon=":material/error:")
    st.stop()
placement_editor.begin()
settings_view.show()
confirm.open_asked()
