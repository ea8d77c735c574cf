"""Which scenario is on, and its script: the faults that it puts in as the world's time passes.

What is on is in the store, whole, so a restart or an edited file changes nothing; each line of the script is played
exactly once, in one transaction with the note that it was. What a scenario says is `scenario_file`'s.
"""

from __future__ import annotations

import hashlib
import json
import logging
from weakref import WeakKeyDictionary

from lib.sandbox import faults, scenario_file
from lib.sandbox.errors import ApiError
from lib.sandbox.scenario_file import Entry, Scenario
from lib.sandbox.store import Document, Store
from lib.sandbox.world import FAULTS, World

# "current": {"name", "seed", "start", "document", "asked"}; "played": {"<line>": {"fault": id} or {"skipped": why}}
SCENARIO = "stock.scenario"
DEFAULT = "calm"
log = logging.getLogger("sandbox")


def choose(world: World, asked: str | None) -> str:
    """At the process' start: make sure that a scenario is on, and tell its name. A name or path puts it on unless
    the same was asked for at an earlier start, so that a restart doesn't undo what was chosen meanwhile. Raises
    BadScenario."""
    kept = world.store.get(SCENARIO, "current")
    document = scenario_file.find(asked or DEFAULT) if asked or not kept or "document" not in kept else None
    if document is not None and _digest(document) != (kept or {}).get("asked"):
        put_on(world, document, asked=_digest(document))
    return current(world).name


def put_on(world: World, document: Document, *, asked: str | None = None) -> Scenario:
    """Begin a scenario now; what the one before has put in ends. Raises BadScenario."""
    scenario = scenario_file.read(document)
    before = world.store.get(SCENARIO, "current") or {}
    kept = {
        "name": scenario.name,
        "seed": world.seed,
        "start": world.clock.timestamp(),
        "document": document,
        "asked": asked or before.get("asked"),
    }
    with world.store.transaction():
        for played in (world.store.get(SCENARIO, "played") or {}).values():
            world.store.delete(FAULTS, played.get("fault", ""))
        world.store.put(SCENARIO, "played", {})
        world.store.put(SCENARIO, "current", kept)
    return scenario


def current(world: World) -> Scenario:
    """The scenario that is on; the default one in a world that has none yet."""
    kept = _kept(world)
    found = _READ.get(world.store)
    if found is None or found[0] is not kept:
        found = _READ[world.store] = (kept, scenario_file.read(kept["document"]))
    return found[1]


def seed(world: World) -> str:
    """What its stock is drawn from."""
    return str(_kept(world)["seed"])


def started(world: World) -> float:
    """Seconds since the epoch, in the world's time."""
    return float(_kept(world)["start"])


def elapsed(world: World) -> float:
    """Seconds since it began."""
    return world.clock.timestamp() - started(world)


def no_quota(world: World) -> bool:
    return current(world).quota == scenario_file.NO_QUOTA


def played(world: World) -> Document:
    """By number of the line in the script: {"fault": its id} or {"skipped": why}."""
    return world.store.get(SCENARIO, "played") or {}


def tick(world: World) -> None:
    """Play the lines that are due."""
    passed, done = elapsed(world), played(world)
    for number, entry in enumerate(current(world).script):
        if entry.at_s <= passed and str(number) not in done:
            _play(world, str(number), entry, passed)


def _play(world: World, number: str, entry: Entry, passed: float) -> None:
    left = None if entry.for_s is None else entry.at_s + entry.for_s - passed
    with world.store.transaction():
        told = {"skipped": "its time was over already"} if left is not None and left <= 0 else None
        told = told or _put_in(world, entry, left)
        world.store.put(SCENARIO, "played", {**played(world), number: told})


def _put_in(world: World, entry: Entry, ttl_s: float | None) -> Document:
    try:
        return {"fault": faults.create(world, entry.fault, entry.scope, ttl_s=ttl_s)["id"]}
    except ApiError as e:  # it names what is not there yet, such as a cluster
        log.warning("line of the scenario skipped: %s", e.message)
        return {"skipped": e.message}


def _kept(world: World) -> Document:
    kept = world.store.get(SCENARIO, "current")
    if kept is None or "document" not in kept:
        choose(world, None)
        kept = world.store.get(SCENARIO, "current") or {}
    return kept


def _digest(document: Document) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


_READ: WeakKeyDictionary[Store, tuple[Document, Scenario]] = WeakKeyDictionary()
