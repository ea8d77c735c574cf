"""`expand`, `contract`, `switch-gpu`, `recover`: the operator's wishes, written into the placement's spec.

The same intents and the same write as the dashboard's buttons. `--dry-run` shows the plan (calls, commit,
cost, blast radius, undo) and changes nothing. Nothing is waited for unless `--wait` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli import session
from lib.cli.output import Failed, Usage, emit, plain, reported, settings, usd
from lib.fleet import intent
from lib.fleet.amend import amend
from lib.fleet.model import Phase, Placement, PlacementSpec, RegionStatus, RegionView, Rollout
from lib.gateways.errors import AtlasError, JournalError
from lib.launch import process
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.placement import PlacementGateway

WAIT_S = 900.0

Json = Annotated[bool, typer.Option("--json")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it has come true.")]
OperationId = Annotated[str, typer.Option(help="A repeat with the same id changes nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    dry_run: bool
    wait: bool
    as_json: bool
    operation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an intent is judged against."""

    placement: Placement
    views: tuple[RegionView, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    verb: str
    subject: str
    edit: Callable[[Scene, PlacementSpec], PlacementSpec]
    fulfilled: Callable[[Placement], bool]


def register(app: typer.Typer) -> None:
    app.command()(expand)
    app.command()(contract)
    app.command("switch-gpu")(switch_gpu)
    app.command()(recover)
    app.command("set")(set_numbers)


def expand(
    region: str,
    dry_run: DryRun = False,
    wait: Wait = False,
    operation_id: OperationId = "",
    as_json: Json = False,
) -> None:
    """Serve from one more region."""
    with reported():
        name = session.region(region)
        wish = Wish(
            verb="expand",
            subject=name,
            edit=lambda scene, spec: intent.expand(
                spec, name, views=scene.views, status=scene.placement.status
            ),
            fulfilled=lambda found: _phase(found, name) is Phase.SERVING,
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def contract(
    region: str,
    dry_run: DryRun = False,
    wait: Wait = False,
    operation_id: OperationId = "",
    as_json: Json = False,
) -> None:
    """Give a region up: it is drained first, then its cluster goes."""
    with reported():
        name = session.region(region)
        wish = Wish(
            verb="contract",
            subject=name,
            edit=lambda scene, spec: intent.contract(spec, name, status=scene.placement.status),
            fulfilled=lambda found: _phase(found, name) is None,
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def switch_gpu(  # noqa: PLR0913, PLR0917 - one parameter an option
    accelerator: str,
    region: Annotated[str, typer.Option(help="Only this region; without it, all.")] = "",
    hard: Annotated[bool, typer.Option("--hard", help="A drill: the old replica goes first.")] = False,
    ttl: Annotated[str, typer.Option(help="It undoes itself after this time: 10m. A drill needs one.")] = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    operation_id: OperationId = "",
    as_json: Json = False,
) -> None:
    """Ask for another GPU type, safely or as a drill."""
    with reported():
        name = session.accelerator(accelerator)
        where = session.region(region) if region else None
        length = session.duration(ttl) if ttl else session.duration("10m") if hard else None
        who = session.actor()
        wish = Wish(
            verb="switch-gpu",
            subject=where or "all regions",
            edit=lambda scene, spec: intent.switch_gpu(
                spec,
                name,
                region=where,
                rollout=Rollout.HARD if hard else Rollout.SAFE,
                ttl=length,
                owner=who,
                reason="drill/gpu-switch" if hard else "switch-gpu",
                now=scene.now,
                views=scene.views,
                status=scene.placement.status,
            ),
            fulfilled=lambda found: all(r.accelerator == name for r in _in(found, where)),
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def recover(
    dry_run: DryRun = False, wait: Wait = False, operation_id: OperationId = "", as_json: Json = False
) -> None:
    """Undo every switch and drill."""
    with reported():
        wish = Wish(
            verb="recover",
            subject="all regions",
            edit=lambda _, spec: intent.recover(spec),
            fulfilled=lambda found: _serving(found) >= found.spec.serving,
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def set_numbers(  # noqa: PLR0913, PLR0917 - one parameter an option
    serving: Annotated[int | None, typer.Option(help="How many regions must serve.")] = None,
    warm: Annotated[int | None, typer.Option(help="Clusters kept without a GPU for the next start.")] = None,
    hedge: Annotated[int | None, typer.Option(help="Regions tried at once beyond those that lack.")] = None,
    budget: Annotated[float | None, typer.Option(help="The most that may be spent, USD an hour.")] = None,
    dry_run: DryRun = False,
    wait: Wait = False,
    operation_id: OperationId = "",
    as_json: Json = False,
) -> None:
    """Change the placement's numbers: regions that serve, warm clusters, hedged tries, budget."""
    with reported():
        if serving is warm is hedge is budget is None:
            raise Usage("Say what to set: --serving, --warm, --hedge or --budget.")
        wish = Wish(
            verb="set",
            subject="the placement",
            edit=lambda _, spec: amend(spec, serving=serving, warm=warm, hedge=hedge, max_hourly_usd=budget),
            fulfilled=lambda found: _serving(found) >= found.spec.serving,
        )
        carry_out(wish, How(dry_run=dry_run, wait=wait, as_json=as_json, operation_id=operation_id))


def carry_out(wish: Wish, how: How) -> None:
    wanted = settings()
    gateway = session.placements(wanted)
    before = session.placement(wanted, gateway)
    if how.operation_id and gateway.has_done(how.operation_id):
        repeated = {
            "verb": wish.verb,
            "subject": wish.subject,
            "applied": False,
            "operationId": how.operation_id,
        }
        told = f"Operation {how.operation_id} was carried out already; nothing is changed."
        emit(repeated, as_json=how.as_json, text=[told])
        return
    scene = Scene(placement=before, views=gateway.list_regions(), now=wanted.now())
    after = wish.edit(scene, before.spec)
    preview = intent.preview(before.spec, after, status=before.status, views=scene.views, config=wanted)
    value = {
        "verb": wish.verb,
        "subject": wish.subject,
        "applied": False,
        "preview": preview,
        "before": before.spec,
        "after": after,
    }
    if how.dry_run:
        emit(value, as_json=how.as_json, text=_preview(preview))
        return
    operation_id = how.operation_id or session.new_operation_id()
    who = session.actor()
    changed = gateway.change(partial(wish.edit, scene), operation_id=operation_id, actor=who)
    _journal(wanted, wish, before.spec, changed.spec, at=scene.now, operation_id=operation_id, actor=who)
    if how.wait:
        _wait(gateway, wish, changed.generation)
    value |= {"applied": True, "operationId": operation_id, "generation": changed.generation}
    emit(
        value, as_json=how.as_json, text=[preview.sentence, f"Operation {operation_id}. Undo: {preview.undo}"]
    )


def _preview(preview: intent.ChangePreview) -> Iterator[str]:
    yield preview.sentence
    yield from (f"  call    {call}" for call in preview.calls)
    yield from (f"  commit  {commit}" for commit in preview.commits)
    yield f"  cost    {usd(preview.usd_per_hour_before)} -> {usd(preview.usd_per_hour_after)}"
    if preview.cost_note:
        yield f"          {preview.cost_note}"
    yield f"  blast   {preview.blast_radius}"
    yield f"  undo    {preview.undo}"
    yield "Nothing was changed."


def _journal(  # noqa: PLR0913 - an intent has that many facts
    wanted: Settings,
    wish: Wish,
    before: PlacementSpec,
    after: PlacementSpec,
    *,
    at: datetime,
    operation_id: str,
    actor: str,
) -> None:
    """History only: that it can't be written is told and fails nothing."""
    from lib.gateways.journal import Journal

    try:
        Journal(wanted.journal_url).append(
            "intent",
            at=at,
            region=wish.subject if wish.subject not in {"all regions", "the placement"} else "",
            subject=wish.verb,
            message=f"{wish.verb} {wish.subject}",
            actor=actor,
            operation_id=operation_id,
            body={"verb": wish.verb, "before": plain(before), "after": plain(after)},
            key=f"intent/{operation_id}",
        )
    except JournalError as e:
        typer.echo(str(e), err=True)


def _wait(gateway: PlacementGateway, wish: Wish, generation: int) -> None:
    def fulfilled() -> bool:
        try:
            found = gateway.get()
        except AtlasError:  # the next look may be answered
            return False
        # A status of before the change tells nothing of it.
        return found.status.observed_generation >= generation and wish.fulfilled(found)

    if not process.wait_for(fulfilled, timeout_s=WAIT_S, every_s=0.5):
        raise Failed(f"{wish.verb} {wish.subject} has not come true within {WAIT_S:g} s; see atlas status.")


def _in(found: Placement, region: str | None) -> tuple[RegionStatus, ...]:
    return tuple(r for r in found.status.regions if region in {None, r.region})


def _phase(found: Placement, region: str) -> Phase | None:
    return next((r.phase for r in found.status.regions if r.region == region), None)


def _serving(found: Placement) -> int:
    return sum(r.phase is Phase.SERVING for r in found.status.regions)
