"""What this dashboard is pointed at, as whom, and with which versions: facts of the settings, without their secrets."""

from __future__ import annotations

import platform
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import streamlit as st
from streamlit.errors import StreamlitAuthError

from lib.settings import HOME, Settings, SettingsError
from lib.ui import auth, cluster_looks, roster_table, session, table, words
from lib.ui.snapshot import Snapshot
from lib.ui.table import Column, cell

Fact = tuple[str, str, str]  # what, value, the variable that sets it or a word on it
COLUMNS: Final = (Column(title="What", width="190px"), Column(title="Value"))
PACKAGES: Final = ("streamlit", "plotly", "kubernetes", "google-cloud-container", "sqlalchemy")
MODES: Final = {
    "sandbox": "Sandbox: a small Google Cloud on this machine, behind the real protocols. Nothing here costs money.",
    "cloud": "A real Google Cloud project: what is created costs money.",
}
DEFAULT: Final = "Google's own address"


def where(snapshot: Snapshot, settings: Settings) -> None:
    st.header("Where this is", anchor=False)
    st.markdown(f":material/{'science' if settings.label else 'cloud'}: {MODES[settings.target]}")
    _facts(snapshot, "where", [*_target(settings), *_endpoints(settings)])


def who(settings: Settings) -> None:
    """The same answer that every change is held against."""
    viewer = auth.viewer(settings)
    st.header("Who you are", anchor=False)
    badge = ":green-badge[Operator]" if viewer.may_change else ":gray-badge[Viewer]"
    st.markdown(f"{words.plain(viewer.name) or 'Not signed in'} {badge}")
    if viewer.may_change:
        st.caption(
            "You may look at everything, and change the placement: expand, contract, switch the GPU, roll back, "
            f"recover, apply YAML{', and make the sandbox fail' if settings.label else ''}. Each change is asked for "
            "once more with its plan, and noted with your name."
        )
        return
    st.caption(f"You may look at everything and change nothing. {words.plain(viewer.reason)}")
    if not viewer.name:
        st.button("Sign in", key="sign_in", icon=":material/login:", on_click=_sign_in)
    if told := st.session_state.pop("sign_in_problem", None):
        st.error(told, icon=":material/error:")


def versions(snapshot: Snapshot) -> None:
    st.header("Versions", anchor=False)
    _facts(snapshot, "versions", [*_versions(), ("Config cluster", _config_version(), "Kubernetes")])


def _sign_in() -> None:
    try:
        st.login()
    except StreamlitAuthError:
        st.session_state["sign_in_problem"] = (
            "Signing in is not set up: copy .streamlit/secrets.example.toml to secrets.toml, fill it in and start again."
        )


def _target(settings: Settings) -> Iterator[Fact]:
    yield "Project", settings.project, "ATLAS_PROJECT"
    yield "Config cluster", f"{settings.config_cluster} in {settings.config_region}", "ATLAS_CONFIG_CLUSTER"
    yield "Placement", f"{settings.namespace}/{settings.placement}", "ATLAS_PLACEMENT"
    yield "Delivery repository", without_secret(settings.delivery_url), "ATLAS_DELIVERY_URL"
    yield "Journal", without_secret(settings.journal_url), "ATLAS_JOURNAL_URL"
    yield "State", str(settings.state_dir), "ATLAS_STATE_DIR"
    people = ", ".join(settings.operators)
    yield "Operators", people or ("everybody here" if settings.label else "nobody yet"), "ATLAS_OPERATORS"


def _endpoints(settings: Settings) -> Iterator[Fact]:
    try:
        told = settings.endpoints
    except SettingsError as e:
        yield "Endpoints", str(e), ""
        return
    yield "Container, Fleet", told.container or DEFAULT, "gRPC"
    yield "The same, REST", told.container_rest or DEFAULT, "Kubernetes hosts come from its answers"
    yield "Compute", told.compute or DEFAULT, "REST"
    yield "Monitoring", told.monitoring or DEFAULT, "gRPC"
    yield "Trusted root", str(told.ca_file) if told.ca_file else "the system's own", "CA file"


def without_secret(url: str) -> str:
    """A URL without user, password and query: each may hold a token."""
    return re.sub(r"//[^/]*@", "//", url).partition("?")[0].partition("#")[0]


def _versions() -> Iterator[Fact]:
    yield "GPU Atlas", _own_version(), "pyproject.toml"
    yield "Python", platform.python_version(), ""
    for package in PACKAGES:
        try:
            yield package, version(package), ""
        except PackageNotFoundError:
            yield package, "not installed", ""


@lru_cache(maxsize=1)
def _own_version() -> str:
    try:
        return str(tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


def _config_version() -> str:
    seen, name = cluster_looks.clusters(), session.settings().config_cluster
    if seen.loading:
        return "asking…"
    found = [one for one in (seen.value.items if seen.value else ()) if one.name == name]
    return found[0].version if found else roster_table.UNKNOWN


def _facts(snapshot: Snapshot, key: str, facts: Iterable[Fact]) -> None:
    rows = [
        table.Row(id=what, cells=(cell(what, note), cell(value, mono=True))) for what, value, note in facts
    ]
    table.show(snapshot, COLUMNS, rows, key=key, label=key)
