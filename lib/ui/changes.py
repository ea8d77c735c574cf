"""The changes an operator can ask for, as values: an edit of the spec with its words, made by nobody yet.

The operation id is made with the question, so that a double click, or a second browser event, is the same operation.
The rules are lib.fleet.intent's; this module only binds them to what the screen shows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from lib.fleet import changed, intent
from lib.fleet.model import PlacementSpec, PlacementStatus, Rollout
from lib.fleet.roll_back import Past
from lib.fleet.roll_back import roll_back as roll_back_to
from lib.gateways.placement_codec import spec_to
from lib.ui import auth, session, words
from lib.ui.snapshot import Snapshot

SWITCH_REASON: Final = "drill/gpu-switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An edit of the spec that waits for its confirmation. `edit` raises intent.Refused."""

    verb: str
    title: str
    confirm: str  # the button's words
    done: str  # what is said afterwards
    edit: Callable[[PlacementSpec], PlacementSpec]
    region: str = ""
    warning: str = ""
    diff: str = ""  # of the delivery repository or of the placement, where it is known beforehand
    operation_id: str = field(default_factory=lambda: f"ui-{uuid.uuid4().hex[:16]}")


def expand(region: str) -> Change:
    def edit(spec: PlacementSpec) -> PlacementSpec:
        seen = session.current()
        return intent.expand(spec, region, views=seen.views, status=_status(seen))

    return Change(
        verb="expand",
        title=f"Serve from {region}",
        confirm="Expand",
        done=f"{region} is wanted; the controller takes it from here.",
        edit=edit,
        region=region,
    )


def contract(region: str) -> Change:
    def edit(spec: PlacementSpec) -> PlacementSpec:
        return intent.contract(spec, region, status=_status(session.current()))

    return Change(
        verb="contract",
        title=f"Stop serving from {region}",
        confirm="Drain and delete",
        done=f"{region} drains; its cluster goes when nothing uses it any more.",
        edit=edit,
        region=region,
    )


def switch_gpu(
    accelerator: str, *, region: str | None, rollout: Rollout, ttl: timedelta | None, owner: str
) -> Change:
    now = session.settings().now()

    def edit(spec: PlacementSpec) -> PlacementSpec:
        seen = session.current()
        return intent.switch_gpu(
            spec,
            accelerator,
            region=region,
            rollout=rollout,
            ttl=ttl,
            owner=owner,
            reason=SWITCH_REASON,
            now=now,
            views=seen.views,
            status=_status(seen),
        )

    hard = rollout is Rollout.HARD
    where = region or "every region"
    return Change(
        verb="switch-gpu",
        title=f"Switch {where} to {words.gpu(accelerator)} ({rollout.value})",
        confirm="Break it" if hard else "Switch",
        done=f"{where} switches to {words.gpu(accelerator)}.",
        edit=edit,
        region=region or "",
        warning="The old pod goes first: where the new GPU can't be had, nothing serves." if hard else "",
    )


def roll_back(past: Past, *, region: str | None, ttl: timedelta, diff: str) -> Change:
    now, owner = session.settings().now(), auth.viewer(session.settings()).name

    def edit(spec: PlacementSpec) -> PlacementSpec:
        seen = session.current()
        return roll_back_to(
            spec,
            past,
            region=region,
            ttl=ttl,
            owner=owner,
            now=now,
            views=seen.views,
            status=_status(seen),
        )

    where = region or "every region that differs"
    return Change(
        verb="rollback",
        title=f"Roll back {where} to {past.commit[:7]}",
        confirm="Roll back",
        done=f"{where} goes back to what {past.commit[:7]} held; Recover ends it.",
        edit=edit,
        region=region or "",
        diff=diff,
    )


def recover() -> Change:
    return Change(
        verb="recover",
        title="Undo every switch and roll back",
        confirm="Recover",
        done="Every override is lifted; the regions return to what the placement wants.",
        edit=intent.recover,
    )


def apply_spec(
    base: PlacementSpec, after: PlacementSpec, *, diff: str, doubts: tuple[str, ...] = ()
) -> Change:
    """The spec as it was edited, on top of the one that was read; refused when that is no longer the one there."""

    def edit(spec: PlacementSpec) -> PlacementSpec:
        if spec != base:
            moved = "; ".join(changed.fields(spec_to(base), spec_to(spec)))
            raise intent.Refused(f"Somebody changed the placement meanwhile: {moved}. Look at it first.")
        if after == spec:
            raise intent.Refused("Nothing to change: the placement says so already.")
        return after

    return Change(
        verb="apply",
        title="Apply the placement",
        confirm="Apply",
        done="The placement is as you wrote it; the controller takes it from here.",
        edit=edit,
        warning=words.plain(" ".join(doubts)),
        diff=diff,
    )


def _status(seen: Snapshot) -> PlacementStatus:
    if seen.placement is None:
        raise intent.Refused("The platform is still being set up.")
    return seen.placement.status
