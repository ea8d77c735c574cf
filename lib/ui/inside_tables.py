"""The pods and nodes of one cluster as tables, with what keeps a pod from running in its own words beneath."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from lib.fleet.roster import NodeSeen, PodSeen, Row, Standing
from lib.ui import roster_table, table, words
from lib.ui.snapshot import Snapshot
from lib.ui.table import Column, cell

PODS: Final = (
    Column(title="Pod"),
    Column(title="Ready", tip="Containers that are ready, of all"),
    Column(title="Status", tip="As kubectl get pods says it"),
    Column(title="Restarts", align="right"),
    Column(title="Age"),
    Column(title="Node"),
)


def pods(snapshot: Snapshot, row: Row) -> None:
    inside = row.read.inside
    if inside is None:
        nothing_read(row)
        return
    if not inside.pods:
        st.info("No pod in the platform's namespace here.", icon=":material/deployed_code:")
        return
    rows = [
        table.Row(
            id=one.name,
            note=one.message if not _well(one) else "",
            cells=(
                cell(one.name),
                cell(one.ready),
                cell(one.status, badge=True, look=roster_table.pod_look(one.status)),
                cell(str(one.restarts), look="bad" if one.restarts else ""),
                cell(at=one.created_at),
                cell(one.node or "not placed yet", look="" if one.node else "quiet"),
            ),
        )
        for one in inside.pods
    ]
    table.show(snapshot, PODS, rows, key="pods", label=f"Pods of {row.name}")


def _well(pod: PodSeen) -> bool:
    have, _, wanted = pod.ready.partition("/")
    return pod.status in {"Running", "Completed"} and have == wanted


NODES: Final = (
    Column(title="Node"),
    Column(title="State"),
    Column(title="GPU"),
    Column(title="Machine"),
    Column(title="Zone"),
    Column(title="Version"),
    Column(title="Age"),
)


def nodes(snapshot: Snapshot, row: Row) -> None:
    inside = row.read.inside
    if inside is None:
        nothing_read(row)
        return
    if not inside.nodes:
        st.info("No node here: Autopilot makes one when a pod asks for it.", icon=":material/dns:")
        return
    rows = [table.Row(id=one.name, cells=_node_cells(one)) for one in inside.nodes]
    table.show(snapshot, NODES, rows, key="nodes", label=f"Nodes of {row.name}")


def _node_cells(one: NodeSeen) -> tuple[dict[str, Any], ...]:
    gpu = f"{one.gpus} \u00d7 {words.gpu(one.accelerator)}" if one.gpus else "none"
    return (
        cell(one.name),
        cell("Ready" if one.ready else "Not ready", badge=True, look="good" if one.ready else "bad"),
        cell(gpu, look="" if one.gpus else "quiet"),
        cell(one.machine, "Spot" if one.spot else ""),
        cell(one.zone),
        cell(one.version),
        cell(at=one.created_at),
    )


def nothing_read(row: Row) -> None:
    if row.standing is Standing.ASKED:
        st.caption(f":material/hourglass_top: Asking {row.name}…")
    else:
        st.info(f"Nothing was read of {row.name} yet.", icon=":material/visibility_off:")
