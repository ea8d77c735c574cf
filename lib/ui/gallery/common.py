"""Widgets that several pages have: head and banners, the confirmation, freshness, tables, the timeline, a difference."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet.model import Entry, Rollout
from lib.ui import changes, chrome, confirm, diff_view, freshness, paging, samples, table, timeline
from lib.ui.gallery.state import State, Widget, case, seen
from lib.ui.looks import Seen
from lib.ui.samples import ENTRIES, NOW, SERVING
from lib.ui.snapshot import Snapshot, Trouble
from lib.ui.table import Column, cell

DIFF: Final = """--- clusters/atlas-us-central1/deployment.yaml
+++ clusters/atlas-us-central1/deployment.yaml
@@ -12,4 +12,4 @@
       nodeSelector:
-        cloud.google.com/gke-accelerator: nvidia-l4
+        cloud.google.com/gke-accelerator: nvidia-h100-80gb
--- /dev/null
+++ clusters/atlas-us-central1/a-file-with-a-rather-long-name-that-nobody-would-choose-for-anything-0123456789.yaml
@@ -0,0 +1 @@
+kind: ConfigMap
"""
COLUMNS: Final = (
    Column(title="Cluster", tip="With its region"),
    Column(title="State"),
    Column(title="Restarts", align="right"),
    Column(title="Operation", width="190px"),
    Column(title="Age"),
)


def _trouble(sentence: str, seconds: float) -> Trouble:
    return Trouble(sentence=sentence, since=time.time() - seconds)


def _silent() -> Snapshot:
    sentence = "The config cluster hangs up."
    return replace(
        samples.snapshot(SERVING),
        hub=_trouble(sentence, 42),
        journal=_trouble("The journal is locked by another program.", 7),
        launch=_trouble("Port 18080 is taken by another program (pid 4711).", 9),
        read_at=time.time() - 42,
    )


def _asks(change: Callable[[], changes.Change]) -> Callable[[Snapshot], None]:
    """The dialog, opened once for each time that this state is chosen."""

    def draw(_: Snapshot) -> None:
        confirm.ask(change())
        confirm.open_asked()

    return draw


def _everywhere() -> changes.Change:
    return changes.switch_gpu(
        "nvidia-h100-80gb", region=None, rollout=Rollout.HARD, ttl=timedelta(hours=1), owner="ada@localhost"
    )


def _row(number: int, **more: Any) -> table.Row:
    name = f"atlas-{sorted(samples.catalog.REGIONS)[number % 43]}"
    cells = (
        cell(name, "workload"),
        cell("Answers", "1.35.6", badge=True, look="good"),
        cell("0"),
        cell("Create cluster 41%", bar=0.41, look="going"),
        cell(at=NOW - timedelta(minutes=number)),
    )
    return table.Row(**{"id": name, "cells": cells, **more})


def _table(*rows: table.Row) -> Callable[[Snapshot], None]:
    return lambda now: table.show(now, COLUMNS, rows, key="sample_table", label="A sample")


def _timeline(*entries: Entry, **more: Any) -> Callable[[Snapshot], None]:
    return lambda now: timeline.show(now, entries, key="sample_timeline", **more)


_LONG: Final = "a-cluster-with-a-name-that-does-not-fit-0123456789-0123456789-0123456789"
_SILENT_ROW: Final = _row(
    3,
    dim=True,
    note=": no answer in time. What you see is the last that was read.",
    lead="No answer",
    since=time.time() - 42,
)
_MANY: Final = tuple(replace(ENTRIES[i % len(ENTRIES)], id=100 + i) for i in range(200))

WIDGETS: Final[dict[str, Widget]] = {
    "chrome.header": {
        "sandbox": State(says="SANDBOX", draw=lambda _: chrome.header("Atlas", "Where GPUs can be had.")),
        "a project": State(
            says="Where GPUs can be had",
            draw=lambda _: chrome.header("Atlas", "Where GPUs can be had."),
            snapshot=seen(SERVING, label=""),
        ),
        "long": State(
            says="projector", draw=lambda _: chrome.header("Settings", "A sentence for a projector. " * 6)
        ),
    },
    "chrome.banners": {
        "config cluster silent": State(
            says="has not answered since", draw=chrome.banners, snapshot=case("lost")
        ),
        "not started": State(
            says="is taken by another program", draw=chrome.banners, snapshot=case("broken")
        ),
        "all at once": State(says="The journal can't be read", draw=chrome.banners, snapshot=_silent),
    },
    "confirm.open_asked": {
        "expand": State(says="Blast radius", draw=_asks(lambda: changes.expand("us-west1"))),
        "everything goes": State(
            says="The global address will answer nothing", draw=_asks(_everywhere), snapshot=case("one")
        ),
        "refused": State(
            says="Refused; nothing was changed", draw=_asks(lambda: changes.contract("us-west1"))
        ),
        "unreachable": State(says="does not answer", draw=_asks(changes.recover), snapshot=case("lost")),
        "a difference": State(
            says="What changes, line by line",
            draw=_asks(lambda: replace(changes.expand("us-west1"), diff=DIFF, warning="It is dear.")),
        ),
    },
    "freshness.loading": {
        "loading": State(says="Reading the sample", draw=lambda _: freshness.loading("Reading the sample."))
    },
    "freshness.trouble": {
        "never read": State(
            says="tried again every few seconds",
            draw=lambda _: freshness.trouble(
                Seen(trouble=_trouble("It does not answer.", 9)), "The sample can't be read"
            ),
        ),
        "stale": State(
            says="What is shown was read 1 min",
            draw=lambda _: freshness.trouble(
                Seen(value=1, read_at=time.time() - 70, trouble=_trouble("It does not answer.", 61)),
                "The sample can't be read",
            ),
        ),
    },
    "paging.control": {
        "first of 7": State(says="7", draw=lambda _: paging.control("sample_page", 1, 7)),
        "last of 200": State(says="200", draw=lambda _: paging.control("sample_page", 200, 200)),
    },
    "table.show": {
        "0 rows": State(says="Restarts", draw=_table()),
        "1 row": State(says="Create cluster 41%", draw=_table(_row(0))),
        "unreachable": State(says="No answer", draw=_table(_row(0), _SILENT_ROW)),
        "long names": State(
            says=_LONG,
            draw=_table(
                _row(
                    0,
                    cells=(
                        cell(_LONG, _LONG),
                        cell(_LONG),
                        cell("2,147,483,647", look="bad"),
                        cell(_LONG),
                        cell(_LONG),
                    ),
                )
            ),
        ),
        "43 rows": State(says="atlas-us-west4", draw=_table(*(_row(i) for i in range(43)))),
    },
    "timeline.show": {
        "usual": State(says="Cooling down after a stock-out", draw=_timeline(*ENTRIES)),
        "opened, at a moment": State(
            says="the moment of the link", draw=_timeline(*ENTRIES, opened=True, mark=ENTRIES[4].at)
        ),
        "200 lines": State(says="Cooling down after a stock-out", draw=_timeline(*_MANY)),
        "long words": State(
            says="sha256",
            draw=_timeline(
                replace(ENTRIES[0], message=samples.LONG.message),
                replace(ENTRIES[5], id=99, message="x" * 700),
            ),
        ),
    },
    "diff_view.show": {
        "two files": State(says="nvidia-h100-80gb", draw=lambda _: diff_view.show(DIFF, key="sample_diff")),
        "long": State(
            says="line 1999",
            draw=lambda _: diff_view.show("\n".join(f"+line {i}" for i in range(2000)), key="sample_diff"),
        ),
    },
}
