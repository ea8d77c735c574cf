"""`sonar`: one sweep over all regions for the wanted GPUs, told as it is heard and ranked at the end.

Asks Google itself and not the controller, so it works while nothing else runs; it creates nothing. What is known from
own tries comes from the journal.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli import session
from lib.cli.output import Failed, Usage, plain, reported, settings, table, usd
from lib.fleet import capacity, catalog
from lib.fleet.model import Attempt, Candidate, Durations, PlacementSpec, Provisioning
from lib.gateways.errors import AtlasError, JournalError, Unreachable
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.fleet.sonar import Sounding
    from lib.gateways.sweep import Asked

LONGEST_S = 600.0
BOTH = (Provisioning.STANDARD, Provisioning.SPOT)


def register(app: typer.Typer) -> None:
    app.command()(sonar)


def sonar(
    accelerator: Annotated[
        list[str] | None, typer.Option(help="A GPU to look for; those of the placement when left out.")
    ] = None,
    provisioning: Annotated[
        list[Provisioning] | None, typer.Option(help="STANDARD or SPOT; as the placement when left out.")
    ] = None,
    deadline: Annotated[str, typer.Option(help="How long to listen, as in 10s.")] = "10s",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of the table at the end.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, as it is heard.")] = False,
) -> None:
    """Sweep all regions for the wanted GPUs now; results as they come, then the ranking."""
    with reported():
        wanted = settings()
        names = [session.accelerator(name) for name in accelerator or ()]
        deadline_s = session.duration(deadline).total_seconds()
        if not 0 < deadline_s <= LONGEST_S:
            raise Usage(f"The deadline must be more than 0 and at most {LONGEST_S:g} s.")
        asked = _asked(wanted, names, tuple(dict.fromkeys(provisioning or ())))
        started = time.monotonic()
        heard: list[Sounding] = []
        for sounding in _sweep(wanted, asked, deadline_s):
            heard.append(sounding)
            _line(sounding, time.monotonic() - started, as_json=as_json)
        _end(heard, asked, time.monotonic() - started, limit, as_json=as_json)


def _asked(wanted: Settings, names: list[str], models: tuple[Provisioning, ...]) -> Asked:
    """By the placement where it can be read; with named GPUs it need not be."""
    from lib.gateways.sweep import Asked

    gateway = session.placements(wanted)
    spec, present = PlacementSpec(accelerators=tuple(names), provisioning=models or BOTH), frozenset[str]()
    try:
        found = session.placement(wanted, gateway) if not names else gateway.get()
        present = frozenset(r.region for r in found.status.regions if r.cluster)
        wished = tuple(sorted(capacity.wanted(found.spec), key=_order(found.spec)))
        spec = PlacementSpec(
            accelerators=tuple(names) or wished,
            provisioning=models or found.spec.provisioning,
            excluded=found.spec.excluded,
        )
    except AtlasError:
        if not names:
            raise
    attempts, durations = _remembered(wanted)
    return Asked(spec=spec, attempts=attempts, durations=durations, present=present, now=wanted.now())


def _order(spec: PlacementSpec) -> Callable[[str], int]:
    """Preferred ones first; those that only a lease names after them."""
    return lambda name: spec.accelerators.index(name) if name in spec.accelerators else len(spec.accelerators)


def _remembered(wanted: Settings) -> tuple[tuple[Attempt, ...], Durations | None]:
    """Own tries and learned durations; a journal that can't be read costs only these."""
    from lib.gateways.journal import Journal

    if not wanted.state_dir.is_dir():
        return (), None
    try:
        journal = Journal(wanted.journal_url)
        return journal.attempts()[1], journal.durations()
    except JournalError:
        return (), None


def _sweep(wanted: Settings, asked: Asked, deadline_s: float) -> Iterator[Sounding]:
    from lib.gateways import connect
    from lib.gateways.advice import AdviceGateway
    from lib.gateways.compute import ComputeGateway
    from lib.gateways.sweep import sweep

    try:
        connect.endpoints(wanted)
    except Unreachable as e:
        raise Failed(f"Nothing runs on {wanted.state_dir}; start it with ./atlas up.") from e
    yield from sweep(ComputeGateway(wanted), AdviceGateway(wanted), asked, deadline_s=deadline_s)


def _line(sounding: Sounding, after_s: float, *, as_json: bool) -> None:
    c = sounding.candidate
    if as_json:
        told = {"type": "sounding", "afterSeconds": round(after_s, 3), **plain(sounding)}
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif c.zones or sounding.why:  # what a region doesn't offer is no news; it is counted at the end
        why = sounding.why or next(iter(c.reasons), "")
        typer.echo(
            f"{after_s:5.1f} s  {c.region:24} {catalog.short(c.accelerator):10} {c.provisioning:8} {_likely(c):>4}  {why}"
        )


def _end(heard: list[Sounding], asked: Asked, after_s: float, limit: int, *, as_json: bool) -> None:
    from lib.fleet.sonar import Heard, ranked

    order = ranked(heard, asked.present)
    count = Counter(s.heard for s in heard)
    if as_json:
        summary = {
            "type": "ranking",
            "afterSeconds": round(after_s, 3),
            "heard": dict(count),
            "ranking": [
                {"region": s.candidate.region, "accelerator": s.candidate.accelerator,
                 "provisioning": s.candidate.provisioning, "obtainability": s.candidate.obtainability,
                 "eligible": s.candidate.eligible, "heard": s.heard, "why": s.why}
                for s in order
            ],
        }  # fmt: skip
        typer.echo(json.dumps(plain(summary), ensure_ascii=False))
        return
    shown = [s for s in order if s.candidate.zones or s.heard is Heard.NOTHING]
    typer.echo("")
    for line in table(("", "REGION", "GPU", "MODEL", "LIKELY", "ETA", "PRICE", ""), _rows(shown[:limit])):
        typer.echo(line)
    rest = len(heard) - len(shown)
    told = f"{len(shown) - min(limit, len(shown))} more rows; " if len(shown) > limit else ""
    typer.echo(
        f"{told}{count[Heard.ALL]} heard, {count[Heard.CHEAP]} without advice, {count[Heard.NOTHING]} unknown, "
        f"{rest} not offered, in {after_s:.1f} s."
    )


def _rows(shown: list[Sounding]) -> Iterator[tuple[object, ...]]:
    for number, sounding in enumerate(shown, start=1):
        c = sounding.candidate
        eta = "" if c.eta_s is None else f"{c.eta_s / 60:.0f} min"
        why = sounding.why or next(iter(c.reasons), "")
        yield (
            number,
            c.region,
            catalog.short(c.accelerator),
            c.provisioning,
            _likely(c),
            eta,
            usd(c.usd_per_hour),
            why,
        )


def _likely(c: Candidate) -> str:
    if c.obtainability is None:
        return "?"
    return f"{c.obtainability:.0%}" if c.eligible else "no"
