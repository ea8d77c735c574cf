"""What the load balancer itself says when no backend's answer can be passed on.

Google's classic external load balancer (EXTERNAL) has its own HTML page; the Envoy-based one (EXTERNAL_MANAGED) says it
in one line and calls a missing backend 503. The names of the failures are those of the request log's statusDetails.
"""

from __future__ import annotations

from enum import StrEnum

from starlette.responses import HTMLResponse, PlainTextResponse, Response

MANAGED = "EXTERNAL_MANAGED"


class Failure(StrEnum):
    NO_BACKEND = "failed_to_pick_backend"
    NO_CONNECTION = "failed_to_connect_to_backend"
    CLOSED = "backend_connection_closed_before_data_sent_to_client"
    TIMEOUT = "backend_timeout"


_CLASSIC = {Failure.NO_BACKEND: 502, Failure.NO_CONNECTION: 502, Failure.CLOSED: 502, Failure.TIMEOUT: 504}
_RESET = "upstream connect error or disconnect/reset before headers. reset reason: "
_ENVOY = {
    Failure.NO_BACKEND: (503, "no healthy upstream"),
    Failure.NO_CONNECTION: (503, f"{_RESET}connection failure"),
    Failure.CLOSED: (502, f"{_RESET}connection termination"),
    Failure.TIMEOUT: (504, "upstream request timeout"),
}
_PAGES = {
    413: ("Request Entity Too Large", "Your client issued a request that was too large."),
    502: (
        "Server Error",
        "The server encountered a temporary error and could not complete your request.<p>"
        "Please try again in 30 seconds.",
    ),
    504: (
        "Server Error",
        "The server encountered an error and could not complete your request.<p>Please try again in 30 seconds.",
    ),
}


def failed(failure: Failure, scheme: str) -> Response:
    """For a backend service with this loadBalancingScheme."""
    if scheme == MANAGED:
        status, text = _ENVOY[failure]
        return PlainTextResponse(text, status)
    return page(_CLASSIC[failure])


def page(code: int) -> Response:
    """Google's own error page."""
    reason, text = _PAGES[code]
    return HTMLResponse(
        '<html><head>\n<meta http-equiv="content-type" content="text/html;charset=utf-8">\n'
        f"<title>{code} {reason}</title>\n</head>\n<body text=#000000 bgcolor=#ffffff>\n"
        f"<h1>Error: {reason}</h1>\n<h2>{text}</h2>\n<h2></h2>\n</body></html>\n",
        code,
        {"referrer-policy": "no-referrer"},
    )
