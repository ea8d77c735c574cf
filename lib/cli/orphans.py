"""`orphans`: what is left over and what it costs; with `--remove`, away with it, with proof.

Shows the plan, asks, looks again, removes one thing after the other and looks a last time. Nothing is removed while any
part of the world can't be seen, and nothing ever that doesn't carry our label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from lib.cli import leftovers, session
from lib.cli.leftovers import Hands
from lib.cli.output import Failed, Usage, emit, reported, settings, table, usd
from lib.fleet.ledger import ThingKind
from lib.fleet.orphans import Judgement, Orphan, Seen, judge
from lib.fleet.removal import NotRemovable, removal
from lib.gateways.errors import AtlasError
from lib.launch import process

GONE_S, DRAINED_S = 900.0, 120.0  # wall
Json = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The proof: the cloud's operation, and what the second look says."""

    name: str
    kind: str
    operation: str
    gone: bool
    error: str = ""


def register(app: typer.Typer) -> None:
    app.command()(orphans)


def orphans(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all without.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """What is left over, what it costs an hour, and why it is an orphan."""
    with reported():
        asked = names or []
        if asked and not remove:
            raise Usage("Say --remove to take something away; without it all orphans are shown.")
        if remove and as_json and not (yes or dry_run):
            raise Usage("With --json nobody can be asked; add --yes, or --dry-run for the plan.")
        wanted = settings()
        if session.is_down(wanted):
            raise Failed(f"Nothing runs on {wanted.state_dir}; start it with ./atlas up.")
        hands = Hands(settings=wanted)
        seen, judged = _look(hands)
        if not remove:
            emit(_value(judged), as_json=as_json, text=_told(judged))
            return
        chosen = _chosen(seen, judged, asked)
        plan = [
            {"name": o.thing.name, "kind": o.thing.kind, "call": leftovers.calls(o, wanted)} for o in chosen
        ]
        if dry_run or not chosen:
            value = {**_value(judged), "plan": plan, "applied": False}
            emit(value, as_json=as_json, text=(*_plan(hands, chosen), "Nothing was changed."))
            return
        if not yes:
            for line in _plan(hands, chosen):
                typer.echo(line)
            typer.confirm("Remove?", abort=True)
            seen, judged = _look(hands)  # the answer may have taken its time
            chosen = _chosen(seen, judged, [o.thing.key for o in chosen])
        results = [*_remove_all(hands, chosen)]
        emit({"plan": plan, "applied": True, "removed": results}, as_json=as_json, text=map(_proof, results))
        if not all(r.gone for r in results):
            raise Failed("Not everything is gone; see above, and ask again later.")


def _look(hands: Hands) -> tuple[Seen, Judgement]:
    seen = leftovers.look(hands)
    return seen, judge(seen, leftovers.home(hands.settings), hands.lines())


def _chosen(seen: Seen, judged: Judgement, names: Sequence[str]) -> tuple[Orphan, ...]:
    try:
        return removal(judged, seen, names)
    except NotRemovable as e:
        raise Failed(str(e)) from e


def _remove_all(hands: Hands, chosen: Sequence[Orphan]) -> Iterator[Removed]:
    """In order; a failure stops nothing that doesn't build on it."""
    for orphan in chosen:
        yield _remove(hands, orphan)


def _remove(hands: Hands, orphan: Orphan) -> Removed:
    from lib.gateways.ledger import Because

    because = Because(why=f"An orphan: {orphan.why}", actor=session.actor())
    operation, error = "", ""
    try:
        with hands.ledger.removing(orphan.thing, because=because) as receipt:
            operation = receipt.operation = leftovers.remove(hands, orphan)
        if orphan.thing.kind is ThingKind.LINK:
            _wait(lambda: leftovers.is_drained(hands, orphan.thing.name), DRAINED_S)
    except AtlasError as e:
        error = str(e)
    gone = not error and _wait(lambda: leftovers.is_gone(hands, orphan), GONE_S)
    return Removed(
        name=orphan.thing.name, kind=orphan.thing.kind.value, operation=operation, gone=gone, error=error
    )


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    def there() -> bool:
        try:
            return condition()
        except AtlasError:  # the next look may be answered
            return False

    return process.wait_for(there, timeout_s=timeout_s, every_s=0.5)


def _value(judged: Judgement) -> dict[str, object]:
    return {"unknown": judged.unknown, "usd_per_hour": judged.usd_per_hour, "orphans": judged.orphans}


def _told(judged: Judgement) -> Iterator[str]:
    yield from (f"Can't be judged: {what}." for what in judged.unknown)
    if not judged.orphans:
        yield "Nothing is left over." if not judged.unknown else "Of what can be seen nothing is left over."
        return
    yield from table(("KIND", "NAME", "LOCATION", "COST", "MADE", "WHY"), (_row(o) for o in judged.orphans))
    yield f"Together {usd(judged.usd_per_hour)} by list prices. Remove them with ./atlas orphans --remove."


def _row(orphan: Orphan) -> tuple[object, ...]:
    line = orphan.ledger
    made = f"{line.at:%Y-%m-%d %H:%M} by {line.actor}" if line else ""
    note = "" if orphan.owned else " It is not touched."
    note += " Removed only by name." if orphan.by_name else ""
    thing = orphan.thing
    return thing.kind, thing.name, thing.location, usd(orphan.usd_per_hour), made, f"{orphan.why}{note}"


def _plan(hands: Hands, chosen: Sequence[Orphan]) -> Iterator[str]:
    if not chosen:
        yield "Nothing is to be removed."
    for orphan in chosen:
        yield f"  {leftovers.calls(orphan, hands.settings)}  ({usd(orphan.usd_per_hour)}; {orphan.why})"


def _proof(one: Removed) -> str:
    if one.error:
        return f"{one.kind} {one.name}: {one.error}"
    how = f"operation {one.operation}" if one.operation else "done"
    return (
        f"{one.kind} {one.name}: {how}; {'a second look finds it gone' if one.gone else 'it is still there'}."
    )
