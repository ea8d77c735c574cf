"""`probe`: ask for one GPU machine and give it back at once, to know whether a zone has capacity. It costs a minute.

Asks for confirmation with its cost and its limits. What an earlier probe left behind when it was killed is removed
first. The outcome goes into the journal as an own attempt, where the controller and `sonar` find it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lib.cli import session
from lib.cli.output import Failed, Usage, emit, reported, settings
from lib.fleet import probe as rules
from lib.fleet.ledger import Step, Thing, ThingKind, line_from
from lib.fleet.model import Attempt, Outcome, Provisioning
from lib.fleet.probe import Probe
from lib.gateways.errors import AtlasError, CapacityError, QuotaError, Unreachable
from lib.launch import process
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.journal import Journal
    from lib.gateways.ledger import Because, Ledger
    from lib.gateways.probe import ProbeGateway

WHY = "A capacity probe that the operator asked for."
LEFT = "Left behind by a probe that ended too early."


def register(app: typer.Typer) -> None:
    app.command()(probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hands:
    settings: Settings
    gateway: ProbeGateway
    journal: Journal
    ledger: Ledger
    actor: str
    operation_id: str


def probe(  # noqa: PLR0913, PLR0917 - one parameter an option
    region: Annotated[str, typer.Argument(help="Where; left out only with --clean.")] = "",
    zone: Annotated[str, typer.Option(help="One zone; the likeliest one when left out.")] = "",
    accelerator: Annotated[str, typer.Option(help="The GPU, as GKE spells it.")] = "",
    spot: Annotated[bool, typer.Option("--spot", help="Spot instead of on-demand.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only remove what earlier probes left behind.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    actor: Annotated[str, typer.Option(help="Who asks, for the record; you when left out.")] = "",
    operation_id: Annotated[str, typer.Option(help="The wish it belongs to, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Create one GPU machine and delete it at once: the surest answer, for the price of a minute."""
    with reported():
        if not clean and not (region and accelerator):
            raise Usage(
                "Which GPU, and where? ./atlas probe REGION --accelerator GPU [--zone ZONE] [--spot]."
            )
        place, gpu = (
            session.region(region) if region else "",
            session.accelerator(accelerator) if accelerator else "",
        )
        wanted = settings()
        with _reached(wanted), _alone(wanted), _stoppable():
            hands = _hands(wanted, actor or session.actor(), operation_id)
            removed = _clean(hands, dry_run=dry_run)
            if clean:
                told = _cleaned(removed, dry_run=dry_run) or ["Nothing is left over."]
                emit({"removed": removed}, as_json=as_json, text=told)
                return
            model = Provisioning.SPOT if spot else Provisioning.STANDARD
            one = _checked(
                hands, Probe(region=place, zone=zone, accelerator=gpu, provisioning=model, at=wanted.now())
            )
            told = [*_cleaned(removed, dry_run=dry_run), *rules.plan_words(one, _made(hands.journal))]
            if dry_run:
                emit(
                    {"plan": told, "costUSD": round(one.usd, 4), "name": one.name}, as_json=as_json, text=told
                )
                return
            _confirm(told, yes=yes, quiet=as_json)
            _tell(hands, one, removed, as_json=as_json)


def _hands(wanted: Settings, actor: str, operation_id: str) -> _Hands:
    from lib.gateways.journal import Journal
    from lib.gateways.ledger import Ledger
    from lib.gateways.probe import ProbeGateway

    journal = Journal(wanted.journal_url)
    return _Hands(
        settings=wanted,
        gateway=ProbeGateway(wanted),
        journal=journal,
        ledger=Ledger(journal, wanted.now),
        actor=actor,
        operation_id=operation_id,
    )


@contextmanager
def _reached(wanted: Settings) -> Iterator[None]:
    """A sentence of its own where nobody answers because nothing was started."""
    try:
        yield
    except Unreachable as e:
        if session.is_down(wanted):
            raise Failed(f"Nothing runs on {wanted.state_dir}; start it with ./atlas up.") from e
        raise


@contextmanager
def _alone(wanted: Settings) -> Iterator[None]:
    """One probe at a time of a state directory; the kernel lets go of the lock at the end of this process, whatever
    that was."""
    path = process.folder(wanted.state_dir) / "probe.lock"
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as e:
        raise Failed("Another probe is under way; wait for its end.") from e
    finally:
        os.close(fd)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends a probe as Ctrl-C does: what was made is deleted first."""

    def stop(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _clean(hands: _Hands, *, dry_run: bool) -> list[str]:
    """Remove what earlier probes left; what another one makes at this moment is left alone."""
    now, stands = hands.settings.now(), hands.ledger.stands()
    left = [
        found.probe
        for found in hands.gateway.leftovers()
        if _thing(found.probe) in stands or now - found.probe.at > rules.PATIENCE
    ]
    for found in left if not dry_run else ():
        with hands.ledger.removing(_thing(found), because=_because(hands, LEFT)):
            hands.gateway.remove(found)
    return [f"{found.name} in {found.zone}" for found in left]


def _cleaned(removed: list[str], *, dry_run: bool) -> list[str]:
    verb = "Would remove" if dry_run else "Removed"
    return [f"{verb} what an earlier probe left behind: {name}." for name in removed]


def _checked(hands: _Hands, wanted: Probe) -> Probe:
    """The probe with its zone; Failed with the rule that speaks against it."""
    from lib.gateways.compute import ComputeGateway

    known = ComputeGateway(hands.settings).list_capacity().get(wanted.region)
    made = _made(hands.journal)
    zone = wanted.zone or rules.best_zone(
        wanted.region, known, wanted.accelerator, made, hands.journal.attempts()[1]
    )
    found = Probe(
        region=wanted.region,
        zone=zone,
        accelerator=wanted.accelerator,
        provisioning=wanted.provisioning,
        at=wanted.at,
    )
    if problem := rules.refusal(found, made, known, room_usd=_room(hands.settings)):
        raise Failed(problem)
    return found


def _made(journal: Journal) -> list[Probe]:
    """Every probe that the ledger knows. A journal that can't be read ends it: limits could not be kept."""
    lines = [line_from(entry) for entry in journal.read(kinds=["ledger"], limit=2000)]
    things = {
        line.thing
        for line in lines
        if line and line.thing.kind is ThingKind.PROBE and line.step is Step.INTENDED
    }
    return [found for t in things if (found := rules.probe_from(t.name, t.location))]


def _room(wanted: Settings) -> float | None:
    """What the placement's budget leaves; None where nobody tells."""
    try:
        placement = session.placements(wanted).get()
    except AtlasError:
        return None
    return placement.spec.max_hourly_usd - placement.status.usd_per_hour


def _confirm(told: list[str], *, yes: bool, quiet: bool) -> None:
    if not (yes and quiet):
        for line in told:
            typer.echo(line, err=quiet)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Usage("A probe costs money: say --yes, or --dry-run to see what it would do.")
    typer.confirm("Go on?", abort=True, err=True)


def _tell(hands: _Hands, one: Probe, removed: list[str], *, as_json: bool) -> None:
    began = hands.settings.now()
    outcome, message = _ask(hands, one)
    took_s = (hands.settings.now() - began).total_seconds()
    attempt = Attempt(
        region=one.region,
        accelerator=one.accelerator,
        provisioning=one.provisioning,
        outcome=outcome,
        at=hands.settings.now(),
        zone=one.zone,
        message=message,
        probe=True,
    )
    hands.journal.append_attempt(attempt)
    value = {
        "name": one.name,
        "region": one.region,
        "zone": one.zone,
        "accelerator": one.accelerator,
        "provisioning": one.provisioning,
        "outcome": outcome,
        "message": message,
        "tookSeconds": round(took_s, 1),
        "costUSD": round(one.usd if outcome is Outcome.OBTAINED else 0.0, 4),
        "removed": removed,
    }
    emit(value, as_json=as_json, text=[rules.told(one, outcome, message, took_s)])


def _ask(hands: _Hands, one: Probe) -> tuple[Outcome, str]:
    """The answer; whatever it is, and whoever ends this, what was made is deleted."""
    outcome, message = Outcome.OBTAINED, ""
    try:
        with hands.ledger.making(_thing(one), because=_because(hands, WHY)):
            hands.gateway.ask(one)
    except CapacityError as e:
        outcome, message = Outcome.STOCK_OUT, str(e)
    except QuotaError as e:
        outcome, message = Outcome.QUOTA, str(e)
    finally:
        with hands.ledger.removing(_thing(one), because=_because(hands, WHY)):
            hands.gateway.remove(one)
    return outcome, message


def _thing(found: Probe) -> Thing:
    return Thing(kind=ThingKind.PROBE, name=found.name, location=found.zone)


def _because(hands: _Hands, why: str) -> Because:
    from lib.gateways.ledger import Because

    return Because(why=why, actor=hands.actor, operation_id=hands.operation_id)
