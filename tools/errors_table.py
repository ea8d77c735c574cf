"""Write docs/errors.md from the table in lib/fleet/failures.py: .venv/bin/python -m tools.errors_table

A test holds the file against what this makes, so that neither can drift from the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lib.fleet.failures import OWN, TABLE, Row, Then

OUT = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
HEAD = """# Errors, and what is done about them

Every error of an API is looked up in one table, by HTTP or gRPC status, reason and text; the first row that fits counts, and
the last ones take what nobody has seen yet. The table is `lib/fleet/failures.py`; this page is made of it by
`python -m tools.errors_table`, and a test keeps the two the same.

*then*: **Done** there is nothing left to do; **Retry** the same action is tried again; **Elsewhere** it is evidence
against the region, and the next plan goes to another one; **GiveUp** the call itself is wrong, and another wish is needed;
**AskOperator** only an operator can mend it. *again after* is in seconds of the wall, doubled at each failure up to five
minutes; a longer Retry-After is waited for. The loop never blocks on any of them: other regions and other actions go on.
GiveUp and AskOperator are told as errors on the Activity page with the last column's sentence.

"""


def main() -> None:
    OUT.write_text(text(), encoding="utf-8")


def text() -> str:
    head = ("status", "reason", "says", "error", "then", "again after", "what happens next, or what to do")
    own = ((name, row.then.value, _again(row), row.what_next) for name, row in OWN.items())
    short = ("error", "then", "again after", "what happens next, or what to do")
    return (
        f"{HEAD}{_table(head, map(_cells, TABLE))}\n\n## Errors that no answer of an API led to\n\n"
        f"{_table(short, own)}\n"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)


def _cells(row: Row) -> tuple[str, ...]:
    status = row.title or ", ".join("no answer" if s == 0 else str(s) for s in row.status) or "any"
    says = f"`{row.says}`".replace("|", "\\|") if row.says else ""
    return (status, ", ".join(row.reasons), says, row.error, row.then.value, _again(row), row.what_next)


def _again(row: Row) -> str:
    return "" if row.then is Then.DONE else f"{row.hold_s:g} s"


if __name__ == "__main__":
    main()
