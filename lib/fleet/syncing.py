"""Which commit each cluster runs, and whether that is what the branch's head holds for it.

A commit touches few directories, so a cluster is in sync when no commit after the one it has applied touched its own.
Pure: the fleet says what is applied, the repository what was committed; nothing here asks either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lib.fleet import words
from lib.fleet.model import DeliveredWorkload, DeliveryCommit, MembershipObservation, SyncError
from lib.fleet.names import cluster_name, sync_directory

SHORT = 7  # digits of a commit that people read


class Standing(StrEnum):
    IN_SYNC = "In sync"
    BEHIND = "Behind"
    SYNCING = "Syncing"
    ERROR = "Error"
    NOT_SET_UP = "Not set up"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSync:
    cluster: str
    region: str
    standing: Standing
    sentence: str
    commit: str = ""  # that Config Sync has applied
    since: datetime | None = None  # when it did
    content: str = ""  # the newest commit, up to that one, that touched its directory
    missing: tuple[str, ...] = ()  # commits of its directory that it has not applied, newest first
    errors: tuple[SyncError, ...] = ()
    held_at: str = ""


def standings(
    members: Sequence[MembershipObservation],
    commits: Sequence[DeliveryCommit],
    delivered: Mapping[str, DeliveredWorkload],
    *,
    unknown: frozenset[str] = frozenset(),
) -> tuple[ClusterSync, ...]:
    """Every cluster that the repository has a directory for, or whose Config Sync follows one; by name. `commits` come
    newest first; `unknown` are locations that the fleet did not answer for."""
    known = {one.cluster: one for one in members}
    names = {name for commit in commits for name in commit.clusters if name in delivered}
    names |= delivered.keys() | {one.cluster for one in members if one.sync_directory is not None}
    return tuple(
        _unseen(name, delivered.get(name))
        if name not in known and any(name == cluster_name(region) for region in unknown)
        else _stand(name, known.get(name), commits, delivered.get(name))
        for name in sorted(names)
    )


def _unseen(name: str, held: DeliveredWorkload | None) -> ClusterSync:
    return ClusterSync(
        cluster=name,
        region="",
        standing=Standing.UNKNOWN,
        sentence="The fleet did not answer for its location; nothing is known of it now.",
        held_at=held.held_at if held else "",
    )


def _stand(
    name: str,
    member: MembershipObservation | None,
    commits: Sequence[DeliveryCommit],
    held: DeliveredWorkload | None,
) -> ClusterSync:
    applied = member.sync_commit if member else ""
    order = [one.sha for one in commits]
    place = order.index(applied) if applied in order else None
    mine = [one.sha for one in commits if name in one.clusters]
    missing = tuple(sha for sha in mine if place is not None and order.index(sha) < place)
    content = next((sha for sha in mine if place is not None and order.index(sha) >= place), "")
    standing, sentence = _judged(name, member, missing, known=place is not None)
    return ClusterSync(
        cluster=name,
        region=member.region if member else "",
        standing=standing,
        sentence=sentence,
        commit=applied,
        since=member.synced_at if member else None,
        content=content,
        missing=missing,
        errors=member.sync_errors if member else (),
        held_at=held.held_at if held else "",
    )


def _judged(  # noqa: PLR0911 - a ladder of guards
    name: str, member: MembershipObservation | None, missing: tuple[str, ...], *, known: bool
) -> tuple[Standing, str]:
    if member is None:
        return Standing.NOT_SET_UP, "It is not a member of the fleet, or not yet."
    if member.sync_directory is None:
        return Standing.NOT_SET_UP, "Config Sync isn't set up for it yet."
    if member.sync_directory != sync_directory(name):
        return Standing.NOT_SET_UP, f"Config Sync follows {member.sync_directory}, not its own directory."
    if member.sync_errors or member.sync_code == "ERROR":
        first = member.sync_errors[0].code if member.sync_errors else "no detail given"
        return Standing.ERROR, f"Config Sync reports {first}; what was applied before keeps running."
    if member.sync_code == "NOT_INSTALLED":
        return Standing.NOT_SET_UP, "Config Sync is being installed."
    if not member.sync_commit:
        return Standing.SYNCING, "The first commit is being fetched and applied."
    if not known:
        return (
            Standing.UNKNOWN,
            f"{member.sync_commit[:SHORT]} isn't among the newest commits of the branch.",
        )
    if not missing:
        return Standing.IN_SYNC, "It runs what the head holds for it."
    behind = f"{len(missing)} commit{'s' if len(missing) > 1 else ''} of its directory to go"
    if member.sync_code == "SYNCED":
        return Standing.BEHIND, f"{behind}; Config Sync looks for new ones every 15 s."
    return Standing.SYNCING, f"{behind}; being applied."


def told(all_of_them: Sequence[ClusterSync]) -> str:
    """The whole in one sentence."""
    if not all_of_them:
        return "No cluster is delivered to yet."
    good = sum(one.standing is Standing.IN_SYNC for one in all_of_them)
    rest = [
        f"{one.cluster} ({one.standing.value.lower()})"
        for one in all_of_them
        if one.standing is not Standing.IN_SYNC
    ]
    said = f"{good} of {len(all_of_them)} clusters run what the head holds for them"
    return f"{said}; not yet: {words.listed(rest, limit=4)}." if rest else f"{said}."
