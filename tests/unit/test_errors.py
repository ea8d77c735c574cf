"""Silence in an operator's words: what clients wrap three times over is said once, without an exception's name."""

from __future__ import annotations

import socket
import ssl

import grpc
import pytest
import requests
import urllib3
from google.api_core import exceptions

from lib.fleet import words
from lib.gateways import connect, hub
from lib.gateways.errors import AtlasError, TransientError, Unreachable, silence


def raised(*chain: BaseException) -> BaseException:
    """As clients raise it: each one from the one before, the innermost first."""
    held: BaseException | None = None
    for one in chain:
        one.__cause__, held = held, one
    assert held is not None
    return held


REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(
            raised(TimeoutError("_ssl.c:989: The handshake operation timed out"), requests.ConnectionError()),
            "no answer in time",
            id="a handshake that hangs",
        ),
        pytest.param(
            raised(
                REFUSED, urllib3.exceptions.HTTPError("HTTPSConnectionPool(...)"), requests.ConnectionError()
            ),
            "connection refused",
            id="nobody listens",
        ),
        pytest.param(
            raised(
                ssl.SSLCertVerificationError(1, "self-signed certificate"), requests.exceptions.SSLError()
            ),
            "its certificate is not trusted",
            id="a foreign certificate",
        ),
        pytest.param(
            raised(socket.gaierror(-2, "Name or service not known"), requests.ConnectionError()),
            "its name can't be resolved",
            id="no such host",
        ),
        pytest.param(
            raised(ConnectionResetError(104, "Connection reset by peer"), urllib3.exceptions.ProtocolError()),
            "the connection broke",
            id="hung up on",
        ),
        pytest.param(
            ValueError("No key could be  detected."), "No key could be detected", id="its own words"
        ),
        pytest.param(ValueError(), "no answer", id="no words at all"),
    ],
)
def test_a_silence_is_told_without_the_name_of_an_exception(error, told):
    assert silence(error) == told


def test_the_code_of_a_sync_error_is_not_told_twice():
    error = hub.sync_error("2004", "KNV2004: unable to sync repo")
    assert (error.code, error.message) == ("KNV2004", "unable to sync repo")


@pytest.mark.parametrize(
    ("region", "sentence", "told"),
    [
        ("us-east1", "us-east1 is pinned.", "us-east1 is pinned."),
        ("us-east1", "The budget is spent.", "us-east1: The budget is spent."),
        ("", "The budget is spent.", "The budget is spent."),
    ],
)
def test_a_region_is_named_once(region, sentence, told):
    assert words.about(region, sentence) == told


class _Gone(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("failed to connect to all addresses; last error: Connection refused", Unreachable),
        ("Stream removed (Socket closed)", Unreachable),
        ("Socket closed", Unreachable),
        ("GOAWAY received", Unreachable),
        ("The service is currently unavailable.", TransientError),
    ],
)
def test_grpc_that_lost_its_connection_has_no_answer(message: str, kind: type[AtlasError]):
    with pytest.raises(AtlasError) as told, connect.google_errors("listing clusters"):
        raise exceptions.ServiceUnavailable(message, errors=(_Gone(),))
    assert type(told.value) is kind
