"""The dashboard's server: `streamlit run streamlit_app.py` finds `app` here. The screens begin in lib/ui/app.py."""

from lib.ui import server

import streamlit as st  # isort: skip - `streamlit run` looks for st.App in this file's own text

app = st.App(
    server.SCRIPT,
    routes=server.routes(),
    middleware=server.middleware(),
    lifespan=server.lifespan,
)
