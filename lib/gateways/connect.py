"""How calls get to Google's APIs: credentials, TLS roots, channels and sessions, all from `Settings` values.

Light on purpose (google.auth and requests only): the dashboard needs it to find the config cluster. gRPC and
the Google clients are imported in the functions that need them. No retries: the loop looks again anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import google.auth
import google.auth.exceptions
import requests
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account

from lib.gateways import calls
from lib.gateways.errors import AtlasError, Failure, Unreachable, silence, translate
from lib.settings import Endpoints, Settings, SettingsError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
DEADLINE_S = 10.0
TOKEN_S = 5.0
POOL_SIZE = 72  # a session is shared by as many threads as groups are asked for their health at once

C = TypeVar("C")
_refreshing = threading.Lock()
_failed: dict[Credentials, tuple[float, str]] = {}  # when a token was last not had, and why


def endpoints(settings: Settings) -> Endpoints:
    """The endpoints; Unreachable while the target has not said where it listens."""
    try:
        return settings.endpoints
    except SettingsError as e:
        raise Unreachable(str(e)) from e


def credentials(settings: Settings) -> Credentials:
    return _credentials(endpoints(settings).credentials_file)


@lru_cache(maxsize=8)
def _credentials(file: Path | None) -> Credentials:
    """One per process and file, so that an access token is fetched once an hour and not per client."""
    try:
        # A named file is a service account's key and nothing else: other kinds could send tokens anywhere.
        if file:
            return service_account.Credentials.from_service_account_file(str(file), scopes=SCOPES)
        return google.auth.default(scopes=SCOPES)[0]
    except google.auth.exceptions.DefaultCredentialsError as e:
        if file is None and "not found" in str(e):
            raise Unreachable(
                "No Google credentials were found; run gcloud auth application-default login, or set "
                "GOOGLE_APPLICATION_CREDENTIALS to a key file."
            ) from e
        raise Unreachable(f"The Google credentials can't be used: {silence(e)}.") from e
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as e:
        raise Unreachable(f"The Google credentials can't be used: {silence(e)}.") from e


def auth_request(settings: Settings) -> Request:
    """For token fetches: the token endpoint is verified with the same CA as the APIs."""
    return _auth_request(endpoints(settings).ca_file)


class _Prompt(Request):
    """Google's own gives the token endpoint two minutes, and whoever needs a token waits for that."""

    def __call__(self, *args: Any, **more: Any) -> Any:
        return super().__call__(*args, **{**more, "timeout": TOKEN_S})


@lru_cache(maxsize=8)
def _auth_request(ca_file: Path | None) -> Request:
    return _Prompt(session=_plain_session(ca_file))


def _plain_session(ca_file: Path | None) -> requests.Session:
    session = requests.Session()
    session.verify = str(ca_file) if ca_file else True
    session.trust_env = ca_file is None  # a proxy or REQUESTS_CA_BUNDLE must not get between us and loopback
    return session


def token(settings: Settings) -> str:
    """A valid access token, as Kubernetes APIs want it."""
    held = credentials(settings)
    if not held.valid:  # asked before each call by all threads at once, which must not queue for the lock
        asked = time.monotonic()
        with _refreshing:
            if not held.valid:
                _refresh(held, settings, asked)
    return str(held.token)


def _refresh(held: Credentials, settings: Settings, asked: float) -> None:
    """Whoever waited while another one's try failed fails with it, or the last of many would wait for all of them."""
    when, error = _failed.get(held, (float("-inf"), ""))
    if when > asked:
        raise Unreachable(error)
    try:
        with google_errors("fetching an access token"):
            held.refresh(auth_request(settings))
    except AtlasError as e:
        _failed[held] = time.monotonic(), str(e)
        raise


def session(settings: Settings) -> AuthorizedSession:
    """A requests session that authenticates itself; give it `timeout=` at each call."""
    return _told(AuthorizedSession(credentials(settings), auth_request=auth_request(settings)), settings)


def _told(made: AuthorizedSession, settings: Settings) -> AuthorizedSession:
    ca_file = endpoints(settings).ca_file
    made.verify = str(ca_file) if ca_file else True
    made.trust_env = ca_file is None
    made.mount("https://", calls.CountingAdapter(pool_maxsize=POOL_SIZE, pool_connections=POOL_SIZE))
    return made


def grpc_client(settings: Settings, client: type[C], address: str | None) -> C:
    """A Google client over gRPC: its own default, or the same client on a channel to `address`."""
    make: Any = client
    import grpc

    ca_file = endpoints(settings).ca_file
    roots = ca_file.read_bytes() if ca_file else None
    channel = grpc.secure_channel(
        address or f"{make.DEFAULT_ENDPOINT}:443",
        grpc.ssl_channel_credentials(root_certificates=roots),
        options=[
            ("grpc.max_receive_message_length", -1),
            *([("grpc.enable_http_proxy", 0)] if ca_file else []),
            ("grpc.max_reconnect_backoff_ms", 2_000),
        ],
    )
    counting = calls.counting_channel(channel, lambda: _headers(settings))
    return make(transport=make.get_transport_class("grpc")(channel=counting))


def _headers(settings: Settings) -> dict[str, str]:
    """What Google's credentials put on a request: the token, and the project that pays where there is one."""
    token(settings)
    found: dict[str, str] = {}
    credentials(settings).before_request(auth_request(settings), "POST", "", found)
    return found


def rest_client(settings: Settings, client: type[C], address: str | None) -> C:
    """A Google client over REST: its own default, or the same client on `address`."""
    make: Any = client
    host = address or make.DEFAULT_ENDPOINT
    transport = make.get_transport_class("rest")(host=host, credentials=credentials(settings))
    # The transport takes no CA and no session; the one it made has to be told.
    _told(transport._session, settings)._auth_request = auth_request(settings)
    return make(transport=transport)


_NOBODY = ("connect", "socket closed", "stream removed", "goaway")


@contextmanager
def google_errors(doing: str) -> Iterator[None]:
    """Translate what Google clients and requests raise."""
    import google.api_core.exceptions as api

    try:
        yield
    except AtlasError:
        raise
    except api.RetryError as e:
        raise translate(Failure(doing=doing, status=0, message=str(e.message))) from e
    except api.GoogleAPICallError as e:
        raise translate(_failure(doing, e)) from e
    except (google.auth.exceptions.GoogleAuthError, requests.RequestException, OSError) as e:
        raise translate(Failure(doing=doing, status=0, message=silence(e))) from e


def _failure(doing: str, e: Any) -> Failure:
    canonical = getattr(e.grpc_status_code, "name", "") if e.grpc_status_code else ""
    reasons = [str(error.get("reason", "")) for error in e.errors if isinstance(error, dict)]
    status, message = int(e.code or 0), e.message
    # gRPC's own UNAVAILABLE: it could not connect, with every address it tried, or the connection went in the middle.
    if canonical == "UNAVAILABLE" and any(mark in message.lower() for mark in _NOBODY):
        status, message = 0, "connection refused" if "refused" in message else "no connection"
    if "Already exists" in e.message or "already exists" in e.message:
        canonical = "ALREADY_EXISTS"
    info = str(getattr(e, "reason", None) or "")  # of google.rpc.ErrorInfo: SERVICE_DISABLED, ...
    told = next(iter(r for r in (*reasons, info, canonical) if r), "")
    return Failure(
        doing=doing,
        status=status,
        reason=told,
        canonical=canonical,
        message=message,
        retry_after=_retry_after(e),
    )


def _retry_after(e: Any) -> float | None:
    """Seconds that the answer asks for: google.rpc.RetryInfo, or the header of an HTTP answer."""
    for detail in getattr(e, "details", None) or ():
        delay = getattr(detail, "retry_delay", None)
        if delay is not None:
            return float(delay.seconds) + float(delay.nanos) / 1e9
    headers = getattr(getattr(e, "response", None), "headers", None) or {}
    after = str(headers.get("Retry-After", "")) if hasattr(headers, "get") else ""
    return float(after) if after.isdigit() else None
