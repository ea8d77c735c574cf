"""Long lists a page at a time, with the page in the address bar: which one is asked for, and the control under the list."""

from __future__ import annotations

import streamlit as st


def asked(key: str) -> int:
    """The page as it is chosen, or as the address bar says when the control was not drawn yet; at least 1."""
    said = st.session_state.get(key) or st.query_params.get(key, "1")
    return max(1, int(said)) if str(said).isdecimal() else 1


def back_to_first(key: str) -> None:
    """For `on_change` of filters: page 7 of another list means nothing."""
    st.session_state[key] = 1


def control(key: str, page: int, pages: int) -> None:
    if pages > 1:
        st.session_state[key] = min(page, pages)
        st.pagination(pages, key=key, bind="query-params")
