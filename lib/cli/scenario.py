"""`sandbox scenario list | show | use`: what the sandbox's cloud goes through by itself.

A file is read here and its content sent, so that the sandbox opens nobody's files. Checking it is the sandbox's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from lib.cli import session
from lib.cli.output import Failed, Usage, emit, reported, settings, table
from lib.fleet.catalog import nearest

if TYPE_CHECKING:
    from lib.gateways.faults import FaultsGateway, Scenario
    from lib.settings import Settings

Json = Annotated[bool, typer.Option("--json")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]
SUFFIXES = (".yaml", ".yml", ".json")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What the sandbox's cloud goes through by itself."
)


@app.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """The scenarios that come with the sandbox."""
    with reported():
        found = session.sandbox(settings()).scenarios()
        rows = [("*" if s.on else "", s.name, s.sentence) for s in found]
        emit(found, as_json=as_json, text=table(("", "SCENARIO", ""), rows))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="One of `list`; the one that is on when left out.")] = "",
    as_json: Json = False,
) -> None:
    """What a scenario does, and how far the one that is on has come."""
    with reported():
        gateway = session.sandbox(settings())
        found = gateway.scenario()
        if name and name != found.name:
            found = _named(gateway, name)
        emit(found, as_json=as_json, text=_lines(found))


@app.command()
def use(
    scenario: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="One of `list`, or a YAML file.")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Begin a scenario now; the faults of the one before end."""
    with reported():
        gateway = session.sandbox(wanted := settings())
        path = Path(scenario).expanduser()
        if path.suffix in SUFFIXES or len(path.parts) > 1:
            made = gateway.use_scenario(document=_content(path), file=path.name, dry_run=dry_run)
        else:
            made = gateway.use_scenario(name=_named(gateway, scenario).name, dry_run=dry_run)
        if not dry_run:
            _journal(wanted, made)
        told = f"{'Would begin' if dry_run else 'On from now'}: {made.name}. {made.sentence}"
        emit({"scenario": made, "applied": not dry_run}, as_json=as_json, text=[told])


def _named(gateway: FaultsGateway, name: str) -> Scenario:
    known = {s.name: s for s in gateway.scenarios()}
    if name not in known:
        near = nearest(name, known) or tuple(known)
        raise Usage(
            f"There is no scenario {name!r}; did you mean {' or '.join(near)}, or the path of a YAML file?"
        )
    return known[name]


def _content(path: Path) -> dict[str, Any]:
    """The file's document with the trace that it names in it, as the sandbox takes it."""
    found = _parsed(path, yaml.safe_load)
    if not isinstance(found, dict):
        raise Failed(f"{path} is no scenario; it must be a mapping with name, sentence and stock.")
    stock = found.get("stock")
    replay = stock.get("replay") if isinstance(stock, dict) else None
    if isinstance(replay, dict) and isinstance(replay.get("trace"), str):
        replay["trace"] = _parsed(path.parent / replay["trace"], json.loads)
    return found


def _parsed(path: Path, parse: Any) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise Failed(f"{path} can't be read ({e.strerror}); name a file that is there.") from e
    except (ValueError, yaml.YAMLError) as e:
        raise Failed(f"{path} is not {'JSON' if parse is json.loads else 'YAML'}: {e}") from e


def _lines(found: Scenario) -> Iterator[str]:
    yield f"{found.name}: {found.sentence}"
    yield f"Stock follows a {found.stock}; the GPU quotas are {found.quota}."
    if found.started_at:
        yield f"On since {found.started_at:%Y-%m-%d %H:%M:%S}, the sandbox's time."
    rows = [
        (f"+{_short(line.at_s)}", line.fault, json.dumps(dict(line.scope)), _short(line.for_s), line.state)
        for line in found.script
    ]
    if rows:
        yield from table(("AT", "FAULT", "SCOPE", "FOR", ""), rows)


def _short(length_s: float | None) -> str:
    """As it is written in a scenario: 1h30m."""
    if length_s is None:
        return "good"
    seconds = round(length_s)
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"


def _journal(wanted: Settings, made: Scenario) -> None:
    from lib.gateways.faults import scenario_line
    from lib.gateways.journal import Journal

    line = scenario_line(made)
    Journal(wanted.journal_url).append("fault", at=wanted.now(), actor=session.actor(), **line)
