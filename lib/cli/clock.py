"""`sandbox speed | pause | resume | step`: let the sandbox's time run, stand still, or pass at once.

For presenters and tests; against a real project these verbs refuse, since nobody's clock can be turned there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli import session
from lib.cli.output import Usage, emit, reported, settings

if TYPE_CHECKING:
    from lib.gateways.faults import ClockReading

Json = Annotated[bool, typer.Option("--json")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]
LONGEST = timedelta(days=366)


def register(app: typer.Typer) -> None:
    for verb in (speed, pause, resume, step):
        app.command()(verb)


def speed(
    factor: Annotated[float, typer.Argument(help="Sandbox seconds per second, 1 to 600; 0 pauses.")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let the sandbox's time run faster or slower, from now on."""
    with reported():
        if factor != 0 and not 1 <= factor <= 600:
            raise Usage(f"The speed is a number from 1 to 600, or 0 to pause; not {factor:g}.")
        gateway = session.sandbox(settings())
        if dry_run:
            _would({"speed": factor}, f"Would run at {factor:g}x.", as_json=as_json)
        elif factor == 0:
            _tell(gateway.set_clock(paused=True), as_json=as_json)
        else:
            _tell(gateway.set_clock(speed=factor, paused=False), as_json=as_json)


def pause(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Let the sandbox's time stand still; `step` still moves it, `resume` lets it run."""
    _let(paused=True, dry_run=dry_run, as_json=as_json)


def resume(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Let the sandbox's time run again, as fast as before."""
    _let(paused=False, dry_run=dry_run, as_json=as_json)


def step(
    by: Annotated[str, typer.Argument(help="How much sandbox time passes at once: 90s, 10m, 1h30m.")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let some of the sandbox's time pass at once; what would have happened in it happens."""
    with reported():
        length = session.duration(by)
        if not timedelta() < length <= LONGEST:
            raise Usage(f"A step is longer than 0 and at most a year; not {by}.")
        gateway = session.sandbox(settings())
        if dry_run:
            _would({"seconds": length.total_seconds()}, f"Would let {by} pass.", as_json=as_json)
        else:
            _tell(gateway.step(length), as_json=as_json)


def _let(*, paused: bool, dry_run: bool, as_json: bool) -> None:
    with reported():
        gateway = session.sandbox(settings())
        if dry_run:
            _would({"paused": paused}, f"Would {'pause' if paused else 'resume'} the clock.", as_json=as_json)
        else:
            _tell(gateway.set_clock(paused=paused), as_json=as_json)


def _would(what: dict[str, object], told: str, *, as_json: bool) -> None:
    emit({**what, "applied": False}, as_json=as_json, text=[told])


def _tell(reading: ClockReading, *, as_json: bool) -> None:
    how = "stands still" if reading.paused else f"runs {reading.speed:g} times as fast as the wall's"
    emit(reading, as_json=as_json, text=[f"The sandbox's time {how}; it is {reading.now:%Y-%m-%d %H:%M:%S}."])
