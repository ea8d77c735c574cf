"""The scenarios of the admin API: which there are, which is on and how far its script has come, and how to change it.

    GET /admin/v1/scenarios
    GET /admin/v1/scenario
    PUT /admin/v1/scenario {name | document, file, validateOnly}

A document is a scenario file's content, with its trace inside; `file` is its name, for complaints. What is on is
`scenario`'s.
"""

from __future__ import annotations

from lib.sandbox import faults, scenario, scenario_file
from lib.sandbox.checked import BadScenario
from lib.sandbox.errors import ApiError
from lib.sandbox.scenario_file import Entry, Scenario
from lib.sandbox.store import Document
from lib.sandbox.verbs import rfc3339
from lib.sandbox.world import World

FIELDS = ("name", "document", "file", "validateOnly")


def list_scenarios(world: World) -> Document:
    on = scenario.current(world).name
    found = [scenario_file.read(scenario_file.find(name)) for name in scenario_file.shipped()]
    return {"scenarios": [{**_told(s), "on": s.name == on} for s in found]}


def get_scenario(world: World) -> Document:
    on, elapsed = scenario.current(world), scenario.elapsed(world)
    played, running = scenario.played(world), {f["id"] for f in faults.active(world)}
    told = _told(on)
    for number, line in enumerate(told["script"]):
        line["state"] = _state(played.get(str(number)), running)
    return {
        **told,
        "on": True,
        "started": rfc3339(scenario.started(world)),
        "elapsedSeconds": round(elapsed, 3),
        "seed": scenario.seed(world),
    }


def put_scenario(world: World, body: Document) -> Document:
    """Begins it anew, even when it is on. Raises ApiError INVALID_ARGUMENT with the place of what is wrong."""
    for name in body:
        if name not in FIELDS:
            raise ApiError("INVALID_ARGUMENT", f"{name}: unknown field; one of {', '.join(FIELDS)}")
    if ("name" in body) == ("document" in body):
        raise ApiError("INVALID_ARGUMENT", "name: give it, or a document; one of the two")
    try:
        document = body["document"] if "document" in body else _shipped(body["name"])
        found = scenario_file.read(document, str(body.get("file") or "scenario"))
        if body.get("validateOnly") is True:
            return {**_told(found), "on": False}
        scenario.put_on(world, document)
    except BadScenario as e:
        raise ApiError("INVALID_ARGUMENT", str(e)) from e
    return get_scenario(world)


def _shipped(name: object) -> Document:
    """By name only: this API reads no files for its callers."""
    if name not in scenario_file.shipped():
        raise BadScenario(f'There is no scenario "{name}"; there are {", ".join(scenario_file.shipped())}.')
    return scenario_file.find(str(name))


def _told(found: Scenario) -> Document:
    return {
        "name": found.name,
        "sentence": found.sentence,
        "stock": "trace" if found.replay else "process",
        "quota": found.quota,
        "script": [_line(entry) for entry in found.script],
    }


def _line(entry: Entry) -> Document:
    line: Document = {"atSeconds": entry.at_s, "fault": entry.fault, "scope": dict(entry.scope)}
    return {**line, "forSeconds": entry.for_s} if entry.for_s is not None else line


def _state(played: Document | None, running: set[str]) -> str:
    if played is None:
        return "waiting"
    if "skipped" in played:
        return f"skipped: {played['skipped']}"
    return "in force" if played["fault"] in running else "over"
