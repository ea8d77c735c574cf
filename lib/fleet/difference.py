"""What differs between two sets of files, as the unified diff that everybody reads. Pure, bounded, never cut silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

LINES = 400
Files = Mapping[str, str]  # path -> text


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`text` holds the first `LINES` lines of `lines`."""

    text: str
    lines: int
    files: tuple[str, ...]  # that differ
    added: int
    removed: int

    @property
    def left_out(self) -> int:
        return max(0, self.lines - LINES)


def difference(before: Files, after: Files) -> Difference:
    differing = tuple(path for path in sorted({*before, *after}) if before.get(path) != after.get(path))
    lines = [line for path in differing for line in _file(path, before.get(path), after.get(path))]
    return Difference(
        text="\n".join(lines[:LINES]),
        lines=len(lines),
        files=differing,
        added=sum(line.startswith("+") and not line.startswith("+++") for line in lines),
        removed=sum(line.startswith("-") and not line.startswith("---") for line in lines),
    )


def paths(texts: Mapping[str, Files], clusters: frozenset[str] | None = None) -> dict[str, str]:
    """The files of some clusters (None: of all) by their whole path."""
    return {
        f"clusters/{cluster}/{name}": text
        for cluster, files in texts.items()
        if clusters is None or cluster in clusters
        for name, text in files.items()
    }


def _file(path: str, before: str | None, after: str | None) -> Iterator[str]:
    old, new = (text.splitlines() if text is not None else [] for text in (before, after))
    names = ("/dev/null" if before is None else path, "/dev/null" if after is None else path)
    yield from unified_diff(old, new, *names, lineterm="")
