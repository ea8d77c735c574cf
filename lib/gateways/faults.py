"""The sandbox's own admin API: its clock, the faults that can be put into it, and its scenarios.

Only drills and tests need it; where there is none (`settings.admin_url` is None) every call is Refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.gateways import connect
from lib.gateways.errors import Failure, Refused, translate
from lib.gateways.kube import CONNECT_S, READ_S
from lib.settings import Settings

STEP_READ_S = 60.0  # a long step ticks many times


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    id: str
    kind: str
    scope: Mapping[str, Any]
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    kind: str
    sentence: str
    scope: Mapping[str, Any] = field(default_factory=dict)  # field -> what it means


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    now: datetime
    speed: float
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a scenario's script: seconds of the sandbox's time after its beginning, and how long it lasts
    (None: for good). `state` is told of the scenario that is on: waiting, in force, over, or skipped and why."""

    at_s: float
    fault: str
    scope: Mapping[str, Any]
    for_s: float | None = None
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`stock` is what GPU stock follows: "process" or "trace"; `quota` "usual" or "none"."""

    name: str
    sentence: str
    stock: str
    quota: str
    script: tuple[Line, ...] = ()
    on: bool = False
    started_at: datetime | None = None  # of the one that is on


PLACES = ("zone", "region", "location", "cluster", "accelerator", "provisioning", "api")


def in_words(scope: Mapping[str, Any]) -> str:
    """A scope as people read it: places by themselves, the rest with its name."""
    said = [str(scope[name]) for name in PLACES if scope.get(name)]
    said += [
        f"{name} {_plain(value)}"
        for name, value in scope.items()
        if name not in PLACES and value not in (None, "")
    ]
    return " \u00b7 ".join(said) or "everywhere"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class FaultsGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def kinds(self) -> tuple[FaultKind, ...]:
        return tuple(
            _kind(k) for k in _items(self._call("GET", "/faultKinds", "listing fault kinds"), "faultKinds")
        )

    def list(self) -> tuple[Fault, ...]:
        return tuple(_fault(f) for f in _items(self._call("GET", "/faults", "listing faults"), "faults"))

    def create(self, kind: str, scope: Mapping[str, Any], *, ttl: timedelta | None = None) -> Fault:
        """`ttl` in the sandbox's time. Raises Refused for an unknown kind or scope field."""
        body: dict[str, Any] = {"kind": kind, "scope": dict(scope)}
        if ttl is not None:
            body["ttlSeconds"] = ttl.total_seconds()
        return _fault(self._call("POST", "/faults", f"putting in the fault {kind}", body))

    def clear(self, fault_id: str | None = None) -> None:
        """End one fault, or all of them."""
        path = f"/faults/{fault_id}" if fault_id else "/faults"
        self._call("DELETE", path, f"ending the fault {fault_id}" if fault_id else "ending all faults")

    def scenarios(self) -> tuple[Scenario, ...]:
        """Those that come with the sandbox."""
        found = _items(self._call("GET", "/scenarios", "listing scenarios"), "scenarios")
        return tuple(_scenario(s) for s in found)

    def scenario(self) -> Scenario:
        """The one that is on."""
        return _scenario(self._call("GET", "/scenario", "reading the scenario"))

    def use_scenario(
        self,
        *,
        name: str = "",
        document: Mapping[str, Any] | None = None,
        file: str = "",
        dry_run: bool = False,
    ) -> Scenario:
        """Begin a scenario now, by its name or by a file's content. Raises Refused with file and place of what is
        wrong; a dry run only finds that out."""
        body: dict[str, Any] = {"name": name} if document is None else {"document": document, "file": file}
        if dry_run:
            body["validateOnly"] = True
        return _scenario(self._call("PUT", "/scenario", "changing the scenario", body))

    def clock(self) -> ClockReading:
        return _clock(self._call("GET", "/clock", "reading the sandbox's clock"))

    def set_clock(self, *, speed: float | None = None, paused: bool | None = None) -> ClockReading:
        body = {k: v for k, v in {"speed": speed, "paused": paused}.items() if v is not None}
        return _clock(self._call("PUT", "/clock", "setting the sandbox's clock", body))

    def step(self, by: timedelta) -> ClockReading:
        """Let so much of its time pass at once; what would have happened in it happens."""
        body = {"seconds": by.total_seconds()}
        doing = "moving the sandbox's clock"
        return _clock(self._call("POST", "/clock:step", doing, body, read_s=STEP_READ_S))

    def _call(
        self, method: str, path: str, doing: str, body: object = None, *, read_s: float = READ_S
    ) -> Any:
        connect.endpoints(self._settings)  # Unreachable while it has not started
        url = self._settings.admin_url
        if url is None:
            raise Refused("This target has no admin API: faults and clock speed exist in the sandbox only.")
        with connect.google_errors(doing), connect.session(self._settings) as opened:
            session: Any = opened  # its stub takes whole seconds only
            answer = session.request(method, f"{url}{path}", json=body, timeout=(CONNECT_S, read_s))
            said = answer.json() if answer.content else {}
        if answer.ok:
            return said
        error = said.get("error", said) if isinstance(said, dict) else {}
        raise translate(
            Failure(
                doing=doing,
                status=answer.status_code,
                reason=str(error.get("status", "")),
                message=str(error.get("message", answer.reason)),
                field=str(error.get("field", "")),
            )
        )


def scenario_line(made: Scenario) -> dict[str, Any]:
    """What the journal says of a scenario that begins: a script is a drill's beginning; one without ends what there was."""
    return {
        "subject": "scenario",
        "message": f"Scenario {made.name} is on. {made.sentence}",
        "body": {"scenario": made.name, "cleared": not made.script},
    }


def _items(said: Any, name: str) -> list[dict[str, Any]]:
    return said.get(name, []) if isinstance(said, dict) else list(said)


def _fault(found: Mapping[str, Any]) -> Fault:
    return Fault(
        id=str(found["id"]),
        kind=str(found["kind"]),
        scope=found.get("scope") or {},
        created_at=_time(found.get("created")),
        expires_at=_time(found.get("expires")),
    )


def _kind(found: Mapping[str, Any]) -> FaultKind:
    scope = found.get("scope") or {}
    if not isinstance(scope, Mapping):
        scope = {str(name): "" for name in scope}
    return FaultKind(kind=str(found["kind"]), sentence=str(found.get("sentence", "")), scope=scope)


def _scenario(found: Mapping[str, Any]) -> Scenario:
    return Scenario(
        name=str(found["name"]),
        sentence=str(found["sentence"]),
        stock=str(found["stock"]),
        quota=str(found["quota"]),
        script=tuple(_line(line) for line in found.get("script") or ()),
        on=bool(found.get("on")),
        started_at=_time(found.get("started")),
    )


def _line(found: Mapping[str, Any]) -> Line:
    return Line(
        at_s=float(found["atSeconds"]),
        fault=str(found["fault"]),
        scope=found.get("scope") or {},
        for_s=found.get("forSeconds"),
        state=str(found.get("state", "")),
    )


def _clock(found: Mapping[str, Any]) -> ClockReading:
    now = _time(found["now"])
    assert now is not None  # noqa: S101 - a clock without a time is a bug of the sandbox
    return ClockReading(now=now, speed=float(found["speed"]), paused=bool(found["paused"]))


def _time(value: Any) -> datetime | None:
    """RFC 3339, or seconds since the epoch."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
