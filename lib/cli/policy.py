"""`policy --stdio`: the placement policy alone, spoken to by a judge over its standard input and output."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lib.cli.output import Usage, reported
from lib.fleet.policy import wire


def register(app: typer.Typer) -> None:
    app.command()(policy)


def policy(
    stdio: Annotated[bool, typer.Option("--stdio", help="JSON lines in, JSON lines out, until end.")] = False,
) -> None:
    """Judge the placement policy on a recorded trace: it answers what to ask for, minute by minute."""
    with reported():
        if not stdio:
            raise Usage("Say how a judge speaks to it: atlas policy --stdio.")
        try:
            for answer in wire.answers(sys.stdin):
                typer.echo(answer)
        except wire.WireError as e:
            raise Usage(str(e)) from e
