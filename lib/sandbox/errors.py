"""Errors of the sandbox's Google APIs, made once and spoken by both front doors (REST and gRPC).

    ApiError        canonical code, message, details, as google.rpc.Status has them

Kubernetes' own errors are Status objects and live in `kube.errors`.
"""

from __future__ import annotations

from typing import Any

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class ApiError(Exception):
    """`code` is a canonical code name of google.rpc.Code; `reason` is Compute's errors[].reason."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str = "",
        details: list[dict[str, Any]] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.reason = code, message, reason
        self.details, self.retry_after_s = details or [], retry_after_s

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.code]

    def body(self) -> dict[str, Any]:
        """The REST error body of Google APIs."""
        error: dict[str, Any] = {"code": self.http_status, "message": self.message, "status": self.code}
        if self.reason:
            error["errors"] = [{"message": self.message, "domain": "global", "reason": self.reason}]
        if self.details:
            error["details"] = self.details
        return {"error": error}
