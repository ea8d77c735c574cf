"""The clusters of the fleet as rows of the table: words and looks for `lib.fleet.roster`. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final

from lib.fleet.model import MembershipObservation, OperationObservation
from lib.fleet.roster import UNDER_WAY, Inside, PodSeen, Role, Row, Standing
from lib.ui import moments, table, words
from lib.ui.snapshot import Snapshot
from lib.ui.table import Column, Look, cell

COLUMNS: Final = (
    Column(title="Cluster", tip="Its region, and where that region stands on its way to serving"),
    Column(title="Control plane", tip="Whether the cluster's own Kubernetes API answers, and its version"),
    Column(title="Nodes", tip="Machines in the cluster; those with a GPU apart"),
    Column(title="Pods", tip="Pods of the platform's namespace by phase"),
    Column(title="Restarts", align="right", tip="How often their containers were started again"),
    Column(
        title="Config Sync",
        tip="Whether the cluster runs what the delivery repository says, and which commit",
    ),
    Column(title="Operation", tip="What the Container API is doing to the cluster", width="190px"),
    Column(title="Membership", tip="Its place in the fleet"),
)
LOOKS: Final[dict[Standing, Look]] = {
    Standing.ANSWERS: "good",
    Standing.SILENT: "bad",
    Standing.ASKED: "going",
    Standing.CREATING: "going",
    Standing.DELETING: "leaving",
    Standing.ERROR: "bad",
}
POD_LOOKS: Final[dict[str, Look]] = {
    "Running": "good",
    "Succeeded": "quiet",
    "Pending": "leaving",
    "Failed": "bad",
}
SYNC_LOOKS: Final[dict[str, Look]] = {"SYNCED": "good", "PENDING": "going", "ERROR": "bad"}
UNKNOWN: Final = "unknown"
KEY: Final = "roster"


def show(snapshot: Snapshot, rows: Sequence[Row], *, selected: str | None) -> None:
    table.show(
        snapshot,
        COLUMNS,
        [_row(one, snapshot.zone) for one in rows],
        key=KEY,
        label="Clusters of the fleet",
        selected=selected,
        chooses=True,
    )


def summary(rows: Sequence[Row]) -> str:
    """One line over all rows; what did not answer is told and in no sum."""
    known = [row.read.inside for row in rows if row.read.inside is not None and not row.dim]
    silent = sum(row.dim for row in rows)
    answering = sum(row.standing is Standing.ANSWERS for row in rows)
    nodes, gpus = sum(len(one.nodes) for one in known), sum(one.gpu_nodes for one in known)
    parts = [
        f"**{words.plural(len(rows), 'cluster')}**",
        f":green[{answering} {'answers' if answering == 1 else 'answer'}]",
        *([f":red[{silent} silent or out of sight, in no sum]"] if silent else []),
        f"{words.plural(nodes, 'node')}, {gpus} with a GPU",
        words.plural(sum(len(one.pods) for one in known), "pod"),
    ]
    return "  ·  ".join(parts)


def _row(row: Row, zone: tzinfo) -> table.Row:
    inside = row.read.inside
    return table.Row(
        id=row.name,
        dim=row.dim,
        note=_note(row, zone),
        lead="No answer" if row.standing is Standing.SILENT else "Not listed",
        since=row.since,
        cells=(
            cell(row.name, _where(row)),
            cell(row.standing.value, _version(row), badge=True, look=LOOKS.get(row.standing, "quiet")),
            _nodes(inside, row),
            _pods(inside, row),
            _restarts(inside, row),
            _sync(row, zone),
            _operation(row.cluster.operation, zone) if row.cluster else _unread(row),
            _membership(row),
        ),
    )


def _where(row: Row) -> str:
    phase = words.phase_title(row.status.phase) if row.status else ""
    return " · ".join(part for part in (row.region, phase or row.role.value) if part)


def _version(row: Row) -> str:
    if row.cluster is None:
        return ""
    status = row.cluster.status
    told = "" if status in {"RUNNING", "PROVISIONING", "STOPPING"} else status
    return " · ".join(part for part in (row.cluster.version, told, row.cluster.message) if part)


def _note(row: Row, zone: tzinfo) -> str:
    if not row.trouble or row.standing in {Standing.CREATING, Standing.DELETING}:
        return ""
    since = f" (since {moments.wall(row.since, zone)} of your clock)" if row.since else ""
    if row.read.read_at and row.dim:
        last = f" What you see was read at {moments.wall(row.read.read_at, zone)}."
    elif row.standing is Standing.UNSEEN and row.status is not None and row.status.message:
        last = f" The controller's last word: {row.status.message}"
    else:
        last = ""
    return f"{since}{': ' if since else ''}{row.trouble}{last}"


def _unread(row: Row) -> dict[str, Any]:
    waiting = {Standing.ASKED: "asking…", Standing.CREATING: "not there yet", Standing.FOREIGN: "not asked"}
    return cell(waiting.get(row.standing, UNKNOWN), look="quiet")


def _nodes(inside: Inside | None, row: Row) -> dict[str, Any]:
    if inside is None:
        return _unread(row)
    down = sum(not one.ready for one in inside.nodes)
    gpus = sorted({words.gpu(one.accelerator) for one in inside.nodes if one.gpus})
    told = [f"{inside.gpu_nodes} with {words.listed(gpus)}" if gpus else "none with a GPU"]
    told += [f"{down} not ready"] if down else []
    return cell(str(len(inside.nodes)), ", ".join(told), look="bad" if down else "")


def _pods(inside: Inside | None, row: Row) -> dict[str, Any]:
    if inside is None:
        return _unread(row)
    if not inside.pods:
        return cell("0", "none in this namespace" if row.role is Role.CONFIG else "none yet")
    well = all(_all(one.ready) for one in inside.pods if one.phase == "Running")
    looks: dict[str, Look] = POD_LOOKS if well else {**POD_LOOKS, "Running": "leaving"}
    chips: list[tuple[str, Look]] = [
        (f"{n} {phase}", looks.get(phase, "quiet")) for phase, n in inside.phases().items()
    ]
    return cell(chips=chips, sub=_worst(inside.pods))


def pod_look(status: str) -> Look:
    """Of a phase, or of the status that kubectl prints: what is neither is on its way or in trouble."""
    if found := POD_LOOKS.get(status):
        return found
    if status in {"ContainerCreating", "PodInitializing", "Terminating"} or status.startswith("Init:"):
        return "bad" if "Err" in status or "BackOff" in status else "going"
    return "quiet" if status in {"Completed", "Unknown"} else "bad"


def _worst(pods: Iterable[PodSeen]) -> str:
    """What kubectl says of those that don't run as they should; else how many are ready."""
    pods = tuple(pods)
    odd = sorted({one.status for one in pods if one.status not in {"Running", "Completed"}} - {"Pending"})
    if odd:
        return words.listed(odd)
    ready = sum(_all(one.ready) for one in pods)
    return f"{ready} of {len(pods)} ready"


def _all(ready: str) -> bool:
    have, _, wanted = ready.partition("/")
    return bool(have) and have == wanted


def _restarts(inside: Inside | None, row: Row) -> dict[str, Any]:
    if inside is None:
        return _unread(row)
    return cell(str(inside.restarts), look="bad" if inside.restarts else "")


def _sync(row: Row, zone: tzinfo) -> dict[str, Any]:
    member = row.membership
    if member is None:
        return cell("not a member yet" if row.members_known else UNKNOWN, look="quiet")
    if member.sync_directory is None:
        none = "not used here" if row.role is not Role.WORKLOAD else "not set up yet"
        return cell(none, look="quiet")
    errors = "; ".join(f"{one.code}: {one.message}" for one in member.sync_errors)
    applied = (
        f"Applied {moments.day(member.synced_at, zone)}, {moments.utc(member.synced_at)}"
        if member.synced_at
        else ""
    )
    code = member.sync_code or "PENDING"
    told = ", ".join(dict.fromkeys(one.code for one in member.sync_errors)) or member.sync_commit[:10]
    return cell(
        code, told, badge=True, look=SYNC_LOOKS.get(code, "leaving"), tip=errors or applied, mono=True
    )


def _operation(found: OperationObservation | None, zone: tzinfo) -> dict[str, Any]:
    if found is None:
        return cell("none", look="quiet")
    kind = found.kind.replace("_", " ").capitalize()
    if found.status in UNDER_WAY:
        percent = f" {found.progress:.0%}" if found.progress is not None else ""
        sub = f"{found.status.lower()}, progress not told" if found.progress is None else ""
        return cell(f"{kind}{percent}", sub, bar=found.progress, look="going", tip=found.name)
    when = f" at {moments.clock(found.ended_at, zone)}" if found.ended_at else ""
    utc = f", {moments.utc(found.ended_at)}" if found.ended_at else ""
    return cell(f"{kind} failed{when}", found.error, look="bad", tip=f"{found.name}{utc}")


def _membership(row: Row) -> dict[str, Any]:
    member: MembershipObservation | None = row.membership
    if member is None:
        return cell("none" if row.members_known else UNKNOWN, look="quiet")
    look: Look = "good" if member.state == "READY" else "going"
    return cell(
        member.state, f"in {member.name.split('/locations/')[-1].partition('/')[0]}", badge=True, look=look
    )
