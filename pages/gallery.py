"""Every widget and every state of the screens with made-up values. Reachable only with ATLAS_GALLERY=1; it stops the
live picture."""

import streamlit as st

from lib.ui import delivery_samples, fleet_samples, looks, samples, session, traffic_samples
from lib.ui.gallery import view

case = st.query_params.get("case")
if case in samples.CASES:
    session.install(samples.CASES[case]())
    looks.install({**fleet_samples.looks(), **delivery_samples.LOOKS, **traffic_samples.LOOKS})
    st.success(f"Every page of this process now shows the made-up case “{case}”.")
else:
    view.show()
