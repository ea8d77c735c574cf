"""How the dashboard says things: phases, money, spans, prices, chances. Pure words, no drawing, no Streamlit."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, Literal

from lib.fleet import catalog
from lib.fleet.model import BLOCKED, Candidate, Phase, Provisioning

Look = Literal["green", "blue", "red", "orange", "gray"]

PHASE_TITLES: Final = {
    Phase.WAITING_FOR_GPU: "Waiting for GPU",
    Phase.STOCKED_OUT: "Stocked out",
    Phase.QUOTA_EXCEEDED: "Quota exceeded",
    Phase.NOT_OFFERED: "Not offered",
}
# What an event means to somebody who does not read Kubernetes every day (reference 5.4).
EVENT_WORDS: Final = {
    "FailedScheduling": "No node with this GPU has room for the pod yet.",
    "TriggeredScaleUp": "GKE asked Compute Engine for a new GPU machine.",
    "FailedScaleUp": "Compute Engine could not give a machine.",
    "NotTriggerScaleUp": "GKE does not try again for now: every option failed lately or does not fit.",
    "Scheduled": "The pod was given a node.",
    "Pulling": "The node downloads the container image.",
    "Pulled": "The container image is on the node.",
    "Created": "The container was made.",
    "Started": "The container runs; the model loads next.",
    "BackOff": "The container keeps ending; Kubernetes waits longer before each new start.",
    "Failed": "The container could not be started.",
    "FailedMount": "A volume of the pod could not be mounted.",
    "Evicted": "The pod had to leave its node.",
    "NodeReady": "The node is ready to take pods.",
    "Unhealthy": "The pod does not answer its health check.",
    "Killing": "The pod is being stopped.",
    "Preempted": "Compute Engine took the Spot machine back.",
    "NodeNotReady": "The node stopped answering.",
    "ScalingReplicaSet": "The Deployment changes its pods.",
    "SuccessfulCreate": "A new pod was made.",
    "SuccessfulDelete": "A pod was deleted.",
    "RegisteredNode": "A new node joined the cluster.",
    "TaintManagerEviction": "The pod was removed because its node is gone.",
}


def phase_title(phase: Phase) -> str:
    return PHASE_TITLES.get(phase, phase.value)


def phase_title_of(name: str) -> str:
    """The same for a phase as the journal spells it, also one this version does not know."""
    return phase_title(Phase(name)) if name in set(Phase) else name or "Phase"


def phase_color(phase: Phase) -> Look:
    if phase is Phase.SERVING:
        return "green"
    if phase in BLOCKED:
        return "red"
    return {Phase.DRAINING: "orange", Phase.UNREACHABLE: "gray", Phase.WARM: "gray"}.get(phase, "blue")  # type: ignore[return-value]


def gpu(accelerator: str) -> str:
    known = catalog.ACCELERATORS.get(accelerator)
    return known.title if known else accelerator or "GPU"


def provisioning(model: Provisioning) -> str:
    return {Provisioning.STANDARD: "On demand", Provisioning.SPOT: "Spot"}.get(model, model.value.lower())


def place(region: str) -> str:
    known = catalog.REGIONS.get(region)
    return known.place if known else ""


def money(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:,.2f}"


def span(seconds: float) -> str:
    """ "45 s", "6 min 10 s", "2 h 5 min": the two largest units, never negative."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    if whole < 86400:
        hours, rest = divmod(whole, 3600)
        return f"{hours} h" + (f" {rest // 60} min" if rest >= 60 else "")
    days, rest = divmod(whole, 86400)
    return f"{days} d" + (f" {rest // 3600} h" if rest >= 3600 else "")


def ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    passed = now - at
    return "just now" if passed < timedelta(seconds=5) else f"{span(passed.total_seconds())} ago"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: tuple[str, ...] | list[str], *, most: int = 4) -> str:
    """ "a, b and 3 more": never a silent cut."""
    shown = list(names[:most])
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def known_letter(candidate: Candidate | None) -> str:
    """What is known of a GPU in a region, as the map's letter: L(ikely) P(ossible) U(nlikely) N(ot offered)
    Q(uota) ?(not tried) -(not looked at). Bands are those of Google's Spot advice (reference 3.6)."""
    if candidate is None:
        return "-"
    if not candidate.zones:
        return "N"
    if candidate.quota is not None and candidate.quota.limit < 1:
        return "Q"
    chance = candidate.obtainability
    if chance is None:
        return "?"
    return "L" if chance >= 0.7 else "P" if chance >= 0.4 else "U"


KNOWN_WORDS: Final = {
    "L": "likely",
    "P": "possible",
    "U": "unlikely",
    "N": "not offered",
    "Q": "no quota",
    "?": "not tried yet",
    "-": "not looked at yet",
}
# What an expected time means where a GPU is so likely to be had; elsewhere no time is told.
HOPE: Final = {"L": "", "P": ", if there is stock", "U": " if stock comes back", "?": ", if there is stock"}
KNOWN_COLORS: Final[dict[str, str]] = {
    "L": "green",
    "P": "yellow",
    "U": "orange",
    "N": "gray",
    "Q": "violet",
    "?": "blue",
    "-": "gray",
}


def plain(text: str) -> str:
    """Text from outside, safe inside Markdown: nothing in it becomes a link, a picture or a directive."""
    said = _LINKED.sub(lambda found: f"{found[0]}{_JOINER}", " ".join(text.split()))
    return "".join("\\" + char if char in r"\`*_{}[]()<>#+-!|$~:" else char for char in said)


# Markdown makes links of addresses by itself, escaped or not; a mark that nobody sees keeps them apart.
_JOINER: Final = "\u2060"
_LINKED: Final = re.compile(r"\w@(?=[\w-]+\.)|https?:(?=//)|\bwww(?=\.)", re.IGNORECASE)
