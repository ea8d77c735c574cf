"""Widgets of the Capacity page: the grid, one cell with its evidence and history, what would be next, sonar and probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from lib.fleet import catalog
from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import Attempt, Candidate, Outcome, Provisioning, Quota
from lib.fleet.probe import Probe
from lib.ui import cell_card, cells, heatmap, next_panel, probe_panel, samples, sonar_panel
from lib.ui.cells import Cell
from lib.ui.errands import Run
from lib.ui.gallery.state import State, Widget, card, case, seen
from lib.ui.looks import Seen
from lib.ui.own_record import Record
from lib.ui.samples import L4, NOW, SERVING
from lib.ui.snapshot import Snapshot, Trouble

HERE: Final = "us-east1"


def piece(source: Source, verdict: Verdict, says: str, *, minutes: float = 0) -> Evidence:
    return Evidence(source=source, verdict=verdict, says=says, at=NOW - timedelta(minutes=minutes))


PIECES: Final = (
    piece(Source.ATTEMPT, Verdict.AGAINST, "Out of stock in zone b.", minutes=20),
    piece(Source.ADVICE, Verdict.FOR, "Google's Spot advice is 0.91, high.", minutes=9),
    piece(Source.QUOTA, Verdict.FOR, "Quota 7 of 8 free.", minutes=300),
    Evidence(source=Source.GLOBAL_QUOTA, verdict=Verdict.MISSING, says="GPUS_ALL_REGIONS isn't readable."),
)
FOUND: Final = Candidate(
    region=HERE,
    accelerator=L4,
    zones=(f"{HERE}-b", f"{HERE}-c"),
    obtainability=0.74,
    eta_s=900,
    usd_per_hour=0.95,
    quota=Quota(limit=8, usage=1),
    eligible=True,
    reasons=("Out of stock in zone b.",),
    evidence=PIECES,
    flip="A stock-out here within the next 30 min would move it behind europe-west1.",
)
NO_QUOTA: Final = replace(
    FOUND, quota=Quota(limit=0, usage=0), eligible=False, reasons=("No quota for L4 in us-east1.",)
)
SPOT: Final = replace(
    FOUND,
    provisioning=Provisioning.SPOT,
    evidence=(piece(Source.PREEMPTIONS, Verdict.NEUTRAL, "13 % of the Spot machines were preempted."),),
)


def _grid(layer: str = cells.LAYERS[0], *, later: float = 0, framed: str = "") -> Callable[[Snapshot], None]:
    def draw(now: Snapshot) -> None:
        look = cells.Look(accelerator=L4, layer=layer)
        found = cells.grid(now, look, now=NOW + timedelta(hours=later), told={})
        heatmap.show(found, layer=layer, framed=(framed, L4), on_select=lambda: None)

    return draw


def _cell(found: Candidate | None = FOUND, **more: Any) -> Cell:
    known = {"region": HERE, "accelerator": L4, "provisioning": Provisioning.STANDARD, "as_of": NOW}
    return Cell(candidate=found, **(known | more))


def _show(cell: Cell) -> Callable[[Snapshot], None]:
    return lambda now: cell_card.show(cell, now=NOW + timedelta(minutes=1), zone=now.zone)


def _history(record: Seen[Record], spot: Candidate | None = SPOT) -> Callable[[Snapshot], None]:
    return lambda _: cell_card.history(record, _cell(), spot=spot, now=NOW)


def _tries(count: int) -> Seen[Record]:
    outcomes = list(Outcome)
    made = tuple(
        Attempt(
            region=HERE,
            accelerator=L4,
            provisioning=Provisioning.STANDARD,
            outcome=outcomes[i % len(outcomes)],
            at=NOW - timedelta(minutes=7 * i),
            zone=f"{HERE}-b",
            probe=i % 3 == 2,
        )
        for i in range(count)
    )
    return Seen(value=Record(attempts=made, probes=()), read_at=0.0)


def _next(now: Snapshot) -> None:
    next_panel.show(now, now=NOW, on_pick=lambda _region, _gpu: None)


def _picks(now: Snapshot) -> None:
    next_panel.short_list(now, now=NOW)


def _none_can() -> Snapshot:
    shown = samples.snapshot(SERVING)
    views = tuple(
        replace(one, candidates=tuple(replace(c, eligible=False) for c in one.candidates))
        for one in shown.views
    )
    return replace(shown, views=views)


def _line(region: str, *, zones: bool = True) -> Mapping[str, Any]:
    candidate = {
        "region": region,
        "accelerator": L4,
        "zones": [f"{region}-b"] if zones else [],
        "obtainability": 0.74,
        "eta_s": 900,
        "usd_per_hour": 0.95,
        "quota": {"limit": 8, "usage": 1},
        "eligible": zones,
        "reasons": [],
        "flip": "",
        "provisioning": "STANDARD",
        "evidence": [],
    }
    return {"type": "sounding", "heard": "All", "why": "", "candidate": candidate}


def sonar(state: str, heard: int, **more: Any) -> Mapping[str, Run]:
    lines = tuple(_line(name, zones=i % 4 != 3) for i, name in enumerate(sorted(catalog.REGIONS)[:heard]))
    about = {"accelerators": (L4,), "deadline_s": 10, "asked_at": NOW - timedelta(minutes=1)}
    known = {
        "operation_id": "ui-1",
        "actor": "ada@localhost",
        "about": about,
        "lines": lines,
        "heard": heard,
    }
    known |= {} if state == "running" else {"began": 100.0, "ended": 103.2}
    return {sonar_panel.NAME: Run(state=state, **(known | more))}  # type: ignore[arg-type]


def probe(state: str, outcome: Outcome | None = None, **more: Any) -> Mapping[str, Run]:
    wanted = Probe(region=HERE, zone=f"{HERE}-b", accelerator=L4, provisioning=Provisioning.STANDARD, at=NOW)
    line = {"outcome": outcome, "tookSeconds": 3.2, "message": "", "costUSD": 0.014}
    known = {"operation_id": "ui-2", "actor": "ada@localhost", "about": {"probe": wanted}, "state": state}
    return {probe_panel.NAME: Run(lines=(line,) if outcome else (), **(known | more))}  # type: ignore[arg-type]


_SONAR: Final = card(lambda now: sonar_panel.show(now, accelerator=L4, now=NOW))
_PROBE: Final = card(lambda now: probe_panel.button(now, _cell()))


def _dialog(_: Snapshot) -> None:
    probe_panel.ask(probe_panel.Question(region=HERE, accelerator=L4, provisioning=Provisioning.STANDARD))
    probe_panel.open_asked()


RECORD: Final = {probe_panel.own_record.LOOK: _tries(0)}
WIDGETS: Final[dict[str, Widget]] = {
    "heatmap.show": {
        **{layer: State(says="us-central1", draw=_grid(layer)) for layer in cells.LAYERS},
        "nothing looked at": State(says="us-central1", draw=_grid(), snapshot=seen(SERVING, views=())),
        "all of it old, one chosen": State(says="us-central1", draw=_grid(later=30, framed=HERE)),
        "43 regions serve": State(says="us-central1", draw=_grid(), snapshot=case("all")),
    },
    "cell_card.empty": {"empty": State(says="Pick a cell", draw=lambda _: cell_card.empty())},
    "cell_card.show": {
        "offered": State(says="Google's Spot advice is 0.91", draw=_show(_cell())),
        "by the sonar": State(says="by the sonar", draw=_show(_cell(heard=True))),
        "old": State(
            says="it may be otherwise now", draw=_show(_cell(as_of=NOW - timedelta(hours=9), stale=True))
        ),
        "no quota": State(says="No quota for L4", draw=_show(_cell(NO_QUOTA))),
        "not offered": State(
            says="Not offered",
            draw=_show(_cell(replace(FOUND, zones=(), eligible=False, obtainability=None))),
        ),
        "without evidence": State(says="piece by piece", draw=_show(_cell(replace(FOUND, evidence=())))),
        "nothing known": State(says="Nothing is known of this region", draw=_show(_cell(None, as_of=None))),
    },
    "cell_card.history": {
        "loading": State(says="Reading the journal", draw=_history(Seen())),
        "none": State(says="No own try here", draw=_history(_tries(0), None)),
        "14 tries": State(says="the newest 6", draw=_history(_tries(14))),
        "error": State(
            says="The journal is locked",
            draw=_history(Seen(trouble=Trouble(sentence="The journal is locked.", since=0))),
        ),
    },
    "next_panel.show": {
        "loading": State(
            says="as soon as the controller has looked", draw=card(_next), snapshot=case("first")
        ),
        "a best one": State(says="Why not elsewhere", draw=card(_next)),
        "none can": State(says="Best next region", draw=card(_next), snapshot=_none_can),
        "config cluster silent": State(says="Show its evidence", draw=card(_next), snapshot=case("lost")),
    },
    "next_panel.short_list": {
        "a few": State(says="Best next for", draw=card(_picks)),
        "none can": State(says="No other region can take", draw=card(_picks), snapshot=_none_can),
        "config cluster silent": State(says="Best next for", draw=card(_picks), snapshot=case("lost")),
    },
    "sonar_panel.show": {
        "never asked": State(says="costs nothing", draw=_SONAR),
        "starting": State(says="Starting to listen", draw=_SONAR, runs=sonar("running", 0)),
        "under way": State(says="31 of 86 answers", draw=_SONAR, runs=sonar("running", 31)),
        "done": State(says="Heard 43 of 86", draw=_SONAR, runs=sonar("done", 43)),
        "cancelled": State(says="Cancelled after", draw=_SONAR, runs=sonar("cancelled", 12)),
        "failed": State(
            says="could not listen", draw=_SONAR, runs=sonar("failed", 0, problem="The Compute API refuses.")
        ),
    },
    "probe_panel.button": {
        "idle": State(says="Probe capacity", draw=_PROBE),
        "under way": State(says="asked for, then given back", draw=_PROBE, runs=probe("running")),
        "obtained": State(says="It can be had", draw=_PROBE, runs=probe("done", Outcome.OBTAINED)),
        "out of stock": State(says="can't be had", draw=_PROBE, runs=probe("done", Outcome.STOCK_OUT)),
        "failed": State(
            says="Not probed", draw=_PROBE, runs=probe("failed", problem="The project's quota is 0.")
        ),
    },
    "probe_panel.open_asked": {
        "plan": State(says="Create the reservation", draw=_dialog, looks=lambda: RECORD),
        "refused": State(
            says="Refused; nothing was made",
            draw=_dialog,
            looks=lambda: RECORD,
            snapshot=seen(SERVING, views=()),
        ),
        "error": State(says="The journal can't be read", draw=_dialog),
    },
}
