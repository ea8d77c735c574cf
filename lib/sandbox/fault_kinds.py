"""The kinds of fault: what each does, where it may be put in, and what may be said about it.

A table and the check of a wish against it. Which faults are in force, and whether one applies, is `faults`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.errors import HTTP_STATUS, ApiError

APIS = ("container", "gkehub", "compute", "monitoring", "kubernetes", "token")
STARTS = ("node", "pull", "model")
KNV_CODES = ("KNV1021", "KNV1029", "KNV1067", "KNV2004", "KNV2009")
KNV_DEFAULT = "KNV1067"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a fault's scope. `effect`: it says what happens, not to whom."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    truth: bool = False
    default: Any = None
    effect: bool = False
    required: bool = False

    def problem(self, value: Any) -> str:
        """What is wrong with a value, "" when it will do."""
        if self.truth:
            return "" if isinstance(value, bool) else "must be true or false"
        if self.bounds:
            low, high = self.bounds
            number = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
            return "" if number else f"must be a number from {low:g} to {high:g}"
        if not isinstance(value, str):
            return "must be text"
        return f'"{value}" is not known' if self.choices and value not in self.choices else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """`any_of` names fields of which at least one is needed."""

    name: str
    sentence: str
    fields: tuple[Field, ...]
    any_of: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


REGION = Field(name="region", meaning="a region, as in us-central1", choices=tuple(catalog.REGIONS))
ZONE = Field(name="zone", meaning="a zone, as in us-central1-a", choices=catalog.all_zones())
CLUSTER = Field(name="cluster", meaning="a cluster's name, or location/name")
GPU = Field(name="accelerator", meaning="a GPU type", choices=tuple(catalog.ACCELERATORS))
API = Field(name="api", meaning="an API; every one of them when left out", choices=APIS)
METHOD = Field(name="method", meaning="one method, as in CreateCluster, regions.list or a Kubernetes verb")
_CALLS = (API, METHOD, REGION, CLUSTER)


def _rate(meaning: str) -> Field:
    return Field(name="rate", meaning=meaning, bounds=(0, 1), default=1, effect=True)


KINDS: Mapping[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            name="stockout",
            sentence="No GPU in scope can be had; with reclaim (the default) running ones are taken away.",
            fields=(
                REGION, ZONE, GPU,
                Field(name="provisioning", meaning="of one provisioning model only", choices=("STANDARD", "SPOT")),
                Field(name="reclaim", meaning="running machines go too", truth=True, default=True, effect=True),
            ),
        ),
        FaultKind(
            name="spot-preemption",
            sentence="This share of the running Spot machines in scope is taken away once; new ones may be had.",
            fields=(REGION, ZONE, GPU, _rate("share of the machines, 0 to 1")),
        ),
        FaultKind(name="quota", sentence="The GPU quota in scope becomes 0.", fields=(REGION, GPU)),
        FaultKind(
            name="api-latency",
            sentence="Every call in scope waits this long first.",
            fields=(
                *_CALLS,
                Field(name="ms", meaning="milliseconds", bounds=(0, 600_000), effect=True, required=True),
            ),
        ),
        FaultKind(
            name="api-error",
            sentence="This share of calls in scope fails with this canonical code.",
            fields=(
                *_CALLS,
                Field(name="code", meaning="a canonical code, as in RESOURCE_EXHAUSTED (429)",
                      choices=tuple(HTTP_STATUS), default="UNAVAILABLE", effect=True),
                _rate("share of the calls, 0 to 1"),
            ),
        ),
        FaultKind(
            name="api-hang",
            sentence="Calls in scope get no answer until the client gives up or the fault ends.",
            fields=(*_CALLS, _rate("share of the calls, 0 to 1")),
        ),
        FaultKind(
            name="slow-start",
            sentence="Machines, image pulls and model loads in scope take longer: three times, or as factor and "
            "seconds say.",
            fields=(
                REGION, CLUSTER,
                Field(name="stage", meaning="what is slow; all three when left out", choices=STARTS),
                Field(name="factor", meaning="times as long", bounds=(1, 1000), effect=True),
                Field(name="seconds", meaning="seconds more", bounds=(0, 86_400), effect=True),
            ),
        ),
        FaultKind(
            name="unreachable",
            sentence="The location does not answer: lists are partial and say so, other calls get UNAVAILABLE.",
            fields=(
                Field(name="location", meaning="a region or a zone", required=True,
                      choices=(*catalog.REGIONS, *catalog.all_zones(), "global")),
            ),
        ),
        FaultKind(
            name="control-plane-down",
            sentence="The Kubernetes API of the clusters in scope can't serve: every call gets 503, and watches end.",
            fields=(CLUSTER, REGION),
            any_of=("cluster", "region"),
        ),
        FaultKind(
            name="config-sync-stalled",
            sentence="Config Sync in scope no longer fetches new commits.",
            fields=(CLUSTER, REGION),
        ),
        FaultKind(
            name="bad-commit",
            sentence="Config Sync in scope fetches a damaged child of the branch's head: it reports this error, "
            "and what it applied before keeps running.",
            fields=(
                CLUSTER, REGION,
                Field(name="code", meaning="the error that Config Sync meets, as in KNV1067 (a wrong field)",
                      choices=KNV_CODES, default=KNV_DEFAULT, effect=True),
            ),
        ),
        FaultKind(
            name="backend-broken",
            sentence="The replicas in scope answer 500 on their health path.",
            fields=(REGION, CLUSTER),
            any_of=("region", "cluster"),
        ),
        FaultKind(
            name="crash-loop",
            sentence="The Web UI's container of the pods in scope exits soon after each start: CrashLoopBackOff.",
            fields=(REGION, CLUSTER),
        ),
        FaultKind(
            name="vip-timeout",
            sentence="The replicas in scope take requests and do not answer, while their health path still does: "
            "the global address gives 504, to a GET only once another has failed, too.",
            fields=(REGION, ZONE, CLUSTER, _rate("share of the requests, 0 to 1")),
        ),
        FaultKind(
            name="token-clock-skew",
            sentence="The clock that tokens are held against is this far ahead: they count as expired, or, when it is "
            "behind (negative), as not yet valid; calls get UNAUTHENTICATED (401).",
            fields=(
                Field(name="seconds", meaning="seconds ahead; negative for behind", bounds=(-86_400, 86_400),
                      effect=True, required=True),
            ),
        ),
    )
}  # fmt: skip


def check(kind: str, scope: Mapping[str, Any], ttl_s: float | None, *, clusters: Collection[str]) -> None:
    """Raises ApiError INVALID_ARGUMENT that names the field. `clusters` are those that exist, as location/name."""
    known = KINDS.get(kind)
    if known is None:
        raise _invalid("kind", f'unknown fault "{kind}"; one of {", ".join(KINDS)}')
    for name, value in scope.items():
        field = known.field(name)
        if field is None:
            raise _invalid(
                f"scope.{name}",
                f'"{kind}" has no such field; one of {", ".join(f.name for f in known.fields)}',
            )
        if value not in (None, "") and (problem := field.problem(value)):
            raise _invalid(f"scope.{name}", problem)
    given = {name for name, value in scope.items() if value not in (None, "")}
    for field in known.fields:
        if field.required and field.name not in given:
            raise _invalid(f"scope.{field.name}", f'"{kind}" needs it')
    if known.any_of and given.isdisjoint(known.any_of):
        raise _invalid(f"scope.{known.any_of[0]}", f'"{kind}" needs it, or {", ".join(known.any_of[1:])}')
    if "cluster" in given and not any(
        key == scope["cluster"] or _name(key) == scope["cluster"] for key in clusters
    ):
        raise _invalid("scope.cluster", f'there is no cluster "{scope["cluster"]}"')
    if ttl_s is not None and not 0 < ttl_s <= 366 * 86_400:
        raise _invalid("ttlSeconds", "must be more than 0 and at most a year")


def _name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def _invalid(field: str, problem: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", f"{field}: {problem}")
