"""Errors of the sandbox's Kubernetes APIs: Status objects with code, reason and details, as an API server words them.

Not for Google's APIs: those speak google.rpc.Status and live in `lib.sandbox.errors`.

    StatusError     everything below raises it; `body()` is the Status object, `code` the HTTP status
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib.sandbox.errors import HTTP_STATUS

if TYPE_CHECKING:
    from lib.sandbox.kube.resources import Resource


class StatusError(Exception):
    """One refusal of a Kubernetes API server."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details = details or {}

    def body(self) -> dict[str, Any]:
        """The `Status` object that a client decodes."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def _details(resource: Resource, name: str) -> dict[str, Any]:
    return {"name": name, "group": resource.group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> StatusError:
    return StatusError(
        404, "NotFound", f'{resource.key} "{name}" not found', details=_details(resource, name)
    )


def no_such_path() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> StatusError:
    message = f'{resource.key} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details=_details(resource, name))


def conflict(resource: Resource, name: str, text: str = "") -> StatusError:
    text = (
        text or "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {resource.key} "{name}": {text}'
    return StatusError(409, "Conflict", message, details=_details(resource, name))


def invalid(resource: Resource, name: str, causes: list[dict[str, str]]) -> StatusError:
    """`causes` hold reason, message and field, as meta/v1 StatusCause does."""
    texts = [f"{c['field']}: {c['message']}" for c in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": causes}
    return StatusError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details=details)


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, *, user: str, verb: str, namespace: str) -> StatusError:
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    message = (
        f'{resource.key}{f" {chr(34)}{name}{chr(34)}" if name else ""} is forbidden: User "{user}" cannot {verb} '
        f'resource "{resource.plural}" in API group "{resource.group}"{where}'
    )
    return StatusError(403, "Forbidden", message, details=_details(resource, name))


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def unavailable(message: str) -> StatusError:
    """Without Retry-After: clients would wait for it, and a dead control plane says nothing at all."""
    return StatusError(503, "ServiceUnavailable", message)


def disturbed(code: str) -> StatusError:
    """A failure by a fault, as an API server words one of that canonical code."""
    status, later = HTTP_STATUS[code], {"retryAfterSeconds": 1}
    by_code = {
        429: StatusError(429, "TooManyRequests", "Too many requests, please try again later.", details=later),
        500: StatusError(
            500,
            "InternalError",
            "Internal error occurred: the request could not be served",
            details={"causes": [{"message": "the request could not be served"}]},
        ),
        503: StatusError(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
            details=later,
        ),
        504: StatusError(
            504,
            "Timeout",
            "Timeout: request did not complete within requested timeout - context deadline exceeded",
        ),
    }
    reasons = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict"}
    return by_code.get(status) or StatusError(status, reasons.get(status, "Unknown"), "the request failed")


def unsupported_media_type(found: str, accepted: str) -> StatusError:
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        f" (got {found or 'none'})"
    )
    return StatusError(415, "UnsupportedMediaType", message)


def method_not_allowed() -> StatusError:
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )
