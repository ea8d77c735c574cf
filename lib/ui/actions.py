"""The one door from a click to the config cluster. Checks who asks, changes the spec once, notes who wanted what."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from lib.fleet.model import PlacementSpec
from lib.gateways.errors import JournalError, PermissionDenied
from lib.gateways.journal import Journal
from lib.gateways.placement import PlacementGateway
from lib.ui import auth, session
from lib.ui.changes import Change


def apply(change: Change, *, actor: str) -> None:
    """Make the change; a repeat with the same operation id is a no-op. Raises AtlasError, intent.Refused."""
    settings = session.settings()
    viewer = auth.viewer(settings)
    if not viewer.may_change:
        raise PermissionDenied(viewer.reason)
    asked_at = settings.now()  # before anything can come of it
    before: list[PlacementSpec] = []

    def edit(spec: PlacementSpec) -> PlacementSpec:
        before.append(spec)
        return change.edit(spec)

    placement = PlacementGateway(settings).change(edit, operation_id=change.operation_id, actor=actor)
    body: dict[str, Any] = {"verb": change.verb, "after": asdict(placement.spec)}
    if before:
        body["before"] = asdict(before[-1])
    with suppress(
        JournalError
    ):  # history only: the change is made, and the page says that the journal is gone
        Journal(settings.journal_url).append(
            "intent",
            at=asked_at,
            region=change.region,
            subject=change.verb,
            message=change.title,
            actor=actor,
            operation_id=change.operation_id,
            body=body,
            key=f"intent/{change.operation_id}",
        )
    session.refresh()
