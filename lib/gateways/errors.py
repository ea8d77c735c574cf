"""Every error that leaves a gateway. Each one's text is one sentence for the operator.

    AtlasError
      NotFound            AlreadyExists       Conflict (somebody wrote in between; read again)
      Refused             the request itself is wrong; `field` is the path of what is wrong
      PermissionDenied    QuotaError          CapacityError (no hardware there now)
      TransientError      try again after `retry_after` seconds
      Unreachable         no answer, or not in time: nothing is known
      JournalError        DeliveryError

Clients' own exceptions are described as a `Failure` where they are caught and translated here, by the table of
`lib.fleet.failures`.
This imports no client, so that every process can name these errors for free.
"""

from __future__ import annotations

from dataclasses import dataclass

from lib.fleet.failures import Row, row_of


class AtlasError(Exception):
    """Base; str() is one sentence. `row` is what to do about the answer that led to it; None when none did."""

    row: Row | None = None


class NotFound(AtlasError): ...  # noqa: N818 - named as the APIs name it, as all below


class AlreadyExists(AtlasError): ...  # noqa: N818


class Conflict(AtlasError): ...  # noqa: N818


class Refused(AtlasError):  # noqa: N818
    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class PermissionDenied(AtlasError): ...  # noqa: N818


class QuotaError(AtlasError): ...


class CapacityError(AtlasError): ...


class TransientError(AtlasError):
    def __init__(self, sentence: str, *, retry_after: float = 1.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unreachable(AtlasError): ...  # noqa: N818


class JournalError(AtlasError): ...


class DeliveryError(AtlasError): ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a client's exception said. `status` is the HTTP status; 0 when there was no answer."""

    doing: str  # "creating cluster atlas-us-east1"
    status: int = 0
    reason: str = ""  # the most telling one: of ErrorInfo, Compute, Kubernetes; else the canonical code
    canonical: str = ""  # ALREADY_EXISTS, FAILED_PRECONDITION, ...
    message: str = ""
    field: str = ""
    retry_after: float | None = None


_SILENCES = {
    "TimeoutError": "no answer in time",
    "TimeoutException": "no answer in time",
    "ReadTimeoutError": "no answer in time",
    "ConnectTimeoutError": "no connection in time",
    "ConnectionRefusedError": "connection refused",
    "NewConnectionError": "connection refused",
    "SSLCertVerificationError": "its certificate is not trusted",
    "gaierror": "its name can't be resolved",
    "SSLError": "the connection broke",
    "ProtocolError": "the connection broke",
    "ConnectionError": "the connection broke",
    "HangupException": "the connection broke",
}
_NESTED = 10


def silence(e: BaseException) -> str:
    """Why no answer came, in an operator's words and never an exception's name. Clients wrap what happened in
    several exceptions; the innermost one knows."""
    chain = [e]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < _NESTED:
        chain.append(inner)
    for one in reversed(chain):
        for kind in type(one).__mro__:
            if told := _SILENCES.get(kind.__name__):
                return told
    said = getattr(chain[-1], "strerror", None) or next(iter(chain[-1].args), "")
    return " ".join(str(said).split())[:200].rstrip(".") or "no answer"


_CLASSES: dict[str, type[AtlasError]] = {
    kind.__name__: kind
    for kind in (
        AlreadyExists,
        CapacityError,
        Conflict,
        NotFound,
        PermissionDenied,
        QuotaError,
        Refused,
        TransientError,
        Unreachable,
    )
}


def translate(failure: Failure) -> AtlasError:
    """The error to raise for a failure, with its row of the table; never raises itself."""
    row = row_of(failure.status, (failure.reason, failure.canonical), failure.message)
    error = _error(_CLASSES[row.error], failure)
    error.row = row
    return error


def _error(kind: type[AtlasError], failure: Failure) -> AtlasError:
    sentence = _sentence(failure)
    if kind is Refused:
        return Refused(sentence, field=failure.field)
    if kind is TransientError:
        return TransientError(sentence, retry_after=failure.retry_after or 1.0)
    return kind(sentence)


def _sentence(failure: Failure) -> str:
    said = " ".join(failure.message.split()) or failure.reason or "no answer"
    if failure.field and failure.field not in said:
        said = f"{failure.field}: {said}"
    return f"{failure.doing[:1].upper()}{failure.doing[1:]} failed: {said.rstrip('.')}."
