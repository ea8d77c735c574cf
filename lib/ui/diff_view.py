"""A unified diff in the browser, in the theme's colours: Streamlit's own are too pale on white to be read."""

from __future__ import annotations

from typing import Final

from lib.ui import browser

TALL: Final = 330
_DIFF: Final = browser.component("diff")


def show(text: str, *, key: str) -> None:
    _DIFF(key=key, data={"tall": TALL, "lines": lines(text)})


def lines(text: str) -> list[tuple[str, str]]:
    """Each line with its kind. A file is named once: by its new name, or by its old one where it is taken away."""
    told: list[tuple[str, str]] = []
    old = ""
    for line in text.splitlines():
        if line.startswith("--- "):
            old = line[4:]
        elif line.startswith("+++ "):
            gone = line[4:] == "/dev/null"
            told.append(
                (
                    "file",
                    f"{old} (taken away)" if gone else f"{line[4:]}{' (new)' if old == '/dev/null' else ''}",
                )
            )
        else:
            kind = {"@": "place", "+": "added", "-": "removed"}.get(line[:1], "")
            told.append((kind, line))
    return told
