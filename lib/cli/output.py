"""How the command line speaks: a table or JSON on stdout, one sentence on stderr, three exit codes.

0 done, 1 failed, 2 wrong usage. Verbs raise; only `reported` here turns what they raise into words and a
code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from lib.fleet import intent
from lib.gateways.errors import AtlasError
from lib.launch import LaunchError
from lib.settings import Settings, SettingsError, load

FAILED, USAGE = 1, 2


class Failed(Exception):  # noqa: N818 - it is an outcome
    """What went wrong, in one sentence: exit code 1."""


class Usage(Exception):  # noqa: N818
    """What was asked is wrong, in one sentence with the nearest right words: exit code 2."""


@contextmanager
def reported() -> Iterator[None]:
    """Known errors end the process with their sentence and their code."""
    try:
        yield
    except Usage as e:
        _end(e, USAGE)
    except (Failed, AtlasError, LaunchError, SettingsError, intent.Refused) as e:
        _end(e, FAILED)
    except BrokenPipeError:  # `atlas events | head`
        raise typer.Exit(0) from None


def _end(error: Exception, code: int) -> None:
    typer.echo(" ".join(str(error).split()), err=True)
    raise typer.Exit(code) from error


def settings() -> Settings:
    return load()


def emit(value: object, *, as_json: bool, text: Iterable[str]) -> None:
    """`value` as JSON, or `text` line by line."""
    if as_json:
        typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))
        return
    for line in text:
        typer.echo(line)


def plain(value: object) -> Any:
    """JSON types: dataclasses by field, times as RFC 3339, lengths of time in seconds, sets sorted."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return _simple(value)


def _simple(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Path) else value


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one is free."""
    cells = [tuple(head), *(tuple("" if c is None else str(c) for c in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        yield "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()


def usd(amount: float | None) -> str:
    return "?" if amount is None else f"${amount:.2f}/h"
