"""The ledger's words: what the platform makes and takes away, when, why, for which operation.

A line is written before the call and another one after it, so that a process that dies in between leaves a question
and never a gap. The ledger explains; it decides nothing: whether a thing is ours its label tells, and losing the journal
loses no safety.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from lib.fleet.model import (
    Action,
    AttachBackend,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    Entry,
    ExpireOverride,
    RemoveWorkload,
)
from lib.fleet.names import link


class ThingKind(StrEnum):
    CLUSTER = "Cluster"
    MEMBERSHIP = "Membership"
    DIRECTORY = "Directory"  # of the delivery repository
    SYNC = "SyncSetting"  # Config Sync's spec of one membership
    LINK = "Link"  # of the MultiClusterService
    ADDRESS = "Address"
    FEATURE = "Feature"  # of the fleet
    MANIFEST = "Manifest"  # an object of the config cluster; the ingress builds forwarding rules from its own
    FORWARDING = "ForwardingRule"
    PROBE = "Probe"  # of capacity: a reservation or a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    kind: ThingKind
    name: str
    location: str = ""

    @property
    def key(self) -> str:
        return "/".join((self.kind.value, self.location, self.name))


class Step(StrEnum):
    INTENDED = "Intended"  # before the call
    MADE = "Made"
    FOUND = "Found"  # it was there already
    REMOVING = "Removing"  # before the call
    REMOVED = "Removed"
    FAILED = "Failed"  # refused: nothing was changed
    UNANSWERED = "Unanswered"  # nobody knows; the next look will


OPEN = frozenset({Step.INTENDED, Step.REMOVING, Step.UNANSWERED})
STANDS = frozenset({Step.INTENDED, Step.MADE, Step.REMOVING, Step.UNANSWERED})  # it may be there, by our hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    thing: Thing
    step: Step
    at: datetime
    why: str = ""
    actor: str = ""
    operation_id: str = ""  # of the wish that led to it
    operation: str = ""  # of the cloud


def line_from(entry: Entry) -> Line | None:
    """None for what another version wrote."""
    body = entry.body
    try:
        thing = Thing(
            kind=ThingKind(str(body.get("kind"))),
            name=str(body.get("name", "")),
            location=str(body.get("location", "")),
        )
        step = Step(str(body.get("step")))
    except ValueError:
        return None
    return Line(
        thing=thing,
        step=step,
        at=entry.at,
        why=entry.message,
        actor=entry.actor,
        operation_id=entry.operation_id,
        operation=str(body.get("operation", "")),
    )


def newest(entries: Iterable[Entry]) -> dict[Thing, Line]:
    """How each thing stands. A refused try leaves it as it stood before."""
    stands: dict[Thing, Line] = {}
    for entry in sorted(entries, key=lambda e: e.id):
        line = line_from(entry)
        if line is None:
            continue
        if line.step is Step.FAILED and (before := stands.get(line.thing)) is not None:
            line = _before(before)
        stands[line.thing] = line
    return {thing: line for thing, line in stands.items() if line.step is not Step.FAILED}


def _before(line: Line) -> Line:
    """A removal that was refused leaves what was made; a creation that was refused leaves nothing."""
    step = {Step.REMOVING: Step.MADE, Step.INTENDED: Step.FAILED}.get(line.step, line.step)
    return replace(line, step=step)


def made_by(action: Action) -> tuple[Thing, ...]:
    """What an action makes. GKE registers the membership with the cluster."""
    match action:
        case CreateCluster():
            return _cluster(action.region, action.cluster)
        case CommitWorkload():
            return (Thing(kind=ThingKind.DIRECTORY, name=action.cluster),)
        case ConfigureSync():
            return (Thing(kind=ThingKind.SYNC, name=action.cluster, location=action.region),)
        case AttachBackend():
            return (Thing(kind=ThingKind.LINK, name=link(action.region)),)
        case DetachBackend() | RemoveWorkload() | DeleteCluster() | ExpireOverride():
            return ()


def removed_by(action: Action) -> tuple[Thing, ...]:
    match action:
        case DeleteCluster():
            return _cluster(action.region, action.cluster)
        case RemoveWorkload():
            return (
                Thing(kind=ThingKind.DIRECTORY, name=action.cluster),
                Thing(kind=ThingKind.SYNC, name=action.cluster, location=action.region),
            )
        case DetachBackend():
            return (Thing(kind=ThingKind.LINK, name=link(action.region)),)
        case CreateCluster() | CommitWorkload() | ConfigureSync() | AttachBackend() | ExpireOverride():
            return ()


def _cluster(region: str, name: str) -> tuple[Thing, ...]:
    return (
        Thing(kind=ThingKind.CLUSTER, name=name, location=region),
        Thing(kind=ThingKind.MEMBERSHIP, name=name, location=region),
    )
