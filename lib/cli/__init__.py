"""The product's verbs without a browser: `./atlas up`, `status`, `expand europe-west4`, `switch-gpu ...
--hard`.

The same intents, the same placement object and the same global address as the dashboard; nothing is
decided here. Client libraries are imported by the verbs that need them, so that `--help` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer
from typer.main import get_command

from lib.cli import (
    change,
    clock,
    cost,
    explain,
    orphans,
    policy,
    probe,
    prompt,
    read,
    roll_back,
    sandbox,
    scenario,
    sonar,
    stack,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="atlas",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Find a GPU in any region, serve from it behind one global address.",
)
for part in (stack, read, sonar, probe, explain, cost, change, roll_back, orphans, prompt, policy):
    part.register(app)
clock.register(sandbox.app)
sandbox.app.add_typer(scenario.app, name="scenario")
app.add_typer(sandbox.app, name="sandbox")


def main(words: Sequence[str]) -> int:
    """Exit code: 0 done, 1 failed with one sentence, 2 wrong usage with one sentence."""
    try:
        code = get_command(app).main(list(words), prog_name="atlas", standalone_mode=False)
    except typer.TyperException as e:
        told = e.format_message()
        typer.echo(told if told.startswith("Usage:") else " ".join(told.split()), err=True)
        return e.exit_code
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0
