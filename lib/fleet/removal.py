"""Which orphans go, and in which order; or why one of them doesn't.

Pure: the judgement comes in, a list of things to take away goes out. With any part of the world unseen it is always a
refusal, and so it is for whatever doesn't carry our label.
"""

from __future__ import annotations

from collections.abc import Iterable

from lib.fleet import catalog, words
from lib.fleet.ledger import ThingKind
from lib.fleet.orphans import Judgement, Orphan, Seen


class NotRemovable(Exception):  # noqa: N818 - it says what happened, as a decision does
    """What was named must not, or can't, be removed; str() is one sentence."""


def removal(judged: Judgement, seen: Seen, names: Iterable[str]) -> tuple[Orphan, ...]:
    """What to remove, in this order: the named ones with what hangs on them; without names all that are surely ours.
    Raises NotRemovable; with a part of the world unseen always."""
    if judged.unknown:
        raise NotRemovable(f"Nothing is removed while {words.listed(judged.unknown)}.")
    asked = tuple(dict.fromkeys(names))
    if not asked:
        return tuple(o for o in judged.orphans if o.owned and not o.by_name)
    chosen: list[Orphan] = []
    for name in asked:
        matching = [o for o in judged.orphans if _answers_to(o, name)]
        if not matching:
            raise NotRemovable(_why_no_orphan(name, judged, seen))
        strangers = [o for o in matching if not o.owned]
        if strangers:
            raise NotRemovable(f"{name} carries no label of this platform and is left alone.")
        chosen += matching
    clusters = {o.thing.name for o in chosen if o.thing.kind is ThingKind.CLUSTER}
    chosen += [o for o in judged.orphans if o.owned and _hangs_on(o) in clusters]
    return tuple(o for o in judged.orphans if o in chosen)


def _answers_to(orphan: Orphan, name: str) -> bool:
    thing = orphan.thing
    return name in {
        thing.name,
        thing.key,
        f"{thing.location}/{thing.name}",
        f"{thing.kind.value}/{thing.name}",
    }


def _hangs_on(orphan: Orphan) -> str:
    """The cluster that a link or a directory is for."""
    if orphan.thing.kind is ThingKind.LINK:
        return orphan.thing.name.partition("/")[2]
    return orphan.thing.name if orphan.thing.kind is ThingKind.DIRECTORY else ""


def _why_no_orphan(name: str, judged: Judgement, seen: Seen) -> str:
    there = next((c for c in seen.clusters or () if c.name == name), None)
    if there is not None and not there.owned:
        return f"{name} in {there.region} wasn't made by this platform and is left alone."
    if there is not None:
        what = "is being deleted already" if there.status == "STOPPING" else "is wanted"
        return f"{name} in {there.region} {what}; it is no orphan."
    near = catalog.nearest(name, [o.thing.name for o in judged.orphans])
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"There is no orphan {name!r}{hint}"
