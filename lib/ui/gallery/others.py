"""Widgets of Drill, Activity and Settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet.model import Entry
from lib.gateways import placement_text
from lib.gateways.faults import Fault, Line, Scenario
from lib.ui import (
    about,
    audit,
    drill_panel,
    fault_panel,
    placement_editor,
    samples,
    sandbox_panel,
    session,
    switch_form,
    tools_panel,
)
from lib.ui.gallery.state import State, Widget, card, case, seen
from lib.ui.looks import Seen
from lib.ui.samples import NOW, SERVING, WAITING
from lib.ui.snapshot import Snapshot, Trouble

CLOUD: Final = {
    "target": "cloud",
    "project": "a-project-with-a-rather-long-name-0123456789",
    "delivery_url": "https://user:secret@git.example.com/delivery.git",
    "operators": tuple(f"operator-{i}@example.com" for i in range(12)),
}
FAULTS: Final = tuple(
    Fault(id=f"f{i}", kind=kind, scope={"region": region})
    for i, (kind, region) in enumerate(
        (
            ("stockout", "us-east4"),
            ("spot-preemption", "europe-west4"),
            ("api-latency", "northamerica-northeast2"),
        )
    )
)
CALM: Final = Scenario(
    name="calm",
    sentence="Small GPUs are plentiful.",
    stock="seeded process",
    quota="usual",
    on=True,
    started_at=NOW,
)
STORM: Final = replace(
    CALM,
    name="spot-storm",
    sentence="Waves take Spot machines away.",
    script=tuple(
        Line(at_s=1800.0 * i, fault="spot-preemption", scope={"region": "us-east4"}, for_s=600, state=state)
        for i, state in enumerate(("over", "in force", "waiting"))
    ),
)
INTENT: Final = Entry(
    id=1,
    kind="intent",
    at=NOW,
    region="us-west1",
    subject="expand",
    message="us-west1 is wanted.",
    actor="ada@localhost",
    operation_id="ui-0123456789abcdef",
)
HELD: Final = samples.placement(SERVING)
TEXT: Final = placement_text.text_of(HELD)
BASE: Final = placement_editor.Base(generation=3, spec=HELD.spec, text=TEXT)
WRONG: Final = placement_editor.Problem(
    sentence="99 is more than the 43 regions there are.", field="spec.regions.serving"
)


def _scenarios(on: Scenario) -> Callable[[], Mapping[str, Any]]:
    found = sandbox_panel.Scenarios(on=on, known=(CALM, STORM))
    return lambda: {sandbox_panel.NAME: Seen(value=found, read_at=0.0)}


def _no_scenario() -> Mapping[str, Any]:
    return {sandbox_panel.NAME: Seen(trouble=Trouble(sentence="The sandbox does not answer.", since=0.0))}


def _audit(*entries: Entry) -> Callable[[Snapshot], None]:
    return lambda now: audit.show(entries, now.zone)


def _settings(draw: Callable[..., object]) -> Callable[[Snapshot], object]:
    return lambda now: draw(now, session.settings())


def _switch(says: str, name: str, **asked: str) -> State:
    chosen = {"switch_to": "nvidia-h100-80gb", "switch_how": "Hard", **asked}
    return State(says=says, draw=card(lambda _: switch_form.show()), snapshot=case(name), asked=chosen)


def _drilled() -> Snapshot:
    fault = Entry(
        id=200,
        kind="fault",
        at=NOW - timedelta(minutes=9),
        region="us-central1",
        subject="drill/gpu-switch",
        message="Switched hard to H100.",
    )
    moved = Entry(
        id=201,
        kind="prompt",
        at=NOW - timedelta(minutes=8),
        region="europe-west4",
        message="a red fox",
        body={"ok": True, "moved_from": "us-central1"},
    )
    return samples.snapshot(SERVING, WAITING, entries=(moved, fault, *samples.ENTRIES))


def _editor(says: str, **asked: Any) -> State:
    known = {"placement_base": BASE, placement_editor.TEXT: TEXT}
    return State(
        says=says, draw=placement_editor.show, snapshot=seen(placement=HELD), asked={**known, **asked}
    )


MOVED: Final = replace(BASE, generation=2, spec=replace(HELD.spec, serving=4))
WIDGETS: Final[dict[str, Widget]] = {
    "switch_form.show": {
        "hard": _switch("Hard (Recreate)", "fleet"),
        "safe, what runs already": _switch("Nothing breaks", "one", switch_to=samples.L4, switch_how="Safe"),
        "no region": _switch("No region runs yet", "none"),
        "config cluster silent": _switch("the wish is kept there", "lost"),
    },
    "fault_panel.show": {
        "none in force": State(says="No fault is in force", draw=card(lambda _: fault_panel.show())),
        "three in force": State(
            says="Clear all faults",
            draw=card(lambda _: fault_panel.show()),
            snapshot=seen(SERVING, faults=FAULTS),
        ),
        "error": State(
            says="The sandbox does not answer",
            draw=card(lambda _: fault_panel.show()),
            asked={"fault_problem": "The sandbox does not answer."},
        ),
    },
    "fault_panel.speed": {
        "60 times": State(says="Clock speed", draw=card(fault_panel.speed)),
    },
    "drill_panel.show": {
        "no drill": State(
            says="No drill yet", draw=lambda _: drill_panel.show(), snapshot=seen(SERVING, entries=())
        ),
        "a lease runs": State(says="Hard", draw=lambda _: drill_panel.show(), snapshot=case("drill")),
        "after it": State(says="Time to detect", draw=lambda _: drill_panel.show(), snapshot=_drilled),
    },
    "audit.show": {
        "0 lines": State(says="Download this page", draw=_audit()),
        "1 line": State(says="Download this page", draw=_audit(INTENT)),
        "200 lines": State(
            says="Download this page",
            draw=_audit(*(replace(INTENT, id=i, message=f"{i}: {samples.LONG.message}") for i in range(200))),
        ),
    },
    "about.where": {
        "sandbox": State(says="gpu-atlas-sandbox", draw=_settings(about.where)),
        "a project": State(
            says="a-project-with-a-rather-long-name",
            draw=_settings(about.where),
            settings=CLOUD,
            snapshot=seen(label=""),
        ),
    },
    "about.who": {
        "operator": State(says="Operator", draw=card(lambda _: about.who(session.settings()))),
        "not signed in": State(
            says="Sign in", draw=card(lambda _: about.who(session.settings())), settings=CLOUD
        ),
    },
    "about.versions": {"usual": State(says="streamlit", draw=card(about.versions))},
    "placement_editor.show": {
        "loading": State(says="still being set up", draw=placement_editor.show, snapshot=case("first")),
        "as it is": _editor("As it is now, generation 3"),
        "changed here": _editor(
            "Changed here, not applied", **{placement_editor.TEXT: TEXT.replace("serving: 2", "serving: 3")}
        ),
        "wrong": _editor(
            "Not valid at spec.regions.serving",
            **{placement_editor.TEXT: TEXT.replace("serving: 2", "serving: 99"), "placement_problem": WRONG},
        ),
        "moved meanwhile": _editor(
            "you began with 2", **{"placement_base": MOVED, placement_editor.TEXT: f"{TEXT}# mine\n"}
        ),
        "config cluster silent": State(
            says="the wish is kept there", draw=placement_editor.show, snapshot=case("lost")
        ),
    },
    "sandbox_panel.show": {
        "loading": State(says="Asking the sandbox", draw=card(sandbox_panel.show)),
        "calm": State(says="Small GPUs are plentiful", draw=card(sandbox_panel.show), looks=_scenarios(CALM)),
        "a script": State(says="in force", draw=card(sandbox_panel.show), looks=_scenarios(STORM)),
        "error": State(says="The scenario can't be read", draw=card(sandbox_panel.show), looks=_no_scenario),
    },
    "tools_panel.show": {
        "sandbox": State(says="atlas sandbox env", draw=card(lambda _: tools_panel.show(session.settings()))),
        "a project": State(
            says="get-credentials", draw=card(lambda _: tools_panel.show(session.settings())), settings=CLOUD
        ),
    },
}
