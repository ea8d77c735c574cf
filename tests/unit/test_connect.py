"""A token endpoint that is silent costs every caller seconds, and together not more than one of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.auth.credentials import Credentials

from lib.gateways import connect
from lib.gateways.errors import Unreachable
from lib.settings import Settings

CALLERS = 8


class Account(Credentials):
    """It asks as Google's own do, at whatever address it is given."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.asked = url, 0
        self.come, self.all_there = set[int](), threading.Barrier(CALLERS)

    @property
    def valid(self) -> bool:
        if threading.get_ident() not in self.come:
            self.come.add(threading.get_ident())
            self.all_there.wait(timeout=20)  # nobody asks before all want to
        return False

    def refresh(self, request: Any) -> None:
        self.asked += 1
        request(url=self.url, method="POST", body=b"", headers={})


@pytest.fixture
def silent() -> Iterator[str]:
    """It takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=CALLERS) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/token"


def test_callers_of_a_silent_token_endpoint_fail_together_and_soon(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, settings = (
        Account(silent),
        Settings(target="cloud", project="p", delivery_url="https://git.invalid/x"),
    )
    monkeypatch.setattr(connect, "TOKEN_S", 0.5)
    monkeypatch.setattr(connect, "credentials", lambda _: account)

    def ask(_: int) -> str:
        with pytest.raises(Unreachable, match="no answer in time") as told:
            connect.token(settings)
        return str(told.value)

    began = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        told = set(pool.map(ask, range(CALLERS)))
    assert account.asked == 1
    assert told == {"Fetching an access token failed: no answer in time."}
    assert time.monotonic() - began < connect.DEADLINE_S
