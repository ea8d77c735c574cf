"""The judge's protocol: one JSON object a line, `init`, any number of `step`, `end`. Unknown keys are ignored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lib.fleet.policy.model import Answer, Event, Look, Replica, Terms, Zone
from lib.fleet.policy.policy import Policy


class WireError(ValueError):
    """One sentence: what line was wrong, and what would be right."""


def answers(lines: Iterable[str]) -> Iterator[str]:
    """An answer to each line until `end`. Raises WireError."""
    policy: Policy | None = None
    for number, line in enumerate(lines, start=1):
        try:
            message = json.loads(line)
            what = message["type"]
            if what == "end":
                return
            if what == "init":
                policy, told = Policy(terms(message)), dict[str, Any]()
            elif what == "step" and policy is not None:
                told = reply(policy.step(look(message)))
            else:
                raise WireError(f"Line {number}: {what!r} can't come here; first init, then step, last end.")
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            if isinstance(e, WireError):
                raise
            raise WireError(f"Line {number} is no message of the protocol: {_why(e)}.") from e
        yield json.dumps(told, separators=(",", ":"))


def terms(init: Mapping[str, Any]) -> Terms:
    target, zones = int(init["target"]), init["zones"]
    if target < 1 or not zones:
        raise ValueError("target must be at least 1 and zones not empty")
    return Terms(
        target=target,
        zones=tuple(Zone(name=str(z["name"]), region=str(z["region"]), usd=float(z["price"])) for z in zones),
        ondemand_usd=init.get("ondemand_price"),
        cold_start_s=float(init["cold_start_s"]),
        attempt_s=float(init["attempt_s"]),
        poll_s=float(init["poll_s"]),
    )


def look(step: Mapping[str, Any]) -> Look:
    return Look(
        at_s=float(step["t"]),
        events=tuple(Event(what=e["type"], zone=e["zone"], kind=e["kind"]) for e in step.get("events", ())),
        replicas=tuple(
            Replica(id=r["id"], zone=r["zone"], kind=r["kind"], state=r["state"])
            for r in step.get("replicas", ())
        ),
    )


def reply(answer: Answer) -> dict[str, Any]:
    launch = [{"zone": zone, "kind": "spot"} for zone in answer.spot] + [{"kind": "od"}] * answer.ondemand
    return {"launch": launch, "terminate": list(answer.drop), "wake": answer.wake_s}


def _why(e: Exception) -> str:
    return f"{e.args[0]!r} is missing" if isinstance(e, KeyError) else str(e).rstrip(".")
