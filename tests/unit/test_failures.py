"""The table of errors: the reference's answers in their own words, what nobody has seen, and the page made of it."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions

from lib.controller.reactions import reaction_to
from lib.fleet.failures import OWN, TABLE, Then, row_of
from lib.gateways import connect, errors
from lib.gateways.errors import AtlasError, Failure, TransientError, translate
from tools import errors_table

REGIONAL = (
    "Insufficient regional quota to satisfy request: resource \"IN_USE_ADDRESSES\": request requires '6.0' and is "
    "short '2.0'. project has a quota of '4.0' with '4.0' available."
)


@pytest.mark.parametrize(
    ("status", "reason", "message", "error", "then"),
    [
        pytest.param(409, "ALREADY_EXISTS", "Already exists: projects/P/locations/L/clusters/C.", "AlreadyExists", Then.DONE, id="exists, gRPC"),
        pytest.param(409, "AlreadyExists", "", "AlreadyExists", Then.DONE, id="exists, Kubernetes"),
        pytest.param(404, "NOT_FOUND", "Not found: projects/P/locations/L/clusters/C.", "NotFound", Then.RETRY, id="not found"),
        pytest.param(403, "PERMISSION_DENIED", 'Required "container.clusters.create" permission(s) for "projects/P".', "PermissionDenied", Then.ASK, id="no permission"),
        pytest.param(403, "SERVICE_DISABLED", "Kubernetes Engine API has not been used in project 1 before or it is disabled", "PermissionDenied", Then.ASK, id="API disabled"),
        pytest.param(403, "PERMISSION_DENIED", "Kubernetes Engine API has not been used in project 1 before", "PermissionDenied", Then.ASK, id="API disabled, no ErrorInfo"),
        pytest.param(403, "", REGIONAL, "QuotaError", Then.ELSEWHERE, id="regional quota"),
        pytest.param(403, "quotaExceeded", "Quota 'GPUS_ALL_REGIONS' exceeded.  Limit: 0.0 globally.", "QuotaError", Then.ELSEWHERE, id="Compute's quota"),
        pytest.param(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Reads' and limit 'Reads per minute'", "TransientError", Then.RETRY, id="rate"),
        pytest.param(403, "rateLimitExceeded", "Rate Limit Exceeded", "TransientError", Then.RETRY, id="Compute's rate"),
        pytest.param(429, "RESOURCE_EXHAUSTED", "ZONE_RESOURCE_POOL_EXHAUSTED: no L4 in us-central1-a", "CapacityError", Then.ELSEWHERE, id="stock-out"),
        pytest.param(400, "INVALID_ARGUMENT", "Autopilot clusters must be regional clusters", "Refused", Then.GIVE_UP, id="bad field"),
        pytest.param(400, "FAILED_PRECONDITION", "Cluster is running incompatible operation operation-1-a.", "Refused", Then.RETRY, id="another operation runs"),
        pytest.param(400, "FAILED_PRECONDITION", "The cluster is not in a fleet.", "Refused", Then.RETRY, id="another precondition"),
        pytest.param(400, "resourceInUseByAnotherResource", "in use", "Refused", Then.RETRY, id="address in use"),
        pytest.param(401, "UNAUTHENTICATED", "", "PermissionDenied", Then.ASK, id="no credentials"),
        pytest.param(409, "ABORTED", "try again", "Conflict", Then.RETRY, id="aborted"),
        pytest.param(410, "Expired", "", "Conflict", Then.RETRY, id="too old a resourceVersion"),
        pytest.param(422, "Invalid", "spec.x: Required", "Refused", Then.GIVE_UP, id="schema"),
        pytest.param(503, "UNAVAILABLE", "", "TransientError", Then.RETRY, id="unavailable"),
        pytest.param(504, "DEADLINE_EXCEEDED", "", "Unreachable", Then.RETRY, id="deadline"),
        pytest.param(499, "CANCELLED", "", "Unreachable", Then.RETRY, id="cancelled"),
        pytest.param(500, "INTERNAL", "", "TransientError", Then.RETRY, id="internal"),
        pytest.param(500, "DATA_LOSS", "", "TransientError", Then.ASK, id="data loss"),
        pytest.param(501, "UNIMPLEMENTED", "", "Refused", Then.GIVE_UP, id="unimplemented"),
        pytest.param(0, "", "connection refused", "Unreachable", Then.RETRY, id="silence"),
        pytest.param(418, "TEAPOT", "short and stout", "Refused", Then.GIVE_UP, id="unknown 4xx"),
        pytest.param(599, "", "", "TransientError", Then.RETRY, id="unknown 5xx"),
        pytest.param(302, "", "", "TransientError", Then.RETRY, id="no error at all"),
    ],
)  # fmt: skip
def test_every_answer_of_the_reference_has_its_reaction(status, reason, message, error, then):
    made = translate(Failure(doing="doing it", status=status, reason=reason, message=message))
    assert (type(made).__name__, reaction_to(made).then) == (error, then)


def test_no_status_and_no_reason_is_without_a_reaction():
    for status in range(1000):
        row = row_of(status, ("NEVER_SEEN",), "never heard")
        assert issubclass(getattr(errors, row.error), AtlasError)
        assert row.what_next


def test_every_row_can_be_reached():
    """A row behind a wider one would be dead words."""
    reached = set()
    for row in TABLE:
        for status in row.status or (200, 429):
            for reason in row.reasons or ("",):
                text = {"": ""}.get(
                    row.says, row.says.partition("|")[0].replace(".*(in progress", " in progress")
                )
                reached.add(TABLE.index(row_of(status, (reason,), text)))
    assert reached == set(range(len(TABLE)))


def test_every_error_of_the_gateways_has_a_reaction_without_an_answer():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, AtlasError)]
    assert {k.__name__ for k in kinds} == set(OWN)
    assert all(reaction_to(kind("it failed.")).error in {kind.__name__, "AlreadyExists"} for kind in kinds)


class UnheardError(TransientError): ...


def test_an_error_of_a_new_kind_takes_its_parent_s():
    assert reaction_to(UnheardError("new.")) is OWN["TransientError"]


def test_the_page_is_what_the_table_makes():
    held = errors_table.OUT.read_text(encoding="utf-8")
    assert held == errors_table.text(), "write it anew: .venv/bin/python -m tools.errors_table"


def test_the_reason_of_error_info_and_the_wait_that_is_asked_for_reach_the_table():
    answer = requests.Response()
    answer.status_code, answer.headers["Retry-After"] = 429, "7"
    with pytest.raises(TransientError) as told, connect.google_errors("listing clusters"):
        raise exceptions.TooManyRequests("slow down", response=answer)
    assert told.value.retry_after == 7.0
    disabled = exceptions.Forbidden("disabled", error_info=_Info())
    with pytest.raises(AtlasError) as refused, connect.google_errors("listing clusters"):
        raise disabled
    assert reaction_to(refused.value).what_next.startswith("Enable the API")


class _Info:
    reason, domain, metadata = "SERVICE_DISABLED", "googleapis.com", {}
