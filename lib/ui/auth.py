"""Who may change things. Checked where the change is made, not where its button is drawn; closed when in doubt.

Against the sandbox everybody at this machine (it listens on loopback only) is its operator. Against a project
people sign in with OIDC (`[auth]` in secrets.toml) and must be listed in ATLAS_OPERATORS.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass

import streamlit as st

from lib.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    name: str
    may_change: bool
    reason: str = ""  # why not


def viewer(settings: Settings) -> Viewer:
    if settings.target == "sandbox":
        return Viewer(name=_local_name(), may_change=True)
    if not getattr(st.user, "is_logged_in", False):
        return Viewer(
            name="", may_change=False, reason="Sign in first: changes in a real project need a name."
        )
    email = str(st.user.get("email") or "")
    if not st.user.get("email_verified", False):
        reason = f"{email or 'This account'} has no verified e-mail address, so it can only look."
        return Viewer(name=email, may_change=False, reason=reason)
    if email.lower() not in {one.lower() for one in settings.operators}:
        return Viewer(
            name=email, may_change=False, reason=f"{email} is not in ATLAS_OPERATORS, so it can only look."
        )
    return Viewer(name=email, may_change=True)


def _local_name() -> str:
    try:
        return f"{getpass.getuser()}@localhost"
    except (KeyError, OSError):  # a container without a user entry
        return "operator@localhost"
