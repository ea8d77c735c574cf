"""Carries out what was planned: starts operations, never waits for them, repeats without harm.

What to do is not decided here; the next look tells how it went. Each region's actions run in order,
regions run side by side. A failure is translated by one table into: try again after a while, go elsewhere
(evidence for the next plan), or tell the operator and leave it for longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from lib.controller import render
from lib.controller.fanout import FanOut
from lib.controller.reactions import Then, reaction_to
from lib.controller.wire import Wire
from lib.fleet.ledger import made_by, removed_by
from lib.fleet.model import (
    Action,
    AttachBackend,
    Attempt,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    ExpireOverride,
    Outcome,
    Placement,
    PlacementSpec,
    Provisioning,
    RemoveWorkload,
)
from lib.fleet.names import sync_directory
from lib.gateways.delivery_tree import hold_mark, parse_workload
from lib.gateways.errors import AtlasError, NotFound, Refused, TransientError
from lib.gateways.ledger import Because, Ledger, Receipt
from lib.settings import Settings

AUTHOR = "gpu-atlas"  # of what no operator asked for by hand
DESTRUCTIVE = (DetachBackend, RemoveWorkload, DeleteCluster)
DEADLINE_S = 3.0  # how long a look waits for its actions; what takes longer goes on beside the next look


LONGEST_HOLD_S = 300.0
TOLD_WHAT_TO_DO = frozenset({Then.ASK, Then.GIVE_UP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action did. `calls` is empty when nothing was left to do."""

    calls: tuple[str, ...] = ()
    result: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    action: Action
    done: Done = field(default_factory=Done)
    then: Then = Then.DONE
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Held:
    until: float
    failures: int


class Actor:
    def __init__(
        self, wire: Wire, settings: Settings, fan_out: FanOut, *, sources: Mapping[str, str] | None = None
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._fan_out = fan_out
        self._ledger = Ledger(wire.journal, settings.now)
        self._sources = sources if sources is not None else render.read_sources()
        self._held: dict[str, _Held] = {}
        self._committing = threading.Lock()  # one writer of the delivery repository at a time
        self._lessons: list[Attempt] = []  # evidence for the next look

    def act(
        self, actions: Iterable[Action], placement: Placement, *, operation_id: str, now: datetime
    ) -> tuple[Result, ...]:
        """Start everything that is due; the results of what ended within the deadline."""
        due = [a for a in actions if self._is_due(a)]
        if any(isinstance(a, DESTRUCTIVE) for a in due):
            due = self._recheck(due, placement)
        by_region: dict[str, list[Action]] = {}
        for action in due:
            by_region.setdefault(region_of(action), []).append(action)
        until = time.monotonic() + DEADLINE_S
        asked = [
            self._fan_out.ask(f"act/{region}", partial(self._region, mine, placement, operation_id, now))
            for region, mine in by_region.items()
            if not self._fan_out.in_flight(f"act/{region}")
        ]
        return tuple(result for one in asked for result in one.answer(until).value or ())

    def take_lessons(self) -> tuple[Attempt, ...]:
        """What failures have taught since the last call."""
        taken, self._lessons = tuple(self._lessons), []
        return taken

    def _is_due(self, action: Action) -> bool:
        held = self._held.get(key_of(action))
        return held is None or time.monotonic() >= held.until

    def _recheck(self, due: list[Action], placement: Placement) -> list[Action]:
        """Nothing is taken away for a wish that has changed since it was read."""
        try:
            current = self._wire.placement.get().generation == placement.generation
        except AtlasError:
            current = False
        return due if current else [a for a in due if not isinstance(a, DESTRUCTIVE)]

    def _region(
        self, actions: list[Action], placement: Placement, operation_id: str, now: datetime
    ) -> tuple[Result, ...]:
        results: list[Result] = []
        for action in actions:
            results.append(self._one(action, placement, operation_id, now))
            if results[-1].then is not Then.DONE:
                break  # the later steps build on this one
        return tuple(results)

    def _one(self, action: Action, placement: Placement, operation_id: str, now: datetime) -> Result:
        try:
            with self._noted(action, operation_id) as receipt:
                done = self._start(action, placement, operation_id)
                receipt.operation = done.operation or done.result
        except AtlasError as e:
            return self._failed(action, placement, e, now)
        self._held.pop(key_of(action), None)
        return Result(action=action, done=done)

    def _noted(self, action: Action, operation_id: str) -> AbstractContextManager[Receipt]:
        """In the ledger before the call and after it."""
        author = action.author if isinstance(action, CommitWorkload) else ""
        because = Because(why=action.reason, actor=author or AUTHOR, operation_id=operation_id)
        if made := made_by(action):
            return self._ledger.making(*made, because=because)
        return self._ledger.removing(*removed_by(action), because=because)

    def _failed(self, action: Action, placement: Placement, error: AtlasError, now: datetime) -> Result:
        reaction = reaction_to(error)
        if reaction.then is Then.DONE:
            return Result(action=action)
        held = self._held.get(key_of(action))
        failures = held.failures + 1 if held else 1
        asked = error.retry_after if isinstance(error, TransientError) else 0.0
        hold_s = min(max(reaction.hold_s * 2 ** (failures - 1), asked), LONGEST_HOLD_S)
        self._held[key_of(action)] = _Held(time.monotonic() + hold_s, failures)
        if reaction.outcome and isinstance(action, CreateCluster):
            self._lessons += [
                _lesson(action.region, accelerator, reaction.outcome, str(error), now)
                for accelerator in placement.spec.accelerators
            ]
        advice = f" {reaction.what_next}" if error.row and reaction.then in TOLD_WHAT_TO_DO else ""
        return Result(action=action, then=reaction.then, error=f"{error}{advice}")

    def _start(self, action: Action, placement: Placement, operation_id: str) -> Done:
        match action:
            case CreateCluster():
                done = self._create_cluster(action)
            case ConfigureSync():
                self._wire.hub.configure_sync(action.membership, sync_directory(action.cluster))
                done = Done(calls=(_sync_call(action.membership),))
            case CommitWorkload():
                done = self._commit(action, placement, operation_id)
            case AttachBackend():
                self._wire.ingress.attach(action.region, action.cluster)
                done = Done(calls=(f"multiclusterservices.patch +{action.region}/{action.cluster}",))
            case DetachBackend():
                self._wire.ingress.detach(action.region)
                done = Done(calls=(f"multiclusterservices.patch -{action.region}/{action.cluster}",))
            case RemoveWorkload():
                done = self._remove_workload(action, placement, operation_id)
            case DeleteCluster():
                done = self._delete_cluster(action)
            case ExpireOverride():
                done = self._expire(action)
        return done

    def _create_cluster(self, action: CreateCluster) -> Done:
        labels = {"placement": self._settings.placement}
        operation = self._wire.gke.create_cluster(action.region, action.cluster, labels=labels)
        call = f"clusters.create {self._location(action.region)}/clusters/{action.cluster}"
        return Done(calls=(call,), operation=operation.name)

    def _delete_cluster(self, action: DeleteCluster) -> Done:
        try:
            operation = self._wire.gke.delete_cluster(action.region, action.cluster)
        except NotFound:
            return Done()
        call = f"clusters.delete {self._location(action.region)}/clusters/{action.cluster}"
        return Done(calls=(call,), operation=operation.name)

    def _commit(self, action: CommitWorkload, placement: Placement, operation_id: str) -> Done:
        what = f"{self._settings.placement} on {action.accelerator} in {action.region}"
        commit = self._deliver(
            action.cluster,
            self._past(action) if action.commit else self._rendered(action),
            subject=f"Roll back {what} to {action.commit[:7]}" if action.commit else f"Run {what}",
            author=action.author,
            trailers=_trailers(action.reason, placement, operation_id),
        )
        return Done(calls=(f"git commit {sync_directory(action.cluster)}",), result=commit)

    def _past(self, action: CommitWorkload) -> dict[str, str]:
        """The files as a commit held them. What the lease says of them was checked against quota and budget, so it
        must be what they say. Raises DeliveryError, Refused."""
        held = self._wire.delivery.past(action.commit, action.cluster)
        if parse_workload(held) != (action.accelerator, action.provisioning, action.rollout):
            raise Refused(
                f"{sync_directory(action.cluster)} at {action.commit[:7]} doesn't hold {action.accelerator} "
                f"{action.provisioning.value} with a {action.rollout.value} rollout, as the lease says."
            )
        return {**held, **hold_mark(action.commit)}

    def _rendered(self, action: CommitWorkload) -> dict[str, str]:
        variant = render.Variant(
            cluster=action.cluster,
            region=action.region,
            accelerator=action.accelerator,
            provisioning=action.provisioning,
            rollout=action.rollout,
            returns_to=action.returns_to,
        )
        return render.render(self._sources, variant)

    def _remove_workload(self, action: RemoveWorkload, placement: Placement, operation_id: str) -> Done:
        self._wire.hub.remove_sync(action.membership)
        commit = self._deliver(
            action.cluster,
            None,
            subject=f"Stop {self._settings.placement} in {action.region}",
            author=AUTHOR,
            trailers=_trailers(action.reason, placement, operation_id),
        )
        calls = (_sync_call(action.membership), f"git rm {sync_directory(action.cluster)}")
        return Done(calls=calls, result=commit)

    def _deliver(self, cluster: str, files: dict[str, str] | None, **how: Any) -> str:
        with self._committing:
            return self._wire.delivery.commit(cluster, files, **how)

    def _expire(self, action: ExpireOverride) -> Done:
        gone = action.override
        created = gone.created_at.isoformat() if gone.created_at else ""
        self._wire.placement.change(
            partial(_without, gone),
            operation_id=f"expire/{gone.region or 'all'}/{gone.accelerator}/{created}",
            actor=AUTHOR,
        )
        return Done(calls=("gpuplacements.patch spec.overrides",))

    def _location(self, region: str) -> str:
        return f"projects/{self._settings.project}/locations/{region}"


def region_of(action: Action) -> str:
    return (action.override.region or "") if isinstance(action, ExpireOverride) else action.region


def key_of(action: Action) -> str:
    """Names an action by what it wants, not by its reason, so that a repeat is recognised."""
    wanted = {k: v for k, v in asdict(action).items() if k not in {"reason", "author"}}
    return f"{type(action).__name__}/{wanted}"


def _sync_call(membership: str) -> str:
    return f"features.patch configmanagement membershipSpecs[{membership}]"


def _trailers(reason: str, placement: Placement, operation_id: str) -> dict[str, str]:
    return {
        "Reason": reason,
        "Placement-Generation": str(placement.generation),
        "Operation-Id": operation_id,
    }


def _without(gone: Any, spec: PlacementSpec) -> PlacementSpec:
    return replace(spec, overrides=tuple(o for o in spec.overrides if o != gone))


def _lesson(region: str, accelerator: str, outcome: Outcome, said: str, now: datetime) -> Attempt:
    return Attempt(
        region=region,
        accelerator=accelerator,
        provisioning=Provisioning.STANDARD,
        outcome=outcome,
        at=now,
        message=said,
    )
