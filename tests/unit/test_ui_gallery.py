"""The gallery holds every widget of lib/ui, and every state of it can be drawn."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from streamlit.testing.v1 import AppTest

from lib.ui import errands, looks, pictures, server, session
from lib.ui.gallery.registry import ALL, WIDGETS

UI: Final = Path(server.__file__).parent
Name = tuple[str, str]  # module, function
NO_DRAWING: Final = frozenset(
    [
        "session_state",
        "query_params",
        "fragment",
        "rerun",
        "get_option",
        "login",
        "user",
        "context",
        "App",
        "Page",
        "set_page_config",
        "navigation",
        "stop",
        "switch_page",
    ]
)
PAGE: Final = "the live part of a page: test_pages.py and the browser draw the page itself in all its states"
NOT_SHOWN: Final[Mapping[str, str]] = {
    "activity_view.show": PAGE,
    "atlas_view.show": PAGE,
    "capacity_view.show": PAGE,
    "delivery_view.show": PAGE,
    "fleet_view.show": PAGE,
    "settings_view.show": PAGE,
    "traffic_view.show": PAGE,
    "browser.follow": "nothing to see: it asks for news",
    "browser.take": "nothing to see: it follows what was chosen",
    "browser.status_line": "drawn by chrome.header",
    "commands.show": "drawn by chrome.header; the browser test opens it",
    "projector.show": "a style of the whole page",
    "fault_panel.problem": "drawn by fault_panel.show, state error",
    "passport_card.download": "a button of passport_card.show",
}


def functions() -> dict[Name, ast.FunctionDef]:
    trees = {path.stem: ast.parse(path.read_text()) for path in UI.glob("*.py")}
    return {
        (module, node.name): node
        for module, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def components() -> set[Name]:
    """What a module calls to draw a component of its own: `_TABLE: Final = browser.component("table")`."""
    return {
        (path.stem, ast.unparse(node.target))
        for path in UI.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).endswith("component")
    }


def calls(module: str, function: ast.FunctionDef) -> set[Name]:
    names = (ast.unparse(one.func) for one in ast.walk(function) if isinstance(one, ast.Call))
    return {
        (first, rest) if rest else (module, first) for first, _, rest in (n.partition(".") for n in names)
    }


def drawing() -> set[Name]:
    """All that draw: by Streamlit, by a component, or by something that does."""
    known, draws = functions(), components()
    for (module, name), node in known.items():
        if any(first == "st" and rest.split(".")[0] not in NO_DRAWING for first, rest in calls(module, node)):
            draws.add((module, name))
    while more := {n for n, node in known.items() if n not in draws and calls(n[0], node) & draws}:
        draws |= more
    return draws


def test_every_widget_is_in_the_gallery_or_says_why_not() -> None:
    public = {f"{module}.{name}" for module, name in drawing() if not name.startswith("_")}
    assert len(public) > len(NOT_SHOWN), "the widgets are not found"
    assert public - WIDGETS.keys() - NOT_SHOWN.keys() == set()
    assert (WIDGETS.keys() | NOT_SHOWN.keys()) - public == set(), "no widget any more"
    assert WIDGETS.keys() & NOT_SHOWN.keys() == set()


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("ATLAS_GALLERY", "1")
    at = AppTest.from_file(str(server.SCRIPT), default_timeout=30)
    at.query_params["widget"] = "freshness.loading"
    session.install(session.Snapshot(clock=session.ClockAnchor(wall=0, target=0)))
    yield at.run().switch_page(str(server.HOME / "pages/gallery.py"))
    pictures.stop()
    errands.stop()
    looks.stop()
    session.stop()


@pytest.mark.parametrize("widget", WIDGETS)
def test_every_state_of_a_widget_can_be_drawn(gallery: AppTest, widget: str) -> None:
    for state in WIDGETS[widget]:
        gallery.query_params["widget"], gallery.query_params["state"] = widget, state
        gallery.run()
        assert not gallery.exception, state
        assert gallery.selectbox(key="gallery_state").value == state


def test_an_address_that_names_nothing_shows_the_first_and_next_leads_on(gallery: AppTest) -> None:
    gallery.query_params["widget"], gallery.query_params["state"] = "moon", "full"
    gallery.run()
    assert gallery.selectbox(key="gallery_widget").value == ALL[0][0]
    gallery.button(key="gallery_next").click().run()
    assert gallery.query_params["state"] == ALL[1][1]
    gallery.button(key="gallery_previous").click().run()
    gallery.button(key="gallery_previous").click().run()
    assert gallery.query_params["widget"] == ALL[-1][0]
