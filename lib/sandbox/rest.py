"""The REST door of the Container and Hub APIs: HTTP and JSON to verbs and back.

Not the place of any behaviour: that is in `gke` and `hub`. Compute has its own (`compute`), being plain JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox import disturbance, extras
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import Verb, enter
from lib.sandbox.world import World

_TRACK = re.compile(
    r"^/v1(?:alpha|beta)\d*/"
)  # gcloud's beta and alpha tracks ask for the same with other names


def pattern(path: str) -> re.Pattern[str]:
    """A google.api.http path template as a regular expression with named groups."""

    def group(match: re.Match[str]) -> str:
        inner = (match[2] or "*").replace("*", "[^/]+")
        return f"(?P<{match[1]}>{inner})"

    return re.compile(re.sub(r"\{(\w+)(?:=([^}]*))?\}", group, path))


class Door:
    """Finds the verb of a request among those that speak REST."""

    def __init__(self, verbs: tuple[Verb, ...]) -> None:
        self._rows = [(verb, pattern(verb.path)) for verb in verbs if verb.http]

    async def __call__(self, request: Request) -> Response:
        known = False
        asked = _TRACK.sub("/v1/", request.url.path)
        for verb, path in self._rows:
            match = path.fullmatch(asked)
            if match and verb.http == request.method:
                return await self._answer(verb, request, match.groupdict())
            known = known or bool(match)
        return no_such_path(request, status=405 if known else 404)

    async def _answer(self, verb: Verb, request: Request, names: Mapping[str, str]) -> Response:
        world: World = request.app.state.world
        try:
            await enter(
                world,
                api=verb.api,
                authorization=request.headers.get("authorization"),
                permission=verb.permission,
                writes=verb.writes,
                facts=facts(request, verb.method),
                gone=lambda: left(request),
            )
            asked = _request(verb, await request.body(), request.query_params, names)
            answer = verb.call(world, asked)
        except ApiError as e:
            return error_response(e)
        ints = "enum-encoding=int" in request.query_params.get("$alt", "")
        return _spelled(request, JSONResponse(_encoded(verb, answer, ints=ints)))


def _spelled(request: Request, answer: Response) -> Response:
    """gcloud compares the links of clusters with the address that it calls, which here is not Google's."""
    if not request.headers.get("user-agent", "").startswith("google-cloud-sdk gcloud/"):
        return answer
    world: World = request.app.state.world
    here = f'"//{world.api_address}/projects/'.encode()
    body = bytes(answer.body).replace(b'"//container.googleapis.com/projects/', here)
    return Response(body, answer.status_code, media_type="application/json")


def no_such_path(request: Request, *, status: int = 404) -> Response:
    """For what no API here has. Its sentence says which path that was."""
    what = "was not found" if status == 404 else f"does not take {request.method}"
    message = f"The requested URL {request.url.path} {what} on this server."
    return JSONResponse({"error": {"code": status, "message": message, "status": "NOT_FOUND"}}, status)


def facts(request: Request, method: str) -> dict[str, str]:
    """What a fault may ask about a call."""
    return {"method": method, "region": disturbance.place_of(request.url.path)}


async def left(request: Request) -> None:
    """Returns when the client has gone."""
    await request.body()  # read first, and kept: what is received from now on is not the body
    while (await request.receive())["type"] != "http.disconnect":
        pass


def error_response(error: ApiError) -> Response:
    headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else {}
    if error.code == "UNAUTHENTICATED":
        headers["www-authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return JSONResponse(error.body(), error.http_status, headers)


def _request(verb: Verb, body: bytes, query: Mapping[str, str], names: Mapping[str, str]) -> Document:
    """The request message as JSON, whichever of body, query and path its fields came in."""
    given = _given(verb, body) if verb.body and body else {}
    message = verb.request()
    # "$alt" and "alt" are of the protocol; what the message doesn't know is dropped, as newer clients may send it.
    asked = {key: _from_query(key, value) for key, value in query.items() if not key.startswith("$")}
    try:
        json_format.ParseDict({**given, **asked, **names}, message, ignore_unknown_fields=True)
    except json_format.ParseError as e:
        raise _unreadable(str(e)) from e
    return extras.merged(json_format.MessageToDict(message), extras.of(given, verb.request.DESCRIPTOR))


def _given(verb: Verb, body: bytes) -> Document:
    try:
        found = json.loads(body)
    except ValueError as e:
        raise _unreadable(str(e)) from e
    if not isinstance(found, dict):
        raise _unreadable("An object is expected.")
    given = found if verb.body == "*" else {verb.body: found}
    if verb.api == "container":
        extras.refuse(given, verb.request())
    return given


def _unreadable(what: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received. {what}", reason="badRequest")


def _from_query(key: str, value: str) -> Any:
    if key == "updateMask":  # clients spell its paths both ways; JSON knows lowerCamelCase only
        return re.sub(r"_([a-z])", lambda m: m[1].upper(), value)
    return {"true": True, "True": True, "false": False, "False": False}.get(value, value)


def _encoded(verb: Verb, answer: Document, *, ints: bool) -> Any:
    # Clients read what an operation made with care: no field there that Google's types don't have.
    typed = verb.response.DESCRIPTOR.full_name == "google.longrunning.Operation"
    if not ints and not typed:
        return answer
    message = json_format.ParseDict(answer, verb.response(), ignore_unknown_fields=True)
    return json_format.MessageToDict(message, use_integers_for_enums=ints)
