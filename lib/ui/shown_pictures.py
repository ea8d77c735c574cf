"""Which kept pictures this viewer looks at: one, and perhaps one beside it. It is in the address bar, too."""

from __future__ import annotations

from typing import Final

import streamlit as st

from lib.ui.kept_pictures import Kept

PICTURE: Final = "picture"  # of the address bar; in the session with "shown_" before
COMPARE: Final = "beside"


def begin() -> None:
    """The address bar says which pictures are open, also after Back. In the page's full run."""
    for name in (PICTURE, COMPARE):
        st.session_state[f"shown_{name}"] = st.query_params.get(name, "")


def chosen(kept: tuple[Kept, ...]) -> tuple[Kept, Kept | None, bool]:
    """The one that is looked at, the one beside it, and whether one that was asked for is not kept any more."""
    by_name = {one.name: one for one in kept}
    wanted, beside = (str(st.session_state.get(f"shown_{name}") or "") for name in (PICTURE, COMPARE))
    gone = any(name and name not in by_name for name in (wanted, beside))
    return by_name.get(wanted, kept[0]), by_name.get(beside), gone


def choose(name: str, picture: str) -> None:
    """`name`: PICTURE or COMPARE; "" for none."""
    st.session_state[f"shown_{name}"] = picture
    if picture:
        st.query_params[name] = picture
    else:
        st.query_params.pop(name, None)


def newest() -> None:
    """Back to what was drawn last."""
    for name in (PICTURE, COMPARE):
        choose(name, "")
