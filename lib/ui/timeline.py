"""The journal as a timeline: filtered, newest first, bounded. Lines open to their original words and their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lib.fleet import explain
from lib.fleet import words as fleet_words
from lib.fleet.model import Entry, Phase, WhyNot
from lib.ui import browser, words
from lib.ui.snapshot import Snapshot

SHOWN: Final = 80
LONGEST: Final = 600  # characters of one value
ICONS: Final = {
    "decision": "◆",
    "action": "▶",
    "phase": "●",
    "event": "k8",
    "attempt": "⟳",
    "intent": "✎",
    "fault": "!",
    "error": "!",
    "prompt": "▣",
    "probe": "∿",
    "bootstrap": "✓",
    "ledger": "▤",
    "spend": "$",
}
VIEWS: Final[dict[str, tuple[str, ...]]] = {
    "Everything": (),
    "Decisions": ("decision",),
    "Operations": ("action", "bootstrap"),
    "Phases": ("phase",),
    "Events": ("event", "attempt", "error"),
    "Changes": ("intent", "fault"),
    "Pictures": ("prompt",),
    "Probes": ("probe",),
    "Ledger": ("ledger", "spend"),
}
QUIET: Final = frozenset({"probe", "ledger", "spend"})  # shown when asked for

_TIMELINE: Final = browser.component("timeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the viewer asked to see. No kinds: all but those that would drown the rest."""

    kinds: tuple[str, ...] = ()
    region: str = ""
    text: str = ""

    def takes(self, entry: Entry) -> bool:
        if entry.kind not in self.kinds if self.kinds else entry.kind in QUIET:
            return False
        if self.region and entry.region != self.region:
            return False
        parts = [
            part.lower()
            for part in (entry.message, entry.subject, entry.region, entry.actor, entry.operation_id)
        ]
        return all(any(word in part for part in parts) for word in self.text.lower().split())


def show(
    snapshot: Snapshot,
    entries: Sequence[Entry],
    *,
    key: str,
    mark: datetime | None = None,
    opened: bool = False,
) -> None:
    """`mark`: a moment to be marked and scrolled to; `opened`: lines show their details at once."""
    data = {
        "clock": browser.clock(snapshot.clock),
        "rows": [row(entry) for entry in entries[:SHOWN]],
        "mark": mark.timestamp() if mark else None,
        "opened": opened,
    }
    _TIMELINE(key=key, data=data)


def chosen(entries: Iterable[Entry], wanted: Wanted) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if wanted.takes(entry))


def row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": " ".join([entry.kind, *([_look(entry)] if entry.kind == "phase" else [])]),
        "icon": ICONS.get(entry.kind, "·"),
        "at": entry.at.timestamp(),
        "title": title(entry),
        "region": entry.region,
        "words": told(entry),
        "more": details(entry),
    }


def turning_points(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Without the probes that said the same as the one before: of a thousand answers the first lost one matters.
    `entries` come newest first."""
    kept: list[Entry] = []
    before: bool | None = None
    for entry in reversed(entries):
        if entry.kind == "probe":
            ok = bool(entry.body.get("ok"))
            if ok is before or (before is None and ok):
                before = ok
                continue
            before = ok
        kept.append(entry)
    return tuple(reversed(kept))


def title(entry: Entry) -> str:
    if entry.kind == "event":
        return str(entry.body.get("reason") or entry.subject or "Event")
    if entry.kind == "phase":
        return words.phase_title_of(str(entry.body.get("phase") or entry.subject))
    fixed = {
        "attempt": "Attempt",
        "prompt": "Picture",
        "probe": "Probe",
        "bootstrap": "Set-up",
        "error": "Not answered",
        "fault": "Fault",
    }
    return fixed.get(entry.kind) or entry.subject or entry.kind.capitalize()


def told(entry: Entry) -> str:
    """An event in plain words where they are known; its original opens beneath."""
    if entry.kind == "event":
        return words.EVENT_WORDS.get(title(entry), entry.message)
    if entry.kind == "prompt":
        failed = entry.body.get("ok") is False
        return f"“{entry.message}”" + (f" was not drawn: {entry.body.get('problem', '')}" if failed else "")
    return entry.message or fleet_words.by_body(entry)


def details(entry: Entry) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if entry.kind == "event":
        found.append(("original", entry.message))
    found += _reasoning(entry) if entry.kind == "decision" else []
    if entry.actor:
        found.append(("by", entry.actor))
    if entry.operation_id:
        found.append(("operation", entry.operation_id))
    for name, value in entry.body.items():
        if name not in {"whyNot", "before", "after"} and value not in ("", None, [], {}):
            found.append((name.replace("_", " "), _text(value)))
    return [(name, value[:LONGEST]) for name, value in found]


def _look(entry: Entry) -> str:
    name = str(entry.body.get("phase") or entry.subject)
    color = words.phase_color(Phase(name)) if name in set(Phase) else "gray"
    return {"green": "good", "red": "bad", "orange": "leaving"}.get(color, "going")


def _reasoning(entry: Entry) -> list[tuple[str, str]]:
    """Of a decision: what would have turned it, and why none of the others."""
    told = explain.told(explain.decision_from(entry))
    return [
        *(("would change it", flip) for flip in told.flip),
        *((f"why not {one.region}", f"{one.reason}{_flip(one)}") for one in told.why_not),
    ]


def _flip(one: WhyNot) -> str:
    return f"\nwould change it: {one.flip}" if one.flip else ""


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(_text(one) for one in value)
    return str(value)
