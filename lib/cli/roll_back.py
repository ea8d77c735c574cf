"""`commits` and `rollback`: what the delivery repository was told, and going back to it.

A roll back is a wish like the others: a lease on the placement that holds regions at a commit. The controller commits
the old files anew; nothing is pushed from here, and nothing is rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli import session
from lib.cli.change import DryRun, How, Json, OperationId, Scene, Wait, Wish, carry_out
from lib.cli.output import Usage, emit, reported, settings, table
from lib.fleet.model import Phase, Placement, PlacementSpec
from lib.fleet.roll_back import TTL, Past, roll_back

if TYPE_CHECKING:
    from lib.fleet.model import DeliveryCommit

MOST = 500


def register(app: typer.Typer) -> None:
    app.command()(commits)
    app.command("rollback")(rollback)


def commits(
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20, as_json: Json = False
) -> None:
    """What was committed to the delivery repository, by whom and why."""
    with reported():
        if not 1 <= limit <= MOST:
            raise Usage(f"From 1 to {MOST} commits can be shown; {limit} were asked for.")
        from lib.gateways.delivery import DeliveryGateway

        found = DeliveryGateway(settings()).log(limit)
        emit([asdict(one) for one in found], as_json=as_json, text=_told(found))


def _told(found: list[DeliveryCommit]) -> Iterator[str]:
    rows = [
        (c.sha[:7], f"{c.at:%Y-%m-%d %H:%M:%S}", c.author, c.subject, c.trailers.get("Reason", ""))
        for c in found
    ]
    yield from table(("COMMIT", "AT (UTC)", "BY", "", "WHY"), rows)


def rollback(  # noqa: PLR0913, PLR0917 - one parameter an option
    commit: Annotated[str, typer.Argument(help="Of the delivery repository; its first digits are enough.")],
    region: Annotated[str, typer.Option(help="Only this region; without it, all that differ.")] = "",
    ttl: Annotated[str, typer.Option(help="It undoes itself after this time: 1h.")] = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    operation_id: OperationId = "",
    as_json: Json = False,
) -> None:
    """Run again what a commit held, under a lease; recover undoes it."""
    with reported():
        from lib.gateways.delivery import DeliveryGateway

        where = session.region(region) if region else None
        length, who = session.duration(ttl) if ttl else TTL, session.actor()
        delivery = DeliveryGateway(settings())
        named = delivery.resolve(commit.lower())

        def edit(scene: Scene, spec: PlacementSpec) -> PlacementSpec:
            past = Past(commit=named, then=delivery.at(named), now=delivery.read())
            return roll_back(
                spec,
                past,
                region=where,
                ttl=length,
                owner=who,
                now=scene.now,
                views=scene.views,
                status=scene.placement.status,
            )

        wish = Wish(
            verb="rollback",
            subject=where or "all regions",
            edit=edit,
            fulfilled=lambda found: _holds(found, named),
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def _holds(found: Placement, commit: str) -> bool:
    """Every region under the lease serves, and Config Sync has applied its files."""
    held = {o.region for o in found.spec.overrides if o.commit == commit}
    ours = [r for r in found.status.regions if r.region in held]
    synced = [any(c.type == "Synced" and c.status == "True" for c in r.conditions) for r in ours]
    return bool(ours) and all(synced) and all(r.phase is Phase.SERVING for r in ours)
