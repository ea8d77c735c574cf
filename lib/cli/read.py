"""`status`, `regions`, `locate` and `events`: what the controller has published, one call each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from lib.cli import session
from lib.cli.output import Usage, emit, plain, reported, settings, table, usd
from lib.fleet import capacity, catalog, evidence, spend, words
from lib.fleet.model import Candidate, Entry, Placement, RegionStatus, RegionView
from lib.launch import process

QUIET = frozenset({"probe", "ledger", "spend"})
Json = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]


def register(app: typer.Typer) -> None:
    for verb in (status, regions, locate, events):
        app.command()(verb)


def status(as_json: Json = False) -> None:
    """Where every region stands, and why."""
    with reported():
        wanted = settings()
        found = session.placement(wanted, session.placements(wanted))
        value = {
            "placement": found.name,
            "generation": found.generation,
            "label": wanted.label,
            "now": wanted.now(),
            "spec": found.spec,
            **asdict(found.status),
            "cost": spend.cost(found, now=wanted.now()),
        }
        emit(value, as_json=as_json, text=_status(found, wanted.label))


def _status(found: Placement, label: str) -> Iterator[str]:
    told = found.status
    serving = sum(r.phase == "Serving" for r in told.regions)
    yield " ".join(filter(None, [label, found.name])) + (
        f": {serving} of {found.spec.serving} regions serve at {told.vip or 'no address yet'},"
        f" {usd(told.usd_per_hour)} of {usd(found.spec.max_hourly_usd)}"
    )
    rows = [(r.region, r.phase, r.accelerator, r.zone, _eta(r), r.message) for r in told.regions]
    yield from table(("REGION", "PHASE", "GPU", "ZONE", "ETA", ""), rows)
    for decision in told.decisions[:3]:
        yield f"{decision.verb}: {words.about(decision.region, decision.reason)}"
    if cycle := told.cycle:
        most = f"at most {cycle.bound} at this size"
        yield f"Last cycle: {cycle.seconds:.1f} s, {sum(cycle.calls.values())} API calls ({most})."


def _eta(region: RegionStatus) -> str:
    if region.eta is None or region.as_of is None:
        return ""
    soon, late = (
        max(0, round((t - region.as_of).total_seconds() / 60))
        for t in (region.eta, region.eta_late or region.eta)
    )
    band = f"{soon} to {late} min" if late > soon else f"{soon} min"
    return f"{band}, {words.duration(region.late_s)} late" if region.late_s else band


def regions(as_json: Json = False) -> None:
    """What is known of GPUs in every region."""
    with reported():
        wanted = settings()
        gateway = session.placements(wanted)
        first = session.placement(wanted, gateway).spec.accelerators[0]
        views = gateway.list_regions()
        rows = [(v.region, len(v.zones), *_cells(_of(v, first))) for v in views]
        head = ("REGION", "ZONES", "GPU", "LIKELY", "ETA", "PRICE", "")
        emit(views, as_json=as_json, text=table(head, rows))


def locate(
    accelerator: Annotated[str, typer.Option(help="The GPU to find, as GKE spells it.")],
    region: Annotated[str, typer.Option(help="All the evidence on this region.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    as_json: Json = False,
) -> None:
    """Where a GPU can be had, best place first, and why not elsewhere."""
    with reported():
        wanted = settings()
        name, where = session.accelerator(accelerator), session.region(region) if region else ""
        gateway = session.placements(wanted)
        used = session.placement(wanted, gateway).spec.provisioning
        views = [v for v in gateway.list_regions() if where in {"", v.region}]
        found = [c for v in views for c in v.all() if c.accelerator == name and c.provisioning in used]
        found.sort(key=lambda c: capacity.rank(c, frozenset()))
        now = wanted.now()
        value = [_with_evidence(c, now) for c in found[:limit]]
        if where:
            emit(value, as_json=as_json, text=(line for c in found for line in _evidence(c, now)))
            return
        rows = [(c.region, c.provisioning, *_cells(c)[1:]) for c in found[:limit]]
        head = ("REGION", "MODEL", "LIKELY", "ETA", "PRICE", "")
        emit(value, as_json=as_json, text=table(head, rows))


def _with_evidence(c: Candidate, now: datetime) -> dict[str, object]:
    """With what each piece weighs now, and what a reader should know before trusting them."""
    told = asdict(c)
    told["evidence"] = [{**asdict(p), "weight": round(p.weight(now), 2)} for p in c.evidence]
    return {**told, "doubts": evidence.doubts(c.evidence, now)}


def _evidence(c: Candidate, now: datetime) -> Iterator[str]:
    gpu, cells = catalog.short(c.accelerator), _cells(c)
    yield f"{c.region}: {gpu} {c.provisioning}, likely {cells[1]}, {cells[2] or 'no ETA'}, {cells[3]}"
    if not c.eligible:
        yield f"  {cells[4]}"
    if c.evidence:
        rows = [(f"  {p.source}", p.verdict, f"{p.weight(now):.2f}", p.says) for p in c.evidence]
        yield from table(("  SOURCE", "VERDICT", "WEIGHT", ""), rows)
    else:
        yield from (f"  {reason}" for reason in c.reasons)
    doubts = [d for d in evidence.doubts(c.evidence, now) if d not in {p.says for p in c.evidence}]
    yield from (f"  ! {doubt}" for doubt in doubts)


def _of(view: RegionView, accelerator: str) -> Candidate | None:
    return next((c for c in view.candidates if c.accelerator == accelerator), None)


def _cells(c: Candidate | None) -> tuple[str, ...]:
    if c is None:
        return ("", "", "", "", "")
    likely = "?" if c.obtainability is None else f"{c.obtainability:.0%}"
    eta = "" if c.eta_s is None else f"{c.eta_s / 60:.0f} min"
    why = (c.reasons or ("",))[0] + (f" ({c.flip})" if c.flip and not c.eligible else "")
    return (c.accelerator, likely if c.eligible else "no", eta, usd(c.usd_per_hour), why)


def events(
    region: Annotated[str, typer.Option(help="Only this region.")] = "",
    kind: Annotated[
        list[str] | None, typer.Option(help="phase, decision, action, ...; all but probe, ledger, spend.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=2000)] = 50,
    as_json: Json = False,
) -> None:
    """What was seen, decided and done; the newest last."""
    from lib.gateways.journal import KINDS, Journal

    with reported():
        if wrong := sorted(set(kind or ()) - KINDS):
            raise Usage(f"There is no kind {wrong[0]!r}; there are {', '.join(sorted(KINDS))}.")
        wanted = settings()
        where = session.region(region) if region else None
        process.folder(wanted.state_dir)
        # Probes and accounts come often and would hide what happened; the ledger says it a second time.
        entries = Journal(wanted.journal_url).read(kinds=kind or KINDS - QUIET, limit=limit, region=where)
        entries.sort(key=lambda e: (e.at, e.id))  # what was seen late is told where it happened
        rows = [(e.at.strftime("%H:%M:%S"), e.kind, e.region, e.subject, _told(e)) for e in entries]
        emit(entries, as_json=as_json, text=table(("TIME", "KIND", "REGION", "SUBJECT", ""), rows))


def _told(entry: Entry) -> str:
    return entry.message or words.by_body(entry) or (str(plain(entry.body)) if entry.body else "")
