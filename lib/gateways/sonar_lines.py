"""A sonar's lines, as `./atlas sonar --json` tells them, back into soundings. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lib.fleet.evidence import Evidence, Source, Verdict
from lib.fleet.model import Candidate, Provisioning, Quota
from lib.fleet.sonar import Heard, Sounding

Line = Mapping[str, Any]


def sounding_from(line: Line) -> Sounding | None:
    """None for a line of another type, or of another version that can't be read."""
    if line.get("type") != "sounding":
        return None
    try:
        return Sounding(
            candidate=_candidate(line["candidate"]), heard=Heard(line["heard"]), why=str(line.get("why", ""))
        )
    except (KeyError, TypeError, ValueError):
        return None


def _candidate(found: Line) -> Candidate:
    quota = found["quota"]
    return Candidate(
        region=str(found["region"]),
        accelerator=str(found["accelerator"]),
        zones=tuple(found["zones"]),
        obtainability=found["obtainability"],
        eta_s=found["eta_s"],
        usd_per_hour=found["usd_per_hour"],
        quota=Quota(limit=float(quota["limit"]), usage=float(quota["usage"])) if quota else None,
        eligible=bool(found["eligible"]),
        reasons=tuple(found["reasons"]),
        flip=str(found["flip"]),
        provisioning=Provisioning(found["provisioning"]),
        evidence=tuple(_evidence(one) for one in found["evidence"]),
    )


def _evidence(found: Line) -> Evidence:
    at = found["at"]
    return Evidence(
        source=Source(found["source"]),
        verdict=Verdict(found["verdict"]),
        says=str(found["says"]),
        at=datetime.fromisoformat(at) if at else None,
        zone=str(found["zone"]),
    )
