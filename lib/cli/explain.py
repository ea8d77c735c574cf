"""`explain`: why here, why not there, and what would flip it, from the decision record.

The status holds the newest decisions, the journal all of them; when the config cluster is silent the journal alone
still answers. Reads only, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from lib.cli import session
from lib.cli.output import Failed, emit, reported, settings
from lib.fleet import explain as explaining
from lib.fleet.explain import Answer, Told
from lib.fleet.model import Decision, Entry, Placement
from lib.gateways.errors import JournalError
from lib.settings import Settings

RECORDS = 2000
Json = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]


def register(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    region: Annotated[str, typer.Argument(help="Without one, the last decisions.")] = "",
    accelerator: Annotated[str, typer.Option(help="The GPU it is about; the preferred one otherwise.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many decisions.")] = 5,
    as_json: Json = False,
) -> None:
    """Why here, why not there, and what would flip it."""
    with reported():
        where = session.region(region) if region else ""
        gpu = session.accelerator(accelerator) if accelerator else ""
        wanted = settings()
        if where:
            answer = _of_region(wanted, where, gpu, limit)
            emit(answer, as_json=as_json, text=_answer(answer))
        else:
            note, decisions = _last(wanted, limit)
            value = {"note": note, "decisions": decisions}
            emit(value, as_json=as_json, text=(*([note] if note else []), *_decisions(decisions)))


def _of_region(wanted: Settings, region: str, gpu: str, limit: int) -> Answer:
    gateway = session.placements(wanted)
    found = session.placement(wanted, gateway)
    view = next((v for v in gateway.list_regions() if v.region == region), None)
    answer = explaining.of_region(
        found,
        region,
        accelerator=gpu or _its_gpu(found, region),
        view=view,
        decisions=explaining.merged(found.status.decisions, _entries(wanted)),
        now=wanted.now(),
    )
    return replace(answer, decisions=answer.decisions[:limit])


def _its_gpu(found: Placement, region: str) -> str:
    """The one that the region is to run; the preferred one where it runs none."""
    status = next((r for r in found.status.regions if r.region == region), None)
    return (status.accelerator if status else "") or found.spec.accelerators[0]


def _last(wanted: Settings, limit: int) -> tuple[str, tuple[Told, ...]]:
    entries = _entries(wanted)
    note, held = "", tuple[Decision, ...]()
    try:
        held = session.placement(wanted, session.placements(wanted)).status.decisions
    except Failed as e:
        if not entries:
            raise
        note = f"From the journal alone: {e}"
    newest = explaining.merged(held, entries)[:limit]
    return note, tuple(explaining.told(d) for d in newest)


def _entries(wanted: Settings) -> Sequence[Entry]:
    """History only: that it can't be read leaves what the status holds."""
    from lib.gateways.journal import Journal

    if not wanted.state_dir.is_dir():
        return ()
    try:
        return Journal(wanted.journal_url).read(kinds=["decision"], limit=RECORDS)
    except JournalError as e:
        typer.echo(str(e), err=True)
        return ()


def _answer(answer: Answer) -> Iterator[str]:
    yield answer.sentence
    if answer.blocker and answer.phase:
        yield f"  blocked by  {answer.blocker}"
    yield from (f"  flips with  {flip}" for flip in answer.flip)
    yield from (f"  evidence    {line}" for line in answer.evidence)
    yield from _decisions(answer.decisions)


def _decisions(decisions: Sequence[Told]) -> Iterator[str]:
    if not decisions:
        yield "No decision is recorded."
    for one in decisions:
        where = f" {one.region}" if one.region else ""
        yield f"{one.at:%Y-%m-%d %H:%M:%S}  {one.verb}{where}: {one.why}"
        for other in one.why_not:
            yield f"  why not {other.region}: {other.reason}"
            if other.flip:
                yield f"    flips with  {other.flip}"
        yield from (f"  flips with  {flip}" for flip in one.flip)
