"""Several Compute calls in one: multipart/mixed in and out, as Google's batch endpoint takes them.

gcloud sends so whatever takes more than one request, for example `get-health` of a backend service in two zones. Each
part is a call of its own: one that fails does not fail the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from email.message import Message
from email.parser import BytesParser, Parser
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message as Event

from lib.sandbox.compute import invalid
from lib.sandbox.errors import ApiError
from lib.sandbox.rest import error_response

MOST = 1000  # calls in one batch
Serve = Callable[[Request], Awaitable[Response]]


async def serve(request: Request, call: Serve) -> Response:
    """Answer each part by `call`, in their order."""
    try:
        parts = _parts(request.headers.get("content-type", ""), await request.body())
    except ApiError as e:
        return error_response(e)
    boundary = f"batch_{uuid.uuid4().hex}"
    told = [_told(part.get("Content-ID", ""), await call(_request(request, part))) for part in parts]
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), one) for one in told)
    content_type = f"multipart/mixed; boundary={boundary}"
    return Response(body + b"--%s--\r\n" % boundary.encode(), headers={"content-type": content_type})


def _parts(content_type: str, body: bytes) -> list[Message]:
    whole = BytesParser().parsebytes(b"content-type: %s\r\n\r\n%s" % (content_type.encode(), body))
    parts = whole.get_payload()
    if not whole.is_multipart() or not isinstance(parts, list):
        raise invalid("Failed to parse batch request, error: the body is not multipart/mixed.")
    if len(parts) > MOST:
        raise invalid(f"The batch request has {len(parts)} calls; at most {MOST} are taken.")
    found = [part for part in parts if isinstance(part, Message)]
    if not all(len(line := _line(part)) == 3 and line[2].startswith("HTTP/") for part in found):
        raise invalid("Failed to parse batch request, error: a part has no HTTP request line.")
    return found


def _line(part: Message) -> list[str]:
    return str(part.get_payload()).partition("\n")[0].split()


def _request(outer: Request, part: Message) -> Request:
    """The call inside a part. Who calls is told by the part or, when it says nothing, by the batch."""
    method, target, _ = _line(part)
    inner = Parser().parsestr(str(part.get_payload()).partition("\n")[2])
    headers = {name.lower(): value for name, value in inner.items()}
    headers.setdefault("authorization", outer.headers.get("authorization", ""))
    url = urlsplit(target)
    body = str(inner.get_payload()).strip().encode()

    rest: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Event:
        return rest.pop() if rest else await outer.receive()

    scope = {
        **outer.scope,
        "method": method,
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
    }
    return Request(scope, receive)


def _told(content_id: str, answer: Response) -> bytes:
    """One part of the answer; its id is the call's with "response-" before it."""
    reason = HTTPStatus(answer.status_code).phrase if answer.status_code != 499 else "Client Closed Request"
    head = [
        "Content-Type: application/http",
        f"Content-ID: {content_id.replace('<', '<response-', 1)}",
        "",
        f"HTTP/1.1 {answer.status_code} {reason}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        "",
        "",
    ]
    return "\r\n".join(head).encode() + bytes(answer.body)
